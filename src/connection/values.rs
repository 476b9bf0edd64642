//! Values: in the receive memory, or read straight to their place.

use super::arrival::{Arrival, Outcome};
use super::outbox::Token;
use super::owed::Owed;
use super::session::{Mode, Session};
use crate::buffer::Place;
use crate::protocol::{Span, ValueHead};

const UNTERMINATED: &str = "a value that is not followed by CR LF";

impl Session {
    pub(super) fn begin_value(&mut self, owed: &Owed, used: usize, key: Span, head: ValueHead) {
        let why = if !owed.op.reads_value() {
            Some("a value for a command that reads none")
        } else if head.len > self.max_value {
            Some("a value larger than max_value_size")
        } else if head.cas.is_some() != owed.op.reads_cas() {
            Some("a value with a CAS that was not asked for, or without the one that was")
        } else {
            None
        };
        if let Some(why) = why {
            return self.poison(why);
        }
        let key = key.of(self.inbox.unread());
        let Some(index) = self.owed.answer(key, self.outbox.bytes()) else {
            return self.poison("a value for a key that was not asked for");
        };
        self.inbox.consume(used);
        self.mode = Mode::Value { index, head };
    }

    /// Whether the value that has begun is whole.
    pub(super) fn value_is_here(&self) -> bool {
        match self.mode {
            Mode::Value { head, .. } => self.inbox.unread().len() >= head.len + 2,
            _ => false,
        }
    }

    /// The value that has begun is not whole: it is waited for, or too large for the inbox.
    pub(super) fn large_or_nothing(&mut self) -> Option<Arrival> {
        let Mode::Value { index, head } = self.mode else {
            return None;
        };
        if self.inbox.can_hold(head.len + 2) {
            return None;
        }
        let token = self.owed.get(index)?.token;
        self.large_before = true;
        Some(Arrival {
            token,
            what: Outcome::Large(head),
        })
    }

    pub(super) fn whole_value(&mut self, index: usize, head: ValueHead) -> Option<Arrival> {
        let at = self.inbox.position();
        if self.inbox.unread().get(head.len..head.len + 2) != Some(b"\r\n") {
            self.poison(UNTERMINATED);
            return None;
        }
        self.inbox.overwrite(at + head.len, 0);
        self.inbox.consume(head.len + 2);
        self.large_before = false;
        self.mode = Mode::Lines;
        let token = self.owed.get(index)?.token;
        Some(self.value_arrival(index, token, head, at))
    }

    pub(super) fn placed_value(&mut self) -> Option<Arrival> {
        if let Mode::Skipping { left, .. } = &mut self.mode {
            let n = self.inbox.unread().len().min(*left);
            *left -= n;
            self.inbox.consume(n);
        }
        let (Mode::Placing { index, head, left } | Mode::Skipping { index, head, left }) =
            self.mode
        else {
            return None;
        };
        if left > 0 {
            return None;
        }
        if *self.inbox.unread().get(..2)? != *b"\r\n" {
            self.poison(UNTERMINATED);
            return None;
        }
        self.inbox.consume(2);
        self.mode = Mode::Lines;
        let token = self.owed.get(index)?.token;
        let proved = self.is_proved(index);
        Some(Arrival {
            token,
            what: Outcome::Placed { head, proved },
        })
    }

    /// Read the large value just announced to `place`, beginning with what has come of it.
    pub fn place(&mut self, place: &mut dyn Place) {
        if let Mode::Value { index, head } = self.mode {
            let unread = self.inbox.unread();
            let n = unread.len().min(head.len);
            place.put(&unread[..n]);
            self.inbox.consume(n);
            let left = head.len - n;
            self.mode = Mode::Placing { index, head, left };
        }
    }

    /// Throw the large value away that was just announced; the connection stays in step.
    pub fn skip(&mut self) {
        if let Mode::Value { index, head } = self.mode {
            let left = head.len;
            self.mode = Mode::Skipping { index, head, left };
        }
    }

    fn value_arrival(&mut self, index: usize, token: Token, head: ValueHead, at: usize) -> Arrival {
        let proved = self.is_proved(index);
        let value = Span {
            at: at as u32,
            len: head.len as u32,
        };
        Arrival {
            token,
            what: Outcome::Value {
                head,
                value,
                proved,
            },
        }
    }

    /// The value of the command at `index` is whole. If that is the line of one key, and its end is there
    /// too, the value is the answer.
    fn is_proved(&mut self, index: usize) -> bool {
        if self.is_tagged() && !self.owed.front().is_some_and(|owed| owed.in_line) {
            return self.tagged_value_is_answer(index);
        }
        let proved = self.owed.is_lone() && self.inbox.unread().starts_with(b"END\r\n");
        if proved {
            self.inbox.consume(5);
            self.owed.pop();
        }
        proved
    }
}
