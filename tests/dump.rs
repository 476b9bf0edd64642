//! Dumps of keys: from memcached, from servers in memory, and from servers that misbehave.

mod support;

#[path = "dump/faults.rs"]
mod faults;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use support::client::{CONNECT_FAILED, Client, Got, NO_VALUE, OK, PARTIAL, last_error};
use support::dump::{Dump, Key};
use support::memcached::Memcached;
use support::servers::Everywhere;

const CANCELLED: i32 = 0x0308;
const CLIENT_ERROR: i32 = 0x0703;
const SERVER_ERROR: i32 = 0x0104;
const NOT_PERMITTED: i32 = 0x0002_0104;

const EXPIRY: u32 = 1;
const LAST_ACCESS: u32 = 2;
const CAS: u32 = 4;
const FETCHED: u32 = 8;
const CLASS: u32 = 16;
const SIZE: u32 = 32;
const FLAGS: u32 = 64;
const ALL: u32 = EXPIRY | LAST_ACCESS | CAS | FETCHED | CLASS | SIZE;

/// Dump, again where a server is just sweeping its items, which it begins by itself.
fn dump(client: &Client) -> (Everywhere, Vec<Key>) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (answer, keys) = client.dump();
        let busy = |server: &support::servers::Server| server.text.contains("BUSY");
        if !answer.servers.iter().any(busy) {
            return (answer, keys);
        }
        assert!(Instant::now() < deadline, "{}", last_error());
    }
}

/// A dump whose first key has come.
fn begin(client: &Client) -> (Dump, Key) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut dump = client.dump_begin(-1);
        if let Ok(key) = dump.next_key() {
            return (dump, key);
        }
        let busy = &dump.results(client).servers[0].text;
        assert!(busy.contains("BUSY") && Instant::now() < deadline, "{busy}");
    }
}

fn names(keys: &[Key]) -> Vec<String> {
    let text = |key: &Key| String::from_utf8_lossy(&key.key).into_owned();
    keys.iter().map(text).collect()
}

fn unix_now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.expect("after 1970").as_secs() as i64
}

/// Dump until all of so many keys are told: memcached passes over an item that somebody is just using,
/// and that may be a thread of its own.
fn dump_all(client: &Client, count: usize) -> (Everywhere, Vec<Key>) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (answer, keys) = dump(client);
        if keys.len() == count {
            return (answer, keys);
        }
        assert!(Instant::now() < deadline, "{:?}", names(&keys));
    }
}

/// What every server has to tell of the same items.
fn what_is_told(client: &Client) {
    let (answer, keys) = dump(client);
    assert_eq!(
        (answer.statuses(), keys.len()),
        (vec![OK], 0),
        "{}",
        last_error()
    );
    let longest = "k".repeat(250);
    let before = unix_now();
    for (key, value) in [
        ("a%b", "x"),
        ("expires", "xyz"),
        ("é/~", ""),
        (&longest, "1"),
        ("gone", "1"),
    ] {
        assert_eq!(client.set(key, value.as_bytes()), OK);
    }
    assert_eq!(client.touch("expires", 1000), OK);
    assert_eq!(client.delete("gone"), OK);
    assert_eq!(client.get("a%b"), Got::Value(b"x".to_vec()));
    let (answer, keys) = dump_all(client, 4);
    assert_eq!(answer.status, OK, "{}", last_error());
    assert_eq!(
        (answer.servers[0].number, &answer.servers[0].text[..]),
        (4, "")
    );
    assert_eq!(names(&keys), ["a%b", "expires", &longest, "é/~"]);
    for key in &keys {
        assert_eq!((key.have & !FLAGS, key.number), (ALL, 0));
        assert_eq!(key.server, client.servers()[0]);
        let read = key.key == b"a%b" || key.key == b"expires";
        assert_eq!(key.fetched, read, "{key:?}");
        assert!(key.cas > 0 && key.class > 0, "{key:?}");
        assert!(
            (before - 3..=unix_now() + 3).contains(&key.last_access),
            "{key:?}"
        );
        let expires = key.key == b"expires";
        assert_eq!(key.expiry != -1, expires, "{key:?}");
        let len = key.key.len() as u64;
        assert!(key.size > len && key.size < len + 100, "{key:?}");
    }
    let in_a_while = before + 997..=unix_now() + 1003;
    assert!(in_a_while.contains(&keys[1].expiry), "{:?}", keys[1]);
    // Each way to dump tells the same.
    let (mut pulled, first) = begin(client);
    assert_eq!(pulled.results(client).statuses(), [CANCELLED]);
    let mut rest = pulled.rest();
    rest.push(first);
    rest.sort();
    assert_eq!(rest, keys);
    assert_eq!(pulled.next_key(), Err(NO_VALUE));
    let results = pulled.results(client);
    assert_eq!((results.status, results.servers[0].number), (OK, 4));
}

