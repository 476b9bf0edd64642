//! What goes over TLS: every size, both ways at once, from many threads, across fork.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::caller::{Outcome, until};
use crate::certificates::Authority;
use crate::servers::{caller, client, trusting, uri, usual};
use crate::support::cc::{self, tree};
use crate::support::client::{Got, OK, SERVER_DISCONNECT, last_error};
use crate::support::memcached::Memcached;
use crate::support::named::{self, Random};
use crate::support::run::run;

fn secured() -> (Authority, Memcached, String) {
    let (authority, server) = usual(&[]);
    let options = trusting(&authority.ca());
    (authority, server, options)
}

/// Sizes around those of records (16 KiB), receive memory and pages.
const SIZES: [usize; 18] = [
    0, 1, 100, 1023, 1024, 1025, 4095, 4096, 4097, 8192, 16_383, 16_384, 16_385, 65_535, 65_536,
    65_537, 262_144, 1_000_000,
];

#[test]
fn values_of_every_size() {
    let (_authority, server, options) = secured();
    for more in [
        "",
        "&paranoid=on",
        "&idle_check=0",
        "&shortcut=off",
        "&tls_min_version=1.3",
    ] {
        let client = client(&server, &format!("{options}{more}"));
        for round in 0..3 {
            for size in SIZES {
                let key = format!("size:{size}");
                let value = named::value(&key, round + 1, size);
                assert_eq!(client.set(&key, &value), OK, "{size}: {}", last_error());
                assert_eq!(client.get(&key), Got::Value(value), "{size}");
                assert_eq!(client.get("nobody"), Got::Miss);
            }
        }
        assert_eq!(client.set("empty", b""), OK);
        assert_eq!(client.get("empty"), Got::Value(Vec::new()));
        assert_eq!(client.set("number", b"5"), OK);
        assert_eq!(client.incr("number", 7), Ok(12));
        assert_eq!(client.delete("number"), OK);
    }
}

/// FM-14: more than all buffers hold, of both sides, in both directions at once.
#[test]
fn fm14_requests_and_replies_larger_than_all_buffers() {
    const KEYS: usize = 20_000;
    const VALUE: usize = 1100;
    let (_authority, server, options) = secured();
    let client = client(&server, &options);
    let keys: Vec<String> = (0..KEYS)
        .map(|number| format!("{:x<240}", format!("{number}.")))
        .collect();
    let values: Vec<_> = keys.iter().map(|key| named::value(key, 1, VALUE)).collect();
    let began = Instant::now();
    let stored = client.set_multi(&keys, &values);
    assert_eq!(stored.status, OK, "{}", last_error());
    let (stored, began) = (began.elapsed(), Instant::now());
    let answer = client.get_multi(&keys);
    assert_eq!(answer.status, OK, "{}", last_error());
    for ((key, value), got) in keys.iter().zip(&values).zip(&answer.entries) {
        assert!(matches!(got, Got::Value(found) if found == value), "{key}");
    }
    println!(
        "{KEYS} keys, 22 MB of values: stored in {stored:?}, read in {:?}",
        began.elapsed()
    );
}

#[test]
fn batches_of_large_values() {
    let (_authority, server, options) = secured();
    let client = client(&server, &options);
    let mut random = Random::new(7);
    let keys: Vec<_> = (0..60).map(|number| format!("large:{number}")).collect();
    let mut sized = |key: &String| {
        let limit = [100, 4_000, 60_000, 900_000][random.below(4)];
        named::value(key, 1, random.below(limit))
    };
    let values: Vec<_> = keys.iter().map(&mut sized).collect();
    for _ in 0..3 {
        assert_eq!(
            client.set_multi(&keys, &values).status,
            OK,
            "{}",
            last_error()
        );
        let answer = client.get_multi(&keys);
        for ((key, value), got) in keys.iter().zip(&values).zip(&answer.entries) {
            assert!(matches!(got, Got::Value(found) if found == value), "{key}");
        }
    }
}

/// Commands that wait for no reply have left when they return, large ones too.
#[test]
fn quiet_commands_have_left() {
    let (_authority, server, options) = secured();
    let quiet = client(&server, &format!("{options}&default_noreply=on"));
    let reader = client(&server, &options);
    for size in [10, 5_000, 500_000] {
        for number in 0..40 {
            let key = format!("quiet:{number}");
            let value = named::value(&key, 1, size);
            assert_eq!(quiet.set(&key, &value), OK, "{}", last_error());
            until(|| reader.get(&key), |got| *got == Got::Value(value.clone()));
        }
    }
}

#[test]
fn many_threads_on_one_client() {
    let (_authority, server, options) = secured();
    let client = client(&server, &format!("{options}&max_connections=4"));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..200 {
                    let key = format!("thread:{thread}:{}", number % 10);
                    let value = named::value(&key, number, 300 * thread);
                    assert_eq!(client.set(&key, &value), OK, "{}", last_error());
                    assert_eq!(client.get(&key), Got::Value(value));
                }
            });
        }
    });
}

/// FM-92: a server that is killed says nothing.
#[test]
fn fm92_a_killed_server() {
    let (_authority, mut server, options) = secured();
    let client = client(&server, &format!("{options}&idle_check=1h"));
    assert_eq!(client.set("key", b"value"), OK);
    server.kill();
    let status = client.set("key", b"other");
    assert_ne!(status, OK);
    assert_eq!(status & 0xff, SERVER_DISCONNECT & 0xff, "{}", last_error());
}

/// An idle connection takes in what a server says of the session, and is used on.
#[test]
fn idle_connections_are_used_again() {
    let (_authority, server, options) = secured();
    let caller = caller(&server, &format!("{options}&idle_check=0"));
    for number in 0..50 {
        let value = number.to_string();
        assert_eq!(caller.set("key", &value), Outcome::Done);
        assert_eq!(caller.get("key"), Outcome::value(&value));
    }
    let stats = client(&server, &options);
    assert_eq!(stats.get("key"), Got::Value(b"49".to_vec()));
}

/// FM-15: connections that were warm at a fork: the child makes its own, and says nothing on its
/// parent's.
#[test]
fn fm15_parent_and_child() {
    let (_authority, server, options) = secured();
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fork_tls");
    cc::program(&tree().join("tests/c/fork.c"), &to).succeeded();
    let mut fork = cc::command(&to);
    fork.arg(uri(&server, &options)).arg("2000");
    run(&mut fork, Duration::from_secs(300)).succeeded();
}
