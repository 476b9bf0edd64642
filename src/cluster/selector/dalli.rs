//! Dalli's ring, where a point owns what is behind it.

use super::points;
use crate::cluster::hasher::{HashName, Hasher, hash};
use crate::cluster::joined::joined;
use crate::cluster::node::{Naming, Node};
use crate::error::Result;

/// A server of average weight has so many points.
const POINTS: u64 = 160;
/// So often Dalli looks for a server.
const TRIES: u32 = 20;

pub struct DalliRing {
    hasher: Hasher,
    points: Vec<(u32, u32)>,
}

impl DalliRing {
    pub fn new(naming: Naming, hasher: Hasher, nodes: &[&Node<'_>]) -> Result<DalliRing> {
        let total = nodes.iter().map(|node| u64::from(node.weight)).sum::<u64>();
        let share = |node: &Node<'_>| {
            let all = nodes.len() as u64 * POINTS * u64::from(node.weight);
            (all as f64 / total as f64).floor() as usize
        };
        let mut ring = points(nodes.iter().map(|node| share(node)).sum())?;
        for (index, node) in nodes.iter().enumerate() {
            let name = naming.name(node);
            for number in 0..share(node) {
                let text = format!("{name}:{number}");
                ring.push((hash(HashName::Sha1, text.as_bytes()) as u32, index as u32));
            }
        }
        ring.sort_unstable();
        Ok(DalliRing {
            hasher,
            points: ring,
        })
    }

    /// The server of the last point that is not above the key's hash. While it is down, the key is
    /// hashed with the number of the try before it.
    pub fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let mut hash = self.hasher.hash(key) as u32;
        for number in 0..TRIES {
            let server = self.owner(hash)?;
            if is_up(server) {
                return Some(server);
            }
            let mut digits = itoa::Buffer::new();
            let parts = [digits.format(number).as_bytes(), key];
            hash = joined(&parts, |text| self.hasher.hash(text))? as u32;
        }
        None
    }

    fn owner(&self, hash: u32) -> Option<usize> {
        let above = self.points.partition_point(|&(point, _)| point <= hash);
        let at = above.checked_sub(1).or(self.points.len().checked_sub(1))?;
        self.points.get(at).map(|&(_, server)| server as usize)
    }
}
