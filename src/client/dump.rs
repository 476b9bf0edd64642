//! The keys of every server, told as they come: a line at a time, over connections aside from the
//! pool, which end with the dump.

use std::sync::Arc;

use super::aside::{Aside, turn};
use super::call::Call;
use super::proxied;
use super::state::Core;
use super::{Client, Limit};
use crate::deadline::{self, Deadline};
use crate::driver::authenticate::unauthenticated;
use crate::error::{Failure, Phase, Result, Status};
use crate::fork;
use crate::names::ServerName;
use crate::observe::Notices;
use crate::options::Options;
use crate::protocol::key::KEY_MAX;
use crate::protocol::metadump::{self, About, KeyRoom, LINE_MAX, Line};

const REQUEST: &[u8] = b"lru_crawler metadump all\r\n";

/// A dump on its way.
pub struct Dump {
    core: Arc<Core>,
    options: Options,
    deadline: Deadline,
    /// That of the process which began it.
    generation: u32,
    servers: Vec<Aside>,
    progress: Vec<Progress>,
    /// The server whose lines are told.
    at: usize,
    room: KeyRoom,
    key_len: usize,
}

/// How far the dump of one server is.
#[derive(Default)]
pub struct Progress {
    /// So many of its keys were told.
    pub told: u64,
    pub outcome: Outcome,
}

#[derive(Default)]
pub enum Outcome {
    #[default]
    Going,
    Whole,
    Failed(Box<Failure>),
}

/// A key, and what its server says of it.
pub struct Told<'d> {
    /// Without the client's prefix; a NUL stands behind it.
    pub key: &'d [u8],
    pub about: About,
    pub server: ServerName,
    /// The server's place in the list.
    pub number: usize,
}

impl Client {
    /// Begin to dump the keys of all servers; nothing is sent before the first is asked for. `limit`
    /// is for all of it, however long what was told is looked at. Fails where the servers are behind a
    /// proxy.
    pub fn dump(&self, limit: Limit) -> Result<Dump> {
        proxied::refuse(&self.settings.options, "a dump of keys")?;
        let options = self.settings.options.clone();
        let deadline = Deadline::after(limit.or(options.batch_timeout));
        let topology = self.all_servers(deadline)?;
        let servers: Vec<Aside> = topology.servers().iter().cloned().map(Aside::new).collect();
        Ok(Dump {
            progress: servers.iter().map(|_| Progress::default()).collect(),
            servers,
            deadline,
            generation: fork::generation(),
            core: self.core.clone(),
            options,
            at: 0,
            room: [0; KEY_MAX + 1],
            key_len: 0,
        })
    }
}

impl Dump {
    /// The next key of any server; `None`: there are no more. Fails in a forked child.
    pub fn next_key(&mut self) -> Result<Option<Told<'_>>> {
        if self.generation != fork::generation() {
            let text = "a dump that was begun before the fork goes on in the parent";
            return Err(Failure::new(Status::UNSUPPORTED, text));
        }
        if self.deadline.passed(deadline::now()) {
            self.turn();
        }
        loop {
            while self.at < self.servers.len() {
                match self.line() {
                    Some(about) => {
                        let start = self.options.key_prefix.len();
                        return Ok(Some(Told {
                            key: &self.room[start..self.key_len],
                            about,
                            server: self.servers[self.at].server.name,
                            number: self.at,
                        }));
                    }
                    None => self.at += 1,
                }
            }
            if !self.servers.iter().any(Aside::is_open) {
                return Ok(None);
            }
            self.turn();
            self.at = 0;
        }
    }

    /// How far each server is, in the order of the list.
    pub fn progress(&self) -> impl Iterator<Item = (ServerName, &Progress)> {
        let names = self.servers.iter().map(|aside| aside.server.name);
        names.zip(&self.progress)
    }

    fn turn(&mut self) {
        let call = Call {
            core: &self.core,
            options: &self.options,
            deadline: self.deadline,
            silence: self.options.timeout,
            plain: false,
            idle_check: self.options.idle_check.into(),
        };
        let mut notices = Notices::new(self.core.observer().is_some());
        turn(&mut self.servers, &call, REQUEST, &mut notices);
        notices.tell(self.core.observer());
    }

    /// The next of the present server's lines that tells a key of this client, which is left in
    /// `room`; `None`: there is none at the moment, or no more.
    fn line(&mut self) -> Option<About> {
        let aside = &mut self.servers[self.at];
        let progress = &mut self.progress[self.at];
        let prefix = &*self.options.key_prefix;
        let name = aside.server.name;
        while let Some(line) = aside.line(LINE_MAX) {
            progress.outcome = match metadump::line(line) {
                Line::Entry(entry) => match metadump::decode(entry.key, &mut self.room) {
                    Some(len) => {
                        // The prefix alone is no key of this client.
                        if len <= prefix.len() || !self.room.starts_with(prefix) {
                            continue;
                        }
                        progress.told += 1;
                        self.key_len = len;
                        return Some(entry.about);
                    }
                    None => strange(name),
                },
                Line::End => Outcome::Whole,
                Line::Refused(status) => {
                    let text = match status {
                        Status::INVALID_CREDENTIALS => unauthenticated(&aside.server),
                        _ => format!("{name}: {}", String::from_utf8_lossy(line)),
                    };
                    let failure = Failure::new(status, text).at(Phase::Receive).on(name);
                    Outcome::Failed(failure)
                }
                Line::Strange => strange(name),
            };
            aside.close();
            return None;
        }
        if let Some(ended) = aside.take_ended() {
            progress.outcome = Outcome::Failed(ended.failure);
        }
        None
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        if self.generation != fork::generation() {
            self.servers.iter_mut().for_each(Aside::leave_to_parent);
        }
    }
}

/// What came is no line of a dump. It may hold keys, and is not shown.
#[cold]
fn strange(name: ServerName) -> Outcome {
    let text = format!("{name} sent a line that no dump has");
    let failure = Failure::new(Status::UNEXPECTED_RESPONSE, text);
    Outcome::Failed(failure.at(Phase::Receive).on(name))
}
