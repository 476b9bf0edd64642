//! Calls of the library, and what came of them.

use std::collections::BTreeMap;

use memcached2::buffer::{Block, Chunk, Place};
use memcached2::client::sink::{Answer, Sent, Sink};
use memcached2::error::{Effect, Failure, Status};
use memcached2::event::Task;
use memcached2::operation::Token;
use memcached2::protocol::{Op, ValueHead};

use super::record::{Seen, sum};

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing was told: for a write, that means that it was done.
    Nothing,
    Hit(Seen),
    Miss,
    Done,
    Number(u64),
    /// The server did not do it, and said why.
    Refused(Status),
    Failed(Status, Effect),
}

impl Outcome {
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Nothing => "nothing",
            Outcome::Hit(_) => "hit",
            Outcome::Miss => "miss",
            Outcome::Done => "done",
            Outcome::Number(_) => "number",
            Outcome::Refused(status) | Outcome::Failed(status, _) => status.name(),
        }
    }

    pub fn has_failed(&self) -> bool {
        matches!(self, Outcome::Failed(..) | Outcome::Nothing)
    }
}

/// One command of a call.
#[derive(Clone, Debug)]
pub struct Call {
    pub op: Op,
    pub key: Vec<u8>,
    /// The key's number in the plan.
    pub number: usize,
    pub mark: u64,
    /// Nobody waited for the reply.
    pub quiet: bool,
    pub begin: u64,
    pub end: u64,
    /// The moment by which it had to end.
    pub limit: u64,
    pub outcome: Outcome,
}

/// What is told of the commands of one call.
pub struct Heard {
    pub outcomes: Vec<Outcome>,
    /// Large values that are on their way.
    large: BTreeMap<Token, Block>,
}

impl Default for Heard {
    fn default() -> Heard {
        Heard::new(1)
    }
}

impl Heard {
    pub fn new(n: usize) -> Heard {
        Heard {
            outcomes: vec![Outcome::Nothing; n],
            large: BTreeMap::new(),
        }
    }

    fn put(&mut self, tag: Token, outcome: Outcome) {
        if let Some(place) = self.outcomes.get_mut(tag as usize) {
            *place = outcome;
        }
    }

    fn hit(head: &ValueHead, value: &[u8]) -> Outcome {
        Outcome::Hit(Seen {
            sum: sum(value, head.flags),
            cas: head.cas.unwrap_or(0),
        })
    }
}

impl Sink for Heard {
    fn sent(&mut self, _: Token, _: &Sent) {}

    fn value(&mut self, tag: Token, head: &ValueHead, value: &[u8]) {
        self.put(tag, Heard::hit(head, value));
    }

    fn place(&mut self, tag: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        let block = self.large.entry(tag).or_default();
        if begins {
            block.begin(head.len).ok()?;
        }
        Some(block)
    }

    fn placed(&mut self, tag: Token, head: &ValueHead) {
        if let Some(block) = self.large.remove(&tag) {
            self.put(tag, Heard::hit(head, block.bytes()));
        }
    }

    fn answer(&mut self, tag: Token, answer: Answer<'_>) {
        let outcome = match answer {
            Answer::Done | Answer::Text(_) => Outcome::Done,
            Answer::Miss(_) => Outcome::Miss,
            Answer::Number(number) => Outcome::Number(number),
        };
        self.put(tag, outcome);
    }

    fn fail(&mut self, tag: Token, failure: Box<Failure>) {
        let refused = [Status::NOT_STORED, Status::CAS_FAILURE, Status::NON_NUMERIC];
        let outcome = match failure.status {
            status if status.is_miss() => Outcome::Miss,
            status if refused.contains(&status) => Outcome::Refused(status),
            status => Outcome::Failed(status, failure.effect),
        };
        self.put(tag, outcome);
    }

    fn keep(&mut self, _: u32, _: Vec<Chunk>, _: Vec<u8>) {}
}

/// An operation of the loop: the numbers of its calls among all, and what is told of them.
pub struct Told {
    pub calls: Vec<usize>,
    pub heard: Heard,
}

impl Sink for Told {
    fn sent(&mut self, tag: Token, sent: &Sent) {
        self.heard.sent(tag, sent);
    }
    fn value(&mut self, tag: Token, head: &ValueHead, value: &[u8]) {
        self.heard.value(tag, head, value);
    }
    fn place(&mut self, tag: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        self.heard.place(tag, head, begins)
    }
    fn placed(&mut self, tag: Token, head: &ValueHead) {
        self.heard.placed(tag, head);
    }
    fn answer(&mut self, tag: Token, answer: Answer<'_>) {
        self.heard.answer(tag, answer);
    }
    fn fail(&mut self, tag: Token, failure: Box<Failure>) {
        self.heard.fail(tag, failure);
    }
    fn keep(&mut self, lane: u32, chunks: Vec<Chunk>, commands: Vec<u8>) {
        self.heard.keep(lane, chunks, commands);
    }
}

impl Task for Told {
    fn is_called(&self) -> bool {
        false
    }
}
