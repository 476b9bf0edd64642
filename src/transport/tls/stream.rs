//! A TLS connection on a TCP socket. Records are received and sent without waiting, but for the one
//! receive that may block; what stays unsent is sent with the next call, whichever that is.

use std::io::{self, BufRead, IoSlice, Read, Write};
use std::os::fd::RawFd;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::TlsFault;
use super::cause;
use super::wire::{Out, Wire};
use crate::fork;
use crate::transport::socket::Descriptor;
use crate::transport::{Interest, Mode, Readiness, Stream};

/// So many receives bring nothing before the caller looks at the clock: a server may go on sending
/// records without a byte in them.
const WITHOUT_THE_CLOCK: usize = 64;

pub struct TlsStream(Box<Inner>);

struct Inner {
    socket: Descriptor,
    connection: ClientConnection,
    wire: Wire,
    /// Decrypted bytes that nobody has read.
    unread: usize,
    /// The server has ended the stream, with a word (close_notify) or without. That is the same to an
    /// unfinished reply: it is none.
    ended: bool,
    /// The server has sent something to be read: it has taken this client.
    heard: bool,
    /// Told when everything before it has been read.
    trouble: Option<io::Error>,
    /// The process that made it.
    generation: u32,
}

/// A session without its socket.
pub struct TlsSession {
    connection: ClientConnection,
    wire: Wire,
}

impl TlsSession {
    pub fn new(config: Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<TlsSession> {
        let connection =
            ClientConnection::new(config, name).map_err(|error| cause::fault(&error, false))?;
        let wire = Wire::new()?;
        Ok(TlsSession { connection, wire })
    }

    /// A connection over one that was made, its handshake still to be made. TLS goes over TCP only; what is
    /// something else is given back.
    pub fn over(self, stream: Stream) -> Result<TlsStream, Stream> {
        let socket = match stream {
            Stream::Tcp(socket) => socket,
            other => return Err(other),
        };
        Ok(TlsStream(Box::new(Inner {
            socket,
            connection: self.connection,
            wire: self.wire,
            unread: 0,
            ended: false,
            heard: false,
            trouble: None,
            generation: fork::generation(),
        })))
    }
}

impl TlsStream {
    /// Go on with the handshake without waiting; whether it is done.
    pub fn handshake(&mut self) -> io::Result<bool> {
        let inner = &mut *self.0;
        for _ in 0..WITHOUT_THE_CLOCK {
            inner.flush();
            if let Some(error) = inner.trouble.take() {
                return Err(error);
            }
            if !inner.connection.is_handshaking() {
                return Ok(!inner.connection.wants_write());
            }
            if inner.ended {
                let text = "the server closed the connection in the middle of the handshake";
                return Err(TlsFault::new(text).into());
            }
            match inner.take_in(Mode::DontWait) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(false)
    }

    /// What [`TlsStream::handshake`] waits for.
    pub fn handshake_readiness(&self) -> Readiness {
        let connection = &self.0.connection;
        let interest = Interest {
            read: connection.is_handshaking(),
            write: connection.wants_write(),
        };
        Readiness::of(self.fd(), interest)
    }

    /// Take as many bytes as fit, and send what can be sent of them without waiting. Nothing is taken
    /// before what was taken earlier has left.
    pub fn send_pieces(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let inner = &mut *self.0;
        let taken = inner.connection.writer().write_vectored(pieces)?;
        // A failure is told by the next call: some of the bytes may have left.
        inner.flush();
        Ok(taken)
    }

    /// Send of what was taken earlier what can be sent without waiting; whether all of it has left.
    pub fn flush(&mut self) -> io::Result<bool> {
        self.0.flush();
        match self.0.trouble.take() {
            Some(error) => Err(error),
            None => Ok(self.is_flushed()),
        }
    }

    /// For one receive.
    pub fn reader(&mut self, mode: Mode) -> TlsReader<'_> {
        TlsReader {
            inner: &mut self.0,
            mode: Some(mode),
        }
    }

