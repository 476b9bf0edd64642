//! The binary protocol over a connection: opcode, opaque and lengths say whose a frame is.

use memcached2::connection::session::Session;
use memcached2::connection::tagged::Unsent;
use memcached2::error::{Effect, Status};
use memcached2::protocol::binary::client::Unsendable;
use memcached2::protocol::binary::header::{HEADER_LEN, Header, REPLY};
use memcached2::protocol::binary::opcode::*;
use memcached2::protocol::{Dialect, Op};

use crate::harness::{ABANDONED, Cmd, Driver, MAX_VALUE, Report, Told, Way, refused, stats};
use crate::tagged::{FIRST, LONE, binary, every_cut, exchange};

/// A reply.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    pub opcode: u8,
    pub status: u16,
    pub opaque: u32,
    pub cas: u64,
    pub extras: &'a [u8],
    pub key: &'a [u8],
    pub value: &'a [u8],
}

pub fn reply(opcode: u8, opaque: u32) -> Frame<'static> {
    Frame {
        opcode,
        status: 0,
        opaque,
        cas: 0,
        extras: b"",
        key: b"",
        value: b"",
    }
}

impl<'a> Frame<'a> {
    pub fn failed(self, status: u16, text: &'a str) -> Frame<'a> {
        Frame {
            status,
            value: text.as_bytes(),
            ..self
        }
    }

    /// A hit, of a read that names its key.
    pub fn hit(self, key: &'a str, value: &'a [u8]) -> Frame<'a> {
        Frame {
            extras: &[0; 4],
            key: key.as_bytes(),
            value,
            ..self
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let header = Header {
            magic: REPLY,
            opcode: self.opcode,
            key_len: self.key.len() as u16,
            extras_len: self.extras.len() as u8,
            data_type: 0,
            status: self.status,
            body_len: (self.extras.len() + self.key.len() + self.value.len()) as u32,
            opaque: self.opaque,
            cas: self.cas,
        };
        [&header.to_bytes()[..], self.extras, self.key, self.value].concat()
    }
}

/// The opcode that a lone command is sent with.
fn opcode(op: Op) -> u8 {
    match op {
        Op::Get | Op::Gets => GETK,
        Op::Gat | Op::Gats => GAT,
        Op::Set | Op::Cas => SET,
        Op::Add => ADD,
        Op::Replace => REPLACE,
        Op::Append => APPEND,
        Op::Prepend => PREPEND,
        Op::Delete | Op::DeleteAll => DELETE,
        Op::Touch => TOUCH,
        Op::Incr => INCREMENT,
        Op::Decr => DECREMENT,
        Op::Version => VERSION,
        Op::FlushAll => FLUSH,
        Op::Stats => STAT,
        Op::Ping => NOOP,
        Op::Verbosity | Op::CacheMemlimit => VERBOSITY,
    }
}

fn spoken() -> impl Iterator<Item = Op> {
    let unspoken = [Op::Verbosity, Op::CacheMemlimit];
    Op::ALL.into_iter().filter(move |op| !unspoken.contains(op))
}

fn broken() -> Report {
    Report {
        told: vec![ABANDONED],
        quiet_failed: Vec::new(),
        in_step: false,
        broken: true,
    }
}

/// What a server answers to each command that does what it is for, and what that means.
fn success(op: Op) -> (Vec<u8>, Told) {
    let frame = Frame {
        cas: 9,
        ..reply(opcode(op), FIRST)
    };
    let flags = [0, 0, 1, 2];
    let hit = Told::Value {
        flags: 258,
        cas: op.reads_cas().then_some(9),
        bytes: b"abc".to_vec(),
    };
    let (frame, told) = match op {
        Op::Get | Op::Gets => (
            Frame {
                extras: &flags,
                key: b"key",
                value: b"abc",
                ..frame
            },
            hit,
        ),
        Op::Gat | Op::Gats => (
            Frame {
                extras: &flags,
                value: b"abc",
                ..frame
            },
            hit,
        ),
        Op::Incr | Op::Decr => (
            Frame {
                value: &[0, 0, 0, 0, 0, 0, 1, 0],
                ..frame
            },
            Told::Number(256),
        ),
        Op::Version => (
            Frame {
                value: b"1.6.18",
                ..frame
            },
            Told::Version(b"1.6.18".to_vec()),
        ),
        Op::Stats => {
            let line = Frame {
                key: b"pid",
                value: b"1",
                ..frame
            };
            let end = reply(STAT, FIRST).bytes();
            return ([line.bytes(), end].concat(), stats(&[("pid", "1")]));
        }
        Op::Touch => (
            Frame {
                extras: &flags,
                ..frame
            },
            Told::Done,
        ),
        _ => (frame, Told::Done),
    };
    (frame.bytes(), told)
}

/// FM-13, FM-114: each command is answered, whole, in pieces and byte by byte; the reply to one is none
/// to another.
#[test]
fn fm13_fm114_every_reply_to_every_command() {
    for op in spoken() {
        let cmd = [Cmd::new(op, if op.takes_key() { "key" } else { "" })];
        for other in spoken() {
            let (bytes, told) = success(other);
            let report = every_cut(binary, &cmd, LONE, &bytes);
            let alike = opcode(op) == opcode(other);
            if alike && op.reads_cas() == other.reads_cas() {
                assert!(
                    report.in_step && report.told == [told],
                    "{op:?}: {report:?}"
                );
            } else if !alike {
                assert_eq!(report, broken(), "{op:?} answered as {other:?}");
            }
        }
    }
}

/// FM-35, FM-52 to FM-55: refusals, by their numbers.
#[test]
fn fm35_fm52_fm55_refusals() {
    let miss = |status| Some(Told::Miss(status));
    let not = |status, text: &str| Some(refused(status, Effect::NotApplied, text));
    for (op, status, text, expected) in [
        (Op::Get, 1, "Not found", miss(Status::NO_VALUE)),
        (Op::Gats, 1, "Not found", miss(Status::NO_VALUE)),
        (Op::Delete, 1, "Not found", miss(Status::NOT_FOUND)),
        (Op::Touch, 1, "Not found", miss(Status::NOT_FOUND)),
        (Op::Cas, 1, "Not found", miss(Status::NOT_FOUND)),
        (Op::Incr, 1, "Not found", miss(Status::NOT_FOUND)),
        (Op::Replace, 1, "x", not(Status::NOT_STORED, "x")),
        (Op::Cas, 2, "Exists", not(Status::CAS_FAILURE, "Exists")),
        (Op::Add, 2, "Exists", not(Status::NOT_STORED, "Exists")),
        (Op::Append, 5, "x", not(Status::NOT_STORED, "x")),
        (Op::Incr, 6, "x", not(Status::NON_NUMERIC, "x")),
        (
            Op::Set,
            3,
            "Too large.",
            Some(refused(Status::TOO_LARGE, Effect::Removed, "Too large.")),
        ),
        (Op::Add, 3, "x", not(Status::TOO_LARGE, "x")),
        (Op::FlushAll, 0x20, "x", not(Status::NOT_PERMITTED, "x")),
        // A number that nobody knows yet: an error, and no more.
        (
            Op::Set,
            0x777,
            "?",
            Some(refused(Status::SERVER_ERROR, Effect::Unknown, "?")),
        ),
        // What the command cannot be answered.
        (Op::Get, 2, "x", None),
        (Op::Get, 5, "x", None),
        (Op::Delete, 6, "x", None),
        (Op::Set, 1, "x", None),
    ] {
        let key = if op.takes_key() { "key" } else { "" };
        let bytes = reply(opcode(op), FIRST).failed(status, text).bytes();
        let report = every_cut(binary, &[Cmd::new(op, key)], LONE, &bytes);
        match expected {
            Some(told) => {
                assert_eq!(report.told, [told], "{op:?} {status}");
                assert!(report.in_step, "{op:?} {status}");
            }
            None => assert_eq!(report, broken(), "{op:?} {status}"),
        }
    }
}

/// FM-07, FM-08, FM-23: every bit of the header counts. None that is another makes a miss, or another
/// value.
#[test]
fn fm07_fm08_fm23_every_bit_of_the_header() {
    let mut refused = 0;
    for op in spoken() {
        let cmd = [Cmd::new(op, if op.takes_key() { "key" } else { "" })];
        let (bytes, told) = success(op);
        // The CAS tells nothing of whose the frame is.
        for bit in 0..(HEADER_LEN - 8) * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let report = exchange(binary(), &cmd, LONE, [&other[..]]);
            let byte = bit / 8;
            let fine = match &report.told[0] {
                Told::Abandoned { .. } => true,
                // Another status than success.
                Told::Refused { .. } | Told::Miss(_) => (6..8).contains(&byte),
                // Where a name ends, and a body, nothing else tells.
                Told::Stats(_) => matches!(byte, 1..4 | 8..12),
                Told::Value { .. } | Told::Version(_) if (8..12).contains(&byte) => true,
                // A quiet form's number, of a server that answers so.
                same => *same == told && byte == 1,
            };
            assert!(fine, "{op:?} bit {bit}: {:?}", report.told);
            refused += usize::from(report.told[0] == ABANDONED);
        }
    }
    assert!(refused > 1500, "{refused}");
}

