//! The default: a breaker for each server.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use crate::support::client::{
    Client, EFFECT_NOT_APPLIED, Got, NO_VALUE, OK, SERVER_DISCONNECT, TIMEOUT, TOO_LARGE,
    last_error, last_error_effect, last_error_server,
};
use crate::support::memcached::Memcached;
use crate::{ANSWERS, CIRCUIT_OPEN, CLOSES, Moody, REFUSES, SILENT};

/// `SERVER_ERROR`, of the first kind.
const OUT_OF_MEMORY: i32 = 0x0001_0104;

/// As long as no test takes: what is left alone is so until its end.
const LONG: &str = "breaker_pause=1h";

fn client(server: &Moody, options: &str) -> Client {
    Client::new(&server.uri(options))
}

/// FM-63: a server that is hung costs three calls their time, and the others nothing.
#[test]
fn fm63_a_hung_server_is_asked_three_times() {
    let server = Moody::new(SILENT);
    let client = client(&server, &format!("{LONG}&timeout=30ms"));
    for _ in 0..3 {
        assert_eq!(client.get("a"), Got::Failed(TIMEOUT));
    }
    for _ in 0..1000 {
        assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN));
        assert_eq!(client.set("a", b"x"), CIRCUIT_OPEN);
    }
    assert_eq!(last_error_effect(), EFFECT_NOT_APPLIED);
    assert_eq!(last_error_server(), client.servers()[0]);
    let text = last_error();
    assert!(text.contains("3 times in a row (no reply from"), "{text}");
    assert!(text.contains("; it is tried again in "), "{text}");
    assert_eq!(server.asked(), 3);
    assert_eq!(server.accepted(), 3);
    println!("2,003 calls, 3 of them reached the server: {text}");
}

/// FM-78: servers that end every connection, all of them.
#[test]
fn fm78_all_servers_dead_and_none_is_asked() {
    let servers = [(); 3].map(|()| Moody::new(CLOSES));
    let uris = servers.each_ref().map(|server| server.uri(LONG)).join(",");
    let client = Client::new(&uris);
    let mut refused = 0;
    for n in 0..300 {
        match client.get(&format!("key{n}")) {
            Got::Failed(CIRCUIT_OPEN) => refused += 1,
            Got::Failed(SERVER_DISCONNECT) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, 300 - 9);
    assert!(servers.iter().all(|server| server.accepted() == 3));
    // A batch fails too, each of its keys for itself, and asks nobody.
    let keys: Vec<String> = (0..300).map(|n| format!("key{n}")).collect();
    let all = client.get_multi(&keys).entries;
    assert!(all.iter().all(|one| *one == Got::Failed(CIRCUIT_OPEN)));
    assert!(servers.iter().all(|server| server.accepted() == 3));
}

/// A batch costs a dead server one failure, whatever its keys are.
#[test]
fn fm77_a_batch_is_one_failure() {
    let (dead, alive) = (Moody::new(CLOSES), Moody::new(ANSWERS));
    let client = Client::new(&[dead.uri(LONG), alive.uri(LONG)].join(","));
    let keys: Vec<String> = (0..100).map(|n| format!("key{n}")).collect();
    for round in 0..5 {
        let expected = if round < 3 {
            SERVER_DISCONNECT
        } else {
            CIRCUIT_OPEN
        };
        let all = client.get_multi(&keys).entries;
        let count = |got: &Got| all.iter().filter(|one| *one == got).count();
        let (failed, missed) = (count(&Got::Failed(expected)), count(&Got::Miss));
        assert_eq!(failed + missed, 100, "{all:?}");
        assert!(failed > 20 && missed > 20);
    }
    assert_eq!(dead.accepted(), 3);
}

/// Only one call at a time tries, however many threads would.
#[test]
fn fm63_one_probe_at_a_time_with_many_threads() {
    const THREADS: usize = 8;
    let server = Moody::new(CLOSES);
    let client = client(&server, "breaker_pause=1ms&timeout=20s");
    let opened = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while client.get("a") != Got::Failed(CIRCUIT_OPEN) {}
                if opened.wait().is_leader() {
                    server.begin_to_count();
                }
                opened.wait();
                for _ in 0..200_000 {
                    if server.asked() > 60 {
                        break;
                    }
                    let got = client.get("a");
                    let known = [Got::Failed(CIRCUIT_OPEN), Got::Failed(SERVER_DISCONNECT)];
                    assert!(known.contains(&got), "{got:?}");
                }
            });
        }
    });
    println!("{} calls reached the server", server.asked());
    assert!(server.asked() > 60 / 2, "it was tried again and again");
    assert_eq!(server.most(), 1);
    server.is_now(ANSWERS);
    while client.get("a") != Got::Miss {}
    for _ in 0..100 {
        assert_eq!(client.get("a"), Got::Miss);
    }
}

