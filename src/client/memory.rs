//! Servers in memory, past the protocol: what a test does with its store.

use super::Client;
use crate::connection::embedded::MemoryStore;
use crate::error::{Failure, Result, Status};

impl Client {
    /// Move the time of the client's servers in memory, all of those that have a clock of their own.
    pub fn memory_advance(&self, seconds: u32) -> Result<()> {
        self.stores(
            |store| store.advance(seconds),
            "the client has no server memory://…?clock=manual",
        )
    }

    /// Drop every item of the client's servers in memory, at once.
    pub fn memory_clear(&self) -> Result<()> {
        let clear = |store: &MemoryStore| {
            store.clear();
            true
        };
        self.stores(clear, "the client has no server in memory")
    }

    /// Do something with every store; a failure where that was possible with none.
    fn stores(&self, act: impl Fn(&MemoryStore) -> bool, none: &str) -> Result<()> {
        let topology = self.core.state().topology();
        let stores = topology.servers().iter().filter_map(|s| s.store.as_deref());
        match stores.filter(|store| act(store)).count() {
            0 => Err(Failure::new(Status::UNSUPPORTED, none)),
            _ => Ok(()),
        }
    }
}
