//! python-memcached2's sharding among the servers that are up.

use super::rehash::rehash;
use crate::cluster::hasher::Hasher;

pub struct Sharding {
    hasher: Hasher,
    servers: usize,
    kind: Kind,
}

/// What becomes of the keys of a server that is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The server is struck off the list, the key hashed again, and the rest of the list tried: what
    /// SelectorFractalSharding is for, and what it did in release 0.3.
    Fractal,
    /// What its master branch does: the same hash modulo one less each time, always among all servers,
    /// so that a server that is up may not be found. For those who run it.
    Master,
    /// SelectorAvailableServers of release 0.3: the hash modulo the number of servers that are up. All
    /// keys move when a server goes or comes.
    Available,
}

impl Sharding {
    pub fn new(hasher: Hasher, servers: usize, kind: Kind) -> Sharding {
        Sharding {
            hasher,
            servers,
            kind,
        }
    }

    pub fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let hash = self.hasher.hash(key);
        match self.kind {
            Kind::Fractal => self.fractal(key, hash, is_up),
            Kind::Master => self.master(hash, is_up),
            Kind::Available => self.available(hash, is_up),
        }
    }

    /// Finds a server whenever one is up.
    fn fractal(&self, key: &[u8], hash: u64, is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let first = hash.checked_rem(self.servers as u64)? as usize;
        if is_up(first) {
            return Some(first);
        }
        let mut left = Vec::new();
        left.try_reserve_exact(self.servers).ok()?;
        left.extend((0..self.servers).filter(|&server| server != first));
        let mut tries = 0;
        while !left.is_empty() {
            let at = (rehash(&self.hasher, key, tries)? % left.len() as u64) as usize;
            if is_up(left[at]) {
                return Some(left[at]);
            }
            left.remove(at);
            tries += 1;
        }
        None
    }

    fn master(&self, hash: u64, is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let tries = (1..=self.servers as u64).rev();
        tries
            .map(|modulus| (hash % modulus) as usize)
            .find(|&server| is_up(server))
    }

    fn available(&self, hash: u64, is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let up = || (0..self.servers).filter(|&server| is_up(server));
        let at = hash.checked_rem(up().count() as u64)?;
        up().nth(at as usize)
    }
}
