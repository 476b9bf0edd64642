//! The embedded server beside memcached: transcripts that were recorded from memcached are replayed
//! against both, whole and in pieces; then random commands are sent to both.
//!
//! `MEMCACHED2_UPDATE=1` records the replies of memcached anew.

mod support;

#[path = "embedded_wire/counters.rs"]
mod counters;
#[path = "embedded_wire/dump.rs"]
mod dump;
#[path = "embedded_wire/ends.rs"]
mod ends;
#[path = "embedded_wire/frame.rs"]
mod frame;
#[path = "embedded_wire/random.rs"]
mod random;
#[path = "embedded_wire/random_frames.rs"]
mod random_frames;
#[path = "embedded_wire/transcript.rs"]
mod transcript;

use std::io::Write;
use std::path::PathBuf;

use ends::{End, Ours, Real};
use transcript::{Exchange, Notation, Row, Transcript};

/// Every file of transcripts, each replayed against servers of its own.
const SUBJECTS: [&str; 14] = [
    "arithmetic",
    "binary",
    "cas",
    "dumps",
    "edges",
    "expiry",
    "flush",
    "limits",
    "lines",
    "meta",
    "meta_newer",
    "reading",
    "server",
    "store",
];

/// How the bytes are cut for the embedded server; 0: not.
const PIECES: [usize; 7] = [0, 1, 2, 3, 7, 64, 4093];

fn file(subject: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/embedded_wire")
        .join(format!("{subject}.txt"))
}

fn read(subject: &str) -> Transcript {
    let text = std::fs::read_to_string(file(subject)).expect("a file of transcripts");
    Transcript::parse(&text, notation(subject))
}

fn notation(subject: &str) -> Notation {
    match subject {
        "binary" => Notation::Frames,
        _ => Notation::Text,
    }
}

/// Every row begins on a new connection to a server without items.
fn begin(end: &mut dyn End, notation: Notation) {
    end.connect();
    end.send(b"verbosity 0 noreply\r\nflush_all\r\n");
    assert_eq!(end.reply(4), b"OK\r\n");
    // The first byte of a connection tells which protocol it speaks.
    if notation == Notation::Frames {
        end.connect();
    }
}

/// Play one row; `expected` picks the side of each exchange that has to come.
fn play(
    row: &Row,
    notation: Notation,
    end: &mut dyn End,
    expected: impl Fn(&Exchange) -> (&[u8], bool),
    what: &str,
) {
    begin(end, notation);
    for exchange in &row.exchanges {
        let name = &row.name;
        if exchange.wait > 0 {
            end.wait(exchange.wait);
        }
        end.send(&exchange.sent);
        let (reply, closed) = expected(exchange);
        let got = end.reply(reply.len());
        let show = |bytes: &[u8]| match notation {
            Notation::Text => vec![transcript::escape(bytes)],
            Notation::Frames => frame::render(bytes),
        };
        assert_eq!(show(&got), show(reply), "{what}: {name}");
        if closed {
            assert!(end.is_closed(), "{what}: {name}: not closed");
            return;
        }
    }
    if row.ends_in_step {
        let (ask, answer) = match notation {
            Notation::Text => (b"verbosity\r\n".to_vec(), b"ERROR\r\n".to_vec()),
            Notation::Frames => (
                frame::parse("noop opaque=57005", false),
                frame::parse("noop status=0 opaque=57005", true),
            ),
        };
        end.send(&ask);
        let last = end.reply(answer.len());
        assert_eq!(last, answer, "{what}: {}: something is left", row.name);
    }
}

fn record(subject: &str) {
    let mut transcript = read(subject);
    let mut real = Real::new();
    for row in &mut transcript.rows {
        begin(&mut real, notation(subject));
        for exchange in &mut row.exchanges {
            if exchange.wait > 0 {
                real.wait(exchange.wait);
            }
            real.send(&exchange.sent);
            (exchange.reply, exchange.closed) = real.all();
        }
    }
    std::fs::write(file(subject), transcript.render()).expect("written");
}

fn replay(subject: &str) {
    if std::env::var_os("MEMCACHED2_UPDATE").is_some() {
        record(subject);
    }
    let transcript = read(subject);
    let notation = transcript.notation;
    let mut real = Real::new();
    for row in &transcript.rows {
        play(
            row,
            notation,
            &mut real,
            |e| (&e.reply, e.closed),
            "memcached",
        );
    }
    for pieces in PIECES {
        let mut ours = Ours::new(pieces);
        let what = format!("embedded, pieces of {pieces}");
        for row in &transcript.rows {
            if row.whole_only && pieces != 0 {
                begin(&mut ours, notation);
                continue;
            }
            play(row, notation, &mut ours, |e| e.ours(), &what);
        }
    }
    let differing: Vec<_> = transcript
        .rows
        .iter()
        .filter(|r| r.reason.is_some())
        .collect();
    let mut out = std::io::stdout();
    let _ = writeln!(
        out,
        "{subject}: {} rows, {} of them answered otherwise on purpose",
        transcript.rows.len(),
        differing.len()
    );
    for row in differing {
        let reason = row.reason.as_deref().unwrap_or_default();
        let _ = writeln!(out, "    {}: {reason}", row.name);
    }
}

macro_rules! subjects {
    ($($name:ident)*) => { $(
        #[test]
        fn $name() {
            replay(stringify!($name));
        }
    )* };
}

subjects! { arithmetic binary cas dumps edges expiry flush limits lines meta meta_newer reading server store }

#[test]
fn enough_of_them() {
    let rows: usize = SUBJECTS.iter().map(|s| read(s).rows.len()).sum();
    // What the memcached that is played to is too old for is no difference of this server's.
    let own = SUBJECTS.iter().filter(|s| **s != "meta_newer");
    let otherwise: usize = own
        .map(|s| read(s).rows.iter().filter(|r| r.reason.is_some()).count())
        .sum();
    let _ = writeln!(
        std::io::stdout(),
        "{rows} rows of transcripts, {otherwise} answered otherwise on purpose"
    );
    assert!(rows >= 600, "{rows}");
    assert!(read("binary").rows.len() >= 120);
    assert!(otherwise * 10 <= rows, "{otherwise}");
    for row in read("meta_newer").rows {
        let newer = |reason: &String| reason.starts_with("since memcached 1.6.");
        assert!(row.reason.as_ref().is_none_or(newer), "{}", row.name);
    }
}
