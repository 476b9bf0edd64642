//! Passwords of every byte: what is sent as it is, and what cannot be.

use memcached2::config::Config;
use memcached2::error::Status;

use crate::caller::Outcome;
use crate::peer::{Manner, Peer};
use crate::servers::calling;

/// Percent-encoded, every byte of it.
fn encoded(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

/// FM-95: what separates the user, the password and the end is refused before anything is connected.
#[test]
fn fm95_every_byte() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    for byte in 0..=255u8 {
        let password = [b"p:", &[byte][..], b"\xff%"].concat();
        let uri = format!(
            "memcached://a%3Ab:{}@127.0.0.1:{port}/?timeout=20s&connect_timeout=20s",
            encoded(&password)
        );
        let parsed = Config::from_list(&uri);
        if byte == 0 {
            let failure = parsed.expect_err("a NUL");
            assert_eq!(failure.status, Status::INVALID_URI, "{failure}");
            continue;
        }
        let config = parsed.expect("a URI");
        if matches!(byte, b' ' | b'\r' | b'\n') {
            let failure = memcached2::client::Client::new(config, None)
                .err()
                .expect("refused");
            assert_eq!(failure.status, Status::INVALID_ARGUMENT, "{byte}");
            assert!(failure.text.contains("a space"), "{failure}");
            continue;
        }
        let expected = [b"a:b ", &*password, b"\r\n"].concat();
        let server = std::thread::scope(|scope| {
            let serving = scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut question = [0; 9];
                stream.read_exact(&mut question).expect("a question");
                stream
                    .write_all(b"CLIENT_ERROR unauthenticated\r\n")
                    .expect("sent");
                let mut told = Vec::new();
                while !told.ends_with(&expected) {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).expect("more of what is told");
                    told.push(byte[0]);
                }
                stream.write_all(b"STORED\r\nEND\r\n").expect("sent");
                String::from_utf8_lossy(&told).into_owned()
            });
            let caller = crate::caller::Caller::of(config, None);
            let got = caller.get("key");
            // `END` came with `STORED`, or behind it; it is no answer to anything then.
            assert!(matches!(got, Outcome::Miss | Outcome::Failed(..)));
            serving.join().expect("served")
        });
        assert!(
            server.starts_with("set memcached2:authentication:"),
            "{server}"
        );
    }
}

/// A user may hold what a name holds.
#[test]
fn fm95_users_and_lengths() {
    let refused = |login: &str| {
        let config = Config::from_list(&format!("memcached://{login}@127.0.0.1")).expect("a URI");
        memcached2::client::Client::new(config, None).err()
    };
    assert!(
        refused("a%20b:p")
            .expect("a space")
            .text
            .contains("a space")
    );
    assert!(
        refused("ann:")
            .expect("nothing")
            .text
            .contains("no password")
    );
    let long = "x".repeat(900);
    assert!(refused(&format!("{long}:{long}")).is_none());
    let failure = refused(&format!("{long}x:{long}")).expect("too much");
    assert!(failure.text.contains("too long"), "{failure}");
    assert!(!failure.text.contains("xx"), "{failure}");

    // As long as they may be, through the buffers of a connection.
    let peer = Peer::start(Manner::TakesAll);
    let caller = calling(&peer.uri(&format!("{long}:{long}@")));
    assert_eq!(caller.get("key"), Outcome::Miss);
    let heard = peer.heard();
    assert!(
        heard[0][1].ends_with(&format!("1801{long} {long}")),
        "{heard:?}"
    );
}
