//! Reading replies: from received bytes to what they mean for the commands that wait.

use super::arrival::{Arrival, Lone, Outcome};
use super::outbox::Token;
use super::owed::Owed;
use super::session::{Ending, Mode, Session, quiet_failed};
use crate::buffer::Place;
use crate::error::{Effect, Status};
use crate::protocol::ascii::client::{self as ascii, Answer, Decoded, Line};
use crate::protocol::{Op, Request, Span, ValueHead, stats};

const UNSENT: &str = "a reply to a command that was not sent yet";
const UNTERMINATED: &str = "a value that is not followed by CR LF";

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

    /// The next arrival among the received bytes; `None` when more must be received, or when the
    /// session is broken.
    pub fn next_arrival(&mut self) -> Option<Arrival> {
        if self.is_tagged() {
            return self.next_tagged_arrival();
        }
        loop {
            match self.mode {
                Mode::Broken(_) => return None,
                Mode::Closing => self.poison("something behind which nothing can be believed"),
                Mode::Ending { how, proved, over } => {
                    if let Some(arrival) = self.tell_line(how, proved, over) {
                        return Some(arrival);
                    }
                }
                Mode::Lines => {
                    let unread = self.inbox.unread();
                    if unread.is_empty() {
                        return None;
                    }
                    if self.owed.is_empty() {
                        self.check_surplus();
                        return None;
                    }
                    match ascii::decode(unread, &mut self.scanned) {
                        Decoded::More => return None,
                        Decoded::Broken(why) => self.poison(why),
                        Decoded::Line { used, line } => {
                            if let Some(arrival) = self.line(used, line) {
                                return Some(arrival);
                            }
                            if matches!(self.mode, Mode::Value { .. }) && !self.value_is_here() {
                                return self.large_or_nothing();
                            }
                        }
                    }
                }
                Mode::Value { index, head } => {
                    return if self.value_is_here() {
                        self.whole_value(index, head)
                    } else {
                        self.large_or_nothing()
                    };
                }
                Mode::Placing { .. } | Mode::Skipping { .. } => return self.placed_value(),
            }
        }
    }

    /// A whole line has come. `None`: nothing to tell yet, or broken.
    pub(super) fn line(&mut self, used: usize, line: Line) -> Option<Arrival> {
        let owed = *self.owed.front()?;
        if self.asked_by_itself(&owed) {
            return self.opened(used, line);
        }
        let early = !self.outbox.all_sent() && self.outbox.written() < self.owed.line_end();
        // A server may refuse a value before it has all of it.
        let refusal =
            owed.op.sends_value() && matches!(line, Line::Error(..)) && self.outbox.written() > 0;
        if early && !refusal {
            self.poison(UNSENT);
            return None;
        }
        if let Line::Value { key, head } = line {
            self.begin_value(&owed, used, key, head);
            return None;
        }
        let text = &self.inbox.unread()[..used];
        let answer = ascii::answer(owed.op, line, text);
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
            Answer::Stat { name, text } => {
                return self.stat(&owed, used, absolute(name), absolute(text));
            }
            Answer::EndOfStats(end) => {
                if !self.ends_stats(&owed, end) {
                    return None;
                }
                Outcome::Done
            }
            Answer::EndOfKeys => {
                self.mode = Mode::Ending {
                    how: Ending::Well,
                    proved: 0,
                    over: false,
                };
                return None;
            }
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
                // Behind statistics an error line may or may not be followed by an END.
                let in_step = in_step && !early && self.stats == 0;
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

    /// One of the lines of `stats` has come.
    #[cold]
    pub(super) fn stat(
        &mut self,
        owed: &Owed,
        used: usize,
        name: Span,
        text: Span,
    ) -> Option<Arrival> {
        self.stats = self.stats.saturating_add(used);
        if self.stats > self.max_value {
            self.poison("more statistics than max_value_size");
            return None;
        }
        Some(Arrival {
            token: owed.token,
            what: Outcome::Stat { name, text },
        })
    }

    /// Whether this is the end of the reply that the argument of `stats` asks for. `RESET` and `OK` are
    /// all of theirs.
    #[cold]
    fn ends_stats(&mut self, owed: &Owed, end: stats::End) -> bool {
        let asked = self.outbox.bytes().get(owed.key_at as usize..);
        let argument = asked
            .unwrap_or_default()
            .split(|byte| *byte == b'\r')
            .next();
        let expected = stats::end(argument.unwrap_or_default().trim_ascii_start());
        let lines = std::mem::take(&mut self.stats);
        let ends = end == expected && (end == stats::End::Lines || lines == 0);
        if !ends {
            self.poison("an end that the statistics asked for cannot have");
        }
        ends
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
            let how = Ending::Refused {
                status,
                effect,
                text,
                // Between values an error line may or may not be followed by an END.
                in_step: in_step && owed.last && self.owed.answered() == 0,
            };
            self.mode = Mode::Ending {
                how,
                proved: 0,
                over: false,
            };
            return None;
        }
        self.owed.pop();
        if !in_step {
            self.mode = Mode::Closing;
        }
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

    /// Tell the next key of the ended line that has no value; those that have one are counted, and
    /// told together at the end.
    pub(super) fn tell_line(
        &mut self,
        how: Ending,
        mut proved: usize,
        mut over: bool,
    ) -> Option<Arrival> {
        if proved == 0 && !over {
            if let Some(n) = self.owed.pop_answered_line() {
                (proved, over) = (n, true);
            }
        }
        while !over {
            let Some(owed) = self.owed.pop() else {
                break;
            };
            over = owed.last;
            if owed.answered {
                proved += 1;
                continue;
            }
            self.mode = Mode::Ending { how, proved, over };
            let what = match how {
                Ending::Well => Outcome::Miss(Status::NO_VALUE),
                Ending::Refused {
                    status,
                    effect,
                    text,
                    ..
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
        self.mode = match how {
            Ending::Refused { in_step: false, .. } => Mode::Closing,
            _ => Mode::Lines,
        };
        (proved > 0).then_some(Arrival {
            token: 0,
            what: Outcome::Proved(proved),
        })
    }

    // --- values

    fn begin_value(&mut self, owed: &Owed, used: usize, key: Span, head: ValueHead) {
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
}
