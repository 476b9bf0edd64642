//! Waiting for many descriptors through one: an epoll set, which is a descriptor to wait for itself.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::socket::Readiness;
use super::wakeup::{above_standard, owned};

/// So many are told at once.
const AT_ONCE: usize = 64;

/// A set of descriptors, each with the key that it is told by. Readable while one of them is ready.
/// Closed on exec, never one of the standard descriptors.
pub struct Poller(OwnedFd);

impl Poller {
    pub fn new() -> io::Result<Poller> {
        // SAFETY: a plain system call.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        above_standard(owned(fd)?).map(Poller)
    }

    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Wait for what `readiness` says; it must have a descriptor, which is not in the set.
    pub fn add(&self, readiness: &Readiness, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, readiness, key)
    }

    /// Wait for something else of a descriptor that is in the set.
    pub fn change(&self, readiness: &Readiness, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, readiness, key)
    }

    /// Forget a descriptor, before it is closed.
    pub fn remove(&self, fd: RawFd) {
        let none = std::ptr::null_mut();
        // SAFETY: a plain system call; deleting reads no event. It fails only where there is nothing
        // to be forgotten.
        unsafe { libc::epoll_ctl(self.fd(), libc::EPOLL_CTL_DEL, fd, none) };
    }

    fn control(&self, how: libc::c_int, readiness: &Readiness, key: u64) -> io::Result<()> {
        // The numbers are those of `poll`.
        let mut event = libc::epoll_event {
            events: u32::from(readiness.events() as u16),
            u64: key,
        };
        // SAFETY: a plain system call, which reads the event.
        match unsafe { libc::epoll_ctl(self.fd(), how, readiness.fd(), &mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Append the keys of those that are ready, without waiting.
    pub fn ready(&self, keys: &mut Vec<u64>) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; AT_ONCE];
        // SAFETY: the array has so many places, which the call writes to.
        let n =
            unsafe { libc::epoll_wait(self.fd(), events.as_mut_ptr(), AT_ONCE as libc::c_int, 0) };
        // An interruption is nothing ready: what is will be told the next time.
        let n = usize::try_from(n).unwrap_or(0);
        keys.extend(events.iter().take(n).map(|event| event.u64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Interest;
    use crate::transport::wakeup::Wakeup;

    #[test]
    fn what_is_ready_is_told_by_its_key_until_it_is_not() {
        let poller = Poller::new().expect("a set");
        let wakeups = [(); 3].map(|()| Wakeup::new().expect("an eventfd"));
        let interest = Interest {
            read: true,
            write: false,
        };
        for (key, wakeup) in (7..).zip(&wakeups) {
            let readiness = Readiness::of(wakeup.fd(), interest);
            poller.add(&readiness, key).expect("it is in the set");
        }
        let told = || {
            let mut keys = Vec::new();
            poller.ready(&mut keys);
            keys.sort_unstable();
            keys
        };
        assert!(told().is_empty());
        wakeups[0].ring();
        wakeups[2].ring();
        assert_eq!(told(), [7, 9]);
        assert_eq!(told(), [7, 9], "as long as it is ready");
        wakeups[0].hush();
        poller.remove(wakeups[2].fd());
        assert!(told().is_empty());
        let both = Interest {
            read: true,
            write: true,
        };
        let readiness = Readiness::of(wakeups[1].fd(), both);
        poller.change(&readiness, 1).expect("it is in the set");
        assert_eq!(told(), [1], "an eventfd can be written to");
    }
}
