//! Five slots for servers, each with a name that stays whichever server stands in it.

use std::sync::Arc;

use crate::support::client::Client;
use crate::support::memcached::Memcached;
use crate::support::observed::{self, Events};

pub const SLOTS: usize = 5;

pub struct Fleet {
    pub slots: [Memcached; SLOTS],
}

pub fn name(slot: usize) -> String {
    format!("slot-{slot}")
}

impl Fleet {
    pub fn new() -> Fleet {
        Fleet {
            slots: [(); SLOTS].map(|()| server()),
        }
    }

    pub fn client(&self, options: &[(&str, &str)]) -> (Client, Arc<Events>) {
        let all = [("placement", "ketama")].iter().chain(options);
        let servers: Vec<_> = (0..SLOTS).map(|slot| self.uri(slot)).collect();
        observed::client(&servers, &all.copied().collect::<Vec<_>>())
    }

    fn uri(&self, slot: usize) -> String {
        format!("{}?alias={}", self.slots[slot].uri(), name(slot))
    }

    /// As mc_set_servers takes it, without one of them.
    pub fn list_without(&self, slot: Option<usize>) -> String {
        let slots = (0..SLOTS).filter(|other| Some(*other) != slot);
        slots
            .map(|slot| self.uri(slot))
            .collect::<Vec<_>>()
            .join(",")
    }

    /// How many connections others have to the server.
    pub fn connections(&self, slot: usize) -> u64 {
        self.slots[slot].raw().stat("curr_connections") - 1
    }
}

pub fn server() -> Memcached {
    Memcached::tcp_to_restart(&[])
}

/// So many keys that belong to the slot.
pub fn keys_of(client: &Client, slot: usize, count: usize) -> Vec<String> {
    let keys = (0..).map(|n| format!("of:{slot}:{n}"));
    let its = keys.filter(|key| client.server_for(key) == name(slot));
    its.take(count).collect()
}
