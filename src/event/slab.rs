//! Things known by numbers that are not used again soon: whoever holds the number of something that is
//! gone meets nothing in its place.

/// A number: its place, and above it how often the place was given away. Never 0.
pub type Id = u64;

pub struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    len: usize,
}

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab {
            slots: Vec::new(),
            free: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Slab<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    /// `None` where there is no memory (or no number) for one more; `value` is gone then.
    pub fn insert(&mut self, value: T) -> Option<Id> {
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let place = u32::try_from(self.slots.len()).ok()?;
                self.slots.try_reserve(1).ok()?;
                // So that giving it back needs no memory.
                self.free.try_reserve(self.slots.len() + 1).ok()?;
                self.slots.push(Slot {
                    generation: 1,
                    value: None,
                });
                place
            }
        };
        let slot = self.slots.get_mut(place as usize)?;
        slot.value = Some(value);
        self.len += 1;
        Some(u64::from(slot.generation) << 32 | u64::from(place))
    }

    pub fn get(&self, id: Id) -> Option<&T> {
        let slot = self.slots.get(id as u32 as usize)?;
        match slot.generation == (id >> 32) as u32 {
            true => slot.value.as_ref(),
            false => None,
        }
    }

    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let slot = self.slots.get_mut(id as u32 as usize)?;
        match slot.generation == (id >> 32) as u32 {
            true => slot.value.as_mut(),
            false => None,
        }
    }

    pub fn remove(&mut self, id: Id) -> Option<T> {
        self.get(id)?;
        let slot = self.slots.get_mut(id as u32 as usize)?;
        slot.generation = slot.generation.wrapping_add(1).max(1);
        self.free.push(id as u32);
        self.len -= 1;
        slot.value.take()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        (0..).zip(&self.slots).filter_map(|(place, slot)| {
            let id = u64::from(slot.generation) << 32 | place;
            Some((id, slot.value.as_ref()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_one_thing() {
        let mut slab = Slab::default();
        let first = slab.insert('a').expect("room");
        let second = slab.insert('b').expect("room");
        assert!(first != 0 && first != second);
        assert_eq!(slab.remove(first), Some('a'));
        assert_eq!(slab.remove(first), None);
        let third = slab.insert('c').expect("room");
        assert_ne!(third, first);
        assert_eq!((slab.get(first), slab.get(third)), (None, Some(&'c')));
        assert_eq!(slab.get_mut(second), Some(&mut 'b'));
        assert_eq!(slab.len(), 2);
        let all: Vec<_> = slab.iter().map(|(id, value)| (id, *value)).collect();
        assert_eq!(all, [(third, 'c'), (second, 'b')]);
        assert_eq!(slab.get(0), None);
    }
}
