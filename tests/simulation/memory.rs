//! How much memory the library holds: every allocation of the process is counted, for each thread, while
//! the library runs and not the world around it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

#[derive(Clone, Copy)]
struct Held {
    counts: bool,
    now: isize,
    peak: isize,
}

thread_local! {
    static HELD: Cell<Held> = const {
        Cell::new(Held { counts: false, now: 0, peak: 0 })
    };
}

fn add(bytes: isize) {
    // A thread that is ending has none any more.
    let _ = HELD.try_with(|held| {
        let mut all = held.get();
        if all.counts {
            all.now += bytes;
            all.peak = all.peak.max(all.now);
            held.set(all);
        }
    });
}

// SAFETY: everything is the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size as isize - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Begin to count on this thread.
pub fn begin() {
    HELD.set(Held {
        counts: false,
        now: 0,
        peak: 0,
    });
}

/// The most that was held at a time.
pub fn peak() -> usize {
    HELD.get().peak.max(0) as usize
}

/// Count, or not, while `run` runs.
pub fn counting<R>(counts: bool, run: impl FnOnce() -> R) -> R {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            set(self.0);
        }
    }
    let _back = Back(set(counts));
    run()
}

fn set(counts: bool) -> bool {
    let mut held = HELD.get();
    let before = std::mem::replace(&mut held.counts, counts);
    HELD.set(held);
    before
}
