//! Commands whose server is down, or cannot be connected to: told as misses, or sent to another one. Only
//! what was not sent goes elsewhere, so that nothing is done twice.

use super::Token;
use super::command::{Commands, command};
use super::misses::miss;
use super::stages::{Cap, Errand, Form, Outcome, Plan, Verdict, room};
use crate::error::{Failure, Phase, Result, Status};
use crate::options::Failover;
use crate::protocol::extra::About;
use crate::protocol::{Command, Op};

/// Where commands go.
pub trait Places {
    /// The server that a command belongs to.
    fn home(&self, command: &Command<'_>) -> Option<usize>;
    /// Whether it can be used now.
    fn is_up(&self, server: usize) -> bool;
    /// Who has the command while servers are down, or among `passed`; its own server if that is not.
    fn stand_in(&self, command: &Command<'_>, passed: &[usize]) -> Option<usize>;
    /// As above, among the servers of the gutter.
    fn gutter(&self, command: &Command<'_>, passed: &[usize]) -> Option<usize>;
}

struct Entry {
    state: State,
    /// The server of the gutter where it is deleted beside its own.
    aside: Option<usize>,
    /// What that one has answered.
    answered_aside: Option<Outcome>,
    /// Why its own server was not asked.
    failure: Option<Box<Failure>>,
    outcome: Outcome,
    about: Option<About>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Over,
    Told,
}

pub struct StandIns<'p> {
    way: Failover,
    cap: Cap,
    commands: &'p dyn Commands,
    places: &'p dyn Places,
    entries: Vec<Entry>,
    /// The servers that this call could not connect to.
    passed: Vec<usize>,
}

/// What a command is told with `failover=miss`; `None`: the failure.
pub fn as_miss(op: Op, failure: &Failure) -> Option<Status> {
    (was_not_reached(failure) && !op.is_server_wide()).then(|| miss(op))
}

impl<'p> StandIns<'p> {
    /// `servers`: how many there are. `cap`: how long what the gutter takes may live.
    pub fn new(
        way: Failover,
        cap: Cap,
        commands: &'p dyn Commands,
        places: &'p dyn Places,
        servers: usize,
    ) -> Result<StandIns<'p>> {
        let mut entries = room(commands.count())?;
        for index in 0..commands.count() {
            let refused = command(commands, index).err();
            entries.push(Entry {
                state: match refused {
                    None => State::Open,
                    Some(_) => State::Over,
                },
                aside: None,
                answered_aside: None,
                failure: None,
                outcome: refused.map_or(Outcome::Done, Outcome::Failed),
                about: None,
            });
        }
        Ok(StandIns {
            way,
            cap,
            commands,
            places,
            entries,
            passed: room(servers)?,
        })
    }

    /// Where a command goes now, and in which form; `None`: nobody is left.
    fn place(&self, command: &Command<'_>) -> Option<(usize, Form)> {
        let same = |server| (server, Form::Same);
        match self.way {
            Failover::Error | Failover::Miss => self.places.home(command).map(same),
            Failover::Next | Failover::Rehash => {
                self.places.stand_in(command, &self.passed).map(same)
            }
            Failover::Gutter => match self.home_if_up(command) {
                Some(home) => Some(same(home)),
                None => {
                    let server = self.places.gutter(command, &self.passed)?;
                    Some((server, Form::Capped(self.cap)))
                }
            },
        }
    }

    fn home_if_up(&self, command: &Command<'_>) -> Option<usize> {
        let is_up = |home: &usize| !self.passed.contains(home) && self.places.is_up(*home);
        self.places.home(command).filter(is_up)
    }

    /// Where what is deleted on its own server is deleted too.
    fn aside(&self, command: &Command<'_>, server: usize) -> Option<usize> {
        let is_home = || self.places.home(command) == Some(server);
        match (self.way, command.op) {
            (Failover::Gutter, Op::Delete) if is_home() => {
                self.places.gutter(command, &self.passed)
            }
            _ => None,
        }
    }

    /// The errands of one command, or its end.
    fn go_on(&mut self, tag: usize, errands: &mut Vec<Errand>) {
        let Ok(command) = command(self.commands, tag) else {
            return;
        };
        let place = self.place(&command);
        let failed = self.entries[tag].failure.is_some();
        // Nobody is left at first: its own server says why.
        let home = || Some((self.places.home(&command)?, Form::Same));
        let place = match place {
            None if !failed => Some(home().unwrap_or((Command::ANYWHERE, Form::Same))),
            place => place,
        };
        let aside = place.and_then(|(server, _)| self.aside(&command, server));
        let entry = &mut self.entries[tag];
        let Some((server, form)) = place else {
            let failure = entry.failure.take();
            entry.outcome = failure.map_or(Outcome::Done, Outcome::Failed);
            entry.state = State::Over;
            return;
        };
        if let (true, Some(answered)) = (failed, entry.answered_aside.take()) {
            // It was deleted in the gutter already.
            if !matches!(answered, Outcome::Failed(_)) {
                entry.outcome = answered;
                entry.state = State::Over;
                return;
            }
        }
        entry.aside = aside;
        let errand = Errand {
            tag: tag as Token,
            server,
            form,
            shown: true,
            waits: false,
        };
        errands.push(errand);
        if let Some(server) = aside {
            errands.push(Errand {
                server,
                form: Form::Delete,
                shown: false,
                ..errand
            });
        }
    }
}

/// There was no connection over which a command could have left.
pub fn was_not_reached(failure: &Failure) -> bool {
    if failure.status == Status::CIRCUIT_OPEN {
        return true;
    }
    let phases = [Phase::Resolve, Phase::Connect, Phase::Handshake];
    failure.status.is(Status::CLASS_CONNECTION) && phases.contains(&failure.phase)
}

impl Plan for StandIns<'_> {
    fn next(&mut self, errands: &mut Vec<Errand>) {
        for tag in 0..self.entries.len() {
            if self.entries[tag].state == State::Open {
                self.go_on(tag, errands);
            }
        }
    }

    fn most(&self) -> usize {
        self.entries.len().saturating_mul(2)
    }

    fn on(&mut self, errand: &Errand, outcome: Outcome) {
        let Some(entry) = self.entries.get_mut(errand.tag as usize) else {
            return;
        };
        if !errand.shown {
            entry.answered_aside = Some(outcome);
            return;
        }
        entry.about = None;
        match outcome {
            Outcome::Failed(failure) if was_not_reached(&failure) => {
                if !self.passed.contains(&errand.server) {
                    self.passed.push(errand.server);
                }
                entry.failure.get_or_insert(failure);
            }
            outcome => {
                entry.outcome = outcome;
                entry.state = State::Over;
            }
        }
    }

    fn about(&mut self, errand: &Errand, about: &About) {
        if let Some(entry) = self.entries.get_mut(errand.tag as usize) {
            if errand.shown {
                entry.about = Some(*about);
            }
        }
    }

    fn settle(&mut self, tell: &mut dyn FnMut(Verdict)) {
        for (tag, entry) in self.entries.iter_mut().enumerate() {
            if entry.state == State::Over {
                entry.state = State::Told;
                tell(Verdict {
                    tag: tag as Token,
                    outcome: std::mem::replace(&mut entry.outcome, Outcome::Done),
                    about: entry.about,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