#[test]
fn memcached_tells_its_keys() {
    let server = Memcached::unix(&[]);
    what_is_told(&Client::new(&server.uri()));
}

#[test]
fn a_server_in_memory_tells_its_keys() {
    what_is_told(&Client::new("memory://"));
}

/// A prefix picks the keys of a client, and is taken off.
#[test]
fn only_the_keys_with_the_prefix() {
    let server = Memcached::unix(&[]);
    for uri in [server.uri(), "memory://prefix".to_string()] {
        let all = Client::new(&uri);
        for key in ["p:a", "p:b", "q:a", "p", "p:"] {
            assert_eq!(all.set(key, b"1"), OK);
        }
        let (answer, keys) = dump_all(&all.with("key_prefix=p:"), 2);
        assert_eq!(
            (answer.status, names(&keys)),
            (OK, vec!["a".into(), "b".into()])
        );
        assert_eq!(answer.servers[0].number, 2);
        dump_all(&all, 5);
        assert_eq!(dump(&all.with("key_prefix=r:")).1, []);
    }
}

/// All servers tell at once; one that is down keeps its place.
#[test]
fn three_servers_one_of_them_down() {
    let mut servers = [
        Memcached::unix(&[]),
        Memcached::tcp_to_restart(&[]),
        Memcached::tcp(&[]),
    ];
    let uris: Vec<_> = servers.iter().map(Memcached::uri).collect();
    let client = Client::new(&uris.join(","));
    servers[1].kill();
    for (number, count) in [(0, 3), (2, 2)] {
        let mut raw = servers[number].raw();
        (0..count).for_each(|n| raw.set(&format!("on{number}:{n}"), "x"));
    }
    let (answer, keys) = dump_all(&client, 5);
    assert_eq!(answer.status, PARTIAL);
    assert_eq!(answer.statuses(), [OK, CONNECT_FAILED, OK]);
    let told: Vec<_> = answer.servers.iter().map(|server| server.number).collect();
    assert_eq!(told, [3, 0, 2]);
    assert_eq!(answer.servers[1].name, client.servers()[1]);
    assert!(answer.servers[1].text.contains(&client.servers()[1]));
    assert_eq!(names(&keys), ["on0:0", "on0:1", "on0:2", "on2:0", "on2:1"]);
    for key in &keys {
        assert_eq!(key.server, client.servers()[key.number]);
        assert!(key.key.starts_with(format!("on{}:", key.number).as_bytes()));
    }
}

const MANY: usize = 30_000;

/// Room for them, and no thread that moves items about and now and then sweeps them: a key whose item is
/// in use is passed over.
const QUIET: [&str; 4] = ["-m", "128", "-o", "no_lru_maintainer"];

