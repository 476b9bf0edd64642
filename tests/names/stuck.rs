//! Look-ups that do not answer: what they cost, and whom.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use memcached2::error::{Phase, Status};
use memcached2::transport::resolve::{HELPERS_MAX, Resolver};

use crate::alone;
use crate::caller::{Caller, Outcome, in_time, not_late, until};
use crate::lookups::{Lookups, Says};
use crate::peers::address;
use crate::support::client::SLACK;
use crate::support::memcached::Memcached;

const LIMIT: Duration = Duration::from_millis(150);

fn stuck(lookups: &Lookups, hosts: &[&str]) {
    for host in hosts {
        lookups.say(host, Says::Nothing);
    }
}

/// End what is stuck, so that no thread outlives the test.
fn release(lookups: &Lookups, hosts: &[&str]) {
    for host in hosts {
        lookups.say(host, Says::Fails("released"));
    }
    until(|| lookups.running().0, |running| *running == 0);
}

/// FM-69: whichever ends first: the call's time, or the connection's.
#[test]
fn fm69_a_call_ends_in_time() {
    let _alone = alone();
    let lookups = Lookups::new();
    stuck(&lookups, &["stuck.test"]);
    for options in [
        "timeout=150ms&connect_timeout=10s",
        "timeout=150ms&connect_timeout=none",
        "timeout=10s&connect_timeout=150ms",
        "timeout=none&connect_timeout=150ms",
        "timeout=150ms&connect_timeout=10s&paranoid=on",
    ] {
        let servers = format!("stuck.test?{options}&reconnect=simple");
        let caller = Caller::new(&servers, &lookups.resolver());
        for _ in 0..2 {
            let outcome = in_time(LIMIT, || caller.get("key"));
            outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, "stuck.test");
            let outcome = in_time(LIMIT, || caller.set("key", "value"));
            outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, "stuck.test");
        }
        let options = options.replace("&connect", "&batch_timeout=150ms&connect");
        let caller = Caller::new(&format!("stuck.test?{options}"), &lookups.resolver());
        let keys = ["a", "b"].map(String::from);
        for (outcome, _) in in_time(LIMIT, || caller.get_multi(&keys)) {
            outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, "stuck.test");
        }
    }
    release(&lookups, &["stuck.test"]);
}

/// FM-69, FM-84: in a batch, the keys of other servers are answered meanwhile.
#[test]
fn fm84_other_servers_of_a_batch_answer_meanwhile() {
    let _alone = alone();
    let (one, two) = (Memcached::tcp(&[]), Memcached::unix(&[]));
    for paranoid in ["off", "on"] {
        let lookups = Lookups::new();
        stuck(&lookups, &["stuck.test"]);
        lookups.at("well.test", &[address(&one)]);
        let servers = format!(
            "stuck.test,well.test,{}?connect_timeout=300ms&paranoid={paranoid}",
            two.uri()
        );
        let caller = Caller::new(&servers, &lookups.resolver());
        let keys: Vec<_> = (0..60).map(|number| format!("key:{number}")).collect();
        let limit = Duration::from_millis(300);
        let outcomes = in_time(limit, || caller.get_multi(&keys));
        let mut met = [0, 0];
        for (key, (outcome, after)) in keys.iter().zip(outcomes) {
            if caller.is_on(key, "stuck.test:11211") {
                outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, "stuck.test");
                met[0] += 1;
            } else {
                assert_eq!(outcome, Outcome::Miss, "{key}");
                assert!(after < limit / 2, "{key} after {after:?}");
                met[1] += 1;
            }
        }
        println!(
            "paranoid={paranoid}: {} keys of the stuck name, {} of others",
            met[0], met[1]
        );
        assert!(met[0] > 5 && met[1] > 20, "{met:?}");
        release(&lookups, &["stuck.test"]);
    }
}

/// FM-69: with all helpers stuck, what needs no look-up goes on, and what needs one ends in time.
#[test]
fn fm69_four_stuck_names_stop_neither_literals_nor_known_names() {
    let _alone = alone();
    let server = Memcached::tcp(&[]);
    let lookups = Lookups::new();
    let resolver = lookups.resolver();
    let hosts = ["a.test", "b.test", "c.test", "d.test"];
    stuck(&lookups, &hosts);
    lookups.at("known.test", &[address(&server)]);
    lookups.at("new.test", &[address(&server)]);
    let known = Caller::new("known.test", &resolver);
    assert_eq!(known.set("key", "value"), Outcome::Done);
    for host in hosts {
        let caller = Caller::new(&format!("{host}?timeout=150ms"), &resolver);
        let outcome = in_time(LIMIT, || caller.get("key"));
        outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, host);
    }
    assert_eq!(lookups.running(), (HELPERS_MAX, HELPERS_MAX));
    let literal = Caller::new(&server.uri(), &resolver);
    for _ in 0..5 {
        for caller in [&literal, &known] {
            caller.close();
            assert_eq!(not_late(|| caller.get("key")), Outcome::value("value"));
        }
    }
    let new = Caller::new("new.test?timeout=150ms", &resolver);
    let outcome = in_time(LIMIT, || new.get("key"));
    outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, "new.test");
    assert_eq!(lookups.count("new.test"), 0, "no fifth helper");
    // One helper comes free, and does what was asked for.
    lookups.say("a.test", Says::Fails("at last"));
    until(
        || new.get("key"),
        |outcome| *outcome == Outcome::value("value"),
    );
    assert_eq!(lookups.running().1, HELPERS_MAX);
    release(&lookups, &hosts);
}

