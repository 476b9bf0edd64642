//! The option table: every name, type, default and meaning, once.
//!
//! The macro below turns its rows into the typed structs, their defaults, the table, and the
//! functions that set and get a value as text; so these cannot disagree. URI query parameters,
//! `mc_options_set` and the documentation all use this vocabulary.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Failure, Result};
use crate::status::Status;
use crate::uri::Secret;

mod kind;
mod number;
mod profile;
mod value;
mod word;

pub use kind::{DURATION_MAX, Kind, PATH_MAX, SECRET_MARK};
pub use profile::Profile;
pub use value::{Clock, Prefer, Protocol, Stagger, TlsVersion};
use value::{Refused, Value};
pub use word::{HashName, Placement};

/// What an option belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The client as a whole; may stand on the URI of any of its servers.
    Client,
    /// One server; stands on its URI only.
    Server,
}

/// One row of the table.
pub struct OptionInfo {
    pub name: &'static str,
    pub kind: Kind,
    /// The default, in the text that setting takes and getting gives.
    pub default: &'static str,
    pub scope: Scope,
    /// For tests and measurements: works everywhere, documented nowhere.
    pub hidden: bool,
    /// Shapes the connections, which a client shares with its views: a view cannot change it.
    pub pooled: bool,
    pub doc: &'static str,
    access: Access,
}

/// How a row reaches its field.
enum Access {
    Client(Accessor<Options>),
    Server(Accessor<ServerOptions>),
}

struct Accessor<T> {
    set: fn(&mut T, &str, &Kind) -> std::result::Result<(), Refused>,
    get: fn(&T) -> String,
}

macro_rules! options {
    ($(
        $(#[$about:meta])*
        struct $owner:ident: $scope:ident {
            $( $name:ident: $type:ty = $default:literal, $kind:expr, [$($flag:ident)*], $doc:literal; )*
        }
    )*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Debug, PartialEq)]
            pub struct $owner { $( #[doc = $doc] pub $name: $type, )* }

            impl Default for $owner {
                fn default() -> Self {
                    Self { $( $name: initial($default, &$kind), )* }
                }
            }
        )*

        /// Every option, in the order of the documentation.
        pub static TABLE: &[OptionInfo] = &[ $( $( OptionInfo {
            name: stringify!($name),
            kind: $kind,
            default: $default,
            scope: Scope::$scope,
            hidden: options!(@has hidden $($flag)*),
            pooled: options!(@has pooled $($flag)*),
            doc: $doc,
            access: Access::$scope(Accessor {
                set: |owner, text, kind| {
                    owner.$name = Value::read(text, kind)?;
                    Ok(())
                },
                get: |owner| owner.$name.write(),
            }),
        }, )* )* ];
    };
    (@has hidden hidden) => { true };
    (@has pooled pooled) => { true };
    (@has $wanted:ident $($other:ident)?) => { false };
}

