//! What the drivers share: the servers with their connections, how a connection is made, what a call is
//! carried out with, and where its answers go. Nothing here waits for a socket: the drivers do, each in
//! its own way.

mod asking;
pub mod authenticate;
pub mod call;
pub mod connect;
pub mod contest;
pub mod deliver;
pub mod discovery;
pub mod forgiving;
mod greet;
pub mod health;
pub mod lane;
pub mod place;
pub mod pool;
mod queue;
pub mod secure;
pub mod server;
pub mod sink;
pub mod slot;
pub mod snapshot;
pub mod stand_in;
pub mod state;
pub mod thread;
mod turned_away;
