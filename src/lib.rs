//! A memcached client for everything that speaks C.

pub mod buffer;
pub mod client;
pub mod cluster;
pub mod config;
pub mod connection;
pub mod deadline;
pub mod error;
pub mod ffi;
pub mod fork;
pub mod names;
pub mod observe;
pub mod operation;
pub mod options;
pub mod protocol;
pub mod status;
pub mod transport;
pub mod uri;
