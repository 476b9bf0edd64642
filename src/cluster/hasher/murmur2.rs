//! MurmurHash2, of 32 and of 64 bits.

/// mcrouter's and its consistent hash's.
pub const MCROUTER_SEED: u64 = 4_193_360_111;

/// MurmurHash2 of 32 bits, reading words with the lowest byte first.
pub fn murmur2(key: &[u8], seed: u32) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = seed ^ key.len() as u32;
    let words = key.chunks_exact(4);
    let rest = words.remainder();
    for word in words {
        let mut k = number(word) as u32;
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        hash = (hash ^ number(rest) as u32).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// MurmurHash64A, reading words with the lowest byte first.
pub fn murmur64a(key: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = seed ^ (key.len() as u64).wrapping_mul(M);
    let words = key.chunks_exact(8);
    let rest = words.remainder();
    for word in words {
        let mut k = number(word).wrapping_mul(M);
        k ^= k >> 47;
        hash = (hash ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        hash = (hash ^ number(rest)).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 47)).wrapping_mul(M);
    hash ^ (hash >> 47)
}

/// Up to eight bytes, the lowest first.
fn number(bytes: &[u8]) -> u64 {
    let add = |sum, &byte: &u8| (sum << 8) | u64::from(byte);
    bytes.iter().rev().fold(0, add)
}
