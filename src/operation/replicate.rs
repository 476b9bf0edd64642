//! The same items on all servers: what is written goes to each, and is read from the first that has it.
//!
//! | command | what is done |
//! | --- | --- |
//! | reads | one server after the other, in their order, until one has it |
//! | gat, gats | likewise; the servers behind that one are told the new time to live |
//! | set, delete, touch | all servers at once |
//! | add | the first that answers decides, and the others store what it stored |
//! | replace | the first that has the item decides, and those behind it store what it stored |
//! | append, prepend, incr, decr | the first that has the item answers, and those behind it do the same |
//! | what compares a CAS, leases | nothing: each server has its own |
//!
//! A server that fails is passed over by reads; where none has the item, and one has failed, that is a
//! failure and no miss.

use super::Token;
use super::command::{Commands, command};
use super::stages::{
    Errand, Form, Outcome, Plan, Verdict, is_of_one_server, is_servers, makes, room,
};
use crate::error::{Effect, Failure, Result, Status};
use crate::options::Quorum;
use crate::protocol::extra::About;
use crate::protocol::{Command, Op};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    /// A read that is a write of all.
    ReadAndTouch,
    /// All at once.
    Write,
    /// One decides what the others do; `first`: whatever it has.
    Led {
        first: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// This server is asked.
    Ask(usize),
    /// All are.
    AskAll,
    /// Those behind this one do likewise.
    Follow(usize, Form),
    Over,
    Told,
}

struct Entry {
    kind: Kind,
    op: Op,
    /// What a missing counter begins with.
    initial: Option<u64>,
    state: State,
    /// Several were asked in this stage.
    asked_several: bool,
    /// How many servers did it.
    done: usize,
    miss: Option<Status>,
    /// The servers' failures, the first one with the others' texts.
    failure: Option<Box<Failure>>,
    outcome: Option<Outcome>,
    about: Option<About>,
}

pub struct Replicas {
    servers: usize,
    quorum: Quorum,
    entries: Vec<Entry>,
}

impl Replicas {
    /// `servers`: how many there are.
    pub fn new(commands: &dyn Commands, servers: usize, quorum: Quorum) -> Result<Replicas> {
        let mut entries = room(commands.count())?;
        for index in 0..commands.count() {
            entries.push(match command(commands, index).and_then(checked) {
                Ok(command) => Entry::new(&command),
                Err(failure) => Entry {
                    state: State::Over,
                    outcome: Some(Outcome::Failed(failure)),
                    ..Entry::new(&commands.blank())
                },
            });
        }
        Ok(Replicas {
            servers,
            quorum,
            entries,
        })
    }
}

