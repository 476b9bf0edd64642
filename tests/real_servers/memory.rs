//! Servers with little memory: they forget, or refuse, and never answer wrong.

use crate::support::client::{Client, Got, MULTI_STORAGE, NOT_STORED, OK, last_error, name};
use crate::support::commands::Command;
use crate::support::execute::{APPEND, REPLACE, SET};
use crate::support::memcached::Memcached;
use crate::support::named::{self, Random};

const OUT_OF_MEMORY: i32 = 0x0001_0104;
const NOT_APPLIED: u32 = 1;
const REMOVED: u32 = 4;

/// FM-53: evicted items are misses; what is found is what was stored last.
#[test]
fn fm53_evictions_are_misses() {
    const KEYS: usize = 4000;
    let server = Memcached::tcp(&["-m", "8"]);
    for protocol in ["ascii", "meta"] {
        let client = Client::new(&format!("{}?protocol={protocol}", server.uri()));
        let mut random = Random::new(3);
        let keys: Vec<String> = (0..KEYS)
            .map(|number| format!("evicted:{number}"))
            .collect();
        let mut versions = [0; KEYS];
        let (mut hits, mut misses) = (0, 0);
        for version in 1..=3u64 {
            for begun in (0..KEYS).step_by(100) {
                let some = &keys[begun..begun + 100];
                let size = random.below(20_000);
                let values: Vec<_> = some
                    .iter()
                    .map(|key| named::value(key, version, size))
                    .collect();
                let answer = client.set_multi(some, &values);
                assert_eq!(answer.status, OK, "{}", last_error());
                versions[begun..begun + 100].fill(version);
                let asked: Vec<usize> = (0..100).map(|_| random.below(KEYS)).collect();
                let names: Vec<_> = asked.iter().map(|number| &keys[*number]).collect();
                let answer = client.get_multi(&names);
                assert_eq!(answer.status, OK, "{}", last_error());
                for (number, got) in asked.iter().zip(answer.entries) {
                    let key = &keys[*number];
                    match got {
                        Got::Value(found) => {
                            let found = named::version(key, &found);
                            assert_eq!(found, Some(versions[*number]), "{key}");
                            hits += 1;
                        }
                        Got::Miss => misses += 1,
                        Got::Failed(status) => panic!("{key}: {}", name(status)),
                    }
                }
            }
        }
        let evictions = server.raw().stat("evictions");
        println!("{protocol}: {hits} hits, {misses} misses, {evictions} evictions");
        assert!(evictions > 0 && hits > 100 && misses > 100);
        server.raw().flush();
    }
}

/// FM-53, `-M`: a server that is full says so; what it has stays, and what it could not replace it has removed.
#[test]
fn fm53_a_full_server_says_so() {
    const SIZE: usize = 100_000;
    for protocol in ["ascii", "meta"] {
        let server = Memcached::tcp(&["-M", "-m", "16"]);
        let client = Client::new(&format!("{}?protocol={protocol}", server.uri()));
        let key = |number: usize| format!("full:{number}");
        let value = |number| named::value(&key(number), 1, SIZE);
        let mut stored = 0;
        let refused = loop {
            let status = client.set(&key(stored), &value(stored));
            if status != OK {
                break status;
            }
            stored += 1;
            assert!(stored < 2000, "it is never full");
        };
        assert_eq!(name(refused), name(OUT_OF_MEMORY), "{}", last_error());
        println!(
            "{protocol}: {stored} items of {SIZE} bytes, then: {}",
            last_error()
        );
        for number in 0..stored {
            assert!(client.get(&key(number)) == Got::Value(value(number)));
        }
        assert_eq!(client.get(&key(stored)), Got::Miss);
        let large = value(0);
        let (first, second) = (key(0), key(1));
        let done = client.carry_out(Command::new(REPLACE, "absent", &large));
        assert!(
            [NOT_STORED, OUT_OF_MEMORY].contains(&done.status),
            "{}",
            name(done.status)
        );
        let done = client.carry_out(Command::new(SET, &first, &large));
        assert_eq!(
            (name(done.status), done.effect),
            (name(OUT_OF_MEMORY), REMOVED)
        );
        assert_eq!(client.get(&first), Got::Miss);
        // There is room again for what was removed.
        assert_eq!(client.set(&first, &large), OK, "{}", last_error());
        // What is refused in the meta protocol is gone, whatever it was to be done with.
        let (effect, left) = match protocol {
            "meta" => (REMOVED, Got::Miss),
            _ => (NOT_APPLIED, Got::Value(value(1))),
        };
        let done = client.carry_out(Command::new(APPEND, &second, &large));
        assert_eq!(
            (name(done.status), done.effect),
            (name(OUT_OF_MEMORY), effect)
        );
        assert!(client.get(&second) == left, "{protocol}");
        // In batches; what has its place is stored.
        let keys: Vec<String> = (0..20).map(|number| format!("more:{number}")).collect();
        let answer = client.set_multi(&keys, &[&large; 20]);
        assert_eq!(name(answer.status), name(MULTI_STORAGE));
        for (key, status) in keys.iter().zip(&answer.entries) {
            let there = server.raw().get(key).is_some();
            assert_eq!(there, *status == OK, "{key}");
            assert!(there || *status == OUT_OF_MEMORY, "{}", name(*status));
        }
        let lost = answer.entries.iter().filter(|status| **status != OK);
        assert!(lost.count() > 10);
        assert_eq!(server.raw().stat("evictions"), 0);
    }
}
