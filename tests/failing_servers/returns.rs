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

const ROUNDS: usize = 6;
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
/// Between two calls.
const PERIOD: Duration = Duration::from_millis(1);

struct Returned {
    /// From the return to the end of the first call that was answered.
    after: Duration,
    /// How late the caller woke from its sleep in this time, at most: the machine was busy.
    late: Duration,
}

/// Calls every millisecond, while `trouble` waits until the server is left alone, and some time more; then
/// `come_back` has it back.
fn round(client: &Client, random: &mut Random, come_back: impl FnOnce()) -> Returned {
    let (left_alone, done) = (AtomicBool::new(false), AtomicBool::new(false));
    // Beyond the first tries: a pause that grew would be seen.
    let pause = Duration::from_millis(700 + random.below(400) as u64);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let mut calls = Vec::new();
            while !done.load(Relaxed) {
                let got = client.get("absent");
                if got == Got::Failed(CIRCUIT_OPEN) {
                    left_alone.store(true, Relaxed);
                }
                let end = Instant::now();
                sleep(PERIOD);
                calls.push((end, got, end.elapsed().saturating_sub(PERIOD)));
            }
            calls
        });
        let deadline = Instant::now() + Duration::from_secs(30);
        while !left_alone.load(Relaxed) {
            assert!(Instant::now() < deadline, "the server is never left alone");
            sleep(PERIOD);
        }
        sleep(pause);
        come_back();
        let back = Instant::now();
        sleep(Duration::from_secs(1));
        done.store(true, Relaxed);
        let calls = caller.join().expect("no panic");
        let since = calls.iter().filter(|(end, ..)| *end >= back);
        let answer = since.clone().find(|(_, got, _)| *got == Got::Miss);
        let first = answer.expect("the server is back for a second").0;
        let before = since.take_while(|(end, ..)| *end <= first);
        Returned {
            after: first - back,
            late: before.map(|(.., late)| *late).max().unwrap_or_default(),
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
    let client = Client::new(&format!("{}?timeout=400ms", server.uri()));
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
