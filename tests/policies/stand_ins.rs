//! `failover=`: what becomes of the keys of a server that is down.

use std::time::Instant;

use super::support::client::{
    Client, Got, INVALID_ARGUMENT, MULTI_STORAGE, NOT_FOUND, NOT_STORED, OK, PARTIAL, TIMEOUT,
    UNSUPPORTED, last_error, last_error_server, last_error_status, name,
};
use super::support::execute::{Command, DELETE, GET, INCR, SET};
use super::support::loops::{self, Loop};
use super::support::memcached::Memcached;
use super::{eventually, list, value};

const KEYS: usize = 300;

fn some(n: usize) -> Vec<Memcached> {
    (0..n).map(|_| Memcached::tcp_to_restart(&[])).collect()
}

fn all(servers: &[Memcached], options: &str) -> Client {
    Client::new(&list(&servers.iter().collect::<Vec<_>>(), options))
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|number| format!("key:{number}")).collect()
}

/// The keys of a server, and the others.
fn of(client: &Client, server: usize) -> (Vec<String>, Vec<String>) {
    let name = client.servers()[server].clone();
    keys()
        .into_iter()
        .partition(|key| client.server_for(key) == name)
}

fn is_unreachable(got: &Got) -> bool {
    matches!(got, Got::Failed(status) if status & 0xff == 5)
}

/// FM-79, FM-77: nothing moves by itself. The keys of a dead server fail, and are elsewhere neither looked for
/// nor stored, whatever the placement.
#[test]
fn fm79_fm77_by_default_no_key_moves() {
    for placement in [
        "modula",
        "ketama",
        "python-memcached2",
        "python-memcached",
        "pymemcache",
    ] {
        let mut servers = some(3);
        let client = all(&servers, &format!("placement={placement}"));
        let (own, others) = of(&client, 1);
        assert_eq!(client.set_multi(&keys(), &keys()).status, OK);
        servers[1].kill();
        for key in own.iter().take(3) {
            assert!(is_unreachable(&client.get(key)), "{placement}: {key}");
            assert_eq!(client.set(key, b"v") & 0xff, 5);
        }
        assert_eq!(client.get_multi(&others).status, OK);
        assert_eq!(client.get_multi(&own).status, PARTIAL);
        for server in [&servers[0], &servers[2]] {
            let mut raw = server.raw();
            assert!(
                own.iter().take(3).all(|key| raw.get(key).is_none()),
                "{placement}"
            );
        }
    }
}

/// The keys of a dead server are told as misses, those of the others as they are.
#[test]
fn a_dead_server_is_an_empty_one_with_miss() {
    let mut servers = some(3);
    let strict = all(&servers, "");
    let client = strict.with("failover=miss");
    let (own, others) = of(&client, 2);
    assert_eq!(client.set_multi(&keys(), &keys()).status, OK);
    servers[2].kill();
    let dead = client.servers()[2].clone();
    assert_eq!(client.get(&own[0]), Got::Miss);
    assert_eq!((last_error_status() & 0xff, last_error_server()), (5, dead));
    assert_eq!(client.set(&own[0], b"v"), NOT_STORED);
    assert_eq!(client.delete(&own[0]), NOT_FOUND);
    assert_eq!(client.incr(&own[0], 1), Err(NOT_FOUND));
    let said = client.execute(&Command::new(GET, &own[1]));
    assert_eq!((said.status, said.text.is_empty()), (0x0101, false));
    let read = client.get_multi(&keys());
    assert_eq!(read.status, OK);
    for (key, got) in keys().iter().zip(&read.entries) {
        let expected = if own.contains(key) {
            Got::Miss
        } else {
            value(key)
        };
        assert_eq!(*got, expected);
    }
    assert_eq!(client.set_multi(&own, &own).status, MULTI_STORAGE);
    assert_eq!(client.set_multi(&others, &others).status, OK);
    // The client that it is a view of keeps its own way.
    assert!(is_unreachable(&strict.get(&own[0])));
    servers[2].restart();
    eventually("it is back", || client.set(&own[0], b"v") == OK);
}

