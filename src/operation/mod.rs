//! What commands mean beyond one exchange, as state machines without I/O, clock or sleep. They ask
//! their driver for steps and hear of events.

pub mod batch;
pub mod broadcast;
pub mod command;
pub mod discover;
pub mod fallback;
pub mod misses;
#[cfg(test)]
mod rehearsal;
pub mod replicate;
pub mod retry;
pub mod single;
pub mod stages;
pub mod stand_in;
pub mod stats;

use std::ops::Range;

use crate::error::Failure;
use crate::names::ServerName;
use crate::protocol::Op;
use retry::Loss;

/// Identifies a command within its operation: its place in the caller's order.
pub type Token = u32;

/// What the driver is to do next.
pub enum Step {
    /// Check a command and send it, over a new connection if `fresh`; so that it is answered in every
    /// case if `loud`.
    Send {
        tag: Token,
        fresh: bool,
        loud: bool,
    },
    /// A command has failed for good.
    Fail {
        tag: Token,
        failure: Box<Failure>,
    },
    /// Nothing until something has come.
    Pending,
    Done,
}

/// What has become of a command that was sent.
pub enum Event<'e> {
    /// So many commands have their answers.
    Answered(usize),
    /// This one will get none on its connection.
    Lost {
        tag: Token,
        op: Op,
        loss: &'e Loss,
        /// All its bytes had left.
        sent: bool,
    },
    /// The server refused one of several commands, and did not say which: this may be it.
    Doubted {
        tag: Token,
        op: Op,
        server: ServerName,
    },
    /// It failed the checks, or could not be queued: nothing was sent.
    Refused { tag: Token, failure: Box<Failure> },
}

pub trait Operation {
    fn on(&mut self, event: Event<'_>);
    fn next(&mut self) -> Step;

    /// The commands that [`Operation::next`] would send next and for the first time, one behind the
    /// other: a driver that can may send them at once.
    fn unsent(&self) -> Range<usize> {
        0..0
    }

    /// The first `n` of them were sent.
    fn took(&mut self, _n: usize) {}
}
