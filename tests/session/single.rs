//! One command, every reply, however it is cut.

use memcached2::error::Effect;
use memcached2::protocol::Op;

use crate::harness::{ABANDONED, Cmd, Driver, Report, Told, Way, cuts, run, run_every_way, value};
use crate::table::{After, Row, rows};

fn expected(row: &Row) -> Report {
    Report {
        told: vec![row.told.clone()],
        quiet_failed: Vec::new(),
        in_step: row.after == After::InStep,
        broken: row.after == After::Broken,
    }
}

/// FM-04, FM-06, FM-11, FM-13, FM-21, FM-24, FM-26, FM-27, FM-28, FM-29, FM-35, FM-50, FM-52,
/// FM-53, FM-73: each reply means the same whole, in two pieces and byte by byte.
#[test]
fn fm04_fm06_fm11_fm13_fm21_fm24_fm26_fm27_fm28_fm29_fm35_every_reply_to_every_command() {
    let mut n = 0;
    for op in Op::ALL {
        for row in rows(op) {
            let report = run_every_way(&[Cmd::new(op, "key")], &row.reply);
            assert_eq!(
                report,
                expected(&row),
                "{op:?}: {:?}",
                String::from_utf8_lossy(&row.reply)
            );
            n += 1;
        }
    }
    println!("{n} replies");
}

/// FM-13, FM-92: a reply that is not whole is no answer, and leaves the session out of step.
#[test]
fn fm13_fm92_a_cut_reply_is_no_answer() {
    for op in Op::ALL {
        let cmd = [Cmd::new(op, "key")];
        for row in rows(op) {
            if row.after != After::InStep {
                continue;
            }
            for way in Way::ALL {
                for at in cuts(row.reply.len()).filter(|at| *at < row.reply.len()) {
                    let report = run(&cmd, way, [&row.reply[..at]]);
                    let what = String::from_utf8_lossy(&row.reply[..at]);
                    assert_eq!(report.told, [ABANDONED], "{op:?}: {what:?}");
                    assert!(!report.in_step && !report.broken, "{op:?}: {what:?}");
                }
            }
        }
    }
}

/// I2: of nothing that was cut is there a miss, unless the whole line that says so has come.
#[test]
fn fm27_no_piece_of_garbage_is_a_miss() {
    for op in Op::ALL {
        let cmd = [Cmd::new(op, "key")];
        for row in rows(op) {
            for at in cuts(row.reply.len()) {
                let piece = &row.reply[..at];
                let report = run(&cmd, Way::default(), [piece]);
                let says = |line: &[u8]| piece.starts_with(line);
                if says(b"END\r\n") || says(b"NOT_FOUND\r\n") || says(b"NOT FOUND\r\n") {
                    continue;
                }
                let missed = matches!(report.told[0], Told::Miss(_));
                assert!(!missed, "{op:?}: {:?}", String::from_utf8_lossy(piece));
            }
        }
    }
}

/// FM-04, FM-05, FM-73: what has come before the command was sent is not its answer. A refusal to store
/// is believed, as a server may refuse a value that it has not seen all of; nothing behind it is.
#[test]
fn fm04_fm05_fm73_an_answer_before_the_command() {
    for op in Op::ALL {
        let cmd = [Cmd::new(op, "key")];
        for row in rows(op).iter().filter(|row| row.after == After::InStep) {
            for way in Way::ALL {
                let mut driver = Driver::new(way, &cmd);
                driver.receive(&row.reply);
                let (_, report) = driver.finish();
                assert!(report.broken);
                let what = String::from_utf8_lossy(&row.reply);
                match (&report.told[0], &row.told) {
                    (Told::Refused { status, effect, .. }, Told::Refused { status: right, .. })
                        if op.sends_value() && what.contains("ERROR") =>
                    {
                        assert_eq!(status, right);
                        assert_ne!(
                            *effect,
                            Effect::Removed,
                            "{op:?}: {what:?}: nothing was sent"
                        );
                    }
                    (told, _) => assert_eq!(*told, Told::Abandoned { sent: false }, "{what:?}"),
                }
            }
        }
    }
}

/// A reply that leaves the session in step leaves it of use: the next command has its own answer.
#[test]
fn fm03_the_next_command_has_its_own_answer() {
    let next = [Cmd::new(Op::Get, "next")];
    for op in Op::ALL {
        let cmd = [Cmd::new(op, "key")];
        for row in rows(op).iter().filter(|row| row.after == After::InStep) {
            for (way, next_way) in Way::ALL.into_iter().zip(Way::ALL.into_iter().rev()) {
                let mut driver = Driver::new(way, &cmd);
                driver.send_all();
                driver.receive(&row.reply);
                let session = driver.finish().0;
                let mut driver = Driver::again(session, next_way, &next);
                assert_eq!(driver.send_all(), b"get next\r\n");
                driver.receive(b"VALUE next 0 3\r\nxyz\r\nEND\r\n");
                let (_, report) = driver.finish();
                assert!(report.in_step, "{op:?}");
                assert_eq!(report.told, [value("xyz")]);
            }
        }
    }
}

/// FM-24: a line that does not end, byte by byte, breaks before it takes much memory.
#[test]
fn fm24_a_line_without_an_end() {
    for op in Op::ALL {
        let cmd = [Cmd::new(op, "key")];
        for begin in [
            "",
            "STORED ",
            "SERVER_ERROR ",
            "VALUE key 0 ",
            "7",
            "VERSION ",
        ] {
            let mut driver = Driver::new(Way::default(), &cmd);
            driver.send_all();
            driver.receive(begin.as_bytes());
            let mut n = begin.len();
            while driver.session.broken().is_none() {
                assert!(n < 3 * 1024);
                driver.receive(b"7");
                n += 1;
            }
            // The longest that servers send fits.
            assert!(n > 2048);
            assert_eq!(driver.finish().1.told, [ABANDONED]);
        }
    }
}
