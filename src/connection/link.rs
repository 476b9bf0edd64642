//! A session on a stream.

use std::io::{self, IoSlice};
use std::os::fd::RawFd;

use super::outbox::Values;
use super::session::Session;
use crate::buffer::{NoMemory, Place};
use crate::deadline::Moment;
use crate::error::{Failure, Status};
use crate::names::ServerName;
use crate::transport::{Interest, Mode, Pipe, Readiness, Receiver, Stream};

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
    /// What is told of a connection that it has ended, and whether it is the server that closed it.
    #[cold]
    pub fn failure(self, server: ServerName) -> (Box<Failure>, bool) {
        match self {
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

/// One connection.
pub struct Link {
    pub session: Session,
    stream: Stream,
    /// Not after the last bytes were received: the beginning of the call that did.
    pub last_used: Moment,
    /// It has carried a command before.
    pub reused: bool,
}

/// So many pieces are sent at once.
const PIECES: usize = 64;

impl Link {
    pub fn new(stream: Stream, session: Session, now: Moment) -> Link {
        Link {
            session,
            stream,
            last_used: now,
            reused: false,
        }
    }

    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The stream without the session, which must be in step.
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// Its descriptor; a pipe has none.
    pub fn fd(&self) -> Option<RawFd> {
        self.stream.fd()
    }

    /// What to wait for before bytes can move again.
    pub fn readiness(&self, interest: Interest) -> Readiness {
        self.stream.readiness(interest)
    }

    /// Send once of what is unsent; returns how many bytes left.
    #[inline(always)]
    pub fn send(&mut self, values: &dyn Values, mode: Mode) -> Result<usize, Trouble> {
        self.session.end_line();
        let n = match self.session.plain() {
            Some(bytes) => self.stream.send(bytes, mode),
            None => {
                let mut pieces = [IoSlice::new(&[]); PIECES];
                let n = self.session.gather(values, &mut pieces);
                self.stream.send_pieces(&pieces[..n], mode)
            }
        }
        .map_err(Trouble::from)?;
        if n == 0 {
            return Err(Trouble::Eof);
        }
        self.session.wrote(n);
        Ok(n)
    }

    /// Receive once; the end of the stream is a trouble.
    #[inline(always)]
    pub fn receive(&mut self, place: Option<&mut dyn Place>, mode: Mode) -> Result<usize, Trouble> {
        let mut reader = match self.stream.receiver(mode) {
            Receiver::Socket(reader) => reader,
            Receiver::Pipe(pipe) => return receive_piped(pipe, &mut self.session, place),
        };
        match self.session.receive(&mut reader, place) {
            Ok(Ok(0)) => Err(Trouble::Eof),
            Ok(Ok(n)) => Ok(n),
            Ok(Err(error)) => Err(Trouble::from(error)),
            Err(why) => Err(Trouble::NoMemory(why)),
        }
    }

    /// Receive once of a large value: see `Session::receive_large`.
    pub fn receive_large(&mut self, place: &mut dyn Place, left: usize) -> Result<usize, Trouble> {
        let session = &mut self.session;
        let received = match self.stream.receiver(Mode::DontWait) {
            Receiver::Socket(mut reader) => session.receive_large(&mut reader, place, left),
            Receiver::Pipe(pipe) => {
                match pipe.receive(|unread| session.receive_large(unread, place, left)) {
                    Ok(Ok(Ok(received))) => Ok(Ok(received)),
                    Ok(Err(why)) => Err(why),
                    Err(error) => Ok(Err(error)),
                }
            }
        };
        match received {
            Ok(Ok((0, 0))) => Err(Trouble::Eof),
            Ok(Ok((there, _))) => Ok(there),
            Ok(Err(error)) => Err(Trouble::from(error)),
            Err(why) => Err(Trouble::NoMemory(why)),
        }
    }

    /// Look at an idle connection before it is used: whether it is fit for a command. Replies of
    /// quiet commands may have come and are taken; anything else that has come, the end of the stream
    /// included, means that it is not. `quiet_failed` hears of failures.
    pub fn look(
        &mut self,
        mut quiet_failed: impl FnMut(&Session, super::arrival::Arrival),
    ) -> bool {
        if self.session.owes_quiet() == 0 {
            return matches!(self.stream.peek(), Ok(false));
        }
        loop {
            match self.receive(None, Mode::DontWait) {
                Ok(_) => {
                    while let Some(arrival) = self.session.next_arrival() {
                        quiet_failed(&self.session, arrival);
                    }
                    self.session.check_surplus();
                    if self.session.broken().is_some() {
                        return false;
                    }
                }
                Err(Trouble::WouldBlock) => return self.session.may_begin(),
                Err(Trouble::Interrupted) => {}
                Err(_) => return false,
            }
        }
    }
}

/// [`Link::receive`] from a pipe, kept out of the way of sockets.
#[inline(never)]
fn receive_piped(
    pipe: &mut Pipe,
    session: &mut Session,
    place: Option<&mut dyn Place>,
) -> Result<usize, Trouble> {
    match pipe.receive(|unread| session.receive(unread, place)) {
        Ok(Ok(Ok(0))) => Err(Trouble::Eof),
        Ok(Ok(Ok(n))) => Ok(n),
        Ok(Err(why)) => Err(Trouble::NoMemory(why)),
        Err(error) => Err(Trouble::from(error)),
    }
}
