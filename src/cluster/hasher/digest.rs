//! Hashes of crates: MD5, SHA-1, XXH3.

use md5::{Digest, Md5};
use sha1::Sha1;

pub fn md5(text: &[u8]) -> [u8; 16] {
    Md5::digest(text).into()
}

/// The MD5 of a text that comes in pieces.
pub fn md5_of_pieces(feed: impl FnOnce(&mut dyn FnMut(&[u8]))) -> [u8; 16] {
    let mut digest = Md5::new();
    feed(&mut |piece| digest.update(piece));
    digest.finalize().into()
}

/// Word `i`, from 0 to 3, of a digest: its first byte is the lowest.
pub fn md5_word(digest: &[u8; 16], i: usize) -> u32 {
    let at = (i % 4) * 4;
    u32::from_le_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]])
}

/// The first four bytes of the SHA-1, the first one the highest.
pub fn sha1_start(text: &[u8]) -> u32 {
    let digest: [u8; 20] = Sha1::digest(text).into();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// XXH3 of 64 bits, seed 0.
pub fn xxh3(text: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text)
}
