//! What a line asks.

use super::number::{signed, unsigned};
use super::storage::{Storage, storage};
use super::token::{Tokens, Words};
use crate::protocol::Op;
use crate::protocol::key::KEY_MAX;

/// One command line.
#[derive(Clone, Copy, Debug)]
pub enum Order<'a> {
    /// get and gets, and with an end gat and gats. Keys may be too long.
    Read {
        expiry: Option<i32>,
        with_cas: bool,
        keys: Tokens<'a>,
    },
    Store(Storage<'a>),
    Delete {
        key: &'a [u8],
        quiet: bool,
    },
    Arithmetic {
        key: &'a [u8],
        up: bool,
        delta: u64,
        quiet: bool,
    },
    Touch {
        key: &'a [u8],
        expiry: i32,
        quiet: bool,
    },
    Flush {
        expiry: i32,
        quiet: bool,
    },
    /// The memory limit, in megabytes.
    Limit {
        megabytes: u32,
        quiet: bool,
    },
    Stats(Stats<'a>),
    /// The keys of the classes whose bits are set, with what is known of their items.
    Dump {
        classes: u64,
    },
    Version,
    /// Answered by OK, and nothing else.
    Accepted {
        quiet: bool,
    },
    Refused {
        text: &'static [u8],
        quiet: bool,
    },
    /// A line of the meta protocol, which is spoken beside this one.
    Meta,
    /// Close the connection.
    Quit,
}

/// Which statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stats<'a> {
    General,
    Reset,
    Settings,
    Items,
    Slabs,
    Sizes,
    /// Counting by prefixes: on, off, dump.
    Detail(&'a [u8]),
}

pub(super) const BAD_FORMAT: &[u8] = b"CLIENT_ERROR bad command line format\r\n";
const BAD_EXPIRY: &[u8] = b"CLIENT_ERROR invalid exptime argument\r\n";
const BAD_DELTA: &[u8] = b"CLIENT_ERROR invalid numeric delta argument\r\n";
const BAD_DELETE: &[u8] =
    b"CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n";

impl<'a> Order<'a> {
    pub(super) const ERROR: Order<'static> = Order::Refused {
        text: b"ERROR\r\n",
        quiet: false,
    };

    pub(super) fn refused(text: &'static [u8], quiet: bool) -> Order<'a> {
        Order::Refused { text, quiet }
    }
}

/// What a line, without its end, asks.
#[inline(always)]
pub fn order(line: &[u8]) -> Order<'_> {
    match line.strip_prefix(b"get ") {
        Some(keys) if memchr::memchr(0, keys).is_none() => read(None, false, Tokens::new(keys)),
        _ => any(line),
    }
}

#[inline(always)]
fn read(expiry: Option<i32>, with_cas: bool, keys: Tokens<'_>) -> Order<'_> {
    if expiry.is_none() && keys.is_empty() {
        return Order::ERROR;
    }
    Order::Read {
        expiry,
        with_cas,
        keys,
    }
}

#[inline(never)]
fn any(line: &[u8]) -> Order<'_> {
    // For the server, text ends at a NUL.
    let line = &line[..memchr::memchr(0, line).unwrap_or(line.len())];
    let mut tokens = Tokens::new(line);
    let Some(word) = tokens.next() else {
        return Order::ERROR;
    };
    match word {
        b"set" => storage(Op::Set, line),
        b"get" | b"bget" => read(None, false, tokens),
        b"gets" => read(None, true, tokens),
        b"gat" => read_and_touch(false, tokens),
        b"gats" => read_and_touch(true, tokens),
        b"add" => storage(Op::Add, line),
        b"replace" => storage(Op::Replace, line),
        b"append" => storage(Op::Append, line),
        b"prepend" => storage(Op::Prepend, line),
        b"cas" => storage(Op::Cas, line),
        b"delete" => delete(&Words::of(line)),
        b"incr" => arithmetic(true, &Words::of(line)),
        b"decr" => arithmetic(false, &Words::of(line)),
        b"touch" => touch(&Words::of(line)),
        b"flush_all" => flush(&Words::of(line)),
        b"version" => Order::Version,
        b"verbosity" => verbosity(&Words::of(line)),
        b"cache_memlimit" => limit(&Words::of(line)),
        b"stats" => stats(&Words::of(line)),
        b"lru_crawler" => dump(&Words::of(line)),
        b"shutdown" => Order::refused(b"ERROR: shutdown not enabled\r\n", false),
        b"quit" => Order::Quit,
        b"mg" | b"ms" | b"md" | b"ma" | b"mn" | b"me" => Order::Meta,
        _ => unknown(word, tokens),
    }
}

/// A browser that was sent here is not answered line by line.
fn unknown<'a>(word: &'a [u8], tokens: Tokens<'a>) -> Order<'a> {
    // Words that begin like those commands are decided before anything looks at the end of the line.
    let looks_like_one = matches!(word[0], b'g' | b's' | b'a' | b'c' | b'i' | b'd' | b't')
        || (word[0] == b'm' && word.len() == 2);
    let mut last = word;
    // What is behind 23 words counts as part of the last.
    for token in tokens.take(22) {
        last = token;
    }
    if word.len() >= 2 && !looks_like_one && last.starts_with(b"HTTP/") {
        return Order::Quit;
    }
    Order::ERROR
}

