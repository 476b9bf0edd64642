//! The short way of lone commands against the general way.

use memcached2::buffer::{Block, Place};
use memcached2::connection::arrival::{Lone, Outcome};
use memcached2::connection::session::Session;
use memcached2::error::Status;
use memcached2::protocol::{Op, ValueHead};

use crate::harness::{ABANDONED, Bytes, Cmd, Driver, MAX_VALUE, Report, Told, Way, run, value};
use crate::table::{After, rows};

/// Begun the short way, all sent.
pub fn begun(mut session: Session, cmd: &Cmd) -> (Session, usize) {
    let key_at = cmd.with(|request| session.begin_lone(request).expect("memory"));
    let mut driver = Driver::of(session, Way::default(), std::slice::from_ref(cmd));
    let sent = driver.send_all();
    let key = match cmd.op.takes_key() {
        true => &cmd.key[..],
        false => b"",
    };
    assert_eq!(&sent[key_at..key_at + key.len()], key);
    (driver.session, key_at)
}

/// Receive as much of `bytes` as is taken at once; returns the rest.
pub fn receive_once<'b>(session: &mut Session, bytes: &'b [u8]) -> &'b [u8] {
    let mut source = Bytes {
        rest: bytes,
        reads: 0,
    };
    let Ok(_) = session.receive(&mut source, None).expect("memory");
    source.rest
}

/// What the short way tells, if anything.
pub fn short(session: &mut Session, cmd: &Cmd, key_at: usize) -> Option<Told> {
    let lone = cmd.with(|request| session.lone_reply(request, key_at))?;
    Some(match lone {
        Lone::Value { head, value } => Told::of(&head, session.bytes(value)),
        Lone::Large { head, .. } => panic!("{head:?} is large"),
        Lone::Miss(status) => Told::Miss(status),
        Lone::Done => Told::Done,
        Lone::Number(number) => Told::Number(number),
    })
}

/// The command goes on in the general way, and the rest comes.
fn go_on(mut session: Session, cmd: &Cmd, key_at: usize, rest: &[u8]) -> (Session, Report) {
    cmd.with(|request| session.owe_lone(request, key_at, false).expect("memory"));
    let cmds = std::slice::from_ref(cmd);
    let mut driver = Driver::of(session, Way::default(), cmds);
    driver.hear();
    driver.receive(rest);
    driver.finish()
}

/// FM-04, FM-06, FM-13, FM-27, FM-28: the short way says what the general way says, and only where
/// that is in step; where it says nothing, the general way goes on from there, wherever the reply
/// was cut.
#[test]
fn fm04_fm06_fm13_fm27_fm28_the_short_way_says_the_same() {
    let mut told_shortly = 0;
    for op in Op::ALL {
        let cmd = Cmd::new(op, "key");
        for row in rows(op) {
            let general = run(std::slice::from_ref(&cmd), Way::default(), [&row.reply[..]]);
            for at in crate::harness::cuts(row.reply.len()).filter(|at| *at > 0) {
                let what = String::from_utf8_lossy(&row.reply[..at]);
                let (mut session, key_at) = begun(Session::new(MAX_VALUE), &cmd);
                let mut rest = receive_once(&mut session, &row.reply[..at]);
                assert!(rest.is_empty(), "{op:?}: {what:?}");
                rest = &row.reply[at..];
                let Some(told) = short(&mut session, &cmd, key_at) else {
                    let (_, report) = go_on(session, &cmd, key_at, rest);
                    assert_eq!(report, general, "{op:?}: {what:?}");
                    continue;
                };
                assert!(session.in_step(), "{op:?}: {what:?}");
                assert_eq!(told, general.told[0], "{op:?}: {what:?}");
                // It is the whole reply, or what is still to come is surplus.
                assert!(rest.is_empty() || row.after == After::Broken);
                told_shortly += 1;
            }
        }
    }
    assert!(told_shortly > 40, "{told_shortly}");
}

/// The replies that the short way is for go that way.
#[test]
fn fm04_the_common_replies_go_the_short_way() {
    for (op, reply) in [
        (Op::Get, "END\r\n"),
        (Op::Get, "VALUE key 0 3\r\nabc\r\nEND\r\n"),
        (Op::Gets, "VALUE key 0 3 1\r\nabc\r\nEND\r\n"),
        (Op::Gat, "VALUE key 7 0\r\n\r\nEND\r\n"),
        (Op::Set, "STORED\r\n"),
        (Op::Cas, "STORED\r\n"),
        (Op::Incr, "17\r\n"),
    ] {
        let cmd = Cmd::new(op, "key");
        let (mut session, key_at) = begun(Session::new(MAX_VALUE), &cmd);
        receive_once(&mut session, reply.as_bytes());
        assert!(short(&mut session, &cmd, key_at).is_some(), "{op:?}");
        assert!(session.in_step());
    }
}

