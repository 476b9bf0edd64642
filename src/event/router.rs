//! From a session's tokens to the operations that wait: a sink for what comes over any channel, and the
//! values of what leaves.

use std::mem::MaybeUninit;

use super::job::{Job, Task};
use super::slab::Slab;
use super::tokens::Tokens;
use crate::buffer::{Chunk, Lent, Place};
use crate::connection::outbox::{Token, Values};
use crate::driver::forgiving::forgive;
use crate::driver::sink::{Answer, Sent, Sink};
use crate::error::Failure;
use crate::observe::Notices;
use crate::options::Options;
use crate::protocol::ValueHead;

/// Takes large values that nobody waits for any more, a piece at a time.
pub type Trash = [MaybeUninit<u8>; 4096];

pub struct Router<'r, T> {
    pub jobs: &'r mut Slab<Job<T>>,
    pub tokens: &'r Tokens,
    pub trash: Lent<'r>,
    /// Where errors are told as misses: what the observer is to hear of that.
    pub causes: Option<(&'r Options, Notices)>,
}

impl<T: Task> Router<'_, T> {
    /// The task that waits, and the command's place in its operation.
    fn task(&mut self, token: Token) -> Option<(&mut T, u32)> {
        let waiter = self.tokens.get(token)?;
        let job = self.jobs.get_mut(waiter.job?)?;
        Some((&mut job.task, waiter.tag))
    }
}

impl<T: Task> Sink for Router<'_, T> {
    fn sent(&mut self, token: Token, sent: &Sent) {
        if let Some((task, tag)) = self.task(token) {
            task.sent(tag, sent);
        }
    }

    fn value(&mut self, token: Token, head: &ValueHead, value: &[u8]) {
        if let Some((task, tag)) = self.task(token) {
            task.value(tag, head, value);
        }
    }

    fn place(&mut self, token: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        // Asked here first, so that the borrow of one does not last where the other is returned.
        if self.task(token).is_some() {
            let (task, tag) = self.task(token)?;
            return task.place(tag, head, begins);
        }
        self.trash.restart();
        (!begins).then_some(&mut self.trash as &mut dyn Place)
    }

    fn placed(&mut self, token: Token, head: &ValueHead) {
        if let Some((task, tag)) = self.task(token) {
            task.placed(tag, head);
        }
    }

    fn answer(&mut self, token: Token, answer: Answer<'_>) {
        if let Some((task, tag)) = self.task(token) {
            task.answer(tag, answer);
        }
    }

    fn fail(&mut self, token: Token, failure: Box<Failure>) {
        let Some(waiter) = self.tokens.get(token) else {
            return;
        };
        let Some(job) = waiter.job.and_then(|id| self.jobs.get_mut(id)) else {
            return;
        };
        let tag = waiter.tag;
        match &mut self.causes {
            Some((options, causes)) => {
                let op = job.kept.command(tag as usize).ok().map(|it| it.op);
                forgive(options, &mut job.task, op, tag, failure, causes);
            }
            None => job.task.fail(tag, failure),
        }
    }

    fn keep(&mut self, _: u32, _: Vec<Chunk>, _: Vec<u8>) {}
}

/// The values of commands that are being sent.
pub struct Leaving<'l, T> {
    pub jobs: &'l Slab<Job<T>>,
    pub tokens: &'l Tokens,
}

impl<T: Task> Values for Leaving<'_, T> {
    fn value(&self, token: Token) -> &[u8] {
        self.tokens
            .get(token)
            .and_then(|waiter| Some((self.jobs.get(waiter.job?)?, waiter.tag)))
            .map_or(b"", |(job, tag)| job.kept.value(tag as usize))
    }
}
