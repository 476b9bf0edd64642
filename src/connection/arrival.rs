//! What a session tells of the bytes that came.

use super::outbox::Token;
use crate::error::{Effect, Status};
use crate::protocol::{Op, Span, ValueHead};

/// What has come for a command.
#[derive(Debug)]
pub struct Arrival {
    pub token: Token,
    pub what: Outcome,
}

/// Spans are places in the inbox's present chunk, to be had with `Session::bytes`, valid until the
/// session receives again (for good, where a batch keeps the chunks).
#[derive(Debug)]
pub enum Outcome {
    /// A value, whole and followed by CR LF. It is the answer only once it is `proved`: at once, or
    /// by the [`Outcome::Proved`] of its line.
    Value {
        head: ValueHead,
        value: Span,
        proved: bool,
    },
    /// A value too large for the inbox begins: tell where it goes with `Session::place`, or
    /// `Session::skip` it.
    Large(ValueHead),
    /// The large value is whole in its place (or skipped), and followed by CR LF.
    Placed {
        head: ValueHead,
        proved: bool,
    },
    /// The line of keys ended well: so many values of it are proved.
    Proved(usize),
    /// There is no such item: `NO_VALUE` for reads, `NOT_FOUND` for the others.
    Miss(Status),
    Done,
    Number(u64),
    Version(Span),
    /// One of the server's statistics; the reply goes on, and may still be followed by a failure.
    Stat {
        name: Span,
        text: Span,
    },
    Refused {
        status: Status,
        effect: Effect,
        text: Span,
    },
    /// The server refused one of several commands, and did not say which: this may be it.
    Doubt(Op),
    /// The command that was answered last, which is the token's, was told more: see `Session::about`.
    Told,
    /// A quiet command failed; the token means nothing.
    QuietFailed {
        status: Status,
        text: Span,
    },
}

/// The whole reply to a lone command, where it is the one that is hoped for, or a miss.
#[derive(Debug)]
pub enum Lone {
    Value {
        head: ValueHead,
        value: Span,
    },
    /// Not the whole: a value begins that is too large for the inbox. To be taken with
    /// `Session::begin_large`.
    Large {
        head: ValueHead,
        used: usize,
    },
    Miss(Status),
    Done,
    Number(u64),
}

/// A command that will get no reply any more.
#[derive(Clone, Copy, Debug)]
pub struct Abandoned {
    pub token: Token,
    pub op: Op,
    pub quiet: bool,
    /// All its bytes had left.
    pub sent: bool,
}
