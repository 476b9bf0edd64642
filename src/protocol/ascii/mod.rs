//! The classic text protocol (memcached's doc/protocol.txt).

pub mod client;
pub mod server;
