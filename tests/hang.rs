//! A server that is halted (SIGSTOP): it accepts connections and bytes, and answers when it goes on,
//! long after anyone waits for it.

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::client::{
    Client, EFFECT_UNKNOWN, Got, MULTI_STORAGE, OK, PARTIAL, SLACK, TIMEOUT, last_error_effect,
    last_error_server, name,
};
use support::memcached::Memcached;
use support::named::{self, Random};

const TIMEOUT_OF_A_CALL: Duration = Duration::from_millis(150);
const KEYS: usize = 100;

/// These tests measure time: one after the other.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn client(servers: &[&Memcached], timeout: Duration) -> Client {
    let uris: Vec<_> = servers.iter().map(|server| server.uri()).collect();
    // Every call is to meet the server as it is.
    let options = format!("?timeout={}us&reconnect=simple", timeout.as_micros());
    Client::new(&(uris.join(",") + &options))
}

fn key(number: usize) -> String {
    format!("hang:{number}")
}

fn keys() -> Vec<String> {
    (0..KEYS).map(key).collect()
}

fn value(key: &str, version: u64) -> Vec<u8> {
    named::value(key, version, 20 + key.len() * 97 % 900)
}

/// With time enough, over the connections that the client itself uses afterwards.
fn store_all(client: &Client) {
    let patient = client.with("timeout=10s");
    for key in keys() {
        assert_eq!(patient.set(&key, &value(&key, 1)), OK, "{key}");
    }
}

fn both(check: impl Fn(&Memcached, &str)) {
    check(&Memcached::tcp(&[]), "tcp");
    check(&Memcached::unix(&[]), "unix");
}

/// What a call comes to, and how long it takes: not less than its time, and not much more.
fn in_time<T>(limit: Duration, call: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let answer = call();
    let took = began.elapsed();
    // The kernel may end a wait a tick early.
    assert!(
        took + Duration::from_millis(5) >= limit,
        "ended after {took:?}"
    );
    assert!(took <= limit + SLACK, "{took:?}");
    (answer, took)
}

/// Every key of a server that runs is there, with one of these versions.
fn all_right(client: &Client, versions: &[u64]) {
    for key in keys() {
        match client.get(&key) {
            Got::Value(found) => {
                let version = named::version(&key, &found);
                assert!(
                    version.is_some_and(|v| versions.contains(&v)),
                    "{key}: {version:?}"
                );
            }
            other => panic!("{key}: {other:?}"),
        }
    }
}

/// FM-01, FM-63: whatever is called ends in time, and nothing that comes late is taken for an answer.
#[test]
fn fm63_every_call_ends_in_time() {
    let _alone = alone();
    both(|server, kind| {
        let client = client(&[server], TIMEOUT_OF_A_CALL);
        store_all(&client);
        server.halt();
        let mut took = Vec::new();
        // The first over the connection that is there, the others over new ones.
        for round in 0..2 {
            let (got, time) = in_time(TIMEOUT_OF_A_CALL, || client.get(&key(round)));
            assert_eq!(got, Got::Failed(TIMEOUT));
            took.push(time);
            let new = value(&key(3 + round), 2);
            let (status, time) = in_time(TIMEOUT_OF_A_CALL, || client.set(&key(3 + round), &new));
            assert_eq!((status, last_error_effect()), (TIMEOUT, EFFECT_UNKNOWN));
            took.push(time);
            let (answer, time) = in_time(TIMEOUT_OF_A_CALL, || client.get_multi(&keys()));
            assert_eq!(answer.status, PARTIAL, "{}", name(answer.status));
            assert_eq!(answer.entries, vec![Got::Failed(TIMEOUT); KEYS]);
            took.push(time);
            let new: Vec<_> = keys().iter().map(|key| value(key, 3)).collect();
            let (answer, time) = in_time(TIMEOUT_OF_A_CALL, || client.set_multi(&keys(), &new));
            assert_eq!(answer.status, MULTI_STORAGE, "{}", name(answer.status));
            assert_eq!(answer.entries, [TIMEOUT; KEYS]);
            took.push(time);
        }
        server.go_on();
        // The sets were sent and given up: each may have taken place, or may yet.
        all_right(&client, &[1, 2, 3]);
        all_right(&client, &[1, 2, 3]);
        took.sort();
        println!(
            "{kind}: {} calls on a halted server ended after {:?} to {:?} \
             (timeout {TIMEOUT_OF_A_CALL:?}), {} right answers afterwards",
            took.len(),
            took[0],
            took[took.len() - 1],
            2 * KEYS
        );
    });
}

