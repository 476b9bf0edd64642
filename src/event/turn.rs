//! Moving bytes without waiting: connections are made a step further, what has come is told, what can
//! leave leaves.

use super::channel::Channel;
use super::job::{Place, Task};
use super::router::{Leaving, Router, Trash};
use super::slab::Id;
use super::state::{State, call};
use super::tokens::Waiter;
use crate::buffer::Lent;
use crate::connection::arrival::Outcome;
use crate::connection::link::Trouble;
use crate::connection::outbox::Token;
use crate::deadline::{self, Moment};
use crate::driver::call::unix_now;
use crate::driver::deliver::{deliver, receive};
use crate::driver::sink::{Answer, Sent};
use crate::error::Failure;
use crate::operation::command::{Limits, key as checked_key};
use crate::operation::retry::Loss;
use crate::protocol::Request;
use crate::transport::wakeup::Wakeup;
use crate::transport::{Mode, Readiness, poll};
use std::mem::MaybeUninit;
use std::time::Duration;

/// The key by which the set of descriptors tells that the loop was woken; no channel's.
pub const WOKEN: Id = 0;

/// So often in one turn each connection is seen to, as long as it goes on.
const PASSES: usize = 64;

/// So often in one pass something is received over a connection.
const RECEIVES: usize = 16;

/// Who gives less than this has no more for now.
const SHORT: usize = 4096;

/// About so many bytes of commands are handed to a session at once; what has been handed over cannot be
/// taken back but by closing the connection.
const AT_ONCE: u64 = 64 * 1024;

