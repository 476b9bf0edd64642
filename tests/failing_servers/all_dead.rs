//! All servers dead, and a program that goes on calling: next to nothing is done.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::black_hole::BlackHole;
use crate::fleet::{keys_of, name, server};
use crate::support::client::{self, CIRCUIT_OPEN, Client, Got};
use crate::support::observed;
use crate::{alone, milliseconds, usage};

const TIME: Duration = Duration::from_secs(10);
const THREADS: usize = 2;
/// Calls a second, of each thread.
const RATE: u32 = 100;
const SERVERS: usize = 5;

/// Closes every connection that it has accepted, and counts them.
fn closing() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, SeqCst);
            drop(stream);
        }
    });
    (format!("memcached://{address}/"), accepted)
}

/// How often each status came; every call fails.
fn call(client: &Client, keys: &[String]) -> Vec<i32> {
    let (began, mut statuses) = (Instant::now(), Vec::new());
    for n in 0.. {
        let due = Duration::from_secs(1) * n / RATE;
        if due >= TIME || began.elapsed() >= TIME {
            break;
        }
        sleep(due.saturating_sub(began.elapsed()));
        match client.get(&keys[n as usize % keys.len()]) {
            Got::Failed(status) => statuses.push(status),
            got => panic!("{got:?} of a dead server"),
        }
    }
    statuses
}

/// FM-78, FM-75: two refuse, one is silent, one closes what it accepted, one swallows what is sent to it.
#[test]
fn fm78_all_servers_dead_for_ten_seconds() {
    let _alone = alone();
    let (mut refusing, silent, hole) = ([server(), server()], server(), BlackHole::new());
    let (closing, accepted) = closing();
    let uris = [
        refusing[0].uri(),
        refusing[1].uri(),
        silent.uri(),
        closing,
        hole.uri(),
    ];
    let what = ["refuses", "refuses", "is silent", "closes", "swallows"];
    let named = uris
        .iter()
        .zip(0..)
        .map(|(uri, n)| format!("{uri}?alias={}", name(n)));
    let (client, events) = observed::client(&named.collect::<Vec<_>>(), &[]);
    let keys: Vec<_> = (0..SERVERS)
        .flat_map(|slot| keys_of(&client, slot, 1))
        .collect();
    refusing.iter_mut().for_each(|server| server.kill());
    silent.halt();

    let (before, began) = (usage::of_process().time, Instant::now());
    let statuses: Vec<i32> = std::thread::scope(|scope| {
        let threads = (0..THREADS).map(|_| scope.spawn(|| call(&client, &keys)));
        let threads: Vec<_> = threads.collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        joined.flatten().collect()
    });
    let (time, used) = (began.elapsed(), usage::of_process().time - before);

    let share = used.as_secs_f64() * 100.0 / time.as_secs_f64();
    let left_alone = statuses
        .iter()
        .filter(|status| **status == CIRCUIT_OPEN)
        .count();
    println!(
        "{} calls in {:.1} s, {left_alone} of them {}: {:.1} ms of processor time, {share:.2} %",
        statuses.len(),
        time.as_secs_f64(),
        client::name(CIRCUIT_OPEN),
        milliseconds(used),
    );
    for (slot, what) in what.iter().enumerate() {
        let attempts = events.attempts(&name(slot));
        println!(
            "    the server that {what}: {attempts} attempts to connect, {:.2} a second",
            attempts as f64 / time.as_secs_f64()
        );
        assert!(attempts > 0, "it was never tried");
        assert!(
            (attempts as f64) < 5.0 * time.as_secs_f64(),
            "{what}: {attempts}"
        );
    }
    // What the observer is told is what happens.
    assert_eq!(accepted.load(SeqCst), events.attempts(&name(3)));
    assert!(share < 1.0, "{share} % of a processor");
}