/// FM-63: a timeout so short that the sockets' own is too coarse for it.
#[test]
fn fm63_short_timeouts_are_kept_too() {
    let _alone = alone();
    let timeout = Duration::from_millis(5);
    both(|server, kind| {
        let client = client(&[server], timeout);
        store_all(&client);
        server.halt();
        let mut took: Vec<_> = (0..40)
            .map(|number| in_time(timeout, || client.get(&key(number))))
            .map(|(got, took)| {
                assert_eq!(got, Got::Failed(TIMEOUT));
                took
            })
            .collect();
        server.go_on();
        took.sort();
        println!(
            "{kind}: timeout {timeout:?}: median {:?}, most {:?}",
            took[20], took[39]
        );
        assert!(
            took[20] < timeout * 2,
            "half of the calls are late: {:?}",
            took[20]
        );
    });
}

/// FM-01: replies that come just before, at, and just after the end of the wait, again and again.
#[test]
fn fm01_late_replies_are_nobodys() {
    let _alone = alone();
    let timeout = Duration::from_millis(8);
    both(|server, kind| {
        let client = client(&[server], timeout);
        let patient = client_with_patience(server);
        store_all(&patient);
        let done = AtomicBool::new(false);
        let (right, late) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for seed in 1..=4 {
                let (client, done, right, late) = (&client, &done, &right, &late);
                scope.spawn(move || {
                    let mut random = Random::new(seed);
                    while !done.load(Ordering::Relaxed) {
                        let counter = match ask(client, &mut random) {
                            true => right,
                            false => late,
                        };
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let mut random = Random::new(99);
            for _ in 0..150 {
                server.halt();
                sleep(Duration::from_micros(5_000 + random.next() % 6_000));
                server.go_on();
                sleep(Duration::from_micros(random.next() % 3_000));
            }
            done.store(true, Ordering::Relaxed);
        });
        all_right(&patient, &[1]);
        let (right, late) = (right.into_inner(), late.into_inner());
        println!("{kind}: 4 threads, 150 halts: {right} right answers, {late} late, 0 wrong");
        assert!(late >= 100, "too few replies were late: {late}");
        assert!(right >= 1000, "too few were in time: {right}");
    });
}

fn client_with_patience(server: &Memcached) -> Client {
    client(&[server], Duration::from_secs(20))
}

/// Ask for one key or several; whether the answer came in time. It must be the right one.
fn ask(client: &Client, random: &mut Random) -> bool {
    let check = |key: &str, got: &Got| match got {
        Got::Value(found) => {
            assert_eq!(named::version(key, found), Some(1), "{key}");
            true
        }
        // A connection that was given up may be refused, or found closed, but never answers a miss.
        Got::Failed(TIMEOUT) => false,
        other => panic!("{key}: {other:?}"),
    };
    if random.below(3) > 0 {
        let key = key(random.below(KEYS));
        return check(&key, &client.get(&key));
    }
    let keys: Vec<_> = (0..10).map(|_| key(random.below(KEYS))).collect();
    let answer = client.get_multi(&keys);
    let checked = keys.iter().zip(&answer.entries);
    checked.fold(true, |all, (key, got)| check(key, got) && all)
}

/// FM-84: one of two servers halted. The other's keys of a batch are there, all of it in time.
#[test]
fn fm84_one_halted_server_keeps_only_its_own_keys() {
    let _alone = alone();
    for (halted, well) in [
        (Memcached::tcp(&[]), Memcached::unix(&[])),
        (Memcached::unix(&[]), Memcached::tcp(&[])),
    ] {
        let client = client(&[&halted, &well], TIMEOUT_OF_A_CALL);
        store_all(&client);
        let halted_name = &client.servers()[0];
        halted.halt();
        let (answer, took) = in_time(TIMEOUT_OF_A_CALL, || client.get_multi(&keys()));
        assert_eq!(answer.status, PARTIAL, "{}", name(answer.status));
        assert_eq!(last_error_server(), *halted_name);
        let (mut right, mut late) = (0, 0);
        for (key, got) in keys().iter().zip(&answer.entries) {
            if client.server_for(key) == *halted_name {
                assert_eq!(*got, Got::Failed(TIMEOUT), "{key}");
                late += 1;
            } else {
                assert_eq!(*got, Got::Value(value(key, 1)), "{key}");
                right += 1;
            }
        }
        assert!(right >= KEYS / 4 && late >= KEYS / 4);
        let single = keys()
            .into_iter()
            .find(|key| client.server_for(key) != *halted_name);
        let single = single.expect("a key of the server that runs");
        let began = Instant::now();
        assert_eq!(client.get(&single), Got::Value(value(&single, 1)));
        assert!(began.elapsed() < SLACK, "{:?}", began.elapsed());
        halted.go_on();
        all_right(&client, &[1]);
        println!("{halted_name} halted: {right} of {KEYS} keys right, {late} late after {took:?}");
    }
}
