//! What a loop has, and what becomes of operations: where their commands go, when they end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::channel::{Channel, earliest};
use super::discover::{self, PARKED};
use super::ends::cancelled;
use super::job::{Job, Place, Task};
use super::kept::Kept;
use super::slab::{Id, Slab};
use super::stand_in::{Nowhere, place};
use super::timers::Timers;
use super::tokens::Tokens;
use crate::deadline::{self, Deadline, Moment, Nanos, earlier};
use crate::driver::call::Call;
use crate::driver::forgiving::{forgive, forgives};
use crate::driver::health;
use crate::driver::lane::{Lane, Way};
use crate::driver::pool::Seat;
use crate::driver::server::Server;
use crate::driver::state::Core;
use crate::error::{Failure, Result};
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
    pub(super) timers: Timers,
    /// Over, and to be told by a call, or when they are asked for.
    pub called: VecDeque<Done<T>>,
    pub asked: VecDeque<Done<T>>,
    /// Commands that wait for the first list of servers.
    pub(super) parked: Vec<(Id, u32)>,
    /// When that is asked for again.
    pub(super) ask_at: Option<Moment>,
    /// Used and left empty by whoever needs one.
    pub(super) scratch: Vec<Readiness>,
    /// More could be done at once than was.
    pub(super) again: bool,
    /// Everything is cancelled.
    pub(super) ending: bool,
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
            parked: Vec::new(),
            ask_at: None,
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
        Err(earlier(earlier(due, self.ask_at), self.timers.next()))
    }

    /// Do what operations ask for, until they have to wait.
    pub(super) fn ask_all(&mut self) {
        while let Some(id) = self.told.pop_front() {
            self.ask(id);
        }
    }

    pub(super) fn ask(&mut self, id: Id) {
        while let Some(job) = self.jobs.get_mut(id) {
            match job.next() {
                Step::Send { tag, .. } => self.route(id, tag),
                Step::Fail { tag, failure } if forgives(&self.options) => {
                    let op = job.kept.command(tag as usize).ok().map(|it| it.op);
                    let notices = &mut self.notices;
                    forgive(&self.options, &mut job.task, op, tag, failure, notices);
                }
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
        if let (Some(limit), Some(server)) = (self.options.slow_after, job.answered_by) {
            let took = deadline::now().since(job.deadline.begin());
            health::slow(limit, took, server, &mut self.notices);
        }
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
        if discover::is_awaited(&self.core) {
            self.parked.push((id, tag));
            return job.put(tag, Place::Queued(PARKED));
        }
        let (to, server) = match place(&self.core, &self.options, job, tag) {
            Ok(found) => found,
            Err(Nowhere::Refused(failure)) => return job.refused(tag, failure),
            Err(Nowhere::Left(failure)) => return job.lost(tag, &nowhere(failure), false),
        };
        let deadline = job.deadline;
        let channel = self.admitted_channel(deadline, to, &server);
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
            Err(failure) => self.unreached(id, tag, &nowhere(failure), &server),
        }
    }

    /// The connection to a server that may be used by who has so much time.
    fn admitted_channel(
        &mut self,
        deadline: Deadline,
        to: usize,
        server: &Arc<Server>,
    ) -> Result<Id> {
        let probe = health::admit(&call(&self.core, &self.options, deadline), server)?;
        let channel = self.channel_to(to, server);
        match &channel {
            Ok(key) => {
                if let (Some(channel), true) = (self.channels.get_mut(*key), probe.is_some()) {
                    channel.lane.probe = probe;
                }
            }
            Err(failure) => {
                let loss = nowhere(failure.clone());
                server.lost(&loss, probe, Duration::ZERO, &mut self.notices);
            }
        }
        channel
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
        let way = Way::begin(&call, server, seat, false, &mut self.notices, now)?;
        let lane = Lane {
            to,
            id: 0,
            server: server.clone(),
            way,
            since: now,
            quiet: false,
            fresh: true,
            probe: None,
        };
        let key = self.channels.insert(Channel::new(lane, deadline));
        key.ok_or_else(|| Failure::no_memory(size_of::<Channel>()))
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

/// A command met this before there was a connection for it.
#[cold]
pub(super) fn nowhere(failure: Box<Failure>) -> Loss {
    Loss {
        failure,
        closed: false,
        reused: false,
        replied: false,
        connected: false,
    }
}
