//! What commands mean beyond one exchange, as state machines without I/O, clock or sleep. They ask
//! their driver for steps and hear of events.

pub mod batch;
pub mod command;
pub mod retry;
pub mod single;

use crate::error::{Failure, Result};
use crate::protocol::{Op, Request};
use command::Reply;
use retry::Loss;

/// Identifies a command within its operation: its place in the caller's order.
pub type Token = u32;

/// A command that was checked and has a server.
#[derive(Clone, Copy)]
pub struct Prepared<'a> {
    pub to: usize,
    pub request: Request<'a>,
    pub reply: Reply,
}

impl Prepared<'_> {
    /// Nobody waits for the reply. By default `default_noreply` decides for the writes for which it
    /// does in pymemcache: those whose answer says nothing but that they were done.
    pub fn is_quiet(&self, default_noreply: bool) -> bool {
        match self.reply {
            Reply::Wait => false,
            Reply::Quiet => true,
            Reply::Default => {
                default_noreply
                    && matches!(
                        self.request.op,
                        Op::Set
                            | Op::Add
                            | Op::Replace
                            | Op::Append
                            | Op::Prepend
                            | Op::Delete
                            | Op::Touch
                    )
            }
        }
    }
}

/// What an operation knows of its commands.
pub trait Context<'a> {
    fn count(&self) -> usize;
    /// Check the command and find its server. A failure is the command's, and final.
    fn prepare(&self, tag: Token) -> Result<Prepared<'a>>;
}

/// What the driver is to do next.
pub enum Step<'a> {
    /// Send a command, over a new connection if `fresh`.
    Send {
        tag: Token,
        command: Prepared<'a>,
        fresh: bool,
    },
    /// A command has failed for good.
    Fail { tag: Token, failure: Box<Failure> },
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
    /// It was refused before anything was sent.
    Refused { tag: Token, failure: Box<Failure> },
}

pub trait Operation<'a> {
    fn on(&mut self, event: Event<'_>);
    fn next(&mut self, context: &dyn Context<'a>) -> Step<'a>;
}
