//! Addresses of servers, in every spelling that configurations hold.
//!
//! Parsing is total: any text gives either a [`ServerUri`] or a failure that says what is wrong
//! and at which byte. A failure never quotes the text it is about, because a misplaced `,`, `/` or
//! `?` can put a piece of a password where a host, a port or a parameter was expected.

use std::fmt;

use crate::error::Result;

mod encoding;
mod host;
mod list;
mod parse;
mod query;
mod secret;

pub use list::parse_list;
pub use query::parse_params;
pub use secret::{Overwritten, Secret};

/// The port of a server whose URI names none.
pub const DEFAULT_PORT: u16 = 11211;

/// What `sockaddr_un` holds on Linux, less its NUL.
pub const UNIX_PATH_MAX: usize = 107;

/// How a server is talked to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// `memcached://host:port/`, `memcache://…`, or a bare address: TCP.
    Memcached,
    /// `memcacheds://host:port/`: TLS over TCP.
    Memcacheds,
    /// `memcached+unix:///path`, `unix:/path`, `/path`: a Unix socket.
    Unix,
    /// `memory://name` or `memory://`: a store inside this process.
    Memory,
    /// `discover://host:port/`: a server that is asked for the list of servers.
    Discover,
    /// `discovers://host:port/`: the same, where it and the servers of its list speak TLS.
    Discovers,
}

impl Scheme {
    /// It is asked for the list of servers, and is none itself.
    pub const fn is_endpoint(self) -> bool {
        matches!(self, Scheme::Discover | Scheme::Discovers)
    }

    pub const fn is_secure(self) -> bool {
        matches!(self, Scheme::Memcacheds | Scheme::Discovers)
    }

    /// The scheme as a URI spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Scheme::Memcached => "memcached",
            Scheme::Memcacheds => "memcacheds",
            Scheme::Unix => "memcached+unix",
            Scheme::Memory => "memory",
            Scheme::Discover => "discover",
            Scheme::Discovers => "discovers",
        }
    }

    /// Every spelling that is known; case does not matter.
    fn parse(text: &str) -> Option<Scheme> {
        const SPELLINGS: [(&str, Scheme); 8] = [
            ("memcached", Scheme::Memcached),
            ("memcache", Scheme::Memcached),
            ("memcacheds", Scheme::Memcacheds),
            ("memcached+unix", Scheme::Unix),
            ("unix", Scheme::Unix),
            ("memory", Scheme::Memory),
            ("discover", Scheme::Discover),
            ("discovers", Scheme::Discovers),
        ];
        let found = SPELLINGS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|&(_, scheme)| scheme)
    }
}

/// Where a server is. `Display` gives the canonical name, which parses to the same address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// `host` is a name as it was written, or a literal address: IPv6 without brackets and in its
    /// shortest form. `port` is never 0.
    Tcp { host: String, port: u16 },
    /// An absolute path of 2 to [`UNIX_PATH_MAX`] bytes without control characters.
    Unix { path: String },
    /// The name of a store that is shared within the process; empty: one of the client's own.
    Memory { name: String },
}

impl Address {
    /// Whether both lead to the same place; the case of a host name does not matter.
    pub fn same_place(&self, other: &Address) -> bool {
        match (self, other) {
            (Address::Tcp { host: a, port: p }, Address::Tcp { host: b, port: q }) => {
                p == q && a.eq_ignore_ascii_case(b)
            }
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix { path } => encoding::write_path(f, path),
            Address::Memory { name } => write!(f, "memory://{name}"),
        }
    }
}

/// One server as its URI describes it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUri {
    pub scheme: Scheme,
    pub address: Address,
    /// Present: not empty.
    pub user: Option<String>,
    /// Present only with a user; any bytes but NUL.
    pub password: Option<Secret>,
    /// The query, decoded, in the order of the text; no name occurs twice.
    pub params: Vec<(String, String)>,
}

impl ServerUri {
    /// Parses one URI: no white space around it, no list.
    pub fn parse(text: &str) -> Result<ServerUri> {
        parse::single(text)
    }

    /// The canonical name: `host:port`, `[v6]:port`, `/path` or `memory://name`, and with TLS
    /// `memcacheds://host:port`, so that nobody who reads the list of servers and sets it again turns TLS
    /// off; of what is asked for servers `discover://host:port`. It holds neither credentials nor
    /// parameters, and parses to the same address. In a path, the bytes that would not survive parsing
    /// stand percent-encoded.
    pub fn name(&self) -> String {
        match self.scheme {
            Scheme::Memcacheds | Scheme::Discover | Scheme::Discovers => {
                format!("{}://{}", self.scheme.name(), self.address)
            }
            _ => self.address.to_string(),
        }
    }

    pub fn has_credentials(&self) -> bool {
        self.user.is_some() || self.password.is_some()
    }

    /// The value of the query parameter `name`.
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Shows that there are credentials, never what they are, and of the parameters their names.
impl fmt::Debug for ServerUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.params.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ServerUri")
            .field("scheme", &self.scheme)
            .field("address", &self.address)
            .field("user", &self.user.as_ref().map(|_| format_args!("***")))
            .field("password", &self.password)
            .field("params", &names)
            .finish()
    }
}
