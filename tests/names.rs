//! Names and addresses: look-ups that are slow, stuck or bad, names that move, addresses where
//! nobody answers. The resolver is the library's own, with a look-up of the tests behind it.

mod support;

#[path = "names/addresses.rs"]
mod addresses;
#[path = "names/caller.rs"]
mod caller;
#[path = "names/forked.rs"]
mod forked;
#[path = "names/lookups.rs"]
mod lookups;
#[path = "names/moving.rs"]
mod moving;
#[path = "names/peers.rs"]
mod peers;
#[path = "names/queues.rs"]
mod queues;
#[path = "names/race.rs"]
mod race;
#[path = "names/raw.rs"]
mod raw;
#[path = "names/stuck.rs"]
mod stuck;
#[path = "names/system.rs"]
mod system;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by tests that measure time, one after the other.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
