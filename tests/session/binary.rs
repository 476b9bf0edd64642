//! The binary protocol over a connection: opcode, opaque and lengths say whose a frame is.

use memcached2::connection::session::Session;
use memcached2::connection::tagged::Unsent;
use memcached2::error::{Effect, Status};
use memcached2::protocol::binary::client::Unsendable;
use memcached2::protocol::binary::header::{HEADER_LEN, Header, REPLY};
use memcached2::protocol::binary::opcode::*;
use memcached2::protocol::{Dialect, Op};

use crate::harness::{ABANDONED, Cmd, Driver, MAX_VALUE, Report, Told, Way, refused, stats, value};
use crate::tagged::{BATCH, FIRST, LONE, binary, every_cut, exchange};

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
        ("CLIENT_ERROR unauthenticated", Status::CLIENT_ERROR),
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

// --- batches

fn silent(op: Op) -> u8 {
    match op {
        Op::Get | Op::Gets => GETKQ,
        op => memcached2::protocol::binary::opcode::quiet(opcode(op)).expect("a quiet form"),
    }
}

/// FM-09: what is sent for a batch: quiet forms where there are, and NOOP behind the last.
#[test]
fn fm09_a_batch_ends_with_noop() {
    let cmds = [
        Cmd::new(Op::Get, "a"),
        Cmd::new(Op::Set, "b"),
        Cmd::new(Op::Incr, "c"),
        Cmd::new(Op::Gat, "d"),
        Cmd::new(Op::Delete, "e"),
        Cmd::new(Op::Touch, "f"),
        Cmd::new(Op::Append, "g"),
    ];
    let mut driver = Driver::again(binary(), BATCH, &cmds);
    let sent = driver.send_all();
    let (mut at, mut frames) = (0, Vec::new());
    while at < sent.len() {
        let header = sent[at..].first_chunk().expect("a header");
        let header = Header::parse(header);
        frames.push((header.opcode, header.opaque));
        at += HEADER_LEN + header.body_len as usize;
    }
    let opcodes = [GETKQ, SETQ, INCREMENT, GATQ, DELETEQ, TOUCH, APPENDQ, NOOP];
    let expected: Vec<_> = opcodes.into_iter().zip(FIRST..).collect();
    assert_eq!(frames, expected);
    let number = Frame {
        value: &[0, 0, 0, 0, 0, 0, 0, 6],
        ..reply(INCREMENT, 9)
    };
    let bytes = [
        number.bytes(),
        reply(DELETEQ, 11).failed(1, "Not found").bytes(),
        reply(TOUCH, 12).bytes(),
        reply(NOOP, 14).bytes(),
    ]
    .concat();
    let report = every_cut(binary, &cmds, BATCH, &bytes);
    assert!(report.in_step);
    let miss = Told::Miss;
    assert_eq!(
        report.told,
        [
            miss(Status::NO_VALUE),
            Told::Done,
            Told::Number(6),
            miss(Status::NO_VALUE),
            miss(Status::NOT_FOUND),
            Told::Done,
            Told::Done,
        ]
    );
    // A loud command at the end settles as well.
    let mut driver = Driver::again(binary(), BATCH, &cmds[..3]);
    let sent = driver.send_all();
    assert!(!sent.windows(2).any(|two| two == [0x80, NOOP]));
}

/// FM-09, FM-57: hits by their opaques, misses by silence, failures by their opaques.
#[test]
fn fm09_fm57_hits_misses_and_failures() {
    let cmds: Vec<_> = ["a", "b", "a", "c"]
        .map(|key| Cmd::new(Op::Get, key))
        .into();
    let miss = || Told::Miss(Status::NO_VALUE);
    let end = reply(NOOP, 11).bytes();
    let hit = |key, opaque, value| reply(GETKQ, opaque).hit(key, value).bytes();
    for (bytes, told) in [
        (end.clone(), [miss(), miss(), miss(), miss()]),
        (
            [hit("b", 8, b"B"), end.clone()].concat(),
            [miss(), value("B"), miss(), miss()],
        ),
        (
            [hit("a", 9, b"A"), hit("c", 10, b""), end.clone()].concat(),
            [miss(), miss(), value("A"), value("")],
        ),
    ] {
        let report = every_cut(binary, &cmds, BATCH, &bytes);
        assert!(report.in_step);
        assert_eq!(report.told, told);
    }
    let sets: Vec<_> = ["a", "b", "c"].map(|key| Cmd::new(Op::Set, key)).into();
    let full = reply(SETQ, 8).failed(0x82, "Out of memory").bytes();
    let report = every_cut(
        binary,
        &sets,
        BATCH,
        &[full, reply(NOOP, 10).bytes()].concat(),
    );
    let failed = refused(Status::OUT_OF_MEMORY, Effect::Removed, "Out of memory");
    assert!(report.in_step);
    assert_eq!(report.told, [Told::Done, failed, Told::Done]);
}

