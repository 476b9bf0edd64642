//! Replies of many lines, and how each argument's ends.

use memcached2::connection::session::Session;
use memcached2::error::{Effect, Status};
use memcached2::protocol::Op;

use crate::harness::{
    ABANDONED, Cmd, Driver, Told, Way, cuts, refused, run, run_every_way, stats, value,
};

fn asked(argument: &str) -> Cmd {
    Cmd::new(Op::Stats, "").value(argument.into())
}

/// FM-56: a reply ends as the argument says and in no other way, wherever it is cut.
#[test]
fn fm56_each_argument_has_its_own_end() {
    let ends = ["END\r\n", "RESET\r\n", "OK\r\n"];
    for (argument, own) in [
        ("", 0),
        ("settings", 0),
        ("items", 0),
        ("resets", 0),
        ("reset", 1),
        ("reset now", 1),
        ("detail on", 2),
        ("detail off", 2),
    ] {
        for (number, end) in ends.iter().enumerate() {
            for lines in ["", "STAT a 1\r\n"] {
                let reply = format!("{lines}{end}");
                let report = run_every_way(&[asked(argument)], reply.as_bytes());
                let told = match lines {
                    "" => stats(&[]),
                    _ => stats(&[("a", "1")]),
                };
                let right = number == own && (lines.is_empty() || number == 0);
                let expected = if right { told } else { ABANDONED };
                assert_eq!(report.told, [expected], "{argument}: {reply:?}");
                assert_eq!((report.in_step, report.broken), (right, !right));
            }
        }
    }
}

/// FM-13, FM-92: until the last byte has come there is no answer.
#[test]
fn fm13_fm92_a_reply_cut_at_every_byte() {
    let reply = b"STAT pid 1\r\nSTAT version 1.6.18\r\nSTAT inter\r\nEND\r\n";
    for way in Way::ALL {
        for at in 0..reply.len() {
            let report = run(&[asked("")], way, [&reply[..at]]);
            assert_eq!(report.told, [ABANDONED], "{at}");
            assert!(!report.in_step && !report.broken, "{at}");
        }
        let report = run(&[asked("")], way, [&reply[..]]);
        assert!(
            report.in_step && matches!(&report.told[0], Told::Stats(lines) if lines.len() == 3)
        );
    }
}

/// Behind statistics an error is the answer, and nothing behind it is believed.
#[test]
fn a_refusal_among_the_lines() {
    let reply = b"STAT pid 1\r\nSERVER_ERROR out of memory writing stats\r\n";
    for next in ["", "END\r\n", "STAT a 1\r\nEND\r\n"] {
        let reply = [&reply[..], next.as_bytes()].concat();
        let report = run_every_way(&[asked("")], &reply);
        let text = "out of memory writing stats";
        let expected = refused(Status::OUT_OF_MEMORY, Effect::None, text);
        assert_eq!(report.told, [expected]);
        assert!(report.broken);
    }
    let report = run_every_way(&[asked("")], b"SERVER_ERROR out of memory\r\n");
    assert!(report.in_step, "it was the whole reply");
}

/// Lines in their hundreds of thousands stay lines of one answer; the commands behind have theirs.
#[test]
fn many_lines_are_one_answer() {
    let names: Vec<_> = (0..50_000).map(|i| format!("{i}:field")).collect();
    let line = |name: &String| format!("STAT {name} {name} is its text\r\n");
    let reply: String = names.iter().map(line).collect();
    let reply = reply + "END\r\nVALUE key 0 1\r\nx\r\nEND\r\n";
    let expected: Vec<_> = names
        .iter()
        .map(|name| {
            (
                name.clone().into_bytes(),
                format!("{name} is its text").into_bytes(),
            )
        })
        .collect();
    for way in Way::ALL {
        let cmds = [asked("slabs"), Cmd::new(Op::Get, "key")];
        for size in [1000, 4096, 100_003, reply.len()] {
            let report = run(&cmds, way, reply.as_bytes().chunks(size));
            assert!(report.in_step, "{way:?} {size}");
            assert!(
                report.told[0] == Told::Stats(expected.clone()),
                "{way:?} {size}"
            );
            assert_eq!(report.told[1], value("x"));
        }
    }
}

/// FM-24: statistics without an end take no more memory than a value may.
#[test]
fn fm24_lines_without_an_end() {
    const LIMIT: usize = 100_000;
    let line = b"STAT name and its text\r\n";
    for way in Way::ALL {
        let cmds = [asked("")];
        let mut driver = Driver::again(Session::new(LIMIT), way, &cmds);
        driver.send_all();
        let mut n = 0;
        while driver.session.broken().is_none() {
            assert!(n * line.len() <= LIMIT, "more than the limit was believed");
            driver.receive(line);
            n += 1;
        }
        assert_eq!(n, LIMIT / line.len() + 1);
        assert_eq!(driver.finish().1.told, [ABANDONED]);
    }
}

/// The limit is that of one reply: the next one begins anew.
#[test]
fn the_limit_is_of_each_reply() {
    let line = "STAT name and its text\r\n".repeat(3000) + "END\r\n";
    let cmds: Vec<_> = (0..4).map(|_| asked("")).collect();
    let mut driver = Driver::again(Session::new(line.len() + 10), Way::of(false, true), &cmds);
    driver.send_all();
    driver.receive(line.repeat(4).as_bytes());
    let (_, report) = driver.finish();
    assert!(report.in_step);
}

/// FM-56: lines of statistics are no part of another command's reply.
#[test]
fn fm56_statistics_that_nobody_asked_for() {
    let reply = b"STAT pid 1\r\nEND\r\n";
    for op in Op::ALL.into_iter().filter(|op| *op != Op::Stats) {
        for at in cuts(reply.len()) {
            let pieces = [&reply[..at], &reply[at..]];
            let report = run(&[Cmd::new(op, "key")], Way::default(), pieces);
            assert_eq!(report.told, [ABANDONED], "{op:?}");
            assert!(report.broken, "{op:?}");
        }
    }
    // A value has come before: it is not proved by an end that belongs to statistics.
    let reply = b"VALUE key 0 1\r\nx\r\nSTAT pid 1\r\nEND\r\n";
    let report = run_every_way(&[Cmd::new(Op::Get, "key")], reply);
    assert_eq!(report.told, [ABANDONED]);
    assert!(report.broken);
}
