//! Those who wait for a connection of a full pool, first come, first served. The only lock of a
//! pool.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::deadline::{self, Moment};

/// What one who waits is given.
pub enum Gift<T> {
    /// A connection.
    Idle(Box<T>),
    /// The right to make one.
    Seat,
}

struct Ticket<T> {
    gift: Mutex<Option<Gift<T>>>,
    come: Condvar,
}

pub struct Queue<T> {
    /// How many wait, to be asked without the lock.
    waiting: AtomicUsize,
    tickets: Mutex<VecDeque<Arc<Ticket<T>>>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue {
            waiting: AtomicUsize::new(0),
            tickets: Mutex::new(VecDeque::new()),
        }
    }
}

/// Nothing here can be left half changed by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Queue<T> {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }

    /// Give to the one who waits longest; gives it back where nobody waits.
    pub fn give(&self, gift: Gift<T>) -> Result<(), Gift<T>> {
        let mut tickets = lock(&self.tickets);
        let Some(ticket) = tickets.pop_front() else {
            return Err(gift);
        };
        self.waiting.store(tickets.len(), Ordering::SeqCst);
        // Under this lock: who gives up removes the ticket under it, and looks for the gift afterwards.
        *lock(&ticket.gift) = Some(gift);
        drop(tickets);
        ticket.come.notify_one();
        Ok(())
    }

    /// Change the list; who asks without the lock sees exactly how many wait.
    fn change(&self, change: impl FnOnce(&mut VecDeque<Arc<Ticket<T>>>)) {
        let mut tickets = lock(&self.tickets);
        change(&mut tickets);
        self.waiting.store(tickets.len(), Ordering::SeqCst);
    }

    /// Wait until something is given, or `until` has come. `look` is called once after registering:
    /// what it finds ends the wait, and what was given meanwhile is `returned`.
    pub fn wait(
        &self,
        until: Option<Moment>,
        look: impl FnOnce() -> Option<Gift<T>>,
        returned: impl FnOnce(Gift<T>),
    ) -> Option<Gift<T>> {
        let ticket = Arc::new(Ticket {
            gift: Mutex::new(None),
            come: Condvar::new(),
        });
        self.change(|tickets| tickets.push_back(ticket.clone()));
        let found = look();
        if found.is_none() {
            if let Some(given) = Self::sleep(&ticket, until) {
                return Some(given);
            }
        }
        self.change(|tickets| tickets.retain(|other| !Arc::ptr_eq(other, &ticket)));
        // Given between the end of the wait and the removal of the ticket.
        let late = lock(&ticket.gift).take();
        match (found, late) {
            (Some(found), late) => {
                if let Some(late) = late {
                    returned(late);
                }
                Some(found)
            }
            (None, late) => late,
        }
    }

    fn sleep(ticket: &Ticket<T>, until: Option<Moment>) -> Option<Gift<T>> {
        let mut gift = lock(&ticket.gift);
        loop {
            if let Some(gift) = gift.take() {
                return Some(gift);
            }
            gift = match until {
                None => ticket
                    .come
                    .wait(gift)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.since(deadline::now());
                    if left.is_zero() {
                        return None;
                    }
                    ticket
                        .come
                        .wait_timeout(gift, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }
}