/// FM-17: before all is sent there is no answer the short way, and none the general way but the
/// refusal of a value that the server has not seen all of.
#[test]
fn fm17_no_answer_before_all_is_sent() {
    for op in Op::ALL {
        let cmd = Cmd::new(op, "key");
        for row in rows(op).iter().filter(|row| row.after == After::InStep) {
            let mut session = Session::new(MAX_VALUE);
            let key_at = cmd.with(|request| session.begin_lone(request).expect("memory"));
            let len = session.plain().expect("nothing is lent").len();
            session.wrote(len - 1);
            receive_once(&mut session, &row.reply);
            assert_eq!(short(&mut session, &cmd, key_at), None);
            let (_, report) = go_on(session, &cmd, key_at, b"");
            let refused = op.sends_value() && row.reply.starts_with(b"SERVER_ERROR");
            let told = match refused {
                true => row.told.clone(),
                false => Told::Abandoned { sent: false },
            };
            assert_eq!(report.told, [told]);
            assert!(report.broken);
        }
    }
}

/// FM-09: behind a quiet command the short way says nothing: a reply is owed before.
#[test]
fn fm09_no_short_way_behind_a_quiet_command() {
    let quiet = [Cmd::new(Op::Set, "q").quiet()];
    let mut driver = Driver::new(Way::default(), &quiet);
    driver.send_all();
    let (session, report) = driver.finish();
    assert!(report.in_step && session.owes_quiet() == 1);
    let cmd = Cmd::new(Op::Set, "key");
    let (mut session, key_at) = begun(session, &cmd);
    receive_once(&mut session, b"STORED\r\n");
    assert_eq!(short(&mut session, &cmd, key_at), None);
    let (session, report) = go_on(session, &cmd, key_at, b"NOT_STORED\r\n");
    assert!(report.in_step && session.owes_quiet() == 0);
    assert!(matches!(
        report.told[0],
        Told::Refused {
            status: Status::NOT_STORED,
            ..
        }
    ));
}

/// A large value begins; what is said of it.
fn large(reply: &[u8], first: usize) -> (Session, usize, ValueHead, usize, &[u8]) {
    let cmd = Cmd::new(Op::Get, "a");
    let (mut session, key_at) = begun(Session::new(MAX_VALUE), &cmd);
    let rest = receive_once(&mut session, &reply[..first]);
    let taken = first - rest.len();
    match cmd.with(|request| session.lone_reply(request, key_at)) {
        Some(Lone::Large { head, used }) => (session, key_at, head, used, &reply[taken..]),
        other => panic!("{other:?} with {first} bytes"),
    }
}

/// Read a reply of one large value, all of it, the short way.
pub fn read_to(place: &mut dyn Place, reply: &[u8]) {
    let (mut session, _, head, used, rest) = large(reply, reply.len());
    let mut left = session.begin_large(&head, used, place);
    let mut source = Bytes { rest, reads: 0 };
    while left > 0 {
        let Ok((there, _)) = session
            .receive_large(&mut source, place, left)
            .expect("memory");
        left -= there;
    }
    if !source.rest.is_empty() {
        let Ok(_) = session.receive(&mut source, None).expect("memory");
    }
    assert!(session.end_large() && session.in_step());
}

fn large_reply(len: usize, end: &str) -> (Vec<u8>, Vec<u8>) {
    let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
    let head = format!("VALUE a 0 {len}\r\n");
    let reply = [head.as_bytes(), &bytes, end.as_bytes()].concat();
    (bytes, reply)
}

/// FM-13, FM-22: a large value the short way: told whole where it ended as it should and nothing
/// else came.
#[test]
fn fm13_fm22_a_large_value_the_short_way() {
    for len in [8_200, 30_000, 2_000_000] {
        let (bytes, reply) = large_reply(len, "\r\nEND\r\n");
        let mut block = Block::new();
        block.begin(len).unwrap();
        read_to(&mut block, &reply);
        assert_eq!(block.bytes(), bytes);
    }
}

/// FM-13, FM-26: left by the short way at any point, the value goes on in the general way; whatever
/// its end is, the session says the same of it.
#[test]
fn fm13_fm26_a_large_value_goes_on_in_the_general_way() {
    let head_len = "VALUE a 0 30000\r\n".len();
    for (end, good, surplus) in [
        ("\r\nEND\r\n", true, false),
        ("\r\nEND\r\nEND\r\n", true, true),
        ("\r\nEND\n", false, false),
        ("\nEND\r\n", false, false),
        ("xxEND\r\n", false, false),
        ("\r\nSTORED\r\n", false, false),
        ("\r\nVALUE a 0 1\r\nx\r\nEND\r\n", false, false),
    ] {
        let (bytes, reply) = large_reply(30_000, end);
        let told = match good {
            true => value(&bytes),
            false => ABANDONED,
        };
        let in_step = good && !surplus;
        for first in [head_len, head_len + 1, 5_000, 8_192] {
            for more in [0, 1, 10_000, 21_808, 21_809, 29_000, 30_000, 30_007, 40_000] {
                let report = leave(&reply, first, more);
                assert!(report.told[0] == told, "{end:?} {first} {more}");
                assert_eq!((report.in_step, report.broken), (in_step, !in_step));
            }
        }
    }
}

