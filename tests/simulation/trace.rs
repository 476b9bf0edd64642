//! Everything that happens in a schedule: as a number that sums it up, and as text where that is asked
//! for.

use std::fmt::{self, Arguments};

use super::random::mix;

pub struct Trace {
    sum: u64,
    /// The text, one line for each happening.
    text: Option<Vec<u8>>,
}

impl Trace {
    pub fn new(with_text: bool) -> Trace {
        Trace {
            sum: 0,
            text: with_text.then(Vec::new),
        }
    }

    /// Something happened at `now` (nanoseconds since the beginning): `what` it was and two numbers of it,
    /// and the same in words.
    pub fn note(&mut self, now: u64, what: &'static str, a: u64, b: u64, words: Arguments<'_>) {
        for part in [now, name(what), a, b] {
            self.sum = mix(self.sum ^ part);
        }
        if let Some(text) = &mut self.text {
            let (ms, ns) = (now / 1_000_000, now % 1_000_000);
            let line = format!("{ms:>7}.{ns:06} ms  {what:<9} {words}\n");
            text.extend_from_slice(line.as_bytes());
        }
    }

    pub fn sum(&self) -> u64 {
        self.sum
    }

    pub fn into_text(self) -> Vec<u8> {
        self.text.unwrap_or_default()
    }
}

/// A number for up to eight letters.
fn name(what: &str) -> u64 {
    what.bytes().fold(0, |all, byte| all << 8 | u64::from(byte))
}

/// A number for bytes.
pub fn digest(bytes: &[u8]) -> u64 {
    let mut sum = bytes.len() as u64;
    for part in bytes.chunks(8) {
        let mut eight = [0; 8];
        eight[..part.len()].copy_from_slice(part);
        sum = mix(sum ^ u64::from_le_bytes(eight));
    }
    sum
}

/// Bytes as they can be read.
pub struct Shown<'b>(pub &'b [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 96;
        let Shown(bytes) = self;
        write!(f, "{}", bytes[..bytes.len().min(MOST)].escape_ascii())?;
        match bytes.len() {
            0..=MOST => Ok(()),
            more => write!(f, "… ({more} bytes)"),
        }
    }
}
