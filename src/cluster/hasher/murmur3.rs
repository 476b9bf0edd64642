//! MurmurHash3_x86_32, of a text that may come in pieces.

use super::text;

/// What has come so far; copied where many texts begin alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Murmur3 {
    hash: u32,
    /// The bytes since the last whole word, the first one the lowest.
    rest: u32,
    len: u32,
}

impl Murmur3 {
    pub fn new(seed: u32) -> Murmur3 {
        Murmur3 {
            hash: seed,
            rest: 0,
            len: 0,
        }
    }

    pub fn of(key: &[u8], seed: u32) -> u32 {
        let mut murmur = Murmur3::new(seed);
        murmur.add(key);
        murmur.finish()
    }

    /// Of the lower 8 bits of each character: see [`Murmur3::add_text`].
    pub fn of_text(key: &[u8], seed: u32) -> u32 {
        let mut murmur = Murmur3::new(seed);
        murmur.add_text(key);
        murmur.finish()
    }

    pub fn add(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.push(byte));
    }

    /// Add a text as pymemcache does: the lower 8 bits of each character.
    pub fn add_text(&mut self, text: &[u8]) {
        if text.is_ascii() {
            return self.add(text);
        }
        text::chars(text).for_each(|c| self.push(c as u32 as u8));
    }

    fn push(&mut self, byte: u8) {
        self.rest |= u32::from(byte) << (8 * (self.len % 4));
        self.len = self.len.wrapping_add(1);
        if self.len % 4 == 0 {
            self.hash = (self.hash ^ scrambled(self.rest))
                .rotate_left(13)
                .wrapping_mul(5)
                .wrapping_add(0xe654_6b64);
            self.rest = 0;
        }
    }

    pub fn finish(self) -> u32 {
        let mut hash = self.hash ^ scrambled(self.rest) ^ self.len;
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

/// 0 for 0: a text that ends with a whole word has no rest.
fn scrambled(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}
