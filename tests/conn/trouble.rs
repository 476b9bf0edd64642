//! Servers that are silent, slow, gone, or say too much: the call ends in time with its status, and the
//! next connection begins with nothing of the old one.

use std::time::{Duration, Instant};

use crate::peer::Peer;
use crate::support::client::{
    CONNECT_FAILED, EFFECT_NOT_APPLIED, EFFECT_UNKNOWN, INVALID_ARGUMENT, OK, SLACK, TIMEOUT,
    last_error, last_error_effect, last_error_server,
};
use crate::support::conn::{Conn, SERVER_DISCONNECT, UNEXPECTED_RESPONSE, last_errno, last_phase};
use crate::support::forked::in_child;

const PHASE_CONNECT: u32 = 4;
const PHASE_SEND: u32 = 7;
const PHASE_RECEIVE: u32 = 8;

/// The connection is closed, with nothing left of it, and nothing can be done but to connect.
#[track_caller]
fn is_gone(conn: &Conn) {
    assert!(!conn.is_up());
    assert_eq!(conn.fileno(), -1);
    assert_eq!(conn.consume(usize::MAX), b"");
    assert!(!conn.line_available());
    assert_eq!(conn.line(), Err(SERVER_DISCONNECT));
    assert_eq!(last_errno(), libc::ENOTCONN);
    assert_eq!(conn.send_some(b"x"), (SERVER_DISCONNECT, 0));
    assert_eq!(last_error_effect(), EFFECT_NOT_APPLIED);
}

/// The call ends at its time limit, not much later.
#[track_caller]
fn in_time<T>(limit: Duration, call: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let answer = call();
    let took = begun.elapsed();
    assert!(took + Duration::from_millis(5) >= limit, "{took:?}");
    assert!(took <= limit + SLACK, "{took:?}");
    answer
}

/// FM-01: the reply that comes too late is not that of the next connection.
#[test]
fn fm01_a_late_reply_is_never_read() {
    let _alone = crate::alone();
    let peer = Peer::new(|mut line, number| {
        line.receive(1);
        if number == 0 {
            line.send(b"ha");
            line.until_closed();
        } else {
            line.send(b"new\r\n");
            line.until_closed();
        }
    });
    let conn = Conn::open(&peer.uri("?timeout=100ms"));
    conn.send(b"1");
    assert_eq!(
        in_time(Duration::from_millis(100), || conn.line()),
        Err(TIMEOUT)
    );
    assert_eq!(
        (last_phase(), last_error_effect()),
        (PHASE_RECEIVE, EFFECT_UNKNOWN)
    );
    assert!(last_error().contains("in time"), "{}", last_error());
    assert!(last_error_server().starts_with("127.0.0.1:"));
    is_gone(&conn);
    assert_eq!(conn.connect(), OK);
    conn.send(b"2");
    assert_eq!(conn.set_timeout_us(20_000_000), OK);
    assert_eq!(conn.line().as_deref(), Ok(&b"new\r\n"[..]));
    assert_eq!(peer.accepted(), 2);
}

#[test]
fn the_time_of_a_call_can_be_changed() {
    let _alone = crate::alone();
    let peer = Peer::new(|mut line, _| {
        line.until_closed();
    });
    let conn = Conn::new(&peer.uri("?timeout=60ms"));
    for (timeout, limit) in [(30_000, 30), (0, 60), (90_000, 90)] {
        assert_eq!(conn.connect(), OK);
        assert_eq!(conn.set_timeout_us(timeout), OK);
        let limit = Duration::from_millis(limit);
        assert_eq!(in_time(limit, || conn.read(1)), Err(TIMEOUT));
    }
}

