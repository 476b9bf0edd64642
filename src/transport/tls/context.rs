//! What a client's TLS connections have in common: the trusted authorities, the client's own
//! certificate, sessions that can be resumed. Made of files, and made anew when those have changed.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, SupportedProtocolVersion};

use super::files::{Look, Roots};
use super::verifier::{TakingAny, Verifying};
use super::{TlsFault, TlsSession, TlsSettings, cause};
use crate::options::TlsVersion;

/// So many tickets are kept of a server: rustls keeps eight for a name, and a server has one.
const SESSIONS: usize = 8;

pub struct TlsContext {
    settings: TlsSettings,
    made: Mutex<Option<Made>>,
}

struct Made {
    /// What the files were.
    look: Look,
    config: ClientConfig,
    /// By the server's address: the sessions of one are of no use to another.
    servers: HashMap<String, Arc<ClientConfig>>,
}

impl TlsContext {
    /// Reads nothing yet.
    pub fn new(settings: TlsSettings) -> TlsContext {
        TlsContext {
            settings,
            made: Mutex::new(None),
        }
    }

    /// The same, for a forked child: takes no lock.
    pub fn renewed(&self) -> TlsContext {
        TlsContext::new(self.settings.clone())
    }

    /// A session that is still to be begun over a socket. `server` is the address of the server, `name`
    /// what its certificate must name.
    pub fn session(&self, server: &str, name: &str) -> io::Result<TlsSession> {
        let config = self.config(server)?;
        let name = ServerName::try_from(name.to_string())
            .map_err(|_| TlsFault::new(format!("no certificate can name {name:?}")))?;
        TlsSession::new(config, name)
    }

    /// The present configuration. Files are looked at for every new connection.
    fn config(&self, server: &str) -> Result<Arc<ClientConfig>, TlsFault> {
        let settings = &self.settings;
        let roots = settings.verify.then(|| Roots::of(settings));
        let look = Look::at(roots.as_ref(), settings.identity.as_ref());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.as_ref().is_none_or(|made| made.look != look) {
            // Sessions go with it: what has not been verified anew is not resumed.
            *made = None;
            *made = Some(Made {
                look,
                config: config(settings, roots.as_ref())?,
                servers: HashMap::new(),
            });
        }
        let Some(made) = made.as_mut() else {
            return Err(TlsFault::new("there is no configuration"));
        };
        if let Some(own) = made.servers.get(server) {
            return Ok(own.clone());
        }
        let mut own = made.config.clone();
        if settings.resumption {
            own.resumption = Resumption::in_memory_sessions(SESSIONS);
        }
        let own = Arc::new(own);
        made.servers.insert(server.into(), own.clone());
        Ok(own)
    }
}

static BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
static NEWEST: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// The one place that says which cryptography is used.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn config(settings: &TlsSettings, roots: Option<&Roots>) -> Result<ClientConfig, TlsFault> {
    let wrong = |error: rustls::Error| cause::fault(&error, false);
    let provider = provider();
    let versions = match settings.min_version {
        TlsVersion::V1_2 => BOTH,
        TlsVersion::V1_3 => NEWEST,
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(wrong)?
        .dangerous();
    let builder = match roots {
        Some(roots) => {
            let verifying = Verifying::new(roots.read()?, provider).map_err(wrong)?;
            builder.with_custom_certificate_verifier(Arc::new(verifying))
        }
        None => builder.with_custom_certificate_verifier(Arc::new(TakingAny(provider))),
    };
    let mut config = match &settings.identity {
        Some(identity) => {
            let (certificates, key) = identity.read()?;
            builder
                .with_client_auth_cert(certificates, key)
                .map_err(|error| {
                    let what = "the client's certificate and key (tls_cert, tls_key)";
                    TlsFault::new(format!("{what} cannot be used: {error}"))
                })?
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}
