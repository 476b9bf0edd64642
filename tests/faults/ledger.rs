//! Everything that happened, in order, with its time.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::frame::Request;
use super::rule::End;

#[derive(Clone, Debug)]
pub enum What {
    Accepted,
    /// A request was read whole; the number is the `cause` of what it does to the store.
    Request(u64, Box<Request>),
    /// These bytes left, of so many that should have.
    Sent(Vec<u8>, usize),
    /// The rule did what it is for.
    Fired,
    /// A rule's steps are taken.
    Settled,
    /// The server ended the connection.
    Ended(End),
    /// The server is down, then up again.
    Down,
    Up,
    /// The connection's thread is gone, and the connection with it.
    Gone,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub at: Instant,
    /// Counted from 1 in the order of acceptance; 0: no connection.
    pub connection: u32,
    pub what: What,
}

#[derive(Default)]
pub struct Ledger {
    events: Mutex<Vec<Event>>,
    changed: Condvar,
}

/// Of a long run of bytes so many are kept.
const KEPT: usize = 16_384;

impl Ledger {
    pub fn add(&self, connection: u32, what: What) {
        self.lock().push(Event {
            at: Instant::now(),
            connection,
            what,
        });
        self.changed.notify_all();
    }

    pub fn sent(&self, connection: u32, bytes: &[u8], wanted: usize) {
        let kept = bytes[..bytes.len().min(KEPT)].to_vec();
        self.add(connection, What::Sent(kept, wanted));
    }

    pub fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    pub fn count(&self, of: impl Fn(&What) -> bool) -> usize {
        self.lock().iter().filter(|event| of(&event.what)).count()
    }

    /// Waits until `done` holds of the events; false when it never did within `patience`.
    pub fn wait(&self, patience: Duration, done: impl Fn(&[Event]) -> bool) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), patience, |events| !done(events));
        !waited
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .1
            .timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Event {
    /// One line of a report.
    pub fn describe(&self, since: Instant) -> String {
        let at = self.at.saturating_duration_since(since).as_micros() as f64 / 1000.0;
        let what = match &self.what {
            What::Request(number, request) => {
                format!(
                    "request {number} {:?}",
                    String::from_utf8_lossy(&request.line)
                )
            }
            What::Sent(bytes, wanted) => {
                let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).into_owned();
                format!("sent {} of {wanted} {shown:?}", bytes.len())
            }
            other => format!("{other:?}"),
        };
        format!("{at:9.3} ms  connection {}  {what}", self.connection)
    }
}
