//! Certificates, made for each test anew.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

use crate::support::memcached::Memcached;

/// An authority, and a directory for what it makes.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    directory: TempDir,
}

/// The files of a certificate and its key.
#[derive(Clone)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    /// What memcached's option -o says of them.
    pub fn flag(&self) -> String {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        format!("ssl_chain_cert={certificate},ssl_key={key}")
    }
}

fn named(name: &str, alternatives: &[&str]) -> CertificateParams {
    let alternatives: Vec<String> = alternatives.iter().map(|name| name.to_string()).collect();
    let mut params = CertificateParams::new(alternatives).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = named(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A server's certificate for these names and addresses; its subject is another.
pub fn server(alternatives: &[&str]) -> CertificateParams {
    let mut params = named("a server", alternatives);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

pub fn client() -> CertificateParams {
    let mut params = named("a client", &["client.test"]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// One whose time is over.
pub fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2020, 1, 1);
    params
}

/// One whose time is to come.
pub fn of_the_future(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(4000, 1, 1);
    params
}

/// One that may sign others.
pub fn of_an_authority(mut params: CertificateParams) -> CertificateParams {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Authority {
    pub fn new() -> Authority {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Authority::named(&format!("authority {number} of the tests"))
    }

    /// Another one may have the same name.
    pub fn named(name: &str) -> Authority {
        let (key, params) = (new_key(), authority(name));
        let pem = params.self_signed(&key).expect("signed").pem();
        let made = Authority {
            issuer: Issuer::new(params, key),
            pem,
            directory: tempfile::tempdir().expect("a temporary directory"),
        };
        std::fs::write(made.ca(), &made.pem).expect("written");
        made
    }

    /// The file of its own certificate.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A place of the test's own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A certificate that it has signed, as files of this name.
    pub fn issue(&self, name: &str, params: &CertificateParams) -> Pair {
        let key = new_key();
        let signed = params.signed_by(&key, &self.issuer).expect("signed");
        self.write(name, &signed.pem(), &key)
    }

    /// A certificate that signed itself.
    pub fn self_signed(&self, name: &str, params: &CertificateParams) -> Pair {
        let key = new_key();
        let signed = params.self_signed(&key).expect("signed");
        self.write(name, &signed.pem(), &key)
    }

    /// As [`Authority::issue`], by another authority that this one has signed; that is in the file too.
    pub fn issue_by_another(&self, name: &str, params: &CertificateParams) -> Pair {
        let (middle_key, middle) = (new_key(), authority("an authority between"));
        let middle_pem = middle
            .signed_by(&middle_key, &self.issuer)
            .expect("signed")
            .pem();
        let middle = Issuer::new(middle, middle_key);
        let key = new_key();
        let signed = params.signed_by(&key, &middle).expect("signed").pem();
        self.write(name, &(signed + &middle_pem), &key)
    }

    fn write(&self, name: &str, certificates: &str, key: &KeyPair) -> Pair {
        let pair = Pair {
            certificate: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        };
        replace(&pair.certificate, certificates);
        replace(&pair.key, &key.serialize_pem());
        pair
    }
}

/// memcached with TLS, and with more flags; its URI says whom to trust. All of them show the certificate of
/// one authority.
pub fn memcached(flags: &[&str]) -> Memcached {
    static AUTHORITY: OnceLock<(Authority, Pair)> = OnceLock::new();
    let (authority, shown) = AUTHORITY.get_or_init(|| {
        let authority = Authority::new();
        let shown = authority.issue("server", &server(&["127.0.0.1"]));
        (authority, shown)
    });
    let shown = shown.flag();
    let flags = [flags, &["-Z", "-o", &shown]].concat();
    Memcached::tls(&flags, &format!("tls_ca={}", authority.ca().display()))
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

/// Put a file in the place of another, as who renews certificates does.
pub fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(&new, path).expect("renamed");
}
