//! memcached that asks for credentials, and what calls it.

use std::path::PathBuf;

use memcached2::config::Config;
use tempfile::TempDir;

use crate::caller::Caller;
use crate::peer::{PASSWORD, USER};
use crate::support::memcached::Memcached;

/// A machine with other things to do needs its time.
pub const PATIENCE: &str = "timeout=20s&connect_timeout=20s&batch_timeout=60s";

/// The file of users that memcached is started with.
pub struct Users {
    pub file: PathBuf,
    _directory: TempDir,
}

impl Users {
    pub fn new() -> Users {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("users");
        let text = format!("bob:his-own\n{USER}:{PASSWORD}\n");
        std::fs::write(&file, text).expect("a file");
        Users {
            file,
            _directory: directory,
        }
    }

    pub fn flags(&self) -> [&str; 2] {
        ["-Y", self.file.to_str().expect("a path of the tests' own")]
    }
}

/// Credentials as they stand in a URI.
pub fn login() -> String {
    format!("{USER}:{PASSWORD}@")
}

/// The server's URI with these credentials.
pub fn uri(server: &Memcached, login: &str) -> String {
    let uri = server.uri().replacen("://", &format!("://{login}"), 1);
    let mark = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{mark}{PATIENCE}")
}

/// A client whose failures tell all they know.
pub fn calling(uri: &str) -> Caller {
    Caller::of(Config::from_list(uri).expect("a list of servers"), None)
}

/// A client with credentials of its options.
pub fn with_options(list: &str, options: &[(&str, &str)]) -> memcached2::error::Result<Config> {
    let mut config = Config::from_list(list)?;
    for (name, value) in options {
        config.options.set(name, value)?;
    }
    Ok(config)
}
