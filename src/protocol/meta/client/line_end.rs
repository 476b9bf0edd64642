//! The end of a command's line, and of its reply's: the opaque.

use crate::buffer::append;
use crate::protocol::ascii::client::same;

/// ` O7` and the end of the line. The next opaque is one more, as a rule: its text is made of the last one's.
#[derive(Clone, Copy)]
pub struct LineEnd {
    bytes: [u8; ROOM],
    len: usize,
    opaque: u32,
}

/// Room for the longest, in one step.
const ROOM: usize = 16;

impl LineEnd {
    pub fn of(opaque: u32) -> LineEnd {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(opaque).as_bytes();
        let len = 2 + digits.len() + 2;
        let mut bytes = *b" O\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        bytes[2..len - 2].copy_from_slice(digits);
        bytes[len - 2..len].copy_from_slice(b"\r\n");
        LineEnd { bytes, len, opaque }
    }

    /// That of the command with this opaque.
    #[inline(always)]
    pub fn set(&mut self, opaque: u32) {
        if opaque == self.opaque {
            return;
        }
        let last = &mut self.bytes[(self.len - 3) & (ROOM - 1)];
        if self.opaque.checked_add(1) == Some(opaque) && *last != b'9' {
            *last += 1;
            self.opaque = opaque;
        } else {
            self.set_other(opaque);
        }
    }

    #[inline(never)]
    fn set_other(&mut self, opaque: u32) {
        *self = LineEnd::of(opaque);
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Append it.
    #[inline(always)]
    pub fn put(&self, out: &mut Vec<u8>) {
        append(out, &self.bytes);
        out.truncate(out.len() - (ROOM - self.len));
    }

    /// What is behind it in `bytes`, where they begin with it.
    #[inline(always)]
    pub fn behind<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (begin, rest) = bytes.split_at_checked(self.len)?;
        same(begin, self.bytes()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_and_any_other() {
        let mut end = LineEnd::of(0);
        let mut check = |opaque: u32| {
            end.set(opaque);
            let text = format!(" O{opaque}\r\n");
            assert_eq!(end.bytes(), text.as_bytes());
            let mut out = Vec::with_capacity(100);
            end.put(&mut out);
            assert_eq!(out, text.as_bytes());
            for behind in ["", "value", "a value that is longer than sixteen bytes"] {
                let all = format!("{text}{behind}");
                assert_eq!(end.behind(all.as_bytes()), Some(behind.as_bytes()));
                let other = format!(" O{}\r\n{behind}", opaque.wrapping_add(1));
                assert_eq!(end.behind(other.as_bytes()), None);
                let other = format!(" O{opaque}0\r\n{behind}");
                assert_eq!(end.behind(other.as_bytes()), None);
                for cut in 0..text.len() {
                    assert_eq!(end.behind(&text.as_bytes()[..cut]), None);
                }
            }
        };
        for opaque in (0..1_200).chain([9_999, 10_000, 7, u32::MAX - 1, u32::MAX, 0]) {
            check(opaque);
        }
    }
}
