//! Batches over binary: quiet frames, settled by the replies to later ones, at the end by NOOP.

use memcached2::error::{Effect, Status};
use memcached2::protocol::Op;
use memcached2::protocol::binary::header::{HEADER_LEN, Header};
use memcached2::protocol::binary::opcode::*;

use crate::binary::{Frame, reply};
use crate::harness::{ABANDONED, Cmd, Driver, Told, refused, value};
use crate::tagged::{BATCH, FIRST, LONE, binary, every_cut, exchange};

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
            [hit("b", 8), hit("b", 8), end.clone()].concat(),
            [ABANDONED, value("v"), ABANDONED],
        ),
    ] {
        let report = every_cut(binary, &cmds, BATCH, &bytes);
        assert!(report.broken);
        assert_eq!(report.told, told);
    }
    // In another order, as a proxy may send them: that there is nothing is told by the barrier alone.
    for (bytes, told) in [
        (
            [hit("b", 8), hit("a", 7), end.clone()].concat(),
            [value("v"), value("v"), miss()],
        ),
        (
            [hit("c", 9), hit("a", 7), hit("b", 8), end.clone()].concat(),
            [value("v"), value("v"), value("v")],
        ),
    ] {
        let report = every_cut(binary, &cmds, BATCH, &bytes);
        assert!(report.in_step);
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
        reply(ADDQ, 8).failed(2, "x").bytes(),
        reply(DELETEQ, 9).failed(1, "x").bytes(),
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
