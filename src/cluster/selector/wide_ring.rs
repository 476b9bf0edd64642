//! uhashring's ring of whole MD5 digests.

use super::points;
use crate::cluster::hasher::{digest, text};
use crate::cluster::node::{Naming, Node};
use crate::error::Result;

/// A server has so many points, times its weight.
const POINTS: usize = 160;

pub struct WideRing {
    /// In the order of the digests as numbers, which are all different.
    points: Vec<(u128, u32)>,
    /// Keys are `bytes` in Python, and hashed as it shows these.
    repr: bool,
}

impl WideRing {
    /// Of points at the same place, that of the later server counts.
    pub fn new(naming: Naming, repr: bool, nodes: &[&Node<'_>]) -> Result<WideRing> {
        let share = |node: &Node<'_>| POINTS * node.weight as usize;
        let mut ring = points(nodes.iter().map(|node| share(node)).sum())?;
        for (index, node) in nodes.iter().enumerate() {
            let name = naming.name(node);
            for number in 0..share(node) {
                let digest = digest::md5(format!("{name}-{number}").as_bytes());
                ring.push((u128::from_be_bytes(digest), index as u32));
            }
        }
        ring.sort_unstable_by(|a, b| (a.0, b.1).cmp(&(b.0, a.1)));
        ring.dedup_by_key(|point| point.0);
        Ok(WideRing { points: ring, repr })
    }

    /// The server of the first point above the key's digest, behind the last one that of the first.
    pub fn select(&self, key: &[u8]) -> Option<usize> {
        let digest = match self.repr {
            true => digest::md5_of_pieces(|add| text::python_repr(key, add)),
            false => digest::md5(key),
        };
        let hash = u128::from_be_bytes(digest);
        let at = self.points.partition_point(|&(point, _)| point <= hash);
        let point = self.points.get(at).or(self.points.first())?;
        Some(point.1 as usize)
    }
}
