//! Handles: small cells that begin with a tag of their kind, in memory that is never unmapped, so
//! that a stale, doubled or wrong handle is seen as such.
//!
//! Cells come from blocks that double in size, and go back to a free list. Nothing here takes a lock:
//! a forked child may use it at once.

use std::alloc::{Layout, alloc_zeroed};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// A type of handle: what the pointer's tag must be, and what is behind it.
pub trait Handle {
    type Inner: Send + Sync;
    /// Not 0, and different for each type.
    const KIND: u64;
}

#[repr(C)]
struct Cell {
    /// The kind while the handle lives, 0 when it is free.
    kind: AtomicU64,
    inner: AtomicPtr<()>,
    /// The number of the next free cell plus one.
    next: AtomicU32,
    number: AtomicU32,
}

const FIRST_BLOCK: u32 = 64;
const BLOCKS: usize = 24;

static CELLS: [AtomicPtr<Cell>; BLOCKS] = [const { AtomicPtr::new(ptr::null_mut()) }; BLOCKS];
/// How many cells were ever used.
static USED: AtomicU32 = AtomicU32::new(0);
/// The number of the first free cell plus one, and above it a count that changes with every pop, so
/// that a cell that went and came back is not taken for one that stayed.
static FREE: AtomicU64 = AtomicU64::new(0);

/// Block `b` holds the cells from `64 * (2^b - 1)` on, `64 * 2^b` of them.
fn block_of(number: u32) -> (usize, usize) {
    let shifted = number / FIRST_BLOCK + 1;
    let block = shifted.ilog2();
    let begin = FIRST_BLOCK * ((1 << block) - 1);
    (block as usize, (number - begin) as usize)
}

fn cell(number: u32) -> Option<&'static Cell> {
    let (block, index) = block_of(number);
    let slot = CELLS.get(block)?;
    let mut at = slot.load(Ordering::Acquire);
    if at.is_null() {
        let layout = Layout::array::<Cell>((FIRST_BLOCK as usize) << block).ok()?;
        // SAFETY: the size is not zero; zeroed bytes are valid cells.
        let fresh = unsafe { alloc_zeroed(layout) }.cast::<Cell>();
        if fresh.is_null() {
            return None;
        }
        match slot.compare_exchange(at, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => at = fresh,
            Err(theirs) => {
                // SAFETY: allocated above, seen by nobody.
                unsafe { std::alloc::dealloc(fresh.cast(), layout) };
                at = theirs;
            }
        }
    }
    // SAFETY: the block has this many cells and is never freed.
    Some(unsafe { &*at.add(index) })
}

fn pop() -> Option<&'static Cell> {
    let mut head = FREE.load(Ordering::Acquire);
    while head as u32 != 0 {
        let first = cell(head as u32 - 1)?;
        let next = u64::from(first.next.load(Ordering::Relaxed));
        let count = (head >> 32).wrapping_add(1) << 32;
        match FREE.compare_exchange_weak(head, count | next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(first),
            Err(newer) => head = newer,
        }
    }
    let number = USED.fetch_add(1, Ordering::Relaxed);
    let fresh = cell(number)?;
    fresh.number.store(number, Ordering::Relaxed);
    Some(fresh)
}

fn push(cell: &'static Cell) {
    let number = cell.number.load(Ordering::Relaxed);
    let mut head = FREE.load(Ordering::Acquire);
    loop {
        cell.next.store(head as u32, Ordering::Relaxed);
        let new = (head & !u64::from(u32::MAX)) | u64::from(number + 1);
        match FREE.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return,
            Err(newer) => head = newer,
        }
    }
}

/// A new handle to `inner`; NULL when there is no memory for it.
pub fn make<H: Handle>(inner: H::Inner) -> *mut H {
    let Some(cell) = pop() else {
        return ptr::null_mut();
    };
    let inner = Box::into_raw(Box::new(inner));
    cell.inner.store(inner.cast(), Ordering::Relaxed);
    cell.kind.store(H::KIND, Ordering::Release);
    ptr::from_ref(cell).cast_mut().cast()
}

fn cell_of<H: Handle>(handle: *const H) -> Option<&'static Cell> {
    let cell = handle.cast::<Cell>();
    if cell.is_null() || !cell.is_aligned() {
        return None;
    }
    // SAFETY: a handle of ours points to a cell, which is never unmapped. Another pointer that a
    // caller passes by mistake points to memory of theirs, of which the first word is looked at.
    Some(unsafe { &*cell })
}

/// What the handle stands for, or `None` if it is NULL, freed, or of another kind.
#[inline(always)]
pub fn get<'a, H: Handle>(handle: *const H) -> Option<&'a H::Inner> {
    let cell = cell_of(handle)?;
    if cell.kind.load(Ordering::Acquire) != H::KIND {
        return None;
    }
    // SAFETY: a cell with this kind holds a boxed `Inner`. It lives until the handle is freed, which
    // the caller may not do while it is in use.
    unsafe {
        cell.inner
            .load(Ordering::Relaxed)
            .cast::<H::Inner>()
            .as_ref()
    }
}

/// End the handle and hand over what it stood for; `None` if it is NULL, freed, or of another kind.
pub fn take<H: Handle>(handle: *mut H) -> Option<Box<H::Inner>> {
    let cell = cell_of(handle.cast_const())?;
    cell.kind
        .compare_exchange(H::KIND, 0, Ordering::AcqRel, Ordering::Relaxed)
        .ok()?;
    let inner = cell.inner.swap(ptr::null_mut(), Ordering::AcqRel);
    push(cell);
    // SAFETY: made by `make` for this kind, and the exchange took it from everyone else.
    (!inner.is_null()).then(|| unsafe { Box::from_raw(inner.cast::<H::Inner>()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number;
    impl Handle for Number {
        type Inner = u32;
        const KIND: u64 = 0x74_6573_7431;
    }
    struct Text;
    impl Handle for Text {
        type Inner = String;
        const KIND: u64 = 0x74_6573_7432;
    }

    /// FM-102: a handle that is freed, or of another kind, is seen as such.
    #[test]
    fn fm102_stale_and_wrong_handles() {
        let number = make::<Number>(7);
        assert_eq!(get(number), Some(&7));
        assert!(get::<Text>(number.cast()).is_none());
        assert!(take::<Text>(number.cast()).is_none());
        assert_eq!(take(number).as_deref(), Some(&7));
        assert!(take(number).is_none());
        assert!(get(number).is_none());
        assert!(get::<Number>(ptr::null()).is_none());
    }

    #[test]
    fn many_handles_from_many_threads() {
        std::thread::scope(|scope| {
            for thread in 0..8u32 {
                scope.spawn(move || {
                    for round in 0..200u32 {
                        let handles: Vec<_> = (0..50)
                            .map(|i| (i, make::<Number>(thread * 1_000_000 + round * 100 + i)))
                            .collect();
                        for (i, handle) in handles {
                            let expected = thread * 1_000_000 + round * 100 + i;
                            assert_eq!(get(handle), Some(&expected));
                            assert_eq!(take(handle).as_deref(), Some(&expected));
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn numbers_find_their_blocks() {
        let mut expected = Vec::new();
        for block in 0..6usize {
            for index in 0..64usize << block {
                expected.push((block, index));
            }
        }
        for (number, place) in expected.into_iter().enumerate() {
            assert_eq!(block_of(number as u32), place);
        }
    }
}
