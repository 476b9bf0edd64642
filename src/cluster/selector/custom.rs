//! A selector that is not ours.

use std::sync::Arc;

use crate::cluster::hasher::Hasher;
use crate::cluster::node::Node;
use crate::names::ServerName;

/// Chooses the server of a key: a function of its arguments.
pub trait Choose: Send + Sync {
    /// The index of a server, or `None`: there is none for this key.
    fn choose(&self, key: &[u8], servers: &Choice<'_>) -> Option<usize>;
}

/// What a selector may know.
pub struct Choice<'a> {
    asking: &'a Asking,
    is_up: &'a dyn Fn(usize) -> bool,
}

pub struct Asking {
    choose: Arc<dyn Choose>,
    hasher: Hasher,
    servers: Box<[(ServerName, u32)]>,
}

impl Asking {
    pub fn new(choose: Arc<dyn Choose>, hasher: Hasher, nodes: &[&Node<'_>]) -> Asking {
        let server = |node: &&Node<'_>| (node.name, node.weight);
        Asking {
            choose,
            hasher,
            servers: nodes.iter().map(server).collect(),
        }
    }

    pub fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let choice = Choice {
            asking: self,
            is_up,
        };
        let chosen = self.choose.choose(key, &choice);
        chosen.filter(|&index| index < self.servers.len())
    }
}

impl Choice<'_> {
    /// How many servers there are, at least 2: one server is not asked about.
    pub fn count(&self) -> usize {
        self.asking.servers.len()
    }

    pub fn name(&self, index: usize) -> Option<ServerName> {
        self.asking.servers.get(index).map(|server| server.0)
    }

    pub fn weight(&self, index: usize) -> Option<u32> {
        self.asking.servers.get(index).map(|server| server.1)
    }

    pub fn is_up(&self, index: usize) -> bool {
        index < self.count() && (self.is_up)(index)
    }

    /// The hash that the client's options say.
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.asking.hasher.hash(key)
    }
}
