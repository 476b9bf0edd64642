//! The meta protocol over a connection: commands as lines, and replies read that must have their opaque.
//! (ASCII's replies stand in `replies`.)

use super::arrival::Outcome;
use super::outbox::{COPIED_VALUE_MAX, Token};
use super::owed::{Form, Owed};
use super::session::{Mode, Session};
use super::silence::Turn;
use super::tagged::Read;
use crate::buffer::{NoMemory, append};
use crate::error::{Effect, Status};
use crate::protocol::ascii::client as ascii;
use crate::protocol::extra::Said;
use crate::protocol::key::KEY_MAX;
use crate::protocol::meta::base64;
use crate::protocol::meta::client::{self as meta, Code, Decoded, Line, Reply};
use crate::protocol::{Op, Request, Span, ValueHead, number};

const UNSENT: &str = "a reply to a command that was not sent yet";
const UNEXPECTED: &str = "a reply that the command cannot have";
const ANOTHERS: &str = "a reply with the opaque or the key of another command";

impl Session {
    /// Append a command's line and value; `None` where meta has none for it. `said` is what of its words
    /// the server has.
    pub(super) fn encode_meta(
        &mut self,
        token: Token,
        request: &Request<'_, '_>,
        silent: bool,
        said: Said,
    ) -> Result<Option<usize>, NoMemory> {
        let Some(tagged) = &mut self.tagged else {
            return Ok(None);
        };
        tagged.clamped = request.wire.clamped();
        tagged.line_end.set(tagged.next);
        let value = match request.op.sends_value() {
            true => request.value(),
            false => b"",
        };
        let lent = value.len() > COPIED_VALUE_MAX;
        let copied = if lent { 0 } else { value.len() };
        let room = meta::line_room(&request.key) + copied + 2;
        self.outbox.reserve(room)?;
        if lent {
            self.outbox.reserve_lent()?;
        }
        let begin = self.outbox.bytes().len();
        let bytes = self.outbox.commands();
        let Some(key_at) = meta::encode(request, silent, said, &tagged.line_end, bytes) else {
            return Ok(None);
        };
        if lent {
            self.outbox.queue_from(begin);
            self.outbox.lend(token, value.len());
            self.encode_end();
            return Ok(Some(key_at));
        }
        if request.op.sends_value() {
            append(bytes, value);
            append(bytes, b"\r\n");
        }
        self.outbox.queue_from(begin);
        Ok(Some(key_at))
    }

    /// A barrier is to follow. `MN` has no opaque, and one that is left over from before would tell every
    /// silent read that there is nothing, and every silent write that it was done. So the last of them is
    /// asked loud: what settles them is its reply, and no `MN` is believed before that. Whether there was
    /// one: nobody waits for `MN` then, unless for what an error line says.
    pub(super) fn make_last_loud(&mut self) -> bool {
        let is_silent = |last: &&Owed| last.form == Form::Silent && !last.quiet;
        let Some(last) = self.owed.back().filter(is_silent) else {
            return false;
        };
        let line = self.outbox.bytes().get(last.key_at as usize..);
        let line = line.and_then(|line| line.split(|byte| *byte == b'\n').next());
        let flag = line.and_then(|line| memchr::memmem::rfind(line, meta::SILENT));
        let Some(at) = flag.map(|flag| last.key_at as usize + flag) else {
            return false;
        };
        if !self.outbox.cut_out(at, meta::SILENT.len()) {
            return false;
        }
        let end = self.outbox.queued();
        if let Some(last) = self.owed.back_mut() {
            last.form = Form::Loud;
            last.end = end;
        }
        true
    }

    /// What the received bytes say next.
    pub(super) fn next_in_meta(&mut self) -> Read {
        let arrival = match self.mode {
            Mode::Broken(_) => None,
            Mode::Closing => {
                self.poison("something behind which nothing can be believed");
                None
            }
            Mode::Ending { how, proved, over } => match self.tell_line(how, proved, over) {
                Some(arrival) => Some(arrival),
                None => return Read::GoOn,
            },
            Mode::Lines => return self.next_meta_line(),
            Mode::Value { index, head } if self.value_is_here() => self.whole_value(index, head),
            Mode::Value { .. } => self.large_or_nothing(),
            Mode::Placing { .. } | Mode::Skipping { .. } => self.placed_value(),
        };
        arrival.map_or(Read::Wait, Read::Arrival)
    }

