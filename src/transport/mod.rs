//! Byte streams: one enum, so that a new transport is one file and one variant.

mod pipe;
mod socket;
mod socket_options;
mod tcp;
mod unix;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;

pub use pipe::{Peer, Pipe};
pub use socket::{Interest, Reader, Readiness, close_inherited, poll, socket_identity};
pub use socket_options::Tuning;

use crate::uri::Address;
use socket::Descriptor;

/// Where a stream can be connected to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Whether a call may wait in the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Up to the socket's own time limits.
    Block,
    DontWait,
}

/// A connected (or connecting) byte stream.
pub enum Stream {
    Tcp(Descriptor),
    Unix(Descriptor),
    Pipe(Box<Pipe>),
}

/// The endpoints of an address, in the order in which they are tried. Literal addresses and
/// `localhost` need no resolver.
pub fn endpoints(address: &Address) -> Vec<Endpoint> {
    match address {
        Address::Unix { path } => vec![Endpoint::Unix(PathBuf::from(path))],
        Address::Tcp { host, port } => tcp::addresses(host, *port)
            .into_iter()
            .map(Endpoint::Tcp)
            .collect(),
        Address::Memory { .. } => Vec::new(),
    }
}

impl Stream {
    /// Begin to connect, without waiting. `true`: connected at once; `false`: the stream becomes
    /// writable when [`Stream::connected`] can tell.
    pub fn connect(endpoint: &Endpoint, tuning: &Tuning) -> io::Result<(Stream, bool)> {
        match endpoint {
            Endpoint::Tcp(address) => {
                let (descriptor, at_once) = tcp::connect(*address, tuning)?;
                Ok((Stream::Tcp(descriptor), at_once))
            }
            Endpoint::Unix(path) => {
                let (descriptor, at_once) = unix::connect(path)?;
                Ok((Stream::Unix(descriptor), at_once))
            }
        }
    }

    /// How connecting ended, once the stream became writable; from then on its calls may block, up to
    /// the time limit of `tuning`.
    pub fn connected(&self, tuning: &Tuning) -> io::Result<()> {
        let Some(descriptor) = self.descriptor() else {
            return Ok(());
        };
        let socket = descriptor.socket();
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        socket_options::established(socket, tuning)
    }

    #[inline(always)]
    fn descriptor(&self) -> Option<&Descriptor> {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => Some(descriptor),
            Stream::Pipe(_) => None,
        }
    }

    #[inline(always)]
    pub fn send(&mut self, bytes: &[u8], mode: Mode) -> io::Result<usize> {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => descriptor.send(bytes, mode),
            Stream::Pipe(pipe) => pipe.send(bytes),
        }
    }

    pub fn send_pieces(&mut self, pieces: &[IoSlice<'_>], mode: Mode) -> io::Result<usize> {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => {
                descriptor.send_pieces(pieces, mode)
            }
            Stream::Pipe(pipe) => pipe.send_pieces(pieces),
        }
    }

    /// The receiving side, for one receive.
    #[inline(always)]
    pub fn receiver(&mut self, mode: Mode) -> Receiver<'_> {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => {
                Receiver::Socket(descriptor.reader(mode))
            }
            Stream::Pipe(pipe) => Receiver::Pipe(pipe),
        }
    }

    /// Whether something (bytes, the end, an error) waits to be received. Never waits.
    pub fn peek(&self) -> io::Result<bool> {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => descriptor.peek(),
            Stream::Pipe(pipe) => Ok(pipe.is_readable()),
        }
    }

    /// What to wait for before the next call moves something.
    pub fn readiness(&self, interest: Interest) -> Readiness {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => {
                Readiness::of(descriptor.fd(), interest)
            }
            Stream::Pipe(pipe) => {
                let now =
                    interest.read && pipe.is_readable() || interest.write && pipe.is_writable();
                Readiness::known(now)
            }
        }
    }

    /// Its descriptor; a pipe has none.
    pub fn fd(&self) -> Option<RawFd> {
        self.descriptor().map(Descriptor::fd)
    }
}

/// Where one receive receives from.
pub enum Receiver<'a> {
    Socket(Reader<'a>),
    Pipe(&'a mut Pipe),
}
