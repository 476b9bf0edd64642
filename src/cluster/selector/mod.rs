//! From a key to the index of a server. One file for each placement, one row here.

pub mod modula;

use self::modula::Modula;
use super::hasher::Hasher;

/// Which server a key belongs to: a function of the key, and of the weights of the servers in the
/// order of the list. Built once for each list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selector {
    Modula(Modula),
}

impl Selector {
    /// The placement of a client that was told nothing else.
    pub fn standard(weights: &[u32]) -> Selector {
        Selector::Modula(Modula::new(Hasher::default(), weights))
    }

    /// The index of the server for `key`; `None` where there is no server.
    pub fn select(&self, key: &[u8]) -> Option<usize> {
        match self {
            Selector::Modula(modula) => modula.select(key),
        }
    }
}
