//! How a shard's items are written: stored, extended, counted up and down.

use hashbrown::hash_table::Entry;

use super::counters::Counters;
use super::draft::Draft;
use super::expiry::Expiry;
use super::item::{ITEM_MAX, Item, item_size};
use super::numeric::{self, Arithmetic, Count};
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
            (Mode::Replace | Mode::Append(_) | Mode::Prepend(_), None) => return Stored::NotStored,
            (Mode::Append(compare) | Mode::Prepend(compare), Some(at)) => {
                if compare.is_some_and(|cas| cas != self.lru.item(at).cas) {
                    return Stored::Exists;
                }
                let front = matches!(mode, Mode::Prepend(_));
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
            Ok(cas) => Stored::Stored(cas),
            Err(_) => {
                self.counters.store_no_memory += 1;
                Stored::NoMemory
            }
        }
    }

    /// Put an item in, in the place of an old one where there is one. Returns its CAS.
    fn put(
        &mut self,
        found: Option<u32>,
        mut item: Item,
        next_cas: impl FnOnce() -> u64,
    ) -> Result<u64, NoMemory> {
        let size = item.size();
        let cas;
        if let Some(at) = found {
            cas = next_cas();
            item.cas = cas;
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
            cas = next_cas();
            item.cas = cas;
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
        Ok(cas)
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
        let cas = next_cas();
        item.cas = cas;
        item.stored = now;
        item.accessed = now;
        item.fetched = false;
        self.bytes += item.size() - old;
        self.counters.total_items += 1;
        self.lru.bump(at);
        Stored::Stored(cas)
    }

    pub fn arithmetic(
        &mut self,
        query: &Query<'_>,
        count: &Count,
        next_cas: impl FnOnce() -> u64,
    ) -> Arithmetic {
        let Count { up, delta, .. } = *count;
        let Some(at) = self.find(query) else {
            if let Some((number, expiry)) = count.initial {
                return self.begin_count(query, number, expiry, next_cas);
            }
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
        // memcached looks at the CAS of values that have bytes, before it reads these as a number.
        let has_other_cas = count.compare.is_some_and(|cas| cas != item.cas);
        if has_other_cas && !item.value().is_empty() {
            return Arithmetic::Exists;
        }
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
        let cas = next_cas();
        self.lru.item_mut(at).cas = cas;
        Arithmetic::Done(number, cas)
    }

    /// Counting begins with a new item.
    fn begin_count(
        &mut self,
        query: &Query<'_>,
        number: u64,
        expiry: Expiry,
        next_cas: impl FnOnce() -> u64,
    ) -> Arithmetic {
        let mut text = itoa::Buffer::new();
        let text = text.format(number).as_bytes();
        let Ok(mut draft) = Draft::new(query.key, 0, expiry, text.len()) else {
            return Arithmetic::NoMemory;
        };
        draft.put(text);
        match self.put(None, draft.into_item(query.hash, query.now), next_cas) {
            Ok(cas) => Arithmetic::Done(number, cas),
            Err(_) => Arithmetic::NoMemory,
        }
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
