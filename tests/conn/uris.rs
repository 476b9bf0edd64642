//! What a connection's URI says.

use crate::support::client::{INVALID_ARGUMENT, OK, last_error};
use crate::support::conn::{Conn, INVALID_URI, Parts, UNKNOWN_PROTOCOL};

fn parts(protocol: &str, host: &str, path: &str, store: &str, port: u32) -> Parts {
    Parts {
        protocol: protocol.into(),
        host: host.into(),
        path: path.into(),
        store: store.into(),
        port,
    }
}

#[test]
fn a_uri_is_told_as_it_is_and_in_its_parts() {
    for (uri, expected) in [
        (
            "memcached://cache/",
            parts("memcached", "cache", "", "", 11211),
        ),
        ("memcache://cache:1", parts("memcached", "cache", "", "", 1)),
        (
            "Cache.test",
            parts("memcached", "Cache.test", "", "", 11211),
        ),
        ("[::1]:7?timeout=1s", parts("memcached", "::1", "", "", 7)),
        ("unix:/a%20b", parts("memcached+unix", "", "/a b", "", 0)),
        (
            "/run/m.sock",
            parts("memcached+unix", "", "/run/m.sock", "", 0),
        ),
        ("memory://", parts("memory", "", "", "", 0)),
        (
            "memory://conn-uri?limit=8m",
            parts("memory", "", "", "conn-uri", 0),
        ),
    ] {
        let conn = Conn::new(uri);
        assert_eq!(conn.parts(), Ok(expected));
        assert_eq!(conn.uri().as_deref(), Ok(uri));
        assert!(!conn.is_up(), "nothing is connected by itself");
        assert_eq!(conn.fileno(), -1);
    }
}

#[test]
fn uris_that_are_refused() {
    for (uri, status) in [
        ("", INVALID_URI),
        ("memcached://", INVALID_URI),
        ("a,b", INVALID_URI),
        ("memcached://host:99999/", INVALID_URI),
        ("http://host/", UNKNOWN_PROTOCOL),
        ("host?timeout=soon", INVALID_ARGUMENT),
        ("discover://host/", INVALID_ARGUMENT),
    ] {
        assert_eq!(
            Conn::try_new(uri).err(),
            Some(status),
            "{uri}: {}",
            last_error()
        );
    }
}

/// The same name as `localhost` has in every process, without a resolver; others are tried with one
/// that the tests have in their hands.
#[test]
fn a_name_leads_to_the_server() {
    let server = crate::support::memcached::Memcached::tcp(&[]);
    let uri = server.uri().replace("127.0.0.1", "localhost");
    let conn = Conn::open(&uri);
    conn.send(b"version\r\n");
    assert!(conn.line().expect("a line").starts_with(b"VERSION "));
    assert_eq!(conn.reset(), OK);
}
