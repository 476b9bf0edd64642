//! Lines of many keys: where they are split, and that long replies are read the same in every way.

use memcached2::connection::session::Session;
use memcached2::error::Status;
use memcached2::protocol::{Key, Op};

use crate::harness::{Cmd, Driver, MAX_VALUE, Told, Way, run};

const BATCH: [Way; 2] = [Way::of(false, true), Way::of(true, true)];
const MISS: Told = Told::Miss(Status::NO_VALUE);

fn keys(op: Op, n: usize, len: usize) -> Vec<Cmd> {
    let key = |i: usize| format!("{i:0>len$}");
    (0..n).map(|i| Cmd::new(op, key(i)).ttl(60)).collect()
}

fn with_cas(op: Op) -> &'static str {
    if op.reads_cas() { " 7" } else { "" }
}

fn line_value(op: Op, key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let key = String::from_utf8_lossy(key);
    let head = format!("VALUE {key} 3 {}{}\r\n", bytes.len(), with_cas(op));
    [head.as_bytes(), bytes, b"\r\n"].concat()
}

fn told_value(op: Op, bytes: &[u8]) -> Told {
    Told::Value {
        flags: 3,
        cas: op.reads_cas().then_some(7),
        bytes: bytes.to_vec(),
    }
}

/// What a server answers to `sent`: of the keys for which `has` says so, a value that is the key.
fn server(op: Op, sent: &[u8], has: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut reply = Vec::new();
    for line in sent.split_inclusive(|byte| *byte == b'\n') {
        let words = line.strip_suffix(b"\r\n").expect("whole lines");
        let skip = if matches!(op, Op::Gat | Op::Gats) {
            2
        } else {
            1
        };
        for key in words.split(|byte| *byte == b' ').skip(skip) {
            if has(key) {
                reply.extend(line_value(op, key, key));
            }
        }
        reply.extend(b"END\r\n");
    }
    reply
}

/// FM-44: a line of keys is ended before it is longer than servers take, and not much before.
#[test]
fn fm44_lines_are_split() {
    for (op, limit) in [
        (Op::Get, 64 * 1024),
        (Op::Gets, 64 * 1024),
        (Op::Gat, 2047),
        (Op::Gats, 2047),
    ] {
        for len in [4, 7, 31, 250] {
            let cmds = keys(op, 140_000 / len.max(16), len);
            let mut driver = Driver::new(BATCH[0], &cmds);
            let sent = driver.send_all();
            let lines: Vec<&[u8]> = sent.split_inclusive(|byte| *byte == b'\n').collect();
            assert!(lines.iter().all(|line| line.ends_with(b"\r\n")));
            assert!(lines.iter().all(|line| line.len() <= limit), "{op:?} {len}");
            let (_, full) = lines.split_last().unwrap();
            assert!(full.iter().all(|line| line.len() + len + 1 > limit));
            assert!(!full.is_empty() || op.name().starts_with("get") && len == 4);
            let reply = server(op, &sent, |key| key[len - 1] != b'3');
            driver.receive(&reply);
            let (_, report) = driver.finish();
            assert!(report.in_step);
            for (cmd, told) in cmds.iter().zip(&report.told) {
                match cmd.key[len - 1] {
                    b'3' => assert_eq!(*told, MISS),
                    _ => assert_eq!(*told, told_value(op, &cmd.key)),
                }
            }
        }
    }
}

/// FM-12, FM-57: with more unread than a line can have, keys without a value are passed at once; the
/// same is told.
#[test]
fn fm12_fm57_long_replies_in_every_way() {
    for op in [Op::Get, Op::Gets, Op::Gat, Op::Gats] {
        let cmds = keys(op, 600, 12);
        let mut driver = Driver::new(BATCH[0], &cmds);
        let sent = driver.send_all();
        for modulus in [1, 2, 3, 97, 599, 1000] {
            let number = |key: &[u8]| std::str::from_utf8(key).unwrap().parse::<usize>().unwrap();
            let has = |key: &[u8]| number(key) % modulus == 0;
            let reply = server(op, &sent, has);
            let told: Vec<Told> = cmds
                .iter()
                .map(|cmd| match has(&cmd.key) {
                    true => told_value(op, &cmd.key),
                    false => MISS,
                })
                .collect();
            for way in BATCH {
                for size in [1, 7, 1000, 2303, 2304, 2305, 8192, usize::MAX] {
                    let report = run(&cmds, way, reply.chunks(size));
                    assert!(report.in_step, "{op:?} {modulus} {way:?} {size}");
                    assert!(report.told == told, "{op:?} {modulus} {way:?} {size}");
                }
            }
        }
        driver.receive(b"ERROR\r\n");
        assert!(driver.finish().1.broken);
    }
}

