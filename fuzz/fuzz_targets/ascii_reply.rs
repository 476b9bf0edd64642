//! Any bytes as the replies to any commands: nothing panics, what is told stands in the bytes, and
//! every way to read them tells the same.
//! The input is that of `support/script.rs`.

#![no_main]

#[allow(dead_code, unused_imports)] // the tests use more of it
#[path = "../../tests/session/harness.rs"]
mod harness;
#[allow(dead_code)] // the other targets use more of it
#[path = "support/script.rs"]
mod script;

use harness::{Bytes, Cmd, Driver, Report, Told, Way};
use libfuzzer_sys::fuzz_target;
use memcached2::buffer::Block;
use memcached2::connection::arrival::Lone;
use memcached2::connection::session::Session;
use memcached2::error::Status;
use memcached2::protocol::{Dialect, Op};
use script::{MAX_VALUE, Script, contains};

fuzz_target!(|input: &[u8]| {
    let Some(script) = Script::read(input) else {
        return;
    };
    let pieces = script.pieces();
    let general = script.run(Dialect::Ascii, script.way, script.sent_first, &pieces);
    stands_in(&script, &general);
    let drained = Way {
        drain: true,
        ..script.way
    };
    assert_eq!(
        script.run(Dialect::Ascii, drained, script.sent_first, &pieces),
        general
    );
    if script.sent_first == usize::MAX {
        assert_eq!(
            script.run(Dialect::Ascii, script.way, usize::MAX, &[script.reply]),
            general
        );
        assert_eq!(
            script.run(Dialect::Ascii, drained, usize::MAX, &[script.reply]),
            general
        );
    }
    if let ([cmd], [first, rest @ ..]) = (&script.cmds[..], &pieces[..])
        && !cmd.quiet
    {
        let general = script.run(Dialect::Ascii, Way::default(), usize::MAX, &pieces);
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
            Told::Doubt => false,
            Told::Abandoned { .. } => !report.in_step,
        };
        assert!(stands, "{cmd:?}: {told:?}");
    }
    for (_, text) in &report.quiet_failed {
        assert!(contains(script.reply, text));
    }
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
