//! Calls that may not wait: what is not done at once is done later, by the program's own `poll`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::peer::Peer;
use crate::support::client::{CONNECT_FAILED, INVALID_ARGUMENT, OK, TIMEOUT, last_error};
use crate::support::conn::{Conn, Read, SERVER_DISCONNECT, WOULD_BLOCK};
use crate::support::memcached::Memcached;

const PATIENCE: Duration = Duration::from_secs(20);

/// Wait until the connection's descriptor is ready for one of `events`.
#[track_caller]
pub fn ready(conn: &Conn, events: i16) {
    let fd = conn.fileno();
    assert!(fd > 2, "{fd}");
    let mut waiting = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one descriptor, which lives through the call.
    let count = unsafe { libc::poll(&mut waiting, 1, PATIENCE.as_millis() as i32) };
    assert_eq!(count, 1, "{}", std::io::Error::last_os_error());
}

fn is_ready_now(fd: i32, events: i16) -> bool {
    let mut waiting = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: as above.
    unsafe { libc::poll(&mut waiting, 1, 0) == 1 }
}

fn connect(conn: &Conn) {
    let begun = Instant::now();
    loop {
        match conn.connect() {
            WOULD_BLOCK if conn.fileno() >= 0 => ready(conn, libc::POLLOUT),
            WOULD_BLOCK => std::thread::sleep(Duration::from_millis(1)),
            status => return assert_eq!(status, OK, "{}", last_error()),
        }
        assert!(begun.elapsed() < PATIENCE);
    }
}

fn read(conn: &Conn, call: impl Fn() -> Read) -> Vec<u8> {
    loop {
        match call() {
            Ok(bytes) => return bytes,
            Err(status) => assert_eq!(status, WOULD_BLOCK, "{}", last_error()),
        }
        ready(conn, libc::POLLIN);
    }
}

fn send(conn: &Conn, mut command: &[u8]) {
    loop {
        let (status, sent) = conn.send_some(command);
        command = &command[sent..];
        match status {
            OK => return assert!(command.is_empty()),
            status => assert_eq!(status, WOULD_BLOCK, "{}", last_error()),
        }
        ready(conn, libc::POLLOUT);
    }
}

#[test]
fn a_dialogue_with_a_real_server() {
    for server in [Memcached::tcp(&[]), Memcached::unix(&[])] {
        let conn = Conn::new(&server.uri());
        assert_eq!(conn.set_blocking(false), OK);
        for round in 0..3 {
            connect(&conn);
            assert_eq!(conn.line(), Err(WOULD_BLOCK), "nothing was asked");
            assert!(conn.is_up() && !conn.line_available());
            let value = vec![b'v'; 1_000_000];
            send(
                &conn,
                format!("set big {round} 0 {}\r\n", value.len()).as_bytes(),
            );
            send(&conn, &value);
            send(&conn, b"\r\nget big\r\n");
            assert_eq!(read(&conn, || conn.line()), b"STORED\r\n");
            let head = read(&conn, || conn.line());
            assert_eq!(head, format!("VALUE big {round} 1000000\r\n").as_bytes());
            assert!(read(&conn, || conn.read(1_000_000)) == value);
            assert_eq!(
                read(&conn, || conn.read_until(b"END\r\n", 0)),
                b"\r\nEND\r\n"
            );
            assert_eq!(conn.reset(), OK);
        }
    }
}

#[test]
fn a_server_in_memory_answers_at_once_or_would_block() {
    let conn = Conn::new("memory://");
    assert_eq!(conn.set_blocking(false), OK);
    assert_eq!(conn.connect(), OK);
    assert_eq!(conn.line(), Err(WOULD_BLOCK));
    send(&conn, b"get none\r\n");
    assert_eq!(conn.line().as_deref(), Ok(&b"END\r\n"[..]));
    assert_eq!(conn.line(), Err(WOULD_BLOCK));
    assert!(conn.is_up());
    // What nobody reads is not sent on for ever.
    let mut sent = 0;
    while conn.send_some(b"get none\r\n").0 == OK {
        sent += 1;
        assert!(sent < 1_000_000);
    }
    assert_eq!(conn.send_some(b"get none\r\n"), (WOULD_BLOCK, 0));
    for _ in 0..sent {
        assert_eq!(conn.line().as_deref(), Ok(&b"END\r\n"[..]));
    }
    assert_eq!(conn.line(), Err(WOULD_BLOCK));
}

