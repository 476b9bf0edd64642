//! A real twemproxy in front of two real servers: what is stored lands on one of them, what is read is what
//! was stored, and the servers are asked past the proxy what they have.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::client::{Client, Got, NOT_FOUND, OK, TOO_LARGE, last_error, name};
use crate::support::commands::Command;
use crate::support::execute::{APPEND, CAS, DECR, EXPIRE_NOW, GETS, PREPEND, REPLACE, SET};
use crate::support::named::{self, Random};
use crate::support::nutcracker::Nutcracker;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);
const OPTIONS: &str = "&timeout=20s&batch_timeout=30s";
const CAS_FAILURE: i32 = 0x0202;

fn proxy() -> Nutcracker {
    Nutcracker::new(&["-m", "256"], PATIENCE)
}

fn client(proxy: &Nutcracker, options: &str) -> Client {
    Client::new(&format!("{}{OPTIONS}{options}", proxy.uri()))
}

/// What a proxy of two servers has of a key: it is on one of them, or on none.
fn held(proxy: &Nutcracker, key: &str) -> Option<Vec<u8>> {
    match proxy.held(key) {
        [Some(_), Some(_)] => panic!("{key} is on both servers"),
        [one, other] => one.or(other),
    }
}

/// FM-60: every command that passes, one by one.
#[test]
fn fm60_every_classic_command() {
    let proxy = proxy();
    let client = client(&proxy, "");
    for key in ["a", "b", "c", "d"] {
        let run = |op, value: &'static [u8]| client.carry_out(Command::new(op, key, value));
        assert_eq!(client.get(key), Got::Miss);
        assert_eq!(run(REPLACE, b"no").status, 0x0102, "NOT_STORED");
        assert_eq!(client.add(key, b"one"), OK);
        assert_eq!(run(REPLACE, b"two").status, OK);
        assert_eq!(run(APPEND, b">").status, OK);
        assert_eq!(run(PREPEND, b"<").status, OK);
        assert_eq!(held(&proxy, key).as_deref(), Some(&b"<two>"[..]));
        let found = run(GETS, b"");
        assert_eq!(found.value.as_deref(), Some(&b"<two>"[..]));
        let compare = |cas, value: &'static [u8]| {
            let command = Command::new(CAS, key, value);
            client.carry_out(Command { cas, ..command }).status
        };
        assert!(found.cas.is_some());
        assert_eq!(compare(found.cas, b"10"), OK);
        assert_eq!(compare(found.cas, b"11"), CAS_FAILURE);
        assert_eq!(client.incr(key, 5), Ok(15));
        assert_eq!(run(DECR, b"").number, 14);
        assert_eq!(client.touch(key, 1000), OK);
        assert_eq!(held(&proxy, key).as_deref(), Some(&b"14"[..]));
        let answer = client.delete_all(key);
        assert_eq!(answer.statuses(), [OK], "{}", last_error());
        assert_eq!(client.delete(key), NOT_FOUND);
        assert_eq!(held(&proxy, key), None);
    }
    assert_eq!(proxied_connections(&proxy), 1, "none was closed");
}

/// How many connections the proxy holds to the busier of its servers (it has one for all clients).
fn proxied_connections(proxy: &Nutcracker) -> u64 {
    let of = |server: &crate::support::memcached::Memcached| {
        let mut raw = server.raw();
        raw.stat("curr_connections") - 1
    };
    proxy.behind.iter().map(of).max().expect("two servers")
}

/// FM-47: twemproxy closes the connection at a negative number; what is to expire at once does so all the
/// same, and costs nobody the connection.
#[test]
fn fm47_what_is_to_expire_at_once() {
    let proxy = proxy();
    let client = client(&proxy, "&max_connections=1");
    for key in ["now", "at once", "gone"].map(|key| key.replace(' ', "-")) {
        assert_eq!(client.set(&key, b"there"), OK);
        let ends = Command {
            ttl: EXPIRE_NOW,
            flags: 7,
            ..Command::new(SET, &key, b"not there")
        };
        let done = client.carry_out(ends);
        assert_eq!(done.status, OK, "{}", last_error());
        assert_eq!(client.get(&key), Got::Miss);
        assert_eq!(held(&proxy, &key), None);
    }
    let (keys, values) = (["x", "y"], ["1", "2"]);
    let answer = client.set_multi_for(&keys, &values, EXPIRE_NOW);
    assert_eq!((answer.status, answer.entries), (OK, vec![OK; 2]));
    assert_eq!(client.get_multi(&keys).entries, [Got::Miss, Got::Miss]);
}

