//! A connection without its socket: what is to be sent, what has come, which replies are owed, and
//! whether the connection is still in step. Decided here and nowhere else.

use super::inbox::Inbox;
use super::outbox::{COPIED_VALUE_MAX, Outbox, Token, Values};
use super::owed::{Owed, Queue};
use crate::buffer::{Chunk, NoMemory, Place, Source};
use crate::error::{Effect, Status};
use crate::protocol::ascii::client::{self as ascii, Answer, Decoded, Line};
use crate::protocol::{Op, Request, Span, ValueHead};
use std::io::IoSlice;

/// So many replies of quiet commands may be owed by an idle connection; they are small and of fixed
/// form, and fit any socket's receive buffer.
pub const QUIET_MAX: usize = 64;

/// What has come for a command.
#[derive(Debug)]
pub struct Arrival {
    pub token: Token,
    pub what: Outcome,
}

/// Spans are places in the inbox's present chunk, to be had with [`Session::bytes`], valid until the
/// session receives again (for good, where a batch keeps the chunks).
#[derive(Debug)]
pub enum Outcome {
    /// A value, whole and followed by CR LF. It is the answer only once it is `proved`: at once, or
    /// by the [`Outcome::Proved`] of its line.
    Value {
        head: ValueHead,
        value: Span,
        proved: bool,
    },
    /// A value too large for the inbox begins: tell where it goes with [`Session::place`], or
    /// [`Session::skip`] it.
    Large(ValueHead),
    /// The large value is whole in its place (or skipped), and followed by CR LF.
    Placed { head: ValueHead, proved: bool },
    /// The line of keys ended well: so many values of it are proved.
    Proved(usize),
    /// There is no such item: `NO_VALUE` for reads, `NOT_FOUND` for the others.
    Miss(Status),
    Done,
    Number(u64),
    Version(Span),
    Refused {
        status: Status,
        effect: Effect,
        text: Span,
    },
    /// A quiet command failed; the token means nothing.
    QuietFailed { status: Status, text: Span },
}

/// A command that will get no reply any more.
#[derive(Clone, Copy, Debug)]
pub struct Abandoned {
    pub token: Token,
    pub op: Op,
    pub quiet: bool,
    /// All its bytes had left.
    pub sent: bool,
}

/// How a value that is being received stands.
#[derive(Clone, Copy)]
enum Value {
    None,
    /// Its header has come.
    Begun { index: usize, head: ValueHead },
    /// It is read straight to its place; so much is still to come.
    Placing {
        index: usize,
        head: ValueHead,
        left: usize,
    },
    /// It is thrown away.
    Skipping {
        index: usize,
        head: ValueHead,
        left: usize,
    },
}

/// The line of keys that the last command may still be joined to.
#[derive(Clone, Copy)]
struct OpenLine {
    op: Op,
    expiry: i32,
    begin: usize,
}

pub struct Session {
    outbox: Outbox,
    inbox: Inbox,
    owed: Queue,
    value: Value,
    /// The line of keys at the front has ended; its misses are being told, or (after an error line)
    /// its failures.
    ending: Option<Ending>,
    /// So many values of the ended line are proved, and not told yet.
    proved: usize,
    /// What the last reply says stands, but nothing behind it can be believed.
    close_when_told: bool,
    scanned: usize,
    open_line: Option<OpenLine>,
    joining: bool,
    broken: Option<&'static str>,
    /// Bytes received since the exchange began.
    received: u64,
    max_value: usize,
}

#[derive(Clone, Copy)]
enum Ending {
    Misses,
    Refused {
        status: Status,
        effect: Effect,
        text: Span,
    },
}

impl Session {
    /// Values announced larger than `max_value` break the connection.
    pub fn new(max_value: usize) -> Session {
        Session {
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            owed: Queue::default(),
            value: Value::None,
            ending: None,
            proved: 0,
            close_when_told: false,
            scanned: 0,
            open_line: None,
            joining: false,
            broken: None,
            received: 0,
            max_value,
        }
    }

