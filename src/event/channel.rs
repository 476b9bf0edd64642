//! One connection as a loop uses it: shared by all operations that go to its server, kept for as long
//! as it lasts.

use std::collections::VecDeque;
use std::os::fd::RawFd;

use super::slab::Id;
use crate::connection::outbox::Token;
use crate::deadline::{Deadline, Moment, earlier};
use crate::driver::lane::{Lane, Way};
use crate::options::Options;
use crate::transport::poller::Poller;
use crate::transport::{Interest, Readiness};

pub struct Channel {
    pub lane: Lane,
    /// When anything was heard of the server last, or making the connection began.
    pub heard: Moment,
    /// When the first of those commands was handed over that are waited for.
    pub busy: Moment,
    /// The time that making the connection began with.
    pub deadline: Deadline,
    /// Making it has begun.
    pub begun: bool,
    /// It has carried commands.
    pub used: bool,
    /// A descriptor was seen to be ready.
    pub ready: bool,
    /// Nothing more was taken when something was sent last.
    pub full: bool,
    /// Nothing is sent over it any more; what was sent is still answered. The server did not answer
    /// somebody in time, or a command that nobody waits for must not leave.
    pub retired: bool,
    /// Commands that no session knows yet: the operation, and the place in it.
    pub queue: VecDeque<(Id, u32)>,
    /// What the session knows and has not wholly left, with where each ends: see `Session::progress`.
    pub unsent: VecDeque<(u64, Token)>,
    /// Values that were told, and are the answers once their line has ended.
    pub unproved: Vec<Token>,
    /// How many commands the session knows whose operations wait, and how many of those are of batches.
    pub live: usize,
    pub live_of_batches: usize,
    /// What is waited for.
    waiting: Vec<(RawFd, i16)>,
}

impl Channel {
    pub fn new(lane: Lane, deadline: Deadline) -> Channel {
        Channel {
            lane,
            heard: deadline.begin(),
            busy: deadline.begin(),
            deadline,
            begun: false,
            used: false,
            ready: false,
            full: false,
            retired: false,
            queue: VecDeque::new(),
            unsent: VecDeque::new(),
            unproved: Vec::new(),
            live: 0,
            live_of_batches: 0,
            waiting: Vec::new(),
        }
    }

    /// One of its commands has its answer, or nobody waits for that any more.
    pub fn settled(&mut self, of_batch: bool) {
        self.live = self.live.saturating_sub(1);
        if of_batch {
            self.live_of_batches = self.live_of_batches.saturating_sub(1);
        }
    }

    /// Since when the server owes a sign of life to those who wait.
    pub fn waited_since(&self) -> Moment {
        self.heard.max(self.busy)
    }

    /// Nobody waits for anything.
    pub fn is_idle(&self) -> bool {
        self.live == 0 && self.queue.is_empty()
    }

    /// Whether it is to be closed: it is of no use to anybody.
    pub fn is_over(&mut self) -> bool {
        let stale = match &self.lane.way {
            Way::Made(lease) => !lease.is_current(),
            Way::Making(_) => false,
        };
        self.is_idle() && (self.retired || stale)
    }

    /// When something is due although nothing has come.
    pub fn due(&self, options: &Options) -> Option<Moment> {
        match &self.lane.way {
            Way::Making(making) => making.attempt.due(),
            Way::Made(_) => self.silent(options),
        }
    }

    /// When the server has been silent for too long for a batch.
    pub fn silent(&self, options: &Options) -> Option<Moment> {
        match self.live_of_batches {
            0 => None,
            _ => options.timeout.map(|limit| self.lane.since.after(limit)),
        }
    }

    /// What it waits for.
    fn interests(&mut self, all: &mut Vec<Readiness>) {
        match (self.retired, self.lane.link()) {
            (true, Some(link)) => all.push(link.readiness(Interest {
                read: true,
                write: false,
            })),
            _ => self.lane.wait_for(all),
        }
    }

    /// Whether something can be done without a descriptor being ready: it has none, or bytes wait behind
    /// it.
    pub fn is_known_ready(&mut self, all: &mut Vec<Readiness>) -> bool {
        all.clear();
        self.interests(all);
        all.iter().any(Readiness::is_known_ready)
    }

    /// Wait for what it needs now, told by `key`.
    pub fn watch(
        &mut self,
        poller: &Poller,
        key: Id,
        all: &mut Vec<Readiness>,
    ) -> std::io::Result<()> {
        all.clear();
        self.interests(all);
        for readiness in all.iter().filter(|readiness| readiness.fd() >= 0) {
            let (fd, events) = (readiness.fd(), readiness.events());
            match self.waiting.iter_mut().find(|(other, _)| *other == fd) {
                Some((_, now)) if *now == events => {}
                Some((_, now)) => {
                    poller.change(readiness, key)?;
                    *now = events;
                }
                None => {
                    poller.add(readiness, key)?;
                    self.waiting.push((fd, events));
                }
            }
        }
        Ok(())
    }

    /// Wait for nothing: before descriptors may be closed.
    pub fn unwatch(&mut self, poller: &Poller) {
        for (fd, _) in self.waiting.drain(..) {
            poller.remove(fd);
        }
    }
}

/// The earliest moment of many.
pub fn earliest(moments: impl Iterator<Item = Option<Moment>>) -> Option<Moment> {
    moments.fold(None, earlier)
}
