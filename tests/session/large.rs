//! Values larger than the receive memory: read to their place, or thrown away.

use std::mem::MaybeUninit;

use memcached2::buffer::{Lent, Place};
use memcached2::connection::inbox::LONE_CHUNK;
use memcached2::connection::session::Session;
use memcached2::error::Status;
use memcached2::protocol::Op;

use crate::harness::{ABANDONED, Cmd, Driver, MAX_VALUE, Told, Way, run, value};
use crate::lone::{begun, read_to, receive_once, short};

const WAYS: [Way; 8] = {
    let mut ways = [Way::of(false, false); 8];
    let mut n = 0;
    while n < 8 {
        ways[n] = Way {
            drain: n & 1 != 0,
            batch: n & 2 != 0,
            skip: n & 4 != 0,
        };
        n += 1;
    }
    ways
};

fn pattern(len: usize) -> Vec<u8> {
    let line = b"END\r\nVALUE a 0 1\r\n";
    (0..len).map(|at| line[at % line.len()]).collect()
}

fn message(key: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("VALUE {key} 0 {}\r\n", bytes.len());
    [head.as_bytes(), bytes, b"\r\n"].concat()
}

/// A value as it is told of, or that it was thrown away.
fn told(told: &Told, bytes: &[u8], way: Way) -> bool {
    *told == value(bytes) || way.skip && *told == Told::Skipped(bytes.len())
}

fn sizes() -> Vec<usize> {
    let below = [28, 24, 23, 22, 18, 17, 16, 15, 9, 7, 3, 2, 1, 0];
    let chunks = [LONE_CHUNK, 64 << 10, 128 << 10, 256 << 10];
    let around = chunks.iter().flat_map(|chunk| below.map(|n| chunk - n));
    around
        .chain([0, 1, 4000, LONE_CHUNK + 1, 1 << 20, (1 << 20) + 1])
        .collect()
}

/// FM-22: of every size around those of the receive memory, in pieces of every kind.
#[test]
fn fm22_every_size_around_the_chunks() {
    for len in sizes() {
        let bytes = pattern(len);
        let mut reply = message("a", &bytes);
        reply.extend(message("b", b"small"));
        reply.extend(b"END\r\n");
        let lone = [&message("a", &bytes)[..], b"END\r\n"].concat();
        for way in WAYS {
            let small = if len < 70_000 { 1000 } else { 30_000 };
            for size in [small, 70_000, usize::MAX] {
                let cmds = [Cmd::new(Op::Get, "a"), Cmd::new(Op::Get, "b")];
                let (cmds, reply) = match way.batch {
                    true => (&cmds[..], &reply),
                    false => (&cmds[..1], &lone),
                };
                let report = run(cmds, way, reply.chunks(size));
                assert!(report.in_step, "{len} {way:?} {size}");
                assert!(told(&report.told[0], &bytes, way), "{len} {way:?} {size}");
                assert!(cmds.len() == 1 || report.told[1] == value("small"));
            }
        }
    }
}

/// FM-13: cut at every byte around its ends a large value is told the same, and cut off it is none.
#[test]
fn fm13_large_values_cut_around_their_ends() {
    let bytes = pattern(20_000);
    let reply = [&message("a", &bytes)[..], b"END\r\n"].concat();
    let cmd = [Cmd::new(Op::Get, "a")];
    let head = "VALUE a 0 20000\r\n".len();
    for way in WAYS {
        for at in (0..head + 20).chain(reply.len() - 20..reply.len()) {
            let report = run(&cmd, way, [&reply[..at], &reply[at..]]);
            assert!(
                report.in_step && told(&report.told[0], &bytes, way),
                "{at} {way:?}"
            );
            let report = run(&cmd, way, [&reply[..at]]);
            assert_eq!(report.told, [ABANDONED], "{at} {way:?}");
            assert!(!report.in_step);
        }
        for end in [
            "\nEND\r\n",
            "\r\nEND\n",
            "x\r\nEND\r\n",
            "\r\nSTORED\r\n",
            "\r\n\r\n",
        ] {
            let bad = [&reply[..reply.len() - 7], end.as_bytes()].concat();
            for size in [1000, usize::MAX] {
                let report = run(&cmd, way, bad.chunks(size));
                assert_eq!(
                    (report.told, report.broken),
                    (vec![ABANDONED], true),
                    "{end:?}"
                );
            }
        }
    }
}

/// FM-21, FM-22, FM-42: announced larger than the limit breaks, at the limit does not, and memory
/// is asked for as bytes come.
#[test]
fn fm21_fm22_fm42_the_limit() {
    let cmd = [Cmd::new(Op::Get, "a")];
    for (len, broken) in [
        (MAX_VALUE, false),
        (MAX_VALUE + 1, true),
        (usize::MAX, true),
    ] {
        for way in WAYS {
            let head = format!("VALUE a 0 {len}\r\nabc");
            let report = run(&cmd, way, [head.as_bytes()]);
            assert_eq!((report.told, report.broken), (vec![ABANDONED], broken));
            assert!(!report.in_step);
        }
    }
}

