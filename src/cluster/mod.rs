//! Which server: hashes, placements, the snapshot of the servers, and whether they can be used now. Pure.

pub mod hasher;
pub mod health;
mod joined;
pub mod node;
pub mod placer;
pub mod selector;
pub mod topology;
