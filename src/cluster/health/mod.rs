//! Whether a server can be used now: what is held against it, when it is tried again, and by whom.
//! Functions of the time that is passed in; random numbers come of a seed.
//!
//! A server that has answered since its last failure is sound: finding that out is one relaxed load,
//! and who has a connection to such a server need not ask at all.

pub mod breaker;
pub mod custom;
pub mod hash_client;
pub mod pauses;
pub mod policy;
mod rule;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::deadline::Moment;
use crate::error::{Failure, Phase, Status};
use crate::names::ServerName;
use custom::Asked;
use policy::Policy;
use rule::{Admission, Rule};

/// Timeouts count by what they have waited for the server: as one failure for each time that this has
/// come together. A call that was given a microsecond says nothing about its server.
pub const SILENCE: Duration = Duration::from_millis(10);

/// How a server failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failing {
    /// No connection could be made.
    Unreachable,
    /// It was waited for, so long, and nothing came.
    Silent(Duration),
    /// It ended the connection, properly.
    Closed,
    /// The connection broke.
    Broken,
}

/// What a call that needs the server may do.
pub enum Verdict {
    Go,
    /// Go, and find out for the others, who are refused meanwhile. The right is given up when it is
    /// dropped.
    Probe(Probe),
    /// Leave the server alone.
    Refused(Refused),
}

/// Why a call is refused.
#[derive(Debug)]
pub struct Refused {
    failures: u32,
    /// The last failure before the server was taken for down.
    cause: Option<Arc<Failure>>,
    /// How long it will be before the server is tried; `None`: somebody tries it now, or nobody knows.
    due: Option<Duration>,
}

/// The right, and the duty, to try a server that is down.
pub struct Probe {
    health: Arc<Health>,
    number: u64,
}

/// What an event has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    None,
    /// The server is taken for down from now on.
    Down,
    /// It is used again.
    Up,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Up,
    /// Nothing is known of it since it failed, and somebody may try, or tries now.
    Probing,
    Down,
}

/// What is known of a server, for humans and monitors.
#[derive(Clone, Debug)]
pub struct Report {
    pub state: State,
    /// For how long it has been up, or not.
    pub since: Duration,
    /// In a row, with no reply in between.
    pub failures: u32,
    /// Of a server that is not up: why.
    pub cause: Option<Arc<Failure>>,
    /// How long it will be left alone; zero where the next call may try. `None`: it is up, or being
    /// tried, or the program knows.
    pub due: Option<Duration>,
}

/// Nothing is held against the server.
const SOUND: u32 = 0;
/// Something is; calls go to it all the same, or have to ask.
const SUSPECT: u32 = 1;
/// Calls are refused, but for those that try it.
const DOWN: u32 = 2;
/// Nothing is held against the server, and the program is asked all the same.
const ASKED: u32 = 3;

/// The health of one server, shared by all who use it.
pub struct Health {
    mark: AtomicU32,
    /// Of a server that is down, in nanoseconds: until then nobody may try it.
    closed_until: AtomicU64,
    asked: Option<Asked>,
    held: Mutex<Held>,
}

/// What is held against a server.
struct Held {
    rule: Rule,
    failures: u32,
    /// What has been waited for it in vain, and was not counted yet.
    silence: Duration,
    cause: Option<Arc<Failure>>,
    down: bool,
    /// When it came up, or went down.
    since: Moment,
}

