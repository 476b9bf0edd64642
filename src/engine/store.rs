//! A store: shards behind their locks, the limit that they share, and what is one for all of them.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::quality::FixedState;

use super::draft::Draft;
use super::expiry::{Expiry, Flushed};
use super::item::{ITEM_MAX, Stamp, item_size};
use super::shard::{Hit, Query, Shard};

/// A shard's share of the limit is not below this; with the most shards and the smallest limit that
/// `cache_memlimit` takes, it still holds the largest item.
const SHARE_MIN: usize = 8 << 20;
const SHARDS_MAX: usize = 8;

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Set,
    Add,
    Replace,
    /// To what is there.
    Append(Extend),
    /// As [`Mode::Append`], in front.
    Prepend(Extend),
    /// Where the item still has this CAS.
    Cas(u64),
    /// As [`Mode::Cas`]; where the item has a later one, the value is stored as a stale one, with the
    /// old item's end.
    CasOrStale(u64),
}

/// How a value is extended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extend {
    /// Where a CAS is named, only while the item still has it.
    pub compare: Option<u64>,
    /// Where there is no item, one is made.
    pub creates: bool,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// With this CAS; the item's value has so many bytes now.
    Stored {
        cas: u64,
        len: usize,
    },
    NotStored,
    Exists,
    NotFound,
    NoMemory,
}

/// What became of an item that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    Deleted,
    NotFound,
    /// It has another CAS than the one that was named.
    Exists,
}

/// Why a value is not even taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    TooLarge,
    NoMemory,
}

/// Used by any number of threads.
pub struct Store {
    /// A power of two of them.
    pub(super) shards: Box<[Mutex<Shard>]>,
    hasher: FixedState,
    limit: AtomicUsize,
    /// The bytes of all shards.
    pub(super) used: AtomicUsize,
    /// The CAS that was given last.
    cas: AtomicU64,
    flushed_until: AtomicI64,
    flushed_below_cas: AtomicU64,
    /// Values that did not end as they should; their commands count as `cmd_set` all the same.
    pub(super) spoiled: AtomicU64,
    pub(super) flushes: AtomicU64,
}

impl Store {
    /// A store of at most `limit` bytes, counted as [`item_size`] does. `seed` is what makes this
    /// store's hashes unlike any other's, so that nobody can prepare keys that collide.
    pub fn new(limit: usize, seed: u64) -> Store {
        let shards = (limit / SHARE_MIN).clamp(1, SHARDS_MAX);
        // Rounded down to a power of two.
        let shards = 1usize << shards.ilog2();
        Store {
            shards: (0..shards).map(|_| Mutex::new(Shard::new())).collect(),
            hasher: FixedState::with_seed(seed),
            limit: AtomicUsize::new(limit),
            used: AtomicUsize::new(0),
            cas: AtomicU64::new(0),
            flushed_until: AtomicI64::new(0),
            flushed_below_cas: AtomicU64::new(0),
            spoiled: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
        }
    }

