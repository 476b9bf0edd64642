//! The time in a store.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use crate::deadline;

/// Seconds since 1970. Neither goes back, whatever happens to the wall clock.
pub(super) enum Clock {
    /// As the wall clock said when the store began, plus what has passed since: a server counts so.
    Real { ahead: i64 },
    /// Moved by hand.
    Manual(AtomicI64),
}

impl Clock {
    /// Both kinds begin at the real time.
    pub fn new(manual: bool) -> Clock {
        let now = deadline::unix_now();
        if manual {
            Clock::Manual(AtomicI64::new(now))
        } else {
            Clock::Real {
                ahead: now - deadline::seconds(),
            }
        }
    }

    #[inline(always)]
    pub fn now(&self) -> i64 {
        match self {
            Clock::Real { ahead } => deadline::seconds() + ahead,
            Clock::Manual(now) => now.load(Relaxed),
        }
    }

    /// Move a manual clock forward; `false` where this is none.
    pub fn advance(&self, seconds: u32) -> bool {
        match self {
            Clock::Real { .. } => false,
            Clock::Manual(now) => {
                now.fetch_add(i64::from(seconds), Relaxed);
                true
            }
        }
    }
}
