//! The servers of a client at one moment, in their order, with what a driver hangs on each. Never
//! changed: a new list is a new snapshot, swapped as a whole.

use super::selector::Selector;

pub struct Topology<S> {
    servers: Vec<S>,
    selector: Selector,
}

impl<S> Topology<S> {
    /// `weights` in the order of the servers.
    pub fn new(servers: Vec<S>, weights: &[u32]) -> Topology<S> {
        debug_assert_eq!(servers.len(), weights.len());
        Topology {
            servers,
            selector: Selector::standard(weights),
        }
    }

    /// The index of the server that `key` (without prefix) belongs to.
    #[inline]
    pub fn place(&self, key: &[u8]) -> Option<usize> {
        if self.servers.len() == 1 {
            return Some(0);
        }
        self.selector.select(key)
    }

    pub fn servers(&self) -> &[S] {
        &self.servers
    }

    pub fn server(&self, index: usize) -> Option<&S> {
        self.servers.get(index)
    }
}
