//! Authentication: what is sent to whom and when, and what becomes of refusals. The servers are memcached's
//! own (-Y, -S), and one of the tests for what other versions do.

mod support;

#[allow(dead_code)] // the tests of names take the rest
#[path = "names/caller.rs"]
mod caller;
#[cfg(feature = "tls")]
#[allow(dead_code)]
#[path = "tls/certificates.rs"]
mod certificates;

#[path = "auth/asking.rs"]
mod asking;
#[path = "auth/passwords.rs"]
mod passwords;
#[path = "auth/peer.rs"]
mod peer;
#[path = "auth/refusals.rs"]
mod refusals;
#[path = "auth/sasl.rs"]
mod sasl;
#[path = "auth/secrets.rs"]
mod secrets;
#[path = "auth/servers.rs"]
mod servers;
#[path = "auth/time.rs"]
mod time;
#[path = "auth/traffic.rs"]
mod traffic;
