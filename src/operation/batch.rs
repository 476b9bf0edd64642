//! Many commands: all sent before any is waited for, each answered or failed for itself, those that
//! the table allows sent once more.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use super::retry::judge;
use super::{Event, Operation, Step, Token};
use crate::error::Failure;

#[derive(Default)]
pub struct Batch {
    count: usize,
    /// The first command that was not looked at yet.
    cursor: usize,
    /// Sent and without an answer.
    waiting: usize,
    again: VecDeque<Token>,
    repeated: HashSet<Token>,
    failed: VecDeque<(Token, Box<Failure>)>,
}

impl Batch {
    pub fn new(count: usize) -> Batch {
        Batch {
            count,
            ..Batch::default()
        }
    }
}

impl Operation for Batch {
    fn on(&mut self, event: Event<'_>) {
        match event {
            Event::Answered(n) => self.waiting = self.waiting.saturating_sub(n),
            Event::Refused { tag, failure } => {
                self.waiting = self.waiting.saturating_sub(1);
                self.failed.push_back((tag, failure));
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
                    self.again.push_back(tag);
                } else {
                    self.failed.push_back((tag, loss.told(verdict)));
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
        let (tag, fresh) = if self.cursor < self.count {
            self.cursor += 1;
            ((self.cursor - 1) as Token, false)
        } else if let Some(tag) = self.again.pop_front() {
            (tag, true)
        } else if self.waiting > 0 {
            return Step::Pending;
        } else {
            return Step::Done;
        };
        self.waiting += 1;
        Step::Send { tag, fresh }
    }
}
