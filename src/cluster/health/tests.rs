//! Health in virtual time.

use super::custom::Reconnector;
use super::*;
use crate::options::Options;
use std::sync::atomic::AtomicBool;
use std::thread;

/// The time, moved by hand.
struct Clock(Moment);

impl Clock {
    fn new() -> Clock {
        Clock(Moment::from_nanos(5_000_000_000))
    }
    fn pass(&mut self, ms: u64) -> Moment {
        self.0 = self.0.after(Duration::from_millis(ms));
        self.0
    }
}

fn options(list: &[(&str, &str)]) -> Options {
    let mut options = Options::default();
    for (name, value) in list {
        options.set(name, value).expect("an option");
    }
    options
}

fn health(list: &[(&str, &str)], seed: u64, now: Moment) -> Arc<Health> {
    let policy = Policy::new(&options(list), None, now);
    Health::new(&policy, ServerName::new("a:1"), seed, now)
}

fn refused() -> Box<Failure> {
    Failure::new(Status::CONNECT_FAILED, "no connection to a:1: refused")
}

fn fail(health: &Arc<Health>, probe: Option<&Probe>, now: Moment) -> Change {
    health.failed(Failing::Unreachable, &refused(), probe, now)
}

/// An open breaker, and the clock at the moment it opened.
fn open(seed: u64) -> (Arc<Health>, Clock) {
    let clock = Clock::new();
    let health = health(&[], seed, clock.0);
    for _ in 0..3 {
        fail(&health, None, clock.0);
    }
    (health, clock)
}

fn is_refused(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Refused(_))
}

fn probe(verdict: Verdict) -> Probe {
    match verdict {
        Verdict::Probe(probe) => probe,
        _ => panic!("no probe"),
    }
}

/// How long calls are refused from now on, to the millisecond.
fn refused_for(health: &Arc<Health>, now: Moment) -> u64 {
    let closed = |ms: &u64| health.is_down(now.after(Duration::from_millis(*ms)));
    (0..10_000).take_while(closed).count() as u64
}

#[test]
fn fm63_a_breaker_opens_after_three_failures_in_a_row() {
    let mut clock = Clock::new();
    let health = health(&[], 1, clock.0);
    assert!(health.is_sound());
    for _ in 0..100 {
        assert_eq!(fail(&health, None, clock.pass(1)), Change::None);
        assert_eq!(fail(&health, None, clock.pass(1)), Change::None);
        assert!(!health.is_sound() && !health.is_down(clock.0));
        assert!(matches!(health.admit(clock.0, None), Verdict::Go));
        assert_eq!(health.answered(|| clock.0), Change::None);
        assert!(health.is_sound());
    }
    assert_eq!(fail(&health, None, clock.0), Change::None);
    assert_eq!(fail(&health, None, clock.0), Change::None);
    assert_eq!(fail(&health, None, clock.0), Change::Down);
    assert!(health.is_down(clock.0));
    assert!(is_refused(&health.admit(clock.0, None)));
    assert_eq!(health.state(clock.0), State::Down);
    // Calls that were under way fail too, and change nothing.
    assert_eq!(fail(&health, None, clock.pass(100)), Change::None);
    assert!(refused_for(&health, clock.0) < 140);
}

#[test]
fn fm63_one_call_tries_at_a_time_and_the_first_reply_closes() {
    let (health, mut clock) = open(2);
    clock.pass(240);
    assert!(!health.is_down(clock.0));
    let first = probe(health.admit(clock.0, Some(clock.0.after(Duration::from_secs(1)))));
    assert_eq!(health.state(clock.0), State::Probing);
    for _ in 0..9 {
        assert!(health.is_down(clock.pass(100)));
        assert!(is_refused(&health.admit(clock.0, None)));
    }
    assert_eq!(fail(&health, Some(&first), clock.0), Change::None);
    drop(first);
    assert!(refused_for(&health, clock.0) >= 205);
    clock.pass(240);
    let second = probe(health.admit(clock.0, None));
    assert_eq!(health.answered(|| clock.0), Change::Up);
    assert!(health.is_sound() && !health.is_down(clock.0));
    drop(second);
    assert!(health.is_sound());
    assert_eq!(health.report(clock.0).failures, 0);
}

/// FM-75: clients do not come together, and a server that is back is not waited for long.
#[test]
fn fm75_pauses_are_jittered_and_do_not_grow() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let (health, mut clock) = open(seed);
        for _ in 0..20 {
            let pause = refused_for(&health, clock.0);
            assert!((205..=240).contains(&pause), "{pause} ms");
            seen.insert(pause);
            clock.pass(pause);
            let tries = probe(health.admit(clock.0, None));
            fail(&health, Some(&tries), clock.0);
        }
    }
    println!("4,000 pauses: {:?} to {:?} ms", seen.first(), seen.last());
    assert!(seen.len() > 30);
}

