//! Header lines of values that are like the last one.

use crate::protocol::number;

/// `VA 100 k`, and ` f0` behind the key, of the last value's line, where they take no more than eight bytes
/// each: those of the next one are often the same, and then need not be read.
#[derive(Clone, Copy)]
pub struct Alike {
    front: Known,
    len: u64,
    behind_key: Known,
    flags: u64,
}

/// Bytes that were read before.
#[derive(Clone, Copy)]
struct Known {
    word: u64,
    /// By how much both words are shifted for what is behind the bytes to drop out.
    shift: u32,
    used: usize,
}

impl Known {
    const fn of(bytes: [u8; 8], used: usize) -> Known {
        Known {
            word: u64::from_le_bytes(bytes),
            shift: 8 * (8 - used as u32),
            used,
        }
    }

    #[inline(always)]
    fn is(&self, bytes: &[u8]) -> bool {
        bytes
            .first_chunk::<8>()
            .is_some_and(|word| (u64::from_le_bytes(*word) ^ self.word) << self.shift == 0)
    }

    /// What can be known of `used` bytes.
    fn new(bytes: &[u8], used: usize) -> Option<Known> {
        match (bytes.first_chunk::<8>(), used) {
            (Some(word), ..=8) => Some(Known::of(*word, used)),
            _ => None,
        }
    }
}

impl Default for Alike {
    fn default() -> Alike {
        Alike {
            front: Known::of(*b"VA 0 k\0\0", 6),
            len: 0,
            behind_key: Known::of(*b" f0 \0\0\0\0", 4),
            flags: 0,
        }
    }
}

impl Alike {
    /// The length of the value, and what is behind `VA 100 k`.
    #[inline(always)]
    pub fn len<'b>(&mut self, line: &'b [u8]) -> Option<(u64, &'b [u8])> {
        if self.front.is(line) {
            return Some((self.len, line.get(self.front.used..)?));
        }
        self.other_len(line)
    }

    #[inline(never)]
    fn other_len<'b>(&mut self, line: &'b [u8]) -> Option<(u64, &'b [u8])> {
        let number = line.strip_prefix(b"VA ")?;
        let (len, n) = number::leading(number)?;
        let rest = number.get(n..)?.strip_prefix(b" k")?;
        let used = line.len() - rest.len();
        if let Some(known) = Known::new(line, used) {
            (self.front, self.len) = (known, len);
        }
        Some((len, rest))
    }

    /// The client's flags, and what is behind ` f0`: a space.
    #[inline(always)]
    pub fn flags<'b>(&mut self, line: &'b [u8]) -> Option<(u64, &'b [u8])> {
        if self.behind_key.is(line) {
            return Some((self.flags, line.get(self.behind_key.used - 1..)?));
        }
        self.other_flags(line)
    }

    #[inline(never)]
    fn other_flags<'b>(&mut self, line: &'b [u8]) -> Option<(u64, &'b [u8])> {
        let number = line.strip_prefix(b" f")?;
        let (flags, n) = number::leading(number)?;
        let rest = number.get(n..).filter(|rest| rest.first() == Some(&b' '))?;
        let used = line.len() - rest.len() + 1;
        if let Some(known) = Known::new(line, used) {
            (self.behind_key, self.flags) = (known, flags);
        }
        Some((flags, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However lines follow each other, comparing with the last one reads what parsing reads. FM-28.
    #[test]
    fn fm28_alike_reads_what_parsing_reads() {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for front in [
            "VA 0 k",
            "VA 1 k",
            "VA 10 k",
            "VA 100 k",
            "VA 999 k",
            "VA 1000 k",
            "VA 99999 k",
            "VA 00 k",
            "VA 010 k",
            "VA  1 k",
            "VA -1 k",
            "VA x k",
            "VA 1 f",
            "VA 1k",
            "VB 1 k",
            "EN k",
            "",
        ] {
            for behind in ["", "key", "key f0 O1\r\n", "\0\0\0\0\0\0\0\0"] {
                lines.push(format!("{front}{behind}").into_bytes());
            }
        }
        for front in [
            " f0 ",
            " f1 ",
            " f12345 ",
            " f4294967295 ",
            " f01 ",
            " f",
            " f0",
            " f0\r",
            " c0 ",
        ] {
            for behind in ["", "O1\r\n", "O123456\r\nvalue"] {
                lines.push(format!("{front}{behind}").into_bytes());
            }
        }
        for first in &lines {
            for second in &lines {
                let mut alike = Alike::default();
                for line in [first, second, first, first] {
                    assert_eq!(alike.len(line), Alike::default().other_len(line));
                    assert_eq!(alike.flags(line), Alike::default().other_flags(line));
                }
            }
        }
    }
}
