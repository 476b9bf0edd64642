//! No panic crosses the boundary, and every failure is recorded for the thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::last_error;
use super::status::mc_status;
use crate::error::{Failure, Status};

/// Run `body`; a failure is recorded as the thread's last error and becomes its status.
#[inline]
pub fn guard(body: impl FnOnce() -> Result<(), Box<Failure>>) -> mc_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => 0,
        Ok(Err(failure)) => failed(&failure),
        Err(panic) => caught(panic),
    }
}

/// Run `body`, which records failures itself.
#[inline(always)]
pub fn guard_status(body: impl FnOnce() -> Status) -> mc_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(status) => status.0,
        Err(panic) => caught(panic),
    }
}

/// Run `body`, which cannot fail; a panic gives `fallback`.
pub fn guard_or<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(panic) => {
            caught(panic);
            fallback
        }
    }
}

#[cold]
pub fn failed(failure: &Failure) -> mc_status {
    last_error::record(failure);
    failure.status.0
}

#[cold]
fn caught(panic: Box<dyn std::any::Any + Send>) -> mc_status {
    // Forgetting the payload would leak it; dropping it may panic again.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    let failure = Failure::new(
        Status::INTERNAL,
        "a panic was caught: a bug in libmemcached2",
    );
    failed(&failure)
}