/// Writes that nobody waits for: what failed is counted, what did not is there.
#[test]
fn quiet_writes() {
    let proxy = proxy();
    let client = client(&proxy, "&default_noreply=on&max_connections=1");
    for number in 0..500 {
        let key = format!("quiet:{number}");
        assert_eq!(client.set(&key, key.as_bytes()), OK);
        assert_eq!(client.get(&key), Got::Value(key.into_bytes()));
    }
    assert_eq!(client.sync(), (OK, 0));
    // Two of these find nothing to change.
    for key in ["quiet:1", "quiet:2", "absent:1", "absent:2"] {
        assert_eq!(client.delete(key), OK);
    }
    assert_eq!(client.sync(), (OK, 2));
    for number in 0..500 {
        let key = format!("quiet:{number}");
        let there = !matches!(number, 1 | 2);
        assert_eq!(held(&proxy, &key).is_some(), there, "{key}");
    }
}

/// FM-20, FM-57: the proxy asks its servers for parts of a line of keys, and hands out the values in
/// another order than they were asked for; each is that of its key, of keys that are there twice too.
#[test]
fn fm57_values_of_one_line_in_any_order() {
    let proxy = proxy();
    let client = client(&proxy, "");
    let keys: Vec<String> = (0..300).map(|number| format!("order:{number}")).collect();
    let stored = |key: &str| named::value(key, 3, key.len() * 977 % 3000);
    for (number, key) in keys.iter().enumerate() {
        if number % 3 != 0 {
            assert_eq!(client.set(key, &stored(key)), OK);
        }
    }
    let asked: Vec<&str> = (0..600)
        .map(|number| keys[number * 7 % 300].as_str())
        .collect();
    let came = proxy.raw().order(&asked);
    let there = |key: &&str| Got::Miss != client.get(key);
    let in_order: Vec<&str> = asked.iter().copied().filter(there).collect();
    assert_eq!(came.len(), in_order.len());
    assert_ne!(came, in_order, "this proxy does not change the order");
    let answer = client.get_multi(&asked);
    assert_eq!(answer.status, OK, "{}", last_error());
    let mut hits = 0;
    for (key, got) in asked.iter().zip(&answer.entries) {
        let number: usize = key["order:".len()..].parse().expect("a number");
        match number % 3 {
            0 => assert_eq!(*got, Got::Miss, "{key}"),
            _ => assert_eq!(*got, Got::Value(stored(key)), "{key}"),
        }
        hits += usize::from(*got != Got::Miss);
    }
    println!(
        "{} keys in one line, {hits} values in another order",
        asked.len()
    );
}

/// Values up to the limit of the servers, one by one and in batches; what is larger than the servers
/// take is refused by them, and what was under way beside it is not lost.
#[test]
fn large_values() {
    let proxy = proxy();
    let client = client(&proxy, "&item_size_max=4m");
    let sizes = [
        0, 1, 511, 512, 513, 16_383, 16_384, 65_536, 300_000, 700_000, 1_000_000,
    ];
    let keys: Vec<String> = sizes.iter().map(|size| format!("large:{size}")).collect();
    let value = |key: &str, size: usize| {
        let mut value = named::value(key, 1, size);
        value.truncate(size);
        value
    };
    let values: Vec<_> = keys.iter().zip(sizes).map(|(k, s)| value(k, s)).collect();
    for (key, value) in keys.iter().zip(&values) {
        assert_eq!(client.set(key, value), OK, "{key}: {}", last_error());
        assert!(client.get(key) == Got::Value(value.clone()), "{key}");
        assert!(held(&proxy, key).as_deref() == Some(value), "{key}");
        assert_eq!(client.delete(key), OK);
    }
    let answer = client.set_multi(&keys, &values);
    assert_eq!(answer.status, OK, "{}", last_error());
    let answer = client.get_multi(&keys);
    assert_eq!(answer.status, OK, "{}", last_error());
    for ((key, value), got) in keys.iter().zip(&values).zip(answer.entries) {
        assert!(got == Got::Value(value.clone()), "{key}");
    }
    let too_large = vec![b'x'; 2_000_000];
    assert_eq!(client.set("large:1", &too_large), TOO_LARGE);
    assert_eq!(client.get("large:512"), Got::Value(values[3].clone()));
}

