//! Hash modulo the number of servers, as python-memcached does it while all servers are up.

use crate::cluster::hasher::Hasher;

/// A row of buckets in which each server stands as often as its weight says, in the order of the list.
///
/// The row itself is not kept, only where each server's buckets end. With a hash of 15 bits, the
/// buckets beyond the 32,768th get no key: weights are best kept small.
pub struct Buckets {
    count: u64,
    /// For each server the end of its buckets; empty where every weight is 1.
    ends: Box<[u64]>,
}

impl Buckets {
    /// The weights in the order of the servers.
    pub fn new(weights: impl Iterator<Item = u32>) -> Buckets {
        let mut even = true;
        let ends: Box<[u64]> = weights
            .scan(0, |end, weight| {
                even &= weight == 1;
                *end += u64::from(weight);
                Some(*end)
            })
            .collect();
        Buckets {
            count: ends.last().copied().unwrap_or(0),
            ends: if even { Box::default() } else { ends },
        }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whose bucket this is, the first being 0.
    pub fn owner(&self, bucket: u64) -> Option<usize> {
        if bucket >= self.count {
            return None;
        }
        if self.ends.is_empty() {
            return usize::try_from(bucket).ok();
        }
        Some(self.ends.partition_point(|&end| end <= bucket))
    }
}

/// The hash of the key, modulo the number of buckets, picks one.
pub struct Modula {
    hasher: Hasher,
    buckets: Buckets,
}

impl Modula {
    pub fn new(hasher: Hasher, weights: impl Iterator<Item = u32>) -> Modula {
        Modula {
            hasher,
            buckets: Buckets::new(weights),
        }
    }

    /// The index of the server for `key`; `None` where no server has a bucket.
    pub fn select(&self, key: &[u8]) -> Option<usize> {
        let bucket = self.hasher.hash(key).checked_rem(self.buckets.count)?;
        self.buckets.owner(bucket)
    }
}
