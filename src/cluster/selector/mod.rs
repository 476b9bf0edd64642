//! From a key to the index of a server. One file for each kind of placement, one row here; what the
//! clients and proxies of this world make of them is in [`presets`].

pub mod ch3;
pub mod consistent;
pub mod custom;
pub mod dalli;
pub mod jump;
pub mod modula;
pub mod presets;
pub mod rehash;
pub mod rendezvous;
pub mod ring;
pub mod sharding;
pub mod tries;
pub mod wide_ring;

use std::sync::Arc;

use self::consistent::Consistent;
use self::custom::Asking;
pub use self::custom::{Choice, Choose};
use self::dalli::DalliRing;
use self::modula::Modula;
use self::presets::Scheme;
use self::rehash::RehashDown;
use self::rendezvous::Rendezvous;
use self::ring::Ring;
use self::sharding::Sharding;
use self::tries::Tries;
use self::wide_ring::WideRing;
use super::hasher::Hasher;
use super::node::{Naming, Node};
use crate::error::{Failure, Result};
use crate::options::Options;

/// Which server a key belongs to: a function of the key, of the list of servers, and of which of them
/// are up. Built once for each list.
pub enum Selector {
    First,
    Modula(Modula),
    RehashDown(RehashDown),
    Sharding(Sharding),
    Consistent(Consistent),
    Tries(Tries),
    Ring(Ring),
    Dalli(DalliRing),
    WideRing(WideRing),
    Rendezvous(Rendezvous),
    Jump {
        hasher: Hasher,
        servers: usize,
    },
    Ch3 {
        hasher: Hasher,
        servers: usize,
    },
    Custom(Asking),
    /// Of a list without servers.
    Nobody,
}

impl Selector {
    /// `hasher` for the keys, and for the points of the rings that take the same hash for both.
    /// Fails where there is no memory for a ring.
    pub fn new(
        scheme: &Scheme,
        naming: Naming,
        hasher: Hasher,
        options: &Options,
        nodes: &[&Node<'_>],
    ) -> Result<Selector> {
        let servers = nodes.len();
        if servers == 0 {
            return Ok(Selector::Nobody);
        }
        let weights = || nodes.iter().map(|node| node.weight);
        Ok(match *scheme {
            Scheme::First => Selector::First,
            Scheme::BySize if servers == 1 => Selector::First,
            Scheme::BySize if servers == 2 => {
                Selector::RehashDown(RehashDown::new(hasher, servers, options.hashing_retries))
            }
            Scheme::BySize => {
                Selector::Sharding(Sharding::new(hasher, servers, sharding::Kind::Fractal))
            }
            Scheme::RehashDown => {
                Selector::RehashDown(RehashDown::new(hasher, servers, options.hashing_retries))
            }
            Scheme::Sharding(kind) => Selector::Sharding(Sharding::new(hasher, servers, kind)),
            Scheme::Consistent => {
                let points = options.total_buckets as usize;
                Selector::Consistent(Consistent::new(hasher, servers, points)?)
            }
            Scheme::Modula { weighted: true } => Selector::Modula(Modula::new(hasher, weights())),
            Scheme::Modula { weighted: false } => {
                Selector::Modula(Modula::new(hasher, weights().map(|_| 1)))
            }
            Scheme::Tries => Selector::Tries(Tries::new(hasher, weights())),
            Scheme::Ring(kind) => Selector::Ring(Ring::new(kind, naming, hasher, nodes)?),
            Scheme::Dalli => Selector::Dalli(DalliRing::new(naming, hasher, nodes)?),
            Scheme::Wide { repr } => Selector::WideRing(WideRing::new(naming, repr, nodes)?),
            Scheme::Rendezvous { repr } => {
                let named = |node: &&Node<'_>| naming.name(node);
                let names = nodes.iter().map(named).collect();
                Selector::Rendezvous(Rendezvous::new(names, hasher, repr, 0))
            }
            Scheme::Jump => Selector::Jump { hasher, servers },
            Scheme::Ch3 => Selector::Ch3 { hasher, servers },
        })
    }

    /// Ask `choose`, which is a stranger.
    pub fn custom(choose: Arc<dyn Choose>, hasher: Hasher, nodes: &[&Node<'_>]) -> Selector {
        match nodes {
            [] => Selector::Nobody,
            nodes => Selector::Custom(Asking::new(choose, hasher, nodes)),
        }
    }

    /// The index of the server for `key`; `None` where there is none to be had: a placement that
    /// takes no other server for one that is down, or no server that is up. `is_up` tells of a server,
    /// by its index, whether it can be used now.
    pub fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let only = |index: Option<usize>| index.filter(|&index| is_up(index));
        match self {
            Selector::First => only(Some(0)),
            Selector::Modula(modula) => only(modula.select(key)),
            Selector::RehashDown(rehash) => rehash.select(key, is_up),
            Selector::Sharding(sharding) => sharding.select(key, is_up),
            Selector::Consistent(consistent) => consistent.select(key, is_up),
            Selector::Tries(tries) => tries.select(key, is_up),
            Selector::Ring(ring) => ring.select(key, is_up),
            Selector::Dalli(ring) => ring.select(key, is_up),
            Selector::WideRing(ring) => only(ring.select(key)),
            Selector::Rendezvous(rendezvous) => rendezvous.select(key, is_up),
            Selector::Jump { hasher, servers } => only(jump::jump(hasher.hash(key), *servers)),
            Selector::Ch3 { hasher, servers } => only(ch3::ch3(hasher.hash(key), *servers)),
            Selector::Custom(custom) => custom.select(key, is_up),
            Selector::Nobody => None,
        }
    }

    /// It has a way of its own to find another server for one that is down.
    pub fn steps_aside(&self) -> bool {
        match self {
            Selector::RehashDown(_)
            | Selector::Sharding(_)
            | Selector::Consistent(_)
            | Selector::Tries(_)
            | Selector::Ring(_)
            | Selector::Dalli(_)
            | Selector::Rendezvous(_)
            | Selector::Custom(_) => true,
            Selector::First
            | Selector::Modula(_)
            | Selector::WideRing(_)
            | Selector::Jump { .. }
            | Selector::Ch3 { .. }
            | Selector::Nobody => false,
        }
    }
}

/// The points of a ring, for as many as there will be at most.
fn points<T>(count: usize) -> Result<Vec<T>> {
    let mut points = Vec::new();
    match points.try_reserve_exact(count) {
        Ok(()) => Ok(points),
        Err(_) => Err(Failure::no_memory(count.saturating_mul(size_of::<T>()))),
    }
}
