//! Looking at items closely: what is known of them beside the value, and what is marked on them.

use super::expiry::Expiry;
use super::item::Item;
use super::numeric::{Count, Uncounted};
use super::shard::Shard;
use super::store::Store;
use crate::buffer::NoMemory;

/// How an item is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Where there is none, make an empty one.
    pub create: bool,
    /// The CAS that this gets; `None`: the store's next one.
    pub own_cas: Option<u64>,
    /// It counts as a use of the item.
    pub is_use: bool,
    /// It is counted as a touch.
    pub is_touch: bool,
}

/// An item under its shard's lock, as it is before this use of it.
pub struct Found<'a> {
    item: &'a mut Item,
    now: i64,
    /// It was made just now.
    pub is_new: bool,
}

impl Found<'_> {
    pub fn key(&self) -> &[u8] {
        self.item.key()
    }

    /// Its key was said in base64 when it was stored.
    pub fn has_encoded_key(&self) -> bool {
        self.item.encoded_key
    }

    pub fn value(&self) -> &[u8] {
        self.item.value()
    }

    pub fn flags(&self) -> u32 {
        self.item.flags
    }

    pub fn cas(&self) -> u64 {
        self.item.cas
    }

    /// Bytes, as [`super::item_size`] counts them.
    pub fn size(&self) -> usize {
        self.item.size()
    }

    /// Seconds until it expires; `None` never.
    pub fn ttl(&self) -> Option<i64> {
        let moment = self.item.expiry.moment()?;
        Some((moment - self.now).max(0))
    }

    pub fn ends_before(&self, end: Expiry) -> bool {
        self.item.expiry.is_before(end)
    }

    pub fn set_expiry(&mut self, expiry: Expiry) {
        self.item.expiry = expiry;
    }

    /// Seconds since it was used, or stored.
    pub fn idle(&self) -> i64 {
        (self.now - self.item.used_at()).max(0)
    }

    /// Somebody has asked for it before.
    pub fn was_fetched(&self) -> bool {
        self.item.fetched
    }

    pub fn is_stale(&self) -> bool {
        self.item.stale
    }

    /// Somebody was told to make its value anew.
    pub fn is_promised(&self) -> bool {
        self.item.promised
    }

    pub fn promise(&mut self) {
        self.item.promised = true;
    }
}

impl Store {
    /// Look at the item of a key; `None` where there is none.
    pub fn look<R>(
        &self,
        key: &[u8],
        look: Look,
        now: i64,
        act: impl FnOnce(&mut Found<'_>) -> R,
    ) -> Result<Option<R>, NoMemory> {
        self.change(key, now, |shard, query| {
            let found = shard.find(query);
            let (at, is_new) = match found {
                Some(at) => (at, false),
                None if look.create => (
                    shard.create(query, Expiry::NEVER, b"", || self.stamp(look.own_cas))?,
                    true,
                ),
                None => {
                    shard.counters.get_misses += 1;
                    return Ok(None);
                }
            };
            match look.is_touch {
                true => shard.counters.touch_hits += 1,
                false => shard.counters.get_hits += 1,
            }
            let result = act(&mut shard.found(at, query.now, is_new));
            if look.is_use {
                shard.lru.bump(at);
                shard.lru.item_mut(at).fetch_at(query.now);
            }
            Ok(Some(result))
        })
    }

    /// Look at the item of a key as nobody does who uses it.
    pub fn inspect<R>(
        &self,
        key: &[u8],
        now: i64,
        act: impl FnOnce(&mut Found<'_>) -> R,
    ) -> Option<R> {
        self.change(key, now, |shard, query| {
            let at = shard.find(query)?;
            Some(act(&mut shard.found(at, query.now, false)))
        })
    }

    /// Add to a number, or take from it: above 2^64 it wraps, below 0 it stays 0. `act` looks at the
    /// number and its item.
    pub fn count<R>(
        &self,
        key: &[u8],
        count: &Count,
        now: i64,
        act: impl FnOnce(u64, &mut Found<'_>) -> R,
    ) -> Result<R, Uncounted> {
        self.change(key, now, |shard, query| {
            let counted = shard.count(query, count, || self.stamp(count.own_cas))?;
            let mut found = shard.found(counted.at, query.now, counted.is_new);
            Ok(act(counted.number, &mut found))
        })
    }

    /// An item stayed because it has another CAS. The meta protocol counts that as a delete of
    /// nothing, the binary one does not.
    pub fn count_delete_miss(&self, key: &[u8], now: i64) {
        self.change(key, now, |shard, _| shard.counters.delete_misses += 1);
    }
}

impl Shard {
    fn found(&mut self, at: u32, now: i64, is_new: bool) -> Found<'_> {
        Found {
            item: self.lru.item_mut(at),
            now,
            is_new,
        }
    }
}
