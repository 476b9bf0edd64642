//! How a shard's items are written: stored, extended, counted up and down.

use hashbrown::hash_table::Entry;

use super::counters::Counters;
use super::item::{ITEM_MAX, Item, item_size};
use super::numeric::{self, Arithmetic};
use super::shard::{Query, Shard};
use super::store::{Mode, Stored};
use crate::buffer::NoMemory;

impl Shard {
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
        item.accessed = now;
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
        item.accessed = now;
        item.fetched = false;
        self.bytes += item.size() - old;
        self.counters.total_items += 1;
        Ok(())
    }
}
