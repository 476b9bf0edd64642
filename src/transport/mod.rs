//! Byte streams: one enum, so that a new transport is one file and one variant.

pub mod pipe;
mod socket;
mod socket_options;
mod tcp;
mod unix;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;

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
        let socket = self.descriptor().socket();
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        socket_options::established(socket, tuning)
    }

    #[inline(always)]
    fn descriptor(&self) -> &Descriptor {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => descriptor,
        }
    }

    #[inline(always)]
    pub fn send(&self, bytes: &[u8], mode: Mode) -> io::Result<usize> {
        self.descriptor().send(bytes, mode)
    }

    pub fn send_pieces(&self, pieces: &[IoSlice<'_>], mode: Mode) -> io::Result<usize> {
        self.descriptor().send_pieces(pieces, mode)
    }

    /// The receiving side, for one receive.
    #[inline(always)]
    pub fn reader(&self, mode: Mode) -> Reader<'_> {
        self.descriptor().reader(mode)
    }

    /// Whether something (bytes, the end, an error) waits to be received. Never waits.
    pub fn peek(&self) -> io::Result<bool> {
        self.descriptor().peek()
    }

    pub fn fd(&self) -> RawFd {
        self.descriptor().fd()
    }
}
