//! The rules by which servers that failed are tried again, as one.

use super::breaker::Breaker;
use super::hash_client::HashClient;
use super::pauses::{DeadRetry, Time};
use super::policy::{Kind, Policy};
use super::{ASK, Failing};
use crate::deadline::Moment;

/// What a rule says to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    Go,
    /// Go; the number is that of the right to.
    Probe(u64),
    /// Do not, until then; `None`: until the call that tries is over.
    Refuse(Option<Moment>),
}

pub enum Rule {
    /// Every call goes.
    Simple,
    Breaker(Breaker),
    Time(Time),
    DeadRetry(DeadRetry),
    HashClient(HashClient),
}

impl Rule {
    pub fn new(policy: &Policy, seed: u64) -> Rule {
        match &policy.kind {
            Kind::Simple => Rule::Simple,
            Kind::Breaker { failures, pause } => {
                Rule::Breaker(Breaker::new(*failures, *pause, seed))
            }
            Kind::Time(time) => Rule::Time(Time::new(*time)),
            Kind::DeadRetry(time) => Rule::DeadRetry(DeadRetry::new(*time)),
            Kind::HashClient(settings) => Rule::HashClient(HashClient::new(settings.clone())),
        }
    }

    pub fn admit(&mut self, now: Moment, until: Option<Moment>) -> Admission {
        match self {
            Rule::Simple => Admission::Go,
            Rule::Breaker(breaker) => breaker.admit(now, until),
            Rule::Time(time) => after(time.closed_until(), now),
            Rule::DeadRetry(dead) => after(dead.closed_until(), now),
            Rule::HashClient(client) => client.admit(now),
        }
    }

    pub fn answered(&mut self) {
        match self {
            Rule::Simple => {}
            Rule::Breaker(breaker) => breaker.answered(),
            Rule::Time(time) => time.answered(),
            Rule::DeadRetry(dead) => dead.answered(),
            Rule::HashClient(client) => client.answered(),
        }
    }

    /// `failures`: how many there were in a row, with this one.
    pub fn failed(&mut self, failing: Failing, failures: u32, probe: Option<u64>, now: Moment) {
        match self {
            Rule::Simple => {}
            Rule::Breaker(breaker) => breaker.failed(failures, probe, now),
            Rule::Time(time) => time.failed(now),
            Rule::DeadRetry(dead) => dead.failed(now),
            // An end of the stream is no error of a socket.
            Rule::HashClient(_) if failing == Failing::Closed => {}
            Rule::HashClient(client) => client.failed(now),
        }
    }

    pub fn let_go(&mut self, number: u64) {
        if let Rule::Breaker(breaker) = self {
            breaker.let_go(number);
        }
    }

    /// Whether a call would be refused.
    pub fn refuses(&self, now: Moment) -> bool {
        match self {
            Rule::HashClient(client) => client.refuses(now),
            _ => self.is_down(now),
        }
    }

    /// Whether keys are better placed elsewhere.
    pub fn is_down(&self, now: Moment) -> bool {
        match self {
            Rule::HashClient(client) => client.is_dead(),
            _ => now.nanos() < self.closed_until(),
        }
    }

    /// As [`Rule::is_down`], in search of a server for a key.
    pub fn look(&mut self, now: Moment) -> bool {
        match self {
            Rule::HashClient(client) => client.look(now),
            _ => self.is_down(now),
        }
    }

    /// Until when it is down, in nanoseconds; [`ASK`]: that is not known.
    pub fn closed_until(&self) -> u64 {
        match self {
            Rule::Simple => 0,
            Rule::Breaker(breaker) => breaker.closed_until().map_or(0, Moment::nanos),
            Rule::Time(time) => time.closed_until().map_or(0, Moment::nanos),
            Rule::DeadRetry(dead) => dead.closed_until().map_or(0, Moment::nanos),
            Rule::HashClient(_) => ASK,
        }
    }

    /// It has failed, and a call tries it, or the next one may.
    pub fn is_trying(&self, now: Moment) -> bool {
        match self {
            Rule::Breaker(breaker) => breaker.is_trying(now),
            _ => !self.refuses(now),
        }
    }

    /// When it may be tried; `None`: it is being tried.
    pub fn due(&self, now: Moment) -> Option<Moment> {
        match self {
            Rule::Simple => Some(now),
            Rule::Breaker(breaker) => breaker.due(now),
            Rule::Time(time) => Some(time.closed_until().unwrap_or(now)),
            Rule::DeadRetry(dead) => Some(dead.closed_until().unwrap_or(now)),
            Rule::HashClient(client) => Some(client.due(now)),
        }
    }
}

fn after(until: Option<Moment>, now: Moment) -> Admission {
    match until {
        Some(until) if now < until => Admission::Refuse(Some(until)),
        _ => Admission::Go,
    }
}
