//! How a shard's items are written: stored, extended, counted up and down.

use hashbrown::hash_table::Entry;

use super::counters::Counters;
use super::draft::Draft;
use super::expiry::Expiry;
use super::item::{ITEM_MAX, Item, item_size};
use super::numeric::{self, Arithmetic, Count};
use super::shard::{Query, Shard};
use super::store::{Mode, Stored, Terms};
use crate::buffer::NoMemory;

impl Shard {
    /// Store what belongs to a key whose item, if it has one, was found.
    pub fn store(
        &mut self,
        found: Option<u32>,
        mode: Mode,
        terms: Terms,
        mut item: Item,
        next_cas: impl FnOnce() -> u64,
    ) -> Stored {
        self.counters.cmd_set += 1;
        match (mode, found) {
            (Mode::Add, Some(at)) => {
                self.lru.bump(at);
                self.lru.item_mut(at).use_at(item.stored);
                return Stored::NotStored;
            }
            (Mode::Replace | Mode::Append | Mode::Prepend, None) => return Stored::NotStored,
            (Mode::Append | Mode::Prepend, Some(at)) => {
                let front = mode == Mode::Prepend;
                if terms.cas.is_some_and(|cas| cas != self.lru.item(at).cas) {
                    return Stored::Exists;
                }
                return self.extend(at, front, &item, next_cas);
            }
            (Mode::Cas(_), None) => {
                self.counters.cas_misses += 1;
                return Stored::NotFound;
            }
            (Mode::Cas(cas), Some(at)) => {
                let old = self.lru.item(at);
                if old.cas == cas {
                    self.counters.cas_hits += 1;
                } else if terms.or_stale && (1..old.cas).contains(&cas) {
                    item.expiry = old.expiry;
                    item.stale = true;
                    item.promised = old.promised;
                } else {
                    self.counters.cas_badval += 1;
                    return Stored::Exists;
                }
            }
            (Mode::Set | Mode::Add, None) | (Mode::Set | Mode::Replace, Some(_)) => {}
        }
        match self.put(found, item, next_cas) {
            Ok(_) => Stored::Stored,
            Err(_) => {
                self.counters.store_no_memory += 1;
                Stored::NoMemory
            }
        }
    }

    /// Put an item in, in the place of an old one where there is one; returns where it is.
    fn put(
        &mut self,
        found: Option<u32>,
        mut item: Item,
        next_cas: impl FnOnce() -> u64,
    ) -> Result<u32, NoMemory> {
        let size = item.size();
        let at = if let Some(at) = found {
            item.cas = next_cas();
            self.lru.bump(at);
            let old = std::mem::replace(self.lru.item_mut(at), item);
            self.bytes -= old.size();
            at
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
            at
        };
        self.bytes += size;
        self.counters.total_items += 1;
        Ok(at)
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
        item.renew(now);
        self.bytes += item.size() - old;
        self.counters.total_items += 1;
        self.lru.bump(at);
        Stored::Stored
    }

    /// Count up or down; returns where the item is, too, where there is one now.
    pub fn count(
        &mut self,
        query: &Query<'_>,
        count: &Count,
        next_cas: impl FnOnce() -> u64,
    ) -> (Arithmetic, Option<u32>) {
        let Some(at) = self.find(query) else {
            return match count.create {
                Some(initial) => self.begin_count(query, initial, next_cas),
                None => (self.nothing_to_count(count.up), None),
            };
        };
        (self.count_on(at, query.now, count, next_cas), Some(at))
    }

    fn nothing_to_count(&mut self, up: bool) -> Arithmetic {
        let Counters {
            incr_misses,
            decr_misses,
            ..
        } = &mut self.counters;
        *(if up { incr_misses } else { decr_misses }) += 1;
        Arithmetic::NotFound
    }

    /// There is no item: make one.
    fn begin_count(
        &mut self,
        query: &Query<'_>,
        initial: u64,
        next_cas: impl FnOnce() -> u64,
    ) -> (Arithmetic, Option<u32>) {
        let mut text = itoa::Buffer::new();
        match self.create(query, text.format(initial).as_bytes(), next_cas) {
            Ok(at) => (Arithmetic::Begun(initial), Some(at)),
            Err(_) => (Arithmetic::NoMemory, None),
        }
    }

    /// Put in an item without an end, for a key that has none.
    pub(super) fn create(
        &mut self,
        query: &Query<'_>,
        value: &[u8],
        next_cas: impl FnOnce() -> u64,
    ) -> Result<u32, NoMemory> {
        let mut draft = Draft::new(query.key, 0, Expiry::NEVER, value.len())?;
        draft.put(value);
        self.put(None, draft.into_item(query.hash, query.now), next_cas)
    }

    fn count_on(
        &mut self,
        at: u32,
        now: i64,
        count: &Count,
        next_cas: impl FnOnce() -> u64,
    ) -> Arithmetic {
        self.lru.bump(at);
        let item = self.lru.item_mut(at);
        let other_cas = count.cas.is_some_and(|cas| cas != item.cas);
        let number = match numeric::parse(item.value()) {
            // An empty value is seen to be no number before anything else is.
            _ if other_cas && !item.value().is_empty() => return Arithmetic::Exists,
            Some(number) => number,
            None => return Arithmetic::NonNumeric,
        };
        let number = if count.up {
            self.counters.incr_hits += 1;
            number.wrapping_add(count.delta)
        } else {
            self.counters.decr_hits += 1;
            number.saturating_sub(count.delta)
        };
        let mut text = itoa::Buffer::new();
        let text = text.format(number).as_bytes();
        if self.overwrite(at, text, now).is_err() {
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
            item.use_at(now);
            return Ok(());
        }
        let (old, key) = (item.size(), usize::from(item.key_len));
        let more = text.len() - item.value().len();
        item.bytes
            .try_reserve_exact(more)
            .map_err(|_| NoMemory(more))?;
        item.bytes.truncate(key);
        item.bytes.extend_from_slice(text);
        item.renew(now);
        self.bytes += item.size() - old;
        self.counters.total_items += 1;
        Ok(())
    }
}
