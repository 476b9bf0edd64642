//! What a client is made from: its options and its servers.
//!
//! Everything that this version cannot serve is refused here, before anything is connected.

mod credentials;
mod discover;

use std::sync::Arc;

use crate::error::{Failure, Result};
use crate::options::{self, Clock, Options, Scope, ServerOptions};
use crate::status::Status;
use crate::uri::{self, Address, Scheme, ServerUri};
pub use credentials::Credentials;
use credentials::refuse_halves;
pub use discover::refuse_company;

/// One server of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerSpec {
    pub uri: ServerUri,
    /// The alias if there is one, else the canonical name.
    pub name: Arc<str>,
    /// At least 1.
    pub weight: u32,
    /// No key belongs to it: it stands in for others.
    pub gutter: bool,
    /// What its URI says about the store of a `memory://` server.
    pub store: StoreSpec,
    /// Where TLS is spoken: what its certificate must name.
    pub tls_name: Option<Arc<str>>,
    /// Where it is, as a list of servers says it: connected to instead of what its name leads to.
    pub at: Option<Address>,
    /// Of its URI; and once [`ServerSpec::complete`], of the client's options.
    pub credentials: Option<Credentials>,
}

impl ServerSpec {
    /// What a client with these options takes it for: with credentials where there are some.
    pub fn complete(&self, options: &Options) -> Result<ServerSpec> {
        let own = self.credentials.clone();
        Ok(ServerSpec {
            credentials: Credentials::chosen(own, &self.uri.address, &self.name, options)?,
            ..self.clone()
        })
    }
}

/// What a store in memory is to be; what is not said is as the store has it already, else the
/// option's default.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct StoreSpec {
    /// Bytes.
    pub limit: Option<u64>,
    pub clock: Option<Clock>,
}

/// A client option that the URI of a server states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stated {
    pub name: &'static str,
    /// In the form that [`Options::get`] gives, so that equal values have equal texts.
    pub value: String,
    /// The server whose URI says so.
    pub server: Arc<str>,
}

/// What a client is made from.
#[derive(Clone, Default, Debug)]
pub struct Config {
    pub options: Options,
    /// In the order of the caller's list: placement depends on it.
    pub servers: Vec<ServerSpec>,
    stated: Vec<Stated>,
}

impl Config {
    /// Reads a list of URIs whose parameters are options of the servers or of the client.
    pub fn from_list(list: &str) -> Result<Config> {
        let mut config = Config::default();
        config.set_servers(list)?;
        Ok(config)
    }

    /// Adds one server. `weight` 0 leaves it to the URI; else both must agree if both say one.
    /// On failure nothing is changed.
    pub fn add_server(&mut self, uri: &str, weight: u32) -> Result<()> {
        let uri = ServerUri::parse(uri)?;
        refuse_halves(std::slice::from_ref(&uri))?;
        let said = uri.param("weight").is_some();
        let mut stated = self.stated.clone();
        let mut server = server(uri, &mut stated)?;
        if weight != 0 {
            if said && weight != server.weight {
                return Err(Failure::argument(format!(
                    "server {}: its URI gives it the weight {}, the call {weight}",
                    server.name, server.weight
                )));
            }
            let mut own = ServerOptions::default();
            own.set("weight", &weight.to_string())
                .map_err(|failure| about(&server.name, failure))?;
            server.weight = own.weight;
        }
        refuse_double(&self.servers, &server)?;
        discover::refuse_weight(&server, weight)?;
        refuse_company(self.servers.iter().chain([&server]))?;
        // Only what is new: an option may have been set since the others were stated.
        apply(&mut self.options, &stated[self.stated.len()..])?;
        self.stated = stated;
        self.servers.push(server);
        Ok(())
    }

    /// Replaces the servers by those of `list`. Options that an earlier list stated stay as they
    /// are unless this one states them. On failure nothing is changed.
    pub fn set_servers(&mut self, list: &str) -> Result<()> {
        let (servers, stated) = parse_servers(list)?;
        apply(&mut self.options, &stated)?;
        self.servers = servers;
        self.stated = stated;
        Ok(())
    }

    /// Removes the server that `which` names: by its URI in any spelling, or by its alias.
    pub fn remove_server(&mut self, which: &str) -> Result<ServerSpec> {
        let at = find_server(&self.servers, which)?;
        let removed = self.servers.remove(at);
        self.stated.retain(|stated| stated.server != removed.name);
        Ok(removed)
    }
}

/// The index of the server that `which` names: by its alias, or by its URI in any spelling.
pub fn find_server(servers: &[ServerSpec], which: &str) -> Result<usize> {
    if let Some(at) = servers.iter().position(|server| *server.name == *which) {
        return Ok(at);
    }
    let wanted = ServerUri::parse(which)?;
    let is_it = |server: &ServerSpec| server.uri.address.same_place(&wanted.address);
    servers.iter().position(is_it).ok_or_else(|| {
        Failure::argument(format!("there is no server {} to be found", wanted.name()))
    })
}

/// Reads a list of URIs into its servers and the client options that they state: each option once,
/// in the order of the list.
pub fn parse_servers(list: &str) -> Result<(Vec<ServerSpec>, Vec<Stated>)> {
    let uris = uri::parse_list(list)?;
    refuse_halves(&uris)?;
    let mut servers = Vec::with_capacity(uris.len());
    let mut stated = Vec::new();
    for uri in uris {
        let server = server(uri, &mut stated)?;
        refuse_double(&servers, &server)?;
        servers.push(server);
    }
    refuse_company(&servers)?;
    Ok((servers, stated))
}