/// FM-69: a known name whose own look-up is stuck works on with what is known.
#[test]
fn fm69_known_addresses_serve_while_their_own_look_up_is_stuck() {
    let _alone = alone();
    let server = Memcached::tcp(&[]);
    let lookups = Lookups::new();
    lookups.at("name.test", &[address(&server)]);
    let caller = Caller::new("name.test", &lookups.resolver());
    assert_eq!(caller.set("key", "value"), Outcome::Done);
    stuck(&lookups, &["name.test"]);
    let reconnect = || {
        caller.close();
        assert_eq!(caller.get("key"), Outcome::value("value"));
        lookups.running().0
    };
    until(reconnect, |running| *running == 1);
    // It is waited for at first, and then no more.
    let reconnect = || {
        caller.close();
        let began = Instant::now();
        assert_eq!(caller.get("key"), Outcome::value("value"));
        began.elapsed()
    };
    until(reconnect, |took| *took < SLACK / 2);
    for _ in 0..5 {
        caller.close();
        assert_eq!(not_late(|| caller.get("key")), Outcome::value("value"));
    }
    assert_eq!(lookups.count("name.test"), 2);
    release(&lookups, &["name.test"]);
}

/// FM-69: an answer that comes when everybody has gone is not lost.
#[test]
fn fm69_a_late_answer_fills_the_cache() {
    let _alone = alone();
    let server = Memcached::tcp(&[]);
    let lookups = Lookups::new();
    stuck(&lookups, &["late.test"]);
    let caller = Caller::new("late.test?connect_timeout=150ms", &lookups.resolver());
    let outcome = in_time(LIMIT, || caller.get("key"));
    outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, "late.test");
    lookups.at("late.test", &[address(&server)]);
    until(|| lookups.running().0, |running| *running == 0);
    // The next look-up is stuck: what works is what the first one left.
    stuck(&lookups, &["late.test"]);
    until(|| caller.get("key"), |outcome| *outcome == Outcome::Miss);
    release(&lookups, &["late.test"]);
}

/// Whether a thread of this process waits for something.
fn sleeps(thread: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
    let stat = stat.unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| rest.starts_with(" S"))
}

/// One look-up for all that ask at the same time.
#[test]
fn sixty_four_threads_look_up_once() {
    let server = Memcached::tcp(&[]);
    let lookups = Lookups::new();
    stuck(&lookups, &["name.test"]);
    let resolver = lookups.resolver();
    let options = "timeout=20s&connect_timeout=20s";
    let callers: Vec<_> = (0..4)
        .map(|_| Caller::new(&format!("name.test?{options}"), &resolver))
        .collect();
    let begun = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..64 {
            let (caller, begun) = (&callers[number % 4], &begun);
            scope.spawn(move || {
                // SAFETY: takes nothing and cannot fail.
                let thread = unsafe { libc::gettid() };
                begun.lock().expect("no panic").push(thread);
                assert_eq!(caller.get("key"), Outcome::Miss);
            });
        }
        let waiting = || {
            let begun = begun.lock().expect("no panic");
            begun.iter().filter(|thread| sleeps(**thread)).count()
        };
        until(waiting, |waiting| *waiting == 64);
        lookups.at("name.test", &[address(&server)]);
    });
    assert_eq!(lookups.count("name.test"), 1);
}

/// A helper is no thread of the host's: it has a name, and takes no signals.
#[test]
fn helpers_take_no_signals() {
    let seen = Arc::new(Mutex::new(None));
    let kept = seen.clone();
    let resolver = Arc::new(Resolver::new(move |_| {
        let status = std::fs::read_to_string("/proc/thread-self/status")?;
        let name = std::fs::read_to_string("/proc/thread-self/comm")?;
        *kept.lock().expect("no panic") = Some((name, status));
        Err(std::io::Error::other("looked"))
    }));
    let caller = Caller::new("name.test", &resolver);
    let outcome = caller.get("key");
    outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, "looked");
    let (name, status) = seen.lock().expect("no panic").take().expect("looked up");
    assert_eq!(name.trim_end(), "mc-resolve");
    let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let blocked = u64::from_str_radix(line.expect("a mask").trim(), 16).expect("a number");
    for signal in 1..=31 {
        let can_be = ![libc::SIGKILL, libc::SIGSTOP].contains(&signal);
        assert_eq!(blocked >> (signal - 1) & 1 == 1, can_be, "signal {signal}");
    }
    let own = std::fs::read_to_string("/proc/thread-self/status").expect("a status");
    let line = own.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let own = u64::from_str_radix(line.expect("a mask").trim(), 16).expect("a number");
    assert_eq!(own, 0, "the caller's own mask is as it was");
}
