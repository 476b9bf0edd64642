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
    let sent = script.sent(DIALECT, script.way);
    let mut lines = sent.split(|byte| *byte == b'\n');
    for (told, cmd) in report.told.iter().zip(&script.cmds) {
        if cmd.op.takes_key() {
            let own = lines.find_map(Own::of).expect("the line of every command");
            if !cmd.quiet {
                assert!(is_said(script.reply, told, cmd, own), "{cmd:?}: {told:?}");
            }
        }
        let gone = matches!(told, Told::Abandoned { .. });
        assert!(cmd.quiet || !gone || !report.in_step);
    }
}

/// How a command was sent.
#[derive(Clone, Copy)]
struct Own {
    opaque: u32,
    silent: bool,
}

impl Own {
    fn of(line: &[u8]) -> Option<Own> {
        let line = std::str::from_utf8(line.strip_suffix(b"\r")?).ok()?;
        let (before, opaque) = line.rsplit_once(" O")?;
        Some(Own {
            opaque: opaque.parse().ok()?,
            silent: before.ends_with(" q"),
        })
    }
}

/// Whether the bytes have a line with the command's opaque, and what was told with it; or, where the
/// command was silent, one behind it.
fn is_said(reply: &[u8], told: &Told, cmd: &Cmd, own: Own) -> bool {
    let lines = || reply.split(|byte| *byte == b'\n');
    let opaque = format!(" O{}", own.opaque);
    let answered = |codes: &[&str]| {
        lines().any(|line| {
            contains(line, opaque.as_bytes())
                && codes.iter().any(|code| line.starts_with(code.as_bytes()))
        })
    };
    // What comes later settles it.
    let settled = || {
        let later = |token: &[u8]| {
            let digits = token
                .strip_prefix(b"O")
                .and_then(|it| std::str::from_utf8(it).ok());
            let other = digits.and_then(|digits| digits.trim_end().parse::<u32>().ok());
            other.is_some_and(|other| other > own.opaque)
        };
        own.silent
            && lines().any(|line| line == b"MN\r" || line.split(|byte| *byte == b' ').any(later))
    };
    let key = [b" k", &cmd.key[..]].concat();
    match told {
        Told::Value { bytes, .. } => {
            let begin = format!("VA {} ", bytes.len());
            answered(&[&begin]) && contains(reply, &key) && contains(reply, bytes)
        }
        Told::Skipped(len) => answered(&[&format!("VA {len} ")]) && contains(reply, &key),
        Told::Miss(Status::NO_VALUE) => cmd.op.reads_value() && (answered(&["EN"]) || settled()),
        Told::Miss(_) => answered(&["NF", "EN"]),
        Told::Done => answered(&["HD"]) || (!cmd.op.reads_value() && settled()),
        Told::Number(number) => {
            answered(&["VA "]) && contains(reply, format!("\n{number}\r\n").as_bytes())
        }
        Told::Refused { text, .. } => {
            // An error line has no opaque.
            (contains(reply, b"ERROR") && contains(reply, text)) || answered(&["NS", "EX"])
        }
        Told::Doubt => own.silent && contains(reply, b"SERVER_ERROR"),
        Told::Abandoned { .. } => true,
        Told::Version(_) | Told::Stats(_) => false,
    }
}
