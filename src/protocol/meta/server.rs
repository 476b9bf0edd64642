//! The server's side: lines into what they ask, outcomes into replies.
//!
//! What is taken, refused and with which words is what memcached 1.6.18 does: the transcripts of
//! `tests/embedded_wire/meta.txt` were recorded from it. Flags that later versions brought mean what they
//! mean there, by its protocol's text and source: `s` of `ms` and `N` of append and prepend (1.6.20), `E` and
//! `x` (1.6.27), `C` of `mg` (1.6.40).

mod flags;
mod key;
mod order;
mod reply;

pub use flags::{Flags, OPAQUE_MAX};
pub use key::Named;
pub use order::{Mode, Order, Storage, order};
pub use reply::{Reply, Stash};
