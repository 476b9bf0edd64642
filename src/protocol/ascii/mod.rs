//! The classic text protocol (memcached's doc/protocol.txt).

pub mod auth;
pub mod client;
pub mod server;
