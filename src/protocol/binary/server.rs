//! The server's side: frames into what they ask, outcomes into frames.
//!
//! What is taken, refused and with which words is what memcached 1.6.18 does: the transcripts of
//! `tests/embedded_wire/binary.txt` were recorded from it.

mod order;
mod reply;

pub use order::{HEAD_MAX, Order, Refusal, Storage, order};
pub use reply::Reply;