/// Some thousand pages of all sizes, stored and read in batches: all there, each on one server.
#[test]
fn thousands_of_pages() {
    const PAGES: usize = 5000;
    let proxy = proxy();
    let client = client(&proxy, "");
    let mut random = Random::new(11);
    let keys: Vec<String> = (0..PAGES)
        .map(|number| format!("/usr/include/d{}/page{number}.h", number % 50))
        .collect();
    let pages: Vec<Vec<u8>> = keys
        .iter()
        .map(|key| named::value(key, 1, random.below(20) * random.below(1500)))
        .collect();
    let began = Instant::now();
    for (keys, pages) in keys.chunks(250).zip(pages.chunks(250)) {
        let answer = client.set_multi(keys, pages);
        assert_eq!(answer.status, OK, "{}", last_error());
    }
    for (keys, pages) in keys.chunks(500).zip(pages.chunks(500)) {
        let answer = client.get_multi(keys);
        assert_eq!(answer.status, OK, "{}", last_error());
        for ((key, page), got) in keys.iter().zip(pages).zip(&answer.entries) {
            assert!(*got == Got::Value(page.clone()), "{key}");
        }
    }
    let took = began.elapsed();
    let mut raw = proxy.behind.each_ref().map(|server| server.raw());
    let mut counts = [0; 2];
    for (key, page) in keys.iter().zip(&pages) {
        let there = raw.each_mut().map(|server| server.get(key));
        let place = there.iter().position(Option::is_some).expect(key);
        assert!(there[place].as_ref() == Some(page), "{key}");
        assert_eq!(there[1 - place], None, "{key} is on both servers");
        counts[place] += 1;
    }
    let bytes: usize = pages.iter().map(Vec::len).sum();
    println!(
        "{PAGES} pages, {bytes} bytes, stored and read in {took:?}; {counts:?} on the servers"
    );
    assert!(counts.iter().all(|count| *count > PAGES / 4), "{counts:?}");
}

/// FM-16: many threads share the connections to the proxy, which shares its own among them; what each
/// finds is what it stored last.
#[test]
fn fm16_many_threads() {
    const THREADS: u64 = 6;
    const COMMANDS: u64 = 6000;
    const KEYS: usize = 50;
    let proxy = proxy();
    let client = client(&proxy, "&max_connections=4");
    assert_eq!(client.set("counter", b"0"), OK);
    let hits = AtomicU64::new(0);
    let work = |id: u64| {
        let mut random = Random::new(id + 1);
        let mut own: [Option<u64>; KEYS] = [None; KEYS];
        let key = |number: usize| format!("own:{id}:{number}");
        let expected = |number: usize, version: Option<u64>| {
            let size = |version: u64| (version % 3000) as usize;
            version.map_or(Got::Miss, |v| {
                Got::Value(named::value(&key(number), v, size(v)))
            })
        };
        for _ in 0..COMMANDS {
            let number = random.below(KEYS);
            match random.below(10) {
                0..4 => assert_eq!(client.get(&key(number)), expected(number, own[number])),
                4..7 => {
                    own[number] = Some(random.next());
                    let Got::Value(value) = expected(number, own[number]) else {
                        unreachable!("it has a version");
                    };
                    let status = client.set(&key(number), &value);
                    assert_eq!(status, OK, "{}: {}", name(status), last_error());
                }
                7 => {
                    let there = own[number].take().is_some();
                    let expected = if there { OK } else { NOT_FOUND };
                    assert_eq!(client.delete(&key(number)), expected);
                }
                8 => assert!(client.incr("counter", 1).is_ok()),
                _ => {
                    let numbers: Vec<_> = (0..20).map(|_| random.below(KEYS)).collect();
                    let keys: Vec<_> = numbers.iter().map(|number| key(*number)).collect();
                    let answer = client.get_multi(&keys);
                    assert_eq!(answer.status, OK, "{}", last_error());
                    for (number, got) in numbers.iter().zip(&answer.entries) {
                        assert_eq!(*got, expected(*number, own[*number]), "{}", key(*number));
                        hits.fetch_add(u64::from(*got != Got::Miss), Ordering::Relaxed);
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|id| scope.spawn(move || work(id)))
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("no panic"));
    });
    let hits = hits.into_inner();
    println!("{THREADS} threads of {COMMANDS} commands, {hits} hits in batches, none wrong");
    assert!(hits > 1000);
}
