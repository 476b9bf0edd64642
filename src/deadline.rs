//! One absolute deadline for a call, and the clock behind it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A moment on the monotonic clock, in nanoseconds. (`std::time::Instant` costs sixty instructions
/// more for each difference; the clock is read once in every call.)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(u64);

impl Moment {
    /// So many nanoseconds after the clock's beginning, whatever that is.
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Moment {
        Moment(nanos)
    }

    /// Of [`Moment::from_nanos`].
    #[inline]
    pub const fn nanos(self) -> u64 {
        self.0
    }
    /// Before all that are read from the clock.
    pub const PAST: Moment = Moment(0);

    /// Zero where `earlier` is later.
    #[inline]
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Whether `limit` has passed since `earlier`, without the division that a `Duration` takes.
    #[inline(always)]
    pub fn is_within(self, limit: Nanos, earlier: Moment) -> bool {
        self.0.saturating_sub(earlier.0) <= limit.0
    }

    /// Five centuries from now at the latest.
    #[inline]
    #[must_use]
    pub fn after(self, duration: Duration) -> Moment {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Moment(self.0.saturating_add(nanos))
    }
}

/// A duration, for [`Moment::is_within`].
#[derive(Clone, Copy, Debug)]
pub struct Nanos(u64);

impl From<Duration> for Nanos {
    fn from(duration: Duration) -> Nanos {
        Nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// A moment that threads share and move; at first it has come already.
#[derive(Default, Debug)]
pub struct SharedMoment(AtomicU64);

impl SharedMoment {
    #[inline(always)]
    pub fn has_come(&self, now: Moment) -> bool {
        now.0 >= self.0.load(Ordering::Relaxed)
    }

    /// `None`: never.
    pub fn set(&self, moment: Option<Moment>) {
        let at = moment.map_or(u64::MAX, |moment| moment.0);
        self.0.store(at, Ordering::Release);
    }

    pub fn get(&self) -> Option<Moment> {
        let at = self.0.load(Ordering::Acquire);
        (at != u64::MAX).then_some(Moment(at))
    }
}

/// The monotonic clock.
#[inline]
pub fn now() -> Moment {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to `time`, and cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    Moment((time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64)
}

/// The moment a call began and how long it may take. The end is computed only when something has
/// to wait, so that a call that never waits pays for one reading of the clock.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    begin: Moment,
    limit: Option<Duration>,
}

impl Deadline {
    /// Begin now; `None` never ends.
    #[inline]
    pub fn after(limit: Option<Duration>) -> Deadline {
        Deadline {
            begin: now(),
            limit,
        }
    }

    #[inline]
    pub fn begin(&self) -> Moment {
        self.begin
    }

    /// How long it lets something take at most that has taken so long.
    pub fn most(&self, took: Duration) -> Duration {
        self.limit.map_or(took, |limit| limit.min(took))
    }

    /// The moment it ends; `None` when it never does.
    pub fn end(&self) -> Option<Moment> {
        Some(self.begin.after(self.limit?))
    }

    pub fn passed(&self, now: Moment) -> bool {
        self.end().is_some_and(|end| end <= now)
    }
}

/// The earlier of two ends, where `None` is never.
pub fn earlier(a: Option<Moment>, b: Option<Moment>) -> Option<Moment> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Whole seconds on the monotonic clock, from a reading that is some milliseconds old and costs next
/// to nothing.
#[inline]
pub fn seconds() -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to `time`, and cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time) };
    time.tv_sec
}

/// Seconds since 1970 on the wall clock, for expiry times beyond thirty days.
pub fn unix_now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}