/// A part of a command is sent: exactly as many bytes as are told have left.
#[test]
fn what_is_sent_in_part_goes_on_where_it_stopped() {
    let pattern: Vec<u8> = (0..20_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let expected = pattern.clone();
    let peer = Peer::new(move |mut line, _| {
        // It does not read before it is told that nothing more is taken.
        let same =
            line.receive(1) == expected[..1] && line.receive(expected.len() - 1) == expected[1..];
        line.send(if same { b"same\r\n" } else { b"different\r\n" });
    });
    let conn = Conn::open(&peer.uri("?timeout=20s"));
    assert_eq!(conn.set_blocking(false), OK);
    assert_eq!(conn.send_untold(b"x"), INVALID_ARGUMENT);
    let (mut sent, mut parts) = (0, 0);
    while sent < pattern.len() {
        let (status, more) = conn.send_some(&pattern[sent..]);
        sent += more;
        parts += 1;
        assert_eq!(status == OK, sent == pattern.len());
        if status != OK {
            assert_eq!(status, WOULD_BLOCK);
            ready(&conn, libc::POLLOUT);
        }
    }
    assert!(parts > 1, "all of it was taken at once");
    assert_eq!(read(&conn, || conn.line()), b"same\r\n");
}

/// What has come in part is kept, and found when the rest has come.
#[test]
fn what_has_come_in_part_is_kept() {
    let peer = Peer::new(|mut line, _| {
        line.send(b"one\r\ntw");
        line.receive(1);
        line.send(b"o\r\n12345");
        line.receive(1);
        line.send(b"67890");
        line.until_closed();
    });
    let conn = Conn::open(&peer.uri("?timeout=20s"));
    conn.set_blocking(false);
    assert_eq!(read(&conn, || conn.line()), b"one\r\n");
    assert_eq!(conn.line(), Err(WOULD_BLOCK));
    assert!(!conn.line_available());
    send(&conn, b".");
    assert_eq!(read(&conn, || conn.line()), b"two\r\n");
    assert_eq!(conn.read(10), Err(WOULD_BLOCK));
    assert_eq!(conn.line(), Err(WOULD_BLOCK));
    send(&conn, b".");
    assert_eq!(read(&conn, || conn.read(10)), b"1234567890");
    // One that may wait again does.
    conn.set_blocking(true);
    conn.set_timeout_us(20_000);
    assert_eq!(conn.line(), Err(TIMEOUT));
}

fn socket() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket")
}

/// Connecting that takes its time is waited for by the program, and ends at its own.
#[test]
fn a_connection_on_its_way_would_block_until_it_is_late() {
    let silent = socket();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    silent.bind(&any.into()).expect("a port");
    silent.listen(0).expect("listening");
    let address = silent.local_addr().expect("an address");
    let address = address.as_socket().expect("an address");
    // The first is in the queue, which is full then.
    let queued: Vec<_> = (0..3).map(|_| socket()).collect();
    for next in &queued {
        next.set_nonblocking(true).expect("set");
        let _ = next.connect(&address.into());
    }
    let limits = [
        ("connect_timeout=100ms", CONNECT_FAILED),
        ("timeout=100ms&connect_timeout=10s", TIMEOUT),
    ];
    for (limit, expected) in limits {
        let conn = Conn::new(&format!("{address}?{limit}"));
        conn.set_blocking(false);
        let begun = Instant::now();
        assert_eq!(conn.connect(), WOULD_BLOCK);
        let fd = conn.fileno();
        assert!(fd > 2 && !is_ready_now(fd, libc::POLLOUT));
        assert!(!conn.is_up());
        assert_eq!(conn.send_some(b"version\r\n"), (WOULD_BLOCK, 0));
        assert_eq!(conn.line(), Err(WOULD_BLOCK));
        let status = loop {
            match conn.connect() {
                WOULD_BLOCK => std::thread::sleep(Duration::from_millis(2)),
                status => break status,
            }
            assert!(begun.elapsed() < PATIENCE);
        };
        assert!(begun.elapsed() >= Duration::from_millis(95));
        assert_eq!(status, expected, "{}", last_error());
        assert_eq!(conn.fileno(), -1);
        assert_eq!(conn.line(), Err(SERVER_DISCONNECT));
    }
    drop(queued);
}
