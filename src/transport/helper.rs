//! Detached threads that take none of the host's signals.
//!
//! They are made by the system directly: what the standard library does when a thread begins and ends
//! takes a lock of the process, which in a forked child may be held by a thread that is not there.

use std::ffi::{CStr, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

type Work = Box<dyn FnOnce() + Send>;

/// Start a thread with a name of at most 15 bytes and a stack of at least `stack` bytes. It takes no
/// signal, from its first instruction on; a panic ends it and nothing else.
pub fn start(name: &'static CStr, stack: usize, work: Work) -> io::Result<()> {
    let job = Box::into_raw(Box::new(Job { name, work }));
    let failed = create(stack, job.cast());
    if failed == 0 {
        return Ok(());
    }
    // SAFETY: no thread was made, so that it is still this one's.
    drop(unsafe { Box::from_raw(job) });
    Err(io::Error::from_raw_os_error(failed))
}

struct Job {
    name: &'static CStr,
    work: Work,
}

/// The thread's life: `job` was made by [`start`].
extern "C" fn run(job: *mut c_void) -> *mut c_void {
    // SAFETY: handed over by `start`, to this thread alone.
    let job = unsafe { Box::from_raw(job.cast::<Job>()) };
    // SAFETY: this thread, and a text that ends at a NUL. A name that is not taken is none.
    unsafe { libc::pthread_setname_np(libc::pthread_self(), job.name.as_ptr()) };
    let _ = catch_unwind(AssertUnwindSafe(job.work));
    ptr::null_mut()
}

/// The system's error number, or 0.
fn create(stack: usize, job: *mut c_void) -> i32 {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: everything is large enough and initialised by the first call that is given it; the
    // attributes and masks are used only where that succeeded. A thread inherits the mask of the one
    // that makes it, whose own is put back.
    unsafe {
        let failed = libc::pthread_attr_init(attributes.as_mut_ptr());
        if failed != 0 {
            return failed;
        }
        libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED);
        // The system's own choice where that is more: the thread-local variables of the program and its
        // libraries stand on the stack too, however large they are. Untouched, it costs no memory.
        let mut usual = 0;
        libc::pthread_attr_getstacksize(attributes.as_ptr(), &mut usual);
        if usual < stack {
            libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack);
        }
        libc::sigfillset(all.as_mut_ptr());
        let masked =
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0;
        let failed = libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), run, job);
        if masked {
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        }
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        failed
    }
}
