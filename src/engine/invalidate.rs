//! Items that are not simply deleted: they stay as stale ones, or without their value.

use super::expiry::Expiry;
use super::shard::{Query, Shard};
use super::store::{Deleted, Store};

/// What is to become of an item.
#[derive(Clone, Copy, Debug)]
pub struct Invalid {
    /// Only while the item has this CAS.
    pub compare: Option<u64>,
    /// It is marked, so that the next one who looks is told to make it anew; it has another CAS then, and
    /// where `expiry` is given, another end.
    pub stale: bool,
    /// Its value goes, as if an empty one had been stored: its client's flags are these then, and its
    /// end is `expiry`, or never.
    pub empty: Option<u32>,
    pub expiry: Option<Expiry>,
    /// The CAS that it gets; `None`: the store's next one where it is marked, else that which it has.
    pub own_cas: Option<u64>,
}

impl Store {
    /// Mark the item of a key, or take its value, or both.
    pub fn invalidate(&self, key: &[u8], how: &Invalid, now: i64) -> Deleted {
        self.change(key, now, |shard, query| {
            let at = match shard.condemn(query, how.compare) {
                Ok(at) => at,
                Err(why) => return why,
            };
            if let Some(flags) = how.empty {
                shard.empty(at, query, flags, how.expiry.unwrap_or(Expiry::NEVER));
            }
            if how.stale || how.own_cas.is_some() {
                shard.mark(at, self.stamp(how.own_cas));
            }
            if !how.stale {
                shard.counters.delete_hits += 1;
                return Deleted::Deleted;
            }
            let item = shard.lru.item_mut(at);
            item.expiry = how.expiry.unwrap_or(item.expiry);
            item.stale = true;
            item.promised = false;
            Deleted::Deleted
        })
    }
}

impl Shard {
    /// Take an item's value, and give the memory back.
    fn empty(&mut self, at: u32, query: &Query<'_>, flags: u32, expiry: Expiry) {
        self.lru.bump(at);
        let item = self.lru.item_mut(at);
        let before = item.size();
        item.bytes.truncate(usize::from(item.key_len));
        item.bytes.shrink_to_fit();
        item.flags = flags;
        item.expiry = expiry;
        item.renew(query.now);
        self.bytes = self.bytes + item.size() - before;
        self.counters.total_items += 1;
    }
}