    /// Begin an exchange of one command. The session must be in step.
    #[inline]
    pub fn begin(&mut self) {
        self.outbox.clear();
        if !self.owed.is_empty() {
            self.owed.begin();
        }
        self.open_line = None;
        self.joining = false;
        self.received = 0;
    }

    /// Begin an exchange of many commands, whose replies come to about `expected` bytes and stay
    /// where they are received.
    pub fn begin_batch(&mut self, expected: usize) {
        self.begin();
        self.joining = true;
        self.inbox.begin_keeping(expected);
    }

    /// End it: the filled chunks, and the bytes of the commands.
    pub fn end_batch(&mut self) -> (Vec<Chunk>, Vec<u8>) {
        self.joining = false;
        self.open_line = None;
        (self.inbox.end_keeping(), self.outbox.take())
    }

    /// Queue a command. Returns where its key (with the prefix) stands in the command bytes.
    pub fn submit(
        &mut self,
        token: Token,
        request: &Request<'_>,
        quiet: bool,
    ) -> Result<usize, NoMemory> {
        if self.joining && !quiet {
            if let Some(key_at) = self.join(token, request)? {
                return Ok(key_at);
            }
        }
        let lent = request.value.len() > COPIED_VALUE_MAX;
        let copied = if lent { 0 } else { request.value.len() };
        let room = ascii::line_room(&request.key) + copied + 2;
        self.outbox.reserve(room)?;
        let begin = self.outbox.bytes().len();
        let key_at = self.outbox.write(|bytes| {
            let key_at = ascii::encode(request, bytes);
            if request.op.sends_value() && !lent {
                bytes.extend_from_slice(request.value);
                bytes.extend_from_slice(b"\r\n");
            }
            key_at
        });
        if lent {
            self.outbox.lend(token, request.value.len())?;
            self.outbox.write(|bytes| bytes.extend_from_slice(b"\r\n"));
        }
        self.open_line = request.op.reads_value().then_some(OpenLine {
            op: request.op,
            expiry: request.expiry,
            begin,
        });
        let end = self.outbox.queued();
        self.owed
            .push(Owed::new(token, request, key_at, quiet, end))?;
        Ok(key_at)
    }

    /// Put one more key into the last line, where it takes one.
    fn join(&mut self, token: Token, request: &Request<'_>) -> Result<Option<usize>, NoMemory> {
        let Some(line) = self.open_line else {
            return Ok(None);
        };
        let bytes = self.outbox.bytes().len();
        let len = bytes - line.begin + 1 + request.key.wire_len();
        if line.op != request.op
            || line.expiry != request.expiry
            || len > ascii::line_limit(request.op)
            || self.outbox.written() > 0
        {
            return Ok(None);
        }
        self.outbox.reserve(request.key.wire_len() + 3)?;
        let key_at = self
            .outbox
            .write(|bytes| ascii::encode_more(request.key, bytes));
        if let Some(before) = self.owed.back_mut() {
            before.last = false;
        }
        let end = self.outbox.queued();
        self.owed
            .push(Owed::new(token, request, key_at, false, end))?;
        Ok(Some(key_at))
    }

    // --- sending

    #[inline]
    pub fn all_sent(&self) -> bool {
        self.outbox.all_sent()
    }

    /// How many bytes have left since the exchange began.
    pub fn sent(&self) -> u64 {
        self.outbox.written()
    }

    /// How many bytes are still to leave.
    pub fn unsent(&self) -> u64 {
        self.outbox.queued() - self.outbox.written()
    }

    #[inline]
    pub fn plain(&self) -> Option<&[u8]> {
        self.outbox.plain()
    }

