//! Commands as they are sent, in steps: which have left when the connection is given up, and that
//! nothing is taken for the reply of one that has not.

use memcached2::error::Status;
use memcached2::protocol::Op;

use crate::harness::{Cmd, Driver, Told, Way};

/// Commands of every kind; large values are lent, not copied.
fn commands() -> Vec<Cmd> {
    let mut cmds: Vec<Cmd> = Op::ALL.iter().map(|op| Cmd::new(*op, op.name())).collect();
    for len in [0, 1023, 1024, 1025, 3000] {
        cmds.push(Cmd::new(Op::Set, format!("set{len}")).value(vec![b'v'; len]));
        cmds.push(Cmd::new(Op::Append, format!("append{len}")).value(vec![b'w'; len]));
    }
    cmds.push(Cmd::new(Op::Delete, "quiet").quiet());
    cmds.push(Cmd::new(Op::Set, "last").value(vec![b'x'; 5000]));
    cmds
}

/// The bytes of the commands, one by one.
fn parts(cmds: &[Cmd]) -> Vec<Vec<u8>> {
    let part = |cmd: &Cmd| {
        let alone = std::slice::from_ref(cmd);
        Driver::new(Way::default(), alone).send_all()
    };
    cmds.iter().map(part).collect()
}

#[test]
fn fm17_commands_are_sent_as_they_are() {
    let sent: Vec<String> = parts(&commands()[..Op::ALL.len()])
        .into_iter()
        .map(|part| String::from_utf8(part).unwrap())
        .collect();
    let expected = [
        "get get\r\n",
        "gets gets\r\n",
        "gat 0 gat\r\n",
        "gats 0 gats\r\n",
        "set set 0 0 5\r\nvalue\r\n",
        "add add 0 0 5\r\nvalue\r\n",
        "replace replace 0 0 5\r\nvalue\r\n",
        "append append 0 0 5\r\nvalue\r\n",
        "prepend prepend 0 0 5\r\nvalue\r\n",
        "cas cas 0 0 5 77\r\nvalue\r\n",
        "delete delete\r\n",
        "touch touch 0\r\n",
        "incr incr 5\r\n",
        "decr decr 5\r\n",
        "version\r\n",
        "flush_all\r\n",
        "stats\r\n",
        "verbosity 5\r\n",
        "cache_memlimit 5\r\n",
        "version\r\n",
        "delete delete_all\r\n",
    ];
    assert_eq!(sent, expected);
}

/// FM-17: given up after any number of bytes, a command has left where all its bytes have.
#[test]
fn fm17_what_has_left_when_it_is_given_up() {
    let cmds = commands();
    let parts = parts(&cmds);
    let whole = parts.concat();
    let mut ends = Vec::new();
    for part in &parts {
        ends.push(ends.last().unwrap_or(&0) + part.len());
    }
    let near = |at: &usize| ends.iter().any(|end| end.abs_diff(*at) < 4) || at % 61 == 0;
    for at in (0..=whole.len()).filter(near) {
        for step in [usize::MAX, 1000] {
            let mut driver = Driver::new(Way::default(), &cmds);
            let mut sent = Vec::new();
            while sent.len() < at {
                sent.extend(driver.send(step.min(at - sent.len())));
            }
            assert_eq!(sent, whole[..at]);
            assert_eq!(driver.session.all_sent(), at == whole.len());
            let (_, report, quiet) = driver.finish_with_rest();
            for ((told, cmd), end) in report.told.iter().zip(&cmds).zip(&ends) {
                let sent = at >= *end;
                match cmd.quiet {
                    true => assert_eq!(quiet, [sent]),
                    false => assert_eq!(*told, Told::Abandoned { sent }, "{cmd:?} at {at}"),
                }
            }
        }
    }
}

/// FM-17: the keys of a line have left when the whole line has: without its end no server reads it.
#[test]
fn fm17_a_line_of_keys_has_left_when_its_end_has() {
    let cmds: Vec<Cmd> = ["a", "b", "c"].map(|key| Cmd::new(Op::Get, key)).to_vec();
    let whole = b"get a b c\r\n".len();
    for way in [Way::of(false, true), Way::of(true, true)] {
        for at in 0..=whole {
            let mut driver = Driver::new(way, &cmds);
            assert_eq!(driver.send(at).len(), at);
            let (_, report) = driver.finish();
            let sent = at == whole;
            let told = vec![Told::Abandoned { sent }; 3];
            assert_eq!(report.told, told, "{at} bytes, {way:?}");
        }
    }
}

