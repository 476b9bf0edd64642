//! The library in a world of its own: its drivers, sessions, operations, placement and pools run as they
//! are, in virtual time, over a virtual network, against servers that are killed, stopped, cut off, slow
//! and wrong. A seed decides everything; the same seed does the same again, byte for byte.
//!
//! `MEMCACHED2_SIMULATIONS=1000000` says how many schedules, `MEMCACHED2_SEED=17` prints one.

mod faults;

#[path = "simulation/breach.rs"]
mod breach;
#[path = "simulation/call.rs"]
mod call;
#[path = "simulation/calls.rs"]
mod calls;
#[path = "simulation/client.rs"]
mod client;
#[path = "simulation/clock.rs"]
mod clock;
#[path = "simulation/connection.rs"]
mod connection;
#[path = "simulation/descriptor.rs"]
mod descriptor;
#[path = "simulation/fault.rs"]
mod fault;
#[path = "simulation/host.rs"]
mod host;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/memory.rs"]
mod memory;
#[path = "simulation/plan.rs"]
mod plan;
#[path = "simulation/random.rs"]
mod random;
#[path = "simulation/record.rs"]
mod record;
#[path = "simulation/report.rs"]
mod report;
#[path = "simulation/schedule.rs"]
mod schedule;
#[path = "simulation/server.rs"]
mod server;
#[path = "simulation/trace.rs"]
mod trace;
#[path = "simulation/world.rs"]
mod world;
#[path = "simulation/wrong.rs"]
mod wrong;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clock::MS;
use memcached2::protocol::Op;
use plan::{Ask, KEYS, Plan, Step};
use random::Random;
use report::Counts;
use schedule::{run, run_plan};

/// A schedule takes milliseconds; one that takes so long does not end.
const STUCK: Duration = Duration::from_secs(60);

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

/// Run the schedules of so many seeds, on all processors; stops behind the first that breaks a promise.
fn run_all(first: u64, count: u64) -> Counts {
    let next = AtomicU64::new(first);
    let all = Mutex::new((Counts::default(), Vec::new()));
    let under_way = Mutex::new(BTreeMap::<u64, Instant>::new());
    let working = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            working.fetch_add(1, Ordering::Relaxed);
            scope.spawn(|| {
                let mut counts = Counts::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    under_way
                        .lock()
                        .expect("no panic")
                        .insert(seed, Instant::now());
                    let verdict = run(seed, false);
                    under_way.lock().expect("no panic").remove(&seed);
                    counts.add(&verdict.counts);
                    if !verdict.breaches.is_empty() {
                        next.store(first + count, Ordering::Relaxed);
                        all.lock().expect("no panic").1.push(seed);
                    }
                }
                all.lock().expect("no panic").0.add(&counts);
                working.fetch_sub(1, Ordering::Relaxed);
            });
        }
        // What goes round and round without a system call is stopped by nothing else.
        while working.load(Ordering::Relaxed) > 0 {
            std::thread::sleep(Duration::from_millis(20));
            let all = under_way.lock().expect("no panic");
            if let Some((seed, _)) = all.iter().find(|(_, begun)| begun.elapsed() > STUCK) {
                println!("seed {seed} breaks a promise; again: MEMCACHED2_SEED={seed}");
                println!("BREACH of BoundedTime: it has not ended in {STUCK:?}");
                std::process::exit(1);
            }
        }
    });
    let (counts, broken) = all.into_inner().expect("no panic");
    if let Some(seed) = broken.into_iter().min() {
        show(seed);
        println!("{counts}");
        panic!(
            "seed {seed} breaks a promise; again: \
             MEMCACHED2_SEED={seed} cargo test --test simulation the_promises -- --nocapture"
        );
    }
    counts
}

/// Print a schedule; whether it keeps the promises.
fn show(seed: u64) -> bool {
    let verdict = run(seed, true);
    println!("{}", String::from_utf8_lossy(&verdict.text));
    println!("seed {seed}: sum {:016x}", verdict.sum);
    for breach in &verdict.breaches {
        println!("BREACH of {:?}: {}", breach.promise, breach.text);
    }
    verdict.breaches.is_empty()
}

#[test]
fn the_promises_hold_in_every_schedule() {
    if let Some(seed) = number("MEMCACHED2_SEED") {
        assert!(show(seed), "seed {seed} breaks a promise");
        return;
    }
    let count = number("MEMCACHED2_SIMULATIONS").unwrap_or(2_000);
    let first = number("MEMCACHED2_FIRST_SEED").unwrap_or(1);
    let begun = Instant::now();
    let counts = run_all(first, count);
    let seconds = begun.elapsed().as_secs_f64();
    println!("{counts}");
    println!(
        "seeds {first} to {}: {:.0} schedules a second; no promise is broken",
        first + count - 1,
        count as f64 / seconds
    );
}

#[test]
fn the_same_seed_does_the_same_again() {
    for seed in 1..=100 {
        let one = run(seed, true);
        let other = run(seed, true);
        assert!(!one.text.is_empty());
        assert!(
            one.text == other.text,
            "seed {seed} does something else the second time"
        );
        assert_eq!(
            one.sum,
            run(seed, false).sum,
            "seed {seed} is summed up the same without its text"
        );
    }
}

/// A write that nobody waits for is told when it has left, and its reply comes later. Where the connection
/// is closed before that, because its server has left the list, the commands of others are not touched.
#[test]
fn a_connection_of_the_loop_closes_with_quiet_writes_on_it() {
    let plan = |_: &mut Random| {
        let ask = |op, key, quiet| Ask {
            op,
            key,
            quiet,
            flags: 0,
            length: 20,
        };
        let all = |op| (0..KEYS).map(|key| ask(op, key, false)).collect::<Vec<_>>();
        let mut steps = vec![Step::SubmitMany(all(Op::Set)), Step::Turn(50 * MS)];
        steps.extend((0..KEYS).map(|key| Step::Submit(ask(Op::Set, key, true))));
        steps.extend([
            Step::Turn(0),
            Step::Turn(0),
            Step::SubmitMany(all(Op::Touch)),
            Step::Replace(vec![0]),
            Step::Turn(200 * MS),
        ]);
        let (timeout, batch_timeout, connect_timeout) = (40 * MS, 80 * MS, 40 * MS);
        Plan {
            hosts: 2,
            servers: 2,
            unix: vec![false; 2],
            is_old: false,
            options: "protocol=ascii&timeout=40ms&batch_timeout=80ms&connect_timeout=40ms".into(),
            timeout,
            batch_timeout,
            connect_timeout,
            send_buffer: 1 << 20,
            interrupted: 0,
            distances: vec![(MS, 1); 2],
            steps,
            protocol: 0,
        }
    };
    let verdict = run_plan(1, true, plan);
    let text = String::from_utf8_lossy(&verdict.text);
    assert!(verdict.breaches.is_empty(), "{text}");
}
