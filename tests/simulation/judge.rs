//! Whether what was told is true: every call is held against what the servers did.

use memcached2::error::Effect;
use memcached2::protocol::Op;

use super::breach::{Breach, Promise};
use super::call::{Call, Outcome};
use super::client::key as key_of;
use super::plan::{COUNTERS, KEYS};
use super::record::{Did, Executed};

/// From when on keys belonged to these hosts.
pub type Placed = [(u64, Vec<Option<usize>>)];

pub struct Judge<'j> {
    pub executed: &'j [Executed],
    pub placed: &'j Placed,
}

fn did(op: Op) -> Did {
    match op {
        Op::Get | Op::Gets => Did::Read,
        Op::Delete => Did::Delete,
        Op::Touch => Did::Touch,
        Op::Incr | Op::Decr => Did::Count,
        _ => Did::Store,
    }
}

impl Judge<'_> {
    /// All that can be said against these calls.
    pub fn judge(&self, calls: &[Call]) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (number, call) in calls.iter().enumerate() {
            let mut against = |promise, why: String| {
                let key = String::from_utf8_lossy(&call.key);
                let (number, op) = (number + 1, call.op.name());
                let text = format!("#{number} {op} {key}: {why} ({:?})", call.outcome);
                breaches.push(Breach { promise, text });
            };
            if let Some((promise, why)) = self.outcome(call) {
                against(promise, why);
            }
            if let Some(why) = self.effect(call) {
                against(Promise::HonestEffect, why);
            }
        }
        breaches.extend(self.deletes(calls));
        breaches
    }

    /// What the servers to which the key belonged did for such commands inside the call.
    fn inside<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = &'a Executed> {
        let hosts = self.hosts(call);
        let is_it = move |done: &&Executed| {
            done.did == did(call.op) && done.key == call.key && hosts.contains(&done.host)
        };
        // They stand in the order of their time.
        let first = self.executed.partition_point(|done| done.at < call.begin);
        let inside = self.executed[first..].iter();
        inside.take_while(|done| done.at <= call.end).filter(is_it)
    }

    /// The hosts to which the key belonged at some moment of the call.
    fn hosts(&self, call: &Call) -> Vec<usize> {
        let ends = self.placed.iter().skip(1).map(|(from, _)| *from);
        let ends = ends.chain(std::iter::once(u64::MAX));
        let during = self.placed.iter().zip(ends);
        let during = during.filter(|((from, _), to)| *from <= call.end && call.begin <= *to);
        during
            .filter_map(|((_, hosts), _)| hosts[call.number])
            .collect()
    }

    /// Those that are this very write.
    fn own<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = &'a Executed> {
        let all = self.executed.iter();
        all.filter(|done| {
            done.did == did(call.op) && done.mark == call.mark && done.key == call.key
        })
    }

    fn own_inside<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = &'a Executed> {
        let marked = did(call.op) != Did::Delete;
        self.inside(call)
            .filter(move |done| !marked || done.mark == call.mark)
    }

    fn outcome(&self, call: &Call) -> Option<(Promise, String)> {
        let wrong = |why: &str| Some((Promise::NoWrongAnswer, why.to_string()));
        let reads = did(call.op) == Did::Read;
        match &call.outcome {
            Outcome::Failed(..) => None,
            Outcome::Nothing if reads => wrong("nothing was told"),
            Outcome::Hit(seen) if reads => {
                let held = |done: &Executed| {
                    done.before.is_some_and(|before| {
                        before.sum == seen.sum && (call.op == Op::Get || before.cas == seen.cas)
                    })
                };
                match self.inside(call).any(held) {
                    true => None,
                    false => wrong("no server gave this value"),
                }
            }
            Outcome::Miss if reads => match self.inside(call).any(|done| done.before.is_none()) {
                true => None,
                false => Some((Promise::NoFalseMiss, "no server said so".into())),
            },
            // Only that it was sent is told.
            Outcome::Done | Outcome::Nothing if call.quiet => None,
            Outcome::Done | Outcome::Nothing => {
                match self.own_inside(call).any(|done| done.wrote) {
                    true => None,
                    false => wrong("no server did it"),
                }
            }
            Outcome::Number(number) => {
                let counted = |done: &Executed| done.wrote && done.number == Some(*number);
                match self.own_inside(call).any(counted) {
                    true => None,
                    false => wrong("no server counted that"),
                }
            }
            Outcome::Miss => {
                let missed = |done: &Executed| !done.wrote && done.before.is_none();
                match self.own_inside(call).any(missed) {
                    true => None,
                    false => Some((Promise::NoFalseMiss, "no server said so".into())),
                }
            }
            Outcome::Refused(_) => match self.own_inside(call).any(|done| !done.wrote) {
                true => None,
                false => wrong("no server refused it"),
            },
            Outcome::Hit(_) => wrong("a value for a write"),
        }
    }

    /// What is not true of the effect of a write.
    fn effect(&self, call: &Call) -> Option<String> {
        let did = did(call.op);
        if did == Did::Read {
            return match call.outcome {
                Outcome::Failed(_, effect) if effect != Effect::None => {
                    Some("a read that has an effect".into())
                }
                _ => None,
            };
        }
        if did == Did::Delete {
            return None;
        }
        let times = self.own(call).filter(|done| done.wrote).count();
        let most = match call.op {
            Op::Set | Op::Touch => 2,
            _ => 1,
        };
        match &call.outcome {
            _ if times > most => Some(format!("it was done {times} times")),
            Outcome::Failed(_, Effect::NotApplied | Effect::Removed) if times > 0 => {
                Some("it was done".into())
            }
            Outcome::Refused(_) | Outcome::Miss if times > 0 => Some("it was done".into()),
            Outcome::Failed(_, Effect::Applied) if times == 0 => Some("it was not done".into()),
            Outcome::Failed(_, Effect::None) => Some("a failed write has an effect".into()),
            _ => None,
        }
    }

    /// Deletes have nothing that tells them apart: each key is deleted at most as often as calls may have
    /// done it.
    fn deletes(&self, calls: &[Call]) -> Option<Breach> {
        for number in 0..KEYS + COUNTERS {
            let key = key_of(number);
            let done = self.executed.iter();
            let done = done.filter(|done| done.did == Did::Delete && done.key == key && done.wrote);
            let may_have = |call: &&Call| {
                let not = matches!(
                    call.outcome,
                    Outcome::Failed(_, Effect::NotApplied | Effect::Removed) | Outcome::Miss
                );
                call.op == Op::Delete && call.key == key && !not
            };
            let (done, may_have) = (done.count(), calls.iter().filter(may_have).count());
            if done > may_have {
                let key = String::from_utf8_lossy(&key);
                return Some(Breach {
                    promise: Promise::HonestEffect,
                    text: format!(
                        "{key} was deleted {done} times, by {may_have} calls that may have"
                    ),
                });
            }
        }
        None
    }
}
