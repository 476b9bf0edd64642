//! What a forked child must know of a connection to close its copy: the descriptor, and which socket it
//! was. The child may have closed it already and opened something else under the same number.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use crate::transport::{close_inherited, socket_identity};

pub struct Place {
    /// -1 where there is no connection.
    fd: AtomicI32,
    identity: AtomicU64,
}

impl Default for Place {
    fn default() -> Place {
        Place {
            fd: AtomicI32::new(-1),
            identity: AtomicU64::new(0),
        }
    }
}

impl Place {
    /// Note a connection, if none is noted here.
    pub fn take(&self, fd: RawFd) -> bool {
        let taken = self
            .fd
            .compare_exchange(-1, fd, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if taken {
            self.identify(fd);
        }
        taken
    }

    fn identify(&self, fd: RawFd) {
        let identity = socket_identity(fd).unwrap_or(0);
        self.identity.store(identity, Ordering::Release);
    }

    /// The connection is about to be closed.
    pub fn clear(&self) {
        self.fd.store(-1, Ordering::Release);
    }

    /// In a forked child: close what the parent's connection is here, if it still is.
    pub fn close_inherited(&self) {
        let fd = self.fd.swap(-1, Ordering::AcqRel);
        let identity = self.identity.load(Ordering::Acquire);
        if fd >= 0 && identity != 0 && socket_identity(fd) == Some(identity) {
            close_inherited(fd);
        }
    }
}

/// A socket that is noted in a place, if one was free; forgotten when dropped, which must be before the
/// socket is closed.
#[derive(Default)]
pub struct Noted {
    places: Option<Arc<[Place]>>,
    at: usize,
}

impl Noted {
    pub fn new(places: &Arc<[Place]>, fd: RawFd) -> Noted {
        match places.iter().position(|place| place.take(fd)) {
            Some(at) => Noted {
                places: Some(places.clone()),
                at,
            },
            None => Noted::default(),
        }
    }

    pub fn is_noted(&self) -> bool {
        self.places.is_some()
    }

    pub fn clear(&mut self) {
        if let Some(place) = self.places.take().as_ref().and_then(|all| all.get(self.at)) {
            place.clear();
        }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.clear();
    }
}
