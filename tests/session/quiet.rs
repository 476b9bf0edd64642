//! Quiet commands: their replies come ahead of the next command's, and failures are counted.

use memcached2::connection::session::{QUIET_MAX, Session};
use memcached2::error::{Effect, Status};
use memcached2::protocol::Op;

use crate::harness::{ABANDONED, Cmd, Driver, MAX_VALUE, Report, Told, Way, refused, run, value};

const QUIET: [Op; 9] = [
    Op::Set,
    Op::Add,
    Op::Replace,
    Op::Append,
    Op::Prepend,
    Op::Delete,
    Op::Touch,
    Op::Incr,
    Op::FlushAll,
];

/// `quiet` is sent, and is in step although nothing has come.
fn quietly(quiet: &[Cmd], way: Way) -> Session {
    let mut driver = Driver::new(way, quiet);
    driver.send_all();
    let (session, report) = driver.finish();
    assert!(report.in_step);
    session
}

/// After quiet commands, `cmd` is sent and `reply` comes, in pieces of every size.
fn then(quiet: &[Cmd], cmd: &Cmd, reply: &[u8]) -> Report {
    let cmds = std::slice::from_ref(cmd);
    let mut first = None;
    for way in Way::ALL {
        for size in 1..=reply.len() {
            let session = quietly(quiet, Way::default());
            assert_eq!(session.owes_quiet(), quiet.len());
            let mut driver = Driver::again(session, way, cmds);
            driver.send_all();
            reply.chunks(size).for_each(|piece| driver.receive(piece));
            let (session, report) = driver.finish();
            assert!(!report.in_step || session.owes_quiet() == 0);
            match &first {
                None => first = Some(report),
                Some(first) => assert_eq!(report, *first, "{way:?} {size}"),
            }
        }
    }
    first.expect("a reply")
}

