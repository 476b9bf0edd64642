//! The commands that are followed by a value.

use super::number::{signed, unsigned};
use super::order::{BAD_FORMAT, Order};
use super::token::Words;
use crate::protocol::Op;
use crate::protocol::key::KEY_MAX;

/// What ends a value.
pub const END: [u8; 2] = *b"\r\n";

/// A command line that a value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage<'a> {
    pub op: Op,
    pub key: &'a [u8],
    pub flags: u32,
    pub expiry: i32,
    /// Of the value, without its end; below 2^31 - 3.
    pub len: usize,
    /// Only of `cas`.
    pub cas: u64,
    pub quiet: bool,
}

pub(super) fn storage(op: Op, line: &[u8]) -> Order<'_> {
    let words = Words::of(line);
    let least = if op == Op::Cas { 6 } else { 5 };
    if !(least..=least + 1).contains(&words.len()) {
        return Order::ERROR;
    }
    let quiet = words.quiet();
    let key = words.get(1);
    let numbers = || {
        let flags = unsigned(words.get(2))? as u32;
        let expiry = signed(words.get(3))?;
        let len = signed(words.get(4))?;
        let cas = match op {
            Op::Cas => unsigned(words.get(5))?,
            _ => 0,
        };
        let most = i32::MAX - 2;
        let len = usize::try_from(len).ok().filter(|_| len <= most)?;
        Some((flags, expiry, len, cas))
    };
    match numbers() {
        Some((flags, expiry, len, cas)) if key.len() <= KEY_MAX => Order::Store(Storage {
            op,
            key,
            flags,
            expiry,
            len,
            cas,
            quiet,
        }),
        _ => Order::refused(BAD_FORMAT, quiet),
    }
}
