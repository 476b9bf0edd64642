//! The reply to a lone meta command, read in one go where it is the one that is hoped for, or a miss.

use super::arrival::Lone;
use super::outbox::COPIED_VALUE_MAX;
use super::owed::{Form, Owed};
use super::session::Session;
use crate::buffer::{NoMemory, append};
use crate::error::Status;
use crate::protocol::ascii::client::same;
use crate::protocol::extra::Said;
use crate::protocol::meta::client as meta;
use crate::protocol::{Op, Request, Span, ValueHead, number};

impl Session {
    /// Whether a lone command may be sent, and its reply read, by itself: frames, and what is owed for
    /// commands that were silent, are left to who queues commands.
    #[inline(always)]
    pub fn takes_lone(&self) -> bool {
        match &self.tagged {
            None => true,
            Some(tagged) => {
                let silent = |owed: &Owed| owed.form == Form::Silent;
                !tagged.is_binary && !self.owed.back().is_some_and(silent)
            }
        }
    }

    #[inline(always)]
    pub(super) fn encode_lone_meta(
        &mut self,
        request: &Request<'_, '_>,
    ) -> Result<usize, NoMemory> {
        let value = request.value().len();
        let Some(tagged) = &mut self.tagged else {
            return Ok(0);
        };
        tagged.line_end.set(tagged.next);
        match request.op {
            Op::Get => {
                self.outbox.reserve(meta::line_room(&request.key))?;
                let begin = self.outbox.bytes().len();
                let bytes = self.outbox.commands();
                let key_at = meta::encode_get(request.key, &tagged.line_end, bytes);
                self.outbox.queue_from(begin);
                Ok(key_at)
            }
            Op::Set if value <= COPIED_VALUE_MAX => {
                let room = meta::line_room(&request.key) + value + 2;
                self.outbox.reserve(room)?;
                let begin = self.outbox.bytes().len();
                let bytes = self.outbox.commands();
                let key_at = meta::encode_set(request, false, &tagged.line_end, bytes);
                append(bytes, request.value());
                append(bytes, b"\r\n");
                self.outbox.queue_from(begin);
                Ok(key_at)
            }
            // Copied, so that the others need not have theirs in memory.
            _ => {
                let command = *request.command;
                let request = Request {
                    command: &command,
                    ..*request
                };
                self.encode_other_meta(&request)
            }
        }
    }

    #[inline(never)]
    fn encode_other_meta(&mut self, request: &Request<'_, '_>) -> Result<usize, NoMemory> {
        match self.encode_meta(0, request, false, Said::NOTHING)? {
            Some(key_at) => Ok(key_at),
            None => self.encode(0, request),
        }
    }

    /// [`Session::lone_reply`] in meta. What memcached answers is what was asked, in the order in which it
    /// was: the end of the reply's first line is that of the command's.
    #[inline(always)]
    pub(super) fn lone_meta_reply(
        &mut self,
        request: &Request<'_, '_>,
        key_at: usize,
    ) -> Option<Lone> {
        let lone = match request.op {
            Op::Get | Op::Gets => self.lone_meta_value(request, key_at)?,
            Op::Incr | Op::Decr => self.lone_meta_number()?,
            op if op.sends_value() => self.lone_meta_stored()?,
            _ => return None,
        };
        // A large value is the answer only when it is whole.
        if !matches!(lone, Lone::Large { .. }) {
            let n = self.inbox.unread().len();
            self.inbox.consume(n);
            self.counted(1);
        }
        Some(lone)
    }

    /// `VA 3 kkey f0 O7`, or `EN kkey O7`, behind `mg key v k f O7`.
    #[inline(always)]
    fn lone_meta_value(&mut self, request: &Request<'_, '_>, key_at: usize) -> Option<Lone> {
        let tagged = self.tagged.as_mut()?;
        let unread = self.inbox.unread();
        let key = self
            .outbox
            .bytes()
            .get(key_at..)?
            .get(..request.key.wire_len())?;
        if let Some(rest) = unread.strip_prefix(b"EN k") {
            let is_its = behind(rest, key)? == tagged.line_end.bytes();
            return is_its.then_some(Lone::Miss(Status::NO_VALUE));
        }
        let (len, rest) = tagged.alike.len(unread)?;
        let (flags, mut rest) = tagged.alike.flags(behind(rest, key)?)?;
        let mut cas = None;
        if request.op == Op::Gets {
            let (unique, n) = number::leading(rest.strip_prefix(b" c")?)?;
            cas = Some(unique);
            rest = &rest[2 + n..];
        }
        let rest = tagged.line_end.behind(rest)?;
        let head = ValueHead {
            flags: u32::try_from(flags).ok()?,
            len: usize::try_from(len).ok()?,
            cas,
        };
        if head.len > self.max_value {
            return None;
        }
        let used = unread.len() - rest.len();
        let end = used.checked_add(head.len)?;
        let Some(end_of_value) = rest.get(head.len..) else {
            let large = !self.inbox.can_hold(end.checked_add(2)?);
            return large.then_some(Lone::Large { head, used });
        };
        if end_of_value != b"\r\n" {
            return None;
        }
        let value = Span {
            at: (self.inbox.position() + used) as u32,
            len: head.len as u32,
        };
        self.large_before = false;
        Some(Lone::Value { head, value })
    }

    /// `HD O7`.
    #[inline(always)]
    fn lone_meta_stored(&self) -> Option<Lone> {
        let end = self.inbox.unread().strip_prefix(b"HD")?;
        (end == self.tagged.as_ref()?.line_end.bytes()).then_some(Lone::Done)
    }

    /// `VA 2 O7` and a number.
    #[inline(always)]
    fn lone_meta_number(&self) -> Option<Lone> {
        let (len, n) = number::leading(self.inbox.unread().strip_prefix(b"VA ")?)?;
        let rest = &self.inbox.unread()[3 + n..];
        let body = self.tagged.as_ref()?.line_end.behind(rest)?;
        let digits = body.strip_suffix(b"\r\n")?;
        (u64::try_from(digits.len()) == Ok(len)).then(|| number::whole(digits).map(Lone::Number))?
    }
}

/// What is behind `front`, which `bytes` must begin with.
#[inline(always)]
fn behind<'b>(bytes: &'b [u8], front: &[u8]) -> Option<&'b [u8]> {
    let (begin, rest) = bytes.split_at_checked(front.len())?;
    same(begin, front).then_some(rest)
}
