//! Servers that break off, or send what nobody asked for.

use std::sync::mpsc::channel;
use std::time::Duration;

use crate::peer::Peer;
use crate::support::client::{CONNECT_FAILED, NO_VALUE, OK, UNSUPPORTED};
use crate::support::loops::{Ended, Loop, SERVER_DISCONNECT, UNEXPECTED_RESPONSE, get, incr, set};
use crate::support::memcached::Memcached;

/// A server that answers so many bytes on its first connection with `reply`, and closes it if `then` says
/// so; on the others it knows nothing.
fn once(asked: usize, reply: &'static [u8], close: bool) -> Peer {
    Peer::new(move |mut line, number| {
        if number == 0 {
            line.receive(asked);
            line.send(reply);
            if !close {
                line.until_closed();
            }
            return;
        }
        loop {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n") {
                match line.receive_some() {
                    Some(byte) => asked.push(byte),
                    None => return,
                }
            }
            line.send(b"END\r\n");
        }
    })
}

fn of(peer: &Peer) -> Loop {
    Loop::of(&peer.uri("?protocol=ascii&timeout=20s"))
}

/// FM-05: a reply that is cut off is no answer, at whatever byte; the next command has a new connection.
#[test]
fn fm05_replies_that_are_cut_off() {
    const REPLY: &[u8] = b"VALUE a 0 3\r\nabc\r\nEND\r\n";
    for cut in 0..REPLY.len() {
        let peer = once(7, &REPLY[..cut], true);
        let it = of(&peer);
        let ended = it.one(&get("a"));
        assert_eq!(ended.status, SERVER_DISCONNECT, "cut at {cut}");
        assert_eq!(it.one(&get("b")).status, NO_VALUE, "cut at {cut}");
        assert_eq!(peer.accepted(), 2);
    }
}

/// FM-35, FM-01, FM-07: what cannot be believed ends the connection, and nobody gets it for an answer.
#[test]
fn fm01_fm07_what_cannot_be_believed() {
    for reply in [
        &b"VALUE other 0 1\r\n1\r\nEND\r\n"[..],
        b"VALUE a 0 1\r\n12\r\nEND\r\n",
        b"VALUE a 0 99999999999999\r\n",
        b"VALUE a 0 1\r\n1\r\nEND!\r\n",
        b"STORED\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"END!\r\n",
    ] {
        let peer = once(14, reply, false);
        let it = of(&peer);
        let (first, second) = (it.submit(&get("a")), it.submit(&get("b")));
        it.finish();
        for id in [first, second] {
            let ended = it.ended(id);
            assert_eq!(ended.status, UNEXPECTED_RESPONSE, "{}", ended.text());
        }
        assert_eq!(it.one(&get("c")).status, NO_VALUE);
    }
}

/// FM-04: bytes behind the last reply end the connection, in the same packet or later.
#[test]
fn fm04_surplus_bytes() {
    let peer = once(7, b"END\r\nEND\r\n", false);
    let it = of(&peer);
    assert_eq!(it.one(&get("a")).status, NO_VALUE);
    assert_eq!(it.one(&get("b")).status, NO_VALUE);
    assert_eq!(peer.accepted(), 2);
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let peer = Peer::new(move |mut line, number| {
        line.receive(7);
        if number > 0 {
            line.send(b"END\r\n");
            line.until_closed();
            return;
        }
        line.send(b"END\r\n");
        let _ = told.lock().expect("no panic").recv();
        line.send(b"VALUE b 0 4\r\nevil\r\nEND\r\n");
        line.until_closed();
    });
    let it = of(&peer);
    assert_eq!(it.one(&get("a")).status, NO_VALUE);
    go_on.send(()).expect("the server waits");
    // The descriptor tells of them.
    assert!(it.wait(Duration::from_secs(20)));
    assert_eq!(it.one(&get("b")).status, NO_VALUE);
    assert_eq!(peer.accepted(), 2);
}

