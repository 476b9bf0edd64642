//! Bob Jenkins's one-at-a-time hash.

use super::fnv;

pub fn unsigned(key: &[u8]) -> u32 {
    mix(key.iter().map(|&byte| byte.into()))
}

/// As libhashkit has it on x86, where C's `char` is signed. On ARM the real one takes bytes from 0x80
/// on for positive numbers; this one does what is deployed most, everywhere.
pub fn signed(key: &[u8]) -> u32 {
    mix(key.iter().map(fnv::signed))
}

fn mix(units: impl Iterator<Item = u32>) -> u32 {
    let mut hash = units.fold(0u32, |hash, unit| {
        let hash = hash.wrapping_add(unit);
        let hash = hash.wrapping_add(hash << 10);
        hash ^ (hash >> 6)
    });
    hash = hash.wrapping_add(hash << 3);
    hash ^= hash >> 11;
    hash.wrapping_add(hash << 15)
}
