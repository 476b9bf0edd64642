//! What a loop has, and what becomes of operations: where their commands go, when they end.

use std::collections::VecDeque;
use std::sync::Arc;

use super::channel::{Channel, earliest};
use super::job::{Job, Place, Task};
use super::kept::Kept;
use super::slab::{Id, Slab};
use super::timers::Timers;
use super::tokens::Tokens;
use crate::deadline::{Deadline, Moment, Nanos, earlier};
use crate::driver::call::{Call, Context, no_servers};
use crate::driver::lane::{Lane, Way};
use crate::driver::pool::Seat;
use crate::driver::server::Server;
use crate::driver::state::Core;
use crate::error::{Failure, Result, Status};
use crate::observe::Notices;
use crate::operation::Step;
use crate::operation::retry::Loss;
use crate::options::Options;
use crate::transport::Readiness;
use crate::transport::poller::Poller;

/// An operation that is over.
pub struct Done<T> {
    pub id: Id,
    pub task: T,
    pub kept: Kept,
}

pub struct State<T> {
    pub(super) core: Arc<Core>,
    pub(super) options: Options,
    pub(super) poller: Poller,
    pub(super) jobs: Slab<Job<T>>,
    pub(super) tokens: Tokens,
    pub(super) channels: Slab<Channel>,
    pub(super) notices: Notices,
    /// Operations that have something to say: they are new, or something has become of their commands.
    pub(super) told: VecDeque<Id>,
    timers: Timers,
    /// Over, and to be told by a call, or when they are asked for.
    pub called: VecDeque<Done<T>>,
    pub asked: VecDeque<Done<T>>,
    /// Used and left empty by whoever needs one.
    pub(super) scratch: Vec<Readiness>,
    /// More could be done at once than was.
    pub(super) again: bool,
    /// Everything is cancelled.
    pub(super) ending: bool,
}

/// Why an operation ends before its answer has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Early {
    Late,
    Cancelled,
}

/// What a connection of the loop is made with.
pub(super) fn call<'c>(core: &'c Core, options: &'c Options, deadline: Deadline) -> Call<'c> {
    Call {
        core,
        options,
        deadline,
        silence: options.timeout,
        plain: false,
        idle_check: Nanos::from(options.idle_check),
    }
}

impl<T: Task> State<T> {
    pub fn new(core: Arc<Core>, options: Options, poller: Poller) -> State<T> {
        State {
            notices: Notices::new(core.observer().is_some()),
            core,
            options,
            poller,
            jobs: Slab::default(),
            tokens: Tokens::default(),
            channels: Slab::default(),
            told: VecDeque::new(),
            timers: Timers::default(),
            called: VecDeque::new(),
            asked: VecDeque::new(),
            scratch: Vec::new(),
            again: false,
            ending: false,
        }
    }

    /// How many operations were not told yet.
    pub fn pending(&self) -> usize {
        self.jobs.len() + self.called.len() + self.asked.len()
    }

    /// How many are under way.
    pub fn under_way(&self) -> usize {
        self.jobs.len() + self.called.len()
    }

    /// Nothing of it is done before the next turn.
    pub fn submit(&mut self, kept: Kept, task: T, deadline: Deadline) -> Result<Id> {
        let job = Job::new(kept, task, deadline);
        let id = job.and_then(|job| self.jobs.insert(job));
        let id = id.ok_or_else(|| Failure::no_memory(size_of::<Job<T>>()))?;
        self.timers.add(deadline.end(), id);
        self.told.push_back(id);
        Ok(id)
    }

    /// When the next turn has something to do although no descriptor is ready; `Ok`: now.
    pub fn due(&self) -> std::result::Result<(), Option<Moment>> {
        if self.again || !self.told.is_empty() || !self.called.is_empty() {
            return Ok(());
        }
        let channels = self.channels.iter();
        let due = earliest(channels.map(|(_, channel)| channel.due(&self.options)));
        Err(earlier(due, self.timers.next()))
    }

    /// Do what operations ask for, until they have to wait.
    pub(super) fn ask_all(&mut self) {
        while let Some(id) = self.told.pop_front() {
            self.ask(id);
        }
    }

