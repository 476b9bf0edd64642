//! All servers dead, and a program that goes on calling: next to nothing is done.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::black_hole::BlackHole;
use crate::fleet::{keys_of, name, server};
use crate::support::client::{self, CIRCUIT_OPEN, Client, Got};
use crate::support::memcached::Memcached;
use crate::support::observed::{self, Events};
use crate::{alone, usage};

const TIME: Duration = Duration::from_secs(10);
/// As long the program's own part of the work is measured.
const OWN: Duration = Duration::from_secs(3);
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

/// So many times a second, for so long.
fn at_a_rate(time: Duration, mut call: impl FnMut(usize)) {
    let began = Instant::now();
    for n in 0..RATE * time.as_secs() as u32 {
        let due = Duration::from_secs(1) * n / RATE;
        sleep(due.saturating_sub(began.elapsed()));
        if began.elapsed() >= time {
            break;
        }
        call(n as usize);
    }
}

/// The processor's time, as a share of `time`, that `work` takes in each of the threads; and what it made.
fn share<T: Send>(work: impl Fn() -> T + Sync) -> (f64, Vec<T>) {
    let (before, began) = (usage::of_process().time, Instant::now());
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(&work)).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        joined.collect()
    });
    let used = usage::of_process().time - before;
    (used.as_secs_f64() / began.elapsed().as_secs_f64(), made)
}

/// Calls that all fail, one server after the other; `what` says in which way each of these is dead.
fn call_the_dead(client: &Client, events: &Events, what: [&str; SERVERS]) {
    let keys: Vec<_> = (0..SERVERS)
        .flat_map(|slot| keys_of(client, slot, 1))
        .collect();
    let began = Instant::now();
    let (used, statuses) = share(|| {
        let mut statuses = Vec::new();
        at_a_rate(TIME, |n| match client.get(&keys[n % SERVERS]) {
            Got::Failed(status) => statuses.push(status),
            got => panic!("{got:?} of a dead server"),
        });
        statuses
    });
    let time = began.elapsed().as_secs_f64();
    // The program's own part: to sleep, and to wake up.
    let (own, _) = share(|| at_a_rate(OWN, |_| ()));
    let statuses = statuses.concat();
    let left_alone = statuses
        .iter()
        .filter(|status| **status == CIRCUIT_OPEN)
        .count();
    println!(
        "{} calls in {time:.1} s, {left_alone} of them {}: {:.2} % of a processor, of which the program that \
         only sleeps between its calls takes {:.2} %",
        statuses.len(),
        client::name(CIRCUIT_OPEN),
        used * 100.0,
        own * 100.0,
    );
    for (slot, what) in what.iter().enumerate() {
        let attempts = events.attempts(&name(slot));
        let rate = attempts as f64 / time;
        println!("    a server that {what}: {attempts} attempts to connect, {rate:.2} a second");
        assert!(attempts > 0 && rate < 5.0, "{what}: {attempts} attempts");
    }
    assert!(used - own < 0.01, "{used} less {own}");
}

fn aliased(uris: &[String]) -> Vec<String> {
    let named = uris
        .iter()
        .zip(0..)
        .map(|(uri, n)| format!("{uri}?alias={}", name(n)));
    named.collect()
}

/// FM-75, FM-78: nobody listens.
#[test]
fn fm78_all_servers_refuse_for_ten_seconds() {
    let _alone = alone();
    let mut servers = [(); SERVERS].map(|()| server());
    let (client, events) = observed::client(&aliased(&servers.each_ref().map(Memcached::uri)), &[]);
    servers.iter_mut().for_each(Memcached::kill);
    call_the_dead(&client, &events, ["refuses"; SERVERS]);
}

/// FM-75, FM-78: each is dead in another way.
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
    let (client, events) = observed::client(&aliased(&uris), &[]);
    refusing.iter_mut().for_each(Memcached::kill);
    silent.halt();
    let what = ["refuses", "refuses", "is silent", "closes", "swallows"];
    call_the_dead(&client, &events, what);
    // What the observer is told is what happens.
    assert_eq!(accepted.load(SeqCst), events.attempts(&name(3)));
}
