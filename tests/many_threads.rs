//! Eight threads on one handle, a million commands of all kinds on a real server. Each thread knows
//! what its own keys must hold, byte for byte; of the keys that all share, every value must name its
//! key, and every number must have been counted once.

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use support::client::{Answer, Client, Got, NOT_FOUND, NOT_STORED, OK, name};
use support::memcached::Memcached;
use support::named::{self, Random};
use support::soak;

const THREADS: u64 = 8;
/// Of all threads together, for each pool; `soak` multiplies it.
const COMMANDS: u64 = 500_000;
const OWN: usize = 40;
const SHARED: usize = 40;
const MANY: usize = 10;
const COUNTER: &str = "shared:counter";

struct Worker<'a> {
    client: &'a Client,
    random: Random,
    id: u64,
    /// The version of what each of its own keys holds.
    own: [Option<u64>; OWN],
    own_count: Option<u64>,
    /// How often it counted the counter of all up.
    counted: u64,
    commands: u64,
    hits: u64,
    misses: u64,
}

/// What a key holds by its version; the size follows, from nothing much to several segments.
fn value(key: &str, version: u64) -> Vec<u8> {
    let size = if version % 4 > 0 {
        version % 100
    } else {
        version % 6000
    };
    named::value(key, version, size as usize)
}

fn shared(random: &mut Random) -> String {
    format!("shared:{}", random.below(SHARED))
}

impl Worker<'_> {
    fn own_key(&self, number: usize) -> String {
        format!("own:{}:{number}", self.id)
    }

    /// What a read of one of its own keys found, which must be what was stored there last.
    fn check_own(&mut self, number: usize, got: &Got) {
        let key = self.own_key(number);
        let expected = self.own[number].map_or(Got::Miss, |v| Got::Value(value(&key, v)));
        assert!(*got == expected, "{key}: not what was stored last: {got:?}");
        self.count(got);
    }

    fn check_shared(&mut self, key: &str, got: &Got) {
        match got {
            Got::Value(found) => {
                let version = named::version(key, found);
                let whole = version.map(|version| value(key, version));
                assert_eq!(whole.as_deref(), Some(found.as_slice()), "{key}");
            }
            Got::Miss => {}
            Got::Failed(status) => panic!("{key}: {}", name(*status)),
        }
        self.count(got);
    }

    fn count(&mut self, got: &Got) {
        match got {
            Got::Value(_) => self.hits += 1,
            _ => self.misses += 1,
        }
    }

    fn get(&mut self) {
        if self.random.below(2) == 0 {
            let number = self.random.below(OWN);
            let got = self.client.get(&self.own_key(number));
            return self.check_own(number, &got);
        }
        let key = shared(&mut self.random);
        let got = self.client.get(&key);
        self.check_shared(&key, &got);
    }

    /// Keys of its own and shared ones, in one batch.
    fn get_many(&mut self) {
        let numbers: Vec<_> = (0..MANY / 2).map(|_| self.random.below(OWN)).collect();
        let mut keys: Vec<_> = numbers.iter().map(|n| self.own_key(*n)).collect();
        keys.extend((0..MANY / 2).map(|_| shared(&mut self.random)));
        let Answer { status, entries } = self.client.get_multi(&keys);
        assert_eq!(status, OK, "{}", name(status));
        for (number, got) in numbers.iter().zip(&entries) {
            self.check_own(*number, got);
        }
        for (key, got) in keys.iter().zip(&entries).skip(numbers.len()) {
            self.check_shared(key, got);
        }
    }

    fn set(&mut self) {
        let version = self.random.next();
        let number = self.random.below(OWN);
        let (key, status) = if self.random.below(2) == 0 {
            self.own[number] = Some(version);
            let key = self.own_key(number);
            let status = self.client.set(&key, &value(&key, version));
            (key, status)
        } else {
            let key = shared(&mut self.random);
            let status = self.client.set(&key, &value(&key, version));
            (key, status)
        };
        assert_eq!(status, OK, "{key}: {}", name(status));
    }

    fn add(&mut self) {
        let (number, version) = (self.random.below(OWN), self.random.next());
        let key = self.own_key(number);
        let status = self.client.add(&key, &value(&key, version));
        let expected = if self.own[number].is_some() {
            NOT_STORED
        } else {
            OK
        };
        assert_eq!(status, expected, "{key}: {}", name(status));
        self.own[number].get_or_insert(version);
    }

    fn delete(&mut self) {
        if self.random.below(2) == 0 {
            let status = self.client.delete(&shared(&mut self.random));
            assert!(status == OK || status == NOT_FOUND, "{}", name(status));
            return;
        }
        let number = self.random.below(OWN);
        let status = self.client.delete(&self.own_key(number));
        let expected = if self.own[number].take().is_some() {
            OK
        } else {
            NOT_FOUND
        };
        assert_eq!(status, expected, "{}", name(status));
    }

    fn touch(&mut self) {
        let number = self.random.below(OWN);
        let status = self.client.touch(&self.own_key(number), 10_000);
        let expected = if self.own[number].is_some() {
            OK
        } else {
            NOT_FOUND
        };
        assert_eq!(status, expected, "{}", name(status));
    }

    fn incr(&mut self) {
        let delta = 1 + self.random.next() % 1000;
        if self.random.below(2) == 0 {
            let number = self.client.incr(COUNTER, 1);
            assert!(number.is_ok_and(|n| n > self.counted), "{number:?}");
            self.counted += 1;
            return;
        }
        let key = format!("count:{}", self.id);
        let number = self.client.incr(&key, delta);
        match self.own_count {
            Some(before) => assert_eq!(number, Ok(before + delta), "{key}"),
            None => {
                assert_eq!(number, Err(NOT_FOUND), "{key}");
                assert_eq!(self.client.add(&key, b"0"), OK);
            }
        }
        self.own_count = Some(number.unwrap_or(0));
    }

    fn work(&mut self) {
        while self.commands < soak::times() * COMMANDS / THREADS {
            match self.random.below(100) {
                0..40 => self.get(),
                40..65 => self.set(),
                65..75 => self.get_many(),
                75..83 => self.delete(),
                83..90 => self.incr(),
                90..95 => self.add(),
                _ => self.touch(),
            }
            self.commands += 1;
        }
    }
}

