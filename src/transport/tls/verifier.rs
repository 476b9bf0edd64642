//! Who decides whether a server's certificate is taken.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

/// A certificate that was signed by its own key, and is not trusted.
#[derive(Debug, thiserror::Error)]
#[error("the server's certificate is self-signed, and not among those that are trusted")]
pub struct SelfSigned;

/// Chain and name are verified; of certificates that nobody known has signed it tells those that signed
/// themselves.
#[derive(Debug)]
pub struct Verifying {
    by_roots: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl Verifying {
    pub fn new(roots: RootCertStore, provider: Arc<CryptoProvider>) -> Result<Verifying, Error> {
        Ok(Verifying {
            by_roots: only(roots, provider.clone())?,
            provider,
        })
    }

    /// Whether the certificate would be trusted if it were trusted to sign.
    fn signed_itself(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> bool {
        let mut itself = RootCertStore::empty();
        let (1, _) = itself.add_parsable_certificates([certificate.clone().into_owned()]) else {
            return false;
        };
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        only(itself, self.provider.clone()).is_ok_and(|verifier| {
            let judged = verifier.verify_server_cert(certificate, &[], name, &[], now);
            judged.err() != Some(unknown)
        })
    }
}

fn only(
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Error::General(error.to_string()))
}

impl ServerCertVerifier for Verifying {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.by_roots.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match judged {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
                if self.signed_itself(end_entity, server_name, now) =>
            {
                let why = CertificateError::Other(OtherError(Arc::new(SelfSigned)));
                Err(Error::InvalidCertificate(why))
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_roots.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_roots.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_roots.supported_verify_schemes()
    }
}

/// Any certificate is taken, whoever signed it and whatever it names. That the server has its key is
/// verified still.
#[derive(Debug)]
pub struct TakingAny(pub Arc<CryptoProvider>);

impl ServerCertVerifier for TakingAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