impl Health {
    /// Of a server named `name`. `seed`: of the random parts of pauses.
    pub fn new(policy: &Policy, name: ServerName, seed: u64, now: Moment) -> Arc<Health> {
        let asked = policy.asked(name);
        let health = Health {
            mark: AtomicU32::new(SOUND),
            closed_until: AtomicU64::new(0),
            held: Mutex::new(Held {
                rule: Rule::new(policy, seed),
                failures: 0,
                silence: Duration::ZERO,
                cause: None,
                down: false,
                since: now,
            }),
            asked,
        };
        health.publish(&health.lock());
        Arc::new(health)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing in it is left half changed by a panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It has answered since it failed last, and nobody has to be asked: it may be used.
    #[inline(always)]
    pub fn is_sound(&self) -> bool {
        self.mark.load(Ordering::Relaxed) == SOUND
    }

    /// It has failed since it answered last: the next reply is to be told.
    #[inline(always)]
    pub fn is_suspect(&self) -> bool {
        matches!(self.mark.load(Ordering::Relaxed), SUSPECT | DOWN)
    }

    /// Whether a call may use the server. One that is told to probe has until `until` at most; then
    /// another may.
    pub fn admit(self: &Arc<Self>, now: Moment, until: Option<Moment>) -> Verdict {
        if self.is_sound() {
            return Verdict::Go;
        }
        if let Some(asked) = &self.asked {
            return match asked.may_try() {
                true => Verdict::Go,
                false => Verdict::Refused(self.lock().refused(None)),
            };
        }
        let mut held = self.lock();
        let admission = held.rule.admit(now, until);
        self.publish(&held);
        match admission {
            Admission::Go => Verdict::Go,
            Admission::Probe(number) => Verdict::Probe(Probe {
                health: self.clone(),
                number,
            }),
            Admission::Refuse(due) => {
                let due = due.map(|due| due.since(now));
                Verdict::Refused(held.refused(due))
            }
        }
    }

    /// It has answered something, be it a refusal.
    #[inline(always)]
    pub fn answered(&self, now: impl FnOnce() -> Moment) -> Change {
        match self.is_suspect() {
            true => self.clear(now()),
            false => Change::None,
        }
    }

    #[cold]
    #[inline(never)]
    fn clear(&self, now: Moment) -> Change {
        let mut held = self.lock();
        let failed = held.failures > 0;
        held.failures = 0;
        held.silence = Duration::ZERO;
        held.cause = None;
        held.rule.answered();
        let change = match held.down && !held.rule.is_down(now) {
            true => held.turn(false, now),
            false => Change::None,
        };
        self.publish(&held);
        drop(held);
        if let (true, Some(asked)) = (failed, &self.asked) {
            asked.answered();
        }
        change
    }

    /// It has failed, as `failure` tells in words; `probe`: of a call that had to try it.
    #[cold]
    pub fn failed(
        &self,
        failing: Failing,
        failure: &Failure,
        probe: Option<&Probe>,
        now: Moment,
    ) -> Change {
        let mut held = self.lock();
        if let Failing::Silent(waited) = failing {
            held.silence += waited;
            // Who tries has found out what there is to be found out.
            if held.silence < SILENCE && probe.is_none() {
                self.publish(&held);
                return Change::None;
            }
            held.silence = Duration::ZERO;
        }
        held.failures = held.failures.saturating_add(1);
        let failures = held.failures;
        held.rule
            .failed(failing, failures, probe.map(|probe| probe.number), now);
        if !held.down || probe.is_some() {
            held.cause = Some(Arc::new(failure.clone()));
        }
        if let Some(asked) = &self.asked {
            drop(held);
            asked.failed();
            let refuses = !asked.may_try();
            held = self.lock();
            // An answer may have come meanwhile.
            let change = match refuses && !held.down && held.failures > 0 {
                true => held.turn(true, now),
                false => Change::None,
            };
            self.publish(&held);
            return change;
        }
        let change = match !held.down && held.rule.refuses(now) {
            true => held.turn(true, now),
            false => Change::None,
        };
        self.publish(&held);
        change
    }

    /// Whether keys are better placed elsewhere: what [`Health::admit`] would say, without taking the
    /// right to try. With `reconnect=pymemcache`, only a dead server is down, as there.
    #[inline]
    pub fn is_down(&self, now: Moment) -> bool {
        self.mark.load(Ordering::Relaxed) >= DOWN && self.is_closed(now)
    }

    #[cold]
    fn is_closed(&self, now: Moment) -> bool {
        match (self.closed_until.load(Ordering::Relaxed), &self.asked) {
            (_, Some(asked)) => !asked.may_try(),
            (ASK, None) => {
                let mut held = self.lock();
                let down = held.rule.look(now);
                self.publish(&held);
                down
            }
            (until, None) => now.nanos() < until,
        }
    }

    pub fn state(&self, now: Moment) -> State {
        self.report(now).state
    }

    pub fn report(&self, now: Moment) -> Report {
        let may_try = self.asked.as_ref().map(Asked::may_try);
        let held = self.lock();
        let trying = may_try.unwrap_or_else(|| held.rule.is_trying(now));
        let state = match held.down || !trying && may_try.is_some() {
            false => State::Up,
            true if trying => State::Probing,
            true => State::Down,
        };
        Report {
            state,
            since: now.since(held.since),
            failures: held.failures,
            cause: held.cause.clone().filter(|_| state != State::Up),
            due: match state {
                _ if self.asked.is_some() => None,
                State::Up => None,
                _ => held.rule.due(now).map(|due| due.since(now)),
            },
        }
    }

    fn let_go(&self, number: u64) {
        let mut held = self.lock();
        held.rule.let_go(number);
        self.publish(&held);
    }

    /// Tell those who ask without the lock; with it held.
    fn publish(&self, held: &Held) {
        let (mark, until) = match (held.down, held.rule.closed_until()) {
            _ if self.asked.is_some() && held.is_clean() => (ASKED, ASK),
            _ if self.asked.is_some() => (DOWN, ASK),
            (true, until) => (DOWN, until),
            (false, _) if held.is_clean() => (SOUND, 0),
            (false, _) => (SUSPECT, 0),
        };
        self.closed_until.store(until, Ordering::Relaxed);
        self.mark.store(mark, Ordering::Release);
    }
}

/// For [`Health::is_down`]: the rule has to be asked.
const ASK: u64 = u64::MAX;

impl Held {
    fn turn(&mut self, down: bool, now: Moment) -> Change {
        self.down = down;
        self.since = now;
        match down {
            true => Change::Down,
            false => Change::Up,
        }
    }

    fn is_clean(&self) -> bool {
        self.failures == 0 && self.silence.is_zero()
    }

    fn refused(&self, due: Option<Duration>) -> Refused {
        Refused {
            failures: self.failures,
            cause: self.cause.clone(),
            due,
        }
    }
}

impl Refused {
    /// What a call is told.
    #[cold]
    pub fn failure(&self, server: ServerName) -> Box<Failure> {
        let times = match self.failures {
            0 => String::from("it is not to be used for the moment"),
            1 => String::from("it failed"),
            n => format!("it failed {n} times in a row"),
        };
        let cause = match &self.cause {
            Some(cause) => format!(" ({})", cause.text),
            None => String::new(),
        };
        let due = match self.due {
            Some(due) => format!("in {:.0} ms", due.as_secs_f64() * 1e3),
            None => String::from("by another call now"),
        };
        let next = match (self.failures, self.due) {
            (0, None) => String::new(),
            _ => format!("; it is tried again {due}"),
        };
        let text = format!("{server} was not asked: {times}{cause}{next}");
        Failure::new(Status::CIRCUIT_OPEN, text)
            .at(Phase::Connect)
            .on(server)
    }

    /// How long it will be before the server is tried, if that is known.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.health.let_go(self.number);
    }
}

#[cfg(test)]
mod tests;
