//! python-memcached2's SelectorRehashDownServers: hash the key again, with a number behind it, while
//! the server is down.

use crate::cluster::hasher::Hasher;
use crate::cluster::joined::joined;

pub struct RehashDown {
    hasher: Hasher,
    servers: usize,
    retries: u32,
}

impl RehashDown {
    /// `retries`: how often a key is hashed again; 0: the server of a key, or none.
    pub fn new(hasher: Hasher, servers: usize, retries: u32) -> RehashDown {
        RehashDown {
            hasher,
            servers,
            retries,
        }
    }

    /// The tries may come back to servers that are down, so that none may be found though one is up.
    pub fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let servers = self.servers as u64;
        let first = (self.hasher.hash(key).checked_rem(servers)?) as usize;
        if is_up(first) {
            return Some(first);
        }
        for retry in 0..self.retries {
            let next = (rehash(&self.hasher, key, retry)? % servers) as usize;
            if is_up(next) {
                return Some(next);
            }
        }
        None
    }
}

/// The hash of a key with a number behind it.
pub(super) fn rehash(hasher: &Hasher, key: &[u8], number: u32) -> Option<u64> {
    let mut digits = itoa::Buffer::new();
    let parts = [key, digits.format(number).as_bytes()];
    joined(&parts, |text| hasher.hash(text))
}
