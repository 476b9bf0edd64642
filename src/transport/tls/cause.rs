//! What rustls's errors mean to who has to put them right.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::TlsFault;
use super::verifier::SelfSigned;

/// `new`: the handshake is done, and the server has not sent a byte since: an alert about the client's
/// certificate belongs to the handshake still (RFC 8446, 4.4.2.4 and appendix E.1.2).
pub fn fault(error: &Error, new: bool) -> TlsFault {
    let cause = cause(error);
    match error {
        Error::AlertReceived(alert) if new && turns_away(*alert) => TlsFault::refusal(cause),
        _ => TlsFault::new(cause),
    }
}

fn cause(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::AlertReceived(alert) => received(*alert),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => "the server does not speak TLS on this port".into(),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => "the server speaks no version of TLS that is allowed (tls_min_version)".into(),
        Error::NoCertificatesPresented => "the server shows no certificate".into(),
        other => other.to_string(),
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet".into()
        }
        CertificateError::UnknownIssuer => {
            "the server's certificate is of an unknown authority (tls_ca)".into()
        }
        CertificateError::BadSignature => {
            "the server's certificate names a trusted authority, but that has not signed it (tls_ca)"
                .into()
        }
        CertificateError::NotValidForName => {
            "the server's certificate is for another name (tls_server_name)".into()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "the server's certificate is not for {} but for {} (tls_server_name)",
            expected.to_str(),
            names(presented)
        ),
        CertificateError::Revoked => "the server's certificate was revoked".into(),
        CertificateError::Other(other) if other.0.is::<SelfSigned>() => {
            format!("{} (tls_ca)", other.0)
        }
        // webpki's name for it.
        CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
            "the server's certificate is that of an authority, self-signed perhaps: \
             a server's own must not say CA:TRUE"
                .into()
        }
        other => format!("the server's certificate is not to be trusted: {other}"),
    }
}

/// The names in a certificate, as many as a message should hold.
fn names(presented: &[String]) -> String {
    const SHOWN: usize = 4;
    let some: Vec<String> = presented
        .iter()
        .take(SHOWN)
        .map(|name| plain(name))
        .collect();
    match presented.len() {
        0 => "no name at all".into(),
        n if n > SHOWN => format!("{} and {} more", some.join(", "), n - SHOWN),
        _ => some.join(", "),
    }
}

/// `DnsName("a.example")` without what the library puts around it.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    let inner = inner.strip_suffix(')').unwrap_or(inner);
    inner.trim_matches('"').chars().take(100).collect()
}

fn received(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => {
            "the server requires a certificate of the client (tls_cert, tls_key)".into()
        }
        AlertDescription::HandshakeFailure => {
            "the server refused the handshake: it may require a certificate of the client \
             (tls_cert, tls_key), or other ciphers"
                .into()
        }
        AlertDescription::ProtocolVersion => {
            "the server speaks no version of TLS that is allowed (tls_min_version)".into()
        }
        AlertDescription::UnrecognisedName => {
            "the server does not know the name that it is called (tls_server_name)".into()
        }
        alert if turns_away(alert) => {
            format!("the server does not accept the client's certificate ({alert:?}, tls_cert)")
        }
        alert => format!("the server ended the session with the alert {alert:?}"),
    }
}

/// Alerts of a server that looks at the client's certificate.
fn turns_away(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError
            | AlertDescription::HandshakeFailure
            | AlertDescription::NoCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate
    )
}
