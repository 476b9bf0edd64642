//! Header lines that are like the last one.

use super::decode::numbers_line;
use crate::protocol::ValueHead;

/// The numbers of the last value's header line, where they are flags and length alone and take 16
/// bytes at the most: those of the next one are often the same, and then need not be read.
#[derive(Clone, Copy)]
pub struct Alike {
    /// The bytes, and what was behind them.
    words: [u64; 2],
    /// By how much the first word is shifted for what is behind the line's end to drop out; or, where
    /// the line goes on into the second, by how much that is.
    shift: u32,
    long: bool,
    flags: u32,
    len: usize,
    /// How many bytes the numbers and the line's end take.
    used: usize,
}

impl Default for Alike {
    /// As if a value of flags 0 and length 0 had been there: what is compared with is always a line that
    /// was, or could have been, read.
    fn default() -> Alike {
        Alike {
            words: [u64::from_le_bytes(*b"0 0\r\n\0\0\0"), 0],
            shift: 24,
            long: false,
            flags: 0,
            len: 0,
            used: 5,
        }
    }
}

impl Alike {
    /// As [`numbers_line`].
    #[inline(always)]
    pub fn numbers_line(&mut self, bytes: &[u8], with_cas: bool) -> Option<(ValueHead, usize)> {
        if with_cas {
            return numbers_line(bytes, true);
        }
        if let Some(word) = bytes.first_chunk::<8>() {
            if (u64::from_le_bytes(*word) ^ self.words[0]) << self.shift == 0 && !self.long {
                return Some((self.head(), self.used));
            }
        }
        self.long_or_other(bytes)
    }

    #[inline(always)]
    fn head(&self) -> ValueHead {
        ValueHead {
            flags: self.flags,
            len: self.len,
            cas: None,
        }
    }

    #[inline(never)]
    fn long_or_other(&mut self, bytes: &[u8]) -> Option<(ValueHead, usize)> {
        let words = bytes.first_chunk::<16>().map(|both| {
            let both = u128::from_le_bytes(*both);
            [both as u64, (both >> 64) as u64]
        });
        if let (true, Some([first, second])) = (self.long, words) {
            if first == self.words[0] && (second ^ self.words[1]) << self.shift == 0 {
                return Some((self.head(), self.used));
            }
        }
        let (head, used) = numbers_line(bytes, false)?;
        if let (Some(words), ..=16) = (words, used) {
            let long = used > 8;
            *self = Alike {
                words,
                shift: 8 * (if long { 16 } else { 8 } - used as u32),
                long,
                flags: head.flags,
                len: head.len,
                used,
            };
        }
        Some((head, used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However headers follow each other, comparing with the last one reads what parsing reads. FM-28.
    #[test]
    fn fm28_alike_reads_what_parsing_reads() {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for numbers in [
            "0 0",
            "0 1",
            "0 10",
            "0 100",
            "1 100",
            "0 65536",
            "7 65536",
            "4294967295 1000000",
            "4294967295 134217728",
            "12 3",
            "00 1",
            "0 01",
            "0  1",
            "0 1 ",
            " 0 1",
            "0 1 5",
            "0 1 55555",
            "4294967296 1",
            "-1 1",
            "0 x",
            "",
            "0",
            "\0\0\0\0\0\0\0\0",
            "0 0\r\r",
        ] {
            for behind in [
                "\r\n",
                "\n",
                "\r\nabcdefghijklmnopqrstuvwxyz",
                "",
                "\0\0\0\0\0\0\0\0\0",
            ] {
                texts.push(format!("{numbers}{behind}").into_bytes());
            }
        }
        for first in &texts {
            for second in &texts {
                for with_cas in [false, true] {
                    let mut alike = Alike::default();
                    for text in [first, second, first, first] {
                        assert_eq!(
                            alike.numbers_line(text, with_cas),
                            numbers_line(text, with_cas),
                            "{:?} behind {:?}",
                            String::from_utf8_lossy(text),
                            String::from_utf8_lossy(first)
                        );
                    }
                }
            }
        }
    }
}
