//! `reconnect=pymemcache`: what pymemcache's `HashClient` does with its `retry_attempts`, `retry_timeout`
//! and `dead_timeout`. A server that failed is left alone for `retry_timeout`; when it has failed
//! `retry_attempts` times more, the next call still goes to it, and it is dead: keys are placed elsewhere,
//! until `dead_timeout` has passed. That is looked at when a key is placed, at most once in `dead_timeout`
//! for all servers together. All comparisons are strict, as there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::rule::Admission;
use crate::deadline::Moment;

/// What the servers of a client have in common.
#[derive(Clone)]
pub struct Settings {
    pub retry_attempts: u32,
    pub retry_timeout: Duration,
    pub dead_timeout: Duration,
    /// When it was looked last which of the dead may be used again, in nanoseconds; at first, when the
    /// client was made.
    pub looked: Arc<AtomicU64>,
}

pub struct HashClient {
    settings: Settings,
    failed: Option<Failed>,
    dead: Option<Moment>,
}

#[derive(Clone, Copy)]
struct Failed {
    /// How many followed the first.
    attempts: u32,
    at: Moment,
}

impl HashClient {
    pub fn new(settings: Settings) -> HashClient {
        HashClient {
            settings,
            failed: None,
            dead: None,
        }
    }

    /// A call was placed here.
    pub fn admit(&mut self, now: Moment) -> Admission {
        match self.failed {
            Some(failed) if failed.attempts < self.settings.retry_attempts => {
                let pause = self.settings.retry_timeout;
                match now.since(failed.at) > pause {
                    true => Admission::Go,
                    false => Admission::Refuse(Some(failed.at.after(pause))),
                }
            }
            Some(_) => {
                self.failed = None;
                self.dead = Some(now);
                Admission::Go
            }
            None => match self.dead {
                Some(dead) => Admission::Refuse(Some(dead.after(self.settings.dead_timeout))),
                None => Admission::Go,
            },
        }
    }

    /// Whether a call would be refused.
    pub fn refuses(&self, now: Moment) -> bool {
        match (self.failed, self.dead) {
            (Some(failed), _) if failed.attempts < self.settings.retry_attempts => {
                now.since(failed.at) <= self.settings.retry_timeout
            }
            (Some(_), _) => false,
            (None, dead) => dead.is_some(),
        }
    }

    pub fn failed(&mut self, now: Moment) {
        self.failed = match self.failed {
            None if self.settings.retry_attempts == 0 => {
                self.dead = Some(now);
                None
            }
            None => Some(Failed {
                attempts: 0,
                at: now,
            }),
            Some(failed) => Some(Failed {
                attempts: failed.attempts.saturating_add(1),
                at: now,
            }),
        };
    }

    /// A reply does not raise the dead.
    pub fn answered(&mut self) {
        self.failed = None;
    }

    pub fn is_dead(&self) -> bool {
        self.dead.is_some()
    }

    /// As [`HashClient::is_dead`], where a key is to be placed: it may be used again from now on.
    pub fn look(&mut self, now: Moment) -> bool {
        let Some(dead) = self.dead else {
            return false;
        };
        let pause = self.settings.dead_timeout;
        let looked = Moment::from_nanos(self.settings.looked.load(Ordering::Relaxed));
        let looked = match now.since(looked) > pause {
            true => {
                self.settings.looked.store(now.nanos(), Ordering::Relaxed);
                now
            }
            false => looked,
        };
        if looked.since(dead) > pause {
            self.dead = None;
        }
        self.dead.is_some()
    }

    /// When it may be tried, as far as that is known.
    pub fn due(&self, now: Moment) -> Moment {
        match (self.failed, self.dead) {
            (Some(failed), _) if failed.attempts < self.settings.retry_attempts => {
                failed.at.after(self.settings.retry_timeout)
            }
            (None, Some(dead)) => dead.after(self.settings.dead_timeout),
            _ => now,
        }
    }
}
