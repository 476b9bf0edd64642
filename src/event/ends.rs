//! Operations that end before their answers have come: their time is up, or they are cancelled. Who waits
//! on the same connection is not disturbed.

use super::channel::Channel;
use super::job::{Job, Place, Task};
use super::slab::Id;
use super::state::State;
use crate::deadline::{self, Deadline, Moment};
use crate::error::{Failure, Status};

/// Why an operation ends before its answer has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Early {
    Late,
    Cancelled,
}

impl<T: Task> State<T> {
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
        let mut late = Vec::new();
        let limit = self.jobs.get(id).map(|job| job.deadline);
        while let Some((at, place)) = self.jobs.get(id).and_then(|job| job.on_its_way(tag)) {
            if let (Early::Late, Place::Owed(token)) = (why, place) {
                let key = self.tokens.get(token).map(|waiter| waiter.channel);
                if let Some(key) = key.filter(|key| !late.contains(key)) {
                    // First, so that what waits there is not sent elsewhere to a server that is down.
                    self.note_silence(key, limit);
                    late.push(key);
                }
            }
            self.take_back(id, at, place, why);
            tag = at + 1;
        }
        let there = self.jobs.get(id).is_some();
        self.ask(id);
        there
    }

    /// A command was not answered in time: each operation that ends so tells once against its server.
    fn note_silence(&mut self, key: Id, limit: Option<Deadline>) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        // What comes of making a connection is told at its end.
        if channel.lane.is_connected() {
            let loss = channel.lane.late();
            let waited = deadline::now().since(channel.waited_since());
            // Where the loop was not processed in time, the server was not waited for.
            let waited = limit.map_or(waited, |limit| limit.most(waited));
            let probe = channel.lane.probe.take();
            let server = &channel.lane.server;
            server.lost(&loss, probe, waited, &mut self.notices);
        }
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
        // Who gives the right to try up leaves no connection that nothing is known of.
        let tried = why == Early::Cancelled && channel.lane.probe.take().is_some();
        let sent = owed.is_some_and(|waiter| waiter.sent);
        if let Some(waiter) = owed {
            channel.settled(waiter.of_batch);
        }
        if let Some(job) = self.jobs.get_mut(id) {
            job.lost(tag, &loss, sent);
        }
        // A server that did not answer in time is not asked again here. What has not left must not leave
        // now, and bytes cannot be taken out of the middle of a stream.
        if tried || owed.is_some_and(|waiter| why == Early::Late || !waiter.sent) {
            self.retire(key);
        }
    }

    /// A silent server ends its own commands of batches, whatever those still may take.
    fn give_up_batches(&mut self, key: Id) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        let loss = channel.lane.late();
        self.note_silence(key, None);
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
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
}

#[cold]
pub(super) fn cancelled() -> Box<Failure> {
    Failure::new(Status::CANCELLED, "the operation was cancelled")
}
