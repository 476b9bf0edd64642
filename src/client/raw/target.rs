//! Where a raw connection leads, and what it is made with: a client's core with one server and no
//! connections of its own.

use std::sync::Arc;

use crate::client::server::Server;
use crate::client::state::Core;
use crate::cluster::placer::Custom;
use crate::config::{Config, ServerSpec};
use crate::error::{Failure, Result};
use crate::options::Options;
use crate::transport::Stream;
use crate::transport::resolve::Resolver;
use crate::uri::ServerUri;

pub struct Target {
    pub(super) core: Core,
    pub(super) server: Arc<Server>,
    pub(super) options: Options,
    uri: String,
}

impl Target {
    pub fn new(uri: &str, resolver: Option<Arc<Resolver>>) -> Result<Target> {
        let mut config = Config::default();
        config.add_server(uri, 0)?;
        if config.servers.iter().any(ServerSpec::is_endpoint) {
            let text =
                "a connection leads to one server; a configuration endpoint is one as memcached://";
            return Err(Failure::argument(text));
        }
        // There is no pool: this only says how many sockets a forked child has to know of.
        config.options.max_connections = 1;
        let core = Core::new(&config, None, Custom::default(), None, resolver)?;
        let server = core.state().topology().server(0).cloned();
        let server = server.ok_or_else(|| Failure::argument("uri names no server"))?;
        Ok(Target {
            uri: shown(uri, &server.spec.uri),
            options: config.options,
            server,
            core,
        })
    }

    /// The URI as it was given.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub fn parsed(&self) -> &ServerUri {
        &self.server.spec.uri
    }

    /// The most bytes that are read at once, and that are received ahead.
    pub fn max_value(&self) -> usize {
        usize::try_from(self.options.max_value_size).unwrap_or(usize::MAX)
    }

    /// A connection to a server in memory.
    pub fn pipe(&self) -> Option<Stream> {
        self.server.pipe()
    }

    /// In a forked child: close what the parent's sockets are here, without a word to the server.
    pub fn close_inherited(&self) {
        self.server.pool.close_inherited();
    }
}

/// The text of a URI, without credentials: what is left of one that has some is its place.
fn shown(text: &str, uri: &ServerUri) -> String {
    match uri.has_credentials() {
        true => uri.name(),
        false => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uri_is_told_as_it_was_given_but_never_its_credentials() {
        for (text, expected) in [
            (
                "memcached://cache/?timeout=1s",
                "memcached://cache/?timeout=1s",
            ),
            ("CACHE", "CACHE"),
            ("memcached://ann:secret@cache:1/?timeout=1s", "cache:1"),
            ("memcached://ann@[::1]", "[::1]:11211"),
        ] {
            let uri = ServerUri::parse(text).expect("a URI");
            assert_eq!(shown(text, &uri), expected);
        }
    }
}
