//! What a session told, and how it was used.

use memcached2::error::{Effect, Status};
use memcached2::protocol::ValueHead;

/// What a command came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Value {
        flags: u32,
        cas: Option<u64>,
        bytes: Vec<u8>,
    },
    /// A large value, thrown away.
    Skipped(usize),
    Miss(Status),
    Done,
    Number(u64),
    Version(Vec<u8>),
    /// Names and texts.
    Stats(Vec<(Vec<u8>, Vec<u8>)>),
    Refused {
        status: Status,
        effect: Effect,
        text: Vec<u8>,
    },
    /// Refused may have been this one, or another.
    Doubt,
    Abandoned {
        sent: bool,
    },
}

pub const ABANDONED: Told = Told::Abandoned { sent: true };

pub fn value(bytes: impl AsRef<[u8]>) -> Told {
    Told::Value {
        flags: 0,
        cas: None,
        bytes: bytes.as_ref().to_vec(),
    }
}

pub fn stats(lines: &[(&str, &str)]) -> Told {
    let owned = |(name, text): &(&str, &str)| (name.as_bytes().to_vec(), text.as_bytes().to_vec());
    Told::Stats(lines.iter().map(owned).collect())
}

pub fn refused(status: Status, effect: Effect, text: impl AsRef<[u8]>) -> Told {
    let text = text.as_ref().to_vec();
    Told::Refused {
        status,
        effect,
        text,
    }
}

impl Told {
    pub fn of(head: &ValueHead, bytes: &[u8]) -> Told {
        assert_eq!(head.len, bytes.len());
        Told::Value {
            flags: head.flags,
            cas: head.cas,
            bytes: bytes.to_vec(),
        }
    }
}

/// How the session is used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Way {
    /// `drain` before every `next_arrival`.
    pub drain: bool,
    /// As a batch, which joins keys into lines and keeps what it received.
    pub batch: bool,
    /// Large values are thrown away.
    pub skip: bool,
}

impl Way {
    pub const ALL: [Way; 4] = [
        Way::of(false, false),
        Way::of(true, false),
        Way::of(false, true),
        Way::of(true, true),
    ];

    pub const fn of(drain: bool, batch: bool) -> Way {
        Way {
            drain,
            batch,
            skip: false,
        }
    }
}

/// How it ended.
#[derive(Debug, PartialEq)]
pub struct Report {
    pub told: Vec<Told>,
    pub quiet_failed: Vec<(Status, Vec<u8>)>,
    /// When all had been received.
    pub in_step: bool,
    pub broken: bool,
}
