//! One thread that calls one server in trouble, without a pause: how many calls wait for it, and how long the
//! others take to fail.

use std::time::{Duration, Instant};

use crate::fleet::{Fleet, keys_of, name};
use crate::support::client::{self, CIRCUIT_OPEN, Client, Got, OK, TIMEOUT};
use crate::support::observed::DOWN;
use crate::{FAILURES, PAUSE, alone, milliseconds};

const SLOT: usize = 2;
const TIME: Duration = Duration::from_millis(1500);

/// The statuses of `key` for a while, and how long each call took.
fn calls(client: &Client, key: &str, time: Duration) -> Vec<(i32, Duration)> {
    let (began, mut calls) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let begin = Instant::now();
        let got = client.get(key);
        let took = begin.elapsed();
        let Got::Failed(status) = got else {
            panic!("{got:?} of a server that is silent or dead");
        };
        calls.push((status, took));
    }
    calls
}

/// So many calls wait, until the server is taken for down; from then on only those that try it do.
fn judge(what: &str, first: &[i32], calls: &[(i32, Duration)], timeout: Duration) {
    let tries = calls.iter().filter(|call| call.0 != CIRCUIT_OPEN).count();
    let quick = calls
        .iter()
        .filter(|call| call.1 < Duration::from_millis(1));
    let share = quick.count() as f64 * 100.0 / calls.len() as f64;
    let mut took: Vec<_> = calls.iter().map(|call| call.1).collect();
    took.sort();
    let first: Vec<_> = first.iter().map(|status| client::name(*status)).collect();
    println!(
        "{what}: {first:?}, then {} calls in {TIME:?}, {tries} of them tries, {share:.3} % under 1 ms, median \
         {:.1} µs, 99th percentile {:.1} µs, slowest {:.1} ms",
        calls.len(),
        milliseconds(took[took.len() / 2]) * 1e3,
        milliseconds(took[took.len() * 99 / 100]) * 1e3,
        milliseconds(took[took.len() - 1]),
    );
    let most = (TIME + timeout).as_millis() / PAUSE.as_millis() + 1;
    assert!(tries as u128 <= most, "{tries} tries in {TIME:?}");
    // Thousands of calls of microseconds: a machine that takes the processor away does it to few of them.
    assert!(share >= 99.0, "{share} % of {} calls", calls.len());
}

/// FM-63: a server that is silent is taken for down after three timeouts, one that refuses after three
/// failures; the keys of the others are not concerned.
#[test]
fn fm63_three_calls_find_out() {
    const TIMEOUT_OF_A_CALL: Duration = Duration::from_millis(300);
    let _alone = alone();
    let mut fleet = Fleet::new();
    let (client, events) = fleet.client(&[("timeout", "300ms")]);
    let key = &keys_of(&client, SLOT, 1)[0];
    let other = &keys_of(&client, SLOT + 1, 1)[0];
    assert_eq!((client.set(key, b"1"), client.set(other, b"2")), (OK, OK));
    let down = || events.count(&name(SLOT), &[DOWN]);
    for what in ["halted", "killed"] {
        let before = down();
        match what {
            "halted" => fleet.slots[SLOT].halt(),
            _ => fleet.slots[SLOT].kill(),
        }
        let mut first = Vec::new();
        while down() == before {
            let Got::Failed(status) = client.get(key) else {
                panic!("an answer of a server that is {what}");
            };
            first.push(status);
            assert!(first.len() <= FAILURES, "{first:?}");
        }
        assert_eq!(first.len(), FAILURES, "{first:?}");
        if what == "halted" {
            assert_eq!(first, [TIMEOUT; FAILURES]);
        }
        let calls = calls(&client, key, TIME);
        judge(what, &first, &calls, TIMEOUT_OF_A_CALL);
        assert_eq!(client.get(other), Got::Value(b"2".to_vec()));
        if what == "halted" {
            fleet.slots[SLOT].go_on();
            until_it_answers(&client, key, &Got::Value(b"1".to_vec()));
        }
    }
    fleet.slots[SLOT].restart();
    until_it_answers(&client, key, &Got::Miss);
}

fn until_it_answers(client: &Client, key: &str, wanted: &Got) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match client.get(key) {
            Got::Failed(_) => assert!(Instant::now() < deadline, "it is not back"),
            got => return assert_eq!(got, *wanted),
        }
    }
}
