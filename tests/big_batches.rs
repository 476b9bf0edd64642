//! Batches that no socket buffer holds, on real servers: what is asked for and what is answered is
//! many times what the kernel keeps, in both directions.

mod support;

use std::time::Instant;

use support::client::{Answer, Client, Got, MULTI_STORAGE, OK, PARTIAL, TOO_LARGE, name};
use support::memcached::Memcached;
use support::named::{self, Random};

/// Memory for a server that must not evict what a test stores.
const ROOM: [&str; 2] = ["-m", "1024"];

/// Many times what a batch here takes; one that is stuck fails by it.
const PATIENCE: &str = "batch_timeout=60s&timeout=20s";

fn client(server: &Memcached) -> Client {
    Client::new(&format!("{}?{PATIENCE}", server.uri()))
}

fn both(check: impl Fn(&Memcached, &str)) {
    check(&Memcached::tcp(&ROOM), "tcp");
    check(&Memcached::unix(&ROOM), "unix");
}

/// `text` made `len` bytes long.
fn padded(text: &str, len: usize) -> String {
    format!("{text:x<len$}")
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn stored(answer: &Answer<i32>) {
    let bad: Vec<_> = answer.entries.iter().filter(|s| **s != OK).collect();
    assert_eq!((answer.status, bad.len()), (OK, 0), "{bad:?}");
}

/// Every key holds its own value, of version 1 and this length.
fn all_right(keys: &[String], answer: &Answer<Got>, len: usize) -> usize {
    assert_eq!(answer.status, OK, "{}", name(answer.status));
    let mut bytes = 0;
    for (key, got) in keys.iter().zip(&answer.entries) {
        let Got::Value(found) = got else {
            panic!("{key}: {got:?}");
        };
        assert_eq!(named::version(key, found), Some(1), "{key}");
        assert_eq!(found.len(), len, "{key}");
        bytes += found.len();
    }
    bytes
}

/// FM-14: 12 MB of requests and 60 MB of replies in one batch. Were either side to write until it is
/// done before it reads, both would wait for ever.
#[test]
fn fm14_requests_and_replies_larger_than_all_buffers() {
    const KEYS: usize = 50_500;
    const VALUE: usize = 1100;
    let keys: Vec<String> = (0..KEYS).map(|i| padded(&format!("{i}."), 240)).collect();
    let values: Vec<_> = keys.iter().map(|key| named::value(key, 1, VALUE)).collect();
    let asked: usize = keys.iter().map(|key| key.len() + 1).sum();
    assert!(asked > 12_000_000, "{asked}");
    both(|server, kind| {
        let client = client(server);
        let began = Instant::now();
        stored(&client.set_multi(&keys, &values));
        let (stored, began) = (seconds(began), Instant::now());
        let answer = client.get_multi(&keys);
        let read = seconds(began);
        let bytes = all_right(&keys, &answer, VALUE);
        assert!(bytes > 50_000_000, "{bytes}");
        println!(
            "{kind}: {KEYS} keys, {:.1} MB of requests, {:.1} MB of values; \
             stored in {stored:.2} s, read in {read:.2} s",
            megabytes(asked),
            megabytes(bytes)
        );
    });
}

/// FM-14, FM-77: a tenth of a million keys at once, of which every third is not there.
#[test]
fn fm14_a_hundred_thousand_keys_hits_and_misses() {
    const KEYS: usize = 100_000;
    let keys: Vec<String> = (0..KEYS).map(|i| format!("mixed:{i}")).collect();
    let there: Vec<_> = (0..KEYS).filter(|i| i % 3 != 0).collect();
    let kept: Vec<_> = there.iter().map(|i| keys[*i].clone()).collect();
    let values: Vec<_> = kept.iter().map(|key| named::value(key, 1, 40)).collect();
    both(|server, kind| {
        let client = client(server);
        stored(&client.set_multi(&kept, &values));
        let began = Instant::now();
        let answer = client.get_multi(&keys);
        let took = seconds(began);
        assert_eq!(answer.status, OK);
        let mut hits = 0;
        for (i, (key, got)) in keys.iter().zip(&answer.entries).enumerate() {
            match got {
                Got::Value(found) => assert_eq!(named::version(key, found), Some(1), "{key}"),
                other => assert_eq!((other, i % 3), (&Got::Miss, 0), "{key}"),
            }
            hits += usize::from(*got != Got::Miss);
        }
        assert_eq!(hits, there.len());
        let deleted = client.delete_multi(&keys);
        let gone = deleted.entries.iter().filter(|s| **s == OK).count();
        assert_eq!((deleted.status, gone), (OK, hits));
        println!("{kind}: {KEYS} keys, {hits} hits in {took:.2} s, as many deleted");
    });
}

/// FM-14: 64 MB of values in one call, of all sizes from nothing to almost the limit.
#[test]
fn fm14_sixty_four_megabytes_stored_in_one_call() {
    const BYTES: usize = 64_000_000;
    let mut random = Random::new(64);
    let (mut keys, mut values, mut bytes) = (Vec::new(), Vec::<Vec<u8>>::new(), 0);
    while bytes < BYTES {
        let key = format!("large:{}", keys.len());
        let len = [100, 4_000, 60_000, 1_000_000][random.below(4)];
        values.push(named::value(&key, 1, random.below(len)));
        bytes += values.last().map_or(0, Vec::len);
        keys.push(key);
    }
    both(|server, kind| {
        let client = client(server);
        let began = Instant::now();
        stored(&client.set_multi(&keys, &values));
        let took = seconds(began);
        let items = server.raw().stat("curr_items");
        assert_eq!(items, keys.len() as u64);
        let answer = client.get_multi(&keys);
        assert_eq!(answer.status, OK);
        for (got, value) in answer.entries.iter().zip(&values) {
            assert!(*got == Got::Value(value.clone()), "not what was stored");
        }
        println!(
            "{kind}: {} values, {:.1} MB, stored in {took:.2} s",
            keys.len(),
            megabytes(bytes)
        );
    });
}

/// The longest value that the library sends to a server with the limit of 1 MiB, for this key.
fn limit_for(client: &Client, key: &str) -> usize {
    let (mut fits, mut too_large) = (1_000_000, 1 << 20);
    assert_eq!(client.set(key, &vec![b'v'; fits]), OK);
    while too_large - fits > 1 {
        let middle = (fits + too_large) / 2;
        match client.set(key, &vec![b'v'; middle]) {
            OK => fits = middle,
            TOO_LARGE => too_large = middle,
            status => panic!("{middle} bytes: {}", name(status)),
        }
    }
    fits
}

/// Values of no bytes, at the limit, and one byte above: what is too large is told so and never sent,
/// and everything else of its batch is stored.
#[test]
fn values_at_the_limits() {
    both(|server, kind| {
        let client = client(server);
        let limit = limit_for(&client, "limit:00");
        let lens = [
            0,
            limit,
            limit + 1,
            1,
            limit + 1,
            limit,
            2 << 20,
            0,
            limit - 1,
            5,
        ];
        let keys: Vec<_> = (0..lens.len()).map(|i| format!("limit:{i:02}")).collect();
        let values: Vec<_> = lens.iter().map(|len| vec![b'v'; *len]).collect();
        let before = [
            server.raw().stat("cmd_set"),
            server.raw().stat("bytes_read"),
        ];
        let answer = client.set_multi(&keys, &values);
        assert_eq!(answer.status, MULTI_STORAGE);
        for (len, status) in lens.iter().zip(&answer.entries) {
            let expected = if *len > limit { TOO_LARGE } else { OK };
            assert_eq!(*status, expected, "{len} bytes: {}", name(*status));
        }
        let fit: Vec<_> = lens.iter().filter(|len| **len <= limit).collect();
        let sent: usize = fit.iter().copied().sum();
        let after = [
            server.raw().stat("cmd_set"),
            server.raw().stat("bytes_read"),
        ];
        assert_eq!(
            after[0] - before[0],
            fit.len() as u64,
            "commands at the server"
        );
        // What is beyond the values are the command lines and the questions of this test.
        let beyond = (after[1] - before[1]) as usize - sent;
        assert!(
            beyond < 100 * lens.len(),
            "{beyond} more bytes at the server"
        );
        let too_large = server.raw().stat("store_too_large");
        assert_eq!(too_large, 0, "the server was sent what it does not take");
        let answer = client.get_multi(&keys);
        for ((key, got), value) in keys.iter().zip(&answer.entries).zip(&values) {
            let there = value.len() <= limit;
            let expected = if there {
                Got::Value(value.clone())
            } else {
                Got::Miss
            };
            assert!(*got == expected, "{key}, {} bytes", value.len());
        }
        println!(
            "{kind}: limit {limit} bytes, {} of {} values stored, {beyond} bytes beside them",
            fit.len(),
            lens.len()
        );
    });
}

/// A batch of nothing is no reason to connect: it succeeds where no server is.
#[test]
fn an_empty_batch_does_nothing() {
    let nowhere = tempfile::tempdir().expect("a temporary directory");
    let client = Client::new(&format!(
        "memcached+unix://{}/none",
        nowhere.path().display()
    ));
    let none: [String; 0] = [];
    assert_eq!(client.get_multi(&none).status, OK);
    assert_eq!(client.set_multi(&none, &none).status, OK);
    assert_eq!(client.delete_multi(&none).status, OK);
    assert_eq!(client.get_multi(&["some"]).status, PARTIAL);
    println!("no connection for three empty batches");
}
