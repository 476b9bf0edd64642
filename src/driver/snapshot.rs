//! A value that is read by every call and replaced rarely, as a whole: reading takes no lock and costs
//! two additions; what was replaced is freed once no reader can hold it any more.
//!
//! Readers count themselves in one of some counters before they look at the value. A counter that is
//! seen at zero after the value was replaced has no reader of the old one left: who comes later finds
//! the new one.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// So many counters, so that threads seldom share one. A power of two.
const COUNTERS: usize = 16;

/// On a cache line of its own.
#[repr(align(64))]
#[derive(Default)]
struct Counter(AtomicUsize);

pub struct Snapshot<T> {
    now: AtomicPtr<T>,
    readers: [Counter; COUNTERS],
    replaced: Mutex<Vec<Replaced<T>>>,
    /// There are some.
    keeps: AtomicBool,
}

/// A value that was replaced, and the counters (a bit each) that were not seen at zero since.
struct Replaced<T> {
    /// Kept only to be dropped.
    _value: Box<T>,
    pending: u32,
}

// SAFETY: values go to other threads by shared reference, and are dropped on any of them.
unsafe impl<T: Send + Sync> Sync for Snapshot<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Send for Snapshot<T> {}

/// A reader's hold on the value of the moment.
pub struct Held<'a, T> {
    value: &'a T,
    reader: &'a AtomicUsize,
}

impl<T> Snapshot<T> {
    pub fn new(value: T) -> Snapshot<T> {
        Snapshot {
            now: AtomicPtr::new(Box::into_raw(Box::new(value))),
            readers: Default::default(),
            replaced: Mutex::new(Vec::new()),
            keeps: AtomicBool::new(false),
        }
    }

    /// The value of the moment. `thread` is any number that differs between threads.
    #[inline(always)]
    pub fn load(&self, thread: usize) -> Held<'_, T> {
        let reader = &self.readers[thread % COUNTERS].0;
        reader.fetch_add(1, Ordering::SeqCst);
        // SAFETY: what `now` leads to is freed only after `reader` was seen at zero later than it was
        // replaced: see `replace`.
        let value = unsafe { &*self.now.load(Ordering::SeqCst) };
        Held { value, reader }
    }

    /// Put another value in its place. What was replaced is freed here where nobody reads it, else by a
    /// later [`Snapshot::free_replaced`].
    pub fn replace(&self, value: T) {
        let new = Box::into_raw(Box::new(value));
        let old = self.now.swap(new, Ordering::SeqCst);
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.push(Replaced {
            // SAFETY: made by `Box::into_raw`, and the swap took it from everyone but its readers,
            // who are waited for below.
            _value: unsafe { Box::from_raw(old) },
            pending: (1 << COUNTERS) - 1,
        });
        drop(replaced);
        self.free_replaced();
    }

    /// Whether something that was replaced may still be read.
    pub fn keeps_replaced(&self) -> bool {
        self.keeps.load(Ordering::Acquire)
    }

    /// Free what was replaced and is not read any more.
    pub fn free_replaced(&self) {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        for old in replaced.iter_mut() {
            for (index, reader) in self.readers.iter().enumerate() {
                if reader.0.load(Ordering::SeqCst) == 0 {
                    old.pending &= !(1 << index);
                }
            }
        }
        let (kept, free) = std::mem::take(&mut *replaced)
            .into_iter()
            .partition(|old| old.pending != 0);
        *replaced = kept;
        self.keeps.store(!replaced.is_empty(), Ordering::Release);
        drop(replaced);
        // Without the lock: a value may have much to do when it goes.
        let free: Vec<Replaced<T>> = free;
        drop(free);
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> Drop for Held<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.reader.fetch_sub(1, Ordering::Release);
    }
}

impl<T> Drop for Snapshot<T> {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw`, and no reader is left.
        drop(unsafe { Box::from_raw(*self.now.get_mut()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    struct Counted(u64, Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0 = u64::MAX;
            self.1.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_is_read_is_kept_and_goes_without_another_replacement() {
        let alive = Arc::new(AtomicUsize::new(2));
        let snapshot = Snapshot::new(Counted(0, alive.clone()));
        let held = snapshot.load(3);
        snapshot.replace(Counted(1, alive.clone()));
        snapshot.free_replaced();
        assert!(snapshot.keeps_replaced());
        assert_eq!((held.0, alive.load(Ordering::SeqCst)), (0, 2));
        // A reader of the new one, by the same counter, only makes it later.
        let newer = snapshot.load(3);
        drop(held);
        snapshot.free_replaced();
        assert_eq!((newer.0, snapshot.keeps_replaced()), (1, true));
        drop(newer);
        snapshot.free_replaced();
        assert!(!snapshot.keeps_replaced());
        assert_eq!(alive.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn readers_never_meet_a_freed_value_and_nothing_leaks() {
        let alive = Arc::new(AtomicUsize::new(1));
        let snapshot = Snapshot::new(Counted(0, alive.clone()));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (snapshot, over) = (&snapshot, &over);
                scope.spawn(move || {
                    let mut last = 0;
                    while !over.load(Ordering::Relaxed) {
                        let held = snapshot.load(thread);
                        assert!(held.0 >= last && held.0 != u64::MAX);
                        last = held.0;
                    }
                });
            }
            for n in 1..=20_000 {
                alive.fetch_add(1, Ordering::SeqCst);
                snapshot.replace(Counted(n, alive.clone()));
            }
            over.store(true, Ordering::Relaxed);
        });
        snapshot.free_replaced();
        assert!(!snapshot.keeps_replaced());
        assert_eq!(
            alive.load(Ordering::SeqCst),
            1,
            "all but the present one are freed"
        );
        drop(snapshot);
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }
}
