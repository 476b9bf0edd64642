//! What is to be sent: bytes of our own, and large values lent by the caller, uncopied.

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::buffer::NoMemory;

/// Identifies a command of the operation that is being carried out.
pub type Token = u32;

/// Values up to this are copied between their command line and its end; larger ones are lent.
pub const COPIED_VALUE_MAX: usize = 1024;

/// Where the values that commands were submitted with are to be had again when they are sent.
pub trait Values {
    fn value(&self, token: Token) -> &[u8];
}

/// Of commands that have no value.
pub struct NoValue;

impl Values for NoValue {
    fn value(&self, _: Token) -> &[u8] {
        b""
    }
}

/// A value that stands in the stream before `bytes[at]`.
struct LentValue {
    at: usize,
    token: Token,
    len: usize,
}

/// Commands on their way. Positions in the stream ("virtual") count own and lent bytes alike.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    lent: VecDeque<LentValue>,
    /// How much of `bytes`, and of the first lent value, has been written.
    own_written: usize,
    lent_written: usize,
    queued: u64,
    written: u64,
}

impl Outbox {
    /// Make room for `n` more bytes of our own.
    #[inline(always)]
    pub fn reserve(&mut self, n: usize) -> Result<(), NoMemory> {
        if self.bytes.capacity() - self.bytes.len() < n {
            self.bytes.try_reserve(n).map_err(|_| NoMemory(n))?;
        }
        Ok(())
    }

    /// The command bytes, to be appended to, between [`Outbox::bytes`]`().len()` taken before and
    /// [`Outbox::queue_from`] told of it after.
    #[inline(always)]
    pub fn commands(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What was appended since there were `before` bytes is to be sent.
    #[inline(always)]
    pub fn queue_from(&mut self, before: usize) {
        self.queued += (self.bytes.len() - before) as u64;
    }

    /// Take `n` bytes out at `at`, unless some of them, or of what stands behind them, have left.
    pub fn cut_out(&mut self, at: usize, n: usize) -> bool {
        if at < self.own_written || at + n > self.bytes.len() {
            return false;
        }
        self.bytes.drain(at..at + n);
        self.queued -= n as u64;
        let behind = self.lent.iter_mut().rev();
        for lent in behind.take_while(|lent| lent.at > at) {
            lent.at -= n;
        }
        true
    }

    /// See to it that the next [`Outbox::lend`] needs no memory.
    pub fn reserve_lent(&mut self) -> Result<(), NoMemory> {
        self.lent.try_reserve(1).map_err(|_| NoMemory(1))
    }

    /// Append a value that the caller keeps until it is sent.
    pub fn lend(&mut self, token: Token, len: usize) {
        self.lent.push_back(LentValue {
            at: self.bytes.len(),
            token,
            len,
        });
        self.queued += len as u64;
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The end of the stream so far.
    pub fn queued(&self) -> u64 {
        self.queued
    }

    pub fn written(&self) -> u64 {
        self.written
    }

    #[inline(always)]
    pub fn all_sent(&self) -> bool {
        self.queued == self.written
    }

    /// What is unsent, where nothing of it is lent.
    #[inline(always)]
    pub fn plain(&self) -> Option<&[u8]> {
        if self.lent.is_empty() {
            self.bytes.get(self.own_written..)
        } else {
            None
        }
    }

    /// The unsent pieces in order, as many as `pieces` has places; returns how many.
    pub fn gather<'a>(&'a self, values: &'a dyn Values, pieces: &mut [IoSlice<'a>]) -> usize {
        let mut own = self.own_written;
        let mut n = 0;
        let mut skip = self.lent_written;
        for lent in &self.lent {
            if n + 2 > pieces.len() {
                return n;
            }
            if lent.at > own {
                pieces[n] = IoSlice::new(&self.bytes[own..lent.at]);
                own = lent.at;
                n += 1;
            }
            // A caller who changes a value meanwhile (its NUL, say) gets no more of it sent than was
            // announced; less is an end of the stream: see `Link::send`.
            let value = values.value(lent.token);
            pieces[n] = IoSlice::new(value.get(skip..lent.len).unwrap_or_default());
            skip = 0;
            n += 1;
        }
        if n < pieces.len() && own < self.bytes.len() {
            pieces[n] = IoSlice::new(&self.bytes[own..]);
            n += 1;
        }
        n
    }

    /// So many bytes of what was gathered are sent.
    #[inline(always)]
    pub fn wrote(&mut self, n: usize) {
        self.written += n as u64;
        if self.lent.is_empty() {
            self.own_written += n;
        } else {
            self.wrote_lent(n);
        }
    }

    fn wrote_lent(&mut self, mut n: usize) {
        while let Some(first) = self.lent.front() {
            let own = (first.at - self.own_written).min(n);
            self.own_written += own;
            n -= own;
            if self.own_written < first.at {
                return;
            }
            let value = (first.len - self.lent_written).min(n);
            self.lent_written += value;
            n -= value;
            if self.lent_written < first.len {
                return;
            }
            self.lent.pop_front();
            self.lent_written = 0;
        }
        self.own_written += n;
    }

    /// Forget everything, keeping the memory where it is small.
    #[inline(always)]
    pub fn clear(&mut self) {
        if self.bytes.capacity() > KEPT_MAX {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
        self.lent.clear();
        self.own_written = 0;
        self.lent_written = 0;
        self.queued = 0;
        self.written = 0;
    }

    /// Hand over the bytes, for the keys in them, and start anew.
    pub fn take(&mut self) -> Vec<u8> {
        let bytes = std::mem::take(&mut self.bytes);
        self.clear();
        bytes
    }
}

/// An idle connection keeps no more than this for the next command.
const KEPT_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    struct Two([Vec<u8>; 2]);
    impl Values for Two {
        fn value(&self, token: Token) -> &[u8] {
            &self.0[token as usize]
        }
    }

    /// FM-17: however the stream is cut, what is gathered next continues it.
    #[test]
    fn fm17_every_cut_continues() {
        let values = Two([vec![b'a'; 7], vec![b'b'; 5]]);
        let whole = b"one aaaaaaa\r\ntwo bbbbb\r\nthree\r\n";
        for step in 1..=whole.len() {
            let mut out = Outbox::default();
            let append = |out: &mut Outbox, part: &[u8]| {
                let before = out.bytes().len();
                out.commands().extend_from_slice(part);
                out.queue_from(before);
            };
            append(&mut out, b"one ");
            out.lend(0, 7);
            append(&mut out, b"\r\ntwo ");
            out.lend(1, 5);
            append(&mut out, b"\r\nthree\r\n");
            assert_eq!(out.queued(), whole.len() as u64);
            let mut sent = Vec::new();
            while !out.all_sent() {
                let mut pieces = [IoSlice::new(&[]); 3];
                let n = out.gather(&values, &mut pieces);
                let flat: Vec<u8> = pieces[..n].iter().flat_map(|p| p.to_vec()).collect();
                let now = step.min(flat.len());
                assert!(now > 0);
                sent.extend_from_slice(&flat[..now]);
                out.wrote(now);
            }
            assert_eq!(sent, whole, "in steps of {step}");
        }
    }
}
