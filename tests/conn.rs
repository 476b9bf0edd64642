//! One connection by itself, through the C ABI: dialogues with real servers and with ones that follow a
//! script, over every transport.

mod support;

#[cfg(feature = "tls")]
#[allow(dead_code)] // the tests of TLS take the rest
#[path = "tls/certificates.rs"]
mod certificates;
#[path = "conn/dialogue.rs"]
mod dialogue;
#[path = "conn/peer.rs"]
mod peer;
#[path = "conn/pieces.rs"]
mod pieces;
#[path = "conn/processes.rs"]
mod processes;
#[path = "conn/trouble.rs"]
mod trouble;
#[path = "conn/uris.rs"]
mod uris;
#[path = "conn/without_waiting.rs"]
mod without_waiting;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by tests that measure time, one after the other.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
