//! A stream whose far end runs in the thread that writes: no descriptor, no system call, no wait.

use std::io::{self, IoSlice};

use crate::buffer::NoMemory;

/// The far end of a pipe: runs in the writer's thread.
pub trait Peer: Send {
    /// Bytes that the client has written; replies are appended. `Ok(false)`: the far end closes after
    /// what was appended.
    fn hear(&mut self, bytes: &[u8], replies: &mut Vec<u8>) -> Result<bool, NoMemory>;

    /// Whether there is more to be read than was appended: a reply that is too large to be made at
    /// once.
    fn has_more(&self) -> bool {
        false
    }

    /// Append more of such a reply; called when everything else was read. As [`Peer::hear`].
    fn more(&mut self, _replies: &mut Vec<u8>) -> Result<bool, NoMemory> {
        Ok(true)
    }
}

/// With so many bytes unread, nothing more is taken: who writes has to read first, as with a socket.
const UNREAD_MAX: usize = 256 * 1024;

/// The near end.
pub struct Pipe {
    peer: Box<dyn Peer>,
    replies: Vec<u8>,
    /// So many of them were read.
    read: usize,
    closed: bool,
}

impl Pipe {
    pub fn new(peer: Box<dyn Peer>) -> Pipe {
        Pipe {
            peer,
            replies: Vec::new(),
            read: 0,
            closed: false,
        }
    }

    fn unread(&self) -> &[u8] {
        self.replies.get(self.read..).unwrap_or_default()
    }

    /// Something (bytes, the end) can be read.
    pub fn is_readable(&self) -> bool {
        self.closed || !self.unread().is_empty() || self.peer.has_more()
    }

    /// A write is taken, or fails at once.
    pub fn is_writable(&self) -> bool {
        self.closed || self.unread().len() < UNREAD_MAX
    }

    /// Write all of `bytes`, or nothing where too much is unread.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Err(io::Error::from_raw_os_error(libc::EPIPE));
        }
        if !self.is_writable() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let open = self
            .peer
            .hear(bytes, &mut self.replies)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        self.closed = !open;
        Ok(bytes.len())
    }

    /// As many of `pieces` as are taken.
    pub fn send_pieces(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut sent = 0;
        for piece in pieces {
            match self.send(piece) {
                Ok(n) => sent += n,
                Err(_) if sent > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    #[cold]
    fn ask_for_more(&mut self) -> io::Result<()> {
        if !self.peer.has_more() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let open = self
            .peer
            .more(&mut self.replies)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        self.closed = !open;
        Ok(())
    }

    /// Read once: `take` takes bytes off the front of what is unread. The end of the stream is what it
    /// takes of nothing.
    pub fn receive<T>(&mut self, take: impl FnOnce(&mut &[u8]) -> T) -> io::Result<T> {
        if self.unread().is_empty() && !self.closed {
            self.ask_for_more()?;
        }
        let mut unread = self.replies.get(self.read..).unwrap_or_default();
        let taken = take(&mut unread);
        self.read = self.replies.len() - unread.len();
        if self.read == self.replies.len() {
            self.read = 0;
            self.replies.clear();
            // A large reply's memory is not kept.
            self.replies.shrink_to(UNREAD_MAX);
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each byte with as many as it says; closes at a zero.
    struct Repeater;

    impl Peer for Repeater {
        fn hear(&mut self, bytes: &[u8], replies: &mut Vec<u8>) -> Result<bool, NoMemory> {
            for byte in bytes {
                replies.extend(std::iter::repeat_n(*byte, 1024 * usize::from(*byte)));
            }
            Ok(!bytes.contains(&0))
        }
    }

    fn read(pipe: &mut Pipe, most: usize) -> io::Result<usize> {
        pipe.receive(|unread| {
            let n = unread.len().min(most);
            *unread = &unread[n..];
            n
        })
    }

    #[test]
    fn who_writes_must_read_and_what_is_unread_survives_the_end() {
        let mut pipe = Pipe::new(Box::new(Repeater));
        assert!(pipe.is_writable() && !pipe.is_readable());
        assert_eq!(
            read(&mut pipe, 9).expect_err("nothing").kind(),
            io::ErrorKind::WouldBlock
        );
        let large = [IoSlice::new(&[255]), IoSlice::new(&[1]), IoSlice::new(&[9])];
        assert_eq!(pipe.send_pieces(&large).expect("two of them"), 2);
        assert!(!pipe.is_writable() && pipe.is_readable());
        let full = pipe.send(&[1]).expect_err("it is full");
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(read(&mut pipe, 1).expect("one"), 1);
        assert_eq!(pipe.send(&[0]).expect("there is room"), 1);
        assert_eq!(
            pipe.send(&[1]).expect_err("closed").raw_os_error(),
            Some(libc::EPIPE)
        );
        assert_eq!(
            read(&mut pipe, usize::MAX).expect("the rest"),
            UNREAD_MAX - 1
        );
        assert_eq!(read(&mut pipe, 1).expect("the end"), 0);
    }

    /// Answers anything with so many lines, one at a time.
    struct Slow(usize);

    impl Peer for Slow {
        fn hear(&mut self, _: &[u8], replies: &mut Vec<u8>) -> Result<bool, NoMemory> {
            replies.push(b'0');
            Ok(true)
        }

        fn has_more(&self) -> bool {
            self.0 > 0
        }

        fn more(&mut self, replies: &mut Vec<u8>) -> Result<bool, NoMemory> {
            self.0 -= 1;
            replies.push(b'1');
            Ok(self.0 > 0)
        }
    }

    #[test]
    fn what_is_made_as_it_is_read() {
        let mut pipe = Pipe::new(Box::new(Slow(3)));
        assert_eq!(pipe.send(b"x").expect("it is heard"), 1);
        for _ in 0..4 {
            assert!(pipe.is_readable());
            assert_eq!(read(&mut pipe, usize::MAX).expect("one at a time"), 1);
        }
        // The far end has closed behind the last.
        assert_eq!(read(&mut pipe, 1).expect("the end"), 0);
    }
}