/// FM-04, FM-17: nothing is the reply of a line of keys of which not all has left: no value, and no
/// miss.
#[test]
fn fm04_fm17_no_reply_to_a_line_that_was_not_sent() {
    let cmds: Vec<Cmd> = ["a", "b", "c"].map(|key| Cmd::new(Op::Get, key)).to_vec();
    let replies: [&[u8]; 3] = [
        b"END\r\n",
        b"VALUE a 0 1\r\nx\r\nEND\r\n",
        b"VALUE a 0 1\r\nx\r\nVALUE b 0 1\r\nx\r\nVALUE c 0 1\r\nx\r\nEND\r\n",
    ];
    for way in [Way::of(false, true), Way::of(true, true)] {
        for reply in replies {
            for at in 0..b"get a b c\r\n".len() {
                let mut driver = Driver::new(way, &cmds);
                driver.send(at);
                driver.receive(reply);
                let (_, report) = driver.finish();
                let none = report
                    .told
                    .iter()
                    .all(|told| matches!(told, Told::Abandoned { .. }));
                assert!(none && report.broken, "{at} bytes sent: {report:?}");
            }
        }
    }
}

/// FM-17: values that came too early are no answer when the END comes in time.
#[test]
fn fm17_no_early_value_is_proved_later() {
    let cmds: Vec<Cmd> = ["a", "b"].map(|key| Cmd::new(Op::Get, key)).to_vec();
    for way in [Way::of(false, true), Way::of(true, true)] {
        for at in 0..b"get a b\r\n".len() {
            let mut driver = Driver::new(way, &cmds);
            driver.send(at);
            driver.receive(b"VALUE a 0 1\r\nx\r\n");
            driver.send_all();
            driver.receive(b"END\r\n");
            let (_, report) = driver.finish();
            let none = |told: &Told| matches!(told, Told::Abandoned { .. });
            assert!(
                report.told.iter().all(none) && report.broken,
                "{at} {way:?}"
            );
        }
    }
}

/// FM-14, FM-17: replies to the commands that have left are believed while later ones are being
/// sent; one that comes before its command has left is not.
#[test]
fn fm14_fm17_replies_while_sending() {
    let cmds = [
        Cmd::new(Op::Set, "a"),
        Cmd::new(Op::Set, "b").value(vec![b'v'; 4000]),
        Cmd::new(Op::Delete, "c"),
    ];
    let parts = parts(&cmds);
    for way in [
        Way::of(false, false),
        Way::of(true, false),
        Way::of(false, true),
        Way::of(true, true),
    ] {
        for (n, reply) in [
            "STORED\r\n",
            "STORED\r\nSTORED\r\n",
            "STORED\r\nSTORED\r\nDELETED\r\n",
        ]
        .iter()
        .enumerate()
        {
            let end: usize = parts[..=n].iter().map(Vec::len).sum();
            let mut driver = Driver::new(way, &cmds);
            driver.send(end);
            driver.receive(reply.as_bytes());
            assert!(driver.session.broken().is_none());
            driver.send_all();
            driver.receive(
                [
                    "STORED\r\nSTORED\r\nDELETED\r\n",
                    "STORED\r\nDELETED\r\n",
                    "DELETED\r\n",
                    "",
                ][n + 1]
                    .as_bytes(),
            );
            let (_, report) = driver.finish();
            let all = [Told::Done, Told::Done, Told::Done];
            assert_eq!((report.told, report.in_step), (all.to_vec(), true));
            let mut driver = Driver::new(way, &cmds);
            driver.send(end - 1);
            driver.receive(reply.as_bytes());
            let (_, report) = driver.finish();
            assert!(report.broken, "{n} {way:?}");
            assert_eq!(report.told[n], Told::Abandoned { sent: false });
            assert!(report.told[..n].iter().all(|told| *told == Told::Done));
        }
    }
}

/// FM-18: a session whose connection attempt goes on at another address says the same again.
#[test]
fn fm18_taken_over_nothing_is_lost() {
    let cmds = commands();
    let mut driver = Driver::new(Way::default(), &cmds);
    let session = driver.session.take_over();
    assert!(driver.session.abandon().is_none() && !driver.session.in_step());
    let mut driver = Driver::of(session, Way::default(), &cmds);
    assert_eq!(driver.send_all(), parts(&cmds).concat());
    driver.receive(b"END\r\n");
    assert_eq!(driver.told[0], Some(Told::Miss(Status::NO_VALUE)));
    assert_eq!(driver.told[1], None);
}
