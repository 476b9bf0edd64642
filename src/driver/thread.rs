//! A number for each thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    // No destructor: a thread may end when it likes.
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// This thread's number: threads that live at the same time seldom share one in the lower bits.
#[inline(always)]
pub fn number() -> usize {
    NUMBER.with(|number| match number.get() {
        usize::MAX => first(number),
        given => given,
    })
}

#[cold]
fn first(number: &Cell<usize>) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    number.set(NEXT.fetch_add(1, Ordering::Relaxed) & (usize::MAX >> 1));
    number.get()
}
