//! memcached with TLS, and what calls it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use memcached2::transport::resolve::Resolver;

use crate::caller::Caller;
use crate::certificates::{Authority, Pair, server};
use crate::support::client::Client;
use crate::support::memcached::Memcached;

/// A machine with other things to do needs its time for a handshake.
pub const PATIENCE: &str = "timeout=20s&connect_timeout=20s&batch_timeout=60s";

/// A server that shows this certificate, with more of memcached's options for TLS.
pub fn memcached(shown: &Pair, options: &[&str]) -> Memcached {
    let all = [&[&*shown.flag()], options].concat().join(",");
    Memcached::tcp(&["-m", "256", "-Z", "-o", &all])
}

/// An authority, and a server of 127.0.0.1 with its certificate.
pub fn usual(options: &[&str]) -> (Authority, Memcached) {
    let authority = Authority::new();
    let shown = authority.issue("server", &server(&["127.0.0.1", "localhost"]));
    let server = memcached(&shown, options);
    (authority, server)
}

/// Its address, as the library takes it for TLS.
pub fn uri(server: &Memcached, options: &str) -> String {
    server.uri().replace("memcached://", "memcacheds://") + "?" + options
}

pub fn trusting(ca: &Path) -> String {
    format!("{PATIENCE}&tls_ca={}", ca.display())
}

pub fn shows(pair: &Pair) -> String {
    format!(
        "tls_cert={}&tls_key={}",
        pair.certificate.display(),
        pair.key.display()
    )
}

/// A client by the C ABI.
pub fn client(server: &Memcached, options: &str) -> Client {
    Client::new(&uri(server, options))
}

/// A client whose failures tell all they know.
pub fn caller(server: &Memcached, options: &str) -> Caller {
    calling(&uri(server, options))
}

pub fn calling(servers: &str) -> Caller {
    static NONE: OnceLock<Arc<Resolver>> = OnceLock::new();
    let none = || Arc::new(Resolver::new(|_| Err(std::io::Error::other("no names"))));
    Caller::new(servers, NONE.get_or_init(none))
}
