//! Replies of batches that are as expected, read in one go. (The others: `replies`.)

use super::outbox::Token;
use super::session::{Mode, Session};
use crate::protocol::ValueHead;
use crate::protocol::ascii::client as ascii;

/// Whether a key that the next line does not name has no value, so that the next key is tried: in
/// doubt, where the line may not be whole or there is no next key, the line is looked at alone.
#[cold]
fn may_be_passed(last: bool, unread: usize) -> bool {
    !last && unread >= ascii::LINE_MAX
}

impl Session {
    /// Tell of what has come as it is expected, value behind value or STORED behind STORED, in one go:
    /// the common case of batches. Values are proved later, by their line's [`Outcome::Proved`].
    /// Returns how many commands that are no reads have their answers. What is not as expected, or not
    /// whole, is left to [`Session::next_arrival`].
    #[inline]
    pub fn drain(&mut self, tell: impl FnMut(Token, &ValueHead, &[u8])) -> usize {
        let settled = self.take_settled();
        if settled > 0 || !matches!(self.mode, Mode::Lines) || self.inbox.is_empty() {
            return settled;
        }
        let is_tagged = self.is_tagged();
        let begin = self.inbox.position();
        let answered = match self.owed.front() {
            Some(owed) if is_tagged && !owed.in_line => 0,
            Some(owed) if owed.op.reads_value() => {
                self.drain_values(tell);
                0
            }
            Some(owed) if owed.op.sends_value() => self.drain_stored(),
            _ => 0,
        };
        if self.inbox.position() != begin {
            self.scanned = 0;
        }
        answered
    }

    /// A function of its own, so that what surrounds its loop has no part in how that is compiled.
    #[inline(never)]
    fn drain_values(&mut self, mut tell: impl FnMut(Token, &ValueHead, &[u8])) {
        let outbox = self.outbox.bytes();
        if !self.outbox.all_sent() {
            return;
        }
        let max_value = self.max_value;
        let unread = self.inbox.unread_mut();
        let line = self.owed.expected();
        let with_cas = line.first().is_some_and(|owed| owed.op.reads_cas());
        let (mut at, mut passed, mut answered, mut next) = (0, 0, 0, 0);
        let mut alike = self.alike;
        while let Some(owed) = line.get_mut(next) {
            next += 1;
            let rest = &mut unread[at..];
            let key_at = owed.key_at as usize;
            let Some(key) = outbox.get(key_at..key_at + owed.key_len as usize) else {
                break;
            };
            let Some(behind_key) = ascii::names(rest, key) else {
                if may_be_passed(owed.last, rest.len()) {
                    continue;
                }
                break;
            };
            let Some((head, used)) = alike.numbers_line(&rest[behind_key..], with_cas) else {
                break;
            };
            let begin = behind_key + used;
            if head.len > max_value || rest.len() - begin < 2 || rest.len() - begin - 2 < head.len {
                break;
            }
            let (value, behind) = rest[begin..].split_at_mut(head.len);
            if behind[..2] != *b"\r\n" {
                break;
            }
            // The verified CR makes room for the NUL that values are handed out with.
            behind[0] = 0;
            tell(owed.token, &head, value);
            owed.answered = true;
            at += begin + head.len + 2;
            passed = next;
            answered += 1;
            if owed.last {
                break;
            }
        }
        self.alike = alike;
        self.owed.expected_came(passed, answered);
        self.inbox.consume(at);
    }

    /// STORED for STORED.
    #[inline(always)]
    fn drain_stored(&mut self) -> usize {
        let written = self.outbox.written();
        let unread = self.inbox.unread();
        let waiting = self.owed.expected();
        let mut n = 0;
        for (owed, reply) in waiting.iter().zip(unread.chunks_exact(8)) {
            if reply != b"STORED\r\n" || !owed.op.sends_value() || owed.quiet || written < owed.end
            {
                break;
            }
            n += 1;
        }
        self.owed.pop_many(n);
        self.inbox.consume(n * 8);
        n
    }
}
