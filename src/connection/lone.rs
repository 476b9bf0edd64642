//! The reply to a lone command, read in one go where it is the one that is hoped for, or a miss. (In meta:
//! `meta_lone`.)

use super::arrival::Lone;
use super::session::{Mode, Session};
use crate::buffer::Place;
use crate::error::Status;
use crate::protocol::ascii::client as ascii;
use crate::protocol::{Op, Request, Span, ValueHead};

impl Session {
    /// The whole reply to the command of [`Session::begin_lone`], if that is all that has come, and is
    /// the one hoped for or a miss: the session is in step again. Else nothing is changed.
    #[inline(always)]
    pub fn lone_reply(&mut self, request: &Request<'_, '_>, key_at: usize) -> Option<Lone> {
        if !self.owed.is_empty() || !self.outbox.all_sent() {
            return None;
        }
        if self.is_tagged() {
            return self.lone_meta_reply(request, key_at);
        }
        let op = request.op;
        let unread = self.inbox.unread();
        let lone = if op.reads_value() {
            if unread == b"END\r\n" {
                Lone::Miss(Status::NO_VALUE)
            } else {
                let key = &self.outbox.bytes()[key_at..key_at + request.key.wire_len()];
                let behind_key = ascii::names(unread, key)?;
                let (head, used) = self
                    .alike
                    .numbers_line(&unread[behind_key..], op.reads_cas())?;
                let used = behind_key + used;
                let end = used.checked_add(head.len)?;
                let Some(behind) = unread.get(end..) else {
                    let large = !self.inbox.can_hold(end.checked_add(7)?);
                    return (large && head.len <= self.max_value)
                        .then_some(Lone::Large { head, used });
                };
                if behind != b"\r\nEND\r\n" || head.len > self.max_value {
                    return None;
                }
                let value = Span {
                    at: (self.inbox.position() + used) as u32,
                    len: head.len as u32,
                };
                self.large_before = false;
                Lone::Value { head, value }
            }
        } else if op.sends_value() {
            if unread != b"STORED\r\n" {
                return None;
            }
            Lone::Done
        } else if matches!(op, Op::Incr | Op::Decr) {
            Lone::Number(ascii::whole_number(unread)?)
        } else {
            return None;
        };
        let n = unread.len();
        self.inbox.consume(n);
        Some(lone)
    }

    /// A large value begins, as [`Session::lone_reply`] has found: what has come of it goes to `place`.
    /// Returns how much is still to come.
    #[inline]
    pub fn begin_large(&mut self, head: &ValueHead, used: usize, place: &mut dyn Place) -> usize {
        self.large_before = true;
        let unread = &self.inbox.unread()[used..];
        let n = unread.len().min(head.len);
        place.put(&unread[..n]);
        self.inbox.consume(used + n);
        head.len - n
    }

    /// The large value is whole, proved, and all that has come: the session is in step again.
    #[inline]
    pub fn end_large(&mut self) -> bool {
        let unread = self.inbox.unread();
        let ended = match self.is_tagged() {
            true => unread == b"\r\n",
            false => unread.len() == 7 && unread.first_chunk::<7>() == Some(b"\r\nEND\r\n"),
        };
        if ended {
            let n = unread.len();
            self.inbox.consume(n);
            self.counted(1);
        }
        ended
    }

    /// The large value could not be read to its end yet: its command is owed now, and the value (of
    /// which `left` is still to come; `None` if it was not begun) is to be continued.
    pub fn continue_large(&mut self, head: ValueHead, used: usize, left: Option<usize>) {
        if !self.is_tagged() {
            if let Some(owed) = self.owed.expected().first_mut() {
                owed.answered = true;
            }
            self.owed.expected_came(1, 1);
        }
        let index = 0;
        self.mode = match left {
            Some(left) => Mode::Placing { index, head, left },
            None => {
                self.inbox.consume(used);
                Mode::Skipping {
                    index,
                    head,
                    left: head.len,
                }
            }
        };
    }
}
