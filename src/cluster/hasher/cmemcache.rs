//! The hash of python-memcached up to 1.59 and of python-memcached2.

/// Bits 16 to 30 of the CRC-32 of zlib, and 1 where these are all 0: from 1 to 32767.
///
/// python-memcached 1.62 leaves the 0, which places one key in 32,768 differently.
pub fn hash(key: &[u8]) -> u32 {
    match (crc32fast::hash(key) >> 16) & 0x7fff {
        0 => 1,
        hash => hash,
    }
}