/// FM-71: an idle connection that the server has closed is replaced, whatever the command.
#[test]
fn fm71_idle_connections_that_were_closed() {
    let peer = Peer::new(|mut line, _| {
        line.receive(12);
        line.send(b"5\r\n");
    });
    let it = of(&peer);
    for _ in 0..5 {
        assert_eq!(it.one(&incr("key", 1)).status, OK);
        // The end of the connection is seen before anything is sent over it.
        it.wait(Duration::from_secs(20));
    }
    assert_eq!(peer.accepted(), 5);
}

#[test]
fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let it = Loop::of(&format!("memcached://{address}/?timeout=20s"));
    let ends = |it: &Loop| -> Vec<Ended> {
        it.submit(&get("a"));
        it.submit(&set("b", "v"));
        it.submit_multi(&[get("c"), get("d")], None);
        it.finish();
        it.taken()
    };
    for _ in 0..2 {
        let told = ends(&it);
        assert_eq!((told[0].status, told[0].effect()), (CONNECT_FAILED, 0));
        assert_eq!((told[1].status, told[1].effect()), (CONNECT_FAILED, 1));
        let results = told[2].results.as_ref().expect("results");
        assert!(results.iter().all(|seen| seen.status == CONNECT_FAILED));
    }
    let it = Loop::of("memcached+unix:///no/such/path?timeout=20s");
    assert_eq!(ends(&it)[0].status, CONNECT_FAILED);
}

/// FM-119: a loop that has nothing to do is not ready, also after trouble.
#[test]
fn fm119_nothing_spins() {
    let peer = Peer::new(|mut line, number| {
        line.receive(7);
        match number {
            0 => {}
            1 => line.send(b"garbage\r\n"),
            _ => {
                line.until_closed();
            }
        }
    });
    let it = of(&peer);
    let _ = it.one(&get("a"));
    let _ = it.one(&get("b"));
    // Given up while the server is silent, and kept for another that waits.
    it.submit(&get("c").patient());
    let late = it.submit(&get("d").within(Duration::from_millis(50)));
    it.drive(|it| it.pending() == 1);
    assert_eq!(it.ended(late).effect(), 0);
    assert_eq!(it.process(), OK);
    let mut turns = 0;
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(300) {
        it.wait(Duration::from_millis(300));
        assert_eq!(it.process(), OK);
        turns += 1;
    }
    assert!(turns < 20, "{turns} turns for nothing");
}

/// FM-81: a name is looked up without anybody waiting; one that is none ends its commands.
#[test]
fn names_are_looked_up_beside() {
    let server = Memcached::tcp(&[]);
    let port = server
        .uri()
        .rsplit(':')
        .next()
        .map(|port| port.trim_end_matches('/').to_string());
    let port = port.expect("a port");
    let it = Loop::of(&format!("memcached://localhost:{port}/?timeout=20s"));
    assert_eq!(it.one(&set("k", "v")).status, OK);
    let it = Loop::of("memcached://no-such-host.invalid:1/?timeout=20s&connect_timeout=20s");
    let ended = it.one(&get("k"));
    assert_eq!(ended.status, 0x0805, "RESOLVE_FAILED: {}", ended.text());
}

/// FM-58: a server that would run the value of an `ms` as commands is told nothing but `version`.
#[test]
fn fm58_nothing_is_sent_in_meta_to_a_server_that_does_not_know_it() {
    for said in ["VERSION 1.4.39\r\n", "VERSION 1.6.9\r\n", "ERROR\r\n"] {
        let (told, heard) = channel();
        let peer = Peer::new(move |mut line, _| {
            let asked = line.receive(9);
            line.send(said.as_bytes());
            let rest = line.until_closed();
            told.send([asked, rest].concat())
                .expect("a test that waits");
        });
        let it = Loop::of(&peer.uri("?protocol=meta&timeout=20s"));
        let commands = [set("a", b"flush_all\r\n"), get("a")];
        let ids = commands.map(|command| it.submit(&command));
        it.finish();
        for id in ids {
            assert_eq!(it.ended(id).status, UNSUPPORTED, "{said}");
        }
        assert_eq!(heard.recv().expect("a connection"), b"version\r\n");
    }
}
