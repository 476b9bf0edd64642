//! A place for one boxed value that threads take and put without a lock.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

pub struct Slot<T>(AtomicPtr<T>);

// SAFETY: the slot owns its value and only ever hands it over whole.
unsafe impl<T: Send> Sync for Slot<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Slot<T> {}

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }
}

impl<T> Slot<T> {
    #[inline(always)]
    pub fn take(&self) -> Option<Box<T>> {
        // Sequentially consistent, as `put` is: who registers as waiting and then looks here must not
        // miss what was put before the register was read.
        if self.0.load(Ordering::SeqCst).is_null() {
            return None;
        }
        let value = self.0.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: what is not null was put by `put`, and the swap took it from everyone else.
        (!value.is_null()).then(|| unsafe { Box::from_raw(value) })
    }

    /// Gives the value back where the slot is in use.
    #[inline(always)]
    pub fn put(&self, value: Box<T>) -> Result<(), Box<T>> {
        let value = Box::into_raw(value);
        // Sequentially consistent: who waits for a value registers before looking at the slots.
        match self
            .0
            .compare_exchange(ptr::null_mut(), value, Ordering::SeqCst, Ordering::Relaxed)
        {
            Ok(_) => Ok(()),
            // SAFETY: it was not put, so that it is still ours.
            Err(_) => Err(unsafe { Box::from_raw(value) }),
        }
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}
