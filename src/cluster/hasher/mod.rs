//! From a key to a number. One file for each hash, one row here.

pub mod cmemcache;

/// The hash that a placement uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hasher {
    /// The upper bits of CRC-32, never 0: see [`cmemcache`].
    #[default]
    Cmemcache,
}

impl Hasher {
    /// Hashes the bytes of the key as they are.
    pub fn hash(self, key: &[u8]) -> u32 {
        match self {
            Hasher::Cmemcache => cmemcache::hash(key),
        }
    }
}