#[test]
fn the_same_seed_gives_the_same_pauses() {
    let pauses = |seed| {
        let (health, mut clock) = open(seed);
        let mut all = Vec::new();
        for _ in 0..10 {
            let until = health.closed_until.load(Ordering::Relaxed);
            all.push(until - clock.0.nanos());
            let tries = probe(health.admit(clock.pass(240), None));
            fail(&health, Some(&tries), clock.0);
        }
        all
    };
    assert_eq!(pauses(7), pauses(7));
    assert_ne!(pauses(7), pauses(8));
}

#[test]
fn who_does_not_come_back_does_not_keep_the_right_to_try() {
    let (health, mut clock) = open(3);
    // Dropped, by a caller that was cancelled or has panicked.
    let tries = probe(health.admit(clock.pass(240), None));
    drop(tries);
    let pause = refused_for(&health, clock.0);
    assert!((205..=240).contains(&pause), "{pause} ms");
    // Kept by somebody who does nothing: for its time, but for a second at most.
    let soon = clock.pass(240).after(Duration::from_millis(30));
    let first = probe(health.admit(clock.0, Some(soon)));
    assert!(is_refused(&health.admit(clock.pass(29), None)));
    let second = probe(health.admit(clock.pass(1), None));
    assert!(is_refused(&health.admit(clock.pass(999), None)));
    let third = probe(health.admit(clock.pass(1), None));
    // What the others find out is no news; nor is their end.
    fail(&health, Some(&first), clock.0);
    drop((first, second));
    assert_eq!(health.state(clock.0), State::Probing);
    assert!(is_refused(&health.admit(clock.0, None)));
    fail(&health, Some(&third), clock.0);
    assert_eq!(health.state(clock.0), State::Down);
}

#[test]
fn many_threads_get_one_right_to_try() {
    let (health, mut clock) = open(4);
    for _ in 0..50 {
        let now = clock.pass(240);
        let rights: Vec<Probe> = thread::scope(|scope| {
            let one = || scope.spawn(|| health.admit(now, None));
            let all: Vec<_> = (0..8).map(|_| one()).collect();
            let all = all.into_iter().map(|one| one.join().expect("a verdict"));
            all.filter_map(|verdict| match verdict {
                Verdict::Probe(probe) => Some(probe),
                _ => None,
            })
            .collect()
        });
        assert_eq!(rights.len(), 1);
        fail(&health, rights.first(), now);
    }
}

/// A call that was given no time says nothing about its server; many of them do.
#[test]
fn fm64_timeouts_count_by_what_was_waited_for() {
    let mut clock = Clock::new();
    let health = health(&[], 5, clock.0);
    let late = Failure::new(Status::TIMEOUT, "late");
    let silent = |health: &Arc<Health>, us, now| {
        health.failed(Failing::Silent(Duration::from_micros(us)), &late, None, now)
    };
    for _ in 0..9_999 {
        assert_eq!(silent(&health, 1, clock.0), Change::None);
    }
    assert_eq!(health.report(clock.0).failures, 0);
    assert!(!health.is_sound());
    health.answered(|| clock.0);
    assert!(health.is_sound());
    for n in 1..=6 {
        let expected = if n == 6 { Change::Down } else { Change::None };
        assert_eq!(silent(&health, 5_000, clock.pass(5)), expected);
    }
    // Who tries has found out.
    let tries = probe(health.admit(clock.pass(240), None));
    let change = health.failed(
        Failing::Silent(Duration::ZERO),
        &late,
        Some(&tries),
        clock.0,
    );
    assert_eq!(change, Change::None);
    assert!(refused_for(&health, clock.0) >= 205);
}

#[test]
fn a_refusal_names_the_server_the_cause_and_when_it_is_tried() {
    let (health, mut clock) = open(6);
    let told = |verdict| match verdict {
        Verdict::Refused(refused) => refused.failure(ServerName::new("a:1")),
        _ => panic!("not refused"),
    };
    let failure = told(health.admit(clock.pass(5), None));
    println!("{failure}");
    assert_eq!(failure.status, Status::CIRCUIT_OPEN);
    assert!(failure.status.is(Status::NO_AVAILABLE_SERVERS));
    let texts = [
        "a:1",
        "failed 3 times in a row",
        "refused)",
        "tried again in 2",
    ];
    assert!(
        texts.iter().all(|text| failure.text.contains(text)),
        "{failure}"
    );
    let tries = probe(health.admit(clock.pass(240), None));
    let failure = told(health.admit(clock.0, None));
    assert!(
        failure
            .text
            .ends_with("it is tried again by another call now"),
        "{failure}"
    );
    drop(tries);
}

#[test]
fn a_report_tells_what_is_known() {
    let (health, mut clock) = open(7);
    let report = health.report(clock.pass(50));
    assert_eq!((report.state, report.failures), (State::Down, 3));
    assert_eq!(report.since, Duration::from_millis(50));
    let due = report.due.expect("a time");
    assert!(due > Duration::from_millis(150) && due < Duration::from_millis(190));
    let cause = report.cause.expect("a cause");
    assert_eq!(cause.status, Status::CONNECT_FAILED);
    let report = health.report(clock.pass(200));
    assert_eq!(
        (report.state, report.due),
        (State::Probing, Some(Duration::ZERO))
    );
    health.answered(|| clock.0);
    let report = health.report(clock.pass(1));
    assert_eq!((report.state, report.failures), (State::Up, 0));
    assert_eq!(report.since, Duration::from_millis(1));
    assert!(report.cause.is_none() && report.due.is_none());
}

