//! Hashes made of the CRC-32 of zlib.

use super::text;

pub fn crc32(key: &[u8]) -> u32 {
    crc32fast::hash(key)
}

/// Bits 16 to 30, as Cache::Memcached began it.
pub fn crc15(key: &[u8]) -> u32 {
    upper(crc32(key))
}

/// The hash of python-memcached up to 1.59: as [`crc15`], and 1 where that is 0; from 1 to 32767.
///
/// python-memcached 1.62 leaves the 0, which places one key in 32,768 differently.
pub fn cmemcache(key: &[u8]) -> u32 {
    crc15(key).max(1)
}

/// The hash of python-memcached2, which encodes keys as Latin-1. It refuses characters beyond that;
/// here the bytes of such a key are hashed as they are.
pub fn cmemcache_latin1(key: &[u8]) -> u32 {
    if key.is_ascii() || !text::chars(key).all(|c| u32::from(c) <= 0xff) {
        return cmemcache(key);
    }
    let mut crc = crc32fast::Hasher::new();
    for c in text::chars(key) {
        crc.update(&[c as u8]);
    }
    upper(crc.finalize()).max(1)
}

fn upper(crc: u32) -> u32 {
    (crc >> 16) & 0x7fff
}
