//! The meta protocol over a connection: commands queued each with its opaque, and replies read that
//! must have it. (ASCII's replies stand in `replies`.)

use super::arrival::{Arrival, Outcome};
use super::outbox::{COPIED_VALUE_MAX, Token};
use super::owed::Owed;
use super::session::{Mode, Session, quiet_failed};
use crate::buffer::{NoMemory, append};
use crate::error::{Effect, Status};
use crate::protocol::ascii::client as ascii;
use crate::protocol::extra::{About, Said};
use crate::protocol::key::KEY_MAX;
use crate::protocol::meta::base64;
use crate::protocol::meta::client::{self as meta, Decoded, Line, Reply};
use crate::protocol::{Op, Request, Span, ValueHead, number, served};

const UNSENT: &str = "a reply to a command that was not sent yet";
const UNEXPECTED: &str = "a reply that the command cannot have";

/// The opaques of a connection, one behind the other: replies come in the order of the commands.
#[derive(Clone, Copy)]
pub(super) struct Opaques {
    /// That of the next command.
    next: u32,
    /// That of the first command whose reply is owed.
    owed: u32,
    /// What the reply told beside the answer, of the command that was answered last or whose value is
    /// being read.
    about: About,
    /// Whose, as long as the answer itself was not handed on.
    beside: Option<Token>,
    /// Whose, when that was.
    untold: Option<Token>,
}

impl Opaques {
    pub fn from(first: u32) -> Opaques {
        Opaques {
            next: first,
            owed: first,
            about: About::default(),
            beside: None,
            untold: None,
        }
    }
}

/// Where reading has come to.
enum Read {
    Arrival(Arrival),
    /// Nothing to tell of; the next reply may be there.
    GoOn,
    /// More must be received.
    Wait,
}

impl Session {
    /// Whether it is the meta protocol that is spoken.
    #[inline(always)]
    pub fn speaks_meta(&self) -> bool {
        self.meta.is_some()
    }

    /// [`Session::submit`] in meta. What that has no command for is asked in ASCII.
    #[inline(never)]
    pub(super) fn submit_meta(
        &mut self,
        token: Token,
        request: &Request<'_, '_>,
        quiet: bool,
    ) -> Result<usize, NoMemory> {
        let extra = &request.command.extra;
        let said = served::said(request.op, extra.said, self.version());
        let said = said.with_if(Said::BASE64, !request.key.is_plain());
        let key_at = match self.encode_meta(token, request, said)? {
            Some(key_at) => key_at,
            None => self.encode(token, request)?,
        };
        self.owe(token, request, key_at, quiet)?;
        if let (false, Some(owed)) = (said.is_empty(), self.owed.back_mut()) {
            owed.said = said;
        }
        Ok(key_at)
    }

    /// What the reply told beside the answer: of [`Outcome::Told`].
    pub fn about(&self) -> About {
        self.meta.map_or(About::default(), |meta| meta.about)
    }

