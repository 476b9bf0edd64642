//! What silence means: commands that are answered by nothing where there is nothing to tell are settled
//! by the reply to a later one. Error lines that say nothing of whose they are come in between.
//!
//! That a silent read found nothing is believed of a barrier only: a proxy may change the order of replies,
//! and the value may still come. So the reply to a read behind other reads is told where it stands in the
//! queue, which it stays in.

use super::arrival::Outcome;
use super::owed::{Form, Owed};
use super::session::Session;
use super::tagged::Read;
use crate::error::{Effect, Status};

/// How far the silent commands at the front are settled.
#[derive(Clone, Copy, Default)]
pub(super) struct Silence {
    /// So many commands at the front have been answered, by silence, and how.
    settled: usize,
    verdict: Verdict,
    /// The commands before the one with this opaque are silent or have their answers; of no meaning where it
    /// is none that waits.
    reached: u32,
    /// Error lines since the front command that may be those of any silent one.
    errors: Option<Errors>,
}

/// Where the command stands whose reply has come.
pub(super) enum Turn {
    /// Something else is to be told first: the reply is to be read again then.
    Later,
    /// At the front.
    Now,
    /// Behind others that wait.
    InPlace,
}

/// What became of commands that were silent.
#[derive(Clone, Copy, Default)]
enum Verdict {
    #[default]
    /// Reads found nothing, writes did what they are for.
    Well,
    Failed {
        status: Status,
        effect: Effect,
    },
    /// So many of them failed, and nobody said which.
    Doubt {
        failed: usize,
        status: Status,
    },
}

/// Error lines that do not say whose they are.
#[derive(Clone, Copy)]
struct Errors {
    lines: usize,
    status: Status,
    effect: Effect,
}

impl Session {
    /// Whether an error line has come that does not say whose it is.
    pub(super) fn has_errors(&self) -> bool {
        self.tagged
            .is_some_and(|tagged| tagged.silence.errors.is_some())
    }

    /// Whether all commands before `index` can do without a reply, or have had it, or `else_so`.
    pub(super) fn is_reached(&mut self, index: usize, else_so: impl Fn(&Owed) -> bool) -> bool {
        let front = self.front_opaque();
        let waiting = self.owed.waiting();
        let Some(tagged) = &mut self.tagged else {
            return false;
        };
        let (reached, Some(before)) = (&mut tagged.silence.reached, waiting.get(..index)) else {
            return false;
        };
        let known = match reached.wrapping_sub(front) as usize {
            known if known <= waiting.len() => known.min(index),
            _ => 0,
        };
        let is_settled = |owed: &Owed| owed.form == Form::Silent || owed.answered || else_so(owed);
        let so = before[known..].iter().all(is_settled);
        if so && known < index {
            *reached = front.wrapping_add(index as u32);
        }
        so
    }

    /// The reply to the command at `index` has come: where that one stands when it is told.
    pub(super) fn turn_of(&mut self, index: usize) -> Turn {
        let waiting = self.owed.waiting();
        let Some((owed, before)) = waiting.get(index).zip(waiting.get(..index)) else {
            return Turn::Later;
        };
        let is_read = owed.form != Form::Barrier && owed.op.reads_value();
        let settled = match is_read && index > 0 {
            true if self.has_errors() => 0,
            true => {
                let writes = |owed: &&Owed| !owed.op.reads_value();
                before.iter().take_while(writes).count()
            }
            false => index,
        };
        match settled {
            0 if index > 0 => Turn::InPlace,
            _ if self.settle(settled) => Turn::Later,
            _ => Turn::Now,
        }
    }

    /// The commands before `index` are answered by silence. Whether there is something to be told of them
    /// first.
    fn settle(&mut self, index: usize) -> bool {
        let before = self.owed.waiting().get(..index).unwrap_or_default();
        let silent = before.iter().filter(|owed| !owed.answered).count();
        let Some(tagged) = &mut self.tagged else {
            return false;
        };
        let silence = &mut tagged.silence;
        let errors = silence.errors.take();
        silence.verdict = match errors {
            None => Verdict::Well,
            Some(Errors { lines, .. }) if lines > silent => {
                self.poison("more errors than there are commands");
                return true;
            }
            Some(errors) if errors.lines == silent => Verdict::Failed {
                status: errors.status,
                effect: errors.effect,
            },
            Some(errors) => Verdict::Doubt {
                failed: errors.lines,
                status: errors.status,
            },
        };
        silence.settled = index;
        index > 0
    }

    /// The command at `index` is answered: it leaves the queue if it is at the front, and else with those
    /// before it.
    pub(super) fn take(&mut self, index: usize) {
        match index {
            0 => drop(self.owed.pop()),
            _ => self.owed.answered_in_place(index),
        }
    }

    /// Writes that silence has answered, which did what they are for, at the front: taken from the queue;
    /// returns how many.
    pub(super) fn take_settled(&mut self) -> usize {
        let Some(silence) = self.tagged.as_mut().map(|tagged| &mut tagged.silence) else {
            return 0;
        };
        if silence.settled == 0 || !matches!(silence.verdict, Verdict::Well) {
            return 0;
        }
        let is_plain = |owed: &&Owed| !owed.op.reads_value() && !owed.quiet && !owed.answered;
        let settled = self.owed.waiting().iter().take(silence.settled);
        let n = settled.take_while(is_plain).count();
        silence.settled -= n;
        self.owed.pop_many(n);
        n
    }

    /// An error line has come that may be that of any silent command at the front.
    pub(super) fn note_error(&mut self, status: Status, effect: Effect) {
        let Some(tagged) = &mut self.tagged else {
            return;
        };
        let errors = tagged.silence.errors.get_or_insert(Errors {
            lines: 0,
            status,
            effect,
        });
        errors.lines += 1;
        if errors.status != status {
            errors.status = Status::SERVER_ERROR;
        }
        if errors.effect != effect {
            errors.effect = Effect::Unknown;
        }
    }

    /// Tell of the next command that silence has answered; `None` where there is none.
    pub(super) fn next_settled(&mut self) -> Option<Read> {
        let text = self.nothing();
        let silence = &mut self.tagged.as_mut()?.silence;
        while self.owed.front().is_some_and(Owed::was_in_place) {
            self.owed.pop();
            silence.settled = silence.settled.saturating_sub(1);
        }
        if silence.settled == 0 {
            return None;
        }
        let owed = self.owed.pop()?;
        silence.settled -= 1;
        let refused = |status, effect| Outcome::Refused {
            status,
            effect: if owed.op.is_read() {
                Effect::None
            } else {
                effect
            },
            text,
        };
        let what = match &mut silence.verdict {
            Verdict::Well if owed.op.reads_value() => Outcome::Miss(Status::NO_VALUE),
            Verdict::Well => Outcome::Done,
            Verdict::Failed { status, effect } => refused(*status, *effect),
            Verdict::Doubt { .. } if !owed.quiet => Outcome::Doubt(owed.op),
            // Nobody asks which of them it were.
            Verdict::Doubt { failed: 0, .. } => Outcome::Done,
            Verdict::Doubt { failed, status } => {
                *failed -= 1;
                refused(*status, Effect::Unknown)
            }
        };
        Some(self.answered(&owed, what))
    }
}