/// FM-07, FM-08, FM-20: a frame that answers no command that waits; what was told before stands.
#[test]
fn fm07_fm08_fm20_frames_of_others() {
    let cmds: Vec<_> = ["a", "b", "c"].map(|key| Cmd::new(Op::Get, key)).into();
    let end = reply(NOOP, 10).bytes();
    let hit = |key, opaque| reply(GETKQ, opaque).hit(key, b"v").bytes();
    let miss = || Told::Miss(Status::NO_VALUE);
    let none = || [ABANDONED, ABANDONED, ABANDONED];
    for (bytes, told) in [
        (reply(NOOP, 11).bytes(), none()),
        (reply(NOOP, 9).bytes(), none()),
        (reply(GETKQ, 10).bytes(), none()),
        (reply(SETQ, 8).bytes(), none()),
        ([hit("a", 6), end.clone()].concat(), none()),
        ([hit("a", 8), end.clone()].concat(), none()),
        (
            [hit("b", 8), hit("a", 7), end.clone()].concat(),
            [miss(), value("v"), ABANDONED],
        ),
        (
            [hit("b", 8), hit("b", 8), end.clone()].concat(),
            [miss(), value("v"), ABANDONED],
        ),
    ] {
        let report = every_cut(binary, &cmds, BATCH, &bytes);
        assert!(report.broken);
        assert_eq!(report.told, told);
    }
    // A loud one has its own reply.
    let cmds = [Cmd::new(Op::Incr, "a"), Cmd::new(Op::Get, "b")];
    let report = every_cut(binary, &cmds, BATCH, &reply(NOOP, 9).bytes());
    assert!(report.broken && report.told == [ABANDONED, ABANDONED]);
    // Behind the last reply.
    let cmds = [Cmd::new(Op::Get, "a")];
    let twice = reply(NOOP, 8).bytes().repeat(2);
    let report = every_cut(binary, &cmds, BATCH, &twice);
    assert!(report.broken && report.told == [miss()]);
}

/// FM-04, FM-13: no NOOP, or one before it was sent: nothing is said of what was silent.
#[test]
fn fm04_fm13_no_noop_no_answer() {
    let cmds: Vec<_> = ["a", "b"].map(|key| Cmd::new(Op::Set, key)).into();
    let report = exchange(binary(), &cmds, BATCH, []);
    assert!(!report.in_step && report.told == [ABANDONED, ABANDONED]);
    let all = Driver::again(binary(), BATCH, &cmds).send_all().len();
    for sent in 0..all {
        let mut driver = Driver::again(binary(), BATCH, &cmds);
        driver.send(sent);
        driver.receive(&reply(NOOP, 9).bytes());
        let report = driver.finish().1;
        assert!(report.broken, "{sent}");
        let none = |told: &Told| matches!(told, Told::Abandoned { .. });
        assert!(report.told.iter().all(none), "{sent}");
    }
}

/// FM-09, FM-16: quiet commands are silent, settled by the next one, or by NOOP where that is asked for.
#[test]
fn fm09_fm16_quiet_commands() {
    let ops = [Op::Set, Op::Add, Op::Delete, Op::Touch, Op::Incr, Op::Cas];
    let quiet = ops.map(|op| Cmd::new(op, "q").quiet());
    let get = [Cmd::new(Op::Get, "a")];
    let failures = [
        reply(silent(Op::Add), 8).failed(2, "x").bytes(),
        reply(silent(Op::Delete), 9).failed(1, "x").bytes(),
        reply(TOUCH, 10).bytes(),
    ]
    .concat();
    let hit = reply(GETK, 13).hit("a", b"abc").bytes();
    let noop = reply(NOOP, 13).bytes();
    for size in 1..=failures.len() {
        let begun = || {
            let mut driver = Driver::again(binary(), LONE, &quiet);
            driver.send_all();
            let (session, report) = driver.finish();
            assert!(report.in_step && session.owes_quiet() == quiet.len());
            session
        };
        let mut next = Driver::again(begun(), LONE, &get);
        next.send_all();
        let mut settled = Driver::again(begun(), LONE, &[]);
        settled.session.ask_to_settle().expect("memory");
        settled.send_all();
        for (mut driver, end) in [(next, &hit), (settled, &noop)] {
            let all = [&failures[..], end].concat();
            all.chunks(size).for_each(|piece| driver.receive(piece));
            let (session, report) = driver.finish();
            assert!(report.in_step && session.owes_quiet() == 0, "{size}");
            let failed: Vec<_> = report.quiet_failed.iter().map(|(s, _)| *s).collect();
            assert_eq!(failed, [Status::NOT_STORED, Status::NOT_FOUND]);
        }
    }
}