const MICROSECOND: Duration = Duration::from_micros(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;

options! {
    /// What a client, or a view of it, is told to do.
    struct Options: Client {
        timeout: Option<Duration> = "1s", Kind::Duration { min: MICROSECOND, none: true }, [],
            "How long one command may take, everything included: waiting for a connection, connecting, sending, receiving, retries.";
        connect_timeout: Option<Duration> = "250ms", Kind::Duration { min: MICROSECOND, none: true }, [],
            "How long making one connection may take, all of it: looking the name up, and trying all of its addresses. Never beyond the end of the command.";
        connect_stagger: Stagger = "auto", Kind::DurationOrAuto, [],
            "How long an address of a server is given to connect before the next one is tried as well; the first that connects is taken, and after a failure the next one is tried at once. `auto` is 50ms, or less where `connect_timeout` would not suffice for all addresses.";
        batch_timeout: Option<Duration> = "10s", Kind::Duration { min: MICROSECOND, none: true }, [],
            "How long a batch may take as a whole; a server that stays silent for `timeout` ends its own commands earlier.";
        idle_check: Duration = "5ms", Kind::Duration { min: Duration::ZERO, none: false }, [],
            "A connection that was idle for longer than this is looked at before it is used again: one that the server closed, or on which something arrived unasked, is replaced.";
        paranoid: bool = "off", Kind::Bool, [],
            "Ask every new connection for its version first, and look at the connection before every ASCII command, however short it was idle: one more round trip for a connection, one more system call for a command, and nothing that a server sends unasked can be taken for an answer.";
        max_connections: u32 = "64", Kind::Count { min: 1, max: 1024 }, [pooled],
            "The most connections that are open to one server at a time; who needs one more waits.";
        key_prefix: Box<[u8]> = "", Kind::Text { max: 249 }, [],
            "Put in front of every key that is sent, and taken off every key that is handed out. The length of a key is checked with it.";
        binary_keys: bool = "off", Kind::Bool, [],
            "Keys may hold any bytes: those with spaces or control characters go over the wire in base64, at most 186 bytes with their prefix, which takes `protocol=meta`; other keys go as they are. An item has the same key either way.";
        default_noreply: bool = "off", Kind::Bool, [],
            "Writes do not wait for their reply unless the command asks for it. The replies are still read and counted: no failure is lost, it is reported later.";
        item_size_max: u64 = "1m", Kind::Size { min: 512, max: GIB }, [],
            "The largest item that the server stores, as its own option -I says it: key, value and the server's overhead. What is larger is refused without being sent.";
        max_value_size: u64 = "128m", Kind::Size { min: 1, max: GIB }, [pooled],
            "The largest value that is received; a server that announces more fails the command.";
        protocol: Protocol = "auto", Kind::Choice(&["auto", "ascii", "meta", "binary"]), [pooled],
            "The protocol that is spoken. `meta` takes memcached 1.6.10 or later: every command carries a number that its reply repeats, so that no reply is taken for another's; what the protocol has no command for is asked in ASCII. `binary` is the older protocol of frames, with such a number too; memcached speaks it, and calls it deprecated. `auto` asks a server for its version together with a connection's first command, which is in ASCII, and then speaks `meta` where the server knows that (many values at once are asked for in ASCII still).";
        profile: Profile = "full", Kind::Choice(&["full", "classic"]), [pooled],
            "What stands between the client and its servers. `classic` keeps to what proxies (twemproxy, mcrouter) pass: classic commands on keys in ASCII, and not a byte that was not asked for; everything else is MC_UNSUPPORTED before anything is sent. It contradicts `protocol=meta`, `protocol=binary` and `paranoid`. See docs/proxies.md.";
        placement: Placement = "modula", Kind::Choice(Placement::WORDS), [pooled],
            "Which server a key belongs to, as another client or a proxy places it: see `docs/placement.md`. With one server, all keys are its own.";
        hash: Option<HashName> = "auto", Kind::Choice(HashName::OR_AUTO), [pooled],
            "What keys are hashed with, instead of the hash that the placement has.";
        hash_prefix: Option<bool> = "auto", Kind::Choice(&["auto", "on", "off"]), [pooled],
            "Whether `key_prefix` is part of what is hashed; `auto` is as the placement's clients do it.";
        hash_tags: bool = "off", Kind::Bool, [pooled],
            "Of a key that holds a `{` and behind it a `}`, only what stands between the first `{` and the next `}` is hashed, if it is not empty: keys with the same tag belong to the same server.";
        hashing_retries: u32 = "10", Kind::Count { min: 0, max: 1000 }, [pooled],
            "Of `placement=rehash-down`: how often a key is hashed again while its servers are down.";
        total_buckets: u32 = "0", Kind::Count { min: 0, max: 1_000_000 }, [pooled],
            "Of `placement=consistent`: how many points there are for all servers together; 0 is the number of servers, squared.";
        sort_servers: bool = "off", Kind::Bool, [pooled],
            "Place as if the servers stood in the order of their hosts and ports, whatever the order of the list.";
        discover_interval: Option<Duration> = "1m", Kind::Duration { min: MILLISECOND, none: true }, [pooled],
            "Of `discover://`: after about so long (a tenth more or less) the configuration endpoint is asked again for the list of servers, by a call that comes then; `none` asks until there is a list, and never again.";
        discover_prefer: Prefer = "ip", Kind::Choice(&["ip", "name"]), [pooled],
            "Of `discover://`: what servers are connected to, of the two that the list tells of each: the address in the private network (`ip`), or the host name (`name`). Where one is missing, it is the other. Keys are placed, certificates checked and servers named by the host name either way.";
        tcp_nodelay: bool = "on", Kind::Bool, [pooled],
            "TCP_NODELAY: small commands leave at once.";
        tcp_keepalive: bool = "on", Kind::Bool, [pooled],
            "SO_KEEPALIVE: the system notices when the other end of an idle connection is gone.";
        tcp_user_timeout: Option<Duration> = "2s", Kind::Duration { min: MILLISECOND, none: true }, [pooled],
            "TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged before the system gives the connection up; `none` leaves it to the system.";
        tls_ca: PathBuf = "", Kind::Path, [pooled],
            "Of memcacheds:// servers: a file or a directory of the certificate authorities (PEM) that may have signed the servers' certificates; without it, those that the system trusts. All files of TLS are read again when a connection is made after they have changed.";
        tls_cert: PathBuf = "", Kind::Path, [pooled],
            "The file (PEM) of the certificate that this client shows to servers that ask for one, followed by those that lead from there to an authority.";
        tls_key: PathBuf = "", Kind::Path, [pooled],
            "The file (PEM) of the private key of `tls_cert`; without it, the key stands in that file too.";
        tls_min_version: TlsVersion = "1.2", Kind::Choice(&["1.2", "1.3"]), [pooled],
            "The oldest version of TLS that is spoken.";
        tls_session_resumption: bool = "on", Kind::Bool, [pooled],
            "A new connection to a server resumes an earlier TLS session where the server agrees, which spares most of the handshake.";
        tls_insecure_skip_verify: bool = "off", Kind::Bool, [pooled],
            "Dangerous: take any certificate that a server shows, whoever signed it and whatever it names. Whoever is between this client and the server can read and change everything then.";
        username: String = "", Kind::Text { max: 255 }, [pooled],
            "The user that this client is to servers that ask for one and whose URIs name none. It does not stand in a URI's parameters.";
        password: Secret = "", Kind::Secret { max: 1024 }, [pooled],
            "The password of `username`. It is sent to a server that asks for one (of the binary protocol: to every server, by SASL PLAIN), never to another machine without TLS unless `auth_over_cleartext` allows that. Reading it gives `***` where there is one. It does not stand in a URI's parameters.";
        auth_over_cleartext: bool = "off", Kind::Bool, [pooled],
            "Dangerous: send a password over TCP without TLS to another machine as well. Whoever is between this client and the server can read it.";
        shortcut: bool = "on", Kind::Bool, [hidden],
            "A lone command on an idle connection takes the short way through the driver; off sends everything through the general one.";
    }

    /// What the URI of one server can say about it.
    struct ServerOptions: Server {
        weight: u32 = "1", Kind::Count { min: 1, max: 1000 }, [],
            "The share of the keys that this server gets, relative to the others.";
        alias: String = "", Kind::Text { max: 255 }, [],
            "The name of the server in messages and results, and where a placement hashes the names of servers, instead of its address.";
        limit: u64 = "64m", Kind::Size { min: 64 * KIB, max: 64 * GIB }, [],
            "Of a memory:// server: how many bytes its items may take, as memcached's option -m says it. When they are more, those that were not used for longest are evicted.";
        tls_server_name: String = "", Kind::Text { max: 255 }, [],
            "Of a memcacheds:// server, and of discovers:// for all servers: the name, or the address, that its certificate must be for, and that it is told (SNI); without it, the host of its URI.";
        clock: Clock = "system", Kind::Choice(&["system", "manual"]), [],
            "Of a memory:// server: `manual` lets its time stand still until `mc_memory_advance` moves it, so that a test can have items expire without waiting.";
    }
}

fn initial<T: Value>(text: &str, kind: &Kind) -> T {
    match T::read(text, kind) {
        Ok(value) => value,
        // The texts are the literals above, and the tests read every one of them.
        Err(refused) => unreachable!("a default that its own option refuses: {}", refused.why),
    }
}

/// The row of the option `name`.
pub fn find(name: &str) -> Result<&'static OptionInfo> {
    let row = TABLE.iter().find(|row| row.name == name);
    row.ok_or_else(|| {
        Failure::new(
            Status::UNKNOWN_OPTION,
            format!("there is no option {}", value::quote(name)),
        )
    })
}

