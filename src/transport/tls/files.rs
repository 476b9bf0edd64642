//! The files that TLS is made of: reading them, and noticing that they have changed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_native_certs::load_certs_from_paths;

use super::TlsFault;
use super::settings::{Identity, TlsSettings};

/// What files were when they were looked at. Two looks differ if a file was replaced or written to.
#[derive(PartialEq, Eq, Default)]
pub struct Look(Vec<Option<Seen>>);

/// Which file it was (device, inode), and in which state (size, times of its last changes).
type Seen = [i128; 5];

/// Where certificate authorities are.
pub struct Roots {
    file: Option<PathBuf>,
    directory: Option<PathBuf>,
    /// The option said so.
    given: bool,
}

impl Roots {
    pub fn of(settings: &TlsSettings) -> Roots {
        match &settings.ca {
            Some(path) if path.is_dir() => Roots {
                file: None,
                directory: Some(path.clone()),
                given: true,
            },
            Some(path) => Roots {
                file: Some(path.clone()),
                directory: None,
                given: true,
            },
            None => Roots::of_the_system(),
        }
    }

    /// The one file of all authorities, or else the directory. What SSL_CERT_FILE and SSL_CERT_DIR say
    /// comes first.
    fn of_the_system() -> Roots {
        let found = openssl_probe::probe();
        let said = std::env::var_os("SSL_CERT_DIR").is_some();
        let directory = found.cert_dir.into_iter().next();
        Roots {
            directory: directory.filter(|_| said || found.cert_file.is_none()),
            file: found.cert_file,
            given: false,
        }
    }

    pub fn read(&self) -> Result<RootCertStore, TlsFault> {
        let read = load_certs_from_paths(self.file.as_deref(), self.directory.as_deref());
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(read.certs);
        if usable > 0 {
            return Ok(roots);
        }
        let place = self.file.as_deref().or(self.directory.as_deref());
        let place = place.map_or_else(|| "the system".into(), |path| path.display().to_string());
        let why = match read.errors.first() {
            Some(error) => error.to_string(),
            None => "it holds no certificate of an authority".into(),
        };
        let by = if self.given {
            "tls_ca"
        } else {
            "no tls_ca is set"
        };
        Err(TlsFault::new(format!(
            "no certificate authorities could be read from {place} ({by}): {why}"
        )))
    }
}

impl Look {
    pub fn at(roots: Option<&Roots>, identity: Option<&Identity>) -> Look {
        let mut look = Look::default();
        if let Some(roots) = roots {
            look.see(roots.file.as_deref());
            look.see(roots.directory.as_deref());
            if roots.given {
                look.see_inside(roots.directory.as_deref());
            }
        }
        if let Some(identity) = identity {
            look.see(Some(&identity.certificates));
            look.see(Some(&identity.key));
        }
        look
    }

    fn see(&mut self, path: Option<&Path>) {
        let seen = path.and_then(|path| std::fs::metadata(path).ok());
        self.0.push(seen.as_ref().map(seen_as));
    }

    fn see_inside(&mut self, directory: Option<&Path>) {
        let Some(Ok(entries)) = directory.map(std::fs::read_dir) else {
            return;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            self.see(Some(&path));
        }
    }
}

fn seen_as(about: &Metadata) -> Seen {
    let time = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    [
        about.dev().into(),
        about.ino().into(),
        about.size().into(),
        time(about.mtime(), about.mtime_nsec()),
        time(about.ctime(), about.ctime_nsec()),
    ]
}

pub type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Identity {
    pub fn read(&self) -> Result<Shown, TlsFault> {
        let certificates = CertificateDer::pem_file_iter(&self.certificates)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .and_then(|all| match all.is_empty() {
                true => Err(PemError::NoItemsFound),
                false => Ok(all),
            })
            .map_err(|error| unread("certificate", &self.certificates, "tls_cert", &error))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| unread("private key", &self.key, "tls_key", &error))?;
        Ok((certificates, key))
    }
}

fn unread(what: &str, path: &Path, option: &str, error: &PemError) -> TlsFault {
    let why = match error {
        PemError::NoItemsFound => "there is none in it that can be used as it is".into(),
        PemError::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    TlsFault::new(format!(
        "no {what} could be read from {} ({option}): {why}",
        path.display()
    ))
}
