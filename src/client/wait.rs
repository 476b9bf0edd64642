//! The one place that sleeps.

use std::io;
use std::time::Duration;

use crate::deadline::{self, Moment};
use crate::transport::{Readiness, poll};

/// Wait until one is ready (`true`) or `until` has come (`false`; `None` never comes). Signals do not
/// end it, and do not make it longer.
pub fn wait(waiting: &mut [Readiness], until: Option<Moment>) -> io::Result<bool> {
    let known = waiting.iter().any(Readiness::is_known_ready);
    loop {
        let limit = match known {
            true => Some(Duration::ZERO),
            false => until.map(|until| until.since(deadline::now())),
        };
        match poll(waiting, limit) {
            Ok(0) if known => return Ok(true),
            Ok(0) if limit.is_some_and(|limit| limit.is_zero()) => return Ok(false),
            Ok(0) => {}
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
