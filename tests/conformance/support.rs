//! What is needed here of that which the tests share: the library is declared elsewhere, with more of
//! its functions.
#![allow(dead_code)]

#[path = "../support/memcached.rs"]
pub mod memcached;
#[path = "../support/named.rs"]
pub mod named;
#[path = "../support/nutcracker.rs"]
pub mod nutcracker;
#[path = "../support/raw.rs"]
pub mod raw;
