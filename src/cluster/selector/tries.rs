//! python-memcached: hash modulo the number of buckets; while the server is down, the hash is hashed
//! again.

use super::modula::Buckets;
use crate::cluster::hasher::Hasher;

/// So often python-memcached looks for a server.
const TRIES: u32 = 10;

pub struct Tries {
    hasher: Hasher,
    buckets: Buckets,
}

impl Tries {
    /// The weights in the order of the servers: each has as many buckets.
    pub fn new(hasher: Hasher, weights: impl Iterator<Item = u32>) -> Tries {
        Tries {
            hasher,
            buckets: Buckets::new(weights),
        }
    }

    pub fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.select_by(self.hasher.hash(key).into(), is_up)
    }

    /// For a caller that has the hash of its key, as python-memcached's keys `(hash, key)` do.
    pub fn select_by(&self, hash: i128, is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let mut hash = hash;
        for number in 0..TRIES {
            let bucket = hash.checked_rem_euclid(self.buckets.count().into())?;
            let server = self.buckets.owner(bucket as u64)?;
            if is_up(server) {
                return Some(server);
            }
            let (mut text, mut at) = ([0; 64], 0);
            let (mut first, mut second) = (itoa::Buffer::new(), itoa::Buffer::new());
            for digits in [first.format(hash), second.format(number)] {
                text[at..at + digits.len()].copy_from_slice(digits.as_bytes());
                at += digits.len();
            }
            hash = self.hasher.hash(&text[..at]).into();
        }
        None
    }
}
