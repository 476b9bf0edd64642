//! `discover://`: clients that ask a configuration endpoint for their servers. The servers are memcached's
//! own; the endpoint follows a script, or is a memcached that holds the list as the item that old ones had.

mod support;

#[allow(dead_code)] // the tests of names take the rest
#[path = "names/caller.rs"]
mod caller;
#[cfg(feature = "tls")]
#[allow(dead_code)]
#[path = "tls/certificates.rs"]
mod certificates;
#[allow(dead_code)]
#[path = "names/lookups.rs"]
mod lookups;
#[allow(dead_code)]
#[path = "names/peers.rs"]
mod peers;

#[path = "discover/asking.rs"]
mod asking;
#[path = "discover/changes.rs"]
mod changes;
#[path = "discover/endpoint.rs"]
mod endpoint;
#[path = "discover/looped.rs"]
mod looped;
#[path = "discover/names.rs"]
mod names;
#[path = "discover/processes.rs"]
mod processes;
#[path = "discover/secured.rs"]
mod secured;
#[path = "discover/trouble.rs"]
mod trouble;
