//! Between the driver and where results go: errors are told as misses (the option `errors_as_misses`), with
//! their causes.

use super::sink::{Answer, Sent, Sink};
use crate::buffer::{Chunk, Place};
use crate::error::{Failure, Status};
use crate::names::ServerName;
use crate::observe::{Notices, Observer, What};
use crate::operation::Token;
use crate::operation::command::{Commands, command};
use crate::operation::misses::as_miss;
use crate::operation::stand_in;
use crate::options::{Failover, Options};
use crate::protocol::extra::About;
use crate::protocol::{Op, ValueHead};

#[derive(Default)]
pub struct Forgiving<'s> {
    /// Nowhere: it was moved away.
    sink: Option<&'s mut dyn Sink>,
    ops: Ops<'s>,
    /// `None`: it hands everything on as it is.
    options: Option<&'s Options>,
    notices: Notices,
}

/// Which op a command has.
#[derive(Clone, Copy, Default)]
pub enum Ops<'s> {
    #[default]
    None,
    One(Op),
    Many(&'s dyn Commands),
}

impl Ops<'_> {
    fn op(&self, tag: Token) -> Option<Op> {
        match self {
            Ops::None => None,
            Ops::One(op) => Some(*op),
            // What is refused before it is looked at is the program's mistake.
            Ops::Many(commands) => command(*commands, tag as usize).ok().map(|it| it.op),
        }
    }
}

impl<'s> Forgiving<'s> {
    /// `observed`: somebody wants to hear of the causes.
    pub fn new(
        sink: &'s mut dyn Sink,
        ops: Ops<'s>,
        options: &'s Options,
        observed: bool,
    ) -> Forgiving<'s> {
        Forgiving {
            sink: Some(sink),
            ops,
            options: forgives(options).then_some(options),
            notices: Notices::new(observed),
        }
    }

    /// Tell of the causes; with no connection held.
    pub fn tell(&mut self, observer: Option<&dyn Observer>) {
        self.notices.tell(observer);
    }
}

/// Whether some failures are told as misses by these options, where commands go to one server each.
pub fn forgives(options: &Options) -> bool {
    options.errors_as_misses || options.failover == Failover::Miss
}

/// Tell `sink` of a failure, as a miss where these options say so.
#[cold]
pub fn forgive(
    options: &Options,
    sink: &mut dyn Sink,
    op: Option<Op>,
    tag: Token,
    failure: Box<Failure>,
    notices: &mut Notices,
) {
    let unreached = |op| match options.failover {
        Failover::Miss => stand_in::as_miss(op, &failure),
        _ => None,
    };
    let swallowed = |op| match options.errors_as_misses {
        true => as_miss(op, &failure),
        false => None,
    };
    match op.and_then(|op| unreached(op).or_else(|| swallowed(op))) {
        Some(miss) => {
            note(&failure, notices);
            sink.excuse(tag, miss, failure);
        }
        None => sink.fail(tag, failure),
    }
}

/// What an observer is to hear of a failure that is told as a miss.
fn note(failure: &Failure, notices: &mut Notices) {
    let server = failure.server.unwrap_or_else(|| ServerName::new(""));
    notices.push(What::ErrorAsMiss, server, failure.status, || {
        failure.text.clone()
    });
}

impl Sink for Forgiving<'_> {
    fn sent(&mut self, tag: Token, sent: &Sent) {
        if let Some(sink) = &mut self.sink {
            sink.sent(tag, sent);
        }
    }

    fn drained(&mut self) {
        if let Some(sink) = &mut self.sink {
            sink.drained();
        }
    }

    fn value(&mut self, tag: Token, head: &ValueHead, value: &[u8]) {
        if let Some(sink) = &mut self.sink {
            sink.value(tag, head, value);
        }
    }

    fn place(&mut self, tag: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        match &mut self.sink {
            Some(sink) => sink.place(tag, head, begins),
            None => None,
        }
    }

    fn placed(&mut self, tag: Token, head: &ValueHead) {
        if let Some(sink) = &mut self.sink {
            sink.placed(tag, head);
        }
    }

    fn answer(&mut self, tag: Token, answer: Answer<'_>) {
        if let Some(sink) = &mut self.sink {
            sink.answer(tag, answer);
        }
    }

    fn about(&mut self, tag: Token, about: &About) {
        if let Some(sink) = &mut self.sink {
            sink.about(tag, about);
        }
    }

    fn fail(&mut self, tag: Token, failure: Box<Failure>) {
        let Some(sink) = &mut self.sink else {
            return;
        };
        let notices = &mut self.notices;
        match self.options {
            Some(options) => forgive(options, *sink, self.ops.op(tag), tag, failure, notices),
            None => sink.fail(tag, failure),
        }
    }

    fn excuse(&mut self, tag: Token, miss: Status, failure: Box<Failure>) {
        if let Some(sink) = &mut self.sink {
            note(&failure, &mut self.notices);
            sink.excuse(tag, miss, failure);
        }
    }

    fn keep(&mut self, lane: u32, chunks: Vec<Chunk>, commands: Vec<u8>) {
        if let Some(sink) = &mut self.sink {
            sink.keep(lane, chunks, commands);
        }
    }
}
