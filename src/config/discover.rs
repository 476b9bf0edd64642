//! `discover://`: what a configuration endpoint may be told, and the servers of its list.

use std::sync::Arc;

use super::ServerSpec;
use crate::error::{Failure, Result};
use crate::options::Prefer;
use crate::uri::{Address, Scheme, ServerUri};

impl ServerSpec {
    /// It is no server, but asked for the list of servers.
    pub fn is_endpoint(&self) -> bool {
        self.uri.scheme.is_endpoint()
    }

    /// A server of this endpoint's list: `host` is its name, `ip` its address in the private network,
    /// and one of them may be empty. It is what its host name says to whoever places keys, checks
    /// certificates or reads messages, because that stays when the server is replaced; TLS and
    /// credentials are those of the endpoint. Fails where one of them is neither a name nor an address.
    pub fn found(&self, host: &str, ip: &str, port: u16, prefer: Prefer) -> Result<ServerSpec> {
        let known_as = match host {
            "" => ip,
            host => host,
        };
        let address = place(known_as, port)?;
        let at = match ip {
            "" => None,
            ip => Some(literal(ip, port)?),
        };
        let uri = ServerUri {
            scheme: match self.uri.scheme.is_secure() {
                true => Scheme::Memcacheds,
                false => Scheme::Memcached,
            },
            address,
            user: self.uri.user.clone(),
            password: self.uri.password.clone(),
            params: Vec::new(),
        };
        let said = self.uri.param("tls_server_name").unwrap_or_default();
        let tls_name = uri.scheme.is_secure().then(|| match said {
            "" => Arc::from(known_as.strip_suffix('.').unwrap_or(known_as)),
            said => Arc::from(said),
        });
        Ok(ServerSpec {
            name: uri.name().into(),
            weight: 1,
            gutter: false,
            store: Default::default(),
            tls_name,
            at: at.filter(|at| prefer == Prefer::Ip && *at != uri.address),
            credentials: self.credentials.clone(),
            uri,
        })
    }
}

/// A host and its port, in the form in which all addresses of the library are.
fn place(host: &str, port: u16) -> Result<Address> {
    let text = match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    Ok(ServerUri::parse(&text)?.address)
}

/// A literal address and its port.
fn literal(ip: &str, port: u16) -> Result<Address> {
    if ip.parse::<std::net::IpAddr>().is_err() {
        return Err(Failure::argument("the private address is none"));
    }
    place(ip, port)
}

/// An endpoint stands in a list alone: its servers are the client's.
pub fn refuse_company<'s>(servers: impl IntoIterator<Item = &'s ServerSpec>) -> Result<()> {
    let (mut count, mut endpoint) = (0, None);
    for server in servers {
        count += 1;
        if server.is_endpoint() {
            endpoint = Some(server);
        }
    }
    match endpoint {
        Some(endpoint) if count > 1 => Err(Failure::argument(format!(
            "{} is asked for the list of servers, and stands in no list with others",
            endpoint.name
        ))),
        _ => Ok(()),
    }
}

/// Of each single server, there is nothing that an endpoint could be told.
pub(super) fn refuse_own(uri: &ServerUri) -> Result<()> {
    let mut own = ["weight", "alias"].into_iter();
    match own.find(|option| uri.param(option).is_some()) {
        Some(option) if uri.scheme.is_endpoint() => Err(Failure::argument(format!(
            "{}: the option {option} belongs to one server, not to a list that is asked for",
            uri.name()
        ))),
        _ => Ok(()),
    }
}

/// As [`refuse_own`], of a weight that a call gives; 0 gives none, and 1 is what every server has.
pub(super) fn refuse_weight(server: &ServerSpec, weight: u32) -> Result<()> {
    match weight > 1 && server.is_endpoint() {
        true => Err(Failure::argument(format!(
            "{}: a list that is asked for has no weight",
            server.name
        ))),
        false => Ok(()),
    }
}
