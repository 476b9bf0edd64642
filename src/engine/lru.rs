//! Items in the order in which they were used: a doubly linked list whose links are indices into a
//! vector, so that every step takes the same time whatever the number of items.

use super::item::Item;
use crate::buffer::NoMemory;

/// No item.
const NONE: u32 = u32::MAX;

pub(super) struct Entry {
    /// Towards the one used last.
    newer: u32,
    /// Towards the one used longest ago; of a free entry, the next free one.
    older: u32,
    pub item: Item,
}

pub(super) struct Lru {
    entries: Vec<Entry>,
    newest: u32,
    oldest: u32,
    free: u32,
    len: usize,
}

impl Lru {
    pub const fn new() -> Lru {
        Lru {
            entries: Vec::new(),
            newest: NONE,
            oldest: NONE,
            free: NONE,
            len: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    pub fn item(&self, at: u32) -> &Item {
        &self.entries[at as usize].item
    }

    #[inline(always)]
    pub fn item_mut(&mut self, at: u32) -> &mut Item {
        &mut self.entries[at as usize].item
    }

    /// The one used longest ago.
    pub fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// The next one in the order of use, from the oldest on.
    pub fn newer(&self, at: u32) -> Option<u32> {
        let newer = self.entries[at as usize].newer;
        (newer != NONE).then_some(newer)
    }

    /// How many places there are for items, taken and free.
    pub fn places(&self) -> usize {
        self.entries.len()
    }

    /// The item at a place, where there is one: a key is never empty. It keeps its place for life.
    pub fn at_place(&self, at: usize) -> Option<&Item> {
        let item = &self.entries.get(at)?.item;
        (item.key_len > 0).then_some(item)
    }

    /// Make room for one more, so that [`Lru::push`] cannot fail.
    pub fn reserve(&mut self) -> Result<(), NoMemory> {
        if self.free != NONE || self.entries.len() < self.entries.capacity() {
            return Ok(());
        }
        if self.entries.len() >= NONE as usize - 1 {
            return Err(NoMemory(self.entries.len()));
        }
        let bytes = self.entries.len().max(4) * size_of::<Entry>();
        self.entries.try_reserve(1).map_err(|_| NoMemory(bytes))
    }

    /// Put an item in as the one used last; [`Lru::reserve`] has made the room.
    pub fn push(&mut self, item: Item) -> u32 {
        self.len += 1;
        let at = if self.free == NONE {
            self.entries.push(Entry {
                newer: NONE,
                older: NONE,
                item,
            });
            (self.entries.len() - 1) as u32
        } else {
            let at = self.free;
            let entry = &mut self.entries[at as usize];
            self.free = entry.older;
            entry.item = item;
            at
        };
        self.link(at);
        at
    }

    /// Take an item out.
    pub fn remove(&mut self, at: u32) -> Item {
        self.unlink(at);
        self.len -= 1;
        let entry = &mut self.entries[at as usize];
        entry.older = self.free;
        self.free = at;
        std::mem::take(&mut entry.item)
    }

    /// It was used just now.
    #[inline(always)]
    pub fn bump(&mut self, at: u32) {
        if self.newest != at {
            self.unlink(at);
            self.link(at);
        }
    }

    fn link(&mut self, at: u32) {
        let entry = &mut self.entries[at as usize];
        entry.newer = NONE;
        entry.older = self.newest;
        match self.newest {
            NONE => self.oldest = at,
            newest => self.entries[newest as usize].newer = at,
        }
        self.newest = at;
    }

    fn unlink(&mut self, at: u32) {
        let Entry { newer, older, .. } = self.entries[at as usize];
        match newer {
            NONE => self.newest = older,
            newer => self.entries[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.entries[older as usize].newer = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: u8) -> Item {
        Item {
            bytes: vec![name],
            key_len: 1,
            ..Item::default()
        }
    }

    /// Oldest first.
    fn order(lru: &Lru) -> String {
        let mut text = String::new();
        let mut at = lru.oldest();
        while let Some(here) = at {
            text.push(char::from(lru.item(here).key()[0]));
            at = lru.newer(here);
        }
        assert_eq!(text.len(), lru.len());
        text
    }

    #[test]
    fn order_of_use() {
        let mut lru = Lru::new();
        let at: Vec<u32> = (b'a'..=b'e').map(|name| lru.push(item(name))).collect();
        assert_eq!(order(&lru), "abcde");
        lru.bump(at[4]);
        lru.bump(at[0]);
        lru.bump(at[2]);
        assert_eq!(order(&lru), "bdeac");
        assert_eq!(lru.remove(at[1]).key(), b"b");
        assert_eq!(lru.remove(at[2]).key(), b"c");
        assert_eq!(lru.remove(at[4]).key(), b"e");
        assert_eq!(order(&lru), "da");
        // Freed entries are used again.
        lru.reserve().expect("memory");
        assert_eq!(lru.push(item(b'f')), at[4]);
        lru.bump(at[3]);
        assert_eq!(order(&lru), "afd");
        for n in [0, 3, 4] {
            lru.remove(at[n]);
        }
        assert_eq!((order(&lru).as_str(), lru.oldest()), ("", None));
    }

    /// Against a vector, with seeded steps.
    #[test]
    fn as_a_vector_does() {
        let mut lru = Lru::new();
        let mut model: Vec<(u32, u8)> = Vec::new();
        let mut seed: u64 = 7;
        for step in 0..20_000u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let pick = (seed >> 33) as usize;
            if model.len() < 2 || (pick % 3 == 0 && model.len() < 40) {
                let name = b'!' + (step % 90) as u8;
                lru.reserve().expect("memory");
                model.push((lru.push(item(name)), name));
            } else if pick % 3 == 1 {
                let entry = model.remove(pick / 3 % model.len());
                lru.bump(entry.0);
                model.push(entry);
            } else {
                let entry = model.remove(pick / 3 % model.len());
                assert_eq!(lru.remove(entry.0).key(), [entry.1]);
            }
            let expected: String = model.iter().map(|(_, name)| char::from(*name)).collect();
            assert_eq!(order(&lru), expected);
        }
    }
}
