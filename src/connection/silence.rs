//! What silence means: commands that are answered by nothing where there is nothing to tell are settled
//! by the reply to a later one. Error lines that say nothing of whose they are come in between.

use super::arrival::Outcome;
use super::session::Session;
use super::tagged::Read;
use crate::error::{Effect, Status};

/// How far the silent commands at the front are settled.
#[derive(Clone, Copy, Default)]
pub(super) struct Silence {
    /// So many commands at the front have been answered, by silence, and how.
    settled: usize,
    verdict: Verdict,
    /// Error lines since the front command that may be those of any silent one.
    errors: Option<Errors>,
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

    /// The reply to the command at `index` has come. Whether the ones before it, all of which are
    /// silent, are answered by that, and are to be told first.
    pub(super) fn settle(&mut self, index: usize) -> bool {
        let Some(tagged) = &mut self.tagged else {
            return false;
        };
        let silence = &mut tagged.silence;
        let errors = silence.errors.take();
        silence.verdict = match errors {
            None => Verdict::Well,
            Some(Errors { lines, .. }) if lines > index => {
                self.poison("more errors than there are commands");
                return true;
            }
            Some(errors) if errors.lines == index => Verdict::Failed {
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
