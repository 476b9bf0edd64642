//! Reply lines into what they mean for their commands.

use super::decode::{ErrorWord, Line};
use crate::error::{Effect, Status};
use crate::protocol::ascii::auth::is_refusal;
use crate::protocol::{Op, Span, stats};

/// What a line means as the reply to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The command did what it is for.
    Done,
    /// The end of a line of keys: those without a value are misses.
    EndOfKeys,
    /// There is no such item.
    Miss,
    Number(u64),
    /// The server's version.
    Version(Span),
    /// One of the server's statistics; more lines follow.
    Stat {
        name: Span,
        text: Span,
    },
    /// The end of a reply to `stats`, where it is the one that its argument asks for.
    EndOfStats(stats::End),
    /// The server refused.
    Refused {
        status: Status,
        effect: Effect,
        text: Span,
        /// The connection is still in step. It is where the server reported trouble of its own; a
        /// malformed command may have left its body to be executed as commands.
        in_step: bool,
    },
    /// No reply that this command can have.
    Unexpected,
}

/// The meaning of `line` (which is `text`) as the reply to `op`. Values are not for this function.
#[inline]
pub fn answer(op: Op, line: Line, text: &[u8]) -> Answer {
    let refused = |status| Answer::Refused {
        status,
        effect: Effect::NotApplied,
        text: Span { at: 0, len: 0 },
        in_step: true,
    };
    match (op, line) {
        (Op::Get | Op::Gets | Op::Gat | Op::Gats, Line::End) => Answer::EndOfKeys,
        (Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas, Line::Stored) => {
            Answer::Done
        }
        (Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas, Line::NotStored) => {
            refused(Status::NOT_STORED)
        }
        (Op::Cas, Line::Exists) => refused(Status::CAS_FAILURE),
        (
            Op::Cas | Op::Delete | Op::DeleteAll | Op::Touch | Op::Incr | Op::Decr,
            Line::NotFound,
        ) => Answer::Miss,
        (Op::Touch, Line::Touched) => Answer::Done,
        (Op::Delete | Op::DeleteAll, Line::Deleted) => Answer::Done,
        (Op::FlushAll | Op::Verbosity | Op::CacheMemlimit, Line::Ok) => Answer::Done,
        (Op::Incr | Op::Decr, Line::Number(number)) => Answer::Number(number),
        (Op::Version, Line::Version(version)) => Answer::Version(version),
        (Op::Ping, Line::Version(_)) => Answer::Done,
        (Op::Stats, Line::Stat { name, text }) => Answer::Stat { name, text },
        (Op::Stats, Line::End) => Answer::EndOfStats(stats::End::Lines),
        (Op::Stats, Line::Reset) => Answer::EndOfStats(stats::End::Reset),
        (Op::Stats, Line::Ok) => Answer::EndOfStats(stats::End::Ok),
        (Op::CacheMemlimit, Line::Memlimit(text)) => Answer::Refused {
            status: Status::CLIENT_ERROR,
            effect: Effect::NotApplied,
            text,
            in_step: true,
        },
        (op, Line::Error(word, span)) => error(op, word, span, span.of(text)),
        _ => Answer::Unexpected,
    }
}

#[cold]
fn error(op: Op, word: ErrorWord, span: Span, text: &[u8]) -> Answer {
    let (status, effect, in_step) = match word {
        ErrorWord::ServerError => server_error(op, text),
        ErrorWord::ClientError => client_error(op, text),
        ErrorWord::Error if text.starts_with(b"Too many open connections") => {
            (Status::TOO_MANY_CONNECTIONS, unknown(op), false)
        }
        ErrorWord::Error => (Status::UNKNOWN_COMMAND, unknown(op), false),
    };
    Answer::Refused {
        status,
        effect,
        text: span,
        in_step,
    }
}

/// What memcached says where it has no memory to read a command with.
const READING: &[u8] = b"out of memory reading";

fn server_error(op: Op, text: &[u8]) -> (Status, Effect, bool) {
    let status = if text.starts_with(b"object too large") {
        Status::TOO_LARGE
    } else if text.starts_with(b"out of memory") {
        Status::OUT_OF_MEMORY
    } else {
        Status::SERVER_ERROR
    };
    let effect = match op {
        // memcached drops the old item rather than leave a stale one, once it has read the command.
        Op::Set if status != Status::SERVER_ERROR && !text.starts_with(READING) => Effect::Removed,
        _ if op.is_read() => Effect::None,
        _ if status != Status::SERVER_ERROR => Effect::NotApplied,
        _ => Effect::Unknown,
    };
    (status, effect, true)
}

fn client_error(op: Op, text: &[u8]) -> (Status, Effect, bool) {
    if matches!(op, Op::Incr | Op::Decr)
        && text == b"cannot increment or decrement non-numeric value"
    {
        return (Status::NON_NUMERIC, Effect::NotApplied, true);
    }
    if is_refusal(text) {
        // Nothing is carried out before the server knows who asks.
        let effect = if op.is_read() {
            Effect::None
        } else {
            Effect::NotApplied
        };
        return (Status::INVALID_CREDENTIALS, effect, false);
    }
    (Status::CLIENT_ERROR, unknown(op), false)
}

fn unknown(op: Op) -> Effect {
    if op.is_read() {
        Effect::None
    } else {
        Effect::Unknown
    }
}
