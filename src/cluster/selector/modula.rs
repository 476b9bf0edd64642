//! Hash modulo the number of servers, as python-memcached does it while all servers are up.

use crate::cluster::hasher::Hasher;

/// Each server stands in a row of buckets as often as its weight says, in the order of the list;
/// the hash of the key, modulo the number of buckets, picks one.
///
/// The row itself is not kept, only where each server's buckets end. With a hash of 15 bits, the
/// buckets beyond the 32,768th get no key: weights are best kept small.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Modula {
    hasher: Hasher,
    servers: usize,
    buckets: u64,
    /// For each server the end of its buckets; empty where every weight is 1.
    ends: Box<[u64]>,
}

impl Modula {
    pub fn new(hasher: Hasher, weights: &[u32]) -> Modula {
        let ends: Box<[u64]> = weights
            .iter()
            .scan(0, |end, &weight| {
                *end += u64::from(weight);
                Some(*end)
            })
            .collect();
        Modula {
            hasher,
            servers: weights.len(),
            buckets: ends.last().copied().unwrap_or(0),
            ends: if weights.iter().all(|&weight| weight == 1) {
                Box::default()
            } else {
                ends
            },
        }
    }

    /// The index of the server for `key`; `None` where no server has a bucket. The key of a single
    /// server is not hashed.
    pub fn select(&self, key: &[u8]) -> Option<usize> {
        if self.buckets == 0 {
            return None;
        }
        if self.servers == 1 {
            return Some(0);
        }
        let bucket = u64::from(self.hasher.hash(key)) % self.buckets;
        if self.ends.is_empty() {
            return usize::try_from(bucket).ok();
        }
        Some(self.ends.partition_point(|&end| end <= bucket))
    }
}
