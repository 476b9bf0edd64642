//! Items by key, with every state that a key was ever in.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Relative times up to this are durations, larger ones are moments of the calendar.
const THIRTY_DAYS: i64 = 60 * 60 * 24 * 30;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub data: Vec<u8>,
    pub flags: u32,
    pub cas: u64,
    pub expires: Option<Instant>,
}

impl Item {
    fn alive(&self, now: Instant) -> bool {
        self.expires.is_none_or(|at| now < at)
    }
}

/// From `at` on the key held `item`, because of request `cause` (0: not by a request).
#[derive(Clone, Debug)]
pub struct Version {
    pub at: Instant,
    pub item: Option<Item>,
    pub cause: u64,
}

#[derive(Default)]
pub struct Store {
    keys: HashMap<Vec<u8>, Vec<Version>>,
    last_cas: u64,
    flush_at: Option<Instant>,
}

impl Store {
    pub fn get(&self, key: &[u8], now: Instant) -> Option<&Item> {
        let version = self.keys.get(key)?.last()?;
        let flushed = self.flush_at.is_some_and(|at| at <= now && version.at < at);
        version.item.as_ref().filter(|i| i.alive(now) && !flushed)
    }

    pub fn put(&mut self, key: &[u8], mut item: Item, cause: u64, now: Instant) {
        self.last_cas += 1;
        item.cas = self.last_cas;
        self.write(key, Some(item), cause, now);
    }

    pub fn remove(&mut self, key: &[u8], cause: u64, now: Instant) {
        if self.get(key, now).is_some() {
            self.write(key, None, cause, now);
        }
    }

    /// Changes when an item expires; its CAS stays, as in memcached.
    pub fn touch(&mut self, key: &[u8], expires: Option<Instant>, cause: u64, now: Instant) {
        if let Some(item) = self.get(key, now) {
            let item = Item {
                expires,
                ..item.clone()
            };
            self.write(key, Some(item), cause, now);
        }
    }

    /// Invalidates, at that moment, all that was written before it.
    pub fn flush(&mut self, at: Instant, cause: u64, now: Instant) {
        if at > now {
            self.flush_at = Some(at);
            return;
        }
        let keys: Vec<_> = self.keys.keys().cloned().collect();
        for key in keys {
            self.remove(&key, cause, now);
        }
    }

    fn write(&mut self, key: &[u8], item: Option<Item>, cause: u64, at: Instant) {
        let versions = self.keys.entry(key.to_vec()).or_default();
        versions.push(Version { at, item, cause });
    }

    pub fn versions(&self, key: &[u8]) -> &[Version] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// The states in which the key was at some moment between `from` and `to`.
    pub fn held(&self, key: &[u8], from: Instant, to: Instant) -> Vec<Option<Item>> {
        let versions = self.versions(key);
        let before = versions.iter().rposition(|v| v.at <= from);
        let mut held = Vec::new();
        if before.is_none() {
            held.push(None);
        }
        let inside = versions
            .iter()
            .enumerate()
            .filter(|(i, v)| v.at <= to && before.is_none_or(|b| *i >= b));
        for (_, version) in inside {
            match &version.item {
                Some(item) if self.dead_by(version, item, to) => {
                    held.push(Some(item.clone()));
                    held.push(None);
                }
                state => held.push(state.clone()),
            }
        }
        held
    }

    fn dead_by(&self, version: &Version, item: &Item, to: Instant) -> bool {
        !item.alive(to) || self.flush_at.is_some_and(|at| at <= to && version.at < at)
    }
}

/// When an item with this expiry time goes; `None`: never.
pub fn expiry(exptime: i64, now: Instant, unix_now: i64) -> Option<Instant> {
    let seconds = match exptime {
        0 => return None,
        relative if relative <= THIRTY_DAYS => relative,
        absolute => absolute - unix_now,
    };
    match u64::try_from(seconds) {
        Ok(seconds) => Some(now + Duration::from_secs(seconds)),
        Err(_) => Some(now),
    }
}