    fn encode_meta(
        &mut self,
        token: Token,
        request: &Request<'_, '_>,
        said: Said,
    ) -> Result<Option<usize>, NoMemory> {
        let Some(opaques) = &mut self.meta else {
            return Ok(None);
        };
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
        let Some(key_at) = meta::encode(request, said, opaques.next, bytes) else {
            return Ok(None);
        };
        opaques.next = opaques.next.wrapping_add(1);
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

    /// [`Session::next_arrival`] in meta.
    #[inline(never)]
    pub(super) fn next_meta_arrival(&mut self) -> Option<Arrival> {
        loop {
            if let Some(token) = self.meta.as_mut().and_then(|meta| meta.untold.take()) {
                let what = Outcome::Told;
                return Some(Arrival { token, what });
            }
            let read = match self.mode {
                Mode::Broken(_) => return None,
                Mode::Closing => {
                    self.poison("something behind which nothing can be believed");
                    return None;
                }
                Mode::Ending { .. } => {
                    self.poison("the end of a line of keys");
                    return None;
                }
                Mode::Lines => self.next_meta_line(),
                Mode::Value { index, head } if self.value_is_here() => {
                    return self.whole_value(index, head);
                }
                Mode::Value { .. } => return self.large_or_nothing(),
                Mode::Placing { .. } | Mode::Skipping { .. } => return self.placed_value(),
            };
            match read {
                Read::Arrival(arrival) => return Some(arrival),
                Read::GoOn => {}
                Read::Wait => return None,
            }
        }
    }

    fn next_meta_line(&mut self) -> Read {
        let unread = self.inbox.unread();
        if unread.is_empty() {
            return Read::Wait;
        }
        let Some(owed) = self.owed.front().copied() else {
            self.check_surplus();
            return Read::Wait;
        };
        if !owed.op.takes_key() {
            return self.next_ascii_line();
        }
        match meta::decode(unread, &mut self.scanned) {
            Decoded::More => return Read::Wait,
            Decoded::Broken(why) => self.poison(why),
            Decoded::Line { used, line } => {
                let early = !self.outbox.all_sent() && self.outbox.written() < owed.end;
                match line {
                    Line::Ascii(line @ ascii::Line::Error(..)) => {
                        return self.meta_error(&owed, used, line, early);
                    }
                    Line::Reply(_) if early => self.poison(UNSENT),
                    Line::Reply(reply) => return self.meta_reply(&owed, used, &reply),
                    Line::Ascii(_) | Line::Debug(_) => self.poison(UNEXPECTED),
                }
            }
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

    /// Whether a reply is the one to this command: it has its opaque, and where it names a key, its key.
    fn is_its(&self, owed: &Owed, reply: &Reply) -> bool {
        let opaque = self.meta.map(|opaques| opaques.owed);
        let key = owed.key(self.outbox.bytes());
        let names_another = |span: Span| {
            let named = span.of(self.inbox.unread());
            match reply.returned.base64 {
                true => !is_encoded(named, key),
                false => named != key,
            }
        };
        reply.returned.opaque == opaque && !reply.returned.key.is_some_and(names_another)
    }

    fn meta_reply(&mut self, owed: &Owed, used: usize, reply: &Reply) -> Read {
        if !self.is_its(owed, reply) {
            self.poison("a reply with the opaque or the key of another command");
            return Read::GoOn;
        }
        let nothing = Span {
            at: self.inbox.position() as u32,
            len: 0,
        };
        let answer = meta::answer(owed.op, owed.said, reply);
        self.note(owed, reply, answer);
        let what = match answer {
            meta::Answer::Done => Outcome::Done,
            meta::Answer::Miss if owed.op.reads_value() => Outcome::Miss(Status::NO_VALUE),
            meta::Answer::Miss => Outcome::Miss(Status::NOT_FOUND),
            meta::Answer::Value(head) => return self.begin_meta_value(used, head),
            meta::Answer::Number(len) => return self.meta_number(owed, used, len),
            meta::Answer::Unfilled => return self.meta_unfilled(owed, used),
            meta::Answer::Refused(status) => Outcome::Refused {
                status,
                effect: Effect::NotApplied,
                text: nothing,
            },
            meta::Answer::Unexpected => {
                self.poison(UNEXPECTED);
                return Read::GoOn;
            }
        };
        self.inbox.consume(used);
        self.answered_in_meta(owed, what)
    }

    fn begin_meta_value(&mut self, used: usize, head: ValueHead) -> Read {
        if head.len > self.max_value {
            self.poison("a value larger than max_value_size");
        } else {
            self.inbox.consume(used);
            self.mode = Mode::Value { index: 0, head };
        }
        Read::GoOn
    }

    /// Keep what is to be told beside the answer.
    fn note(&mut self, owed: &Owed, reply: &Reply, answer: meta::Answer) {
        let told = &reply.returned;
        let more = told.won || told.stale || told.sent || !owed.said.is_empty();
        let tells = more && !owed.quiet && answer != meta::Answer::Unexpected;
        if let Some(meta) = &mut self.meta {
            meta.about = meta::about(reply);
            if answer == meta::Answer::Unfilled {
                meta.about = meta.about.marks();
            }
            meta.beside = tells.then_some(owed.token);
        }
    }

    /// The end of an empty value that stands for none follows the line.
    fn meta_unfilled(&mut self, owed: &Owed, used: usize) -> Read {
        let Some(end) = self.inbox.unread().get(used..used + 2) else {
            return Read::Wait;
        };
        if end != b"\r\n" {
            self.poison("a value that is longer than announced");
            return Read::GoOn;
        }
        self.inbox.consume(used + 2);
        self.answered_in_meta(owed, Outcome::Miss(Status::NO_VALUE))
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
        self.answered_in_meta(owed, Outcome::Number(number))
    }

    /// The first command that waits has its reply.
    fn answered_in_meta(&mut self, owed: &Owed, what: Outcome) -> Read {
        self.pop_meta();
        if !owed.quiet {
            let token = owed.token;
            return Read::Arrival(Arrival { token, what });
        }
        let text = Span {
            at: self.inbox.position() as u32,
            len: 0,
        };
        match what {
            // A quiet command that found nothing to change did not do what it was asked to.
            Outcome::Miss(status) => Read::Arrival(quiet_failed(status, text)),
            Outcome::Refused { status, text, .. } => Read::Arrival(quiet_failed(status, text)),
            _ => Read::GoOn,
        }
    }

    fn pop_meta(&mut self) {
        self.owed.pop();
        if let Some(opaques) = &mut self.meta {
            opaques.owed = opaques.owed.wrapping_add(1);
            opaques.untold = opaques.beside.take();
        }
    }

    /// The value that has come whole is the answer: its line had the opaque and the key.
    pub(super) fn meta_value_is_answer(&mut self) -> bool {
        self.pop_meta();
        true
    }

    /// An error line, which has no opaque: it belongs to the command whose turn it is.
    #[cold]
    fn meta_error(&mut self, owed: &Owed, used: usize, line: ascii::Line, early: bool) -> Read {
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
        self.answered_in_meta(owed, what)
    }
}

/// Whether a text is the key in base64.
fn is_encoded(text: &[u8], key: &[u8]) -> bool {
    let mut room = [0; KEY_MAX];
    base64::decode(text, &mut room).is_some_and(|len| room[..len] == *key)
}
