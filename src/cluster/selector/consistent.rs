//! python-memcached2's SelectorConsistentHashing: numbered points on a ring, dealt to the servers in
//! turn; with the number of points that it was told, which the original forgets.

use super::points;
use crate::cluster::hasher::Hasher;
use crate::error::Result;

pub struct Consistent {
    hasher: Hasher,
    /// In the order of their hashes, which are all different; with the server of each.
    points: Vec<(u64, usize)>,
}

impl Consistent {
    /// `total`: how many points there are; 0: the number of servers, squared. Of points with the same
    /// hash, the last one counts.
    pub fn new(hasher: Hasher, servers: usize, total: usize) -> Result<Consistent> {
        let total = match total {
            0 => servers.saturating_mul(servers),
            total => total,
        };
        let mut all = points(total)?;
        let mut digits = itoa::Buffer::new();
        for number in 0..total {
            let hash = hasher.hash(digits.format(number).as_bytes());
            all.push((hash, number));
        }
        all.sort_unstable();
        // Later ones stand behind earlier ones: keep the last of each hash.
        all.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = later.1;
            }
            same
        });
        for (_, owner) in &mut all {
            *owner %= servers.max(1);
        }
        Ok(Consistent {
            hasher,
            points: all,
        })
    }

    /// From the first point behind the key's hash on, the first server that is up. Two oddities of the
    /// original are kept, since they move keys: a point that is the hash itself counts unless it is of
    /// server 0; and a key below the first point belongs to the last one, and never to the first.
    pub fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let hash = self.hasher.hash(key);
        let last = self.points.last()?.1;
        let below_all = hash < self.points.first()?.0;
        let start = self.points.partition_point(|point| *point <= (hash, 0));
        let (wrapped, onward) = self.points.split_at(start);
        for (n, &(_, server)) in onward.iter().chain(wrapped).enumerate() {
            let is_first = (start + n) % self.points.len() == 0;
            let server = if is_first && below_all { last } else { server };
            if is_up(server) {
                return Some(server);
            }
        }
        None
    }

    /// The hash and the server of each point, in their order.
    pub fn points(&self) -> &[(u64, usize)] {
        &self.points
    }
}