/// `first` bytes come at once, up to `more` further ones the short way, the others the general way.
fn leave(reply: &[u8], first: usize, more: usize) -> Report {
    let cmd = Cmd::new(Op::Get, "a");
    let (mut session, key_at, head, used, rest) = large(reply, first);
    let mut block = Block::new();
    block.begin(head.len).unwrap();
    let mut left = session.begin_large(&head, used, &mut block);
    let (now, later) = rest.split_at(more.min(rest.len()));
    let mut source = Bytes {
        rest: now,
        reads: 0,
    };
    while left > 0 && !source.rest.is_empty() {
        let Ok((there, _)) = session
            .receive_large(&mut source, &mut block, left)
            .expect("memory");
        left -= there;
    }
    let later = [source.rest, later].concat();
    if left == 0 && session.end_large() {
        return ended(session, block, &later);
    }
    cmd.with(|request| session.owe_lone(request, key_at, false).expect("memory"));
    session.continue_large(head, used, Some(left));
    let mut driver = Driver::of(session, Way::default(), std::slice::from_ref(&cmd));
    driver.go_on_placing(block);
    driver.receive(&later);
    driver.finish().1
}

/// The short way has read it to its end; more that comes is surplus.
fn ended(session: Session, block: Block, later: &[u8]) -> Report {
    assert!(session.in_step());
    let mut driver = Driver::of(session, Way::default(), &[]);
    driver.receive(later);
    let (_, report) = driver.finish();
    Report {
        told: vec![value(block.bytes())],
        ..report
    }
}

/// A large value that has no place is thrown away the general way.
#[test]
fn fm22_a_large_value_without_a_place() {
    let (_, reply) = large_reply(30_000, "\r\nEND\r\n");
    let cmd = Cmd::new(Op::Get, "a");
    for first in [20, 5_000, 8_192] {
        let (mut session, key_at, head, used, rest) = large(&reply, first);
        cmd.with(|request| session.owe_lone(request, key_at, false).expect("memory"));
        session.continue_large(head, used, None);
        let mut driver = Driver::of(session, Way::default(), std::slice::from_ref(&cmd));
        driver.hear();
        driver.receive(rest);
        let (_, report) = driver.finish();
        assert!(report.in_step);
        assert_eq!(report.told, [Told::Skipped(30_000)]);
    }
}

/// FM-22: larger than the limit is no large value: the general way breaks on it.
#[test]
fn fm22_no_large_value_above_the_limit() {
    let cmd = Cmd::new(Op::Get, "a");
    let (mut session, key_at) = begun(Session::new(10_000), &cmd);
    receive_once(&mut session, b"VALUE a 0 10001\r\nabc");
    let lone = cmd.with(|request| session.lone_reply(request, key_at));
    assert!(lone.is_none());
    let (_, report) = go_on(session, &cmd, key_at, b"");
    assert!(report.broken);
    let (mut session, key_at) = begun(Session::new(10_000), &cmd);
    receive_once(&mut session, b"VALUE a 0 10000\r\nabc");
    cmd.with(|request| session.owe_lone(request, key_at, false).expect("memory"));
    let arrival = session.next_arrival().expect("a large value");
    assert!(matches!(arrival.what, Outcome::Large(head) if head.len == 10_000));
}

/// FM-22: of values that are here whole, too, none is larger than the limit.
#[test]
fn fm22_no_value_above_the_limit() {
    let cmd = Cmd::new(Op::Get, "a");
    for (reply, told) in [
        ("VALUE a 0 4\r\nabcd\r\nEND\r\n", value("abcd")),
        ("VALUE a 0 5\r\nabcde\r\nEND\r\n", ABANDONED),
    ] {
        for way in Way::ALL {
            let mut driver = Driver::again(Session::new(4), way, std::slice::from_ref(&cmd));
            driver.send_all();
            driver.receive(reply.as_bytes());
            assert_eq!(driver.finish().1.told[0], told);
        }
        let (mut session, key_at) = begun(Session::new(4), &cmd);
        receive_once(&mut session, reply.as_bytes());
        let short = short(&mut session, &cmd, key_at);
        assert_eq!(short, (told != ABANDONED).then_some(told));
    }
}