/// What the server refuses is no reason to leave it alone.
#[test]
fn refusals_never_open_it() {
    let server = Moody::new(REFUSES);
    let client = client(&server, LONG);
    for _ in 0..500 {
        assert_eq!(client.get("a"), Got::Failed(OUT_OF_MEMORY));
    }
    assert_eq!(server.asked(), 500);
    let server = Memcached::tcp(&[]);
    let client = Client::new(&format!("{}?{LONG}&item_size_max=8m", server.uri()));
    let large = vec![b'x'; 2 << 20];
    for _ in 0..20 {
        assert_eq!(client.set("large", &large), TOO_LARGE);
    }
    assert_eq!(client.set("small", b"x"), OK);
    // And a refusal is a sign of life.
    let server = Moody::new(CLOSES);
    let client = self::client(&server, LONG);
    for round in 0..10 {
        for _ in 0..2 {
            server.is_now(CLOSES);
            assert_eq!(client.get("a"), Got::Failed(SERVER_DISCONNECT), "{round}");
        }
        server.is_now(REFUSES);
        assert_eq!(client.get("a"), Got::Failed(OUT_OF_MEMORY));
    }
}

/// Failures in a row have no reply between them, over whatever connection that came.
#[test]
fn a_reply_over_an_idle_connection_counts() {
    for shortcut in ["on", "off"] {
        let server = Moody::new(ANSWERS);
        let options = format!("{LONG}&breaker_failures=2&idle_check=1h&shortcut={shortcut}");
        let client = client(&server, &options);
        let hasty = client.with("timeout=30ms");
        for round in 0..5 {
            // Two connections are idle now.
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| assert_eq!(client.get("later"), Got::Miss));
                }
            });
            let before = server.accepted();
            assert_eq!(hasty.get("silence"), Got::Failed(TIMEOUT), "{round}");
            assert_eq!(client.get("a"), Got::Miss);
            assert_eq!(hasty.get("silence"), Got::Failed(TIMEOUT), "{round}");
            assert!(server.accepted() <= before + 1, "they were idle");
            assert_eq!(client.get("a"), Got::Miss);
        }
    }
}

/// FM-64: who gives a call no time learns nothing about the server, and the others are not refused.
#[test]
fn fm64_tiny_timeouts_do_not_open_it() {
    let server = Moody::new(ANSWERS);
    let client = client(&server, &format!("{LONG}&timeout=20s&connect_timeout=20s"));
    let hasty = client.with("timeout=1us");
    for _ in 0..100 {
        let got = hasty.get("silence");
        assert_eq!(got, Got::Failed(TIMEOUT));
    }
    assert_eq!(client.get("a"), Got::Miss);
}

/// FM-62: what is idle when a server goes down is closed, not used without asking.
#[test]
fn fm62_idle_connections_are_closed_when_it_opens() {
    let server = Moody::new(ANSWERS);
    let client = client(&server, &format!("{LONG}&idle_check=1h"));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(client.get("later"), Got::Miss));
        }
    });
    let hasty = client.with("timeout=30ms");
    for _ in 0..3 {
        assert_eq!(hasty.get("silence"), Got::Failed(TIMEOUT));
    }
    let asked = server.asked();
    for _ in 0..100 {
        assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN));
    }
    assert_eq!(server.asked(), asked);
}

/// Whoever waits for a connection of a full pool is refused as soon as the server is taken for down.
#[test]
fn fm82_those_who_wait_for_a_connection_are_told() {
    let server = Moody::new(SILENT);
    let client = client(&server, &format!("{LONG}&max_connections=3&timeout=20s"));
    let hasty = client.with("timeout=300ms");
    let told: Vec<Got> = thread::scope(|scope| {
        let first: Vec<_> = (0..3).map(|_| scope.spawn(|| hasty.get("a"))).collect();
        while server.asked() < 3 {
            thread::sleep(Duration::from_millis(1));
        }
        let others: Vec<_> = (0..6).map(|_| scope.spawn(|| client.get("a"))).collect();
        for one in first {
            assert_eq!(one.join().expect("an answer"), Got::Failed(TIMEOUT));
        }
        let told = others.into_iter().map(|one| one.join().expect("an answer"));
        told.collect()
    });
    // One may have had the first free seat, before the third failure was known; it ends by itself.
    let refused = told.iter().filter(|got| **got == Got::Failed(CIRCUIT_OPEN));
    assert!(refused.count() >= 4, "{told:?}");
}

/// A program sees the names of the statuses that it is told.
#[test]
fn a_miss_is_not_a_refusal() {
    assert_ne!(CIRCUIT_OPEN, NO_VALUE);
    let server = Moody::new(CLOSES);
    let client = client(&server, &format!("{LONG}&breaker_failures=1"));
    assert_eq!(client.get("a"), Got::Failed(SERVER_DISCONNECT));
    assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN));
    assert_eq!(client.delete("a"), CIRCUIT_OPEN);
    assert_eq!(client.incr("a", 1), Err(CIRCUIT_OPEN));
}