    fn next_meta_line(&mut self) -> Read {
        let unread = self.inbox.unread();
        if unread.is_empty() {
            return Read::Wait;
        }
        let Some(front) = self.owed.front().copied() else {
            self.check_surplus();
            return Read::Wait;
        };
        if front.in_line || (front.form == Form::Loud && !front.op.takes_key()) {
            return self.next_ascii_line();
        }
        match meta::decode(unread, &mut self.scanned) {
            Decoded::More => return Read::Wait,
            Decoded::Broken(why) => self.poison(why),
            Decoded::Line { used, line } => match line {
                Line::Ascii(line @ ascii::Line::Error(..)) => {
                    return self.meta_error(&front, used, line);
                }
                Line::Reply(reply) => return self.meta_reply(used, &reply),
                Line::Ascii(_) | Line::Debug(_) => self.poison(UNEXPECTED),
            },
        }
        Read::GoOn
    }

    /// The reply to what was asked in ASCII.
    fn next_ascii_line(&mut self) -> Read {
        match ascii::decode(self.inbox.unread(), &mut self.scanned) {
            ascii::Decoded::More => return Read::Wait,
            ascii::Decoded::Broken(why) => self.poison(why),
            ascii::Decoded::Line { used, line } => {
                if let Some(arrival) = self.line(used, line) {
                    return Read::Arrival(arrival);
                }
            }
        }
        Read::GoOn
    }

    /// The place in the queue of the command that this is the reply to, behind silent ones at the most:
    /// it has its opaque, and where it names a key, its key.
    fn asked_for(&mut self, reply: &Reply) -> Option<usize> {
        let waiting = self.owed.waiting();
        let is_barrier = reply.code == Code::Barrier;
        let index = match reply.returned.opaque {
            Some(opaque) => opaque.wrapping_sub(self.front_opaque()) as usize,
            None => waiting
                .iter()
                .position(|owed| owed.form == Form::Barrier)
                .filter(|_| is_barrier)?,
        };
        // The error line may have been that of the last of them, which is not silent.
        let has_errors = is_barrier && self.has_errors();
        let owed = waiting.get(index)?;
        let key = owed.key(self.outbox.bytes());
        let names_another = |span: Span| {
            let named = span.of(self.inbox.unread());
            match reply.returned.base64 {
                true => !is_encoded(named, key),
                false => named != key,
            }
        };
        let is_its = is_barrier == (owed.form == Form::Barrier)
            && is_barrier != reply.returned.opaque.is_some()
            && (is_barrier || owed.op.takes_key())
            && !reply.returned.key.is_some_and(names_another)
            && !owed.answered;
        let may_fail = |owed: &Owed| has_errors && owed.form == Form::Loud;
        (is_its && self.is_reached(index, may_fail)).then_some(index)
    }

    fn meta_reply(&mut self, used: usize, reply: &Reply) -> Read {
        let Some(index) = self.asked_for(reply) else {
            self.poison(ANOTHERS);
            return Read::GoOn;
        };
        let Some(owed) = self.owed.get(index).copied() else {
            return Read::GoOn;
        };
        if self.is_early(&owed) {
            self.poison(UNSENT);
            return Read::GoOn;
        }
        let answer = match owed.form {
            Form::Barrier => None,
            Form::Loud | Form::Silent => Some(meta::answer(owed.op, owed.said, reply)),
        };
        if answer == Some(meta::Answer::Unexpected) {
            self.poison(UNEXPECTED);
            return Read::GoOn;
        }
        let index = match self.turn_of(index) {
            Turn::Later => return Read::GoOn,
            Turn::Now => 0,
            Turn::InPlace => index,
        };
        if let Some(answer) = answer {
            self.note(&owed, reply, answer);
        }
        let what = match answer {
            None => {
                self.inbox.consume(used);
                self.owed.pop();
                return Read::GoOn;
            }
            Some(meta::Answer::Done) => Outcome::Done,
            Some(meta::Answer::Miss) if owed.op.reads_value() => Outcome::Miss(Status::NO_VALUE),
            Some(meta::Answer::Miss) => Outcome::Miss(Status::NOT_FOUND),
            Some(meta::Answer::Value(head)) => return self.begin_meta_value(index, used, head),
            Some(meta::Answer::Number(len)) => return self.meta_number(&owed, used, len),
            Some(meta::Answer::Unfilled) => return self.meta_unfilled(index, &owed, used),
            Some(meta::Answer::Refused(status)) => Outcome::Refused {
                status,
                effect: Effect::NotApplied,
                text: self.nothing(),
            },
            Some(meta::Answer::Unexpected) => return Read::GoOn,
        };
        self.inbox.consume(used);
        self.take_told(index);
        self.answered(&owed, what)
    }

