//! A session on a stream.

use std::io::{self, IoSlice};
use std::os::fd::RawFd;

use super::outbox::Values;
use super::session::Session;
pub use super::trouble::Trouble;
use crate::buffer::{Buffered, Place};
use crate::deadline::Moment;
use crate::transport::tls::TlsReader;
use crate::transport::{Interest, Mode, Pipe, Readiness, Receiver, Stream};

/// One connection.
pub struct Link {
    pub session: Session,
    stream: Stream,
    /// Not after the last bytes were received: the beginning of the call that did.
    pub last_used: Moment,
    /// It has carried a command before.
    pub reused: bool,
    /// By TLS: so much of the command that is being sent has not been taken yet.
    of_command: usize,
}

/// What a record of TLS holds (RFC 8446, 5.1), and memcached's receive memory too.
const RECORD: usize = 16 * 1024;

/// So many pieces are sent at once.
const PIECES: usize = 64;

impl Link {
    pub fn new(stream: Stream, session: Session, now: Moment) -> Link {
        Link {
            session,
            stream,
            last_used: now,
            reused: false,
            of_command: 0,
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

    /// Everything has left: nothing is kept by the session, nor by the stream.
    pub fn all_sent(&self) -> bool {
        self.session.all_sent() && self.stream.is_flushed()
    }

    /// Send once of what is unsent; returns how many bytes left.
    #[inline(always)]
    pub fn send(&mut self, values: &dyn Values, mode: Mode) -> Result<usize, Trouble> {
        self.session.end_line();
        let sent = match self.session.plain() {
            Some(bytes) => self.stream.send(bytes, mode),
            None if self.stream.is_tls() => return self.send_records(values, mode),
            None => {
                let mut pieces = [IoSlice::new(&[]); PIECES];
                let n = self.session.gather(values, &mut pieces);
                self.stream.send_pieces(&pieces[..n], mode)
            }
        };
        match sent {
            Ok(0) => Err(Trouble::Eof),
            Ok(n) => {
                self.session.wrote(n);
                Ok(n)
            }
            Err(error) => self.unsent(error, values, mode),
        }
    }

    /// A failure to send; a stream of TLS has only not been asked in its own way yet, which costs the
    /// others nothing.
    #[cold]
    #[inline(never)]
    fn unsent(
        &mut self,
        error: io::Error,
        values: &dyn Values,
        mode: Mode,
    ) -> Result<usize, Trouble> {
        match self.stream.is_tls() {
            true => self.send_records(values, mode),
            false => Err(Trouble::from(error)),
        }
    }

    /// [`Link::send`] by TLS: a record ends with a command, or where the command goes on in the next one.
    ///
    /// memcached (1.6.18 at least) reads a large value to its end straight from the record, and then waits
    /// for the socket: a command behind it in the same record it would see only when more came.
    fn send_records(&mut self, values: &dyn Values, mode: Mode) -> Result<usize, Trouble> {
        let wanted = match self.of_command {
            0 => self.session.whole_commands(RECORD),
            rest => rest,
        };
        let mut gathered = [IoSlice::new(&[]); PIECES];
        let n = self.session.gather(values, &mut gathered);
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let mut left = wanted;
        for (piece, gathered) in pieces.iter_mut().zip(&gathered[..n]) {
            let taken = left.min(gathered.len());
            *piece = IoSlice::new(&gathered[..taken]);
            left -= taken;
        }
        let sent = self.stream.send_pieces(&pieces[..n], mode)?;
        if sent == 0 {
            return Err(Trouble::Eof);
        }
        self.of_command = wanted.saturating_sub(sent);
        self.session.wrote(sent);
        Ok(sent)
    }

    /// Receive once; the end of the stream is a trouble.
    #[inline(always)]
    pub fn receive(&mut self, place: Option<&mut dyn Place>, mode: Mode) -> Result<usize, Trouble> {
        let mut reader = match self.stream.receiver(mode) {
            Receiver::Socket(reader) => reader,
            Receiver::Pipe(pipe) => return receive_piped(pipe, &mut self.session, place),
            Receiver::Tls(mut reader) => {
                return receive_buffered(&mut reader, &mut self.session, place);
            }
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
            Receiver::Tls(mut reader) => session.receive_large(&mut reader, place, left),
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

/// [`Link::receive`] by TLS, kept out of the way of sockets.
#[inline(never)]
fn receive_buffered(
    reader: &mut Buffered<TlsReader<'_>>,
    session: &mut Session,
    place: Option<&mut dyn Place>,
) -> Result<usize, Trouble> {
    match session.receive(reader, place) {
        Ok(Ok(0)) => Err(Trouble::Eof),
        Ok(Ok(n)) => Ok(n),
        Ok(Err(error)) => Err(Trouble::from(error)),
        Err(why) => Err(Trouble::NoMemory(why)),
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
