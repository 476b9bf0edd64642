//! One part of a store: what its lock guards.

use hashbrown::HashTable;

use super::counters::{Counters, ShardReport};
use super::expiry::{Expiry, Flushed};
use super::item::Item;
use super::lru::Lru;
use super::store::Deleted;

/// What an item is, while its shard is locked.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    pub flags: u32,
    pub cas: u64,
    pub value: &'a [u8],
}

/// What is looked for, and when.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub key: &'a [u8],
    pub hash: u64,
    pub now: i64,
    pub flushed: Flushed,
}

pub(super) struct Shard {
    pub(super) table: HashTable<u32>,
    pub(super) lru: Lru,
    /// The sizes of all items.
    pub bytes: usize,
    /// There may be items whose CAS was chosen by somebody.
    pub has_chosen: bool,
    pub counters: Counters,
}

impl Shard {
    pub fn new() -> Shard {
        Shard {
            table: HashTable::new(),
            lru: Lru::new(),
            bytes: 0,
            has_chosen: false,
            counters: Counters::default(),
        }
    }

    /// The living item of a key; a dead one is dropped.
    #[inline(always)]
    pub fn find(&mut self, query: &Query<'_>) -> Option<u32> {
        let lru = &self.lru;
        let found = self.table.find(query.hash, |at| {
            let item = lru.item(*at);
            item.key() == query.key
        });
        let at = *found?;
        let item = self.lru.item(at);
        if item.expiry == Expiry::NEVER && query.flushed.until == 0 {
            return Some(at);
        }
        self.if_alive(at, query)
    }

    #[inline(never)]
    fn if_alive(&mut self, at: u32, query: &Query<'_>) -> Option<u32> {
        let item = self.lru.item(at);
        if item.is_flushed(query.flushed, query.now) {
            self.counters.get_flushed += 1;
        } else if item.has_expired(query.now) {
            self.counters.get_expired += 1;
        } else {
            return Some(at);
        }
        self.drop_dead(at);
        None
    }

    fn drop_dead(&mut self, at: u32) {
        let fetched = self.remove(at).fetched;
        self.counters.expired_unfetched += u64::from(!fetched);
    }

    pub(super) fn remove(&mut self, at: u32) -> Item {
        let item = self.lru.remove(at);
        if let Ok(entry) = self.table.find_entry(item.hash, |other| *other == at) {
            entry.remove();
        }
        self.bytes -= item.size();
        item
    }

    #[inline(always)]
    pub fn get<R>(&mut self, query: &Query<'_>, hit: impl FnOnce(Hit<'_>) -> R) -> Option<R> {
        let Some(at) = self.find(query) else {
            self.counters.get_misses += 1;
            return None;
        };
        self.counters.get_hits += 1;
        Some(self.visit(at, query.now, hit))
    }

    #[inline(always)]
    fn visit<R>(&mut self, at: u32, now: i64, hit: impl FnOnce(Hit<'_>) -> R) -> R {
        self.lru.bump(at);
        let item = self.lru.item_mut(at);
        item.fetch_at(now);
        hit(Hit {
            flags: item.flags,
            cas: item.cas,
            value: item.value(),
        })
    }

    /// Give the item another end, and look at it.
    pub fn touch<R>(
        &mut self,
        query: &Query<'_>,
        expiry: Expiry,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Option<R> {
        let Some(at) = self.find(query) else {
            self.counters.touch_misses += 1;
            return None;
        };
        self.counters.touch_hits += 1;
        self.lru.item_mut(at).expiry = expiry;
        Some(self.visit(at, query.now, hit))
    }

    /// The item that is to go; where a CAS is named, only if it has that.
    pub(super) fn condemn(
        &mut self,
        query: &Query<'_>,
        compare: Option<u64>,
    ) -> Result<u32, Deleted> {
        let Some(at) = self.find(query) else {
            self.counters.delete_misses += 1;
            return Err(Deleted::NotFound);
        };
        if compare.is_some_and(|cas| cas != self.lru.item(at).cas) {
            return Err(Deleted::Exists);
        }
        Ok(at)
    }

    pub fn delete(&mut self, query: &Query<'_>, compare: Option<u64>) -> Deleted {
        match self.condemn(query, compare) {
            Ok(at) => {
                self.counters.delete_hits += 1;
                self.remove(at);
                Deleted::Deleted
            }
            Err(why) => why,
        }
    }

    /// Drop an item whose new value could not be taken.
    pub fn forget(&mut self, query: &Query<'_>) {
        if let Some(at) = self.find(query) {
            self.remove(at);
        }
    }

    /// Drop what was used longest ago until no more than `share` bytes are left.
    pub fn shrink(&mut self, share: usize, now: i64, flushed: Flushed) {
        while self.bytes > share {
            let Some(at) = self.lru.oldest() else { return };
            let item = self.lru.item(at);
            if item.is_flushed(flushed, now) || item.has_expired(now) {
                self.counters.reclaimed += 1;
                self.drop_dead(at);
            } else {
                self.counters.evictions += 1;
                self.counters.evicted_unfetched += u64::from(!item.fetched);
                self.remove(at);
            }
        }
    }

    /// Drop what is dead.
    pub fn sweep(&mut self, now: i64, flushed: Flushed) {
        let mut next = self.lru.oldest();
        while let Some(at) = next {
            next = self.lru.newer(at);
            let item = self.lru.item(at);
            if item.is_flushed(flushed, now) || item.has_expired(now) {
                self.drop_dead(at);
            }
        }
    }

    /// Drop what has a CAS that somebody chose.
    pub fn drop_chosen(&mut self) {
        let mut next = self.lru.oldest();
        while let Some(at) = next {
            next = self.lru.newer(at);
            if self.lru.item(at).own_cas {
                self.drop_dead(at);
            }
        }
        self.has_chosen = false;
    }

    /// Drop everything, and give the memory back.
    pub fn clear(&mut self) {
        self.table = HashTable::new();
        self.lru = Lru::new();
        self.bytes = 0;
        self.has_chosen = false;
    }

    pub fn report(&self, now: i64) -> ShardReport {
        let stored = self.lru.oldest().map(|at| self.lru.item(at).stored);
        ShardReport {
            counters: self.counters,
            items: self.lru.len() as u64,
            bytes: self.bytes as u64,
            age: stored.map_or(0, |stored| u64::try_from(now - stored).unwrap_or(0)),
        }
    }

    /// The size of every item.
    pub fn sizes(&self, mut visit: impl FnMut(usize)) {
        let mut next = self.lru.oldest();
        while let Some(at) = next {
            visit(self.lru.item(at).size());
            next = self.lru.newer(at);
        }
    }
}
