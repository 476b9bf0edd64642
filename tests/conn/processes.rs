//! Two threads at one connection, and a forked child that has it.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::peer::Peer;
use crate::support::client::{INVALID_ARGUMENT, OK, last_error};
use crate::support::conn::{Conn, IN_USE, Read};
use crate::support::forked::in_child;
use crate::support::memcached::Memcached;

/// The next line, for a thread that the one which looks after it may be in the way of.
fn line_first(conn: &Conn) -> Read {
    loop {
        match conn.line() {
            Err(IN_USE) => std::thread::yield_now(),
            read => return read,
        }
    }
}

/// FM-16: a thread that comes while another one waits is told so, and disturbs nothing.
#[test]
fn fm16_the_second_thread_is_refused() {
    let (answer, told) = channel::<()>();
    let told = Mutex::new(told);
    let peer = Peer::new(move |mut line, _| {
        let _ = told.lock().expect("no panic").recv();
        line.send(b"reply\r\n");
        line.until_closed();
    });
    let conn = Conn::open(&peer.uri("?timeout=20s"));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| line_first(&conn));
        let begun = Instant::now();
        while conn.set_timeout_us(0) != IN_USE {
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
        assert!(last_error().contains("another thread"), "{}", last_error());
        assert_eq!(conn.send_some(b"x"), (IN_USE, 0));
        assert_eq!(conn.line(), Err(IN_USE));
        assert_eq!(conn.read(1), Err(IN_USE));
        assert_eq!(conn.connect(), IN_USE);
        assert_eq!(conn.reset(), IN_USE);
        assert_eq!((conn.fileno(), conn.is_up()), (-1, false));
        // What never changes may be asked for.
        assert!(conn.uri().is_ok() && conn.parts().is_ok());
        answer.send(()).expect("the server waits");
        assert_eq!(
            first.join().expect("no panic").as_deref(),
            Ok(&b"reply\r\n"[..])
        );
    });
    assert!(conn.is_up());
}

fn is_open(fd: i32) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

/// Everything but to free it is refused in a child.
fn is_refused(conn: &Conn) -> bool {
    conn.connect() == INVALID_ARGUMENT
        && conn.reset() == INVALID_ARGUMENT
        && conn.send_some(b"flush_all\r\n") == (INVALID_ARGUMENT, 0)
        && conn.line() == Err(INVALID_ARGUMENT)
        && conn.read(1) == Err(INVALID_ARGUMENT)
        && conn.try_consume(1) == Err(INVALID_ARGUMENT)
        && conn.try_line_available() == (INVALID_ARGUMENT, 0)
        && conn.set_blocking(true) == INVALID_ARGUMENT
        && conn.set_timeout_us(1) == INVALID_ARGUMENT
        && conn.uri() == Err(INVALID_ARGUMENT)
        && conn.parts() == Err(INVALID_ARGUMENT)
        && conn.fileno() == -1
        && !conn.is_up()
        && last_error().contains("parent")
}

/// FM-15: a child neither speaks on the connection nor takes what it is sent nor ends it.
#[test]
fn fm15_a_child_can_only_free_it() {
    for server in [Memcached::tcp(&[]), Memcached::unix(&[])] {
        let conn = Conn::open(&server.uri());
        conn.send(b"set key 0 0 3\r\nabc\r\nget key\r\n");
        assert_eq!(conn.line().as_deref(), Ok(&b"STORED\r\n"[..]));
        let fd = conn.fileno();
        for free in [false, true] {
            in_child(|| {
                let refused = is_open(fd) && is_refused(&conn);
                if free {
                    conn.free_here();
                }
                // One of its own works, beside it.
                let own = Conn::open(&server.uri());
                own.send(b"version\r\n");
                refused && own.line().is_ok_and(|line| line.starts_with(b"VERSION"))
            });
        }
        in_child(|| {
            conn.free_here();
            !is_open(fd)
        });
        // Neither a reply nor the connection is lost.
        assert_eq!(conn.line().as_deref(), Ok(&b"VALUE key 0 3\r\n"[..]));
        assert_eq!(conn.read(5).as_deref(), Ok(&b"abc\r\n"[..]));
        assert_eq!(conn.line().as_deref(), Ok(&b"END\r\n"[..]));
        conn.send(b"get nothing\r\n");
        assert_eq!(conn.line().as_deref(), Ok(&b"END\r\n"[..]));
        assert!(conn.is_up());
    }
    let conn = Conn::open("memory://");
    in_child(|| {
        let refused = is_refused(&conn);
        conn.free_here();
        refused
    });
    conn.send(b"get nothing\r\n");
    assert_eq!(conn.line().as_deref(), Ok(&b"END\r\n"[..]));
}

/// FM-15: a fork while another thread is in the middle of a call. The child frees what that thread had.
#[test]
fn fm15_a_fork_in_the_middle_of_a_call() {
    let (answer, told) = channel::<()>();
    let told = Mutex::new(told);
    let peer = Peer::new(move |mut line, _| {
        line.send(&[b'x'; 100_000]);
        let _ = told.lock().expect("no panic").recv();
        line.send(b"\r\n");
        line.until_closed();
    });
    let conn = Conn::open(&peer.uri("?timeout=20s"));
    let fd = conn.fileno();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| line_first(&conn));
        let begun = Instant::now();
        while conn.set_timeout_us(0) != IN_USE {
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
        for _ in 0..5 {
            in_child(|| {
                let refused = conn.connect() == INVALID_ARGUMENT;
                conn.free_here();
                refused && !is_open(fd)
            });
        }
        answer.send(()).expect("the server waits");
        let line = first.join().expect("no panic").expect("a line");
        assert_eq!(line.len(), 100_002);
    });
    assert_eq!(conn.reset(), OK);
    // A child made now has nothing to close that is the parent's.
    in_child(|| {
        conn.free_here();
        true
    });
}
