//! One absolute deadline for a call, and the clock behind it.

use std::time::{Duration, Instant};

/// The moment a call began and how long it may take. The end is computed only when something has
/// to wait, so that a call that never waits pays for one reading of the clock.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    begin: Instant,
    limit: Option<Duration>,
}

impl Deadline {
    /// Begin now; `None` never ends.
    pub fn after(limit: Option<Duration>) -> Deadline {
        Deadline {
            begin: Instant::now(),
            limit,
        }
    }

    pub fn begin(&self) -> Instant {
        self.begin
    }

    pub fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// The moment it ends; `None` when it never does (or lies beyond what the clock can say).
    pub fn end(&self) -> Option<Instant> {
        self.begin.checked_add(self.limit?)
    }

    /// How much is left at `now`: `None` without an end, zero when it has passed.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let limit = self.limit?;
        Some(limit.saturating_sub(now.saturating_duration_since(self.begin)))
    }

    pub fn passed(&self, now: Instant) -> bool {
        self.left(now) == Some(Duration::ZERO)
    }

    /// The same beginning, ending after `limit` where that is earlier.
    #[must_use]
    pub fn no_longer_than(&self, limit: Option<Duration>) -> Deadline {
        let limit = match (self.limit, limit) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Deadline {
            begin: self.begin,
            limit,
        }
    }
}

/// The earlier of two ends, where `None` is never.
pub fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The monotonic clock. Every reading outside [`Deadline::after`] goes through here.
pub fn now() -> Instant {
    Instant::now()
}

/// Seconds since 1970 on the wall clock, for expiry times beyond thirty days.
pub fn unix_now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}
