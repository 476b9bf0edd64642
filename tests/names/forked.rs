//! A child begins with a resolver of its own, whatever its parent's helpers were doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memcached2::error::{Phase, Status};
use memcached2::transport::resolve::Resolver;

use crate::caller::{Caller, Outcome, until};
use crate::lookups::{Lookups, Says};
use crate::peers::address;
use crate::support::forked::in_child;
use crate::support::memcached::Memcached;

/// Says that all is done when it is dropped: a test that fails ends its threads too.
struct Finally<'a>(&'a AtomicBool);

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A look-up that never ends in this process, and answers at once in its children.
fn stuck_here(lookups: &Arc<Lookups>, server: &Memcached) -> Arc<Resolver> {
    let (here, there) = (std::process::id(), address(server));
    let lookups = lookups.clone();
    Arc::new(Resolver::new(move |host| {
        match std::process::id() == here {
            true => lookups.look_up(host),
            false => Ok(vec![there]),
        }
    }))
}

/// FM-122: helpers are stuck in the parent, all of them; a child resolves afresh.
#[test]
fn fm122_a_child_of_a_stuck_parent_looks_up_by_itself() {
    let server = Memcached::tcp(&[]);
    let lookups = Lookups::new();
    let resolver = stuck_here(&lookups, &server);
    let hosts = ["a.test", "b.test", "c.test", "d.test", "e.test"];
    let callers: Vec<_> = hosts
        .iter()
        .map(|host| {
            lookups.say(host, Says::Nothing);
            Caller::new(&format!("{host}?connect_timeout=50ms"), &resolver)
        })
        .collect();
    for (host, caller) in hosts.iter().zip(&callers) {
        let outcome = caller.get("key");
        outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, host);
    }
    assert_eq!(lookups.running().0, 4);
    let patient: Vec<_> = hosts
        .iter()
        .map(|host| {
            Caller::new(
                &format!("{host}?timeout=20s&connect_timeout=20s"),
                &resolver,
            )
        })
        .collect();
    for _ in 0..3 {
        in_child(|| {
            let all = callers.iter().chain(&patient);
            let answers = all.map(|caller| caller.get("key"));
            // Those with little time may be late on a busy machine; what they have asked for is there.
            let count = answers.filter(|answer| *answer == Outcome::Miss).count();
            count >= hosts.len()
        });
    }
    for host in hosts {
        lookups.say(host, Says::Addresses(vec![address(&server)]));
    }
    for caller in &callers {
        until(|| caller.get("key"), |outcome| *outcome == Outcome::Miss);
    }
}

/// FM-122: forks while threads of the parent ask and look up all the time.
#[test]
fn fm122_forks_in_the_middle_of_look_ups() {
    let server = Memcached::tcp(&[]);
    let there = address(&server);
    let resolver = Arc::new(Resolver::new(move |_| Ok(vec![there])));
    let options = "timeout=20s&connect_timeout=20s";
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _finally = Finally(&done);
        for thread in 0..4 {
            let (resolver, done) = (&resolver, &done);
            scope.spawn(move || {
                let mut round = 0;
                while !done.load(Ordering::Relaxed) {
                    let host = format!("n{thread}-{}.test", round % 100);
                    let caller = Caller::new(&format!("{host}?{options}"), resolver);
                    assert_eq!(caller.get("key"), Outcome::Miss);
                    round += 1;
                }
            });
        }
        let caller = Caller::new(&format!("own.test?{options}"), &resolver);
        for _ in 0..30 {
            in_child(|| caller.get("key") == Outcome::Miss);
        }
    });
}
