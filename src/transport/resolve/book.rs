//! What is known of names, and which are being looked up. Time is a parameter; threads are the
//! caller's.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::ticket::Waiter;
use super::{Found, Unresolved, Want};
use crate::deadline::Moment;

/// So many names are looked up at the same time.
pub const HELPERS_MAX: usize = 4;

/// So many names are known; who asks for one more makes the least used forgotten.
const NAMES_MAX: usize = 256;

/// Who asks so soon after a look-up gets its answer, good or bad: threads that lose their connections
/// together look the name up once.
const FRESH: Duration = Duration::from_millis(100);

/// A look-up that takes longer than this is not waited for where addresses are known from before.
const PATIENCE: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Book {
    names: BTreeMap<String, Entry>,
    /// Names that no helper has taken yet.
    queue: VecDeque<String>,
    helpers: usize,
}

#[derive(Default)]
struct Entry {
    /// What the last look-up that succeeded found, and when.
    known: Option<(Arc<[SocketAddr]>, Moment)>,
    /// What the last look-up met, and when, if it failed.
    failed: Option<(Unresolved, Moment)>,
    /// While it is looked up, or waits for that.
    look_up: Option<LookUp>,
    /// When it was asked for last.
    used: Option<Moment>,
}

struct LookUp {
    /// Until then it is waited for by those who know addresses.
    patience: Moment,
    waiters: Vec<Weak<Waiter>>,
}

/// What is to be told to one who asks.
pub(super) enum Verdict {
    Found(Found),
    Failed(Unresolved),
    /// The name is being looked up: to be joined.
    LookUp {
        /// A helper has to be started, and is counted.
        helper: bool,
        /// Addresses that will do, from that moment on.
        spare: Option<(Found, Moment)>,
    },
}

impl Book {
    pub fn ask(&mut self, host: &str, want: Want, now: Moment) -> Verdict {
        if !self.names.contains_key(host) && !self.make_room() {
            return Verdict::Failed("too many names are being looked up".into());
        }
        let entry = self.names.entry(host.into()).or_default();
        entry.used = Some(now);
        if let Some(verdict) = entry.at_once(want, now) {
            return verdict;
        }
        let mut helper = false;
        if entry.look_up.is_none() {
            helper = self.helpers < HELPERS_MAX;
            self.helpers += usize::from(helper);
            self.queue.push_back(host.into());
            entry.look_up = Some(LookUp {
                // Behind others that may be stuck, it is not waited for.
                patience: now.after(if helper { PATIENCE } else { Duration::ZERO }),
                waiters: Vec::new(),
            });
        }
        let spare = entry.spare(want);
        match spare {
            Some((found, from)) if from <= now && !helper => Verdict::Found(found),
            spare => Verdict::LookUp { helper, spare },
        }
    }

    /// Room for one more name.
    fn make_room(&mut self) -> bool {
        if self.names.len() < NAMES_MAX {
            return true;
        }
        let settled = self.names.iter().filter(|(_, e)| e.look_up.is_none());
        let oldest = settled.min_by_key(|(_, entry)| entry.used);
        let oldest = oldest.map(|(host, _)| host.clone());
        oldest.is_some_and(|host| self.names.remove(&host).is_some())
    }

    /// Wait for the look-up of `host`; `false` where it has ended.
    pub fn join(&mut self, host: &str, waiter: &Arc<Waiter>) -> bool {
        let entry = self.names.get_mut(host);
        let Some(look_up) = entry.and_then(|entry| entry.look_up.as_mut()) else {
            return false;
        };
        // Those who gave up waiting are as many as calls that ended meanwhile: without bound.
        look_up.waiters.retain(|other| other.strong_count() > 0);
        look_up.waiters.push(Arc::downgrade(waiter));
        true
    }

    /// The next name for a helper; `None` ends the helper, which is no longer counted.
    pub fn next(&mut self) -> Option<String> {
        let next = self.queue.pop_front();
        self.helpers -= usize::from(next.is_none());
        next
    }

    /// A look-up has ended: who waits for its answer.
    pub fn done(
        &mut self,
        host: &str,
        answer: &Result<Arc<[SocketAddr]>, Unresolved>,
        now: Moment,
    ) -> Vec<Arc<Waiter>> {
        let Some(entry) = self.names.get_mut(host) else {
            return Vec::new();
        };
        match answer {
            Ok(addresses) => {
                entry.known = Some((addresses.clone(), now));
                entry.failed = None;
            }
            Err(why) => entry.failed = Some((why.clone(), now)),
        }
        let waiters = entry.look_up.take().map(|look_up| look_up.waiters);
        let waiters = waiters.unwrap_or_default();
        waiters.iter().filter_map(Weak::upgrade).collect()
    }

    /// A helper that is counted could not be started. Without any, what is queued has failed: who
    /// waits for that.
    pub fn helper_missing(&mut self, why: &Unresolved, now: Moment) -> Vec<Arc<Waiter>> {
        self.helpers -= 1;
        if self.helpers > 0 {
            return Vec::new();
        }
        let queue = std::mem::take(&mut self.queue);
        let failed = Err(why.clone());
        let waiters = queue.iter().flat_map(|host| self.done(host, &failed, now));
        waiters.collect()
    }
}

impl Entry {
    /// What can be told without a look-up.
    fn at_once(&self, want: Want, now: Moment) -> Option<Verdict> {
        if let Some((addresses, at)) = &self.known {
            if now.since(*at) < FRESH {
                return Some(Verdict::Found(Found {
                    addresses: addresses.clone(),
                    fresh: true,
                }));
            }
        }
        let (why, at) = self.failed.as_ref()?;
        if now.since(*at) >= FRESH {
            return None;
        }
        Some(match (&self.known, want) {
            (Some((addresses, _)), Want::Any) => Verdict::Found(Found {
                addresses: addresses.clone(),
                fresh: false,
            }),
            _ => Verdict::Failed(why.clone()),
        })
    }

    fn spare(&self, want: Want) -> Option<(Found, Moment)> {
        let (addresses, _) = self.known.as_ref().filter(|_| want == Want::Any)?;
        let found = Found {
            addresses: addresses.clone(),
            fresh: false,
        };
        Some((found, self.look_up.as_ref()?.patience))
    }
}
