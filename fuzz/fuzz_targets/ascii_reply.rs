//! Any bytes as the replies to any commands: nothing panics, what is told stands in the bytes, and
//! every way to read them tells the same.
//!
//! The input: flags, how many bytes are sent before the first receive (255: all), the sizes of four
//! pieces (0: all that is left) which are repeated, the number of commands, a byte for each of them,
//! and the replies.

#![no_main]

#[allow(dead_code, unused_imports)] // the tests use more of it
#[path = "../../tests/session/harness.rs"]
mod harness;

use harness::{Bytes, Cmd, Driver, Report, Told, Way};
use libfuzzer_sys::fuzz_target;
use memcached2::buffer::Block;
use memcached2::connection::arrival::Lone;
use memcached2::connection::session::Session;
use memcached2::error::Status;
use memcached2::protocol::Op;

const KEYS: [&str; 4] = ["a", "b", "key", "key2"];
const MAX_VALUE: usize = 60_000;

struct Script<'a> {
    way: Way,
    sent_first: usize,
    sizes: [usize; 4],
    cmds: Vec<Cmd>,
    reply: &'a [u8],
}

impl Script<'_> {
    fn read(input: &[u8]) -> Option<Script<'_>> {
        let ([flags, sent_first, sizes @ .., n], rest) = input.split_first_chunk::<7>()?;
        let (cmds, reply) = rest.split_at_checked(usize::from(n % 12) + 1)?;
        Some(Script {
            way: Way {
                drain: false,
                batch: flags & 1 != 0,
                skip: flags & 2 != 0,
            },
            sent_first: match sent_first {
                255 => usize::MAX,
                n => usize::from(*n),
            },
            sizes: sizes.map(|size| match size {
                0 => usize::MAX,
                n => usize::from(n),
            }),
            cmds: cmds.iter().map(command).collect(),
            reply,
        })
    }

    fn pieces(&self) -> Vec<&[u8]> {
        let mut rest = self.reply;
        let mut pieces = Vec::new();
        for size in self.sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces
    }

    fn run(&self, way: Way, sent_first: usize, pieces: &[&[u8]]) -> Report {
        let mut driver = Driver::again(Session::new(MAX_VALUE), way, &self.cmds);
        driver.send(sent_first);
        for (n, piece) in pieces.iter().enumerate() {
            if n == 1 {
                driver.send_all();
            }
            driver.receive(piece);
        }
        if driver.session.broken().is_none() {
            driver.send_all();
        }
        driver.finish().1
    }
}

/// Op, key, expiry time, and whether it is quiet, where it may be.
fn command(byte: &u8) -> Cmd {
    let which = usize::from(byte >> 4 & 3);
    // Commands for servers need no key: the bits of the key tell more of them apart.
    let op = match Op::ALL[usize::from(byte & 15)] {
        Op::Version => [Op::Version, Op::Ping, Op::Stats, Op::Stats][which],
        Op::FlushAll => [
            Op::FlushAll,
            Op::Verbosity,
            Op::CacheMemlimit,
            Op::DeleteAll,
        ][which],
        op => op,
    };
    let mut cmd = Cmd::new(op, KEYS[which]);
    if op == Op::Stats && which == 3 {
        cmd = cmd.value(b"reset".to_vec());
    }
    if byte & 64 != 0 {
        cmd = cmd.ttl(10);
    }
    if byte & 128 != 0 && !op.is_read() {
        cmd = cmd.quiet();
    }
    cmd
}

fuzz_target!(|input: &[u8]| {
    let Some(script) = Script::read(input) else {
        return;
    };
    let pieces = script.pieces();
    let general = script.run(script.way, script.sent_first, &pieces);
    stands_in(&script, &general);
    let drained = Way {
        drain: true,
        ..script.way
    };
    assert_eq!(script.run(drained, script.sent_first, &pieces), general);
    if script.sent_first == usize::MAX {
        assert_eq!(script.run(script.way, usize::MAX, &[script.reply]), general);
        assert_eq!(script.run(drained, usize::MAX, &[script.reply]), general);
    }
    if let ([cmd], [first, rest @ ..]) = (&script.cmds[..], &pieces[..])
        && !cmd.quiet
    {
        let general = script.run(Way::default(), usize::MAX, &pieces);
        short_way(cmd, first, rest, &general);
    }
});

