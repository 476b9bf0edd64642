//! Five real servers that are killed, halted, restarted, removed and replaced: no wrong answer, no false miss,
//! few calls that fail late, service again soon; and next to nothing is done while all of them are dead.

#[path = "failing_servers/all_dead.rs"]
mod all_dead;
#[path = "failing_servers/black_hole.rs"]
mod black_hole;
#[path = "failing_servers/board.rs"]
mod board;
#[path = "failing_servers/figures.rs"]
mod figures;
#[path = "failing_servers/fleet.rs"]
mod fleet;
#[path = "failing_servers/load.rs"]
mod load;
#[path = "failing_servers/one_caller.rs"]
mod one_caller;
#[path = "failing_servers/returns.rs"]
mod returns;
mod support;
#[path = "failing_servers/troubles.rs"]
mod troubles;
#[path = "failing_servers/usage.rs"]
mod usage;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest pause between two tries of a server that is down, without the time that a try takes: what
/// is promised for its return.
const RETURN: Duration = Duration::from_millis(250);
/// The shortest of these pauses.
const PAUSE: Duration = Duration::from_millis(205);
/// So many failures in a row, and a server is left alone.
const FAILURES: usize = 3;

/// One test after the other: they count processor time and measure.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
