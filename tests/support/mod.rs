//! What the tests share: running programs within a time limit, compiling C against the library as
//! it was just built, and real memcached servers.
#![allow(dead_code)] // every test target takes what it needs

pub mod abi;
pub mod cc;
pub mod client;
pub mod commands;
pub mod conn;
pub mod consumer;
pub mod dump;
pub mod execute;
pub mod forked;
pub mod frames;
pub mod header;
pub mod install;
pub mod lines;
pub mod loops;
pub mod memcached;
pub mod named;
pub mod nutcracker;
pub mod observed;
pub mod raw;
pub mod run;
pub mod scripted;
pub mod servers;
pub mod soak;
