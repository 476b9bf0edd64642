//! The embedded store: what a memcached server does with items, as functions of their arguments.
//!
//! Expiry, CAS, limits and counters follow memcached 1.6; protocols, sockets and the clock are
//! elsewhere. `now` is in seconds since 1970 everywhere.

#![forbid(unsafe_code)]

mod counters;
mod draft;
mod expiry;
mod invalidate;
mod item;
mod look;
mod lru;
mod numeric;
mod report;
mod shard;
mod store;
mod walk;
mod writing;

pub use counters::{Counters, ShardReport};
pub use draft::Draft;
pub use expiry::Expiry;
pub use invalidate::Invalid;
pub use item::{ITEM_MAX, item_size};
pub use look::{Found, Look};
pub use numeric::{Count, Uncounted};
pub use report::SIZE_STEP;
pub use shard::Hit;
pub use store::{Deleted, Extend, Mode, Refused, Store, Stored};
pub use walk::{Seen, Walk};
