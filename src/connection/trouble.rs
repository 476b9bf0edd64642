//! Why the bytes of a connection do not move, and what is told of it.

use std::io;

use crate::buffer::NoMemory;
use crate::error::{Failure, Phase, Status};
use crate::names::ServerName;
use crate::transport::tls::TlsFault;

/// Why bytes did not move.
#[derive(Debug)]
pub enum Trouble {
    /// Not now.
    WouldBlock,
    /// A signal came first.
    Interrupted,
    /// The server closed the connection.
    Eof,
    Io(io::Error),
    NoMemory(NoMemory),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Trouble::WouldBlock,
            io::ErrorKind::Interrupted => Trouble::Interrupted,
            // The system's memory, or that of a server in this process.
            io::ErrorKind::OutOfMemory => Trouble::NoMemory(NoMemory(0)),
            _ => Trouble::Io(error),
        }
    }
}

impl Trouble {
    /// The server took nothing of what was sent: it turned the client away in the handshake.
    pub fn is_refusal(&self) -> bool {
        match self {
            Trouble::Io(error) => TlsFault::of(error).is_some_and(TlsFault::is_refusal),
            _ => false,
        }
    }

    /// What is told of a connection that it has ended, and whether it is the server that closed it.
    #[cold]
    pub fn failure(self, server: ServerName) -> (Box<Failure>, bool) {
        match self {
            Trouble::Io(error) if TlsFault::of(&error).is_some() => {
                (tls_failure(server, &error), false)
            }
            Trouble::Io(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                let closed = matches!(
                    errno,
                    libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED | libc::ENOTCONN
                );
                let text = format!("the connection to {server} failed: {error}");
                let failure = Failure::new(Status::SERVER_DISCONNECT, text).errno(errno);
                (failure, closed)
            }
            Trouble::NoMemory(why) => (Failure::no_memory(why.0), false),
            Trouble::Eof | Trouble::WouldBlock | Trouble::Interrupted => {
                let text = format!("{server} closed the connection");
                (Failure::new(Status::SERVER_DISCONNECT, text), true)
            }
        }
    }
}

/// The failure of a handshake, or of what comes of it later.
#[cold]
pub fn tls_failure(server: ServerName, error: &io::Error) -> Box<Failure> {
    if error.kind() == io::ErrorKind::OutOfMemory {
        return Failure::new(Status::NO_MEMORY, "no memory for a TLS session")
            .at(Phase::Handshake)
            .on(server);
    }
    let text = match TlsFault::of(error) {
        Some(fault) => format!("TLS with {}: {fault}", server),
        None => format!("TLS with {}: the handshake was cut off: {error}", server),
    };
    Failure::new(Status::TLS_FAILURE, text)
        .at(Phase::Handshake)
        .errno(error.raw_os_error().unwrap_or(0))
        .on(server)
}
