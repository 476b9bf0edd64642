//! Outcomes into replies.

use super::flags::{Flags, OPAQUE_MAX};
use crate::buffer::{NoMemory, append};
use crate::protocol::key::KEY_MAX;
use crate::protocol::meta::base64;

/// The most bytes that a reply line has: a key, an opaque, numbers and marks.
const LINE_ROOM: usize = 224 + base64::encoded_len(KEY_MAX) + OPAQUE_MAX;

/// A reply line being made.
pub struct Reply<'o> {
    out: &'o mut Vec<u8>,
    begin: usize,
}

impl<'o> Reply<'o> {
    /// Begin with a code. There is room for `value` bytes behind the line.
    pub fn new(code: &[u8], value: usize, out: &'o mut Vec<u8>) -> Result<Reply<'o>, NoMemory> {
        let room = LINE_ROOM + value + 2;
        out.try_reserve(room).map_err(|_| NoMemory(room))?;
        let begin = out.len();
        append(out, code);
        Ok(Reply { out, begin })
    }

    /// The reply's code and the length of its value.
    pub fn value(len: usize, out: &'o mut Vec<u8>) -> Result<Reply<'o>, NoMemory> {
        let reply = Reply::new(b"VA ", len, out)?;
        append(reply.out, itoa::Buffer::new().format(len).as_bytes());
        Ok(reply)
    }

    pub fn number(&mut self, flag: u8, number: impl itoa::Integer) {
        append(self.out, &[b' ', flag]);
        append(self.out, itoa::Buffer::new().format(number).as_bytes());
    }

    pub fn mark(&mut self, flag: u8) {
        append(self.out, &[b' ', flag]);
    }

    /// A flag as the command has it: its opaque.
    pub fn token(&mut self, token: &[u8]) {
        append(self.out, b" ");
        append(self.out, token);
    }

    /// The key, in base64 with its mark where it is `encoded`.
    pub fn key(&mut self, key: &[u8], encoded: bool) {
        append(self.out, b" k");
        if encoded {
            base64::encode(key, |four| append(self.out, four));
            append(self.out, b" b");
        } else {
            append(self.out, key);
        }
    }

    /// The key alone, without a flag.
    pub fn name(&mut self, key: &[u8], encoded: bool) {
        append(self.out, b" ");
        if encoded {
            base64::encode(key, |four| append(self.out, four));
        } else {
            append(self.out, key);
        }
    }

    /// A word and its number.
    pub fn word(&mut self, word: &[u8], number: impl itoa::Integer) {
        append(self.out, b" ");
        append(self.out, word);
        append(self.out, itoa::Buffer::new().format(number).as_bytes());
    }

    /// Opaque and key, as a reply has them that tells nothing of an item.
    pub fn identity(&mut self, flags: &Flags<'_>, key: &[u8], encoded: bool) {
        for (flag, token) in flags.iter() {
            match flag {
                b'O' => self.token(token),
                b'k' => self.key(key, encoded),
                _ => {}
            }
        }
    }

    /// End the line.
    pub fn end(self) {
        append(self.out, b"\r\n");
    }

    /// End the line; the value is behind it.
    pub fn end_with(self, value: &[u8]) {
        append(self.out, b"\r\n");
        append(self.out, value);
        append(self.out, b"\r\n");
    }

    /// Take it back, and say something else.
    pub fn instead(self, text: &[u8]) {
        self.out.truncate(self.begin);
        append(self.out, text);
    }
}

/// What the reply to `ms` tells, kept while its value arrives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stash {
    /// Letters in their order.
    letters: [u8; 4],
    len: usize,
    opaque: [u8; OPAQUE_MAX],
    opaque_len: usize,
}

impl Stash {
    /// Of flags whose opaque is not too long.
    pub fn of(flags: &Flags<'_>) -> Stash {
        let mut stash = Stash::default();
        for (flag, token) in flags.iter() {
            if !matches!(flag, b'O' | b'k' | b'c' | b's') || stash.len == stash.letters.len() {
                continue;
            }
            stash.letters[stash.len] = flag;
            stash.len += 1;
            if let (b'O', Some(place)) = (flag, stash.opaque.get_mut(..token.len())) {
                place.copy_from_slice(token);
                stash.opaque_len = token.len();
            }
        }
        stash
    }

    /// Tell it; `len` is how long the value is now, or where it was not stored, how long it would be.
    pub fn tell(&self, reply: &mut Reply<'_>, key: &[u8], encoded: bool, cas: u64, len: usize) {
        for letter in &self.letters[..self.len] {
            match letter {
                b'O' => reply.token(&self.opaque[..self.opaque_len]),
                b'k' => reply.key(key, encoded),
                b's' => reply.number(b's', len),
                _ => reply.number(b'c', cas),
            }
        }
    }
}
