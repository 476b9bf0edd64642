//! Many commands: all sent before any is waited for, each answered or failed for itself, those that
//! the table allows sent once more.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use super::retry::{doubted, in_doubt, is_doubt_resolved, judge};
use super::{Event, Operation, Step, Token};
use crate::error::Failure;

/// A command that is sent once more.
struct Again {
    tag: Token,
    /// Over a new connection, because the old one was lost; else because of a doubt, and loud.
    fresh: bool,
}

#[derive(Default)]
pub struct Batch {
    count: usize,
    /// The first command that was not looked at yet.
    cursor: usize,
    /// Sent and without an answer.
    waiting: usize,
    again: VecDeque<Again>,
    repeated: HashSet<Token>,
    /// Of those, the ones that had wholly left the first time.
    left: HashSet<Token>,
    failed: VecDeque<(Token, Box<Failure>)>,
}

impl Batch {
    pub fn new(count: usize) -> Batch {
        Batch {
            count,
            ..Batch::default()
        }
    }

    fn fail(&mut self, tag: Token, failure: Box<Failure>) {
        let failure = match self.left.contains(&tag) {
            true => in_doubt(failure),
            false => failure,
        };
        self.failed.push_back((tag, failure));
    }
}

impl Operation for Batch {
    fn on(&mut self, event: Event<'_>) {
        match event {
            Event::Answered(n) => self.waiting = self.waiting.saturating_sub(n),
            Event::Refused { tag, failure } => {
                self.waiting = self.waiting.saturating_sub(1);
                self.fail(tag, failure);
            }
            Event::Lost {
                tag,
                op,
                loss,
                sent,
            } => {
                self.waiting = self.waiting.saturating_sub(1);
                let first = self.repeated.is_empty() || !self.repeated.contains(&tag);
                let verdict = judge(op, loss, sent, first);
                if verdict.again {
                    self.repeated.insert(tag);
                    if sent {
                        self.left.insert(tag);
                    }
                    self.again.push_back(Again { tag, fresh: true });
                } else {
                    self.fail(tag, loss.told(verdict));
                }
            }
            Event::Doubted { tag, op, server } => {
                self.waiting = self.waiting.saturating_sub(1);
                if is_doubt_resolved(op) && self.repeated.insert(tag) {
                    self.left.insert(tag);
                    self.again.push_back(Again { tag, fresh: false });
                } else {
                    self.failed.push_back((tag, doubted(op, server)));
                }
            }
        }
    }

    fn unsent(&self) -> Range<usize> {
        self.cursor..self.count
    }

    fn took(&mut self, n: usize) {
        self.cursor += n;
        self.waiting += n;
    }

    #[inline]
    fn next(&mut self) -> Step {
        if let Some((tag, failure)) = self.failed.pop_front() {
            return Step::Fail { tag, failure };
        }
        let (tag, fresh, loud) = if self.cursor < self.count {
            self.cursor += 1;
            ((self.cursor - 1) as Token, false, false)
        } else if let Some(Again { tag, fresh }) = self.again.pop_front() {
            (tag, fresh, !fresh)
        } else if self.waiting > 0 {
            return Step::Pending;
        } else {
            return Step::Done;
        };
        self.waiting += 1;
        Step::Send { tag, fresh, loud }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Effect, Status};
    use crate::names::ServerName;
    use crate::protocol::Op;

    /// FM-09, FM-19: what may have been refused is sent once more, loud, where that harms nobody; a second
    /// doubt is the end of it.
    #[test]
    fn fm09_fm19_doubts() {
        for op in Op::ALL {
            let again = op.is_read() || op == Op::Set;
            let mut batch = Batch::new(1);
            let send = |batch: &mut Batch| match batch.next() {
                Step::Send { fresh, loud, .. } => Some((fresh, loud)),
                _ => None,
            };
            let doubted = || Event::Doubted {
                tag: 0,
                op,
                server: ServerName::new("a"),
            };
            assert_eq!(send(&mut batch), Some((false, false)));
            batch.on(doubted());
            if again {
                assert_eq!(send(&mut batch), Some((false, true)), "{op:?}");
                batch.on(doubted());
            }
            let Step::Fail { tag: 0, failure } = batch.next() else {
                panic!("{op:?} has failed");
            };
            let effect = if op.is_read() {
                Effect::None
            } else {
                Effect::Unknown
            };
            assert_eq!(
                (failure.status, failure.effect),
                (Status::SERVER_ERROR, effect)
            );
            assert!(matches!(batch.next(), Step::Done));
        }
    }
}