/// FM-21, FM-22: a length beyond what is taken is refused when it is announced.
#[test]
fn fm21_fm22_lengths_that_are_announced() {
    for len in [MAX_VALUE as u32 + 8, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let mut bytes = reply(GETK, FIRST).hit("key", b"").bytes();
        bytes[8..12].copy_from_slice(&len.to_be_bytes());
        let report = exchange(binary(), &[Cmd::new(Op::Get, "key")], LONE, [&bytes[..]]);
        assert_eq!(report, broken(), "{len}");
    }
    // A limit below that of texts.
    let small = || Session::speaking(Dialect::Binary { opaque: FIRST }, 10);
    let cmd = [Cmd::new(Op::Get, "key")];
    let bytes = reply(GETK, FIRST).hit("key", b"0123456789").bytes();
    assert!(every_cut(small, &cmd, LONE, &bytes).in_step);
    let bytes = reply(GETK, FIRST).hit("key", b"0123456789a").bytes();
    assert_eq!(every_cut(small, &cmd, LONE, &bytes), broken());
}

/// FM-06, FM-07: the opaque or the key of another.
#[test]
fn fm06_fm07_a_reply_of_another() {
    let cmd = [Cmd::new(Op::Get, "key")];
    for (key, opaque) in [
        ("key", FIRST + 1),
        ("key", FIRST - 1),
        ("key", 0),
        ("kez", FIRST),
        ("ke", FIRST),
        ("keyy", FIRST),
        ("", FIRST),
    ] {
        let bytes = reply(GETK, opaque).hit(key, b"abc").bytes();
        assert_eq!(every_cut(binary, &cmd, LONE, &bytes), broken(), "{key}");
    }
    let miss = Frame {
        key: b"kez",
        ..reply(GETK, FIRST).failed(1, "")
    };
    assert_eq!(every_cut(binary, &cmd, LONE, &miss.bytes()), broken());
}

