//! One turn: all that can be done without waiting. Connections are made a step further, what has come is
//! told, what can leave leaves. (Sending stands in `sending`, receiving in `receiving`.)

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::channel::Channel;
use super::job::{Place, Task};
use super::slab::Id;
use super::state::{State, call};
use crate::connection::link::Trouble;
use crate::deadline::{self, Moment};
use crate::operation::retry::Loss;
use crate::transport::wakeup::Wakeup;
use crate::transport::{Readiness, poll};

/// The key by which the set of descriptors tells that the loop was woken; no channel's.
pub const WOKEN: Id = 0;

/// So often in one turn each connection is seen to, as long as it goes on.
const PASSES: usize = 64;

impl<T: Task> State<T> {
    /// Do all that can be done without waiting; whether somebody has woken the loop.
    pub fn turn(&mut self, wakeup: &Wakeup) -> bool {
        let mut keys = Vec::new();
        self.poller.ready(&mut keys);
        let mut woken = false;
        for key in keys {
            if key == WOKEN {
                wakeup.hush();
                woken = true;
            } else if let Some(channel) = self.channels.get_mut(key) {
                channel.ready = true;
            }
        }
        let now = deadline::now();
        self.ask_all();
        self.discover(now);
        self.see_to_all(now);
        // Behind what has come: an answer that is there is not too late.
        self.expire(now);
        if !self.told.is_empty() {
            self.ask_all();
            self.see_to_all(now);
        }
        self.watch_all();
        woken
    }

    fn see_to_all(&mut self, now: Moment) {
        self.again = false;
        let mut keys = Vec::new();
        for _ in 0..PASSES {
            keys.clear();
            keys.extend(self.channels.iter().map(|(key, _)| key));
            let mut moved = false;
            for key in &keys {
                moved |= self.see_to(*key, now);
            }
            self.ask_all();
            if !moved {
                return;
            }
        }
        self.again = true;
    }

    /// See to one connection; whether something has moved, so that more may.
    fn see_to(&mut self, key: Id, now: Moment) -> bool {
        let Some(channel) = self.channels.get_mut(key) else {
            return false;
        };
        if !channel.lane.is_connected() {
            return self.connect(key, now);
        }
        let ready = std::mem::take(&mut channel.ready);
        let mut moved = false;
        if ready || channel.is_known_ready(&mut self.scratch) {
            channel.full = false;
            moved = self.receive(key, now);
        }
        moved | self.send(key, now)
    }

    // --- making connections

    /// Go on making a connection, if there is something to be done.
    fn connect(&mut self, key: Id, now: Moment) -> bool {
        let Some(channel) = self.channels.get_mut(key) else {
            return false;
        };
        let due = channel.due(&self.options).is_some_and(|due| due <= now);
        let ready = channel.ready || channel.is_known_ready(&mut self.scratch);
        if channel.begun && !ready && !due {
            return false;
        }
        let mut waiting: Vec<Readiness> = Vec::new();
        if channel.begun {
            channel.lane.wait_for(&mut waiting);
            if poll(&mut waiting, Some(Duration::ZERO)).is_err() {
                // Nothing is known of any.
                waiting.clear();
            }
        }
        channel.begun = true;
        channel.ready = false;
        // It may close some, and others may get their numbers.
        channel.unwatch(&self.poller);
        let call = call(&self.core, &self.options, channel.deadline);
        let lane = &mut channel.lane;
        match lane.go_on(&call, &waiting, &mut self.notices, now) {
            Ok(()) => lane.is_connected(),
            Err(failure) => {
                let loss = lane.unconnected(failure);
                self.lose(key, &loss);
                true
            }
        }
    }

    // --- ends of connections

    /// A connection will give no more replies, or could not be had.
    #[cold]
    pub(super) fn lose(&mut self, key: Id, loss: &Loss) {
        let Some(mut channel) = self.channels.remove(key) else {
            return;
        };
        channel.unwatch(&self.poller);
        let mut gone = Vec::new();
        let waited = deadline::now().since(channel.waited_since());
        let lane = &mut channel.lane;
        lane.abandon(loss, waited, &mut self.notices, |one| gone.push(one));
        for one in gone {
            let Some(waiter) = self.tokens.remove(one.token) else {
                continue;
            };
            if let Some((id, job)) = waiter.job.and_then(|id| Some((id, self.jobs.get_mut(id)?))) {
                job.lost(waiter.tag, loss, one.sent);
                self.told.push_back(id);
            }
        }
        for (id, tag) in std::mem::take(&mut channel.queue) {
            let Some(job) = self.jobs.get_mut(id) else {
                continue;
            };
            if job.place(tag) != Place::Queued(key) {
                continue;
            }
            if loss.connected && !self.ending {
                // It was never given to this connection.
                self.route(id, tag);
            } else {
                self.unreached(id, tag, loss, &channel.lane.server);
            }
            self.told.push_back(id);
        }
    }

    /// Close connections that are of no use any more, and wait for what the others need.
    fn watch_all(&mut self) {
        let keys: Vec<Id> = self.channels.iter().map(|(key, _)| key).collect();
        let crowded = keys.len() > self.core.state().topology().servers().len();
        let mut all = Vec::new();
        for key in keys {
            let left = crowded && self.has_left(key);
            let Some(channel) = self.channels.get_mut(key) else {
                continue;
            };
            if channel.is_over() || left && channel.is_idle() {
                self.close(key);
            } else if let Err(error) = channel.watch(&self.poller, key, &mut all) {
                let loss = channel.lane.troubled(Trouble::from(error));
                self.lose(key, &loss);
                self.again = true;
            }
        }
    }

    /// Whether the server of a connection is not in the list any more.
    fn has_left(&self, key: Id) -> bool {
        let state = self.core.state();
        let topology = state.topology();
        let is_its = |channel: &Channel| {
            let pool = &channel.lane.server.pool;
            topology
                .servers()
                .iter()
                .any(|server| Arc::ptr_eq(&server.pool, pool))
        };
        self.channels
            .get(key)
            .is_some_and(|channel| !is_its(channel))
    }

    /// Close a connection that nobody waits for.
    fn close(&mut self, key: Id) {
        let Some(mut channel) = self.channels.remove(key) else {
            return;
        };
        channel.unwatch(&self.poller);
        // It is none of the client's pool.
        let session = channel.lane.session();
        session.poison("the loop is done with it");
        let mut unheard = 0;
        while let Some(gone) = session.abandon() {
            match gone.quiet && gone.sent {
                // It was told as written, and its token may be another's by now.
                true => unheard += 1,
                false => drop(self.tokens.remove(gone.token)),
            }
        }
        let counter = channel.lane.server.pool.quiet_failed();
        counter.fetch_add(unheard, Ordering::Relaxed);
    }
}
