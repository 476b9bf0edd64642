//! Two clusters, of which the new one is written and the old one still read: how keys move from one to
//! the other.
//!
//! | command | what is done |
//! | --- | --- |
//! | reads | the new one; where it has nothing, the old one, whose items are left alone |
//! | deletes | the old one first, then the new one: what is deleted does not come back from the old one |
//! | all else | the new one |
//!
//! Only a miss leads to the old one, never a failure: what the new one holds may be newer.

use super::Token;
use super::command::{Commands, command};
use super::stages::{Errand, Form, Outcome, Plan, Verdict, is_of_one_server, room};
use crate::error::{Effect, Failure, Result, Status};
use crate::protocol::extra::{About, Said};
use crate::protocol::{Command, Op};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    /// Deletes in the old one.
    Deletes,
    New,
    /// What the new one has not.
    Old,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Delete,
    /// A delete that compares: of the item in the new one.
    Compares,
    /// The new one's alone.
    Write,
}

struct Entry {
    kind: Kind,
    /// It goes on to the next stage.
    open: bool,
    /// The old one had it.
    deleted: bool,
    outcome: Outcome,
    about: Option<About>,
    told: bool,
}

pub struct Fallback {
    stage: Stage,
    entries: Vec<Entry>,
}

impl Fallback {
    pub fn new(commands: &dyn Commands) -> Result<Fallback> {
        let mut entries = room(commands.count())?;
        for index in 0..commands.count() {
            let (kind, refused) = match command(commands, index) {
                Ok(command) => (kind(&command), None),
                Err(failure) => (Kind::Write, Some(failure)),
            };
            entries.push(Entry {
                kind,
                open: refused.is_none(),
                deleted: false,
                outcome: refused.map_or(Outcome::Done, Outcome::Failed),
                about: None,
                told: false,
            });
        }
        Ok(Fallback {
            stage: Stage::Begin,
            entries,
        })
    }

    fn entry(&mut self, tag: Token) -> Option<&mut Entry> {
        self.entries.get_mut(tag as usize)
    }

    fn fill(&self, errands: &mut Vec<Errand>) {
        let goes = |entry: &Entry| match (self.stage, entry.kind) {
            (Stage::Begin, _) => None,
            (Stage::Deletes, Kind::Delete) => Some(Form::Delete),
            (Stage::Deletes, _) => None,
            (Stage::New, _) => Some(Form::Same),
            (Stage::Old, Kind::Read) => Some(Form::Read),
            (Stage::Old, _) => Some(Form::Delete),
        };
        for (tag, entry) in self.entries.iter().enumerate() {
            if let Some(form) = goes(entry).filter(|_| entry.open) {
                errands.push(Errand {
                    tag: tag as Token,
                    server: Command::ANYWHERE,
                    form,
                    shown: true,
                    // Both together are one delete.
                    waits: form == Form::Delete,
                });
            }
        }
    }
}

fn kind(command: &Command<'_>) -> Kind {
    let compares = command.extra.said.has(Said::COMPARE);
    match command.op {
        // A lease is the new one's to give.
        op if op.reads_value() && !is_of_one_server(command) => Kind::Read,
        Op::Delete if compares => Kind::Compares,
        Op::Delete => Kind::Delete,
        _ => Kind::Write,
    }
}

impl Plan for Fallback {
    fn next(&mut self, errands: &mut Vec<Errand>) {
        while errands.is_empty() {
            self.stage = match self.stage {
                Stage::Begin => Stage::Deletes,
                Stage::Deletes => Stage::New,
                Stage::New => Stage::Old,
                Stage::Old => return,
            };
            self.fill(errands);
        }
    }

    fn most(&self) -> usize {
        self.entries.len()
    }

    fn goes_elsewhere(&self) -> bool {
        self.stage != Stage::New
    }

    /// That of the old one would be compared with items of the new one.
    fn hides_cas(&self) -> bool {
        self.stage == Stage::Old
    }

    fn on(&mut self, errand: &Errand, outcome: Outcome) {
        let stage = self.stage;
        let Some(entry) = self.entry(errand.tag) else {
            return;
        };
        entry.about = None;
        match (stage, entry.kind) {
            (Stage::Deletes, _) => match outcome {
                Outcome::Failed(_) => {
                    entry.open = false;
                    entry.outcome = outcome;
                }
                outcome => entry.deleted = matches!(outcome, Outcome::Done),
            },
            (Stage::New, Kind::Read) => {
                entry.open = matches!(outcome, Outcome::Miss(_));
                entry.outcome = outcome;
            }
            (Stage::New, Kind::Compares) => {
                entry.open = matches!(outcome, Outcome::Done);
                entry.outcome = outcome;
            }
            (Stage::New, _) => {
                entry.open = false;
                entry.outcome = match outcome {
                    Outcome::Miss(_) if entry.deleted => Outcome::Done,
                    outcome => outcome,
                };
            }
            (_, Kind::Read) => {
                entry.open = false;
                entry.outcome = match outcome {
                    Outcome::Miss(_) => Outcome::Miss(Status::NO_VALUE),
                    outcome => outcome,
                };
            }
            _ => {
                entry.open = false;
                if let Outcome::Failed(failure) = outcome {
                    entry.outcome = Outcome::Failed(left_behind(failure));
                }
            }
        }
    }

    fn about(&mut self, errand: &Errand, about: &About) {
        let (stage, hides) = (self.stage, self.hides_cas());
        if let Some(entry) = self.entry(errand.tag).filter(|_| stage != Stage::Deletes) {
            entry.about = Some(match hides {
                true => About {
                    cas: None,
                    ..*about
                },
                false => *about,
            });
        }
    }

    fn settle(&mut self, tell: &mut dyn FnMut(Verdict)) {
        for (tag, entry) in self.entries.iter_mut().enumerate() {
            if !entry.open && !entry.told {
                entry.told = true;
                tell(Verdict {
                    tag: tag as Token,
                    outcome: std::mem::replace(&mut entry.outcome, Outcome::Done),
                    about: entry.about,
                });
            }
        }
    }
}

/// The new one's item is gone, and the old one's may not be.
#[cold]
fn left_behind(mut failure: Box<Failure>) -> Box<Failure> {
    failure.text = format!("deleted but in the old cluster: {}", failure.text);
    failure.effect(Effect::Applied)
}

#[cfg(test)]
mod tests;
