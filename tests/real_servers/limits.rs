//! `-I`: how large an item may be. The option item_size_max says it to the client, which counts as the
//! server does, to the byte.

use crate::support::client::{Client, Got, OK, TOO_LARGE, last_error, name};
use crate::support::commands::Command;
use crate::support::execute::SET;
use crate::support::memcached::Memcached;
use crate::support::named;

/// What memcached 1.6 adds to a value whose key has one byte and no flags: header, CAS, the NUL behind the
/// key, the end of the value's line.
const OVERHEAD: usize = 60;
const NOT_APPLIED: u32 = 1;
const REMOVED: u32 = 4;

/// The flags by which a server has this limit.
const LIMITS: [(&str, usize, &[&str]); 3] = [
    (
        "128k",
        128 << 10,
        &["-I", "128k", "-o", "slab_chunk_max=128"],
    ),
    ("512k", 512 << 10, &["-I", "512k"]),
    ("2m", 2 << 20, &["-I", "2m", "-m", "256"]),
];

fn value(key: &str, len: usize) -> Vec<u8> {
    named::value(key, 1, len)
}

/// What fits by one byte is stored, what does not by one is not even sent.
#[test]
fn the_limit_to_the_byte() {
    for (limit, bytes, flags) in LIMITS {
        let server = Memcached::tcp(flags);
        for protocol in ["ascii", "meta"] {
            let options = format!("?protocol={protocol}&item_size_max={limit}");
            let client = Client::new(&(server.uri() + &options));
            let most = bytes - OVERHEAD;
            for (key, len) in [("a", most - 1), ("b", most)] {
                let stored = value(key, len);
                assert_eq!(client.set(key, &stored), OK, "{limit}: {}", last_error());
                assert!(client.get(key) == Got::Value(stored.clone()), "{limit}");
                assert!(server.raw().get(key) == Some(stored), "{limit}");
            }
            let before = server.raw().stat("cmd_set");
            let longer = value("b", most + 1);
            let done = client.carry_out(Command::new(SET, "b", &longer));
            assert_eq!((done.status, done.effect), (TOO_LARGE, NOT_APPLIED));
            assert!(last_error().contains("item_size_max"), "{}", last_error());
            assert_eq!(server.raw().stat("cmd_set"), before, "{limit}: it was sent");
            assert!(client.get("b") == Got::Value(value("b", most)), "{limit}");
            for key in ["a", "b"] {
                assert_eq!(client.delete(key), OK);
            }
        }
    }
}

/// A client that believes in a larger limit is told by the server, which then has removed what was
/// there; what stands beside it in a batch is stored.
#[test]
fn a_server_with_a_smaller_limit_than_the_client_thinks() {
    for (limit, bytes, flags) in LIMITS {
        for server in [Memcached::tcp(flags), Memcached::unix(flags)] {
            for protocol in ["ascii", "meta"] {
                let options = format!("?protocol={protocol}&item_size_max=8m");
                let client = Client::new(&(server.uri() + &options));
                let larger = value("b", bytes - OVERHEAD + 1);
                assert_eq!(client.set("b", b"there"), OK);
                let done = client.carry_out(Command::new(SET, "b", &larger));
                let what = format!("{limit} {protocol}: {}", last_error());
                assert_eq!(name(done.status), name(TOO_LARGE), "{what}");
                assert_eq!(done.effect, REMOVED, "{what}");
                assert_eq!(client.get("b"), Got::Miss, "{what}");
                let far = vec![b'x'; 4 << 20];
                let values = [&b"1"[..], &larger, b"3", &far, b"5"];
                let answer = client.set_multi(&["k1", "k2", "k3", "k4", "k5"], &values);
                let expected = [OK, TOO_LARGE, OK, TOO_LARGE, OK];
                assert_eq!(answer.entries, expected, "{what}");
                for (key, value) in [("k1", b"1"), ("k3", b"3"), ("k5", b"5")] {
                    assert_eq!(client.get(key), Got::Value(value.to_vec()), "{what}");
                    assert_eq!(client.delete(key), OK);
                }
                for key in ["k2", "k4"] {
                    assert_eq!(client.get(key), Got::Miss, "{what}");
                }
            }
        }
    }
}

/// A client that believes in a smaller limit keeps to it.
#[test]
fn a_client_with_a_smaller_limit_than_the_server() {
    let server = Memcached::tcp(&["-I", "2m", "-m", "256"]);
    let client = Client::new(&server.uri());
    let large = value("b", (1 << 20) - OVERHEAD + 1);
    assert_eq!(client.set("b", &large), TOO_LARGE);
    let wide = client.with("item_size_max=2m");
    assert_eq!(wide.set("b", &large), OK, "{}", last_error());
    // Reading has a limit of its own.
    assert!(client.get("b") == Got::Value(large));
}
