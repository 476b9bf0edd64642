//! Any bytes as the replies to any commands of the meta protocol: nothing panics, nothing is told that
//! does not stand in the bytes with the command's own opaque, and every way to read them tells the same.
//! The input is that of `support/script.rs`.

#![no_main]

#[allow(dead_code, unused_imports)] // the tests use more of it
#[path = "../../tests/session/harness.rs"]
mod harness;
#[path = "support/script.rs"]
mod script;

use harness::{Cmd, Report, Told, Way};
use libfuzzer_sys::fuzz_target;
use memcached2::error::Status;
use memcached2::protocol::Dialect;
use script::{Script, contains};

/// Of the first command.
const OPAQUE: u32 = 7;
const DIALECT: Dialect = Dialect::Meta { opaque: OPAQUE };

fuzz_target!(|input: &[u8]| {
    let Some(script) = Script::read(input) else {
        return;
    };
    let pieces = script.pieces();
    let general = script.run(DIALECT, script.way, script.sent_first, &pieces);
    stands_in(&script, &general);
    let drained = Way {
        drain: true,
        ..script.way
    };
    let same = |way, sent_first, pieces: &[&[u8]]| {
        assert_eq!(script.run(DIALECT, way, sent_first, pieces), general);
    };
    same(drained, script.sent_first, &pieces);
    if script.sent_first == usize::MAX {
        same(script.way, usize::MAX, &[script.reply]);
        same(drained, usize::MAX, &[script.reply]);
    }
});

/// What was told is what the bytes say.
fn stands_in(script: &Script<'_>, report: &Report) {
    let mut opaque = OPAQUE;
    for (told, cmd) in report.told.iter().zip(&script.cmds) {
        if cmd.op.takes_key() {
            if !cmd.quiet {
                assert!(
                    is_said(script.reply, told, cmd, opaque),
                    "{cmd:?}: {told:?}"
                );
            }
            opaque += 1;
        }
        let gone = matches!(told, Told::Abandoned { .. });
        assert!(cmd.quiet || !gone || !report.in_step);
    }
}

/// Whether the bytes have a line with the command's opaque, and what was told with it.
fn is_said(reply: &[u8], told: &Told, cmd: &Cmd, opaque: u32) -> bool {
    let mut lines = reply.split(|byte| *byte == b'\n');
    let opaque = format!(" O{opaque}");
    let mut answered = |codes: &[&str]| {
        lines.any(|line| {
            contains(line, opaque.as_bytes())
                && codes.iter().any(|code| line.starts_with(code.as_bytes()))
        })
    };
    let key = [b" k", &cmd.key[..]].concat();
    match told {
        Told::Value { bytes, .. } => {
            let begin = format!("VA {} ", bytes.len());
            answered(&[&begin]) && contains(reply, &key) && contains(reply, bytes)
        }
        Told::Skipped(len) => answered(&[&format!("VA {len} ")]) && contains(reply, &key),
        Told::Miss(Status::NO_VALUE) => cmd.op.reads_value() && answered(&["EN"]),
        Told::Miss(_) => answered(&["NF", "EN"]),
        Told::Done => answered(&["HD"]),
        Told::Number(number) => {
            answered(&["VA "]) && contains(reply, format!("\n{number}\r\n").as_bytes())
        }
        Told::Refused { text, .. } => {
            // An error line has no opaque.
            (contains(reply, b"ERROR") && contains(reply, text)) || answered(&["NS", "EX"])
        }
        Told::Abandoned { .. } => true,
        Told::Version(_) | Told::Stats(_) => false,
    }
}
