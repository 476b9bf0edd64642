//! State that belongs to one process: a forked child that meets its parent's builds its own, before
//! it takes any lock that a vanished thread may hold.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::fork;

struct Made<T> {
    generation: u32,
    value: T,
}

pub struct PerProcess<T>(AtomicPtr<Made<T>>);

impl<T> PerProcess<T> {
    pub fn new(value: T) -> PerProcess<T> {
        let made = Box::new(Made {
            generation: fork::generation(),
            value,
        });
        PerProcess(AtomicPtr::new(Box::into_raw(made)))
    }

    /// For a static: the state is made when it is first asked for, by [`PerProcess::get_or_make`], and
    /// by nothing else.
    pub const fn unmade() -> PerProcess<T> {
        PerProcess(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// This process's state, which does not come from the parent's.
    pub fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        let made = self.0.load(Ordering::Acquire);
        // SAFETY: as in `get`.
        match unsafe { made.as_ref() } {
            Some(found) if found.generation == fork::generation() => &found.value,
            _ => self.publish(made, make(), || {}),
        }
    }

    /// This process's state. `renew` makes one from the parent's; it must neither wait for nor drop
    /// anything in that, which is leaked. Its second argument says whether the new state was taken:
    /// another thread may have been faster.
    #[inline(always)]
    pub fn get(&self, renew: impl FnOnce(&T) -> T, taken: impl FnOnce(&T)) -> &T {
        let made = self.0.load(Ordering::Acquire);
        // SAFETY: what was ever published is freed only when `self` is dropped.
        let found = unsafe { &*made };
        if found.generation == fork::generation() {
            return &found.value;
        }
        self.replace(made, renew, taken)
    }

    #[cold]
    fn replace(
        &self,
        old: *mut Made<T>,
        renew: impl FnOnce(&T) -> T,
        taken: impl FnOnce(&T),
    ) -> &T {
        // SAFETY: as in `get`.
        let parent = unsafe { &(*old).value };
        self.publish(old, renew(parent), || taken(parent))
    }

    /// Make `value` the state in the place of `old`, unless another thread was faster.
    fn publish(&self, old: *mut Made<T>, value: T, taken: impl FnOnce()) -> &T {
        let new = Box::into_raw(Box::new(Made {
            generation: fork::generation(),
            value,
        }));
        match self
            .0
            .compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => {
                taken();
                // SAFETY: as in `get`. The parent's state is leaked: a thread that exists only there
                // may have left it in any condition.
                unsafe { &(*new).value }
            }
            Err(theirs) => {
                // SAFETY: `new` was not published; `theirs` was.
                unsafe {
                    drop(Box::from_raw(new));
                    &(*theirs).value
                }
            }
        }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let made = *self.0.get_mut();
        // SAFETY: published by `new` or `publish`, and nobody can look any more.
        if unsafe { made.as_ref() }.is_some_and(|made| made.generation == fork::generation()) {
            // SAFETY: as above. What a parent made is leaked, as in `publish`.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}
