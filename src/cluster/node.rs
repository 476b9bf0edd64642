//! A server as a placement sees it: its place in the list, its weight, and the names that rings give it.

use crate::config::{Credentials, ServerSpec};
use crate::names::ServerName;
use crate::uri::{Address, DEFAULT_PORT};

pub struct Node<'a> {
    pub address: &'a Address,
    /// Stands for the address in every ring.
    pub alias: Option<&'a str>,
    /// What users call it.
    pub name: ServerName,
    pub weight: u32,
    /// No key belongs to it: it stands in for others.
    pub gutter: bool,
    /// Who the client is to it: of its URI, or once [`ServerSpec::complete`] of the client's options.
    pub login: Option<&'a Credentials>,
}

impl<'a> From<&'a ServerSpec> for Node<'a> {
    fn from(spec: &'a ServerSpec) -> Node<'a> {
        let alias = spec.uri.param("alias").filter(|alias| !alias.is_empty());
        Node {
            address: &spec.uri.address,
            alias,
            name: ServerName::new(&spec.name),
            weight: spec.weight,
            gutter: spec.gutter,
            login: spec.credentials.as_ref(),
        }
    }
}

/// What a server is called in a ring that hashes names. An alias stands for all that comes of the address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Naming {
    /// `host`, or `host:port` where the port is not 11211; of a socket `path:0`.
    ShortPort,
    /// As above; of a socket the path alone.
    ShortPortOrPath,
    /// `host:port`; of a socket the path alone.
    HostPort,
    /// `/host:port`; of a socket `/path:0`.
    Slash,
    /// `host:port_user_password`, with `None` for what there is none of.
    Login,
}

impl Naming {
    /// IPv6 addresses stand without brackets.
    pub fn name(self, node: &Node<'_>) -> String {
        let plain = match (node.alias, node.address) {
            (Some(alias), _) => alias.into(),
            (None, Address::Tcp { host, port }) => match self {
                Naming::ShortPort | Naming::ShortPortOrPath if *port == DEFAULT_PORT => {
                    host.clone()
                }
                Naming::Slash => format!("/{host}:{port}"),
                _ => format!("{host}:{port}"),
            },
            (None, Address::Unix { path }) => match self {
                Naming::ShortPort => format!("{path}:0"),
                Naming::Slash => format!("/{path}:0"),
                _ => path.clone(),
            },
            (None, memory @ Address::Memory { .. }) => memory.to_string(),
        };
        match (self, node.login) {
            (Naming::Login, Some(Credentials { user, password })) => {
                let password = String::from_utf8_lossy(password.expose());
                format!("{plain}_{user}_{password}")
            }
            (Naming::Login, None) => format!("{plain}_None_None"),
            _ => plain,
        }
    }

    /// For the documentation.
    pub fn describe(self) -> &'static str {
        match self {
            Naming::ShortPort => "`host`, with another port than 11211 `host:port`; `/path:0`",
            Naming::ShortPortOrPath => "`host`, with another port than 11211 `host:port`; `/path`",
            Naming::HostPort => "`host:port`; `/path`",
            Naming::Slash => "`/host:port`; `//path:0`",
            Naming::Login => "`host:port_user_password`, `host:port_None_None` without a login",
        }
    }
}
