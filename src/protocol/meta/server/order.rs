//! What a line asks.

use super::flags::{BAD_FORMAT, Flags};
use super::key::Named;
use crate::protocol::ascii::server::Tokens;
use crate::protocol::ascii::server::number::signed;
use crate::protocol::key::KEY_MAX;

/// One command line.
#[derive(Clone, Copy, Debug)]
pub enum Order<'a> {
    /// `mg`.
    Get { key: Named<'a>, flags: Flags<'a> },
    /// `ms`.
    Store(Storage<'a>),
    /// `md`.
    Delete { key: Named<'a>, flags: Flags<'a> },
    /// `ma`.
    Count {
        key: Named<'a>,
        flags: Flags<'a>,
        up: bool,
    },
    /// `mn`.
    Barrier,
    /// `me`.
    Debug(Named<'a>),
    /// `text` is all of the reply; so many bytes behind the line belong to it.
    Refused { text: &'static [u8], skip: usize },
}

/// A command line that a value follows.
#[derive(Clone, Copy, Debug)]
pub struct Storage<'a> {
    pub key: Named<'a>,
    pub flags: Flags<'a>,
    pub mode: Mode,
    /// Of the value, without its end; below 2^31 - 3.
    pub len: usize,
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Set,
    Add,
    Replace,
    Append,
    Prepend,
}

/// In how many words, those of command and key included, flags may end.
const WORDS_MOST: usize = 19;

const TOO_MANY: &[u8] = b"CLIENT_ERROR options flags too long\r\n";
const BAD_FLAG: &[u8] = b"CLIENT_ERROR invalid or duplicate flag\r\n";
const LONG_OPAQUE: &[u8] = b"CLIENT_ERROR opaque token too long\r\n";

impl<'a> Order<'a> {
    /// What is told of an opaque that is too long, where that is noticed only when the reply is made.
    pub const LONG_OPAQUE: &'static [u8] = LONG_OPAQUE;

    fn refused(text: &'static [u8]) -> Order<'a> {
        Order::Refused { text, skip: 0 }
    }
}

/// What a line, without its end, asks: one whose first word is of this protocol.
pub fn order(line: &[u8]) -> Order<'_> {
    // For the server, text ends at a NUL.
    let line = &line[..memchr::memchr(0, line).unwrap_or(line.len())];
    let mut tokens = Tokens::new(line);
    let word = tokens.next().unwrap_or_default();
    if word == b"mn" {
        return Order::Barrier;
    }
    let Some(key) = tokens.next() else {
        return Order::refused(if word == b"me" {
            BAD_FORMAT
        } else {
            b"ERROR\r\n"
        });
    };
    if key.len() > KEY_MAX {
        return Order::refused(BAD_FORMAT);
    }
    let key = Named::plain(key);
    match word {
        b"mg" => get(key, tokens),
        b"ms" => store(key, tokens),
        b"md" => delete(key, tokens),
        b"ma" => count(key, tokens),
        b"me" => debug(key, tokens),
        _ => Order::refused(b"ERROR\r\n"),
    }
}

fn get<'a>(mut key: Named<'a>, tokens: Tokens<'a>) -> Order<'a> {
    let Some(mut flags) = Flags::of(tokens, WORDS_MOST - 2) else {
        return Order::refused(b"CLIENT_ERROR options flags are too long\r\n");
    };
    match flags.read(&mut key) {
        Ok(()) => Order::Get { key, flags },
        Err(text) => Order::refused(text),
    }
}

/// The flags of `md` and `ma`, which tell less of what is wrong.
fn read<'a>(key: &mut Named<'a>, tokens: Tokens<'a>) -> Result<Flags<'a>, &'static [u8]> {
    let mut flags = Flags::of(tokens, WORDS_MOST - 2).ok_or(TOO_MANY)?;
    match flags.read(key) {
        Ok(()) => Ok(flags),
        Err(_) => Err(BAD_FLAG),
    }
}

fn delete<'a>(mut key: Named<'a>, tokens: Tokens<'a>) -> Order<'a> {
    match read(&mut key, tokens) {
        Ok(flags) if flags.has_long_opaque() => Order::refused(LONG_OPAQUE),
        Ok(flags) => Order::Delete { key, flags },
        Err(text) => Order::refused(text),
    }
}

fn count<'a>(mut key: Named<'a>, tokens: Tokens<'a>) -> Order<'a> {
    let flags = match read(&mut key, tokens) {
        Ok(flags) => flags,
        Err(text) => return Order::refused(text),
    };
    let up = match flags.mode {
        None | Some(b'I' | b'+') => true,
        Some(b'D' | b'-') => false,
        Some(_) => return Order::refused(b"CLIENT_ERROR invalid mode for ma M token\r\n"),
    };
    Order::Count { key, flags, up }
}

fn store<'a>(mut key: Named<'a>, mut tokens: Tokens<'a>) -> Order<'a> {
    let Some(len) = tokens.next() else {
        return Order::refused(BAD_FORMAT);
    };
    let Some(mut flags) = Flags::of(tokens, WORDS_MOST - 3) else {
        return Order::refused(TOO_MANY);
    };
    let most = i32::MAX - 2;
    let len = signed(len).filter(|len| *len <= most);
    let Some(len) = len.and_then(|len| usize::try_from(len).ok()) else {
        return Order::refused(BAD_FORMAT);
    };
    let skip = len + 2;
    if let Err(text) = flags.read(&mut key) {
        return Order::Refused { text, skip };
    }
    if flags.has_long_opaque() {
        let text = LONG_OPAQUE;
        return Order::Refused { text, skip };
    }
    let mode = match flags.mode {
        None | Some(b'S') => Mode::Set,
        Some(b'E') => Mode::Add,
        Some(b'R') => Mode::Replace,
        Some(b'A') => Mode::Append,
        Some(b'P') => Mode::Prepend,
        Some(_) => {
            let text = b"CLIENT_ERROR invalid mode for ms M token\r\n";
            return Order::Refused { text, skip };
        }
    };
    Order::Store(Storage {
        key,
        flags,
        mode,
        len,
    })
}

/// `me <key> [b]`; what is behind it is not looked at.
fn debug<'a>(mut key: Named<'a>, mut tokens: Tokens<'a>) -> Order<'a> {
    if tokens.next() == Some(b"b") && !key.decode() {
        return Order::refused(BAD_FORMAT);
    }
    Order::Debug(key)
}