/// Fails where servers that each have their own CAS cannot do it.
fn checked(command: Command<'_>) -> Result<Command<'_>> {
    if !is_of_one_server(&command) {
        return Ok(command);
    }
    let text = format!(
        "{}: each of several replicas has its own CAS and its own leases; it was not sent",
        command.op.name()
    );
    let effect = match command.op.is_read() {
        true => Effect::None,
        false => Effect::NotApplied,
    };
    Err(Failure::new(Status::UNSUPPORTED, text).effect(effect))
}

impl Entry {
    fn new(command: &Command<'_>) -> Entry {
        let kind = match command.op {
            Op::Get | Op::Gets => Kind::Read,
            Op::Gat | Op::Gats => Kind::ReadAndTouch,
            Op::Add => Kind::Led { first: true },
            Op::Replace | Op::Append | Op::Prepend | Op::Incr | Op::Decr => {
                Kind::Led { first: false }
            }
            _ => Kind::Write,
        };
        Entry {
            kind,
            op: command.op,
            initial: makes(command).then_some(command.extra.initial),
            state: match kind {
                Kind::Write => State::AskAll,
                _ => State::Ask(0),
            },
            asked_several: false,
            done: 0,
            miss: None,
            failure: None,
            outcome: None,
            about: None,
        }
    }

    /// What the servers behind the one that decided do.
    fn form(&self, outcome: &Outcome) -> Form {
        match self.op {
            Op::Gat | Op::Gats => Form::Touch,
            Op::Add | Op::Replace => Form::Store,
            // Only what the first one has made is made by others.
            _ => match (self.initial, outcome) {
                (Some(initial), Outcome::Number(number)) if *number != initial => Form::Existing,
                _ => Form::Same,
            },
        }
    }

    fn failed(&mut self, failure: Box<Failure>) {
        match &mut self.failure {
            None => self.failure = Some(failure),
            Some(first) => {
                first.text = format!("{}; {}", first.text, failure.text);
                if failure.effect == Effect::Unknown {
                    first.effect = Effect::Unknown;
                }
            }
        }
    }

    /// The server at `at` has answered, which was asked by itself.
    fn asked(&mut self, at: usize, outcome: Outcome, servers: usize) {
        let next = match at + 1 < servers {
            true => State::Ask(at + 1),
            false => State::Over,
        };
        self.state = match outcome {
            Outcome::Failed(failure) if is_servers(&failure) => {
                self.outcome = None;
                self.failed(failure);
                next
            }
            Outcome::Miss(status) => {
                self.miss = Some(status);
                match self.kind {
                    Kind::Led { first: true } => State::Over,
                    _ => next,
                }
            }
            Outcome::Failed(_) | Outcome::Excused(..) => {
                self.outcome = Some(outcome);
                State::Over
            }
            outcome => {
                self.done = 1;
                let form = self.form(&outcome);
                self.outcome = Some(outcome);
                match (self.kind, next) {
                    (Kind::Read, _) | (_, State::Over) => State::Over,
                    _ => State::Follow(at, form),
                }
            }
        };
    }

    /// One of several has answered.
    fn one_of_several(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Failed(failure) if self.kind != Kind::ReadAndTouch => self.failed(failure),
            Outcome::Miss(status) => self.miss = Some(status),
            Outcome::Failed(_) | Outcome::Excused(..) => {}
            outcome => {
                self.done += 1;
                if self.outcome.is_none() {
                    self.outcome = Some(outcome);
                }
            }
        }
    }

    /// What the caller is told.
    fn verdict(&mut self, servers: usize, quorum: Quorum) -> Outcome {
        let outcome = self.outcome.take();
        let reads = matches!(self.kind, Kind::Read | Kind::ReadAndTouch);
        match (outcome, self.failure.take()) {
            (Some(outcome), None) => outcome,
            (Some(outcome @ (Outcome::Failed(_) | Outcome::Excused(..))), _) => outcome,
            (Some(outcome), Some(_)) if reads || quorum == Quorum::Any => outcome,
            // The one that answered has decided.
            (None, Some(_)) if quorum == Quorum::Any && self.is_decided() => self.missed(),
            (_, Some(failure)) => Outcome::Failed(self.in_part(failure, servers)),
            (None, None) => self.missed(),
        }
    }

    fn is_decided(&self) -> bool {
        self.kind == Kind::Led { first: true } && self.miss.is_some()
    }

    fn missed(&self) -> Outcome {
        Outcome::Miss(self.miss.unwrap_or(Status::NO_VALUE))
    }

    #[cold]
    fn in_part(&self, mut failure: Box<Failure>, servers: usize) -> Box<Failure> {
        if self.done > 0 {
            failure.text = format!(
                "{} of {servers} replicas did it: {}",
                self.done, failure.text
            );
            failure.effect = Effect::Applied;
        }
        failure
    }
}

impl Plan for Replicas {
    fn next(&mut self, errands: &mut Vec<Errand>) {
        let servers = self.servers;
        for (tag, entry) in self.entries.iter_mut().enumerate() {
            let mut go = |server, form, shown| {
                errands.push(Errand {
                    tag: tag as Token,
                    server,
                    form,
                    shown,
                    // What one answers decides what is asked of others.
                    waits: true,
                });
            };
            match entry.state {
                State::Ask(server) => go(server, Form::Same, true),
                State::AskAll => (0..servers).for_each(|at| go(at, Form::Same, at == 0)),
                State::Follow(at, form) => (at + 1..servers).for_each(|at| go(at, form, false)),
                State::Over | State::Told => {}
            }
            entry.asked_several = matches!(entry.state, State::AskAll | State::Follow(..));
        }
    }

    fn most(&self) -> usize {
        self.entries.len().saturating_mul(self.servers)
    }

    fn hides_cas(&self) -> bool {
        true
    }

    fn on(&mut self, errand: &Errand, outcome: Outcome) {
        let servers = self.servers;
        let Some(entry) = self.entries.get_mut(errand.tag as usize) else {
            return;
        };
        match entry.state {
            State::Ask(at) if at == errand.server => entry.asked(at, outcome, servers),
            _ if entry.asked_several => entry.one_of_several(outcome),
            State::Ask(_) => {}
            // A failure behind the value that it takes back.
            _ => {
                if let Outcome::Failed(_) = outcome {
                    entry.done = 0;
                    entry.asked(errand.server, outcome, servers);
                }
            }
        }
    }

    fn about(&mut self, errand: &Errand, about: &About) {
        if let Some(entry) = self.entries.get_mut(errand.tag as usize) {
            if errand.shown && entry.miss.is_none() {
                entry.about = Some(About {
                    cas: None,
                    ..*about
                });
            }
        }
    }

    fn settle(&mut self, tell: &mut dyn FnMut(Verdict)) {
        let (servers, quorum) = (self.servers, self.quorum);
        for (tag, entry) in self.entries.iter_mut().enumerate() {
            match entry.state {
                State::Over => {}
                _ if entry.asked_several => {}
                _ => continue,
            }
            entry.asked_several = false;
            entry.state = State::Told;
            tell(Verdict {
                tag: tag as Token,
                outcome: entry.verdict(servers, quorum),
                about: entry.about,
            });
        }
    }
}

#[cfg(test)]
mod tests;
