//! The records of a TLS connection on their way between its socket and rustls.

use std::io::{self, IoSlice, Read, Write};

use crate::buffer::Chunk;
use crate::transport::Mode;
use crate::transport::socket::Descriptor;

/// The largest record, with its header, and some more: a record that lies in the socket whole is received
/// at once.
const ROOM: usize = 18 * 1024;

/// Received records that rustls has not taken yet.
pub struct Wire {
    chunk: Chunk,
    taken: usize,
}

impl Wire {
    pub fn new() -> io::Result<Wire> {
        let chunk = Chunk::new(ROOM).map_err(|_| io::ErrorKind::OutOfMemory)?;
        Ok(Wire { chunk, taken: 0 })
    }

    pub fn is_empty(&self) -> bool {
        self.taken == self.chunk.len()
    }

    /// Receive once; everything received before must have been taken.
    pub fn refill(&mut self, socket: &Descriptor, mode: Mode) -> io::Result<usize> {
        self.chunk.clear();
        self.taken = 0;
        self.chunk.receive(&mut socket.reader(mode), ROOM)
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.chunk.filled().get(self.taken..).unwrap_or_default();
        let n = rest.read(buf)?;
        self.taken += n;
        Ok(n)
    }
}

/// Where rustls writes to: the socket, never waiting.
pub struct Out<'a>(pub &'a Descriptor);

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes, Mode::DontWait)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send_pieces(pieces, Mode::DontWait)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
