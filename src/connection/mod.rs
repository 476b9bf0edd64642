//! One connection: a session is a connection without its socket, a link is a session on a stream.

pub mod arrival;
pub mod auth;
mod binary_replies;
mod drain;
pub mod embedded;
pub mod inbox;
pub mod link;
mod lone;
mod meta_lone;
mod meta_replies;
mod opening;
pub mod outbox;
pub mod owed;
mod queueing;
mod replies;
pub mod session;
mod silence;
pub mod tagged;
pub mod trouble;
mod values;