/// FM-26: bytes that come one by one do not make the call longer.
#[test]
fn fm26_a_drip_ends_in_time() {
    let _alone = crate::alone();
    let peer = Peer::new(|mut line, _| {
        while line.send_or_not(b"x") {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let conn = Conn::open(&peer.uri("?timeout=150ms"));
    let limit = Duration::from_millis(150);
    assert_eq!(in_time(limit, || conn.line()), Err(TIMEOUT));
    assert_eq!(conn.connect(), OK);
    assert_eq!(in_time(limit, || conn.read(1_000_000)), Err(TIMEOUT));
    is_gone(&conn);
}

/// FM-24: a line without an end is read up to the limit, whoever set it.
#[test]
fn fm24_a_line_without_end() {
    let peer = Peer::new(|mut line, _| while line.send_or_not(&[b'x'; 4096]) {});
    let conn = Conn::open(&peer.uri("?timeout=20s&max_value_size=1m"));
    for max in [0, 2, 2048, usize::MAX] {
        assert_eq!(conn.connect(), OK);
        assert_eq!(conn.read_until(b"\r\n", max), Err(UNEXPECTED_RESPONSE));
        is_gone(&conn);
    }
    // Exactly at the limit it is none.
    let peer = Peer::new(|mut line, _| {
        line.send(b"12345\r\n12345\r\n");
        line.until_closed();
    });
    let conn = Conn::open(&peer.uri("?timeout=20s"));
    assert_eq!(
        conn.read_until(b"\r\n", 7).as_deref(),
        Ok(&b"12345\r\n"[..])
    );
    assert_eq!(conn.read_until(b"\r\n", 6), Err(UNEXPECTED_RESPONSE));
}

/// What is more than may be read is refused before anything is read, and disturbs nothing.
#[test]
fn arguments_that_are_refused_change_nothing() {
    let peer = Peer::new(|mut line, _| {
        line.send(b"one\r\n");
        line.until_closed();
    });
    let conn = Conn::open(&peer.uri("?timeout=20s&max_value_size=1000"));
    assert_eq!(conn.read(1001), Err(INVALID_ARGUMENT));
    assert_eq!(conn.read(usize::MAX), Err(INVALID_ARGUMENT));
    assert_eq!(conn.read_until(b"", 10), Err(INVALID_ARGUMENT));
    assert_eq!(conn.read_until(b"12345", 4), Err(INVALID_ARGUMENT));
    assert_eq!(conn.read(0).as_deref(), Ok(&b""[..]));
    assert_eq!(conn.line().as_deref(), Ok(&b"one\r\n"[..]));
    assert!(conn.is_up());
    assert_eq!(peer.accepted(), 1);
}

/// FM-22: what is announced takes no memory before it comes; what comes, no more than it is. In a child,
/// which has no other test's memory.
#[test]
fn fm22_memory_follows_what_has_come() {
    const KIB: u64 = 1024;
    let peer = Peer::new(|mut line, _| {
        line.send(&[b'x'; 100_000]);
        line.until_closed();
    });
    let uri = peer.uri("?timeout=50ms&max_value_size=1g");
    in_child(|| {
        let (size, resident) = (kib("VmSize:"), kib("VmRSS:"));
        let conns: Vec<_> = (0..20).map(|_| Conn::open(&uri)).collect();
        let late = conns.iter().all(|conn| conn.read(1 << 30) == Err(TIMEOUT));
        let (grown, touched) = (kib("VmPeak:") - size, kib("VmHWM:") - resident);
        late && grown < 256 * KIB && touched < 16 * KIB
    });
}

/// One number of what the system says about this process.
fn kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("about this process");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().strip_suffix("kB"));
    let number = number.and_then(|number| number.trim().parse().ok());
    number.expect("a number")
}

#[test]
fn a_server_that_closes_in_the_middle() {
    let peer = Peer::new(|mut line, _| {
        line.send(b"one\r\ntwo\r\nthr");
        line.end();
        line.until_closed();
    });
    let uri = peer.uri("?timeout=20s");
    let conn = Conn::open(&uri);
    assert_eq!(conn.line().as_deref(), Ok(&b"one\r\n"[..]));
    // The end is seen, but not told before what stands in front of it was read.
    let begun = Instant::now();
    while conn.read_until(b"thr", 0).is_err() {
        assert_eq!(conn.connect(), OK);
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(conn.line(), Err(SERVER_DISCONNECT));
    assert_eq!(
        (last_phase(), last_error_effect()),
        (PHASE_RECEIVE, EFFECT_UNKNOWN)
    );
    is_gone(&conn);
    let conn = Conn::open(&uri);
    while !conn.line_available() {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(conn.line().as_deref(), Ok(&b"one\r\n"[..]));
    assert_eq!(conn.line().as_deref(), Ok(&b"two\r\n"[..]));
    for _ in 0..3 {
        assert!(!conn.line_available());
    }
    assert_eq!(conn.read(3).as_deref(), Ok(&b"thr"[..]));
    assert_eq!(conn.read(1), Err(SERVER_DISCONNECT));
    is_gone(&conn);
}

/// A connection that the server has closed is seen as such, and replaced when it is connected again.
#[test]
fn a_connection_that_was_closed_is_replaced() {
    let peer = Peer::new(|mut line, number| {
        line.send(format!("{number}\r\n").as_bytes());
        if number > 0 {
            line.until_closed();
        }
    });
    let conn = Conn::open(&peer.uri("?timeout=20s"));
    assert_eq!(conn.line().as_deref(), Ok(&b"0\r\n"[..]));
    let begun = Instant::now();
    while conn.is_up() {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(conn.connect(), OK);
    assert!(conn.is_up());
    assert_eq!(conn.line().as_deref(), Ok(&b"1\r\n"[..]));
    assert_eq!(peer.accepted(), 2);
}

/// FM-66: who sends to a connection that is gone gets a status.
#[test]
fn fm66_sending_to_a_server_that_is_gone() {
    let peer = Peer::new(|mut line, _| drop(line.receive(1)));
    let conn = Conn::open(&peer.uri("?timeout=20s"));
    conn.send(b"12345");
    let begun = Instant::now();
    let status = loop {
        match conn.send_some(b"more") {
            (OK, _) => assert!(begun.elapsed() < Duration::from_secs(20)),
            (status, _) => break status,
        }
    };
    assert_eq!(status, SERVER_DISCONNECT);
    assert!([libc::EPIPE, libc::ECONNRESET].contains(&last_errno()));
    assert_eq!(last_phase(), PHASE_SEND);
    is_gone(&conn);
}

/// FM-14: both sides send much before they read anything.
#[test]
fn fm14_a_server_that_reads_only_when_it_was_heard() {
    const MUCH: usize = 40_000_000;
    let peer = Peer::new(|mut line, _| {
        line.send(&vec![b'r'; MUCH]);
        let heard = line.receive(MUCH);
        line.send(if heard.iter().all(|byte| *byte == b's') {
            b"!"
        } else {
            b"?"
        });
    });
    let conn = Conn::open(&peer.uri("?timeout=20s"));
    conn.send(&vec![b's'; MUCH]);
    assert!(
        conn.read(MUCH)
            .expect("it")
            .iter()
            .all(|byte| *byte == b'r')
    );
    assert_eq!(conn.read(1).as_deref(), Ok(&b"!"[..]));
}

/// A server that takes nothing: the call ends in time, and tells how much had left.
#[test]
fn sending_that_gets_stuck_ends_in_time() {
    let _alone = crate::alone();
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let peer = Peer::new(move |line, _| {
        let _ = told.lock().expect("no panic").recv();
        drop(line);
    });
    let conn = Conn::open(&peer.uri("?timeout=200ms"));
    let much = vec![0; 40_000_000];
    let (status, sent) = in_time(Duration::from_millis(200), || conn.send_some(&much));
    assert_eq!(status, TIMEOUT);
    assert!(sent > 0 && sent < much.len(), "{sent}");
    assert_eq!(
        (last_phase(), last_error_effect()),
        (PHASE_SEND, EFFECT_UNKNOWN)
    );
    drop(go_on);
    is_gone(&conn);
}

#[test]
fn nobody_listens() {
    let closed =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    closed.bind(&any.into()).expect("a port");
    let address = closed.local_addr().expect("an address");
    let address = address.as_socket().expect("an address");
    let conn = Conn::new(&address.to_string());
    assert_eq!(
        conn.line(),
        Err(SERVER_DISCONNECT),
        "it was never connected"
    );
    assert_eq!(conn.connect(), CONNECT_FAILED);
    assert_eq!(
        (last_errno(), last_phase()),
        (libc::ECONNREFUSED, PHASE_CONNECT)
    );
    assert_eq!(last_error_server(), address.to_string());
    is_gone(&conn);
    let missing = tempfile::tempdir()
        .expect("a directory")
        .path()
        .join("none.sock");
    let conn = Conn::new(&missing.display().to_string());
    assert_eq!(conn.connect(), CONNECT_FAILED);
    assert_eq!(last_errno(), libc::ENOENT);
}
