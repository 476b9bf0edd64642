//! How a shard's items are written: stored, extended, counted up and down.

use hashbrown::hash_table::Entry;

use super::draft::Draft;
use super::expiry::Expiry;
use super::item::{ITEM_MAX, Item, Stamp, item_size};
use super::numeric::{self, Count, Uncounted};
use super::shard::{Query, Shard};
use super::store::{Mode, Stored};
use crate::buffer::NoMemory;

/// What was counted.
pub(super) struct Counted {
    pub number: u64,
    pub at: u32,
    /// There was no item, and one was made.
    pub is_new: bool,
}

impl Shard {
    /// Store what belongs to a key whose item, if it has one, was found.
    pub fn store(
        &mut self,
        found: Option<u32>,
        mode: Mode,
        mut item: Item,
        stamp: impl FnOnce() -> Stamp,
    ) -> Stored {
        self.counters.cmd_set += 1;
        match (mode, found) {
            (Mode::Add, Some(at)) => {
                self.lru.bump(at);
                self.lru.item_mut(at).use_at(item.stored);
                return Stored::NotStored;
            }
            (Mode::Append(extend) | Mode::Prepend(extend), None) if extend.creates => {}
            (Mode::Replace | Mode::Append(_) | Mode::Prepend(_), None) => return Stored::NotStored,
            (Mode::Append(extend) | Mode::Prepend(extend), Some(at)) => {
                let front = matches!(mode, Mode::Prepend(_));
                let compare = extend.compare;
                if compare.is_some_and(|cas| cas != self.lru.item(at).cas) {
                    return Stored::Exists;
                }
                return self.extend(at, front, &item, stamp);
            }
            (Mode::Cas(_) | Mode::CasOrStale(_), None) => {
                self.counters.cas_misses += 1;
                return Stored::NotFound;
            }
            (Mode::Cas(cas) | Mode::CasOrStale(cas), Some(at)) => {
                let old = self.lru.item(at);
                let or_stale = matches!(mode, Mode::CasOrStale(_));
                if old.cas == cas {
                    self.counters.cas_hits += 1;
                } else if or_stale && (1..old.cas).contains(&cas) {
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
        let len = item.value().len();
        match self.put(found, item, stamp) {
            Ok((_, cas)) => Stored::Stored { cas, len },
            Err(_) => {
                self.counters.store_no_memory += 1;
                Stored::NoMemory
            }
        }
    }

    /// Put an item in, in the place of an old one where there is one; returns where it is, and its CAS.
    fn put(
        &mut self,
        found: Option<u32>,
        mut item: Item,
        stamp: impl FnOnce() -> Stamp,
    ) -> Result<(u32, u64), NoMemory> {
        let size = item.size();
        let stamp = stamp();
        item.stamp(stamp);
        self.has_chosen |= stamp.own;
        let at = if let Some(at) = found {
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
        Ok((at, stamp.cas))
    }

    /// Append to a value, or prepend. Flags and end of the item stay.
    fn extend(
        &mut self,
        at: u32,
        front: bool,
        more: &Item,
        stamp: impl FnOnce() -> Stamp,
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
        let stamp = stamp();
        item.stamp(stamp);
        item.renew(now);
        self.bytes += item.size() - old;
        self.counters.total_items += 1;
        self.has_chosen |= stamp.own;
        self.lru.bump(at);
        Stored::Stored {
            cas: stamp.cas,
            len,
        }
    }

    pub(super) fn count(
        &mut self,
        query: &Query<'_>,
        count: &Count,
        stamp: impl FnOnce() -> Stamp,
    ) -> Result<Counted, Uncounted> {
        let Some(at) = self.find(query) else {
            return self.begin_count(query, count, stamp);
        };
        let number = self.count_on(at, query.now, count, stamp)?;
        Ok(Counted {
            number,
            at,
            is_new: false,
        })
    }

    /// There is no item: make one, where that is asked for.
    fn begin_count(
        &mut self,
        query: &Query<'_>,
        count: &Count,
        stamp: impl FnOnce() -> Stamp,
    ) -> Result<Counted, Uncounted> {
        let Some((number, expiry)) = count.initial else {
            let misses = match count.up {
                true => &mut self.counters.incr_misses,
                false => &mut self.counters.decr_misses,
            };
            *misses += 1;
            return Err(Uncounted::NotFound);
        };
        let mut text = itoa::Buffer::new();
        let text = text.format(number).as_bytes();
        let at = self
            .create(query, expiry, text, stamp)
            .map_err(|_| Uncounted::NoMemory)?;
        Ok(Counted {
            number,
            at,
            is_new: true,
        })
    }

    /// Put in an item for a key that has none.
    pub(super) fn create(
        &mut self,
        query: &Query<'_>,
        expiry: Expiry,
        value: &[u8],
        stamp: impl FnOnce() -> Stamp,
    ) -> Result<u32, NoMemory> {
        let mut draft = Draft::new(query.key, 0, expiry, value.len())?;
        draft.put(value);
        let item = draft.into_item(query.hash, query.now);
        self.put(None, item, stamp).map(|(at, _)| at)
    }

    fn count_on(
        &mut self,
        at: u32,
        now: i64,
        count: &Count,
        stamp: impl FnOnce() -> Stamp,
    ) -> Result<u64, Uncounted> {
        self.lru.bump(at);
        let item = self.lru.item_mut(at);
        // memcached looks at the CAS of values that have bytes, before it reads these as a number.
        let has_other_cas = count.compare.is_some_and(|cas| cas != item.cas);
        if has_other_cas && !item.value().is_empty() {
            return Err(Uncounted::Exists);
        }
        let number = numeric::parse(item.value()).ok_or(Uncounted::NonNumeric)?;
        let number = if count.up {
            self.counters.incr_hits += 1;
            number.wrapping_add(count.delta)
        } else {
            self.counters.decr_hits += 1;
            number.saturating_sub(count.delta)
        };
        let mut text = itoa::Buffer::new();
        let text = text.format(number).as_bytes();
        self.overwrite(at, text, now)
            .map_err(|_| Uncounted::NoMemory)?;
        self.mark(at, stamp());
        Ok(number)
    }

    /// Give an item another CAS.
    pub(super) fn mark(&mut self, at: u32, stamp: Stamp) {
        self.lru.item_mut(at).stamp(stamp);
        self.has_chosen |= stamp.own;
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
