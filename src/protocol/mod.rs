//! Requests into bytes and bytes into replies: pure, no I/O, no clock, no `unsafe`.

#![forbid(unsafe_code)]

pub mod admin;
pub mod ascii;
pub mod binary;
pub mod classic;
pub mod command;
pub mod config;
pub mod expiry;
pub mod extra;
pub mod key;
pub mod meta;
pub mod metadump;
pub mod number;
pub mod refusal;
pub mod served;
pub mod stats;
pub mod version;

pub use command::{Command, Request};
pub use key::{Key, KeyFault};

/// What a command does. The numbers are those of the C ABI's `MC_OP_*`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Op {
    Get = 1,
    Gets = 2,
    Gat = 3,
    Gats = 4,
    Set = 5,
    Add = 6,
    Replace = 7,
    Append = 8,
    Prepend = 9,
    Cas = 10,
    Delete = 11,
    Touch = 12,
    Incr = 13,
    Decr = 14,
    Version = 15,
    FlushAll = 16,
    Stats = 17,
    Verbosity = 18,
    CacheMemlimit = 19,
    Ping = 20,
    DeleteAll = 21,
}

impl Op {
    pub const ALL: [Op; 21] = [
        Op::Get,
        Op::Gets,
        Op::Gat,
        Op::Gats,
        Op::Set,
        Op::Add,
        Op::Replace,
        Op::Append,
        Op::Prepend,
        Op::Cas,
        Op::Delete,
        Op::Touch,
        Op::Incr,
        Op::Decr,
        Op::Version,
        Op::FlushAll,
        Op::Stats,
        Op::Verbosity,
        Op::CacheMemlimit,
        Op::Ping,
        Op::DeleteAll,
    ];

    pub fn from_number(number: u32) -> Option<Op> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        Op::ALL.get(index).copied()
    }

    pub fn name(self) -> &'static str {
        match self {
            Op::Get => "get",
            Op::Gets => "gets",
            Op::Gat => "gat",
            Op::Gats => "gats",
            Op::Set => "set",
            Op::Add => "add",
            Op::Replace => "replace",
            Op::Append => "append",
            Op::Prepend => "prepend",
            Op::Cas => "cas",
            Op::Delete => "delete",
            Op::Touch => "touch",
            Op::Incr => "incr",
            Op::Decr => "decr",
            Op::Version => "version",
            Op::FlushAll => "flush_all",
            Op::Stats => "stats",
            Op::Verbosity => "verbosity",
            Op::CacheMemlimit => "cache_memlimit",
            Op::Ping => "ping",
            Op::DeleteAll => "delete_all",
        }
    }

    /// Answered by a value or a miss.
    #[inline(always)]
    pub fn reads_value(self) -> bool {
        (self as u8) <= Op::Gats as u8
    }

    /// The reply carries the item's CAS.
    #[inline(always)]
    pub fn reads_cas(self) -> bool {
        matches!(self, Op::Gets | Op::Gats)
    }

    /// Carries a value to the server.
    #[inline(always)]
    pub fn sends_value(self) -> bool {
        (Op::Set as u8..=Op::Cas as u8).contains(&(self as u8))
    }

    /// Says when an item expires (or, for flush_all, when all do). append and prepend do not, though
    /// their lines have a place for it.
    #[inline(always)]
    pub fn has_expiry(self) -> bool {
        !matches!(
            self,
            Op::Get
                | Op::Gets
                | Op::Append
                | Op::Prepend
                | Op::Delete
                | Op::Incr
                | Op::Decr
                | Op::Version
                | Op::Stats
                | Op::Verbosity
                | Op::CacheMemlimit
                | Op::Ping
                | Op::DeleteAll
        )
    }

    /// Asked of a server, not of the one that a key belongs to.
    #[inline(always)]
    pub fn is_server_wide(self) -> bool {
        matches!(
            self,
            Op::Version
                | Op::FlushAll
                | Op::Stats
                | Op::Verbosity
                | Op::CacheMemlimit
                | Op::Ping
                | Op::DeleteAll
        )
    }

    /// Names a key.
    pub fn takes_key(self) -> bool {
        !self.is_server_wide() || self == Op::DeleteAll
    }

    /// Changes nothing that a later reader could miss: a failure has no effect to speak of. `gat`
    /// and `gats` change an expiry time, and doing so twice is doing so once; so it is with the
    /// counters that `stats reset` sets to 0.
    #[inline(always)]
    pub fn is_read(self) -> bool {
        self.reads_value() || matches!(self, Op::Version | Op::Stats | Op::Ping)
    }

    /// Doing it twice leaves what doing it once leaves, and answers the same.
    pub fn is_idempotent(self) -> bool {
        self.is_read()
            || matches!(
                self,
                Op::Set | Op::Touch | Op::FlushAll | Op::Verbosity | Op::CacheMemlimit
            )
    }
}

/// What a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    Ascii,
    /// Commands on keys in the meta protocol, others in ASCII. `opaque` is that of the first command.
    Meta {
        opaque: u32,
    },
    /// Frames. `opaque` is that of the first command.
    Binary {
        opaque: u32,
    },
    /// ASCII until the server has told its version, which is asked with the first command, and then what
    /// that version speaks. Many values at once are asked for in ASCII, in lines of keys.
    Auto {
        opaque: u32,
    },
}

/// The protocol that commands on keys are asked in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speech {
    Ascii,
    Meta,
    Binary,
}

/// A place in bytes that were received and not consumed yet, never a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub at: u32,
    pub len: u32,
}

impl Span {
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        let at = self.at as usize;
        bytes.get(at..at + self.len as usize).unwrap_or_default()
    }
}

/// What a value's header line says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValueHead {
    pub flags: u32,
    pub len: usize,
    pub cas: Option<u64>,
}
