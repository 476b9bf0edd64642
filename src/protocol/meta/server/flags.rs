//! The flags of a line.

use super::key::Named;
use crate::protocol::ascii::server::Tokens;
use crate::protocol::ascii::server::number::{signed, unsigned};

/// The longest opaque, the flag's letter included.
pub const OPAQUE_MAX: usize = 32;

/// The most flags that any command takes.
const MOST: usize = 17;

pub(super) const BAD_FORMAT: &[u8] = b"CLIENT_ERROR bad command line format\r\n";
const BAD_TOKEN: &[u8] = b"CLIENT_ERROR bad token in command line format\r\n";
const BAD_MODE: &[u8] = b"CLIENT_ERROR incorrect length for M token\r\n";
const BAD_INITIAL: &[u8] = b"CLIENT_ERROR invalid numeric initial value\r\n";
const BAD_DELTA: &[u8] = b"CLIENT_ERROR invalid numeric delta value\r\n";

/// The flags of a command, checked; what only some commands look at is there for all of them.
#[derive(Clone, Copy, Debug)]
pub struct Flags<'a> {
    tokens: [&'a [u8]; MOST],
    len: usize,
    /// `q`.
    pub quiet: bool,
    /// `v`.
    pub value: bool,
    /// `u`: not a use of the item.
    pub unused: bool,
    /// `I`.
    pub invalidate: bool,
    /// `T`, as the line says it; so `N` and `R`.
    pub expiry: Option<i32>,
    pub create: Option<i32>,
    pub recache: Option<i32>,
    /// `C`.
    pub cas: Option<u64>,
    /// `E`.
    pub own_cas: Option<u64>,
    /// `x`: without its value.
    pub empty: bool,
    /// `M`.
    pub mode: Option<u8>,
    /// `F`.
    pub client_flags: u32,
    /// `J`.
    pub initial: u64,
    /// `D`.
    pub delta: u64,
}

impl<'a> Flags<'a> {
    /// The tokens behind a command's key (and length), at most `most`; `None` where there are more.
    pub(super) fn of(tokens: Tokens<'a>, most: usize) -> Option<Flags<'a>> {
        let mut flags = Flags {
            tokens: [b""; MOST],
            len: 0,
            quiet: false,
            value: false,
            unused: false,
            invalidate: false,
            expiry: None,
            create: None,
            recache: None,
            cas: None,
            own_cas: None,
            empty: false,
            mode: None,
            client_flags: 0,
            initial: 0,
            delta: 1,
        };
        for token in tokens {
            if flags.len == most.min(MOST) {
                return None;
            }
            flags.tokens[flags.len] = token;
            flags.len += 1;
        }
        Some(flags)
    }

    /// Each flag with its letter, in the order of the line.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> + '_ {
        let tokens = self.tokens[..self.len].iter();
        tokens.map(|token| (token[0], *token))
    }

    /// An opaque that is too long.
    pub fn has_long_opaque(&self) -> bool {
        self.iter()
            .any(|(flag, token)| flag == b'O' && token.len() > OPAQUE_MAX)
    }

    /// Read and check all of them; `b` decodes the key. A malformed token is told only behind the last
    /// flag, so that what ends the reading at once is told instead.
    pub(super) fn read(&mut self, key: &mut Named<'a>) -> Result<(), &'static [u8]> {
        let mut seen: u128 = 0;
        let mut why: &'static [u8] = BAD_FORMAT;
        let mut is_bad = false;
        for at in 0..self.len {
            let token = self.tokens[at];
            let flag = token[0];
            let bit = match flag {
                ..127 => 1u128 << flag,
                _ => return Err(b"CLIENT_ERROR duplicate flag\r\n"),
            };
            if seen & bit != 0 {
                return Err(b"CLIENT_ERROR duplicate flag\r\n");
            }
            seen |= bit;
            if flag == b'b' {
                if !key.decode() {
                    return Err(b"CLIENT_ERROR error decoding key\r\n");
                }
                continue;
            }
            match self.one(flag, &token[1..]) {
                Ok(()) => {}
                Err(Fault::Unknown) => return Err(b"CLIENT_ERROR invalid flag\r\n"),
                Err(Fault::Token(text)) => (is_bad, why) = (true, text),
                Err(Fault::Untold) => is_bad = true,
            }
        }
        if is_bad { Err(why) } else { Ok(()) }
    }

    /// One flag and the rest of its token.
    fn one(&mut self, flag: u8, rest: &[u8]) -> Result<(), Fault> {
        match flag {
            b'T' => self.expiry = Some(seconds(rest)?),
            b'N' => self.create = Some(seconds(rest)?),
            b'R' => self.recache = Some(seconds(rest)?),
            b'C' => self.cas = Some(unsigned(rest).ok_or(Fault::Token(BAD_TOKEN))?),
            b'E' => self.own_cas = Some(unsigned(rest).ok_or(Fault::Token(BAD_TOKEN))?),
            b'F' => self.client_flags = unsigned(rest).ok_or(Fault::Untold)? as u32,
            b'M' => match rest {
                [mode] => self.mode = Some(*mode),
                _ => return Err(Fault::Token(BAD_MODE)),
            },
            b'J' => self.initial = unsigned(rest).ok_or(Fault::Token(BAD_INITIAL))?,
            b'D' => self.delta = unsigned(rest).ok_or(Fault::Token(BAD_DELTA))?,
            b'q' => self.quiet = true,
            b'v' => self.value = true,
            b'u' => self.unused = true,
            b'I' => self.invalidate = true,
            b'x' => self.empty = true,
            // What is told, and what proxies take.
            b'O' | b'k' | b's' | b't' | b'c' | b'f' | b'l' | b'h' | b'P' | b'L' => {}
            _ => return Err(Fault::Unknown),
        }
        Ok(())
    }
}

/// What is wrong with a flag.
enum Fault {
    Unknown,
    /// Its token, and what is told of that.
    Token(&'static [u8]),
    /// Its token; what is told is what was wrong before it.
    Untold,
}

fn seconds(rest: &[u8]) -> Result<i32, Fault> {
    signed(rest).ok_or(Fault::Token(BAD_TOKEN))
}