impl OptionInfo {
    fn refuse(&self, value: &str, refused: Refused) -> Box<Failure> {
        let value = match self.kind {
            Kind::Secret { .. } => SECRET_MARK.into(),
            _ => value::quote(value),
        };
        Failure::new(
            refused.status,
            format!(
                "option {} cannot be {}: {}; it takes {}",
                self.name,
                value,
                refused.why,
                self.kind.takes()
            ),
        )
    }

    fn misplaced(&self) -> Box<Failure> {
        Failure::argument(match self.scope {
            Scope::Client => format!(
                "option {} belongs to the client, not to a server",
                self.name
            ),
            Scope::Server => format!(
                "option {} belongs to a server: it is a parameter of its URI",
                self.name
            ),
        })
    }
}

impl Options {
    /// A new connection says who it is by SASL, not in lines.
    pub fn authenticates_by_sasl(&self) -> bool {
        self.protocol == Protocol::Binary
    }

    /// Sets an option from its text; on failure nothing is changed.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let row = find(name)?;
        let Access::Client(access) = &row.access else {
            return Err(row.misplaced());
        };
        (access.set)(self, value, &row.kind).map_err(|refused| row.refuse(value, refused))
    }

    /// The text of an option, which [`Options::set`] takes.
    pub fn get(&self, name: &str) -> Result<String> {
        let row = find(name)?;
        match &row.access {
            Access::Client(access) => Ok((access.get)(self)),
            Access::Server(_) => Err(row.misplaced()),
        }
    }
}

impl ServerOptions {
    /// Sets an option from its text; on failure nothing is changed.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let row = find(name)?;
        let Access::Server(access) = &row.access else {
            return Err(row.misplaced());
        };
        (access.set)(self, value, &row.kind).map_err(|refused| row.refuse(value, refused))
    }

    /// The text of an option, which [`ServerOptions::set`] takes.
    pub fn get(&self, name: &str) -> Result<String> {
        let row = find(name)?;
        match &row.access {
            Access::Server(access) => Ok((access.get)(self)),
            Access::Client(_) => Err(row.misplaced()),
        }
    }
}