    fn begin_meta_value(&mut self, index: usize, used: usize, head: ValueHead) -> Read {
        if head.len > self.max_value {
            self.poison("a value larger than max_value_size");
        } else {
            self.inbox.consume(used);
            self.mode = Mode::Value { index, head };
        }
        Read::GoOn
    }

    /// Keep what is to be told beside the answer.
    fn note(&mut self, owed: &Owed, reply: &Reply, answer: meta::Answer) {
        let told = &reply.returned;
        let more = told.won || told.stale || told.sent || !owed.said.is_empty();
        let tells = more && !owed.quiet && answer != meta::Answer::Unexpected;
        if let Some(meta) = &mut self.tagged {
            meta.about = meta::about(reply);
            if answer == meta::Answer::Unfilled {
                meta.about = meta.about.marks();
            }
            meta.beside = tells.then_some(owed.token);
        }
    }

    /// The end of an empty value that stands for none follows the line.
    fn meta_unfilled(&mut self, index: usize, owed: &Owed, used: usize) -> Read {
        let Some(end) = self.inbox.unread().get(used..used + 2) else {
            return Read::Wait;
        };
        if end != b"\r\n" {
            self.poison("a value that is longer than announced");
            return Read::GoOn;
        }
        self.inbox.consume(used + 2);
        self.take_told(index);
        self.answered(owed, Outcome::Miss(Status::NO_VALUE))
    }

    /// A number of `len` digits follows the line. Nothing is taken before all of it is there.
    fn meta_number(&mut self, owed: &Owed, used: usize, len: usize) -> Read {
        let Some(body) = self.inbox.unread().get(used..used + len + 2) else {
            return Read::Wait;
        };
        let number = body.strip_suffix(b"\r\n").and_then(number::whole);
        let Some(number) = number else {
            self.poison("a number that is none");
            return Read::GoOn;
        };
        self.inbox.consume(used + len + 2);
        self.take_told(0);
        self.answered(owed, Outcome::Number(number))
    }

    /// The value that has come whole is the answer: its line had the opaque and the key.
    pub(super) fn tagged_value_is_answer(&mut self, index: usize) -> bool {
        self.take_told(index);
        true
    }

    /// An error line, which has no opaque: it belongs to the command whose turn it is, or to one of the
    /// silent ones of which that is the first.
    #[cold]
    fn meta_error(&mut self, owed: &Owed, used: usize, line: ascii::Line) -> Read {
        let early = self.is_early(owed);
        // A server may refuse a value before it has all of it.
        if early && !(owed.op.sends_value() && self.outbox.written() > 0) {
            self.poison(UNSENT);
            return Read::GoOn;
        }
        // Whatever its mode, an `ms` whose value is refused takes the old value with it, as ASCII's set.
        let op = match owed.op.sends_value() {
            true => Op::Set,
            false => owed.op,
        };
        let answer = ascii::answer(op, line, &self.inbox.unread()[..used]);
        let ascii::Answer::Refused {
            status,
            effect,
            text,
            in_step,
        } = answer
        else {
            self.poison(UNEXPECTED);
            return Read::GoOn;
        };
        match owed.form {
            Form::Loud => {}
            // Where not all of it has left, none behind it can be meant.
            Form::Silent if early => {}
            Form::Silent if in_step => {
                self.inbox.consume(used);
                self.note_error(status, effect);
                return Read::GoOn;
            }
            Form::Silent => {
                self.poison("an error behind which nothing can be believed");
                return Read::GoOn;
            }
            Form::Barrier => {
                self.poison(UNEXPECTED);
                return Read::GoOn;
            }
        }
        let text = Span {
            at: text.at + self.inbox.position() as u32,
            len: text.len,
        };
        self.inbox.consume(used);
        if !in_step || early {
            self.mode = Mode::Closing;
        }
        let what = Outcome::Refused {
            status,
            effect,
            text,
        };
        self.owed.pop();
        self.answered(owed, what)
    }
}

/// Whether a text is the key in base64.
fn is_encoded(text: &[u8], key: &[u8]) -> bool {
    let mut room = [0; KEY_MAX];
    base64::decode(text, &mut room).is_some_and(|len| room[..len] == *key)
}
