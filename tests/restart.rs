//! A server that is killed and begins again at the same address, under a steady load: what the
//! library loses, and how soon it is back.

mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

use support::client::{CIRCUIT_OPEN, Client, Got, NOT_FOUND, OK, SLACK, name};
use support::memcached::Memcached;
use support::named::{self, Random};

/// Calls a second, of all threads together.
const RATE: u32 = 1000;
const KILLS: u32 = 6;
/// How long the server runs between two kills.
const LIFE: Duration = Duration::from_millis(400);
/// Every other server that was killed is left dead for so long; then it needs some 15 ms to begin.
const DEAD: Duration = Duration::from_millis(25);
/// A server that takes longer to listen again was not restarted as this test says.
const OUTAGE_MAX: Duration = Duration::from_millis(500);
const KEYS: usize = 200;

/// What the threads and the one who kills tell each other.
struct Shared {
    began: Instant,
    /// One more before every kill, and one more when the server listens again: odd while it is down.
    phase: AtomicU64,
    /// The phase in which each key was stored last.
    stored: [AtomicU64; KEYS],
    done: AtomicBool,
}

/// One call.
struct Call {
    begin: Duration,
    end: Duration,
    what: What,
}

enum What {
    Answered,
    /// A miss of a key that no one has stored since the server began.
    Missed,
    Lost(i32),
    /// Not asked: the server is taken for down.
    Refused,
    /// Never permitted.
    Wrong(String),
}

impl Shared {
    fn phase(&self) -> u64 {
        self.phase.load(Ordering::SeqCst)
    }

    fn store(&self, client: &Client, number: usize, random: &mut Random) -> Call {
        let key = format!("restart:{number}");
        let value = named::value(&key, random.next(), random.below(3000));
        let (begin, before) = (self.began.elapsed(), self.phase());
        let status = client.set(&key, &value);
        let what = match status {
            OK => What::Answered,
            CIRCUIT_OPEN => What::Refused,
            status => What::Lost(status),
        };
        if status == OK && before % 2 == 0 && before == self.phase() {
            self.stored[number].store(before, Ordering::SeqCst);
        }
        let end = self.began.elapsed();
        Call { begin, end, what }
    }

    fn read(&self, client: &Client, number: usize) -> Call {
        let key = format!("restart:{number}");
        let (begin, before) = (self.began.elapsed(), self.phase());
        let there = self.stored[number].load(Ordering::SeqCst);
        let what = match client.get(&key) {
            Got::Value(found) if named::version(&key, &found).is_some() => What::Answered,
            Got::Value(found) => What::Wrong(format!("{key}: {}", found.escape_ascii())),
            // The server has not ended since the key was stored.
            Got::Miss if there == before && before == self.phase() => {
                What::Wrong(format!("{key}: a miss"))
            }
            Got::Miss => What::Missed,
            Got::Failed(CIRCUIT_OPEN) => What::Refused,
            Got::Failed(status) => What::Lost(status),
        };
        let end = self.began.elapsed();
        Call { begin, end, what }
    }

    /// Calls at a steady rate: what is not there is stored, now and then something is stored anew.
    fn work(&self, client: &Client, seed: u64, threads: u32) -> Vec<Call> {
        let pause = Duration::from_secs(1) * threads / RATE;
        let mut random = Random::new(seed);
        let (mut calls, mut next) = (Vec::new(), self.began.elapsed());
        while !self.done.load(Ordering::Relaxed) {
            let number = random.below(KEYS);
            let mut call = self.read(client, number);
            if matches!(call.what, What::Missed) || random.below(10) == 0 {
                calls.push(call);
                call = self.store(client, number, &mut random);
            }
            calls.push(call);
            next = (next + pause).max(self.began.elapsed());
            sleep(next.saturating_sub(self.began.elapsed()));
        }
        calls
    }
}

/// When the server was down, and how many connections it had when it was killed.
struct Outage {
    from: Duration,
    to: Duration,
    connections: u64,
}