    fn ask(&mut self, id: Id) {
        while let Some(job) = self.jobs.get_mut(id) {
            match job.next() {
                Step::Send { tag, .. } => self.route(id, tag),
                Step::Fail { tag, failure } => job.task.fail(tag, failure),
                Step::Pending => return,
                Step::Done => self.finish(id),
            }
        }
    }

    fn finish(&mut self, id: Id) {
        let Some(job) = self.jobs.remove(id) else {
            return;
        };
        self.timers.remove(job.deadline.end(), id);
        let called = job.task.is_called();
        let done = Done {
            id,
            task: job.task,
            kept: job.kept,
        };
        match called {
            true => self.called.push_back(done),
            false => self.asked.push_back(done),
        }
    }

    /// Put a command into the queue of a connection to its server. (A command that is done again finds a
    /// connection that was made after the one on which it was lost.)
    pub(super) fn route(&mut self, id: Id, tag: u32) {
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        if self.ending {
            return job.lost(tag, &nowhere(cancelled()), false);
        }
        let place = |job: &Job<T>| {
            let command = job.kept.command(tag as usize)?;
            let state = self.core.state();
            let topology = state.topology();
            let context = Context::new(&job.kept, &topology, &self.options);
            let to = context.place(&command);
            let server = to.and_then(|to| Some((to, topology.server(to)?.clone())));
            server.ok_or_else(|| no_servers(command.op))
        };
        let (to, server) = match place(job) {
            Ok(found) => found,
            Err(failure) => return job.refused(tag, failure),
        };
        let channel = self.channel_to(to, &server);
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        match channel {
            Ok(key) => {
                if let Some(channel) = self.channels.get_mut(key) {
                    channel.queue.push_back((id, tag));
                    job.put(tag, Place::Queued(key));
                }
            }
            Err(failure) => job.lost(tag, &nowhere(failure), false),
        }
    }

    /// The connection to a server; a new one is begun where there is none.
    fn channel_to(&mut self, to: usize, server: &Arc<Server>) -> Result<Id> {
        let goes_there = |channel: &Channel| {
            !channel.retired && Arc::ptr_eq(&channel.lane.server.pool, &server.pool)
        };
        let found = self.channels.iter().find(|(_, it)| goes_there(it));
        if let Some((key, _)) = found {
            return Ok(key);
        }
        let deadline = Deadline::after(self.options.timeout);
        let now = deadline.begin();
        let call = call(&self.core, &self.options, deadline);
        // A loop's connections are its own: they take no seat from the client's threads.
        let seat = Seat::default();
        let way = Way::begin(&call, server, seat, &mut self.notices, now)?;
        let lane = Lane {
            to,
            id: 0,
            server: server.clone(),
            way,
            since: now,
            quiet: false,
            fresh: true,
        };
        let key = self.channels.insert(Channel::new(lane, deadline));
        key.ok_or_else(|| Failure::no_memory(size_of::<Channel>()))
    }

    /// End the operations whose time is up.
    pub(super) fn expire(&mut self, now: Moment) {
        while let Some(id) = self.timers.take_due(now) {
            self.end(id, Early::Late);
        }
        let silent = |channel: &Channel| {
            let end = channel.silent(&self.options);
            channel.lane.is_connected() && end.is_some_and(|end| end <= now)
        };
        let all = self.channels.iter();
        let silent: Vec<Id> = all
            .filter(|(_, channel)| silent(channel))
            .map(|(key, _)| key)
            .collect();
        for key in silent {
            self.give_up_batches(key);
        }
    }

    /// End an operation; `false` where it is over already.
    pub fn end(&mut self, id: Id, why: Early) -> bool {
        // All its commands must be on their way, or it would go on sending.
        self.ask(id);
        let mut tag = 0;
        while let Some((at, place)) = self.jobs.get(id).and_then(|job| job.on_its_way(tag)) {
            self.take_back(id, at, place, why);
            tag = at + 1;
        }
        let there = self.jobs.get(id).is_some();
        self.ask(id);
        there
    }

