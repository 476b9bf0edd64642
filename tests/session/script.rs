//! What is sent and what is received, as data.

use std::convert::Infallible;
use std::mem::MaybeUninit;

use memcached2::buffer::Source;
use memcached2::connection::outbox::{Token, Values};
use memcached2::protocol::expiry::Ttl;
use memcached2::protocol::extra::Extra;
use memcached2::protocol::{Command, Key, Op, Request};

/// Bytes that were received and not read yet.
pub struct Bytes<'a> {
    pub rest: &'a [u8],
    /// How often it was read.
    pub reads: usize,
}

// SAFETY: reports exactly what was written, the first space before the second.
unsafe impl Source for Bytes<'_> {
    type Error = Infallible;
    fn fill(
        &mut self,
        first: &mut [MaybeUninit<u8>],
        second: &mut [MaybeUninit<u8>],
    ) -> Result<usize, Infallible> {
        self.reads += 1;
        let n = self.rest.len().min(first.len() + second.len());
        let (now, rest) = self.rest.split_at(n);
        for (to, from) in first.iter_mut().chain(second).zip(now) {
            to.write(*from);
        }
        self.rest = rest;
        Ok(n)
    }
}

/// A command that owns what it says.
#[derive(Clone, Debug)]
pub struct Cmd {
    pub op: Op,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub ttl: Ttl,
    pub quiet: bool,
    pub extra: Extra,
}

impl Cmd {
    pub fn new(op: Op, key: impl AsRef<[u8]>) -> Cmd {
        Cmd {
            op,
            key: key.as_ref().to_vec(),
            value: match op {
                Op::Stats => Vec::new(),
                _ => b"value".to_vec(),
            },
            ttl: Ttl::Never,
            quiet: false,
            extra: Extra::NOTHING,
        }
    }

    pub fn quiet(mut self) -> Cmd {
        self.quiet = true;
        self
    }

    pub fn value(mut self, value: Vec<u8>) -> Cmd {
        self.value = value;
        self
    }

    pub fn extra(mut self, extra: Extra) -> Cmd {
        self.extra = extra;
        self
    }

    pub fn ttl(mut self, seconds: i64) -> Cmd {
        self.ttl = Ttl::After(seconds);
        self
    }

    /// Give the request to `f`.
    pub fn with<T>(&self, f: impl FnOnce(&Request<'_, '_>) -> T) -> T {
        let value: &[u8] = match self.op {
            Op::Stats => &self.value,
            op if op.sends_value() => &self.value,
            _ => b"",
        };
        let command = Command {
            value,
            ttl: self.ttl,
            cas: 77,
            delta: 5,
            extra: self.extra,
            ..Command::new(self.op, &self.key)
        };
        let key = match self.op.takes_key() {
            true => Key::any(b"", &self.key).expect("a key"),
            false => Key::NONE,
        };
        f(&Request::new(self.op, &command, key, || 1_700_000_000))
    }
}

/// The values of commands by their tokens.
pub struct Lent<'a>(pub &'a [Cmd]);

impl Values for Lent<'_> {
    fn value(&self, token: Token) -> &[u8] {
        &self.0[token as usize].value
    }
}
