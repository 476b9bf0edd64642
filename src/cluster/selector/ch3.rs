//! mcrouter's Ch3, which was called furc_hash: a path through a tree of servers, by bits of a hash.

use crate::cluster::hasher::murmur2::{MCROUTER_SEED, murmur64a};

const TRIES: u32 = 32;
/// How far apart the bits are that are taken for one path.
const SHIFT: usize = 23;

/// The place of a key, whose hash (MurmurHash64A with mcrouter's seed) this is, among `count` servers,
/// which are at most 2^23; `None` where there are none. One more server at the end takes its keys from
/// all others.
pub fn ch3(hash: u64, count: usize) -> Option<usize> {
    if count <= 1 {
        return (count == 1).then_some(0);
    }
    let mut bits = Bits::new(hash);
    // So many bits make a path: the logarithm, rounded up.
    let mut depth = count.next_power_of_two().trailing_zeros() as usize;
    let mut at = depth;
    for _ in 0..TRIES {
        while !bits.bit(at) {
            depth -= 1;
            if depth == 0 {
                return Some(0);
            }
            at = depth;
        }
        at += SHIFT;
        let mut path = 1;
        for _ in 1..depth {
            path = (path << 1) | usize::from(bits.bit(at));
            at += SHIFT;
        }
        if path < count {
            return Some(path);
        }
    }
    Some(0)
}

/// An endless row of bits: the key's hash, the MurmurHash64A of that, and so on.
struct Bits {
    words: [u64; Bits::KEPT],
    known: usize,
}

impl Bits {
    /// As many as most keys need; those beyond are calculated from the last of these.
    const KEPT: usize = 16;

    fn new(hash: u64) -> Bits {
        let mut words = [0; Bits::KEPT];
        words[0] = hash;
        Bits { words, known: 1 }
    }

    fn bit(&mut self, at: usize) -> bool {
        let word = at / 64;
        while self.known <= word && self.known < Bits::KEPT {
            self.words[self.known] = follower(self.words[self.known - 1]);
            self.known += 1;
        }
        let kept = word.min(Bits::KEPT - 1);
        let value = (kept..word).fold(self.words[kept], |value, _| follower(value));
        (value >> (at % 64)) & 1 == 1
    }
}

fn follower(word: u64) -> u64 {
    murmur64a(&word.to_le_bytes(), MCROUTER_SEED)
}
