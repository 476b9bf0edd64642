//! Reading replies: from received bytes to what they mean for the commands that wait.

use super::arrival::{Arrival, Outcome};
use super::owed::Owed;
use super::session::{Ending, Mode, Session, quiet_failed};
use crate::error::{Effect, Status};
use crate::protocol::ascii::client::{self as ascii, Answer, Decoded, Line};
use crate::protocol::{Span, stats};

const UNSENT: &str = "a reply to a command that was not sent yet";

impl Session {
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
}
