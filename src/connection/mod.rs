//! One connection: a session is a connection without its socket, a link is a session on a stream.

pub mod arrival;
mod binary_replies;
pub mod embedded;
pub mod inbox;
pub mod link;
mod meta_replies;
pub mod outbox;
pub mod owed;
mod replies;
pub mod session;
pub mod tagged;
pub mod trouble;