/// Whether `options`, those of a living client, are what the URIs of new servers state.
pub fn agree(options: &Options, stated: &[Stated]) -> Result<()> {
    for new in stated {
        let current = options.get(new.name)?;
        if current != new.value {
            return Err(Failure::argument(format!(
                "server {} states {}={}, but the client was made with {current}",
                new.server, new.name, new.value
            )));
        }
    }
    Ok(())
}

impl Options {
    /// Applies `timeout=50ms&paranoid=on`; commas and white space separate too, and values are
    /// percent-decoded. For views: what shapes the shared connections is refused. On failure
    /// nothing is changed.
    pub fn apply_list(&mut self, list: &str) -> Result<()> {
        let mut changed = self.clone();
        for (name, value) in uri::parse_params(list)? {
            changed.set(&name, &value)?;
            if options::find(&name)?.pooled {
                return Err(Failure::argument(format!(
                    "option {name} shapes the servers and connections, which a view shares with its client"
                )));
            }
        }
        *self = changed;
        Ok(())
    }
}

/// Makes a server of its URI and adds the client options that it states to `stated`.
fn server(uri: ServerUri, stated: &mut Vec<Stated>) -> Result<ServerSpec> {
    servable(&uri)?;
    let canonical = uri.name();
    discover::refuse_own(&uri)?;
    let mut own = ServerOptions::default();
    let mut client = Options::default();
    let mut said = Vec::new();
    for (name, value) in &uri.params {
        let row = options::find(name).map_err(|failure| about(&canonical, failure))?;
        if matches!(row.name, "username" | "password") {
            return Err(Failure::argument(format!(
                "server {canonical}: the option {} does not stand in a URI; a server's own are written user:password@",
                row.name
            )));
        }
        match row.scope {
            Scope::Server => own.set(name, value),
            Scope::Client => client.set(name, value).map(|()| said.push(row.name)),
        }
        .map_err(|failure| about(&canonical, failure))?;
    }
    let name: Arc<str> = match own.alias.as_str() {
        "" => canonical.into(),
        alias => alias.into(),
    };
    for option in said {
        let new = Stated {
            name: option,
            value: client.get(option)?,
            server: name.clone(),
        };
        state(stated, new)?;
    }
    Ok(ServerSpec {
        store: store(&uri, &own, &name)?,
        tls_name: tls_name(&uri, &own, &name)?,
        credentials: Credentials::of_uri(&uri),
        at: None,
        uri,
        name,
        weight: own.weight,
        gutter: own.gutter,
    })
}

/// What the URI says about the store of a server in memory.
fn store(uri: &ServerUri, own: &ServerOptions, name: &str) -> Result<StoreSpec> {
    let said = StoreSpec {
        limit: uri.param("limit").map(|_| own.limit),
        clock: uri.param("clock").map(|_| own.clock),
    };
    if said != StoreSpec::default() && uri.scheme != Scheme::Memory {
        return Err(Failure::argument(format!(
            "server {name}: the options limit and clock are for servers of the scheme memory:// only"
        )));
    }
    Ok(said)
}

/// What the certificate of a server must name; `None` where TLS is not spoken.
fn tls_name(uri: &ServerUri, own: &ServerOptions, name: &str) -> Result<Option<Arc<str>>> {
    let said = own.tls_server_name.as_str();
    match &uri.address {
        Address::Tcp { host, .. } if uri.scheme.is_secure() => Ok(Some(match said {
            // The dot at the end of a name is none of it.
            "" => host.strip_suffix('.').unwrap_or(host).into(),
            said => said.into(),
        })),
        _ if said.is_empty() => Ok(None),
        _ => Err(Failure::argument(format!(
            "server {name}: the option tls_server_name is for servers of the schemes memcacheds:// and discovers:// only"
        ))),
    }
}

/// Adds a statement unless it is there already; two that differ are an error.
fn state(stated: &mut Vec<Stated>, new: Stated) -> Result<()> {
    match stated.iter().find(|old| old.name == new.name) {
        Some(old) if old.value != new.value => Err(Failure::new(
            Status::INVALID_URI,
            format!(
                "option {} belongs to the client, but server {} states {} and server {} states {}",
                new.name, old.server, old.value, new.server, new.value
            ),
        )),
        Some(_) => Ok(()),
        None => {
            stated.push(new);
            Ok(())
        }
    }
}

/// All or nothing.
fn apply(options: &mut Options, stated: &[Stated]) -> Result<()> {
    let mut changed = options.clone();
    for new in stated {
        changed.set(new.name, &new.value)?;
    }
    *options = changed;
    Ok(())
}

/// Whether each server of a list is there once.
pub fn refuse_doubles(servers: &[ServerSpec]) -> Result<()> {
    for (index, server) in servers.iter().enumerate() {
        refuse_double(&servers[..index], server)?;
    }
    Ok(())
}

/// Two servers must not be told apart by their order only.
fn refuse_double(servers: &[ServerSpec], new: &ServerSpec) -> Result<()> {
    let is_same =
        |old: &&ServerSpec| old.name == new.name || old.uri.address.same_place(&new.uri.address);
    match servers.iter().find(is_same) {
        Some(old) => Err(Failure::argument(format!(
            "server {} ({}) is there already, as {} ({})",
            new.name, new.uri.address, old.name, old.uri.address
        ))),
        None => Ok(()),
    }
}

/// Whether this version can talk to the server.
fn servable(uri: &ServerUri) -> Result<()> {
    if !uri.scheme.is_secure() || cfg!(feature = "tls") {
        return Ok(());
    }
    Err(Failure::new(
        Status::UNSUPPORTED,
        format!("server {}: this build has no TLS", uri.address),
    ))
}

/// The same failure, with the server it is about.
fn about(server: &str, mut failure: Box<Failure>) -> Box<Failure> {
    failure.text = format!("server {server}: {}", failure.text);
    failure
}
