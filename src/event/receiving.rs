//! Receiving: what comes is told to the operations that wait.

use std::mem::MaybeUninit;

use super::job::Task;
use super::router::{Router, Trash};
use super::slab::Id;
use super::state::State;
use crate::buffer::Lent;
use crate::connection::arrival::Outcome;
use crate::connection::link::Trouble;
use crate::connection::outbox::Token;
use crate::deadline::Moment;
use crate::driver::deliver::{deliver, receive};
use crate::transport::Mode;

/// So often in one pass something is received over a connection.
const RECEIVES: usize = 16;

/// Who gives less than this has no more for now.
const SHORT: usize = 4096;

impl<T: Task> State<T> {
    /// Receive what has come; whether something has.
    pub(super) fn receive(&mut self, key: Id, now: Moment) -> bool {
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
                    channel.heard = now;
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
        let mut heard = false;
        let owed = channel.lane.session().owes_quiet();
        while let Some(link) = channel.lane.link() {
            let Some(arrival) = link.session.next_arrival() else {
                break;
            };
            heard = true;
            let token = arrival.token;
            if let Outcome::Doubt(op) = arrival.what {
                if let Some(waiter) = self.tokens.remove(token) {
                    if let Some(id) = waiter.job {
                        channel.settled(waiter.of_batch);
                        if let Some(job) = self.jobs.get_mut(id) {
                            job.doubted(waiter.tag, op, server.name);
                            self.told.push_back(id);
                        }
                    }
                }
                continue;
            }
            let value = matches!(arrival.what, Outcome::Value { .. } | Outcome::Placed { .. });
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
                    job.answered_by = Some(server.name);
                    job.answered(waiter.tag);
                    self.told.push_back(id);
                }
            }
        }
        // Quiet commands that went well are settled without a word.
        if heard || channel.lane.session().owes_quiet() < owed {
            channel.lane.answered(&mut self.notices);
        }
        let broken = channel.lane.link().and_then(|link| link.session.broken());
        if let Some(why) = broken {
            let loss = channel.lane.broken(why);
            self.lose(key, &loss);
        }
    }
}
