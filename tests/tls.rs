//! TLS: who is refused and why, what may take how long, what goes over it. The servers are memcached's
//! own (-Z), and one of the tests for what that does not do.

mod support;

#[allow(dead_code)] // the tests of names take the rest
#[path = "names/caller.rs"]
mod caller;
#[allow(dead_code)]
#[path = "names/lookups.rs"]
mod lookups;

#[path = "tls/aside.rs"]
mod aside;
#[path = "tls/certificates.rs"]
mod certificates;
#[path = "tls/files.rs"]
mod files;
#[path = "tls/peer.rs"]
mod peer;
#[path = "tls/refusals.rs"]
mod refusals;
#[path = "tls/servers.rs"]
mod servers;
#[path = "tls/sessions.rs"]
mod sessions;
#[path = "tls/time.rs"]
mod time;
#[path = "tls/traffic.rs"]
mod traffic;
#[path = "tls/unverified.rs"]
mod unverified;
