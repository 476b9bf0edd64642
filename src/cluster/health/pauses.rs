//! Rules of one pause: a server that failed is left alone for a while, and then every call tries it.

use std::time::Duration;

use crate::deadline::Moment;

/// `reconnect=time`, python-memcached2's `ReconnectorTime`: the pause begins with the first failure since
/// the last reply. Failures behind its end do not begin another.
pub struct Time {
    pause: Duration,
    first: Option<Moment>,
}

impl Time {
    pub fn new(pause: Duration) -> Time {
        Time { pause, first: None }
    }

    pub fn failed(&mut self, now: Moment) {
        self.first.get_or_insert(now);
    }

    pub fn answered(&mut self) {
        self.first = None;
    }

    pub fn closed_until(&self) -> Option<Moment> {
        Some(self.first?.after(self.pause))
    }
}

/// `reconnect=python-memcached`, with its `dead_retry`: each failure begins a pause.
pub struct DeadRetry {
    pause: Duration,
    until: Option<Moment>,
}

impl DeadRetry {
    pub fn new(pause: Duration) -> DeadRetry {
        DeadRetry { pause, until: None }
    }

    pub fn failed(&mut self, now: Moment) {
        self.until = Some(now.after(self.pause));
    }

    pub fn answered(&mut self) {
        self.until = None;
    }

    pub fn closed_until(&self) -> Option<Moment> {
        self.until
    }
}
