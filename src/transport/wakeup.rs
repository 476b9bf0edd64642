//! Waking a thread that waits in `poll`: an eventfd, made only where something has to be waited for.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Readable from the first [`Wakeup::ring`] on. Closed on exec, never one of the standard descriptors.
pub struct Wakeup(OwnedFd);

impl Wakeup {
    pub fn new() -> io::Result<Wakeup> {
        // SAFETY: a plain system call.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        above_standard(owned(fd)?).map(Wakeup)
    }

    /// From any thread; never waits.
    pub fn ring(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes, as an eventfd takes them. It fails only where the count is full, and
        // then the descriptor is readable already.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Not readable any more, up to the next [`Wakeup::ring`].
    pub fn hush(&self) {
        let mut count = [0u8; 8];
        // SAFETY: room for eight bytes, as an eventfd writes them. It fails only where nobody has rung.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }

    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// A process may run with its standard descriptors closed: none of ours takes their place.
pub(super) fn above_standard(made: OwnedFd) -> io::Result<OwnedFd> {
    if made.as_raw_fd() > 2 {
        return Ok(made);
    }
    // SAFETY: a plain system call on a descriptor that `made` owns.
    owned(unsafe { libc::fcntl(made.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) })
}

pub(super) fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: made just now by a call that succeeded; nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
