//! What a whole reply means for its command.

use super::decode::{Expect, Head};
use crate::error::{Effect, Status};
use crate::protocol::binary::status;
use crate::protocol::{Op, Span};

/// What a reply means. Values are told apart before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The command did what it is for. The CAS is the item's new one; 0 where the server tells none.
    Done {
        cas: u64,
    },
    /// There is no such item.
    Miss,
    Number {
        number: u64,
        cas: u64,
    },
    /// The server's version.
    Version(Span),
    /// One of the server's statistics; more replies to the same command follow.
    Stat {
        name: Span,
        text: Span,
    },
    EndOfStats,
    /// The server refused.
    Refused {
        status: Status,
        effect: Effect,
        text: Span,
        /// The connection is still in step. It is not where servers close behind the reply, or may
        /// have skipped more than the command.
        in_step: bool,
    },
}

/// `None` where no server answers this command so.
pub(super) fn answer(expect: &Expect, head: &Head, frame: &[u8]) -> Option<Answer> {
    let at = head.key.at + head.key.len;
    let value = Span {
        at,
        len: frame.len() as u32 - at,
    };
    let cas = head.header.cas;
    if head.header.status != status::SUCCESS {
        return failure(expect.op, head.header.status, value);
    }
    Some(match expect.op {
        Op::Incr | Op::Decr => {
            let number = u64::from_be_bytes(*value.of(frame).first_chunk()?);
            Answer::Number { number, cas }
        }
        Op::Version => Answer::Version(value),
        Op::Stats if head.key.len == 0 => Answer::EndOfStats,
        Op::Stats => Answer::Stat {
            name: head.key,
            text: value,
        },
        _ => Answer::Done { cas },
    })
}

/// Whether the server stores under the number of a plain set, of which a refusal for its size drops
/// the old item, whatever CAS it names.
fn drops(op: Op) -> Effect {
    match op {
        Op::Set | Op::Cas => Effect::Removed,
        op => untouched(op),
    }
}

fn untouched(op: Op) -> Effect {
    if op.is_read() {
        Effect::None
    } else {
        Effect::NotApplied
    }
}

fn unknown(op: Op) -> Effect {
    if op.is_read() {
        Effect::None
    } else {
        Effect::Unknown
    }
}

fn failure(op: Op, number: u16, words: Span) -> Option<Answer> {
    use status::*;
    let writes = op.sends_value();
    let (status, effect, in_step) = match (number, op) {
        (KEY_NOT_FOUND, Op::Add | Op::Replace | Op::Append | Op::Prepend) => {
            (Status::NOT_STORED, untouched(op), true)
        }
        // There is no group of statistics of this name.
        (KEY_NOT_FOUND, Op::Stats) => (Status::UNKNOWN_COMMAND, untouched(op), true),
        (KEY_NOT_FOUND, _) if op.takes_key() && op != Op::Set => return Some(Answer::Miss),
        (KEY_EXISTS, Op::Add) => (Status::NOT_STORED, untouched(op), true),
        // These compare too, where they are given a CAS.
        (KEY_EXISTS, Op::Cas | Op::Append | Op::Prepend | Op::Delete | Op::Incr | Op::Decr) => {
            (Status::CAS_FAILURE, untouched(op), true)
        }
        (TOO_LARGE, _) if writes => (Status::TOO_LARGE, drops(op), true),
        (INVALID_ARGUMENTS, _) => (Status::CLIENT_ERROR, untouched(op), false),
        // Also what two clients that begin the same number at once can see.
        (NOT_STORED, _) if writes || matches!(op, Op::Incr | Op::Decr) => {
            (Status::NOT_STORED, untouched(op), true)
        }
        (NON_NUMERIC, Op::Incr | Op::Decr) => (Status::NON_NUMERIC, untouched(op), true),
        (KEY_NOT_FOUND | KEY_EXISTS | TOO_LARGE | NOT_STORED | NON_NUMERIC | SUCCESS, _) => {
            return None;
        }
        // What memcached answers where flushing is switched off.
        (AUTH_ERROR, Op::FlushAll) => (Status::NOT_PERMITTED, untouched(op), true),
        // It closes behind this one.
        (AUTH_ERROR | OTHER_AUTH_ERROR, _) => (Status::INVALID_CREDENTIALS, untouched(op), false),
        (AUTH_CONTINUE | OTHER_AUTH_CONTINUE, _) => return None,
        (UNKNOWN_COMMAND, _) => (Status::UNKNOWN_COMMAND, untouched(op), false),
        (OUT_OF_MEMORY, _) => (Status::OUT_OF_MEMORY, drops(op), true),
        (NOT_SUPPORTED, _) => (Status::UNSUPPORTED, untouched(op), true),
        (BUSY | TEMPORARY_FAILURE | WRONG_VBUCKET, _) => {
            (Status::SERVER_ERROR, untouched(op), true)
        }
        // Among them what newer servers may say.
        _ => (Status::SERVER_ERROR, unknown(op), true),
    };
    Some(Answer::Refused {
        status,
        effect,
        text: words,
        in_step,
    })
}
