//! An item whose value is still arriving.

use super::expiry::Expiry;
use super::item::Item;
use crate::buffer::NoMemory;

/// Memory of an item that is in no store yet: the value is written into it as it arrives.
#[derive(Debug)]
pub struct Draft {
    bytes: Vec<u8>,
    key_len: u8,
    flags: u32,
    expiry: Expiry,
    /// With the key.
    len: usize,
    encoded_key: bool,
    own_cas: Option<u64>,
}

impl Draft {
    /// For a value of `len` bytes. Allocated as announced: the limit of an item was checked.
    #[inline]
    pub(super) fn new(
        key: &[u8],
        flags: u32,
        expiry: Expiry,
        len: usize,
    ) -> Result<Draft, NoMemory> {
        let key_len = u8::try_from(key.len()).map_err(|_| NoMemory(key.len()))?;
        let len = key.len() + len;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| NoMemory(len))?;
        bytes.extend_from_slice(key);
        Ok(Draft {
            bytes,
            key_len,
            flags,
            expiry,
            len,
            encoded_key: false,
            own_cas: None,
        })
    }

    /// How many bytes of the value are still to come.
    pub fn wanted(&self) -> usize {
        self.len - self.bytes.len()
    }

    /// Append as much of `bytes` as is wanted; returns how much that was.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.wanted());
        self.bytes.extend_from_slice(&bytes[..n]);
        n
    }

    pub fn key(&self) -> &[u8] {
        &self.bytes[..usize::from(self.key_len)]
    }

    /// The key came in base64, and is to be told so.
    pub fn encode_key(&mut self) {
        self.encoded_key = true;
    }

    /// The item is to have this CAS; `None`: the store's next one.
    pub fn choose_cas(&mut self, cas: Option<u64>) {
        self.own_cas = cas;
    }

    pub(super) fn own_cas(&self) -> Option<u64> {
        self.own_cas
    }

    pub(super) fn into_item(self, hash: u64, now: i64) -> Item {
        Item {
            hash,
            cas: 0,
            stored: now,
            expiry: self.expiry,
            flags: self.flags,
            key_len: self.key_len,
            encoded_key: self.encoded_key,
            bytes: self.bytes,
            ..Item::default()
        }
    }
}
