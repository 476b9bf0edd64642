//! What a program says to a real server, over TCP, a Unix socket, TLS and in memory: the same everywhere.

use crate::support::client::{Client, Got, OK, TIMEOUT, last_error};
use crate::support::conn::{Conn, SERVER_DISCONNECT};
use crate::support::memcached::Memcached;

/// Carry `talk` out with each kind of server.
fn everywhere(talk: impl Fn(&str)) {
    for server in [Memcached::tcp(&[]), Memcached::unix(&[])] {
        talk(&server.uri());
    }
    #[cfg(feature = "tls")]
    talk(&crate::certificates::memcached(&[]).uri());
    talk("memory://");
}

#[track_caller]
fn answers(conn: &Conn, command: &str, expected: &str) {
    conn.send(command.as_bytes());
    for line in expected.split_inclusive("\r\n") {
        let read = conn
            .line()
            .unwrap_or_else(|_| panic!("{command}: {}", last_error()));
        assert_eq!(String::from_utf8_lossy(&read), line, "{command}");
    }
}

fn set(key: &str, value: &[u8]) -> Vec<u8> {
    let mut command = format!("set {key} 5 0 {}\r\n", value.len()).into_bytes();
    command.extend_from_slice(value);
    command.extend_from_slice(b"\r\n");
    command
}

/// What a key holds, read as a program reads it: a line, a value, two lines.
#[track_caller]
fn get(conn: &Conn, key: &str) -> Option<Vec<u8>> {
    conn.send(format!("get {key}\r\n").as_bytes());
    let head = String::from_utf8(conn.line().expect("a line")).expect("text");
    if head == "END\r\n" {
        return None;
    }
    let len = head.trim_end().strip_prefix(&format!("VALUE {key} 5 "));
    let len = len.and_then(|len| len.parse().ok());
    let value = conn.read(len.expect("a length")).expect("a value");
    assert_eq!(conn.line().expect("the end of the value"), b"\r\n");
    assert_eq!(conn.line().expect("the end"), b"END\r\n");
    Some(value)
}

#[test]
fn commands_and_their_answers() {
    everywhere(|uri| {
        let conn = Conn::open(uri);
        assert!(conn.is_up());
        assert_eq!(conn.connect(), OK, "it is connected already");
        answers(&conn, "flush_all\r\n", "OK\r\n");
        assert_eq!(get(&conn, "key"), None);
        answers(&conn, "set key 5 0 3\r\nabc\r\n", "STORED\r\n");
        assert_eq!(get(&conn, "key").as_deref(), Some(&b"abc"[..]));
        answers(&conn, "add key 0 0 1\r\nx\r\n", "NOT_STORED\r\n");
        answers(&conn, "set n 0 0 1\r\n7\r\n", "STORED\r\n");
        answers(&conn, "incr n 5\r\n", "12\r\n");
        // Several at once, in pieces that are no lines.
        conn.send(b"get n\r\nget n");
        conn.send(b"othing\r");
        answers(
            &conn,
            "\ndelete n\r\n",
            "VALUE n 0 2\r\n12\r\nEND\r\nEND\r\nDELETED\r\n",
        );
        answers(&conn, "no such command\r\n", "ERROR\r\n");
        conn.send(b"");
        assert_eq!(get(&conn, "n"), None);
    });
}

/// Nothing is added to a command: what is no line yet is not answered.
#[test]
fn no_line_end_is_added() {
    everywhere(|uri| {
        let conn = Conn::open(uri);
        conn.send(b"version");
        assert!(!conn.line_available());
        assert_eq!(conn.set_blocking(false), OK);
        assert!(conn.line().is_err());
        assert_eq!(conn.set_blocking(true), OK);
        conn.send(b"\r\n");
        assert!(conn.line().expect("a line").starts_with(b"VERSION "));
    });
}

#[test]
fn values_of_any_bytes_and_size() {
    everywhere(|uri| {
        let conn = Conn::open(uri);
        let all: Vec<u8> = (0..=255).chain(*b"\r\nEND\r\n\0").collect();
        let large: Vec<u8> = all.iter().copied().cycle().take(1_000_000).collect();
        let sizes = [0, 1, 2, 16_381, 16_384, 16_385, 65_536, 300_000, 1_000_000];
        for (round, size) in sizes.into_iter().chain(sizes.into_iter().rev()).enumerate() {
            conn.send(&set("any", &large[..size]));
            assert_eq!(conn.line().expect("a line"), b"STORED\r\n", "{round}");
            let value = get(&conn, "any").expect("a hit");
            assert!(value == large[..size], "{size} bytes, round {round}");
        }
    });
}

