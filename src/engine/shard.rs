//! One part of a store: what its lock guards.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::counters::{Counters, ShardReport};
use super::expiry::{Expiry, Flushed};
use super::item::{ITEM_MAX, Item, item_size};
use super::lru::Lru;
use super::numeric::{self, Arithmetic};
use super::store::{Mode, Stored};
use crate::buffer::NoMemory;

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
    table: HashTable<u32>,
    lru: Lru,
    /// The sizes of all items.
    pub bytes: usize,
    pub counters: Counters,
}

impl Shard {
    pub fn new() -> Shard {
        Shard {
            table: HashTable::new(),
            lru: Lru::new(),
            bytes: 0,
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

    fn remove(&mut self, at: u32) -> Item {
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
        Some(self.visit(at, hit))
    }

    #[inline(always)]
    fn visit<R>(&mut self, at: u32, hit: impl FnOnce(Hit<'_>) -> R) -> R {
        self.lru.bump(at);
        let item = self.lru.item_mut(at);
        item.fetched = true;
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
        Some(self.visit(at, hit))
    }

    pub fn delete(&mut self, query: &Query<'_>) -> bool {
        let Some(at) = self.find(query) else {
            self.counters.delete_misses += 1;
            return false;
        };
        self.counters.delete_hits += 1;
        self.remove(at);
        true
    }

    /// Drop an item whose new value could not be taken.
    pub fn forget(&mut self, query: &Query<'_>) {
        if let Some(at) = self.find(query) {
            self.remove(at);
        }
    }

    /// Store what belongs to a key whose item, if it has one, was found.
    pub fn store(
        &mut self,
        found: Option<u32>,
        mode: Mode,
        item: Item,
        next_cas: impl FnOnce() -> u64,
    ) -> Stored {
        self.counters.cmd_set += 1;
        match (mode, found) {
            (Mode::Add, Some(at)) => {
                self.lru.bump(at);
                return Stored::NotStored;
            }
            (Mode::Replace | Mode::Append | Mode::Prepend, None) => return Stored::NotStored,
            (Mode::Append | Mode::Prepend, Some(at)) => {
                let front = mode == Mode::Prepend;
                return self.extend(at, front, &item, next_cas);
            }
            (Mode::Cas(_), None) => {
                self.counters.cas_misses += 1;
                return Stored::NotFound;
            }
            (Mode::Cas(cas), Some(at)) if self.lru.item(at).cas != cas => {
                self.counters.cas_badval += 1;
                return Stored::Exists;
            }
            (Mode::Cas(_), Some(_)) => self.counters.cas_hits += 1,
            (Mode::Set | Mode::Add, None) | (Mode::Set | Mode::Replace, Some(_)) => {}
        }
        match self.put(found, item, next_cas) {
            Ok(()) => Stored::Stored,
            Err(_) => {
                self.counters.store_no_memory += 1;
                Stored::NoMemory
            }
        }
    }

    /// Put an item in, in the place of an old one where there is one.
    fn put(
        &mut self,
        found: Option<u32>,
        mut item: Item,
        next_cas: impl FnOnce() -> u64,
    ) -> Result<(), NoMemory> {
        let size = item.size();
        if let Some(at) = found {
            item.cas = next_cas();
            self.lru.bump(at);
            let old = std::mem::replace(self.lru.item_mut(at), item);
            self.bytes -= old.size();
        } else {
            self.lru.reserve()?;
            let lru = &self.lru;
            let no_memory = |_| NoMemory(self.lru.len() * size_of::<u32>());
            self.table
                .try_reserve(1, |at| lru.item(*at).hash)
                .map_err(no_memory)?;
            item.cas = next_cas();
            let hash = item.hash;
            let at = self.lru.push(item);
            let lru = &self.lru;
            let place = self.table.entry(hash, |_| false, |at| lru.item(*at).hash);
            if let Entry::Vacant(place) = place {
                place.insert(at);
            }
        }
        self.bytes += size;
        self.counters.total_items += 1;
        Ok(())
    }

    /// Append to a value, or prepend. Flags and end of the item stay.
    fn extend(
        &mut self,
        at: u32,
        front: bool,
        more: &Item,
        next_cas: impl FnOnce() -> u64,
    ) -> Stored {
        let (now, more) = (more.stored, more.value());
        let item = self.lru.item_mut(at);
        let (old, key) = (item.size(), usize::from(item.key_len));
        let len = item.value().len() + more.len();
        let fits = item_size(key, item.flags, len) <= ITEM_MAX;
        if !fits || item.bytes.try_reserve_exact(more.len()).is_err() {
            return Stored::NotStored;
        }
        item.bytes.extend_from_slice(more);
        if front {
            item.value_mut().rotate_right(more.len());
        }
        item.cas = next_cas();
        item.stored = now;
        item.fetched = false;
        self.bytes += item.size() - old;
        self.counters.total_items += 1;
        self.lru.bump(at);
        Stored::Stored
    }

    pub fn arithmetic(
        &mut self,
        query: &Query<'_>,
        up: bool,
        delta: u64,
        next_cas: impl FnOnce() -> u64,
    ) -> Arithmetic {
        let Some(at) = self.find(query) else {
            let Counters {
                incr_misses,
                decr_misses,
                ..
            } = &mut self.counters;
            *(if up { incr_misses } else { decr_misses }) += 1;
            return Arithmetic::NotFound;
        };
        self.lru.bump(at);
        let item = self.lru.item_mut(at);
        let Some(number) = numeric::parse(item.value()) else {
            return Arithmetic::NonNumeric;
        };
        let number = if up {
            self.counters.incr_hits += 1;
            number.wrapping_add(delta)
        } else {
            self.counters.decr_hits += 1;
            number.saturating_sub(delta)
        };
        let mut text = itoa::Buffer::new();
        let text = text.format(number).as_bytes();
        if self.overwrite(at, text, query.now).is_err() {
            return Arithmetic::NoMemory;
        }
        self.lru.item_mut(at).cas = next_cas();
        Arithmetic::Done(number)
    }

    /// A shorter text is followed by spaces: the item keeps its length. A longer one makes a new item.
    fn overwrite(&mut self, at: u32, text: &[u8], now: i64) -> Result<(), NoMemory> {
        let item = self.lru.item_mut(at);
        if let Some((head, tail)) = item.value_mut().split_at_mut_checked(text.len()) {
            head.copy_from_slice(text);
            tail.fill(b' ');
            return Ok(());
        }
        let (old, key) = (item.size(), usize::from(item.key_len));
        let more = text.len() - item.value().len();
        item.bytes
            .try_reserve_exact(more)
            .map_err(|_| NoMemory(more))?;
        item.bytes.truncate(key);
        item.bytes.extend_from_slice(text);
        item.stored = now;
        item.fetched = false;
        self.bytes += item.size() - old;
        self.counters.total_items += 1;
        Ok(())
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

    /// Drop everything, and give the memory back.
    pub fn clear(&mut self) {
        self.table = HashTable::new();
        self.lru = Lru::new();
        self.bytes = 0;
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
