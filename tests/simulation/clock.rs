//! The time of a thread's world. It stands still unless the world moves it.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    /// Nanoseconds since the world began; `None` where there is none, and the system's clocks count.
    static NOW: Cell<Option<u64>> = const { Cell::new(None) };
}

/// What the monotonic clock shows when a world begins, in seconds.
const MONOTONIC: u64 = 5_000;
/// What the wall clock shows then: in 2025.
const WALL: u64 = 1_750_000_000;

pub fn set(now: Option<u64>) {
    NOW.set(now);
}

/// What a clock of the system's shows in this thread's world.
pub fn reading(clock: libc::clockid_t) -> Option<Duration> {
    let now = NOW.try_with(Cell::get).ok()??;
    let begun = match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => WALL,
        _ => MONOTONIC,
    };
    Some(Duration::from_secs(begun) + Duration::from_nanos(now))
}

pub const US: u64 = 1_000;
pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000_000_000;