    /// A command is not waited for any more.
    fn take_back(&mut self, id: Id, tag: u32, place: Place, why: Early) {
        let (key, owed) = match place {
            Place::Nowhere => return,
            Place::Queued(key) => (key, None),
            Place::Owed(token) => match self.tokens.get_mut(token) {
                Some(waiter) => {
                    waiter.job = None;
                    (waiter.channel, Some(*waiter))
                }
                None => return,
            },
        };
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        let mut loss = channel.lane.late();
        if why == Early::Cancelled {
            loss.failure = cancelled()
                .at(loss.failure.phase)
                .on(channel.lane.server.name);
        }
        let sent = owed.is_some_and(|waiter| waiter.sent);
        if let Some(waiter) = owed {
            channel.settled(waiter.of_batch);
        }
        if let Some(job) = self.jobs.get_mut(id) {
            job.lost(tag, &loss, sent);
        }
        // A server that did not answer in time is not asked again here. What has not left must not leave
        // now, and bytes cannot be taken out of the middle of a stream.
        if owed.is_some_and(|waiter| why == Early::Late || !waiter.sent) {
            self.retire(key);
        }
    }

    /// A silent server ends its own commands of batches, whatever those still may take.
    fn give_up_batches(&mut self, key: Id) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        let loss = channel.lane.late();
        for token in self.tokens.of_batches(key) {
            let Some(waiter) = self.tokens.get_mut(token) else {
                continue;
            };
            channel.settled(true);
            if let Some(id) = waiter.job.take() {
                if let Some(job) = self.jobs.get_mut(id) {
                    job.lost(waiter.tag, &loss, waiter.sent);
                    self.told.push_back(id);
                }
            }
        }
        self.retire(key);
    }

    /// Nothing more is sent over a connection; what has not left goes elsewhere.
    fn retire(&mut self, key: Id) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        if channel.retired || !channel.lane.is_connected() {
            return;
        }
        channel.retired = true;
        let queue = std::mem::take(&mut channel.queue);
        let unsent = std::mem::take(&mut channel.unsent);
        let mut elsewhere = Vec::new();
        for (_, token) in unsent {
            let Some(waiter) = self.tokens.get_mut(token) else {
                continue;
            };
            if let Some(id) = waiter.job.take() {
                channel.settled(waiter.of_batch);
                elsewhere.push((id, waiter.tag));
            }
        }
        for (id, tag) in queue {
            let waits = |job: &Job<T>| job.place(tag) == Place::Queued(key);
            if self.jobs.get(id).is_some_and(waits) {
                elsewhere.push((id, tag));
            }
        }
        for (id, tag) in elsewhere {
            self.route(id, tag);
            self.told.push_back(id);
        }
    }

    /// End everything.
    pub fn cancel_all(&mut self) {
        self.ending = true;
        let channels: Vec<Id> = self.channels.iter().map(|(key, _)| key).collect();
        for key in channels {
            let Some(channel) = self.channels.get_mut(key) else {
                continue;
            };
            let mut loss = channel.lane.late();
            loss.failure = cancelled()
                .at(loss.failure.phase)
                .on(channel.lane.server.name);
            self.lose(key, &loss);
        }
        let jobs: Vec<Id> = self.jobs.iter().map(|(id, _)| id).collect();
        self.told.extend(jobs);
        self.ask_all();
    }

    /// What an observer is to hear of.
    pub fn take_notices(&mut self) -> Notices {
        let wanted = self.core.observer().is_some();
        std::mem::replace(&mut self.notices, Notices::new(wanted))
    }

    /// In a forked child: close what the parent's sockets are here.
    pub fn close_inherited(&self) {
        for (_, channel) in self.channels.iter() {
            channel.lane.server.pool.close_inherited();
        }
    }
}

#[cold]
fn cancelled() -> Box<Failure> {
    Failure::new(Status::CANCELLED, "the operation was cancelled")
}

/// A command met this before there was a connection for it.
#[cold]
fn nowhere(failure: Box<Failure>) -> Loss {
    Loss {
        failure,
        closed: false,
        reused: false,
        replied: false,
        connected: false,
    }
}