/// FM-04, FM-05: what comes before its command, twice, or behind the last reply.
#[test]
fn fm04_fm05_surplus_frames() {
    for op in spoken() {
        let cmd = [Cmd::new(op, if op.takes_key() { "key" } else { "" })];
        let (bytes, told) = success(op);
        let mut driver = Driver::again(binary(), LONE, &cmd);
        driver.receive(&bytes);
        let (_, report) = driver.finish();
        assert!(report.broken && report.told == [Told::Abandoned { sent: false }]);
        let report = every_cut(binary, &cmd, LONE, &[&bytes[..], &bytes].concat());
        assert!(report.broken && report.told == [told], "{op:?}");
    }
}

/// FM-29: a line of text where a frame was to be is what the server says.
#[test]
fn fm29_a_line_of_text() {
    for (line, status) in [
        (
            "ERROR Too many open connections",
            Status::TOO_MANY_CONNECTIONS,
        ),
        ("CLIENT_ERROR unauthenticated", Status::INVALID_CREDENTIALS),
        ("HTTP/1.1 400 Bad Request", Status::UNEXPECTED_RESPONSE),
    ] {
        for (op, effect) in [(Op::Get, Effect::None), (Op::Set, Effect::Unknown)] {
            let bytes = format!("{line}\r\n");
            let report = every_cut(binary, &[Cmd::new(op, "key")], LONE, bytes.as_bytes());
            assert_eq!(report.told, [refused(status, effect, line)]);
            assert!(!report.in_step);
        }
    }
    let long = vec![b'x'; 2000];
    for bytes in [&long[..], b"\x80\0\0", b"\0", b"ERR\xffOR\r\n", b"\r\n"] {
        let report = every_cut(binary, &[Cmd::new(Op::Get, "key")], LONE, bytes);
        assert_eq!(report, broken());
    }
}