fn read_and_touch<'a>(with_cas: bool, mut tokens: Tokens<'a>) -> Order<'a> {
    match tokens.next() {
        None => Order::ERROR,
        Some(expiry) => match signed(expiry) {
            Some(expiry) => read(Some(expiry), with_cas, tokens),
            None => Order::refused(BAD_EXPIRY, false),
        },
    }
}

/// `delete <key> [0] [noreply]`: the 0 is a time that old clients send.
fn delete<'a>(words: &Words<'a>) -> Order<'a> {
    let (key, quiet) = (words.get(1), words.quiet() && words.len() > 2);
    let hold_is_zero = words.get(2) == b"0";
    let is_valid = match words.len() {
        2 => true,
        3 => hold_is_zero || quiet,
        4 => hold_is_zero && quiet,
        _ => return Order::ERROR,
    };
    if !is_valid {
        return Order::refused(BAD_DELETE, quiet);
    }
    if key.len() > KEY_MAX {
        return Order::refused(BAD_FORMAT, quiet);
    }
    Order::Delete { key, quiet }
}

fn arithmetic<'a>(up: bool, words: &Words<'a>) -> Order<'a> {
    if !(3..=4).contains(&words.len()) {
        return Order::ERROR;
    }
    let (key, quiet) = (words.get(1), words.quiet());
    if key.len() > KEY_MAX {
        return Order::refused(BAD_FORMAT, quiet);
    }
    match unsigned(words.get(2)) {
        Some(delta) => Order::Arithmetic {
            key,
            up,
            delta,
            quiet,
        },
        None => Order::refused(BAD_DELTA, quiet),
    }
}

fn touch<'a>(words: &Words<'a>) -> Order<'a> {
    if !(3..=4).contains(&words.len()) {
        return Order::ERROR;
    }
    let (key, quiet) = (words.get(1), words.quiet());
    if key.len() > KEY_MAX {
        return Order::refused(BAD_FORMAT, quiet);
    }
    match signed(words.get(2)) {
        Some(expiry) => Order::Touch { key, expiry, quiet },
        None => Order::refused(BAD_EXPIRY, quiet),
    }
}

/// `flush_all [delay] [noreply]`.
fn flush<'a>(words: &Words<'a>) -> Order<'a> {
    let quiet = words.quiet();
    match words.len() {
        1 => Order::Flush { expiry: 0, quiet },
        2 if quiet => Order::Flush { expiry: 0, quiet },
        2 | 3 => match signed(words.get(1)) {
            Some(expiry) => Order::Flush { expiry, quiet },
            None => Order::refused(BAD_EXPIRY, quiet),
        },
        _ => Order::ERROR,
    }
}

fn verbosity<'a>(words: &Words<'a>) -> Order<'a> {
    let quiet = words.quiet();
    match words.len() {
        2 | 3 if unsigned(words.get(1)).is_some() => Order::Accepted { quiet },
        2 | 3 => Order::refused(BAD_FORMAT, quiet),
        _ => Order::ERROR,
    }
}

fn limit<'a>(words: &Words<'a>) -> Order<'a> {
    let quiet = words.quiet();
    match words.len() {
        2 | 3 => match unsigned(words.get(1)) {
            Some(megabytes) => Order::Limit {
                megabytes: megabytes as u32,
                quiet,
            },
            None => Order::refused(b"ERROR\r\n", quiet),
        },
        _ => Order::ERROR,
    }
}

/// `lru_crawler metadump <all | hash | class[,class…]>`; memcached has 63 classes at the most.
fn dump<'a>(words: &Words<'a>) -> Order<'a> {
    if words.len() != 3 || words.get(1) != b"metadump" {
        return Order::ERROR;
    }
    let classes = match words.get(2) {
        b"all" | b"hash" => Some(u64::MAX),
        list => list
            .split(|byte| *byte == b',')
            .filter(|class| !class.is_empty())
            .try_fold(0, |classes, class| match unsigned(class) {
                Some(class @ 1..=63) => Some(classes | 1 << class),
                _ => None,
            }),
    };
    match classes {
        Some(0) => Order::refused(b"NOTSTARTED no items to crawl\r\n", false),
        Some(classes) => Order::Dump { classes },
        None => Order::refused(b"BADCLASS invalid class id\r\n", false),
    }
}

fn stats<'a>(words: &Words<'a>) -> Order<'a> {
    Order::Stats(match words.get(1) {
        b"" => Stats::General,
        b"reset" => Stats::Reset,
        b"settings" => Stats::Settings,
        b"items" => Stats::Items,
        b"slabs" => Stats::Slabs,
        b"sizes" => Stats::Sizes,
        b"detail" => Stats::Detail(words.get(2)),
        b"cachedump" => {
            return Order::refused(b"CLIENT_ERROR stats cachedump not allowed\r\n", false);
        }
        _ => return Order::ERROR,
    })
}
