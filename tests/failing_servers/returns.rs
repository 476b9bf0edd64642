//! How soon a server that was down is used again, after it refused, was silent, or swallowed what was sent to
//! it; a program calls it all the while.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::black_hole::BlackHole;
use crate::fleet::server;
use crate::support::client::{CIRCUIT_OPEN, Client, Got};
use crate::support::named::Random;
use crate::{RETURN, alone, milliseconds};

const ROUNDS: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
/// Something is wrong.
const LIMIT: Duration = Duration::from_secs(30);
/// Between two calls.
const PERIOD: Duration = Duration::from_millis(1);

struct Returned {
    /// From the return to the end of the first call that was answered.
    after: Duration,
    /// How late the caller woke from its sleep in this time, at most: the machine was busy.
    late: Duration,
}

/// Calls every millisecond, until the server is left alone, and some time more; then `come_back` has it back.
fn round(client: &Client, random: &mut Random, come_back: impl FnOnce()) -> Returned {
    let (left_alone, coming) = (AtomicBool::new(false), AtomicBool::new(false));
    // Beyond the first tries: a pause that grew would be seen.
    let pause = Duration::from_millis(700 + random.below(400) as u64);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let (mut calls, deadline) = (Vec::new(), Instant::now() + LIMIT);
            loop {
                let got = client.get("absent");
                let end = Instant::now();
                assert!(end < deadline, "the server is not back");
                match got {
                    Got::Failed(CIRCUIT_OPEN) => left_alone.store(true, Relaxed),
                    Got::Miss if coming.load(Relaxed) => return (end, calls),
                    Got::Miss | Got::Failed(_) => {}
                    Got::Value(_) => panic!("a value of an empty server"),
                }
                sleep(PERIOD);
                calls.push((end, end.elapsed().saturating_sub(PERIOD)));
            }
        });
        let deadline = Instant::now() + LIMIT;
        while !left_alone.load(Relaxed) {
            assert!(Instant::now() < deadline, "the server is never left alone");
            sleep(PERIOD);
        }
        sleep(pause);
        coming.store(true, Relaxed);
        come_back();
        let back = Instant::now();
        let (first, calls) = caller.join().expect("no panic");
        let late = calls.iter().filter(|(end, _)| *end >= back);
        Returned {
            after: first.saturating_duration_since(back),
            late: late.map(|(_, late)| *late).max().unwrap_or_default(),
        }
    })
}

fn judge(what: &str, mut rounds: Vec<Returned>, promised: Duration) {
    let in_time = |one: &Returned| one.after <= promised + one.late * 2 + Duration::from_millis(50);
    let is_held = rounds.iter().all(in_time);
    rounds.sort_by_key(|one| one.after);
    let after: Vec<_> = rounds
        .iter()
        .map(|one| format!("{:.1}", milliseconds(one.after)))
        .collect();
    let late = rounds.iter().map(|one| one.late).max().unwrap_or_default();
    println!(
        "{what}: answered {} ms after the return, {} ms promised; the caller woke up to {:.1} ms late",
        after.join(", "),
        promised.as_millis(),
        milliseconds(late)
    );
    assert!(is_held, "{what}");
}

/// FM-63, FM-76: the pause between tries does not grow, however long the server is down.
#[test]
fn fm76_service_is_back_soon() {
    let _alone = alone();
    let mut random = Random::new(9);
    let mut server = server();
    let client = Client::new(&format!("{}?timeout=200ms", server.uri()));
    assert_eq!(client.get("absent"), Got::Miss);
    let refused = (0..ROUNDS).map(|_| {
        server.kill();
        round(&client, &mut random, || server.restart())
    });
    judge("refused", refused.collect(), RETURN);
    let halted = (0..ROUNDS).map(|_| {
        server.halt();
        round(&client, &mut random, || server.go_on())
    });
    judge("silent", halted.collect(), RETURN);
    let swallowed = (0..ROUNDS).map(|_| {
        let hole = BlackHole::new();
        let client = Client::new(&format!("{}?protocol=ascii", hole.uri()));
        round(&client, &mut random, || hole.open())
    });
    judge("swallowed", swallowed.collect(), RETURN + CONNECT_TIMEOUT);
}
