//! Several real servers behind one client: where keys land, what a dead server costs, and servers that
//! come and go while threads work.

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::client::{
    CONNECT_FAILED, Client, EFFECT_NOT_APPLIED, Got, MULTI_STORAGE, OK, PARTIAL, last_error_effect,
    last_error_server, name,
};
use support::memcached::Memcached;
use support::named::{self, Random};

const KEYS: usize = 2000;

fn servers() -> Vec<Memcached> {
    (0..5)
        .map(|number| match number % 2 {
            0 => Memcached::tcp_to_restart(&[]),
            _ => Memcached::unix(&[]),
        })
        .collect()
}

fn list(servers: &[Memcached]) -> String {
    let uris: Vec<_> = servers.iter().map(Memcached::uri).collect();
    uris.join(",")
}

fn keys() -> Vec<String> {
    (0..KEYS)
        .map(|number| format!("several:{number}"))
        .collect()
}

fn value(key: &str) -> Vec<u8> {
    named::value(key, 1, 20 + key.len() * 131 % 500)
}

fn store_all(client: &Client) {
    let keys = keys();
    let values: Vec<_> = keys.iter().map(|key| value(key)).collect();
    let answer = client.set_multi(&keys, &values);
    assert_eq!(answer.status, OK, "{}", name(answer.status));
}

/// The place in the list of the server that a key belongs to.
fn place(client: &Client, key: &str) -> usize {
    let name = client.server_for(key);
    let names = client.servers();
    let place = names.iter().position(|other| *other == name);
    place.unwrap_or_else(|| panic!("{name} is not among {names:?}"))
}

/// Each key is on the server that mc_server_for_key names, and on no other; a batch goes to all.
#[test]
fn keys_are_where_the_client_says() {
    let servers = servers();
    let client = Client::new(&list(&servers));
    store_all(&client);
    let mut raw: Vec<_> = servers.iter().map(Memcached::raw).collect();
    let mut counts = vec![0; servers.len()];
    for key in keys() {
        let place = place(&client, &key);
        counts[place] += 1;
        for (number, server) in raw.iter_mut().enumerate() {
            let expected = (number == place).then(|| value(&key));
            assert_eq!(server.get(&key), expected, "{key} on server {number}");
        }
        assert_eq!(client.get(&key), Got::Value(value(&key)));
    }
    let answer = client.get_multi(&keys());
    assert_eq!(answer.status, OK);
    for (key, got) in keys().iter().zip(&answer.entries) {
        assert_eq!(*got, Got::Value(value(key)), "{key}");
    }
    let connections: Vec<_> = raw
        .iter_mut()
        .map(|r| r.stat("curr_connections") - 1)
        .collect();
    println!("{KEYS} keys on 5 servers: {counts:?}, connections {connections:?}");
    assert!(counts.iter().all(|count| *count > KEYS / 10), "{counts:?}");
    assert_eq!(connections, [1; 5], "one thread needs one to each");
}

/// Keys that are written in base64 are placed as the caller wrote them, alone and in batches.
#[test]
fn keys_of_any_bytes_are_where_the_client_says() {
    const OPTIONS: &str = "protocol=meta&binary_keys=on&key_prefix=p:&hash_prefix=on";
    let servers = servers();
    let client = Client::new(&format!("{}?{OPTIONS}", list(&servers)));
    let alone = |server: &Memcached| Client::new(&format!("{}?{OPTIONS}", server.uri()));
    let alone: Vec<_> = servers.iter().map(alone).collect();
    let keys: Vec<_> = (0..300).map(|n| format!("any\tkey\r\n{n}")).collect();
    let values: Vec<_> = keys.iter().map(|key| value(key)).collect();
    let (one_by_one, together) = keys.split_at(100);
    for (key, value) in one_by_one.iter().zip(&values) {
        assert_eq!(client.set(key, value), OK, "{key:?}");
    }
    assert_eq!(client.set_multi(together, &values[100..]).status, OK);
    let mut counts = vec![0; servers.len()];
    for (key, value) in keys.iter().zip(&values) {
        let place = place(&client, key);
        counts[place] += 1;
        for (number, server) in alone.iter().enumerate() {
            let expected = match number == place {
                true => Got::Value(value.clone()),
                false => Got::Miss,
            };
            assert_eq!(server.get(key), expected, "{key:?} on server {number}");
        }
        assert_eq!(client.get(key), Got::Value(value.clone()));
    }
    let answer = client.get_multi(&keys);
    assert_eq!(answer.status, OK);
    for (got, value) in answer.entries.iter().zip(&values) {
        assert_eq!(*got, Got::Value(value.clone()));
    }
    assert!(counts.iter().all(|count| *count > 10), "{counts:?}");
}