    /// Whether something (bytes, the end, an error) waits to be read. What is none of these (a ticket, new
    /// keys) is taken in.
    pub fn peek(&mut self) -> io::Result<bool> {
        match self.0.fetch(Mode::DontWait) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub fn readiness(&self, interest: Interest) -> Readiness {
        let inner = &*self.0;
        let pending = inner.unread > 0 || inner.ended || inner.trouble.is_some();
        if interest.read && (pending || !inner.wire.is_empty()) {
            return Readiness::known(true);
        }
        let write = interest.write || inner.connection.wants_write();
        Readiness::of(self.fd(), Interest { write, ..interest })
    }

    /// Everything that was taken has left.
    pub fn is_flushed(&self) -> bool {
        !self.0.connection.wants_write()
    }

    pub fn fd(&self) -> RawFd {
        self.0.socket.fd()
    }
}

impl Inner {
    /// Send what can be sent without waiting.
    fn flush(&mut self) {
        while self.trouble.is_none() && self.connection.wants_write() {
            match self.connection.write_tls(&mut Out(&self.socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    self.hear_out();
                    self.trouble.get_or_insert(error);
                }
            }
        }
    }

    /// Nothing can be sent any more: why, the server may have said before it went.
    fn hear_out(&mut self) {
        for _ in 0..WITHOUT_THE_CLOCK {
            let over = self.trouble.is_some() || self.ended;
            if over || self.take_in(Mode::DontWait).is_err() {
                return;
            }
        }
    }

    /// See to it that there is something to be read, or that the stream is at its end.
    fn fetch(&mut self, mode: Mode) -> io::Result<()> {
        self.flush();
        // With records unsent, only who waits for both ways may wait.
        let mut mode = match self.connection.wants_write() {
            true => Mode::DontWait,
            false => mode,
        };
        for _ in 0..WITHOUT_THE_CLOCK {
            if self.unread > 0 {
                return Ok(());
            }
            if let Some(error) = self.trouble.take() {
                return Err(error);
            }
            if self.ended {
                return Ok(());
            }
            self.take_in(mode)?;
            mode = Mode::DontWait;
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Decrypt what was received, or else receive once.
    fn take_in(&mut self, mode: Mode) -> io::Result<()> {
        if self.wire.is_empty() && self.wire.refill(&self.socket, mode)? == 0 {
            self.ended = true;
            return Ok(());
        }
        self.decrypt()
    }

    /// Decrypt what was received up to the first record with bytes in it. What is wrong with it is kept
    /// in `trouble`.
    fn decrypt(&mut self) -> io::Result<()> {
        while !self.wire.is_empty() {
            self.connection.read_tls(&mut self.wire)?;
            match self.connection.process_new_packets() {
                Ok(state) => {
                    self.unread = state.plaintext_bytes_to_read();
                    self.ended |= state.peer_has_closed();
                }
                Err(error) => {
                    let handshaking = self.connection.is_handshaking();
                    let fault = cause::fault(&error, !handshaking && !self.heard);
                    let before = self.connection.reader().into_first_chunk();
                    self.unread = before.map_or(0, <[u8]>::len);
                    // The alert that tells the server.
                    let _ = self.connection.write_tls(&mut Out(&self.socket));
                    self.trouble = Some(fault.into());
                }
            }
            self.heard |= self.unread > 0;
            if self.unread > 0 || self.ended || self.trouble.is_some() {
                break;
            }
        }
        Ok(())
    }
}

impl Drop for Inner {
    /// Tell the server that this is the end, if that can be said at once and the connection is this
    /// process's own.
    fn drop(&mut self) {
        let open = !self.ended && self.trouble.is_none() && !self.connection.is_handshaking();
        if open && !self.connection.wants_write() && self.generation == fork::generation() {
            self.connection.send_close_notify();
            let _ = self.connection.write_tls(&mut Out(&self.socket));
        }
    }
}

/// One receive: what has come, as far as it was received.
pub struct TlsReader<'a> {
    inner: &'a mut Inner,
    /// Of the receive that is still to be made.
    mode: Option<Mode>,
}

impl BufRead for TlsReader<'_> {
    /// Empty at the end of the stream.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.mode.take() {
            Some(mode) => self.inner.fetch(mode)?,
            None if self.inner.unread == 0 => self.inner.decrypt()?,
            None => {}
        }
        match self.inner.unread {
            0 if self.inner.ended => Ok(&[]),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => self.inner.connection.reader().into_first_chunk(),
        }
    }

    fn consume(&mut self, n: usize) {
        self.inner.connection.reader().consume(n);
        self.inner.unread -= n;
    }
}

impl Read for TlsReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}
