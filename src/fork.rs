//! Knowing that the process was forked: a number that differs in every process of a family.
//!
//! The number stands in a page that the kernel wipes in a child (`MADV_WIPEONFORK`, Linux 4.14), so
//! that reading it costs a load and covers `clone` too. Where that is refused, a `pthread_atfork`
//! handler wipes it.

use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

pub mod per_process;

/// The page, once there is one.
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());
/// How many generations this family has seen up to this process; copied into a child.
static SEEN: AtomicU32 = AtomicU32::new(0);
/// Used as the page where no memory can be mapped; wiped by the handler.
static FALLBACK: AtomicU32 = AtomicU32::new(0);

/// The generation of this process: above zero, the same for all its threads, never that of an
/// ancestor.
#[inline]
pub fn generation() -> u32 {
    let page = PAGE.load(Ordering::Acquire);
    // SAFETY: the page is never unmapped once it is published.
    match unsafe { page.as_ref() } {
        Some(word) => match word.load(Ordering::Relaxed) {
            0 => first_look(word),
            generation => generation,
        },
        None => first_look(install()),
    }
}

/// Give this process its number, unless another thread has just done so.
#[cold]
fn first_look(word: &AtomicU32) -> u32 {
    let next = SEEN.fetch_add(1, Ordering::AcqRel).wrapping_add(1).max(1);
    match word.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => next,
        Err(given) => given,
    }
}

#[cold]
fn install() -> &'static AtomicU32 {
    let word = wiped_page().unwrap_or_else(with_handler);
    let fresh = std::ptr::from_ref(word).cast_mut();
    match PAGE.compare_exchange(
        std::ptr::null_mut(),
        fresh,
        Ordering::AcqRel,
        Ordering::Acquire,
    ) {
        Ok(_) => word,
        // Another thread was first; the page made here stays mapped, which harms nobody.
        // SAFETY: a published page is never unmapped.
        Err(theirs) => unsafe { &*theirs },
    }
}

fn wiped_page() -> Option<&'static AtomicU32> {
    // SAFETY: plain system calls; the mapping is private, anonymous, and never unmapped on success.
    unsafe {
        let size = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).ok()?;
        let page = libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if page == libc::MAP_FAILED {
            return None;
        }
        if libc::madvise(page, size, libc::MADV_WIPEONFORK) != 0 {
            libc::munmap(page, size);
            return None;
        }
        // A new mapping is zero-filled: a valid atomic.
        Some(&*page.cast::<AtomicU32>())
    }
}

fn with_handler() -> &'static AtomicU32 {
    extern "C" fn in_child() {
        FALLBACK.store(0, Ordering::Release);
    }
    // SAFETY: the handler stores to a static and does nothing else. That registering can fail for
    // want of memory is all that can go wrong, and leaves nothing to fall back to.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    &FALLBACK
}
