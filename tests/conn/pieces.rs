//! Replies that come in pieces of every size, and dialogues that were recorded from another client.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::peer::Peer;
use crate::support::conn::{Conn, Read, SERVER_DISCONNECT, WOULD_BLOCK};
use crate::without_waiting::ready;

/// Latin-1, as it is recorded.
fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("one byte"))
        .collect()
}

struct Dialogue {
    sent: Vec<u8>,
    reply: Vec<u8>,
}

/// Those of the recorded calls that send something.
fn recorded() -> Vec<Dialogue> {
    let text = include_str!("../vectors/wire_memcached2.json");
    let all: Value = serde_json::from_str(text).expect("JSON");
    let cases = all["cases"].as_array().expect("cases");
    let dialogues = cases.iter().map(|case| {
        let field = |name: &str| case[name].as_str().expect("a text");
        Dialogue {
            sent: bytes(field("sent")),
            reply: bytes(&field("reply").replace(" | ", "")),
        }
    });
    dialogues
        .filter(|dialogue| !dialogue.sent.is_empty())
        .collect()
}

/// A server of one dialogue: it answers, in pieces of so many bytes, when all has come, and closes. What
/// has come is for the test to see.
fn peer(dialogue: &Arc<Dialogue>, piece: usize, heard: &Arc<Mutex<Vec<u8>>>) -> Peer {
    let (dialogue, heard) = (dialogue.clone(), heard.clone());
    Peer::new(move |mut line, _| {
        *heard.lock().expect("no panic") = line.receive(dialogue.sent.len());
        for piece in dialogue.reply.chunks(piece) {
            if !line.send_or_not(piece) {
                return;
            }
        }
        line.end();
        let more = line.until_closed();
        heard.lock().expect("no panic").extend(more);
    })
}

/// Ask again while it is not there.
fn patiently(conn: &Conn, read: impl Fn() -> Read) -> Read {
    loop {
        match read() {
            Err(WOULD_BLOCK) => ready(conn, libc::POLLIN),
            other => return other,
        }
    }
}

/// The lines and values of a reply.
fn replies(conn: &Conn) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let line = match patiently(conn, || conn.line()) {
            Ok(line) => line,
            Err(status) => {
                assert_eq!(status, SERVER_DISCONNECT);
                return all;
            }
        };
        assert_eq!(
            line.windows(2).position(|w| w == b"\r\n"),
            Some(line.len() - 2)
        );
        let text = String::from_utf8_lossy(&line).into_owned();
        let words: Vec<_> = text.split_whitespace().collect();
        all.extend(line);
        if let ["VALUE", _, _, len, ..] = words[..] {
            let len = len.parse::<usize>().expect("a length") + 2;
            let value = patiently(conn, || conn.read(len));
            match value {
                Ok(value) => {
                    assert_eq!(value.len(), len);
                    all.extend(value);
                }
                Err(status) => assert_eq!(status, SERVER_DISCONNECT),
            }
        }
    }
}

/// The recorded bytes pass as they are, both ways, however they are cut; a server that says nothing and
/// closes is a disconnection, as it was there.
#[test]
fn recorded_dialogues_pass_byte_for_byte() {
    let dialogues = recorded();
    assert!(dialogues.len() > 80, "{}", dialogues.len());
    let mut runs = 0;
    for dialogue in dialogues.into_iter().map(Arc::new) {
        for (piece, blocking) in [(1, true), (3, false), (1000, true)] {
            let heard = Arc::new(Mutex::new(Vec::new()));
            let peer = peer(&dialogue, piece, &heard);
            let conn = Conn::open(&peer.uri("?timeout=20s"));
            conn.set_blocking(blocking);
            conn.send(&dialogue.sent);
            assert_eq!(replies(&conn), dialogue.reply);
            assert!(!conn.is_up());
            assert_eq!(*heard.lock().expect("no panic"), dialogue.sent);
            runs += 1;
        }
    }
    println!("{runs} dialogues");
}

/// The terminator is cut at each of its bytes, and its beginning stands in front of it in vain.
#[test]
fn terminators_that_are_cut() {
    let peer = Peer::new(|mut line, _| {
        for cut in 0..=5 {
            for piece in [&b"aEEN"[..], &b"ENDEN"[..cut], &b"ENDEN"[cut..], b"D\r\n"] {
                line.send(piece);
                // The other end has seen it before the next one leaves.
                line.receive(1);
            }
        }
    });
    let conn = Conn::open(&peer.uri("?timeout=20s"));
    conn.set_blocking(false);
    for cut in 0..=5 {
        for len in [4, cut, 5 - cut] {
            if len > 0 {
                ready(&conn, libc::POLLIN);
            }
            assert_eq!(conn.read_until(b"ENDEND", 0), Err(WOULD_BLOCK));
            conn.send(b".");
        }
        let whole = patiently(&conn, || conn.read_until(b"ENDEND", 0));
        assert_eq!(whole.as_deref(), Ok(&b"aEENENDEND"[..]), "cut at {cut}");
        assert_eq!(conn.line().as_deref(), Ok(&b"\r\n"[..]));
        conn.send(b".");
    }
}
