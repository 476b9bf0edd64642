//! Sending: commands are handed over to sessions, and leave.

use super::channel::Channel;
use super::job::{Place, Task};
use super::router::Leaving;
use super::slab::Id;
use super::state::{State, call};
use super::tokens::Waiter;
use crate::connection::link::Trouble;
use crate::connection::outbox::Token;
use crate::deadline::Moment;
use crate::driver::call::unix_now;
use crate::driver::sink::{Answer, Sent};
use crate::error::Failure;
use crate::operation::command::{Limits, key as checked_key, unsent};
use crate::protocol::Request;
use crate::transport::Mode;

/// About so many bytes of commands are handed to a session at once; what has been handed over cannot be
/// taken back but by closing the connection.
const AT_ONCE: u64 = 64 * 1024;

/// After so many bytes of commands a session has to answer all of them before it is given more: it keeps
/// their keys until then.
const EXCHANGE_MAX: usize = 2 * 1024 * 1024;

/// As a lane: none whose command bytes are kept, with the keys in them.
const NO_LANE: u32 = u32::MAX - 1;

impl<T: Task> State<T> {
    /// Send what can be sent; whether something was.
    pub(super) fn send(&mut self, key: Id, now: Moment) -> bool {
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
        let call = call(&self.core, &self.options, channel.deadline);
        let loud_above = call.loud_above();
        let Some(link) = channel.lane.link() else {
            return false;
        };
        if link.session.in_step() {
            link.session.begin();
            link.session.be_loud_above(loud_above);
            link.reused = used;
        } else if link.session.command_bytes() >= EXCHANGE_MAX {
            return false;
        }
        let begin = link.session.progress().0;
        channel.used = true;
        if channel.live == 0 {
            // Its silence begins now.
            channel.lane.since = now;
            channel.busy = now;
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
            let now = || unix_now(&topology, &command, limits);
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
                Ok(key_at) => {
                    let sent = Sent::new(&request, NO_LANE, key_at, name);
                    let clamped = channel.lane.session().clamped();
                    let clamped = clamped.unwrap_or(sent.clamped);
                    Ok((token, Sent { clamped, ..sent }))
                }
                Err(why) => {
                    self.tokens.remove(token);
                    Err(unsent(command.op, why).on(name))
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
            // What has opaques would be sent silently, where its misses are known by what follows them.
            let session = channel.lane.session();
            session.join_lines(on && !session.is_tagged());
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
