//! Waiting for a look-up.

use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Found, Unresolved};
use crate::deadline::{Moment, earlier};
use crate::transport::wakeup::Wakeup;

/// One who waits. The answer is handed to each, so that nothing that happens to the name afterwards
/// can come between.
pub(super) struct Waiter {
    answer: Mutex<Option<Result<Found, Unresolved>>>,
    wakeup: Wakeup,
}

impl Waiter {
    pub fn new() -> io::Result<Waiter> {
        Ok(Waiter {
            answer: Mutex::new(None),
            wakeup: Wakeup::new()?,
        })
    }

    pub fn give(&self, answer: Result<Found, Unresolved>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        self.wakeup.ring();
    }

    fn take(&self) -> Option<Result<Found, Unresolved>> {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.take()
    }
}

/// The right to an answer. Dropped, nobody waits any more; the look-up goes on.
pub struct Ticket {
    waiter: Arc<Waiter>,
    /// What will do from that moment on.
    spare: Option<(Found, Moment)>,
}

impl Ticket {
    pub(super) fn new(
        waiter: Arc<Waiter>,
        spare: Option<(Found, Moment)>,
        now: Moment,
        until: Option<Moment>,
    ) -> Ticket {
        let half = until.map(|until| now.after(until.since(now) / 2));
        let spare = spare.map(|(found, at)| (found, earlier(Some(at), half).unwrap_or(at)));
        Ticket { waiter, spare }
    }

    /// Becomes readable when there is an answer.
    pub fn fd(&self) -> RawFd {
        self.waiter.wakeup.fd()
    }

    /// When [`Ticket::answer`] has something to say although nothing has come.
    pub fn due(&self) -> Option<Moment> {
        self.spare.as_ref().map(|(_, at)| *at)
    }

    /// The answer, once.
    pub fn answer(&mut self, now: Moment) -> Option<Result<Found, Unresolved>> {
        match (self.waiter.take(), self.spare.take()) {
            (Some(Err(_)), Some((spare, _))) => Some(Ok(spare)),
            (Some(answer), _) => Some(answer),
            (None, Some((spare, at))) if at <= now => Some(Ok(spare)),
            (None, spare) => {
                self.spare = spare;
                None
            }
        }
    }
}