/// FM-13, FM-22: large values go to their places, or past, and what follows them is the next frame.
#[test]
fn fm13_fm22_large_values() {
    let cmds = [
        Cmd::new(Op::Get, "a"),
        Cmd::new(Op::Set, "b").value(vec![b'v'; 5000]),
        Cmd::new(Op::Gets, "c"),
    ];
    let body = vec![b'x'; 100_000];
    let large = |key, opaque| Frame {
        cas: 9,
        ..reply(GETK, opaque).hit(key, &body)
    };
    let bytes = [
        large("a", 7).bytes(),
        reply(SET, 8).bytes(),
        large("c", 9).bytes(),
    ]
    .concat();
    for skip in [false, true] {
        let way = Way { skip, ..LONE };
        for size in [1000, 4093, 9000, bytes.len()] {
            let report = exchange(binary(), &cmds, way, bytes.chunks(size));
            assert!(report.in_step, "{size}");
            let whole = |cas| Told::Value {
                flags: 0,
                cas,
                bytes: body.clone(),
            };
            for (told, all) in [
                (&report.told[0], whole(None)),
                (&report.told[2], whole(Some(9))),
            ] {
                assert!(*told == all || (skip && *told == Told::Skipped(body.len())));
            }
            assert_eq!(report.told[1], Told::Done);
        }
        let short = &bytes[..bytes.len() - 1];
        let report = exchange(binary(), &cmds, way, short.chunks(4093));
        assert!(!report.in_step && report.told[2] == ABANDONED);
    }
}

/// What the protocol has no command for is not sent, and the connection goes on.
#[test]
fn nothing_is_sent_of_what_cannot_be_said() {
    for op in [Op::Verbosity, Op::CacheMemlimit] {
        let mut session = binary();
        session.begin();
        let queued = Cmd::new(op, "").with(|request| session.submit(0, request, false));
        assert_eq!(queued, Err(Unsent::Unsendable(Unsendable::NoOpcode)));
        assert!(session.all_sent() && session.in_step());
        let (bytes, told) = success(Op::Get);
        let report = exchange(session, &[Cmd::new(Op::Get, "key")], LONE, [&bytes[..]]);
        assert_eq!(report.told, [told]);
    }
}

/// FM-56: a group of statistics that is not known, and one whose frames do not end.
#[test]
fn fm56_statistics() {
    let cmd = [Cmd::new(Op::Stats, "")];
    let line = Frame {
        key: b"a:b:c",
        value: b"x y",
        ..reply(STAT, FIRST)
    };
    let end = reply(STAT, FIRST).bytes();
    let report = every_cut(
        binary,
        &cmd,
        LONE,
        &[line.bytes(), line.bytes(), end].concat(),
    );
    assert_eq!(report.told, [stats(&[("a:b:c", "x y"), ("a:b:c", "x y")])]);
    let unknown = reply(STAT, FIRST).failed(1, "Not found");
    let report = every_cut(binary, &cmd, LONE, &unknown.bytes());
    let text = "Not found";
    let told = refused(Status::UNKNOWN_COMMAND, Effect::None, text);
    assert!(report.in_step && report.told == [told]);
    let small = || Session::speaking(Dialect::Binary { opaque: FIRST }, 100);
    let endless = line.bytes().repeat(10);
    assert!(exchange(small(), &cmd, LONE, [&endless[..]]).broken);
}
