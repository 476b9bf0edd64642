//! Who waits for what the sessions owe. A token stays taken until its session owes nothing by it any
//! more, also when nobody waits for that.

use super::slab::Id;
use crate::connection::outbox::Token;

#[derive(Default)]
pub struct Tokens {
    waiters: Vec<Option<Waiter>>,
    free: Vec<Token>,
}

/// A command that a session knows.
#[derive(Clone, Copy)]
pub struct Waiter {
    /// Its operation; `None` once that is over.
    pub job: Option<Id>,
    /// Its place in the operation.
    pub tag: u32,
    /// Whose session it is.
    pub channel: Id,
    /// All its bytes have left.
    pub sent: bool,
    /// It is one of a batch.
    pub of_batch: bool,
    /// Its operation does not wait for the reply.
    pub quiet: bool,
}

impl Tokens {
    /// `None` where there is no memory.
    pub fn add(&mut self, waiter: Waiter) -> Option<Token> {
        if let Some(token) = self.free.pop() {
            *self.waiters.get_mut(token as usize)? = Some(waiter);
            return Some(token);
        }
        let token = Token::try_from(self.waiters.len()).ok()?;
        self.waiters.try_reserve(1).ok()?;
        // So that giving it back needs no memory.
        self.free.try_reserve(self.waiters.len() + 1).ok()?;
        self.waiters.push(Some(waiter));
        Some(token)
    }

    pub fn get(&self, token: Token) -> Option<&Waiter> {
        self.waiters.get(token as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, token: Token) -> Option<&mut Waiter> {
        self.waiters.get_mut(token as usize)?.as_mut()
    }

    /// The session owes nothing by it any more.
    pub fn remove(&mut self, token: Token) -> Option<Waiter> {
        let waiter = self.waiters.get_mut(token as usize)?.take()?;
        self.free.push(token);
        Some(waiter)
    }

    /// The commands of batches that are waited for on a channel.
    pub fn of_batches(&self, channel: Id) -> Vec<Token> {
        let is_one =
            |waiter: &Waiter| waiter.channel == channel && waiter.of_batch && waiter.job.is_some();
        (0..)
            .zip(&self.waiters)
            .filter(|(_, waiter)| waiter.as_ref().is_some_and(is_one))
            .map(|(token, _)| token)
            .collect()
    }
}