/// Hits, misses and large values mixed in a line of keys.
#[test]
fn fm57_large_values_among_others() {
    let sizes = [3, 100_000, 0, 9_000, 300_000, 5];
    let cmds: Vec<Cmd> = (0..12)
        .map(|n| Cmd::new(Op::Get, format!("k{n}")))
        .collect();
    let mut reply = Vec::new();
    for (n, size) in sizes.iter().enumerate() {
        reply.extend(message(&format!("k{}", 2 * n + 1), &pattern(*size)));
    }
    reply.extend(b"END\r\n");
    for way in WAYS.into_iter().filter(|way| way.batch) {
        for size in [777, 10_000, usize::MAX] {
            let report = run(&cmds, way, reply.chunks(size));
            assert!(report.in_step);
            for (n, one) in report.told.iter().enumerate() {
                match n % 2 {
                    0 => assert_eq!(*one, Told::Miss(Status::NO_VALUE)),
                    _ => assert!(told(one, &pattern(sizes[n / 2]), way), "{n} {way:?} {size}"),
                }
            }
        }
    }
}

/// FM-26: a megabyte, byte by byte, is read in a time that follows its length: it comes to an end.
#[test]
fn fm26_a_megabyte_byte_by_byte() {
    let bytes = pattern(1_000_000);
    let reply = [&message("a", &bytes)[..], b"END\r\n"].concat();
    let cmd = [Cmd::new(Op::Get, "a")];
    for way in [Way::of(false, false), Way::of(true, true)] {
        let mut driver = Driver::new(way, &cmd);
        driver.send_all();
        reply.chunks(1).for_each(|piece| driver.receive(piece));
        assert_eq!(driver.reads, reply.len());
        let (_, report) = driver.finish();
        assert!(report.in_step && report.told == [value(&bytes)]);
    }
}

/// FM-26: a line of keys whose values are small, byte by byte.
#[test]
fn fm26_many_small_values_byte_by_byte() {
    let cmds: Vec<Cmd> = (0..5000)
        .map(|n| Cmd::new(Op::Get, format!("key{n}")))
        .collect();
    let mut reply: Vec<u8> = (0..5000)
        .flat_map(|n| message(&format!("key{n}"), b"0123456789"))
        .collect();
    reply.extend(b"END\r\n");
    for way in [Way::of(false, true), Way::of(true, true)] {
        let report = run(&cmds, way, reply.chunks(1));
        assert!(report.in_step);
        assert!(report.told.iter().all(|one| *one == value("0123456789")));
    }
}

/// A large value is behind us: the values after it, which the receive memory holds, are received in few
/// reads again.
#[test]
fn fm26_few_reads_after_a_large_value() {
    let cmd = [Cmd::new(Op::Get, "a")];
    let large = [&message("a", &pattern(100_000))[..], b"END\r\n"].concat();
    let small = [&message("a", &pattern(6_000))[..], b"END\r\n"].concat();
    let mut session = Session::new(MAX_VALUE);
    for round in 0..12 {
        let before = if round % 4 == 0 { &large } else { &small };
        let mut driver = Driver::again(session, Way::default(), &cmd);
        driver.send_all();
        driver.receive(before);
        let report;
        (session, report) = driver.finish();
        assert!(report.in_step);
        let (reads, told);
        (session, reads, told) = begun_shortly(session, &cmd, &small);
        assert!(reads <= 3, "{reads} reads in round {round}");
        assert!(told == value(pattern(6_000)) && session.in_step());
    }
}

/// As lone commands go: the short way looks at what comes first. Returns the number of reads, too.
fn begun_shortly(session: Session, cmd: &[Cmd; 1], reply: &[u8]) -> (Session, usize, Told) {
    let (mut session, key_at) = begun(session, &cmd[0]);
    let rest = receive_once(&mut session, reply);
    if let Some(told) = short(&mut session, &cmd[0], key_at) {
        assert!(rest.is_empty());
        return (session, 1, told);
    }
    cmd[0].with(|request| session.owe_lone(request, key_at, false).expect("memory"));
    let mut driver = Driver::of(session, Way::default(), cmd);
    driver.hear();
    driver.receive(rest);
    let reads = driver.reads + 1;
    let (session, mut report) = driver.finish();
    (session, reads, report.told.remove(0))
}

/// FM-112: a place that gives less room than is wanted, a caller's buffer, is filled in order.
#[test]
fn fm112_a_place_in_small_rooms() {
    struct Rooms {
        bytes: Vec<u8>,
        room: [MaybeUninit<u8>; 7],
    }
    // SAFETY: `space` returns memory of its own, at most as much as is wanted, and only as much of it
    // is read as `advance` was told of.
    unsafe impl Place for Rooms {
        fn space(&mut self, wanted: usize) -> &mut [MaybeUninit<u8>] {
            let n = wanted.min(7);
            &mut self.room[..n]
        }
        unsafe fn advance(&mut self, n: usize) {
            for byte in &self.room[..n] {
                // SAFETY: the caller promises that they are initialised.
                self.bytes.push(unsafe { byte.assume_init() });
            }
        }
    }
    let mut small = Rooms {
        bytes: Vec::new(),
        room: [MaybeUninit::uninit(); 7],
    };
    let mut memory = vec![MaybeUninit::uninit(); 20_000];
    let mut lent = Lent::new(&mut memory);
    let bytes = pattern(20_000);
    let reply = [&message("a", &bytes)[..], b"END\r\n"].concat();
    for place in [&mut small as &mut dyn Place, &mut lent] {
        read_to(place, &reply);
    }
    assert_eq!(small.bytes, bytes);
    let there = memory.iter().map(|byte| {
        // SAFETY: the whole buffer was filled, as `read_to` has seen to.
        unsafe { byte.assume_init() }
    });
    assert!(there.eq(bytes));
}
