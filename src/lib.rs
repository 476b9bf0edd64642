//! A memcached client for everything that speaks C.

pub mod error;
pub mod ffi;
pub mod status;