/// The keys of a dead server go to another one in the same call, alone and in batches; when it is back, so are
/// they, with what it holds.
#[test]
fn another_server_stands_in() {
    for options in [
        "failover=next",
        "failover=next&placement=ketama",
        "failover=rehash",
        "failover=rehash&placement=python-memcached2",
        "failover=rehash&hash_tags=on&key_prefix={tag}:",
        "failover=next&placement=jump&protocol=meta&sort_servers=on",
    ] {
        let mut servers = some(3);
        let client = all(&servers, options);
        let (own, others) = of(&client, 1);
        assert_eq!(client.set_multi(&keys(), &keys()).status, OK, "{options}");
        servers[1].kill();
        for key in own.iter().take(5) {
            assert_eq!(client.get(key), Got::Miss, "{options}: {}", last_error());
            assert_eq!(client.set(key, b"1"), OK, "{options}");
            assert_eq!(client.execute(&Command::new(INCR, key)).number, Some(2));
        }
        assert_eq!(client.set_multi(&own, &own).status, OK, "{options}");
        let read = client.get_multi(&keys());
        assert_eq!(read.status, OK, "{options}");
        for (key, got) in keys().iter().zip(&read.entries) {
            assert_eq!(*got, value(key), "{options}");
        }
        let only = |key: &String| {
            let wire = match options.contains("key_prefix") {
                true => format!("{{tag}}:{key}"),
                false => key.clone(),
            };
            let has = |server: usize| servers[server].raw().get(&wire).is_some();
            [0, 2].into_iter().filter(|at| has(*at)).count()
        };
        assert!(
            own.iter().take(20).all(|key| only(key) == 1),
            "{options}: on one server"
        );
        assert_eq!(client.delete(&own[0]), OK);
        // A mixed batch, each command with its own answer.
        let (status, said) = client.execute_multi(&[
            Command::new(GET, &own[1]),
            Command::new(DELETE, &own[0]),
            Command::new(SET, &own[0]).value("x"),
        ]);
        assert_eq!(status, OK);
        assert_eq!(said[0].value.as_deref(), Some(own[1].as_bytes()));
        servers[1].restart();
        // It is empty, and so are its keys.
        eventually(options, || client.get(&own[1]) == Got::Miss);
        let back = client.get_multi(&own);
        assert_eq!(back.status, OK, "{options}");
        assert_eq!(
            back.entries,
            vec![Got::Miss; own.len()],
            "{options}: it is empty"
        );
        assert_eq!(client.get_multi(&others).status, OK);
        println!(
            "{options}: {} keys of the dead server went elsewhere and came back",
            own.len()
        );
    }
}

/// A loop does the same, alone and in batches.
#[test]
fn loops_do_the_same() {
    for options in [
        "failover=miss",
        "failover=next",
        "failover=rehash&placement=ketama",
    ] {
        let mut servers = some(3);
        let client = all(&servers, options);
        let (own, others) = of(&client, 1);
        servers[1].kill();
        let it = Loop::new(&client);
        let misses = options.contains("miss");
        // More than it takes until the server is taken for down.
        for round in 0..8 {
            let set = it.one(&loops::set(&own[round], "v"));
            let expected = if misses { NOT_STORED } else { OK };
            assert_eq!(set.status, expected, "{options}: {}", set.text());
            let get = it.one(&loops::get(&own[round]));
            let expected = (!misses).then_some(&b"v"[..]);
            assert_eq!(get.value(), expected, "{options}");
            assert_eq!(get.status, if misses { 0x0101 } else { OK });
            assert_eq!(it.one(&loops::set(&others[round], "w")).status, OK);
        }
        let all: Vec<_> = keys()
            .iter()
            .map(|key| loops::set(key, key.as_str()))
            .collect();
        let id = it.submit_multi(&all, None);
        it.finish();
        let stored = it.ended(id);
        assert_eq!(
            stored.status,
            if misses { MULTI_STORAGE } else { OK },
            "{options}"
        );
        let all: Vec<_> = keys().iter().map(|key| loops::get(key)).collect();
        let id = it.submit_multi(&all, None);
        it.finish();
        let read = it.ended(id);
        assert_eq!(read.status, OK, "{options}");
        for (key, seen) in keys().iter().zip(read.results.iter().flatten()) {
            let expected = (!misses || others.contains(key)).then_some(key.as_bytes());
            assert_eq!(seen.value.as_deref(), expected, "{options}: {key}");
        }
        // Blocking calls find what the loop has stored.
        if !misses {
            assert_eq!(client.get(&own[9]), value(&own[9]), "{options}");
        }
        for at in [0, 2] {
            servers[at].kill();
        }
        let ended = it.one(&loops::get(&own[0]));
        assert_eq!(
            ended.status == 0x0101,
            misses,
            "{options}: {}",
            ended.text()
        );
        assert!(!ended.text().is_empty());
    }
}

/// FM-19: a server that hangs has the command: it is not sent to another one.
#[test]
fn fm19_what_a_hung_server_has_is_not_sent_elsewhere() {
    let servers = some(2);
    let client = all(&servers, "failover=next&timeout=100ms");
    let (own, _) = of(&client, 0);
    assert_eq!(client.set(&own[0], b"1"), OK);
    servers[0].halt();
    let said = client.execute(&Command::new(INCR, &own[0]));
    servers[0].go_on();
    assert_eq!(said.status, 0x0305, "{}", name(said.status));
    assert_eq!(servers[1].raw().get(&own[0]), None);
}