/// FM-09, FM-16: the replies of quiet commands are told apart from the next command's.
#[test]
fn fm09_replies_come_ahead() {
    let get = Cmd::new(Op::Get, "a");
    for op in QUIET {
        let right = match op {
            Op::Delete => "DELETED",
            Op::Touch => "TOUCHED",
            Op::Incr => "12",
            Op::FlushAll => "OK",
            _ => "STORED",
        };
        let quiet = [Cmd::new(op, "q").quiet(), Cmd::new(op, "r").quiet()];
        let reply = format!("{right}\r\n{right}\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
        let report = then(&quiet, &get, reply.as_bytes());
        assert!(report.in_step && report.quiet_failed.is_empty(), "{op:?}");
        assert_eq!(report.told, [value("x")]);
    }
}

/// FM-09: a look at the idle connection has taken a part of a quiet command's reply. The connection is
/// as good as before: the next exchange reads the rest.
#[test]
fn fm09_a_part_was_read_before_the_next_exchange() {
    let quiet = [Cmd::new(Op::Set, "q").quiet()];
    let first = b"NOT_STORED\r\n";
    let get = [Cmd::new(Op::Get, "a")];
    for way in Way::ALL {
        for part in 1..first.len() {
            let mut idle = Driver::again(quietly(&quiet, Way::default()), Way::default(), &[]);
            idle.receive(&first[..part]);
            assert!(
                idle.session.may_begin() && !idle.session.in_step(),
                "{part}"
            );
            let mut driver = Driver::again(idle.session, way, &get);
            driver.send_all();
            driver.receive(&first[part..]);
            driver.receive(b"VALUE a 0 1\r\nx\r\nEND\r\n");
            let (_, report) = driver.finish();
            assert_eq!(report.told, [value("x")], "{way:?} {part}");
            assert_eq!(report.quiet_failed.len(), 1);
            assert!(report.in_step);
        }
    }
    // Where nothing is owed, what has come is nobody's.
    let mut idle = Driver::again(quietly(&quiet, Way::default()), Way::default(), &[]);
    idle.receive(b"STORED\r\nST");
    assert!(!idle.session.may_begin());
}

/// FM-09: every failure is told of with its status and text, and is nobody's answer.
#[test]
fn fm09_failures_are_counted() {
    let set = [Cmd::new(Op::Set, "q").quiet()];
    let delete = [Cmd::new(Op::Delete, "q").quiet()];
    let too_large = "SERVER_ERROR object too large for cache";
    let rows: [(&[Cmd], &str, Status, &str); 5] = [
        (
            &set,
            too_large,
            Status::TOO_LARGE,
            "object too large for cache",
        ),
        (&set, "NOT_STORED", Status::NOT_STORED, ""),
        (&set, "SERVER_ERROR", Status::SERVER_ERROR, ""),
        (&delete, "NOT_FOUND", Status::NOT_FOUND, ""),
        (&delete, "SERVER_ERROR down", Status::SERVER_ERROR, "down"),
    ];
    for (quiet, line, status, text) in rows {
        let failed = [(status, text.as_bytes().to_vec())];
        for (op, reply, told) in [
            (Op::Get, "END", Told::Miss(Status::NO_VALUE)),
            (Op::Set, "STORED", Told::Done),
            (
                Op::Set,
                "NOT_STORED",
                refused(Status::NOT_STORED, Effect::NotApplied, ""),
            ),
        ] {
            let reply = format!("{line}\r\n{reply}\r\n");
            let report = then(quiet, &Cmd::new(op, "a"), reply.as_bytes());
            assert_eq!(report.quiet_failed, failed, "{line} {op:?}");
            assert_eq!(report.told, [told], "{line} {op:?}");
            assert!(report.in_step);
        }
    }
}

/// FM-09, FM-11: behind a quiet command that was malformed nothing is believed, nor behind a reply
/// that it cannot have.
#[test]
fn fm09_fm11_nothing_behind_a_malformed_one() {
    let quiet = [Cmd::new(Op::Set, "q").quiet()];
    let get = Cmd::new(Op::Get, "a");
    for (line, status) in [
        ("CLIENT_ERROR bad data chunk", Status::CLIENT_ERROR),
        ("ERROR", Status::UNKNOWN_COMMAND),
        (
            "ERROR Too many open connections",
            Status::TOO_MANY_CONNECTIONS,
        ),
    ] {
        let report = then(&quiet, &get, format!("{line}\r\nEND\r\n").as_bytes());
        assert!(report.broken);
        assert_eq!(report.told, [ABANDONED], "{line}");
        assert_eq!(report.quiet_failed.len(), 1);
        assert_eq!(report.quiet_failed[0].0, status);
    }
    for line in [
        "END",
        "DELETED",
        "NOT_FOUND",
        "VALUE a 0 1\r\nx\r\nEND",
        "12",
        "stored",
    ] {
        let report = then(&quiet, &get, format!("{line}\r\nEND\r\n").as_bytes());
        assert!(report.broken && report.quiet_failed.is_empty(), "{line}");
        assert_eq!(report.told, [ABANDONED], "{line}");
    }
}

/// A lost reply of a quiet command is missed: the answer is not taken for it and then for the next.
#[test]
fn fm09_a_missing_reply_is_no_answer() {
    let quiet = [Cmd::new(Op::Set, "q").quiet()];
    let report = then(&quiet, &Cmd::new(Op::Set, "a"), b"STORED\r\n");
    assert_eq!(report.told, [ABANDONED]);
    assert!(!report.in_step && !report.broken);
}

/// Quiet commands among others in one batch.
#[test]
fn fm09_quiet_commands_in_a_batch() {
    let cmds = [
        Cmd::new(Op::Set, "a").quiet(),
        Cmd::new(Op::Set, "b"),
        Cmd::new(Op::Get, "c"),
        Cmd::new(Op::Get, "d"),
        Cmd::new(Op::Delete, "e").quiet(),
        Cmd::new(Op::Set, "f").quiet(),
    ];
    for way in [Way::of(false, true), Way::of(true, true)] {
        let reply = b"NOT_STORED\r\nSTORED\r\nVALUE d 0 1\r\nd\r\nEND\r\nNOT_FOUND\r\nSTORED\r\n";
        for size in 1..=reply.len() {
            let report = run(&cmds, way, reply.chunks(size));
            assert!(report.in_step);
            assert_eq!(
                report.told[1..4],
                [Told::Done, Told::Miss(Status::NO_VALUE), value("d")]
            );
            let statuses: Vec<Status> = report.quiet_failed.iter().map(|one| one.0).collect();
            assert_eq!(statuses, [Status::NOT_STORED, Status::NOT_FOUND]);
        }
    }
}

/// FM-14: no more than so many replies are owed by a connection that is in step.
#[test]
fn fm14_at_most_so_many_are_owed() {
    let mut session = Session::new(MAX_VALUE);
    for n in 1..=QUIET_MAX + 1 {
        let cmd = [Cmd::new(Op::Set, format!("k{n}")).quiet()];
        let mut driver = Driver::again(session, Way::default(), &cmd);
        driver.send_all();
        assert_eq!(driver.session.owes_quiet(), n);
        assert_eq!(driver.session.in_step(), n <= QUIET_MAX, "{n}");
        if n > QUIET_MAX {
            // One reply, and it is in step again.
            driver.receive(b"STORED\r\n");
            assert_eq!(driver.session.owes_quiet(), QUIET_MAX);
        }
        let report;
        (session, report) = driver.finish();
        assert!(report.in_step);
    }
    // Part of a reply is out of step.
    let mut driver = Driver::again(session, Way::default(), &[]);
    driver.receive(b"STORED\r\nSTOR");
    assert!(!driver.session.in_step());
    driver.receive(b"ED\r\n");
    assert!(driver.session.in_step());
    assert_eq!(driver.session.owes_quiet(), QUIET_MAX - 2);
    // Surplus is noticed once nothing is owed any more.
    driver.receive(&b"STORED\r\n".repeat(QUIET_MAX - 2));
    assert_eq!(driver.session.owes_quiet(), 0);
    driver.receive(b"STORED\r\n");
    assert!(driver.finish().1.broken);
}
