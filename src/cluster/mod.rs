//! Which server: hashes, placements, the snapshot of the servers. Pure.

pub mod hasher;
pub mod selector;
pub mod topology;