/// FM-77: a dead server costs its own keys, each of which says so; none is a miss.
#[test]
fn fm77_a_dead_server_costs_only_its_own_keys() {
    let mut servers = servers();
    // It is asked again and again, and used at once when it is back.
    let client = Client::new(&format!("{}?reconnect=simple", list(&servers)));
    store_all(&client);
    for dead in [1, 2] {
        servers[dead].kill();
        let dead_name = client.servers()[dead].clone();
        // At first over connections that were warm when it died, then over none.
        for round in 0..2 {
            let began = Instant::now();
            let answer = client.get_multi(&keys());
            let took = began.elapsed();
            assert_eq!(answer.status, PARTIAL, "{}", name(answer.status));
            assert_eq!(last_error_server(), dead_name);
            let mut lost = 0;
            for (key, got) in keys().iter().zip(&answer.entries) {
                if place(&client, key) == dead {
                    assert_eq!(*got, Got::Failed(CONNECT_FAILED), "{key}");
                    lost += 1;
                } else {
                    assert_eq!(*got, Got::Value(value(key)), "{key}");
                }
            }
            println!("{dead_name} dead, batch {round}: {lost} of {KEYS} keys lost, {took:?}");
            assert!(lost > KEYS / 10 && lost < KEYS / 2);
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
        writes_fail_alone(&client, dead);
        servers[dead].restart();
        store_all(&client);
        let answer = client.get_multi(&keys());
        assert_eq!(answer.status, OK, "back at once: {}", name(answer.status));
    }
}

fn writes_fail_alone(client: &Client, dead: usize) {
    let keys = keys();
    let values: Vec<_> = keys.iter().map(|key| value(key)).collect();
    let answer = client.set_multi(&keys, &values);
    assert_eq!(answer.status, MULTI_STORAGE, "{}", name(answer.status));
    for (key, status) in keys.iter().zip(answer.entries) {
        let expected = if place(client, key) == dead {
            CONNECT_FAILED
        } else {
            OK
        };
        assert_eq!(status, expected, "{key}: {}", name(status));
    }
    let lost = keys.iter().find(|key| place(client, key) == dead);
    let lost = lost.expect("a key of the dead server");
    assert_eq!(client.set(lost, b"value"), CONNECT_FAILED);
    assert_eq!(last_error_effect(), EFFECT_NOT_APPLIED);
    assert_eq!(client.get(lost), Got::Failed(CONNECT_FAILED));
    assert_eq!(client.incr(lost, 1), Err(CONNECT_FAILED));
    assert_eq!(client.delete(lost), CONNECT_FAILED);
}

/// What a thread sees while the list of servers changes: its keys may move, and are then misses or
/// what was stored there before, but never another's, and no call fails.
fn work(client: &Client, seed: u64, done: &AtomicBool, calls: &AtomicUsize) {
    let (keys, mut random) = (keys(), Random::new(seed));
    let check = |key: &str, got: &Got| match got {
        Got::Value(found) => assert!(named::version(key, found).is_some(), "{key}"),
        Got::Miss => {}
        Got::Failed(status) => panic!("{key}: {}", name(*status)),
    };
    while !done.load(Ordering::Relaxed) {
        let key = &keys[random.below(KEYS)];
        match random.below(4) {
            0 => assert_eq!(client.set(key, &named::value(key, random.next(), 90)), OK),
            1 => {
                let some: Vec<_> = (0..20).map(|_| keys[random.below(KEYS)].as_str()).collect();
                let answer = client.get_multi(&some);
                assert_eq!(answer.status, OK, "{}", name(answer.status));
                for (key, got) in some.iter().zip(&answer.entries) {
                    check(key, got);
                }
            }
            _ => check(key, &client.get(key)),
        }
        calls.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many connections the server still has beside the one that asks, when there were none, or
/// after some patience.
fn connections_left(server: &Memcached) -> u64 {
    let (mut raw, deadline) = (server.raw(), Instant::now() + Duration::from_secs(2));
    loop {
        let left = raw.stat("curr_connections") - 1;
        if left == 0 || Instant::now() > deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Servers are added, removed and replaced, again and again, while four threads work. Afterwards
/// nothing is left of those that were removed (FM-81).
#[test]
fn servers_come_and_go_while_threads_work() {
    const CHANGES: usize = 300;
    let servers = servers();
    let client = Client::new(&list(&servers));
    let (done, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let (client, done, calls) = (&client, &done, &calls);
        let spawn = |seed| scope.spawn(move || work(client, seed, done, calls));
        let workers: Vec<_> = (1..=4).map(spawn).collect();
        let mut random = Random::new(5);
        for change in 0..CHANGES {
            let before = calls.load(Ordering::Relaxed);
            match change % 3 {
                0 => assert_eq!(client.set_servers(&list(&servers[..3])), OK),
                1 => {
                    assert_eq!(client.add_server(&servers[3 + random.below(2)].uri()), OK);
                    assert_eq!(client.servers().len(), 4);
                }
                _ => {
                    assert_eq!(client.remove_server(&servers[random.below(3)].uri()), OK);
                    assert_eq!(client.servers().len(), 3);
                }
            }
            // Some calls under each list.
            while calls.load(Ordering::Relaxed) < before + 20 {
                assert!(workers.iter().all(|worker| !worker.is_finished()));
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(client.set_servers(&list(&servers)), OK);
    assert_eq!(client.servers().len(), 5);
    store_all(&client);
    let calls = calls.into_inner();
    println!("{CHANGES} changes of the list of servers, {calls} calls meanwhile, none failed");
    assert_eq!(client.set_servers(&list(&servers[..1])), OK);
    assert_eq!(client.get("absent"), Got::Miss);
    for (number, server) in servers.iter().enumerate().skip(1) {
        let connections = connections_left(server);
        assert_eq!(connections, 0, "server {number} was removed");
    }
}
