//! Deadlines and cancelling: who does not wait any more does not disturb those who do.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::peer::Peer;
use crate::support::client::{NO_VALUE, OK, TIMEOUT};
use crate::support::loops::{CANCELLED, Loop, PATIENCE, get, set};
use crate::support::memcached::Memcached;

const SHORT: Duration = Duration::from_millis(100);

/// FM-64: an operation ends by its own deadline, counted from its submission, whatever the server does.
#[test]
fn fm64_a_server_that_hangs() {
    let server = Memcached::tcp(&[]);
    let it = Loop::of(&format!("{}?timeout=20s", server.uri()));
    assert_eq!(it.one(&set("k", "old")).status, OK);
    server.halt();
    let begun = Instant::now();
    let read = it.submit(&get("k").within(SHORT));
    let write = it.submit(&set("k", "new").within(SHORT * 2));
    let long = it.submit(&get("k").patient());
    it.drive(|it| it.pending() == 1);
    assert!(begun.elapsed() >= SHORT * 2);
    assert_eq!(
        (it.ended(read).status, it.ended(read).effect()),
        (TIMEOUT, 0)
    );
    assert_eq!(
        (it.ended(write).status, it.ended(write).effect()),
        (TIMEOUT, 3)
    );
    server.go_on();
    it.finish();
    // Its reply came, behind those that nobody waited for, over the same connection.
    assert_eq!(it.ended(long).value(), Some(&b"new"[..]));
}

/// FM-26: one byte at a time does not make it longer.
#[test]
fn fm26_a_slow_drip() {
    let peer = Peer::new(|mut line, _| {
        line.receive(7);
        let mut alive = line.send_or_not(b"VALUE a 0 100000\r\n");
        while alive {
            alive = line.send_or_not(b"x");
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    let begun = Instant::now();
    assert_eq!(it.one(&get("a").within(SHORT)).status, TIMEOUT);
    assert!(begun.elapsed() >= SHORT);
}

/// FM-62: after a deadline has passed in silence the server is asked over another connection.
#[test]
fn fm62_a_connection_that_died_silently() {
    let peer = Peer::new(|mut line, number| {
        line.receive(7);
        if number > 0 {
            line.send(b"END\r\n");
        }
        line.until_closed();
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    assert_eq!(it.one(&get("a").within(SHORT)).status, TIMEOUT);
    assert_eq!(it.one(&get("b").patient()).status, NO_VALUE);
    assert_eq!(peer.accepted(), 2);
}

/// FM-02: a reply that nobody waits for is thrown away when it comes, a large one too, and is never
/// another's.
#[test]
fn fm02_a_cancelled_reply_is_nobody_elses() {
    let (go_on, told) = channel::<()>();
    let told = Mutex::new(told);
    let peer = Peer::new(move |mut line, _| {
        line.receive(21);
        line.send(b"VALUE a 0 1\r\n");
        let _ = told.lock().expect("no panic").recv();
        line.send(b"1\r\nEND\r\nVALUE b 0 1000000\r\n");
        line.send(&vec![b'x'; 500_000]);
        let _ = told.lock().expect("no panic").recv();
        line.send(&vec![b'x'; 500_000]);
        line.send(b"\r\nEND\r\nVALUE c 0 1\r\n3\r\nEND\r\n");
        line.until_closed();
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    let ids: Vec<_> = ["a", "b", "c"].map(|key| it.submit(&get(key))).into();
    turn_a_while(&it);
    assert_eq!(it.cancel(ids[0]), OK);
    it.drive(|it| it.pending() == 2);
    go_on.send(()).expect("the server waits");
    // In the middle of its value.
    turn_a_while(&it);
    assert_eq!(it.cancel(ids[1]), OK);
    go_on.send(()).expect("the server waits");
    it.finish();
    for id in &ids[..2] {
        assert_eq!(
            (it.ended(*id).status, it.ended(*id).effect()),
            (CANCELLED, 0)
        );
    }
    assert_eq!(it.ended(ids[2]).value(), Some(&b"3"[..]));
    assert_eq!(peer.accepted(), 1);
}

/// As long as a server needs for what it does.
fn turn_a_while(it: &Loop) {
    let begun = Instant::now();
    while begun.elapsed() < SHORT * 2 {
        it.wait(SHORT / 10);
        assert_eq!(it.process(), OK);
    }
}

/// FM-02: what has not left when it is cancelled never does.
#[test]
fn fm02_cancelled_before_it_has_left() {
    let server = Memcached::tcp(&[]);
    let it = Loop::of(&format!("{}?timeout=20s", server.uri()));
    let first = it.submit(&set("k", "no"));
    let second = it.submit(&set("k", "yes"));
    assert_eq!(it.cancel(first), OK);
    it.finish();
    assert_eq!(
        (it.ended(first).status, it.ended(first).effect()),
        (CANCELLED, 1)
    );
    assert_eq!(it.ended(second).status, OK);
    assert_eq!(it.one(&get("k")).value(), Some(&b"yes"[..]));
    let mut raw = server.raw();
    assert_eq!(raw.stat("cmd_set"), 1);
}

/// FM-61: nobody answers the connection: the command ends by its own time, or `connect_timeout`.
#[test]
fn fm61_a_connection_that_nobody_answers() {
    // A listener whose queue is full.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    // SAFETY: no memory is involved.
    assert_eq!(
        unsafe { libc::listen(std::os::fd::AsRawFd::as_raw_fd(&listener), 0) },
        0
    );
    let mut waiting = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, SHORT) {
        waiting.push(stream);
        assert!(waiting.len() < 50);
    }
    let it = Loop::of(&format!(
        "memcached://{address}/?connect_timeout=300ms&timeout=20s"
    ));
    let short = it.submit(&set("k", "v").within(SHORT));
    let long = it.submit(&set("k", "v").patient());
    it.finish();
    assert_eq!(
        (it.ended(short).status, it.ended(short).effect()),
        (TIMEOUT, 1)
    );
    assert_eq!(it.ended(long).effect(), 1);
    assert_ne!(it.ended(long).status, OK);
}

#[test]
fn the_time_until_the_next_turn() {
    let peer = Peer::new(|mut line, _| {
        line.until_closed();
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    assert_eq!(it.timeout_us(), -1);
    it.submit(&get("a").within(PATIENCE));
    assert_eq!(it.timeout_us(), 0, "it is to be sent");
    turn_a_while(&it);
    assert!((1..=20_000_000).contains(&it.timeout_us()));
    let short = it.submit(&get("b").within(SHORT));
    turn_a_while(&it);
    assert_eq!(it.ended(short).status, TIMEOUT);
    // mc_loop_run keeps to its own time.
    assert_eq!(it.run(SHORT), TIMEOUT);
    assert_eq!(it.pending(), 1);
}
