//! The C ABI, one file per noun of the header, in the order of `surface.txt`. Null and range checks,
//! conversion, `catch_unwind`; no decision about memcached.

#![allow(clippy::missing_safety_doc)] // the header's text says what each function takes
#![allow(non_camel_case_types)] // the types of the header have the header's names

mod batch_commands;
mod borrow;
mod guard;
mod handle;
mod item_sink;
mod loop_answer;
mod results_sink;
mod stats_sink;

pub mod admin;
pub mod arithmetic;
pub mod batch;
pub mod client;
pub mod command;
mod command_beyond;
pub mod conn;
pub mod dump;
pub mod dump_entry;
pub mod event;
pub mod health;
pub mod invalidate;
pub mod item;
pub mod last_error;
pub mod log;
pub mod memory;
pub mod options;
pub mod placement;
pub mod read;
pub mod results;
pub mod server;
pub mod stats;
pub mod stats_list;
pub mod status;
pub mod version;
pub mod write;