    #[inline(always)]
    fn query<'k>(&self, key: &'k [u8], now: i64) -> Query<'k> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        Query {
            key,
            hash: hasher.finish(),
            now,
            flushed: self.flushed(),
        }
    }

    #[inline(always)]
    pub(super) fn flushed(&self) -> Flushed {
        Flushed {
            until: self.flushed_until.load(Relaxed),
            below_cas: self.flushed_below_cas.load(Relaxed),
        }
    }

    /// The table of a shard uses the lowest and the highest bits of a hash.
    #[inline(always)]
    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        let at = (hash >> 40) as usize & (self.shards.len() - 1);
        lock(&self.shards[at])
    }

    fn next_cas(&self) -> u64 {
        self.cas.fetch_add(1, Relaxed) + 1
    }

    /// The CAS that an item gets: that which was chosen, or the next one.
    #[inline(always)]
    pub(super) fn stamp(&self, own: Option<u64>) -> Stamp {
        Stamp {
            cas: own.unwrap_or_else(|| self.next_cas()),
            own: own.is_some(),
        }
    }

    fn share(&self) -> usize {
        self.limit.load(Relaxed) / self.shards.len()
    }

    /// A shard's bytes have changed from `before`: keep the sum, and the limit.
    #[inline(always)]
    fn settle(&self, shard: MutexGuard<'_, Shard>, before: usize, now: i64) {
        if shard.bytes != before {
            self.settle_changed(shard, before, now);
        }
    }

    fn settle_changed(&self, mut shard: MutexGuard<'_, Shard>, before: usize, now: i64) {
        if shard.bytes <= before {
            self.used.fetch_sub(before - shard.bytes, Relaxed);
            return;
        }
        let grown = shard.bytes - before;
        let used = self.used.fetch_add(grown, Relaxed) + grown;
        if used <= self.limit.load(Relaxed) {
            return;
        }
        self.shrink(&mut shard, now);
        drop(shard);
        self.keep_limit(now);
    }

    /// Where all shards together are above the limit, at least one is above its share.
    fn keep_limit(&self, now: i64) {
        for shard in &self.shards {
            if self.used.load(Relaxed) <= self.limit.load(Relaxed) {
                return;
            }
            self.shrink(&mut lock(shard), now);
        }
    }

    fn shrink(&self, shard: &mut Shard, now: i64) {
        let before = shard.bytes;
        let excess = self
            .used
            .load(Relaxed)
            .saturating_sub(self.limit.load(Relaxed));
        let target = before.saturating_sub(excess).max(self.share());
        shard.shrink(target, now, self.flushed());
        self.used.fetch_sub(before - shard.bytes, Relaxed);
    }

    /// Look at the item of a key. `hit` runs under the shard's lock.
    #[inline(always)]
    pub fn get<R>(&self, key: &[u8], now: i64, hit: impl FnOnce(Hit<'_>) -> R) -> Option<R> {
        let query = self.query(key, now);
        let mut shard = self.shard(query.hash);
        let before = shard.bytes;
        let result = shard.get(&query, hit);
        self.settle(shard, before, now);
        result
    }

    /// Give the item of a key another end, and look at it.
    pub fn touch<R>(
        &self,
        key: &[u8],
        expiry: Expiry,
        now: i64,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Option<R> {
        self.change(key, now, |shard, query| shard.touch(query, expiry, hit))
    }

    #[inline(always)]
    pub(super) fn change<R>(
        &self,
        key: &[u8],
        now: i64,
        change: impl FnOnce(&mut Shard, &Query<'_>) -> R,
    ) -> R {
        let query = self.query(key, now);
        let mut shard = self.shard(query.hash);
        let before = shard.bytes;
        let result = change(&mut shard, &query);
        self.settle(shard, before, now);
        result
    }

    /// Drop the item of a key; where a CAS is named, only while the item still has it.
    pub fn delete(&self, key: &[u8], compare: Option<u64>, now: i64) -> Deleted {
        self.change(key, now, |shard, query| shard.delete(query, compare))
    }

    /// Memory for a value of `len` bytes, to be filled and stored. Where a `set` is refused, the old
    /// value goes, so that nobody takes it for the new one.
    pub fn begin(
        &self,
        key: &[u8],
        flags: u32,
        expiry: Expiry,
        len: usize,
        mode: Mode,
        now: i64,
    ) -> Result<Draft, Refused> {
        let size = item_size(key.len(), flags, len);
        let why = if size > ITEM_MAX {
            Refused::TooLarge
        } else if size > self.share() {
            Refused::NoMemory
        } else {
            match Draft::new(key, flags, expiry, len) {
                Ok(draft) => return Ok(draft),
                Err(_) => Refused::NoMemory,
            }
        };
        self.change(key, now, |shard, query| {
            match why {
                Refused::TooLarge => shard.counters.store_too_large += 1,
                Refused::NoMemory => shard.counters.store_no_memory += 1,
            }
            if mode == Mode::Set {
                shard.forget(query);
            }
        });
        Err(why)
    }

    /// Store a value that has come whole.
    pub fn store(&self, draft: Draft, mode: Mode, now: i64) -> Stored {
        let query = self.query(draft.key(), now);
        let hash = query.hash;
        let mut shard = self.shard(hash);
        let before = shard.bytes;
        let found = shard.find(&query);
        let own = draft.own_cas();
        let item = draft.into_item(hash, now);
        let stored = shard.store(found, mode, item, || self.stamp(own));
        self.settle(shard, before, now);
        stored
    }

    /// A value came that did not end as it should.
    pub fn spoil(&self, draft: Draft) {
        drop(draft);
        self.spoiled.fetch_add(1, Relaxed);
    }

    /// Make everything dead: at once where `number` is 0 or below it, else when its moment comes,
    /// counting what is stored until then. A moment that has passed covers nothing.
    pub fn flush(&self, number: impl Into<i64>, now: i64) {
        let number = number.into();
        self.flushes.fetch_add(1, Relaxed);
        let until = match Expiry::of(number, now).moment() {
            Some(moment) if number > 0 => moment - 1,
            _ => now - 1,
        };
        let until = if until + 1 < now && number > 0 {
            0
        } else {
            until
        };
        self.flushed_until.store(until, Relaxed);
        if until <= now {
            self.flushed_below_cas.store(self.next_cas(), Relaxed);
            if until != 0 {
                self.drop_chosen();
            }
        }
    }

    /// Items whose CAS does not tell that they are older than a flush go with it.
    fn drop_chosen(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            if shard.has_chosen {
                let before = shard.bytes;
                shard.drop_chosen();
                self.used.fetch_sub(before - shard.bytes, Relaxed);
            }
        }
    }

    /// Drop everything at once. Counters stay.
    pub fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let before = shard.bytes;
            shard.clear();
            self.used.fetch_sub(before, Relaxed);
        }
    }

    pub fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// Change the limit; what is above the new one is evicted before this returns.
    pub fn set_limit(&self, limit: usize, now: i64) {
        self.limit.store(limit, Relaxed);
        self.keep_limit(now);
    }

    /// How many bytes all items count.
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }
}

/// A thread that panicked inside has left nothing half done that matters more than going on.
#[inline(always)]
pub(super) fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
