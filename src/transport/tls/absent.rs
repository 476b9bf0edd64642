//! A build without TLS.

use std::io::{self, BufRead, IoSlice, Read};
use std::os::fd::RawFd;

use super::{TlsFault, TlsSettings};
use crate::transport::{Interest, Mode, Readiness, Stream};

/// Servers with TLS are refused before anything is made for them.
pub struct TlsContext;

impl TlsContext {
    pub fn new(_: TlsSettings) -> TlsContext {
        TlsContext
    }

    /// The same, for a forked child.
    pub fn renewed(&self) -> TlsContext {
        TlsContext
    }

    pub fn session(&self, _: &str, _: &str) -> io::Result<TlsSession> {
        Err(TlsFault::new("this build has no TLS").into())
    }
}

/// There is none.
pub enum TlsSession {}

impl TlsSession {
    pub fn over(self, _: Stream) -> Result<TlsStream, Stream> {
        match self {}
    }
}

/// There is none.
pub enum TlsStream {}

impl TlsStream {
    pub fn handshake(&mut self) -> io::Result<bool> {
        match *self {}
    }

    pub fn handshake_readiness(&self) -> Readiness {
        match *self {}
    }

    pub fn send_pieces(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        match *self {}
    }

    pub fn flush(&mut self) -> io::Result<bool> {
        match *self {}
    }

    pub fn reader(&mut self, _: Mode) -> TlsReader<'_> {
        match *self {}
    }

    pub fn peek(&mut self) -> io::Result<bool> {
        match *self {}
    }

    pub fn readiness(&self, _: Interest) -> Readiness {
        match *self {}
    }

    pub fn is_flushed(&self) -> bool {
        match *self {}
    }

    pub fn fd(&self) -> RawFd {
        match *self {}
    }
}

/// There is none.
pub struct TlsReader<'a>(&'a mut TlsStream);

impl Read for TlsReader<'_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match *self.0 {}
    }
}

impl BufRead for TlsReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match *self.0 {}
    }

    fn consume(&mut self, _: usize) {
        match *self.0 {}
    }
}