/// What was told is what the bytes say.
fn stands_in(script: &Script<'_>, report: &Report) {
    let says = |text: &str| contains(script.reply, text.as_bytes());
    for (told, cmd) in report.told.iter().zip(&script.cmds) {
        let key = std::str::from_utf8(&cmd.key).expect("one of ours");
        let stands = match told {
            _ if cmd.quiet => true,
            Told::Value { flags, cas, bytes } => {
                let cas = cas.map(|cas| format!(" {cas}")).unwrap_or_default();
                let head = format!("VALUE {key} {flags} {}{cas}\r\n", bytes.len());
                let message = [head.as_bytes(), bytes, b"\r\n"].concat();
                cmd.op.reads_value() && contains(script.reply, &message)
            }
            Told::Skipped(len) => says(&format!("VALUE {key} ")) && *len <= script.reply.len(),
            Told::Miss(Status::NO_VALUE) => cmd.op.reads_value() && says("END\r\n"),
            Told::Miss(_) => says("NOT_FOUND\r\n") || says("NOT FOUND\r\n"),
            Told::Stats(lines) => {
                let ends = match cmd.value.is_empty() {
                    true => says("END\r\n"),
                    false => says("RESET\r\n") && lines.is_empty(),
                };
                let line = |(name, text): &(Vec<u8>, Vec<u8>)| {
                    contains(script.reply, &[b"STAT ", &name[..], b" ", text].concat())
                        || text.is_empty()
                            && contains(script.reply, &[b"STAT ", &name[..]].concat())
                };
                ends && lines.iter().all(line)
            }
            Told::Done if cmd.op == Op::Ping => says("VERSION "),
            Told::Done => {
                let words = ["STORED\r\n", "DELETED\r\n", "TOUCHED\r\n", "OK\r\n"];
                words.iter().any(|word| says(word))
            }
            Told::Number(number) => says(&format!("{number}\r\n")),
            Told::Version(text) => {
                contains(script.reply, &[b"VERSION ", &text[..], b"\r\n"].concat())
            }
            Told::Refused { text, .. } => {
                let words = [
                    "ERROR",
                    "NOT_STORED\r\n",
                    "NOT STORED\r\n",
                    "EXISTS\r\n",
                    "MEMLIMIT_",
                ];
                words.iter().any(|word| says(word)) && contains(script.reply, text)
            }
            Told::Abandoned { .. } => !report.in_step,
        };
        assert!(stands, "{cmd:?}: {told:?}");
    }
    for (_, text) in &report.quiet_failed {
        assert!(contains(script.reply, text));
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

/// The short way of lone commands says what the general way says, or lets that go on.
fn short_way(cmd: &Cmd, first: &[u8], rest: &[&[u8]], general: &Report) {
    let cmds = std::slice::from_ref(cmd);
    let mut session = Session::new(MAX_VALUE);
    let key_at = cmd.with(|request| session.begin_lone(request).expect("memory"));
    let mut driver = Driver::of(session, Way::default(), cmds);
    driver.send_all();
    let mut session = driver.session;
    let mut source = Bytes {
        rest: first,
        reads: 0,
    };
    let Ok(_) = session.receive(&mut source, None).expect("memory");
    let lone = cmd.with(|request| session.lone_reply(request, key_at));
    let told = match lone {
        None => None,
        Some(Lone::Value { head, value }) => Some(Told::of(&head, session.bytes(value))),
        Some(Lone::Miss(status)) => Some(Told::Miss(status)),
        Some(Lone::Done) => Some(Told::Done),
        Some(Lone::Number(number)) => Some(Told::Number(number)),
        Some(Lone::Large { head, used }) => {
            let mut block = Block::new();
            block.begin(head.len).expect("memory");
            let left = session.begin_large(&head, used, &mut block);
            cmd.with(|request| session.owe_lone(request, key_at, false).expect("memory"));
            session.continue_large(head, used, Some(left));
            let mut driver = Driver::of(session, Way::default(), cmds);
            driver.go_on_placing(block);
            return go_on(driver, source.rest, rest, general);
        }
    };
    if let Some(told) = told {
        assert!(session.in_step() && source.rest.is_empty());
        assert_eq!(told, general.told[0]);
        assert!(rest.is_empty() == general.in_step);
        return;
    }
    cmd.with(|request| session.owe_lone(request, key_at, false).expect("memory"));
    let mut driver = Driver::of(session, Way::default(), cmds);
    driver.hear();
    go_on(driver, source.rest, rest, general);
}

fn go_on(mut driver: Driver<'_>, first: &[u8], rest: &[&[u8]], general: &Report) {
    driver.receive(first);
    rest.iter().for_each(|piece| driver.receive(piece));
    assert_eq!(driver.finish().1, *general);
}
