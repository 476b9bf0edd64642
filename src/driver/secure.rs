//! The TLS handshake of a new connection.

use super::call::Call;
use super::contest::Socket;
use super::place::Noted;
use super::server::Server;
use crate::connection::trouble::tls_failure;
use crate::error::{Failure, Phase, Result, Status};
use crate::observe::{Notices, What};
use crate::transport::tls::{TlsFault, TlsStream};
use crate::transport::{Readiness, Stream};

/// A connection whose handshake is being made.
pub struct Securing {
    /// Before the stream: forgotten when that is closed.
    noted: Noted,
    /// Taken when the handshake is done.
    stream: Option<TlsStream>,
}

impl Securing {
    /// `name`: what the server's certificate must name.
    pub fn begin(socket: Socket, call: &Call<'_>, server: &Server, name: &str) -> Result<Securing> {
        let address = server.spec.uri.name();
        let session = call.core.state().tls().session(&address, name);
        let session = session.map_err(|error| tls_failure(server.name, &error))?;
        let Socket { noted, stream, .. } = socket;
        match session.over(stream) {
            Ok(stream) => Ok(Securing {
                noted,
                stream: Some(stream),
            }),
            Err(stream) => {
                // In the order in which a socket gives them up.
                drop(Socket {
                    noted,
                    stream,
                    version: None,
                });
                let why = TlsFault::new("it goes over TCP only");
                Err(tls_failure(server.name, &why.into()))
            }
        }
    }

    pub fn readiness(&self) -> Readiness {
        match &self.stream {
            Some(stream) => stream.handshake_readiness(),
            None => Readiness::known(true),
        }
    }

    /// Go on without waiting: the socket, once it is secured.
    pub fn go_on(&mut self, server: &Server) -> Result<Option<Socket>> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(None);
        };
        match stream.handshake() {
            Ok(true) => Ok(Some(Socket {
                noted: std::mem::take(&mut self.noted),
                stream: Stream::Tls(stream),
                version: None,
            })),
            Ok(false) => {
                self.stream = Some(stream);
                Ok(None)
            }
            Err(error) => {
                self.noted.clear();
                Err(tls_failure(server.name, &error))
            }
        }
    }
}

/// A connection was made, secured or not.
pub fn connected(call: &Call<'_>, server: &Server, notices: &mut Notices) {
    notices.push(What::Connected, server.name, Status::OK, String::new);
    if server.spec.tls_name.is_some() && call.options.tls_insecure_skip_verify {
        notices.push(What::TlsUnverified, server.name, Status::OK, || {
            let server = server.name;
            format!("the certificate of {server} was not verified: tls_insecure_skip_verify is on")
        });
    }
}

/// The time is up.
#[cold]
pub fn late(server: &Server) -> Box<Failure> {
    let text = format!("no TLS session with {} in time", server.name);
    Failure::new(Status::TIMEOUT, text)
        .at(Phase::Handshake)
        .on(server.name)
}