    pub fn gather<'a>(&'a self, values: &'a dyn Values, pieces: &mut [IoSlice<'a>]) -> usize {
        self.outbox.gather(values, pieces)
    }

    #[inline]
    pub fn wrote(&mut self, n: usize) {
        self.outbox.wrote(n);
    }

    // --- receiving

    /// The command whose large value is being read to its place.
    pub fn placing(&self) -> Option<(Token, ValueHead)> {
        match self.value {
            Value::Placing { index, head, left } if left > 0 => {
                self.owed.get(index).map(|owed| (owed.token, head))
            }
            _ => None,
        }
    }

    /// Receive once. `place` must be given where [`Session::placing`] says so.
    #[inline]
    pub fn receive<S: Source>(
        &mut self,
        source: &mut S,
        place: Option<&mut dyn Place>,
    ) -> Result<Result<usize, S::Error>, NoMemory> {
        let wanted = match self.value {
            Value::Begun { head, .. } => head.len + 2,
            _ => 0,
        };
        self.inbox.make_room(wanted)?;
        let n = match (&mut self.value, place) {
            (Value::Placing { left, .. }, Some(place)) if *left > 0 => {
                let Some(chunk) = self.inbox.chunk_mut() else {
                    return Ok(Ok(0));
                };
                match chunk.receive_behind(source, place, *left) {
                    Ok((there, here)) => {
                        *left -= there;
                        there + here
                    }
                    Err(why) => return Ok(Err(why)),
                }
            }
            _ => match self.inbox.receive(source, usize::MAX) {
                Ok(n) => n,
                Err(why) => return Ok(Err(why)),
            },
        };
        self.received += n as u64;
        Ok(Ok(n))
    }

    pub fn bytes(&self, span: Span) -> &[u8] {
        self.inbox.bytes(span)
    }

    /// Whether any reply byte has come since the exchange began.
    pub fn replied(&self) -> bool {
        self.received > 0
    }

    // --- being in step

    /// Every reply owed has come (or is one of a quiet command), nothing is unread, nothing unsent.
    #[inline]
    pub fn in_step(&self) -> bool {
        self.broken.is_none()
            && self.owed.only_quiet()
            && self.owed.quiet() <= QUIET_MAX
            && self.outbox.all_sent()
            && self.inbox.is_empty()
            && matches!(self.value, Value::None)
            && self.ending.is_none()
            && !self.close_when_told
    }

    /// Replies of quiet commands are owed.
    #[inline]
    pub fn owes_quiet(&self) -> usize {
        self.owed.quiet()
    }

    /// Why nothing that still comes can be believed.
    pub fn broken(&self) -> Option<&'static str> {
        self.broken
    }

    /// Believe nothing that still comes.
    pub fn poison(&mut self, why: &'static str) {
        self.broken.get_or_insert(why);
    }

    /// The commands that have no reply, taken from the queue. The session is of no use afterwards.
    pub fn abandon(&mut self) -> Option<Abandoned> {
        self.poison("abandoned");
        let owed = self.owed.pop()?;
        Some(Abandoned {
            token: owed.token,
            op: owed.op,
            quiet: owed.quiet,
            sent: self.outbox.written() >= owed.end,
        })
    }

    // --- what has come

    /// Bytes that nobody asked for have come: a surplus reply, a banner, another's.
    pub fn check_surplus(&mut self) {
        if self.owed.is_empty() && !self.inbox.is_empty() {
            self.poison("bytes that no command asked for");
        }
    }

    /// The next arrival among the received bytes; `None` when more must be received, or when the
    /// session is [`Session::broken`].
    #[inline]
    pub fn next(&mut self) -> Option<Arrival> {
        if self.ending.is_some() || self.proved > 0 {
            let told = match self.ending {
                Some(_) => self.tell_line(),
                None => self.tell_proved(),
            };
            if told.is_some() {
                return told;
            }
        }
        if self.close_when_told {
            self.poison("nothing can be believed behind this reply");
        }
        while self.broken.is_none() {
            if !matches!(self.value, Value::None) {
                return self.continue_value();
            }
            let unread = self.inbox.unread();
            if unread.is_empty() {
                return None;
            }
            if self.owed.is_empty() {
                self.check_surplus();
                return None;
            }
            let key = self.owed.expected(self.outbox.bytes());
            match ascii::decode(unread, key, &mut self.scanned) {
                Decoded::More => return None,
                Decoded::Broken(why) => self.poison(why),
                Decoded::Line { used, line } => {
                    if let Some(arrival) = self.line(used, line) {
                        return Some(arrival);
                    }
                }
            }
        }
        None
    }

    /// A whole line has come. `None`: nothing to tell yet, or broken.
    #[inline]
    fn line(&mut self, used: usize, line: Line) -> Option<Arrival> {
        let owed = *self.owed.front()?;
        if let Line::Value { key, head } = line {
            return self.begin_value(&owed, used, key, head);
        }
        let text = &self.inbox.unread()[..used];
        let answer = ascii::answer(owed.op, line, text);
        if self.outbox.written() < owed.end {
            self.poison("a reply to a command that was not sent yet");
            return None;
        }
        let at = self.inbox.position() as u32;
        self.inbox.consume(used);
        let absolute = |span: Span| Span {
            at: span.at + at,
            len: span.len,
        };
        let what = match answer {
            Answer::Done => Outcome::Done,
            Answer::Number(number) => Outcome::Number(number),
            Answer::Version(text) => Outcome::Version(absolute(text)),
            Answer::Miss => Outcome::Miss(Status::NOT_FOUND),
            Answer::EndOfKeys => return self.end_of_keys(),
            Answer::Unexpected => {
                self.poison("a reply that the command cannot have");
                return None;
            }
            Answer::Refused {
                status,
                effect,
                text,
                in_step,
            } => {
                let text = absolute(text);
                return self.refused(&owed, status, effect, text, in_step);
            }
        };
        self.owed.pop();
        if owed.quiet {
            return match what {
                // A quiet command that found nothing to change did not do what it was asked to.
                Outcome::Miss(status) => Some(quiet_failed(status, Span { at, len: 0 })),
                _ => None,
            };
        }
        Some(Arrival {
            token: owed.token,
            what,
        })
    }

    #[cold]
    fn refused(
        &mut self,
        owed: &Owed,
        status: Status,
        effect: Effect,
        text: Span,
        in_step: bool,
    ) -> Option<Arrival> {
        if owed.op.reads_value() {
            // Between values an error line may or may not be followed by an END.
            self.close_when_told |= !in_step || self.owed.answered() > 0 || !owed.last;
            self.ending = Some(Ending::Refused {
                status,
                effect,
                text,
            });
            return self.tell_line();
        }
        self.owed.pop();
        self.close_when_told |= !in_step;
        if owed.quiet {
            return Some(quiet_failed(status, text));
        }
        Some(Arrival {
            token: owed.token,
            what: Outcome::Refused {
                status,
                effect,
                text,
            },
        })
    }

    /// The line of keys at the front has ended.
    #[inline]
    fn end_of_keys(&mut self) -> Option<Arrival> {
        self.ending = Some(Ending::Misses);
        self.tell_line()
    }

    /// Tell the next key of the ended line that has no value; those that have one are counted.
    fn tell_line(&mut self) -> Option<Arrival> {
        let ending = self.ending?;
        while let Some(owed) = self.owed.pop() {
            if owed.last {
                self.ending = None;
            }
            if !owed.answered {
                let what = match ending {
                    Ending::Misses => Outcome::Miss(Status::NO_VALUE),
                    Ending::Refused {
                        status,
                        effect,
                        text,
                    } => Outcome::Refused {
                        status,
                        effect,
                        text,
                    },
                };
                return Some(Arrival {
                    token: owed.token,
                    what,
                });
            }
            self.proved += 1;
            if owed.last {
                break;
            }
        }
        self.tell_proved()
    }

    fn tell_proved(&mut self) -> Option<Arrival> {
        match std::mem::take(&mut self.proved) {
            0 => None,
            n => Some(Arrival {
                token: 0,
                what: Outcome::Proved(n),
            }),
        }
    }

    // --- values

    #[inline]
    fn begin_value(
        &mut self,
        owed: &Owed,
        used: usize,
        key: Span,
        head: ValueHead,
    ) -> Option<Arrival> {
        let why = if !owed.op.reads_value() {
            Some("a value for a command that reads none")
        } else if head.len > self.max_value {
            Some("a value larger than max_value_size")
        } else if head.cas.is_some() != owed.op.reads_cas() {
            Some("a value with a CAS that was not asked for, or without the one that was")
        } else if self.outbox.written() < owed.end {
            Some("a reply to a command that was not sent yet")
        } else {
            None
        };
        if let Some(why) = why {
            self.poison(why);
            return None;
        }
        let key = key.of(self.inbox.unread());
        let Some(index) = self.owed.answer(key, self.outbox.bytes()) else {
            self.poison("a value for a key that was not asked for");
            return None;
        };
        self.inbox.consume(used);
        self.value = Value::Begun { index, head };
        self.continue_value()
    }

    #[inline]
    fn continue_value(&mut self) -> Option<Arrival> {
        match self.value {
            Value::Begun { index, head } => {
                let unread = self.inbox.unread();
                if unread.len() >= head.len + 2 {
                    return self.whole_value(index, head);
                }
                if self.inbox.can_hold(head.len + 2) {
                    return None;
                }
                let token = self.owed.get(index)?.token;
                Some(Arrival {
                    token,
                    what: Outcome::Large(head),
                })
            }
            Value::Placing { index, head, left } | Value::Skipping { index, head, left } => {
                self.placed_value(index, head, left)
            }
            Value::None => None,
        }
    }

    #[inline]
    fn whole_value(&mut self, index: usize, head: ValueHead) -> Option<Arrival> {
        let at = self.inbox.position();
        if self.inbox.unread().get(head.len..head.len + 2) != Some(b"\r\n") {
            self.poison("a value that is not followed by CR LF");
            return None;
        }
        // The verified CR makes room for the NUL that values are handed out with.
        self.inbox.overwrite(at + head.len, 0);
        self.inbox.consume(head.len + 2);
        let (token, proved) = self.finish_value(index)?;
        let value = Span {
            at: at as u32,
            len: head.len as u32,
        };
        Some(Arrival {
            token,
            what: Outcome::Value {
                head,
                value,
                proved,
            },
        })
    }

    fn placed_value(&mut self, index: usize, head: ValueHead, left: usize) -> Option<Arrival> {
        if let Value::Skipping { left, .. } = &mut self.value {
            let n = self.inbox.unread().len().min(*left);
            *left -= n;
            self.inbox.consume(n);
            if *left > 0 {
                return None;
            }
        } else if left > 0 {
            return None;
        }
        match self.inbox.unread().get(..2) {
            None => return None,
            Some(b"\r\n") => self.inbox.consume(2),
            Some(_) => {
                self.poison("a value that is not followed by CR LF");
                return None;
            }
        }
        let (token, proved) = self.finish_value(index)?;
        Some(Arrival {
            token,
            what: Outcome::Placed { head, proved },
        })
    }

    /// A value is whole. If it is that of a lone key and the end of its line is there too, it is the
    /// answer.
    #[inline]
    fn finish_value(&mut self, index: usize) -> Option<(Token, bool)> {
        self.value = Value::None;
        let token = self.owed.get(index)?.token;
        let proved = self.owed.is_lone() && self.inbox.unread().starts_with(b"END\r\n");
        if proved {
            self.inbox.consume(5);
            self.owed.pop();
        }
        Some((token, proved))
    }

    /// Read the large value just announced to `place`, beginning with what has come of it.
    pub fn place(&mut self, place: &mut dyn Place) {
        if let Value::Begun { index, head } = self.value {
            let unread = self.inbox.unread();
            let n = unread.len().min(head.len);
            place.put(&unread[..n]);
            self.inbox.consume(n);
            self.value = Value::Placing {
                index,
                head,
                left: head.len - n,
            };
        }
    }

    /// Throw the large value away that was just announced; the connection stays in step.
    pub fn skip(&mut self) {
        if let Value::Begun { index, head } = self.value {
            self.value = Value::Skipping {
                index,
                head,
                left: head.len,
            };
        }
    }
}

#[cold]
fn quiet_failed(status: Status, text: Span) -> Arrival {
    Arrival {
        token: 0,
        what: Outcome::QuietFailed { status, text },
    }
}
