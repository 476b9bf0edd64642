//! Rendezvous hashing (Thaler and Ravishankar, 1998) as pymemcache does it: every server bids a hash
//! of its name and the key, and the highest bid wins.

use crate::cluster::hasher::murmur3::Murmur3;
use crate::cluster::hasher::{HashName, Hasher, text};
use crate::cluster::joined::joined;

pub struct Rendezvous {
    /// In the order of their names.
    nodes: Box<[Bidder]>,
    hasher: Hasher,
    /// Keys are `bytes` in Python, and hashed as it shows these.
    repr: bool,
}

struct Bidder {
    /// The name and a hyphen.
    name: Box<str>,
    /// What [`HashName::Murmur3Text`] makes of it.
    begun: Murmur3,
    server: usize,
}

impl Rendezvous {
    /// `names` in the order of the servers. `seed` is that of Murmur3; other hashes have none.
    pub fn new(names: Vec<String>, hasher: Hasher, repr: bool, seed: u32) -> Rendezvous {
        let mut names: Vec<(usize, String)> = names.into_iter().enumerate().collect();
        names.sort_by(|a, b| a.1.cmp(&b.1));
        let bidder = |(server, name): (usize, String)| {
            let name = format!("{name}-").into_boxed_str();
            let mut begun = Murmur3::new(seed);
            begun.add_text(name.as_bytes());
            Bidder {
                name,
                begun,
                server,
            }
        };
        let nodes: Vec<Bidder> = names.into_iter().map(bidder).collect();
        Rendezvous {
            nodes: nodes.into(),
            hasher,
            repr,
        }
    }

    /// Of equal bids, that of the greater name wins.
    pub fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let up = self.nodes.iter().filter(|node| is_up(node.server));
        let bids = up.map(|node| (self.bid(node, key), node.server));
        // The last of the highest.
        bids.max_by_key(|bid| bid.0).map(|bid| bid.1)
    }

    fn bid(&self, node: &Bidder, key: &[u8]) -> u64 {
        if !matches!(self.hasher, Hasher::Named(HashName::Murmur3Text)) {
            let bid = joined(&[node.name.as_bytes(), key], |text| self.hasher.hash(text));
            return bid.unwrap_or(0);
        }
        let mut murmur = node.begun;
        match self.repr {
            true => text::python_repr(key, |piece| murmur.add(piece)),
            false => murmur.add_text(key),
        }
        murmur.finish().into()
    }
}
