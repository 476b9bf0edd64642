//! A raw connection that is connected: its bytes move here, never in a call that waits by itself.

use std::io::{self, IoSlice};
use std::os::fd::RawFd;

use super::unread::{Found, Unread};
use crate::client::contest::Socket;
use crate::client::place::Noted;
use crate::client::wait;
use crate::connection::link::Trouble;
use crate::deadline::{self, Deadline};
use crate::transport::{Interest, Mode, Receiver, Stream};

/// So much is received in a look that does not wait, however much there is.
const LOOK: usize = 64 * 1024;

pub struct Open {
    /// Before the stream: forgotten when that is closed.
    _noted: Noted,
    stream: Stream,
    /// How it ended, where that came before all that was received in front of it was read.
    lost: Option<Trouble>,
}

/// Why a call did not come to its end.
pub enum Halt {
    /// It may not wait.
    WouldBlock,
    /// The time is up.
    Late,
    TooLong,
    Trouble(Trouble),
}

impl From<Trouble> for Halt {
    fn from(trouble: Trouble) -> Halt {
        Halt::Trouble(trouble)
    }
}

impl Open {
    pub fn new(socket: Socket) -> Open {
        Open {
            _noted: socket.noted,
            stream: socket.stream,
            lost: None,
        }
    }

    /// To a server in memory.
    pub fn piped(stream: Stream) -> Open {
        Open {
            _noted: Noted::default(),
            stream,
            lost: None,
        }
    }

    pub fn fd(&self) -> Option<RawFd> {
        self.stream.fd()
    }

    /// Send all of `bytes`. Where that has to wait, what the server sends meanwhile is received: it may
    /// be waiting for that.
    pub fn send(
        &mut self,
        bytes: &[u8],
        sent: &mut usize,
        unread: &mut Unread,
        deadline: Deadline,
        may_wait: bool,
    ) -> Result<(), Halt> {
        while *sent < bytes.len() || !self.stream.is_flushed() {
            match self.send_some(&bytes[*sent..]) {
                Ok(n) => {
                    *sent += n;
                    if *sent < bytes.len() && is_over(deadline) {
                        return Err(Halt::Late);
                    }
                }
                Err(error) => match Trouble::from(error) {
                    Trouble::Interrupted => {}
                    Trouble::WouldBlock if !may_wait => return Err(Halt::WouldBlock),
                    Trouble::WouldBlock => self.wait_to_send(unread, deadline)?,
                    trouble => return Err(trouble.into()),
                },
            }
        }
        Ok(())
    }

    /// Send once, without waiting; with nothing to send, what is kept of what was sent before.
    fn send_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return match self.stream.flush()? {
                true => Ok(0),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        match self
            .stream
            .send_pieces(&[IoSlice::new(bytes)], Mode::DontWait)?
        {
            0 => Err(io::ErrorKind::WriteZero.into()),
            n => Ok(n),
        }
    }

    fn wait_to_send(&mut self, unread: &mut Unread, deadline: Deadline) -> Result<(), Halt> {
        let read = self.lost.is_none() && !unread.is_full();
        self.wait(Interest { read, write: true }, deadline)?;
        if read {
            match self.receive(unread) {
                Ok(()) | Err(Trouble::WouldBlock | Trouble::Interrupted) => {}
                Err(why @ Trouble::NoMemory(_)) => return Err(why.into()),
                // What sending meets is told first, or reading what came before.
                Err(why) => self.lost = Some(why),
            }
        }
        Ok(())
    }

    /// Receive something, and wait for it where that is allowed.
    pub fn receive_within(
        &mut self,
        unread: &mut Unread,
        deadline: Deadline,
        may_wait: bool,
    ) -> Result<(), Halt> {
        if let Some(why) = self.lost.take() {
            return Err(why.into());
        }
        loop {
            match self.receive(unread) {
                Ok(()) => return Ok(()),
                Err(Trouble::Interrupted) => {}
                Err(Trouble::WouldBlock) if !may_wait => return Err(Halt::WouldBlock),
                Err(Trouble::WouldBlock) => {
                    let read = Interest {
                        read: true,
                        write: false,
                    };
                    self.wait(read, deadline)?;
                }
                Err(trouble) => return Err(trouble.into()),
            }
        }
    }

    fn wait(&self, interest: Interest, deadline: Deadline) -> Result<(), Halt> {
        let readiness = self.stream.readiness(interest);
        // The far end of a pipe runs in this thread: what it has not done by now it will not do.
        if self.fd().is_none() && !readiness.is_known_ready() {
            return Err(Halt::Late);
        }
        match wait::wait(&mut [readiness], deadline.end()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Halt::Late),
            Err(error) => Err(Trouble::Io(error).into()),
        }
    }

    /// Receive once without waiting; there must be room.
    fn receive(&mut self, unread: &mut Unread) -> Result<(), Trouble> {
        let received = match self.stream.receiver(Mode::DontWait) {
            Receiver::Socket(mut reader) => unread.receive(&mut reader),
            Receiver::Tls(mut reader) => unread.receive(&mut reader),
            Receiver::Pipe(pipe) => match pipe.receive(|bytes| unread.receive(bytes)) {
                Ok(Ok(Ok(n))) => Ok(Ok(n)),
                Ok(Err(why)) => Err(why),
                Err(error) => Ok(Err(error)),
            },
        };
        match received {
            Ok(Ok(0)) => Err(Trouble::Eof),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Trouble::from(error)),
            Err(why) => Err(Trouble::NoMemory(why)),
        }
    }

    /// Whether `terminator` is in what has come; some more is received for it, without waiting.
    pub fn look_for(&mut self, terminator: &[u8], unread: &mut Unread) -> Result<bool, Trouble> {
        let before = unread.bytes().len();
        loop {
            let found = unread
                .find(terminator, usize::MAX)
                .map_err(Trouble::NoMemory)?;
            let looked = unread.bytes().len() - before;
            if found != Found::More || self.lost.is_some() || unread.is_full() || looked >= LOOK {
                return Ok(found != Found::More);
            }
            match self.receive(unread) {
                Ok(()) | Err(Trouble::Interrupted) => {}
                Err(Trouble::WouldBlock) => return Ok(false),
                Err(why @ Trouble::NoMemory(_)) => return Err(why),
                Err(why) => self.lost = Some(why),
            }
        }
    }

    /// Whether the server has not closed it, as far as can be seen.
    pub fn is_up(&mut self, unread: &mut Unread) -> bool {
        // Bytes that nobody has read stand in front of an end, if there is one.
        while self.lost.is_none() && unread.bytes().is_empty() {
            match self.receive(unread) {
                Ok(()) | Err(Trouble::WouldBlock | Trouble::NoMemory(_)) => break,
                Err(Trouble::Interrupted) => {}
                Err(why) => self.lost = Some(why),
            }
        }
        self.lost.is_none()
    }
}

/// Whether the time is up.
pub fn is_over(deadline: Deadline) -> bool {
    deadline.passed(deadline::now())
}
