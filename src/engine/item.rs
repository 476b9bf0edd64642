//! One item, and what it counts against the limits.

use super::expiry::{Expiry, Flushed};

/// The largest item, counted by [`item_size`].
pub const ITEM_MAX: usize = 1 << 20;

/// How many bytes an item counts. As memcached 1.6 does: 48 of header, 8 of CAS, the key with a NUL,
/// 4 of flags unless they are zero, the value with its line end.
#[inline(always)]
pub fn item_size(key: usize, flags: u32, value: usize) -> usize {
    let flags = if flags == 0 { 0 } else { 4 };
    48 + 8 + key + 1 + flags + value + 2
}

/// The CAS that an item gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub cas: u64,
    /// Somebody chose it: it does not tell which items are older.
    pub own: bool,
}

/// A stored item. Key and value stand behind one another in one allocation.
#[derive(Default)]
pub(super) struct Item {
    pub hash: u64,
    pub cas: u64,
    /// When it was stored, for what a flush covers and how old it is.
    pub stored: i64,
    pub expiry: Expiry,
    pub flags: u32,
    pub key_len: u8,
    /// Whether anybody has asked for it.
    pub fetched: bool,
    /// Its value is out of date, and still to be had.
    pub stale: bool,
    /// Somebody was told to make its value anew.
    pub promised: bool,
    /// Its key was said in base64, and is told so.
    pub encoded_key: bool,
    /// Its CAS was chosen by somebody, and tells nothing of its age.
    pub own_cas: bool,
    /// Seconds from `stored` to its last use. Being asked for the first time is none.
    pub used_after: u32,
    pub bytes: Vec<u8>,
}

impl Item {
    #[inline(always)]
    pub fn key(&self) -> &[u8] {
        &self.bytes[..usize::from(self.key_len)]
    }

    #[inline(always)]
    pub fn value(&self) -> &[u8] {
        &self.bytes[usize::from(self.key_len)..]
    }

    pub fn value_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[usize::from(self.key_len)..]
    }

    #[inline(always)]
    pub fn size(&self) -> usize {
        let key = usize::from(self.key_len);
        item_size(key, self.flags, self.bytes.len() - key)
    }

    /// When it was used last, or stored.
    pub fn used_at(&self) -> i64 {
        self.stored + i64::from(self.used_after)
    }

    /// It is used.
    #[inline(always)]
    pub fn use_at(&mut self, now: i64) {
        self.used_after = u32::try_from(now - self.stored).unwrap_or(u32::MAX);
    }

    /// It is asked for.
    #[inline(always)]
    pub fn fetch_at(&mut self, now: i64) {
        if self.fetched {
            self.use_at(now);
        }
        self.fetched = true;
    }

    /// Its value is another one: as if it had just been stored.
    pub fn renew(&mut self, now: i64) {
        self.stored = now;
        self.used_after = 0;
        self.fetched = false;
        self.stale = false;
        self.promised = false;
        self.encoded_key = false;
    }

    #[inline(always)]
    pub fn stamp(&mut self, stamp: Stamp) {
        self.cas = stamp.cas;
        self.own_cas = stamp.own;
    }

    #[inline(always)]
    pub fn has_expired(&self, now: i64) -> bool {
        self.expiry.has_passed(now)
    }

    #[inline(always)]
    pub fn is_flushed(&self, flushed: Flushed, now: i64) -> bool {
        let cas = match self.own_cas {
            // Such items have gone with the flush itself.
            true => u64::MAX,
            false => self.cas,
        };
        flushed.covers(self.stored, cas, now)
    }
}
