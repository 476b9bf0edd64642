//! Byte streams: one enum, so that a new transport is one file and one variant.

mod helper;
pub mod pipe;
pub mod poller;
pub mod race;
pub mod resolve;
mod socket;
mod socket_options;
mod tcp;
pub mod tls;
mod unix;
pub mod wakeup;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;

pub use pipe::{Peer, Pipe};
pub use socket::{Interest, Reader, Readiness, close_inherited, poll, socket_identity};
pub use socket_options::Tuning;

use crate::buffer::Buffered;
use crate::uri::Address;
use socket::Descriptor;
use tls::{TlsReader, TlsStream};

/// Where a stream can be connected to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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
    Tls(TlsStream),
}

/// Where the endpoints of a server come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whereabouts {
    /// They are known, in the order in which they are tried: a path, a literal address, `localhost`.
    Known(Vec<Endpoint>),
    /// This name has to be looked up.
    Named { host: String, port: u16 },
}

impl Whereabouts {
    pub fn of(address: &Address) -> Whereabouts {
        match address {
            Address::Unix { path } => Whereabouts::Known(vec![Endpoint::Unix(PathBuf::from(path))]),
            Address::Tcp { host, port } => match tcp::without_resolver(host, *port) {
                Some(addresses) => {
                    Whereabouts::Known(addresses.into_iter().map(Endpoint::Tcp).collect())
                }
                None => Whereabouts::Named {
                    host: host.clone(),
                    port: *port,
                },
            },
            Address::Memory { .. } => Whereabouts::Known(Vec::new()),
        }
    }
}

impl Whereabouts {
    /// The name that has to be looked up; empty where none has.
    pub fn host(&self) -> &str {
        match self {
            Whereabouts::Named { host, .. } => host,
            Whereabouts::Known(_) => "",
        }
    }

    /// The port at the addresses of a name.
    pub fn port(&self) -> u16 {
        match self {
            Whereabouts::Named { port, .. } => *port,
            Whereabouts::Known(_) => 0,
        }
    }
}

impl Endpoint {
    /// Whether connecting failed only because the queue of the listener was full. (A TCP listener
    /// says nothing then, and the system goes on trying.)
    pub fn is_full(&self, error: &io::Error) -> bool {
        matches!(self, Endpoint::Unix(_)) && error.kind() == io::ErrorKind::WouldBlock
    }

    /// What is sent there never leaves this machine: a Unix socket or a loopback address.
    pub fn is_of_this_machine(&self) -> bool {
        match self {
            Endpoint::Unix(_) => true,
            Endpoint::Tcp(address) => address.ip().to_canonical().is_loopback(),
        }
    }
}

/// The endpoints of addresses that a look-up found, in the order in which they are tried; `port` is
/// the server's.
pub fn endpoints(addresses: &[SocketAddr], port: u16) -> Vec<Endpoint> {
    let mut ordered = race::order(addresses);
    for address in &mut ordered {
        if address.port() == 0 {
            address.set_port(port);
        }
    }
    ordered.into_iter().map(Endpoint::Tcp).collect()
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

    /// Of a plain socket.
    #[inline(always)]
    fn descriptor(&self) -> Option<&Descriptor> {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => Some(descriptor),
            Stream::Pipe(_) | Stream::Tls(_) => None,
        }
    }

    /// TLS takes nothing here, but pieces that its records are made of.
    #[inline(always)]
    pub fn send(&mut self, bytes: &[u8], mode: Mode) -> io::Result<usize> {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => descriptor.send(bytes, mode),
            Stream::Pipe(pipe) => pipe.send(bytes),
            Stream::Tls(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    pub fn send_pieces(&mut self, pieces: &[IoSlice<'_>], mode: Mode) -> io::Result<usize> {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => {
                descriptor.send_pieces(pieces, mode)
            }
            Stream::Pipe(pipe) => pipe.send_pieces(pieces),
            Stream::Tls(tls) => tls.send_pieces(pieces),
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
            Stream::Tls(tls) => Receiver::Tls(Buffered(tls.reader(mode))),
        }
    }

    /// Whether something (bytes, the end, an error) waits to be received. Never waits.
    pub fn peek(&mut self) -> io::Result<bool> {
        match self {
            Stream::Tcp(descriptor) | Stream::Unix(descriptor) => descriptor.peek(),
            Stream::Pipe(pipe) => Ok(pipe.is_readable()),
            Stream::Tls(tls) => tls.peek(),
        }
    }

    /// Whether what is sent leaves in records.
    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// Send of what was taken and has not left yet what can be sent without waiting; whether all of it
    /// has left.
    pub fn flush(&mut self) -> io::Result<bool> {
        match self {
            Stream::Tls(tls) => tls.flush(),
            _ => Ok(true),
        }
    }

    /// Everything that was sent has left. (TLS keeps records that the socket does not take.)
    pub fn is_flushed(&self) -> bool {
        match self {
            Stream::Tls(tls) => tls.is_flushed(),
            _ => true,
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
            Stream::Tls(tls) => tls.readiness(interest),
        }
    }

    /// Its descriptor; a pipe has none.
    pub fn fd(&self) -> Option<RawFd> {
        match self {
            Stream::Tls(tls) => Some(tls.fd()),
            _ => self.descriptor().map(Descriptor::fd),
        }
    }
}

/// Where one receive receives from.
pub enum Receiver<'a> {
    Socket(Reader<'a>),
    Pipe(&'a mut Pipe),
    Tls(Buffered<TlsReader<'a>>),
}