/// `max_connections` for eight threads: with fewer than eight, some always wait for the others.
fn check(server: &Memcached, kind: &str, max_connections: u64) {
    let options = format!("?max_connections={max_connections}&timeout=20s&batch_timeout=20s");
    let client = Client::new(&(server.uri() + &options));
    assert_eq!(client.set(COUNTER, b"0"), OK);
    let (began, all) = (Instant::now(), [const { AtomicU64::new(0) }; 4]);
    std::thread::scope(|scope| {
        for id in 0..THREADS {
            let (client, all) = (&client, &all);
            scope.spawn(move || {
                let mut worker = Worker {
                    client,
                    random: Random::new(id * 1000 + max_connections),
                    id,
                    own: [None; OWN],
                    own_count: None,
                    counted: 0,
                    commands: 0,
                    hits: 0,
                    misses: 0,
                };
                worker.work();
                let figures = [worker.commands, worker.hits, worker.misses, worker.counted];
                for (sum, figure) in all.iter().zip(figures) {
                    sum.fetch_add(figure, Ordering::Relaxed);
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let [commands, hits, misses, counted] = all.map(AtomicU64::into_inner);
    let mut raw = server.raw();
    let connections = raw.stat("curr_connections") - 1;
    println!(
        "{kind}, {THREADS} threads, pool of {max_connections}: {commands} commands in {seconds:.1} s, \
         {hits} hits, {misses} misses, {counted} times counted, {connections} connections, 0 wrong"
    );
    assert_eq!(raw.get(COUNTER), Some(counted.to_string().into_bytes()));
    assert_eq!(raw.stat("evictions"), 0, "a miss would be the server's");
    assert!(connections <= max_connections);
    assert!(hits > commands / 4 && misses > commands / 100);
}

/// FM-16, FM-82.
#[test]
fn fm16_a_connection_for_each_thread() {
    check(&Memcached::tcp(&["-m", "256"]), "tcp", 8);
}

/// FM-16, FM-82.
#[test]
fn fm82_two_connections_for_eight_threads() {
    check(&Memcached::unix(&["-m", "256"]), "unix", 2);
}
