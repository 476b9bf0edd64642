//! The binary protocol over a connection: commands as frames, and frames read that must have the opaque
//! and the opcode of the command that they answer.

use super::arrival::{Arrival, Outcome};
use super::outbox::{COPIED_VALUE_MAX, Token};
use super::owed::{Form, Owed};
use super::session::{Mode, Session};
use super::silence::Turn;
use super::tagged::{Read, Unsent};
use crate::buffer::append;
use crate::error::{Effect, Status};
use crate::protocol::binary::client::{self as binary, Answer, Decoded, Expect, Headed};
use crate::protocol::binary::header::Header;
use crate::protocol::{Op, Request, Span, ValueHead, refusal};

const UNSENT: &str = "a reply to a command that was not sent yet";
const ANOTHERS: &str = "a frame that answers no command";

/// Whether the reply to a read repeats the key.
fn is_with_key(op: Op) -> bool {
    matches!(op, Op::Get | Op::Gets)
}

/// Where a line of text in the place of a frame has no end by then, it is none.
const TEXT_LINE_MAX: usize = 1024;

impl Session {
    pub(super) fn is_binary(&self) -> bool {
        self.tagged.is_some_and(|tagged| tagged.is_binary)
    }

    /// Append a command's frame.
    pub(super) fn encode_frame(
        &mut self,
        token: Token,
        request: &Request<'_, '_>,
        silent: bool,
    ) -> Result<usize, Unsent> {
        let opaque = self.tagged.map_or(0, |tagged| tagged.next);
        let value = match request.op.sends_value() {
            true => request.value(),
            false => b"",
        };
        let lent = value.len() > COPIED_VALUE_MAX;
        let copied = if lent { 0 } else { value.len() };
        // And for the byte behind the last key that a batch hands out.
        let room = binary::frame_room(&request.key) + copied + 1;
        self.outbox.reserve(room)?;
        if lent {
            self.outbox.reserve_lent()?;
        }
        let form = binary::Form {
            quiet: silent,
            with_key: is_with_key(request.op),
            initial: None,
            opaque,
        };
        let begin = self.outbox.bytes().len();
        let encoded = binary::encode(request, &form, self.outbox.commands())?;
        if lent {
            self.outbox.queue_from(begin);
            self.outbox.lend(token, value.len());
        } else {
            append(self.outbox.commands(), value);
            self.outbox.queue_from(begin);
        }
        if let Some(tagged) = &mut self.tagged {
            tagged.clamped = encoded.clamped;
        }
        Ok(encoded.key_at)
    }

    /// What the received bytes say next.
    pub(super) fn next_in_binary(&mut self) -> Read {
        match self.mode {
            Mode::Broken(_) => Read::Wait,
            Mode::Closing => {
                self.poison("something behind which nothing can be believed");
                Read::Wait
            }
            Mode::Ending { .. } => {
                self.poison("the end of a line of keys");
                Read::Wait
            }
            Mode::Lines => self.next_frame(),
            Mode::Value { index, head } => self.large_frame(index, head),
            Mode::Placing { .. } | Mode::Skipping { .. } => self.placed_in_binary(),
        }
    }

    /// What must be remembered of the command at a place in the queue, if it was sent as a frame.
    fn expected(&self, index: usize, owed: &Owed) -> Option<Expect> {
        let opaque = self.front_opaque().wrapping_add(index as u32);
        if owed.form == Form::Barrier {
            return Some(Expect::noop(opaque));
        }
        let opcode = binary::opcode(owed.op, owed.form == Form::Silent, is_with_key(owed.op))?;
        Some(Expect {
            op: owed.op,
            opcode,
            opaque,
        })
    }

    fn next_frame(&mut self) -> Read {
        let unread = self.inbox.unread();
        if unread.is_empty() {
            return Read::Wait;
        }
        if self.owed.is_empty() {
            self.check_surplus();
            return Read::Wait;
        }
        let header = match binary::header(unread, self.max_value) {
            Headed::More(_) => return Read::Wait,
            Headed::Broken(why) => return self.no_frame(why),
            Headed::Frame(header) => header,
        };
        let Some((index, owed, expect)) = self.asked_in_binary(&header) else {
            self.poison(ANOTHERS);
            return Read::GoOn;
        };
        let unread = self.inbox.unread();
        let key = match owed.form {
            Form::Barrier => b"",
            Form::Loud | Form::Silent => owed.key(self.outbox.bytes()),
        };
        let decoded = binary::decode(unread, &expect, key, self.max_value);
        match decoded {
            Decoded::More(wanted) => return self.wait_for(wanted),
            Decoded::Broken(why) => {
                self.poison(why);
                return Read::GoOn;
            }
            Decoded::Value { .. } | Decoded::Reply { .. } => {}
        }
        let early = self.is_early(&owed);
        // A server may refuse a value before it has all of it.
        let is_refusal = owed.op.sends_value()
            && self.outbox.written() > 0
            && matches!(
                decoded,
                Decoded::Reply {
                    answer: Answer::Refused { .. },
                    ..
                }
            );
        if early && !is_refusal {
            self.poison(UNSENT);
            return Read::GoOn;
        }
        let index = match self.turn_of(index) {
            Turn::Later => return Read::GoOn,
            Turn::Now => 0,
            Turn::InPlace => index,
        };
        match decoded {
            Decoded::Value { used, head } => self.value_frame(index, &owed, used, head),
            Decoded::Reply { used, answer } => self.whole_frame(index, &owed, used, answer, early),
            Decoded::More(_) | Decoded::Broken(_) => Read::Wait,
        }
    }

