//! Which server: hashes, placements, the snapshot of the servers. Pure.

pub mod hasher;
mod joined;
pub mod node;
pub mod placer;
pub mod selector;
pub mod topology;