#[test]
fn what_has_come_is_told_and_taken_without_waiting() {
    everywhere(|uri| {
        let conn = Conn::open(uri);
        assert!(!conn.line_available());
        assert_eq!(conn.consume(100), b"");
        conn.send(b"set key 0 0 3\r\nabc\r\nget key\r\n");
        assert_eq!(conn.line().expect("a line"), b"STORED\r\n");
        let begun = std::time::Instant::now();
        while !conn.line_available() {
            assert!(begun.elapsed().as_secs() < 20, "the reply does not come");
        }
        assert_eq!(conn.consume(6), b"VALUE ");
        assert!(conn.line_available());
        assert_eq!(conn.line().expect("the rest of it"), b"key 0 3\r\n");
        // The whole reply, whenever it comes; then nothing is left, and nothing is waited for.
        assert_eq!(conn.read_until(b"END", 0).expect("it"), b"abc\r\nEND");
        assert_eq!(conn.read(2).expect("the rest"), b"\r\n");
        assert_eq!(conn.consume(usize::MAX), b"");
        assert!(!conn.line_available());
        conn.send(b"get key\r\n");
        assert_eq!(conn.read(1).expect("its first byte"), b"V");
        let mut rest = conn.consume(3);
        assert_eq!(rest, b"ALU");
        while !rest.ends_with(b"END\r\n") {
            rest.extend(conn.consume(usize::MAX));
            conn.line_available();
            assert!(begun.elapsed().as_secs() < 20, "the reply does not come");
        }
        assert_eq!(rest, b"ALUE key 0 3\r\nabc\r\nEND\r\n");
    });
}

#[test]
fn terminators_of_any_kind() {
    everywhere(|uri| {
        let conn = Conn::open(uri);
        conn.send(b"set key 0 0 9\r\na,b;;c\0d;\r\nget key\r\n");
        for (terminator, expected) in [
            (&b"\n"[..], &b"STORED\r\n"[..]),
            (b" 9\r\n", b"VALUE key 0 9\r\n"),
            (b",", b"a,"),
            (b";;", b"b;;"),
            (b"\0", b"c\0"),
            (b"D\r\n", b"d;\r\nEND\r\n"),
        ] {
            assert_eq!(conn.read_until(terminator, 0).as_deref(), Ok(expected));
        }
    });
}

/// The server closes when it is told to; the next connection knows nothing of that one.
#[test]
fn closed_by_the_server_and_connected_again() {
    everywhere(|uri| {
        let conn = Conn::open(uri);
        conn.send(b"version\r\nquit\r\n");
        assert!(conn.line().expect("a line").starts_with(b"VERSION "));
        assert_eq!(conn.line(), Err(SERVER_DISCONNECT));
        assert!(last_error().contains("closed"), "{}", last_error());
        assert!(!conn.is_up());
        assert_eq!(conn.fileno(), -1);
        assert_eq!(conn.send_some(b"version\r\n"), (SERVER_DISCONNECT, 0));
        assert_eq!(conn.read(1), Err(SERVER_DISCONNECT));
        assert!(!conn.line_available());
        assert_eq!(conn.connect(), OK);
        answers(&conn, "no\r\n", "ERROR\r\n");
        conn.send(b"version\r\nversion\r\n");
        assert!(conn.line().expect("a line").starts_with(b"VERSION "));
        assert_eq!(conn.reset(), OK);
        assert!(!conn.is_up());
        assert_eq!(conn.consume(100), b"", "nothing of it is left");
        assert_eq!(conn.connect(), OK);
        answers(&conn, "no\r\n", "ERROR\r\n");
    });
}

/// FM-14: commands are sent faster than their replies are read; nobody waits for the other for ever.
#[test]
fn fm14_more_is_sent_than_is_read() {
    everywhere(|uri| {
        let conn = Conn::open(uri);
        conn.send(&set("some", &[b'x'; 10_000]));
        assert_eq!(conn.line().expect("a line"), b"STORED\r\n");
        // 50 kB of commands, 50 MB of replies.
        let (round, rounds) = (b"get some\r\n".repeat(500), 10);
        for _ in 0..rounds {
            conn.send(&round);
        }
        for _ in 0..500 * rounds {
            assert_eq!(conn.line().expect("a line"), b"VALUE some 5 10000\r\n");
            assert!(conn.read(10_002).expect("a value").starts_with(b"xxx"));
            assert_eq!(conn.line().expect("the end"), b"END\r\n");
        }
    });
}

/// Nothing is there to be waited for: the far end has said all that it will say.
#[test]
fn a_server_in_memory_is_never_waited_for() {
    let conn = Conn::open("memory://?timeout=none");
    assert_eq!(conn.fileno(), -1);
    assert_eq!(conn.line(), Err(TIMEOUT));
    assert!(!conn.is_up());
    assert_eq!(conn.connect(), OK);
    answers(&conn, "set a 0 0 1\r\nb\r\n", "STORED\r\n");
}

/// A named store is the clients' too.
#[test]
fn a_store_is_shared_with_clients_by_its_name() {
    let client = Client::new("memory://conn-shared");
    let conn = Conn::open("memory://conn-shared");
    answers(&conn, "set a 0 0 1\r\nb\r\n", "STORED\r\n");
    assert_eq!(client.get("a"), Got::Value(b"b".to_vec()));
}
