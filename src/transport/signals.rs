//! Threads of the library take none of the host's signals.

use std::mem::MaybeUninit;

/// Run `start` with all signals blocked: a thread that it starts inherits that, from its first
/// instruction on. This thread's own mask is as before afterwards.
pub fn blocked<T>(start: impl FnOnce() -> T) -> T {
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the sets are large enough; `all` is initialised by the first call, `before` by the
    // second where it succeeds.
    let changed = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let result = start();
    if changed {
        // SAFETY: `before` was initialised by the call that succeeded.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    }
    result
}