/// FM-20, FM-57: long lines that a proxy put into another order, keys twice among them.
#[test]
fn fm20_fm57_long_lines_reordered() {
    let n = 500;
    let cmds: Vec<Cmd> = (0..n)
        .map(|i| Cmd::new(Op::Get, format!("key{}", i % 400)))
        .collect();
    let told: Vec<Told> = cmds
        .iter()
        .map(|cmd| told_value(Op::Get, &cmd.key))
        .collect();
    let value_of = |i: usize| line_value(Op::Get, &cmds[i].key, &cmds[i].key);
    // Steps that are coprime to the number of keys visit them all.
    for step in [1, 3, 7, 99, 251, n - 1] {
        let mut reply: Vec<u8> = (0..n).flat_map(|i| value_of(i * step % n)).collect();
        reply.extend(b"END\r\n");
        for way in BATCH {
            for size in [1, 3000, usize::MAX] {
                let report = run(&cmds, way, reply.chunks(size));
                assert!(report.in_step, "{step} {way:?} {size}");
                assert!(report.told == told, "{step} {way:?} {size}");
            }
        }
    }
}

/// `join_keys` and `submit_next` queue what `submit` queues.
#[test]
fn fm44_fast_ways_to_queue_say_the_same() {
    for n in [1, 2, 300, 9000] {
        let cmds = keys(Op::Get, n, 14);
        let mut general = Driver::new(BATCH[0], &cmds);
        let sent = general.send_all();
        let mut session = Session::new(MAX_VALUE);
        session.begin_batch(0, 0);
        let (mut done, mut places) = (0, Vec::new());
        while let Some(cmd) = cmds.get(done) {
            let key_at = cmd.with(|request| session.submit(done as u32, request, false));
            places.push(key_at.unwrap());
            done += 1;
            let next = |n: usize| {
                let cmd = cmds.get(done + n)?;
                Some(((done + n) as u32, Key::new(b"", &cmd.key).unwrap()))
            };
            done += session.join_keys(Op::Get, next, |_, _, key_at| places.push(key_at));
        }
        session.end_line();
        let mut fast = Driver::of(session, BATCH[1], &cmds);
        assert_eq!(fast.send_all(), sent);
        for (cmd, at) in cmds.iter().zip(&places) {
            assert_eq!(sent[*at..*at + 14], cmd.key[..]);
        }
        let reply = server(Op::Get, &sent, |key| key[13] % 2 == 0);
        for driver in [&mut general, &mut fast] {
            reply.chunks(5000).for_each(|piece| driver.receive(piece));
        }
        let (general, fast) = (general.finish().1, fast.finish().1);
        assert!(general.in_step && general == fast);
    }
}

#[test]
fn fm03_submit_next_says_the_same() {
    for op in [Op::Set, Op::Cas, Op::Delete, Op::Incr, Op::Touch] {
        let cmds = keys(op, 700, 9);
        let sent = Driver::new(BATCH[0], &cmds).send_all();
        let mut session = Session::new(MAX_VALUE);
        session.begin_batch(0, 0);
        for (token, cmd) in cmds.iter().enumerate() {
            let key_at = cmd.with(|request| session.submit_next(token as u32, request));
            let key_at = key_at.expect("memory");
            assert_eq!(sent[key_at..key_at + 9], cmd.key[..]);
        }
        let mut driver = Driver::of(session, BATCH[1], &cmds);
        assert_eq!(driver.send_all(), sent);
        let (reply, told) = match op {
            Op::Delete => ("DELETED\r\n", Told::Done),
            Op::Incr => ("12\r\n", Told::Number(12)),
            Op::Touch => ("TOUCHED\r\n", Told::Done),
            _ => ("STORED\r\n", Told::Done),
        };
        let bytes = reply.repeat(cmds.len()).into_bytes();
        bytes.chunks(1001).for_each(|piece| driver.receive(piece));
        let (_, report) = driver.finish();
        assert!(report.in_step && report.told.iter().all(|one| *one == told));
    }
}
