//! What goes over connections of its own: dumps of keys, lines of operators, statistics.

use std::collections::BTreeSet;

use crate::certificates;
use crate::servers::PATIENCE;
use crate::support::client::{Client, OK, last_error};

const KEYS: usize = 5_000;

fn client() -> (Client, impl Drop) {
    let server = certificates::memcached(&["-m", "256"]);
    let client = Client::new(&format!("{}&{PATIENCE}", server.uri()));
    (client, server)
}

/// The dump fills many records.
#[test]
fn a_dump_of_many_keys() {
    let (client, _server) = client();
    let key = |i: usize| format!("key:{i}:{}", "x".repeat(i % 200));
    let expected: BTreeSet<Vec<u8>> = (0..KEYS).map(|i| key(i).into_bytes()).collect();
    for key in &expected {
        assert_eq!(
            client.set(std::str::from_utf8(key).expect("text"), b"1"),
            OK
        );
    }
    let begun = std::time::Instant::now();
    let keys = loop {
        let (answer, keys) = client.dump();
        // A server may be just sweeping its items, which it begins by itself.
        match answer.servers[0].status {
            OK => break keys,
            _ => assert!(begun.elapsed().as_secs() < 20, "{}", answer.servers[0].text),
        }
    };
    let keys: BTreeSet<Vec<u8>> = keys.into_iter().map(|key| key.key).collect();
    assert!(keys == expected, "{} of {KEYS}", keys.len());
}

#[test]
fn lines_of_operators() {
    let (client, _server) = client();
    for (line, words) in [("version", "VERSION 1."), ("lru mode segmented", "OK")] {
        let answer = client.admin(line, None);
        assert_eq!(answer.status, OK, "{line}: {}", last_error());
        assert!(answer.servers[0].value.starts_with(words), "{line}");
    }
}
