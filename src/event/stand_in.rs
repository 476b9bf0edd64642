//! Servers that stand in for others that a command could not leave for.

use std::sync::Arc;

use super::job::{Job, Task};
use super::slab::Id;
use super::state::State;
use crate::deadline;
use crate::driver::call::{Context, no_servers};
use crate::driver::server::Server;
use crate::driver::stand_in::Seen;
use crate::driver::state::{Core, Servers};
use crate::error::Failure;
use crate::operation::retry::Loss;
use crate::operation::stand_in::{Places, was_not_reached};
use crate::options::{Failover, Options};
use crate::protocol::Command;

/// Why a command goes nowhere.
pub enum Nowhere {
    /// It is none that is sent.
    Refused(Box<Failure>),
    /// Nobody is left who could stand in; why its own server could not be asked.
    Left(Box<Failure>),
}

impl From<Box<Failure>> for Nowhere {
    fn from(failure: Box<Failure>) -> Nowhere {
        Nowhere::Refused(failure)
    }
}

fn has_stand_ins(options: &Options) -> bool {
    matches!(options.failover, Failover::Next | Failover::Rehash)
}

/// The server that a command goes to.
pub fn place<T: Task>(
    core: &Core,
    options: &Options,
    job: &Job<T>,
    tag: u32,
) -> Result<(usize, Arc<Server>), Nowhere> {
    let command = job.kept.command(tag as usize)?;
    let state = core.state();
    let topology = state.topology();
    let to = match has_stand_ins(options) {
        true => stand_in(&topology, options, job, tag, &command)?,
        false => Context::new(&job.kept, &topology, options).place(&command),
    };
    let server = to.and_then(|to| Some((to, topology.server(to)?.clone())));
    Ok(server.ok_or_else(|| no_servers(command.op, &topology))?)
}

fn stand_in<T: Task>(
    topology: &Servers,
    options: &Options,
    job: &Job<T>,
    tag: u32,
    command: &Command<'_>,
) -> Result<Option<usize>, Nowhere> {
    let seen = Seen {
        topology,
        options,
        now: deadline::now(),
    };
    let all = topology.servers().iter().enumerate();
    let passed = all.filter(|(_, server)| job.passed.has(&server.pool));
    let passed: Vec<usize> = passed.map(|(at, _)| at).collect();
    match (seen.stand_in(command, &passed), job.passed.failure(tag)) {
        (Some(server), _) => Ok(Some(server)),
        (None, Some(failure)) => Err(Nowhere::Left(Box::new(failure.clone()))),
        // Its own server says why it cannot be asked.
        (None, None) => Ok(seen.home(command)),
    }
}

impl<T: Task> State<T> {
    /// A command could not leave for its server: another one stands in, or that is its end.
    #[cold]
    pub(super) fn unreached(&mut self, id: Id, tag: u32, loss: &Loss, server: &Arc<Server>) {
        let elsewhere = has_stand_ins(&self.options)
            && !self.ending
            && !loss.connected
            && was_not_reached(&loss.failure);
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        if !elsewhere {
            return job.lost(tag, loss, false);
        }
        job.passed.add(tag, &server.pool, &loss.failure);
        self.route(id, tag);
    }
}
