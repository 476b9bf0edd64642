//! What a client's options say of TLS.

use std::path::{Path, PathBuf};

use crate::error::{Failure, Result};
use crate::options::{Options, TlsVersion};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsSettings {
    /// A file or a directory of certificate authorities; `None`: the system's.
    pub ca: Option<PathBuf>,
    pub identity: Option<Identity>,
    pub min_version: TlsVersion,
    /// Off: any certificate is taken.
    pub verify: bool,
    pub resumption: bool,
}

/// What this client shows of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its certificate, and those that lead from there to an authority.
    pub certificates: PathBuf,
    pub key: PathBuf,
}

impl TlsSettings {
    pub fn of(options: &Options) -> Result<TlsSettings> {
        let given = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_path_buf());
        let identity = match (given(&options.tls_cert), given(&options.tls_key)) {
            (Some(certificates), key) => Some(Identity {
                key: key.unwrap_or_else(|| certificates.clone()),
                certificates,
            }),
            (None, None) => None,
            (None, Some(_)) => {
                let text = "the option tls_key is of no use without tls_cert";
                return Err(Failure::argument(text));
            }
        };
        Ok(TlsSettings {
            ca: given(&options.tls_ca),
            identity,
            min_version: options.tls_min_version,
            verify: !options.tls_insecure_skip_verify,
            resumption: options.tls_session_resumption,
        })
    }
}