/// After so many bytes of commands a session has to answer all of them before it is given more: it keeps
/// their keys until then.
const EXCHANGE_MAX: usize = 2 * 1024 * 1024;

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

    // --- sending

    /// Send what can be sent; whether something was.
    fn send(&mut self, key: Id, now: Moment) -> bool {
        let mut moved = false;
        loop {
            let Some(channel) = self.channels.get_mut(key) else {
                return moved;
            };
            if channel.retired || channel.full {
                return moved;
            }
            let Some(link) = channel.lane.link() else {
                return moved;
            };
            if link.session.all_sent() && !self.hand_over(key, now) {
                return moved;
            }
            let leaving = Leaving {
                jobs: &self.jobs,
                tokens: &self.tokens,
            };
            let Some(channel) = self.channels.get_mut(key) else {
                return moved;
            };
            let Some(link) = channel.lane.link() else {
                return moved;
            };
            match link.send(&leaving, Mode::DontWait) {
                Ok(_) => {
                    channel.lane.since = now;
                    moved = true;
                    self.left(key);
                }
                Err(Trouble::Interrupted) => {}
                Err(Trouble::WouldBlock) => {
                    channel.full = true;
                    return moved;
                }
                Err(trouble) => {
                    let loss = channel.lane.troubled(trouble);
                    self.lose(key, &loss);
                    return true;
                }
            }
        }
    }

    /// Hand commands that wait over to the session of a connection, which has sent all it had. `false`
    /// where there is nothing to be sent.
    fn hand_over(&mut self, key: Id, now: Moment) -> bool {
        let Some(channel) = self.channels.get_mut(key) else {
            return false;
        };
        if channel.queue.is_empty() {
            return false;
        }
        let used = channel.used;
        let Some(link) = channel.lane.link() else {
            return false;
        };
        if link.session.in_step() {
            link.session.begin();
            link.reused = used;
        } else if link.session.command_bytes() >= EXCHANGE_MAX {
            return false;
        }
        let begin = link.session.progress().0;
        channel.used = true;
        if channel.live == 0 {
            // Its silence begins now.
            channel.lane.since = now;
        }
        let mut joining = Joining::default();
        while let Some(channel) = self.channels.get_mut(key) {
            let Some(link) = channel.lane.link() else {
                break;
            };
            if link.session.progress().0 - begin >= AT_ONCE {
                break;
            }
            let Some((id, tag)) = channel.queue.pop_front() else {
                break;
            };
            self.hand_over_one(key, id, tag, &mut joining);
        }
        let Some(channel) = self.channels.get_mut(key) else {
            return false;
        };
        joining.end(channel);
        // None was there any more, or none could be handed over.
        !channel.lane.session().all_sent()
    }

    fn hand_over_one(&mut self, key: Id, id: Id, tag: u32, joining: &mut Joining) {
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        if job.place(tag) != Place::Queued(key) {
            return;
        }
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        let name = channel.lane.server.name;
        let of_batch = job.kept.is_batch();
        let handed = (|| {
            let command = job.kept.command(tag as usize)?;
            let limits = Limits {
                prefix: &self.options.key_prefix,
                item_size_max: self.options.item_size_max,
            };
            let key_of = checked_key(command.op, &command, limits)?;
            let state = self.core.state();
            let topology = state.topology();
            let now = || unix_now(&topology, &command);
            let request = Request::new(command.op, &command, key_of, now);
            let quiet = !of_batch && command.is_quiet(self.options.default_noreply);
            let waiter = Waiter {
                job: Some(id),
                tag,
                channel: key,
                sent: false,
                of_batch,
                quiet,
            };
            let token = self.tokens.add(waiter);
            let token = token.ok_or_else(|| Failure::no_memory(size_of::<Waiter>()))?;
            joining.turn(of_batch && command.op.reads_value(), channel);
            let submitted = match channel.lane.link() {
                Some(link) => link.session.submit(token, &request, quiet),
                None => return Err(Failure::argument("no connection")),
            };
            match submitted {
                Ok(key_at) => Ok((token, Sent::new(&request, u32::MAX - 1, key_at, name))),
                Err(why) => {
                    self.tokens.remove(token);
                    Err(Failure::no_memory(why.0).on(name))
                }
            }
        })();
        match handed {
            Ok((token, sent)) => {
                channel.live += 1;
                channel.live_of_batches += usize::from(of_batch);
                joining.add(token, channel);
                job.put(tag, Place::Owed(token));
                job.task.sent(tag, &sent);
            }
            Err(failure) => {
                job.refused(tag, failure);
                self.told.push_back(id);
            }
        }
    }

    /// Something has left: note which commands have, wholly.
    fn left(&mut self, key: Id) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        let Some(link) = channel.lane.link() else {
            return;
        };
        let (_, written) = link.session.progress();
        while let Some((end, token)) = channel.unsent.front().copied() {
            if end > written {
                return;
            }
            channel.unsent.pop_front();
            let Some(waiter) = self.tokens.get_mut(token) else {
                continue;
            };
            waiter.sent = true;
            if waiter.quiet {
                // Written is all that it is told. The session counts what comes of it.
                let waiter = *waiter;
                self.tokens.remove(token);
                channel.settled(waiter.of_batch);
                if let Some(id) = waiter.job {
                    if let Some(job) = self.jobs.get_mut(id) {
                        job.task.answer(waiter.tag, Answer::Done);
                        job.answered(waiter.tag);
                        self.told.push_back(id);
                    }
                }
            }
        }
    }

    // --- receiving

    /// Receive what has come; whether something has.
    fn receive(&mut self, key: Id, now: Moment) -> bool {
        let mut moved = false;
        for _ in 0..RECEIVES {
            let Some(channel) = self.channels.get_mut(key) else {
                return moved;
            };
            let Some(link) = channel.lane.link() else {
                return moved;
            };
            let mut trash: Trash = [MaybeUninit::uninit(); 4096];
            let mut router = Router {
                jobs: &mut self.jobs,
                tokens: &self.tokens,
                trash: Lent::new(&mut trash),
            };
            match receive(link, &mut router, Mode::DontWait) {
                Ok(n) => {
                    channel.lane.since = now;
                    moved = true;
                    self.arrivals(key);
                    if n < SHORT {
                        return true;
                    }
                }
                Err(Trouble::Interrupted) => {}
                Err(Trouble::WouldBlock) => return moved,
                Err(trouble) => {
                    let loss = channel.lane.troubled(trouble);
                    self.lose(key, &loss);
                    return true;
                }
            }
        }
        moved
    }

    /// Tell what has come.
    fn arrivals(&mut self, key: Id) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        let server = channel.lane.server.clone();
        let mut answered: Vec<Token> = Vec::new();
        let mut trash: Trash = [MaybeUninit::uninit(); 4096];
        while let Some(link) = channel.lane.link() {
            let Some(arrival) = link.session.next_arrival() else {
                break;
            };
            let token = arrival.token;
            let value = matches!(
                arrival.what,
                Outcome::Value { .. } | Outcome::Placed { .. }
            );
            let line = matches!(arrival.what, Outcome::Proved(_));
            let mut router = Router {
                jobs: &mut self.jobs,
                tokens: &self.tokens,
                trash: Lent::new(&mut trash),
            };
            match deliver(arrival, link, &server, &mut router, &mut self.notices) {
                _ if line => answered.append(&mut channel.unproved),
                0 if value => channel.unproved.push(token),
                0 => {}
                _ => answered.push(token),
            }
            for token in answered.drain(..) {
                let Some(waiter) = self.tokens.remove(token) else {
                    continue;
                };
                let Some(id) = waiter.job else {
                    continue;
                };
                channel.settled(waiter.of_batch);
                if let Some(job) = self.jobs.get_mut(id) {
                    job.answered(waiter.tag);
                    self.told.push_back(id);
                }
            }
        }
        let broken = channel.lane.link().and_then(|link| link.session.broken());
        if let Some(why) = broken {
            let loss = channel.lane.broken(why);
            self.lose(key, &loss);
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
        let lane = &mut channel.lane;
        lane.abandon(loss, &mut self.notices, |one| gone.push(one));
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
                job.lost(tag, loss, false);
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
                .any(|server| std::sync::Arc::ptr_eq(&server.pool, pool))
        };
        self.channels.get(key).is_some_and(|channel| !is_its(channel))
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
        while let Some(gone) = session.abandon() {
            self.tokens.remove(gone.token);
        }
    }
}

/// Reads of a batch share lines of keys; what they have in common is where the line ends.
#[derive(Default)]
struct Joining {
    on: bool,
    line: Vec<Token>,
}

impl Joining {
    /// The next command is to be joined, or not.
    fn turn(&mut self, on: bool, channel: &mut Channel) {
        if on != self.on {
            self.end(channel);
            if let Some(link) = channel.lane.link() {
                link.session.join_lines(on);
            }
            self.on = on;
        }
    }

    /// The session knows the command now.
    fn add(&mut self, token: Token, channel: &mut Channel) {
        if self.on {
            return self.line.push(token);
        }
        let end = channel.lane.session().progress().0;
        channel.unsent.push_back((end, token));
    }

    /// The line ends here.
    fn end(&mut self, channel: &mut Channel) {
        if self.on {
            channel.lane.session().join_lines(false);
            self.on = false;
        }
        let end = channel.lane.session().progress().0;
        for token in self.line.drain(..) {
            channel.unsent.push_back((end, token));
        }
    }
}