fn fill(client: &Client) -> BTreeSet<String> {
    let keys: Vec<String> = (0..MANY).map(|n| format!("many:{n:05}")).collect();
    for some in keys.chunks(1000) {
        let pairs: Vec<_> = some
            .iter()
            .map(|key| (key.as_str(), b"value".as_slice()))
            .collect();
        let (keys, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        assert_eq!(
            client.set_multi(&keys, &values).status,
            OK,
            "{}",
            last_error()
        );
    }
    keys.into_iter().collect()
}

/// More keys than any buffer holds; the callback uses the client meanwhile, and may end the dump.
#[test]
fn fm104_a_callback_that_uses_the_client_and_ends_the_dump() {
    let server = Memcached::tcp(&QUIET);
    for uri in [server.uri(), "memory://many".to_string()] {
        let client = Client::new(&format!("{uri}?max_connections=1"));
        let stored = fill(&client);
        let (answer, keys) = dump(&client);
        assert_eq!(answer.status, OK, "{}", last_error());
        let told: BTreeSet<_> = names(&keys).into_iter().collect();
        assert!(told == stored, "{} of {}", told.len(), stored.len());
        let mut count = 0;
        let ended = client.dump_to(0, |key| {
            count += 1;
            let key = String::from_utf8(key.key).expect("a key");
            assert_eq!(client.get(&key), Got::Value(b"value".to_vec()));
            i32::from(count == 500)
        });
        assert_eq!((ended.status, count), (CANCELLED, 500));
        assert_eq!(ended.statuses(), [CANCELLED]);
        assert_eq!(ended.servers[0].number, 500);
        assert_eq!(client.get("many:00007"), Got::Value(b"value".to_vec()));
    }
}

/// A server in memory makes its keys as they are read; what changes meanwhile does no harm.
#[test]
fn a_server_in_memory_that_changes_while_it_is_dumped() {
    let client = Client::new("memory://?limit=64m");
    let stored = fill(&client);
    let mut dump = client.dump_begin(0);
    for _ in 0..100 {
        dump.next_key().expect("a key");
    }
    for key in stored.iter().filter(|key| key.ends_with('7')) {
        assert_eq!(client.delete(key), OK);
    }
    let left = dump.rest();
    let seen: BTreeSet<_> = names(&left).into_iter().collect();
    assert_eq!(
        seen.len(),
        left.len(),
        "none twice where none is stored anew"
    );
    let (_, keys) = client.dump();
    assert_eq!(keys.len(), MANY - MANY / 10);
    // What is there from beginning to end is told.
    assert!(keys.len() - 100 <= seen.len() && seen.is_subset(&stored));
    assert_eq!(client.memory_clear(), OK);
    assert_eq!(client.dump().1, []);
}

/// One dump at a time: who comes second is told, and in which words.
#[test]
fn fm59_a_server_that_is_busy_telling_another() {
    let server = Memcached::tcp(&QUIET);
    let client = Client::new(&server.uri());
    fill(&client);
    dump(&client);
    // Begun, and left standing: the server waits for its reader.
    let (mut first, _) = begin(&client);
    let (answer, keys) = client.dump();
    assert_eq!(answer.statuses(), [SERVER_ERROR], "{}", last_error());
    assert!(
        answer.servers[0].text.contains("BUSY"),
        "{}",
        answer.servers[0].text
    );
    assert_eq!(keys, []);
    assert_eq!(first.rest().len(), MANY - 1);
    assert_eq!(dump(&client).1.len(), MANY);
}

/// Servers that cannot, or may not.
#[test]
fn servers_that_refuse() {
    for (flags, status, words) in [
        (&["-X"][..], NOT_PERMITTED, "not allowed"),
        (&["-o", "no_lru_crawler"], CLIENT_ERROR, "disabled"),
    ] {
        let server = Memcached::unix(flags);
        let (answer, keys) = dump(&Client::new(&server.uri()));
        assert_eq!(answer.status, PARTIAL);
        assert_eq!(answer.statuses(), [status], "{flags:?}: {}", last_error());
        assert!(
            answer.servers[0].text.contains(words),
            "{}",
            answer.servers[0].text
        );
        assert_eq!(keys, []);
    }
}

/// Who asks slowly is not taken for a server that is silent.
#[test]
fn a_slow_reader_is_not_a_silent_server() {
    let server = Memcached::tcp(&QUIET);
    let client = Client::new(&format!("{}?timeout=100ms", server.uri()));
    fill(&client);
    dump(&client);
    let (mut slow, _) = begin(&client);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(slow.rest().len(), MANY - 1, "{}", last_error());
    assert_eq!(slow.results(&client).status, OK);
}

/// A dump holds what it needs: the client may go first.
#[test]
fn a_dump_outlives_its_client() {
    let server = Memcached::unix(&[]);
    let client = Client::new(&server.uri());
    assert_eq!(client.set("key", b"1"), OK);
    dump(&client);
    let other = client.with("");
    let mut pulled = client.dump_begin(0);
    drop(client);
    assert_eq!(pulled.rest().len(), 1);
    assert_eq!(pulled.results(&other).status, OK);
}

#[test]
fn no_servers_have_no_keys() {
    let client = Client::new("");
    let (answer, keys) = client.dump();
    assert_eq!(
        (answer.status, answer.servers.len(), keys.len()),
        (OK, 0, 0)
    );
}
