//! The TLS handshake of a new connection.

use std::io;

use super::call::Call;
use super::contest::Socket;
use super::place::Noted;
use super::server::Server;
use crate::error::{Failure, Phase, Result, Status};
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
        let session = session.map_err(|error| failed(server, &error))?;
        let Socket { noted, stream } = socket;
        match session.over(stream) {
            Ok(stream) => Ok(Securing {
                noted,
                stream: Some(stream),
            }),
            Err(stream) => {
                // In the order in which a socket gives them up.
                drop(Socket { noted, stream });
                let why = TlsFault::new("it goes over TCP only");
                Err(failed(server, &why.into()))
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
            })),
            Ok(false) => {
                self.stream = Some(stream);
                Ok(None)
            }
            Err(error) => {
                self.noted.clear();
                Err(failed(server, &error))
            }
        }
    }
}

/// The failure of a handshake, or of what comes of it later.
#[cold]
pub fn failed(server: &Server, error: &io::Error) -> Box<Failure> {
    if error.kind() == io::ErrorKind::OutOfMemory {
        return Failure::new(Status::NO_MEMORY, "no memory for a TLS session")
            .at(Phase::Handshake)
            .on(server.name);
    }
    let text = match TlsFault::of(error) {
        Some(fault) => format!("TLS with {}: {fault}", server.name),
        None => format!(
            "TLS with {}: the handshake was cut off: {error}",
            server.name
        ),
    };
    Failure::new(Status::TLS_FAILURE, text)
        .at(Phase::Handshake)
        .errno(error.raw_os_error().unwrap_or(0))
        .on(server.name)
}

/// The time is up.
#[cold]
pub fn late(server: &Server) -> Box<Failure> {
    let text = format!("no TLS session with {} in time", server.name);
    Failure::new(Status::TIMEOUT, text)
        .at(Phase::Handshake)
        .on(server.name)
}