#[test]
fn as_many_failures_as_the_option_says() {
    for wanted in [1, 2, 10] {
        let clock = Clock::new();
        let health = health(&[("breaker_failures", &wanted.to_string())], 8, clock.0);
        for n in 1..=wanted {
            let expected = if n == wanted {
                Change::Down
            } else {
                Change::None
            };
            assert_eq!(fail(&health, None, clock.0), expected);
        }
    }
}

#[test]
fn simple_is_never_down() {
    let clock = Clock::new();
    let health = health(&[("reconnect", "simple")], 9, clock.0);
    for _ in 0..1000 {
        assert_eq!(fail(&health, None, clock.0), Change::None);
        assert!(matches!(health.admit(clock.0, None), Verdict::Go));
        assert!(!health.is_down(clock.0));
    }
    assert_eq!(health.report(clock.0).failures, 1000);
    assert_eq!(health.state(clock.0), State::Up);
}

/// python-memcached2's ReconnectorTime measures from the first error.
#[test]
fn time_counts_from_the_first_failure() {
    let mut clock = Clock::new();
    let health = health(&[("reconnect", "time")], 10, clock.0);
    assert_eq!(fail(&health, None, clock.0), Change::Down);
    fail(&health, None, clock.pass(20_000));
    assert!(is_refused(&health.admit(clock.pass(9_999), None)));
    assert!(health.is_down(clock.0));
    assert!(matches!(health.admit(clock.pass(1), None), Verdict::Go));
    assert_eq!(health.state(clock.0), State::Probing);
    // Behind its end, failures begin no other.
    fail(&health, None, clock.0);
    assert!(matches!(health.admit(clock.0, None), Verdict::Go));
    assert_eq!(health.answered(|| clock.0), Change::Up);
    assert_eq!(fail(&health, None, clock.0), Change::Down);
    assert!(refused_for(&health, clock.0) > 9_000);
}

/// python-memcached's mark_dead: each failure begins a pause of dead_retry.
#[test]
fn dead_retry_counts_from_each_failure() {
    let mut clock = Clock::new();
    let list = [("reconnect", "python-memcached"), ("dead_retry", "3s")];
    let health = health(&list, 11, clock.0);
    assert_eq!(fail(&health, None, clock.0), Change::Down);
    assert!(health.is_down(clock.pass(2_999)));
    assert!(matches!(health.admit(clock.pass(1), None), Verdict::Go));
    fail(&health, None, clock.0);
    assert_eq!(refused_for(&health, clock.0), 3_000);
    assert!(matches!(health.admit(clock.pass(3_000), None), Verdict::Go));
    assert_eq!(health.answered(|| clock.0), Change::Up);
    assert!(health.is_sound());
}

/// A program that says yes or no, and hears what has happened.
#[derive(Default)]
struct Says {
    yes: AtomicBool,
    heard: Mutex<Vec<String>>,
}

impl Reconnector for Says {
    fn may_try(&self, _: ServerName) -> bool {
        self.yes.load(Ordering::Relaxed)
    }
    fn failed(&self, server: ServerName) {
        self.heard
            .lock()
            .expect("heard")
            .push(format!("{server} failed"));
    }
    fn answered(&self, server: ServerName) {
        self.heard
            .lock()
            .expect("heard")
            .push(format!("{server} answered"));
    }
}

#[test]
fn a_program_may_say_when() {
    let clock = Clock::new();
    let says = Arc::new(Says::default());
    let policy = Policy::new(&Options::default(), Some(says.clone()), clock.0);
    let health = Health::new(&policy, ServerName::new("b:1"), 0, clock.0);
    assert!(!health.is_sound());
    assert!(is_refused(&health.admit(clock.0, None)) && health.is_down(clock.0));
    assert_eq!(health.state(clock.0), State::Down);
    says.yes.store(true, Ordering::Relaxed);
    assert!(matches!(health.admit(clock.0, None), Verdict::Go));
    assert_eq!(health.state(clock.0), State::Up);
    assert!(!health.is_sound() && !health.is_suspect());
    health.answered(|| clock.0);
    for _ in 0..5 {
        assert_eq!(fail(&health, None, clock.0), Change::None);
    }
    assert!(health.is_suspect());
    says.yes.store(false, Ordering::Relaxed);
    assert_eq!(fail(&health, None, clock.0), Change::Down);
    assert_eq!(health.answered(|| clock.0), Change::Up);
    health.answered(|| clock.0);
    let mut heard = vec!["b:1 failed"; 6];
    heard.push("b:1 answered");
    assert_eq!(*says.heard.lock().expect("heard"), heard);
}