/// Kill and begin again, so many times.
fn outages(server: &mut Memcached, shared: &Shared) -> Vec<Outage> {
    let outage = |number| {
        sleep(LIFE);
        // Our own connection is one of them.
        let connections = server.raw().stat("curr_connections") - 1;
        let from = shared.began.elapsed();
        shared.phase.fetch_add(1, Ordering::SeqCst);
        server.kill();
        sleep(DEAD * (number % 2));
        server.restart();
        shared.phase.fetch_add(1, Ordering::SeqCst);
        let to = shared.began.elapsed();
        Outage {
            from,
            to,
            connections,
        }
    };
    let all = (0..KILLS).map(outage).collect();
    sleep(LIFE);
    all
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The longest time between a server's return and the first answer that was asked for after it.
fn recovery(calls: &[Call], outages: &[Outage]) -> Duration {
    let first = |outage: &Outage| {
        let after = calls.iter().filter(|call| {
            call.end >= outage.to && matches!(call.what, What::Answered | What::Missed)
        });
        let first = after.map(|call| call.end).min().expect("an answer");
        first - outage.to
    };
    outages.iter().map(first).max().unwrap_or_default()
}

/// With the breaker, and with every call trying the server.
fn check(mut server: Memcached, kind: &str, threads: u32) {
    under(
        &mut server,
        kind,
        threads,
        "simple",
        Duration::from_millis(100),
    );
    // Pauses of 240 ms at most, and the time of a call.
    let back = Duration::from_millis(250) + SLACK;
    under(&mut server, kind, threads, "breaker", back);
}

/// `rule`: for a server that failed; `back`: in how long it must be in use again.
fn under(server: &mut Memcached, kind: &str, threads: u32, rule: &str, back: Duration) {
    let kind = &format!("{kind}, {rule}");
    let client = Client::new(&format!("{}?reconnect={rule}", server.uri()));
    // The first phase is 2: a key that was never stored has 0.
    let shared = Shared {
        began: Instant::now(),
        phase: AtomicU64::new(2),
        stored: [const { AtomicU64::new(0) }; KEYS],
        done: AtomicBool::new(false),
    };
    let (mut calls, outages) = std::thread::scope(|scope| {
        let (shared, client) = (&shared, &client);
        let work = |seed| scope.spawn(move || shared.work(client, seed, threads));
        let workers: Vec<_> = (1..=u64::from(threads)).map(work).collect();
        let outages = outages(server, shared);
        shared.done.store(true, Ordering::Relaxed);
        let calls = workers.into_iter().map(|w| w.join().expect("no panic"));
        (calls.flatten().collect::<Vec<_>>(), outages)
    });
    calls.sort_by_key(|call| call.begin);
    report(kind, threads, &calls, &outages, back);
}

fn report(kind: &str, threads: u32, calls: &[Call], outages: &[Outage], back: Duration) {
    let during = |call: &Call| {
        let meanwhile = |o: &Outage| o.from <= call.begin && call.begin <= o.to;
        outages.iter().any(meanwhile)
    };
    let lost: Vec<_> = calls
        .iter()
        .filter(|call| matches!(call.what, What::Lost(_)))
        .collect();
    let wrong: Vec<_> = calls
        .iter()
        .filter_map(|call| match &call.what {
            What::Wrong(why) => Some(why),
            _ => None,
        })
        .collect();
    let issued = calls.iter().filter(|call| during(call)).count();
    let beside = lost.iter().filter(|call| !during(call)).count();
    let missed = calls.iter().filter(|c| matches!(c.what, What::Missed));
    let refused = calls.iter().filter(|c| matches!(c.what, What::Refused));
    let connections: u64 = outages.iter().map(|outage| outage.connections).sum();
    let longest = outages.iter().map(|o| o.to - o.from).max();
    let slowest = calls.iter().map(|call| call.end - call.begin).max();
    let recovery = recovery(calls, outages);
    println!(
        "{kind}, {threads} threads: {} calls, {} kills (down for {:.1} ms at most, {connections} \
         connections in all), {issued} calls issued while it was down, {} lost, {beside} of these \
         issued before or after, {} refused, {} misses, {} wrong; first answer {:.1} ms after the server's \
         return at most, slowest call {:.1} ms",
        calls.len(),
        outages.len(),
        milliseconds(longest.unwrap_or_default()),
        lost.len(),
        refused.count(),
        missed.count(),
        wrong.len(),
        milliseconds(recovery),
        milliseconds(slowest.unwrap_or_default()),
    );
    for call in lost.iter().filter(|call| !during(call)) {
        if let What::Lost(status) = call.what {
            println!(
                "  lost at {:?}, {:?}: {}",
                call.begin,
                call.end,
                name(status)
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(lost.len() as u64 <= issued as u64 + connections);
    assert!(beside as u64 <= connections, "more than one a connection");
    assert!(recovery < back, "{recovery:?}");
    // That the load was there, and the server not down for much longer than is said.
    let expected = u128::from(RATE) * (LIFE * KILLS).as_millis() / 1000;
    assert!(calls.len() as u128 > expected / 2, "{} calls", calls.len());
    assert!(longest < Some(OUTAGE_MAX), "{longest:?}");
    assert!(
        !lost.is_empty() || issued == 0,
        "an outage that nobody noticed"
    );
}

/// FM-18, FM-71, FM-72.
#[test]
fn fm18_restarted_on_the_same_port_one_thread() {
    check(Memcached::tcp_to_restart(&[]), "tcp", 1);
}

/// FM-18, FM-71, FM-72.
#[test]
fn fm18_restarted_on_the_same_port_four_threads() {
    check(Memcached::tcp_to_restart(&[]), "tcp", 4);
}

/// FM-18, FM-71, FM-72.
#[test]
fn fm18_restarted_on_the_same_path_one_thread() {
    check(Memcached::unix(&[]), "unix", 1);
}

/// FM-18, FM-71, FM-72.
#[test]
fn fm18_restarted_on_the_same_path_four_threads() {
    check(Memcached::unix(&[]), "unix", 4);
}

/// FM-72: of many idle connections to the server's earlier life, the first that is used tells of all
/// others, whether it is looked at before or not. What can be done again is lost to none of them.
#[test]
fn fm72_idle_connections_go_with_the_server() {
    for options in ["", "?idle_check=1h"] {
        for mut server in [Memcached::tcp_to_restart(&[]), Memcached::unix(&[])] {
            let client = Client::new(&(server.uri() + options));
            let connections = warm(&client, &server, 8);
            server.kill();
            server.restart();
            let mut raw = server.raw();
            let before = raw.stat("total_connections");
            let set = |number| client.set(&format!("idle:{number}"), b"value");
            let lost = (0..50).map(set).filter(|status| *status != OK).count();
            let new = raw.stat("total_connections") - before;
            println!("{connections} idle connections died, {lost} calls lost, {new} made anew");
            assert!(connections >= 2, "one connection shows nothing");
            assert_eq!((lost, new), (0, 1));
        }
    }
}

/// FM-72: not even a call that cannot be done again is lost more than once, to the first of the dead
/// connections, although the library is told not to look at them before.
#[test]
fn fm72_one_loss_tells_of_all_connections() {
    const THREADS: usize = 8;
    for mut server in [Memcached::tcp_to_restart(&[]), Memcached::unix(&[])] {
        let client = Client::new(&(server.uri() + "?idle_check=1h"));
        let step = Barrier::new(THREADS + 1);
        let count = || match client.incr("absent", 1) {
            Err(NOT_FOUND) => 0,
            other => {
                println!(
                    "  lost: {}",
                    name(other.expect_err("a number from nowhere"))
                );
                1
            }
        };
        server.halt();
        let (first, others) = std::thread::scope(|scope| {
            let one = || {
                step.wait();
                assert_eq!(client.get("absent"), Got::Miss);
                step.wait();
                step.wait(); // for the server to be another one
                count()
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(one)).collect();
            step.wait();
            sleep(Duration::from_millis(50)); // until all of them have asked
            server.go_on();
            step.wait();
            server.kill();
            server.restart();
            let first = count();
            step.wait();
            let others = threads.into_iter().map(|t| t.join().expect("no panic"));
            (first, others.sum::<usize>())
        });
        println!(
            "{THREADS} connections died, {first} call lost to the first, {others} to the others"
        );
        assert!(first <= 1 && others == 0);
    }
}

/// Have several connections open, by threads that all wait for an answer at once; how many.
fn warm(client: &Client, server: &Memcached, threads: usize) -> u64 {
    let ready = AtomicU64::new(0);
    server.halt();
    std::thread::scope(|scope| {
        for number in 0..threads {
            let ready = &ready;
            scope.spawn(move || {
                ready.fetch_add(1, Ordering::SeqCst);
                assert_eq!(client.get(&format!("warm:{number}")), Got::Miss);
            });
        }
        while ready.load(Ordering::SeqCst) < threads as u64 {
            yield_now();
        }
        sleep(Duration::from_millis(50)); // until all of them have asked
        server.go_on();
    });
    server.raw().stat("curr_connections") - 1
}