    /// The command that this frame answers, behind silent ones at the most, with its place in the queue.
    fn asked_in_binary(&mut self, header: &Header) -> Option<(usize, Owed, Expect)> {
        let index = header.opaque.wrapping_sub(self.front_opaque()) as usize;
        let owed = *self.owed.get(index)?;
        let expect = self.expected(index, &owed)?;
        let is_its = !owed.answered && self.is_reached(index, |_| false);
        is_its.then_some((index, owed, expect))
    }

    /// See to it that so many bytes have room, and wait for them.
    fn wait_for(&mut self, wanted: usize) -> Read {
        if self.inbox.make_room(wanted).is_err() {
            self.poison("more than there is memory for");
            return Read::GoOn;
        }
        Read::Wait
    }

    /// A reply without a value, all of which is here.
    fn whole_frame(
        &mut self,
        index: usize,
        owed: &Owed,
        used: usize,
        answer: Answer,
        early: bool,
    ) -> Read {
        let at = self.inbox.position() as u32;
        let absolute = |span: Span| Span {
            at: span.at + at,
            len: span.len,
        };
        self.inbox.consume(used);
        let what = match answer {
            Answer::Stat { name, text } => {
                let arrival = self.stat(owed, used, absolute(name), absolute(text));
                return arrival.map_or(Read::GoOn, Read::Arrival);
            }
            Answer::Done { .. } | Answer::EndOfStats => Outcome::Done,
            Answer::Miss if owed.op.reads_value() => Outcome::Miss(Status::NO_VALUE),
            Answer::Miss => Outcome::Miss(Status::NOT_FOUND),
            Answer::Number { number, .. } => Outcome::Number(number),
            Answer::Version(text) => Outcome::Version(absolute(text)),
            Answer::Refused {
                status,
                effect,
                text,
                in_step,
            } => {
                if !in_step || early || self.stats > 0 {
                    self.mode = Mode::Closing;
                }
                Outcome::Refused {
                    status,
                    effect,
                    text: absolute(text),
                }
            }
        };
        self.stats = 0;
        self.take(index);
        match owed.form {
            Form::Barrier => Read::GoOn,
            Form::Loud | Form::Silent => self.answered(owed, what),
        }
    }

    // --- values

    /// A value begins `used` bytes behind the frame's first.
    fn value_frame(&mut self, index: usize, owed: &Owed, used: usize, head: ValueHead) -> Read {
        if head.len > self.max_value {
            self.poison("a value larger than max_value_size");
            return Read::GoOn;
        }
        let whole = used + head.len;
        if self.inbox.unread().len() < whole {
            if self.inbox.can_hold(whole) {
                return self.wait_for(whole);
            }
            self.inbox.consume(used);
            self.large_before = true;
            self.mode = Mode::Value { index, head };
            return Read::GoOn;
        }
        // A batch hands values out with a NUL behind them, where the next frame stands; the frame's own
        // head has room.
        let at = self.inbox.position() + used - 1;
        self.inbox.move_down(at + 1, head.len);
        self.inbox.overwrite(at + head.len, 0);
        self.inbox.consume(whole);
        self.large_before = false;
        self.take(index);
        let value = Span {
            at: at as u32,
            len: head.len as u32,
        };
        let what = Outcome::Value {
            head,
            value,
            proved: true,
        };
        self.answered(owed, what)
    }

    /// A value that is too large for the inbox.
    fn large_frame(&self, index: usize, head: ValueHead) -> Read {
        self.owed.get(index).map_or(Read::Wait, |owed| {
            Read::Arrival(Arrival {
                token: owed.token,
                what: Outcome::Large(head),
            })
        })
    }

    fn placed_in_binary(&mut self) -> Read {
        if let Mode::Skipping { left, .. } = &mut self.mode {
            let n = self.inbox.unread().len().min(*left);
            *left -= n;
            self.inbox.consume(n);
        }
        let (Mode::Placing {
            index,
            head,
            left: 0,
        }
        | Mode::Skipping {
            index,
            head,
            left: 0,
        }) = self.mode
        else {
            return Read::Wait;
        };
        self.mode = Mode::Lines;
        let Some(owed) = self.owed.get(index).copied() else {
            return Read::Wait;
        };
        self.take(index);
        self.answered(&owed, Outcome::Placed { head, proved: true })
    }

    /// What has come is no frame. A line of text is what a server says that does not speak the protocol,
    /// or has no room for one more connection.
    #[cold]
    fn no_frame(&mut self, why: &'static str) -> Read {
        let unread = self.inbox.unread();
        let line = match self.owed.front() {
            Some(front) if !front.quiet && front.form != Form::Barrier => {
                binary::plain_text(unread).map(|line| (*front, line))
            }
            _ => None,
        };
        let Some((owed, line)) = line else {
            let window = &unread[..unread.len().min(TEXT_LINE_MAX)];
            let may_be_text = window
                .iter()
                .all(|byte| matches!(byte, b' '..=b'~' | b'\r'));
            if may_be_text && window.len() < TEXT_LINE_MAX {
                return Read::Wait;
            }
            self.poison(why);
            return Read::GoOn;
        };
        let status = refusal::refusal(line.of(unread)).unwrap_or(Status::UNEXPECTED_RESPONSE);
        let text = Span {
            at: self.inbox.position() as u32,
            len: line.len,
        };
        let rest = unread.len();
        self.inbox.consume(rest);
        self.mode = Mode::Closing;
        self.owed.pop();
        let effect = match owed.op.is_read() {
            true => Effect::None,
            false => Effect::Unknown,
        };
        let what = Outcome::Refused {
            status,
            effect,
            text,
        };
        self.answered(&owed, what)
    }
}
