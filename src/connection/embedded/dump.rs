//! `lru_crawler metadump`: every key, some at a time.

use super::{Embedded, State};
use crate::buffer::NoMemory;
use crate::engine::Walk;
use crate::protocol::ascii::server::{self, Dumped};

/// A dump on its way.
pub(super) struct Dump {
    walk: Walk,
    /// The bits of the shards that are told, whose numbers stand for classes.
    classes: u64,
}

impl Dump {
    pub fn of(classes: u64) -> Dump {
        Dump {
            walk: Walk::default(),
            classes,
        }
    }
}

impl Embedded {
    /// Append some more of the dump; `false`: there is none, or that was its end.
    pub(super) fn dump(&mut self, out: &mut Vec<u8>) -> Result<bool, NoMemory> {
        let State::Dump(Dump { walk, classes }) = &mut self.state else {
            return Ok(false);
        };
        let wanted = |shard: usize| shard < 64 && *classes & 1 << shard != 0;
        let now = self.shared.clock.now();
        let more = self.shared.store.walk(walk, now, wanted, |item| {
            let dumped = Dumped {
                key: item.key,
                expiry: item.expiry.moment(),
                accessed: item.accessed,
                cas: item.cas,
                fetched: item.fetched,
                class: item.shard,
                size: item.size,
            };
            server::dumped(&dumped, out)
        })?;
        if !more {
            self.state = State::Line;
            server::text(b"END\r\n", out)?;
        }
        Ok(more)
    }
}
