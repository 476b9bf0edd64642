//! Real servers that are started with flags by which they answer otherwise than usual: what the client makes
//! of it.

#[path = "real_servers/connections.rs"]
mod connections;
#[path = "real_servers/limits.rs"]
mod limits;
#[path = "real_servers/memory.rs"]
mod memory;
mod support;
#[path = "real_servers/switches.rs"]
mod switches;
