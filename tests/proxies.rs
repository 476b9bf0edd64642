//! `profile=classic`: real proxies between the client and its servers, and what is not sent to them.

#[path = "proxies/dead_servers.rs"]
mod dead_servers;
#[path = "proxies/mcrouter.rs"]
mod mcrouter;
#[path = "proxies/refusals.rs"]
mod refusals;
mod support;
#[path = "proxies/twemproxy.rs"]
mod twemproxy;

const SERVER_ERROR: i32 = 0x0104;