/// FM-63: a server that hangs costs three calls their time; from then on its keys are elsewhere, but for a call
/// now and then that tries it.
#[test]
fn fm63_the_keys_of_a_hung_server_go_elsewhere() {
    let servers = some(2);
    let client = all(&servers, "failover=next&timeout=60ms");
    let (own, _) = of(&client, 0);
    assert_eq!(client.set(&own[0], b"1"), OK);
    servers[0].halt();
    let began = Instant::now();
    let statuses: Vec<i32> = (0..300).map(|_| client.set(&own[0], b"2")).collect();
    let tried = began.elapsed().as_millis() / 205 + 1;
    let elsewhere = servers[1].raw().get(&own[0]);
    servers[0].go_on();
    let late = statuses.iter().filter(|status| **status == TIMEOUT).count();
    println!("{late} of 300 calls were late, in the time of {tried} tries");
    assert_eq!(statuses[..3], [TIMEOUT; 3]);
    assert!(late as u128 <= 3 + tried, "{late} of 300 calls were late");
    assert!(
        statuses
            .iter()
            .all(|status| matches!(*status, OK | TIMEOUT))
    );
    assert_eq!(elsewhere.as_deref(), Some(&b"2"[..]));
    eventually("it is back", || {
        matches!(client.get(&own[0]), Got::Value(_))
    });
}

/// With all servers dead, the failure is that of the key's own server.
#[test]
fn with_nobody_left_the_call_fails() {
    let mut servers = some(3);
    for way in ["next", "rehash", "gutter", "miss"] {
        let client = all(&servers, &format!("failover={way}"));
        let key = &of(&client, 1).0[0];
        let own = client.servers()[1].clone();
        servers.iter_mut().for_each(Memcached::kill);
        match way {
            "miss" => assert_eq!(client.get(key), Got::Miss),
            _ => assert!(is_unreachable(&client.get(key)), "{way}"),
        }
        assert_eq!(last_error_server(), own, "{way}");
        servers.iter_mut().for_each(Memcached::restart);
    }
}

/// The gutter takes the keys of a dead server for a short time, and loses what is deleted.
#[test]
fn the_gutter_stands_in_for_a_short_time() {
    let mut servers = some(4);
    let uris: Vec<_> = servers.iter().map(Memcached::uri).collect();
    // The gutter stands in the middle of the list: that moves no key.
    let client = Client::new(&format!(
        "{}?failover=gutter&gutter_ttl=20s,{},{}?gutter=on,{}",
        uris[0], uris[1], uris[2], uris[3]
    ));
    let without = Client::new(&format!("{},{},{}", uris[0], uris[1], uris[3]));
    assert_eq!(client.servers().len(), 4);
    for key in keys() {
        assert_eq!(client.server_for(&key), without.server_for(&key));
    }
    let (own, _) = of(&client, 1);
    assert_eq!(client.set_multi(&keys(), &keys()).status, OK);
    let mut gutter = servers[2].raw();
    assert!(
        keys().iter().all(|key| gutter.get(key).is_none()),
        "nobody is down"
    );
    servers[1].kill();
    let read = client.get_multi(&keys());
    assert_eq!(read.status, OK);
    assert_eq!(
        read.entries.iter().filter(|got| **got == Got::Miss).count(),
        own.len()
    );
    assert_eq!(client.set(&own[0], b"v"), OK);
    assert_eq!(client.touch(&own[0], 5000), OK);
    assert_eq!(client.set_multi(&own[1..], &own[1..]).status, OK);
    for key in &own {
        let left = gutter.ttl(key).expect("it is in the gutter");
        assert!((1..=20).contains(&left), "{key}: {left} seconds");
    }
    let short = Command {
        ttl: 3,
        ..Command::new(SET, &own[1]).value("v")
    };
    assert_eq!(client.execute(&short).status, OK);
    assert!(gutter.ttl(&own[1]).is_some_and(|left| left <= 3));
    assert_eq!(client.get(&own[0]), value("v"));
    assert_eq!(client.delete(&own[0]), OK);
    assert_eq!(
        (client.get(&own[0]), client.delete(&own[0])),
        (Got::Miss, NOT_FOUND)
    );
    // It is back: what is deleted there is deleted in the gutter too.
    servers[1].restart();
    eventually("it is back", || client.get(&own[4]) == Got::Miss);
    assert!(gutter.get(&own[2]).is_some());
    assert_eq!(client.delete(&own[2]), NOT_FOUND, "it is back, and empty");
    assert_eq!(gutter.get(&own[2]), None);
    assert_eq!(client.set(&own[3], b"new"), OK);
    assert_eq!(
        client.delete_multi(&own[3..6]).entries,
        [OK, NOT_FOUND, NOT_FOUND]
    );
    assert!(own[3..6].iter().all(|key| gutter.get(key).is_none()));
    println!("{} keys went to the gutter", own.len());
}

#[test]
fn what_is_refused() {
    let servers = some(2);
    let refused = |options: &str| {
        let list = list(&servers.iter().collect::<Vec<_>>(), options);
        Client::try_new(&list).err().map(|(status, _)| status)
    };
    assert_eq!(
        refused("failover=next&replicate=all"),
        Some(INVALID_ARGUMENT)
    );
    assert_eq!(refused("failover=somewhere"), Some(INVALID_ARGUMENT));
    let replicas = all(&servers, "replicate=any");
    assert_eq!(
        replicas.try_with("failover=miss").err(),
        Some(INVALID_ARGUMENT)
    );
    let gutter = all(&servers, "failover=gutter");
    assert_eq!(Loop::try_new(&gutter).err(), Some(UNSUPPORTED));
    assert!(Loop::try_new(&all(&servers, "failover=error")).is_ok());
}
