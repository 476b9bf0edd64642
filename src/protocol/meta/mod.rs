//! The meta protocol: lines of text whose flags say what is asked, and what is told of it.
//!
//! protocol.txt, "Meta Commands". What stands here is what memcached 1.6.10 and later say; 1.6.18 is
//! what it was tried on.

pub mod base64;
pub mod client;
pub mod server;
