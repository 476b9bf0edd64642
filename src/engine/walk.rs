//! Going through all items, some at a time: nothing is locked or kept in between.

use super::expiry::{Expiry, Flushed};
use super::shard::Shard;
use super::store::{Store, lock};

/// How far a walk has come. Items that are stored or dropped while it goes on may be seen or not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Walk {
    shard: usize,
    /// The next place of the shard to be looked at.
    at: usize,
}

/// What a walk sees of an item, while its shard is locked.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub key: &'a [u8],
    pub flags: u32,
    pub cas: u64,
    pub expiry: Expiry,
    /// When it was used last, or stored. Being read for the first time is no use.
    pub accessed: i64,
    pub fetched: bool,
    /// As the limits count it.
    pub size: usize,
    /// The number of its shard, from 1 on.
    pub shard: usize,
}

/// So many places are looked at under one lock.
const STEP: usize = 256;

impl Store {
    /// Go on with a walk over the shards that `wanted` tells of: look at the next places, of which
    /// those with a living item are shown to `visit`. `false`: that was all; an error of `visit` ends
    /// the step.
    pub fn walk<E>(
        &self,
        walk: &mut Walk,
        now: i64,
        wanted: impl Fn(usize) -> bool,
        visit: impl FnMut(Seen<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        while walk.shard < self.shards.len() && !wanted(walk.shard + 1) {
            walk.shard += 1;
        }
        let Some(shard) = self.shards.get(walk.shard) else {
            return Ok(false);
        };
        let flushed = self.flushed();
        let at_end = lock(shard).show(walk, now, flushed, visit)?;
        if at_end {
            *walk = Walk {
                shard: walk.shard + 1,
                at: 0,
            };
        }
        Ok(true)
    }
}

impl Shard {
    /// Show the items at the next places; whether those were the last.
    fn show<E>(
        &self,
        walk: &mut Walk,
        now: i64,
        flushed: Flushed,
        mut visit: impl FnMut(Seen<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let end = self.lru.places().min(walk.at + STEP);
        while walk.at < end {
            let at = walk.at;
            walk.at += 1;
            let Some(item) = self.lru.at_place(at) else {
                continue;
            };
            if item.is_flushed(flushed, now) || item.has_expired(now) {
                continue;
            }
            visit(Seen {
                key: item.key(),
                flags: item.flags,
                cas: item.cas,
                expiry: item.expiry,
                accessed: item.used_at(),
                fetched: item.fetched,
                size: item.size(),
                shard: walk.shard + 1,
            })?;
        }
        Ok(walk.at >= self.lru.places())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Deleted, Expiry, Mode};

    const NOW: i64 = 1_700_000_000;

    fn set(store: &Store, key: &str, expiry: Expiry) {
        let draft = store.begin(key.as_bytes(), 0, expiry, 0, Mode::Set, NOW);
        store.store(draft.expect("memory"), Mode::Set, NOW);
    }

    fn seen(store: &Store, now: i64, wanted: impl Fn(usize) -> bool) -> Vec<String> {
        let mut walk = Walk::default();
        let mut keys = Vec::new();
        let mut step = |walk: &mut Walk| {
            store.walk(walk, now, &wanted, |item| {
                assert!(item.shard > 0 && item.accessed == NOW && !item.fetched);
                keys.push(String::from_utf8(item.key.to_vec()).expect("text"));
                Ok::<(), ()>(())
            })
        };
        while step(&mut walk) == Ok(true) {}
        keys.sort();
        keys
    }

    #[test]
    fn every_living_item_once() {
        let store = Store::new(64 << 20, 7);
        let keys: Vec<String> = (0..10_000).map(|n| format!("{n:05}")).collect();
        for key in &keys {
            set(&store, key, Expiry::NEVER);
        }
        set(&store, "dies", Expiry::of(10, NOW));
        set(&store, "dead", Expiry::of(-1, NOW));
        assert_eq!(store.delete(b"00007", None, NOW), Deleted::Deleted);
        let mut expected = keys;
        expected.remove(7);
        assert_eq!(seen(&store, NOW + 10, |_| true), expected);
        expected.push("dies".into());
        assert_eq!(seen(&store, NOW + 9, |_| true), expected);
        // By shards: each item is in one of them.
        let mut parts: Vec<_> = (1..=store.shards.len())
            .flat_map(|n| seen(&store, NOW, move |shard| shard == n))
            .collect();
        parts.sort();
        assert_eq!(parts, expected);
        store.flush(0, NOW + 1);
        assert_eq!(seen(&store, NOW + 1, |_| true), Vec::<String>::new());
    }

    #[test]
    fn a_visit_that_fails_ends_the_step() {
        let store = Store::new(1 << 20, 7);
        set(&store, "a", Expiry::NEVER);
        let failed = store.walk(&mut Walk::default(), NOW, |_| true, |_| Err(7));
        assert_eq!(failed, Err(7));
    }
}
