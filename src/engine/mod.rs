//! The embedded store: what a memcached server does with items, as functions of their arguments.
//!
//! Expiry, CAS, limits and counters follow memcached 1.6; protocols, sockets and the clock are
//! elsewhere. `now` is in seconds since 1970 everywhere.

#![forbid(unsafe_code)]

mod counters;
mod draft;
mod expiry;
mod item;
mod lru;
mod numeric;
mod shard;
mod store;

pub use counters::{Counters, ShardReport};
pub use draft::Draft;
pub use expiry::Expiry;
pub use item::{ITEM_MAX, item_size};
pub use numeric::Arithmetic;
pub use shard::Hit;
pub use store::{Mode, Refused, SIZE_STEP, Store, Stored};
