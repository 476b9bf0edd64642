//! A connection of a call's own, aside from the pool: for one line whose reply is no ordinary one. It
//! carries nothing else, and is closed with the call.

mod turn;

use std::time::Duration;
use std::{
    io::{self, IoSlice},
    sync::Arc,
};

use super::call::Call;
use super::connect::Attempt;
use super::contest::Socket;
use super::place::Noted;
use super::secure;
use super::server::Server;
use crate::connection::inbox::Inbox;
use crate::connection::trouble::Trouble;
use crate::deadline::Moment;
use crate::error::{Effect, Failure, Phase, Result, Status};
use crate::observe::Notices;
use crate::protocol::Span;
use crate::transport::{Interest, Mode, Readiness, Receiver, Stream};

pub use turn::turn;

pub struct Aside {
    pub server: Arc<Server>,
    way: Way,
    /// So many bytes of the request have left.
    sent: usize,
    /// All have, and none was refused.
    all_sent: bool,
    inbox: Inbox,
    /// So many unread bytes were looked through for the end of a line.
    scanned: usize,
    /// How long it was waited for in vain.
    silent: Duration,
    /// Why nothing more comes. What has come may be unread still.
    ended: Option<Ended>,
}

enum Way {
    Unbegun,
    Making(Box<Attempt>),
    /// Noted before the stream: forgotten when that is closed.
    Made {
        noted: Noted,
        stream: Stream,
    },
    Over,
}

pub struct Ended {
    pub failure: Box<Failure>,
    /// The server closed the connection, of its own accord.
    pub closed: bool,
}

impl Aside {
    pub fn new(server: Arc<Server>) -> Aside {
        Aside {
            server,
            way: Way::Unbegun,
            sent: 0,
            all_sent: false,
            inbox: Inbox::default(),
            scanned: 0,
            silent: Duration::ZERO,
            ended: None,
        }
    }

    /// Something may still come.
    pub fn is_open(&self) -> bool {
        !matches!(self.way, Way::Over)
    }

    /// Close the connection.
    pub fn close(&mut self) {
        self.way = Way::Over;
        self.inbox = Inbox::default();
        self.ended = None;
    }

    /// The server has been sent the whole request.
    pub fn all_sent(&self) -> bool {
        self.all_sent
    }

    /// Why nothing more comes, once that is so.
    pub fn take_ended(&mut self) -> Option<Ended> {
        self.ended.take()
    }

    /// The next line without its end. One that is longer than `max` ends the connection.
    pub fn line(&mut self, max: usize) -> Option<&[u8]> {
        let unread = self.inbox.unread();
        let Some(more) = memchr::memchr(b'\n', &unread[self.scanned..]) else {
            self.scanned = unread.len();
            if self.scanned >= max && self.is_open() {
                let text = format!("{} sent a line without an end", self.server.name);
                self.end(Failure::new(Status::UNEXPECTED_RESPONSE, text), false);
            }
            return None;
        };
        let len = self.scanned + more;
        let at = self.inbox.position();
        self.scanned = 0;
        self.inbox.consume(len + 1);
        let line = self.inbox.bytes(Span {
            at: at as u32,
            len: len as u32,
        });
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn end(&mut self, failure: Box<Failure>, closed: bool) {
        let phase = match self.way {
            Way::Made { .. } => Phase::Receive,
            _ => failure.phase,
        };
        let failure = failure.at(phase).on(self.server.name);
        self.way = Way::Over;
        self.ended = Some(Ended { failure, closed });
    }

    fn width(&self) -> usize {
        match &self.way {
            Way::Making(attempt) => attempt.width(),
            Way::Made { .. } => 1,
            Way::Unbegun | Way::Over => 0,
        }
    }

    fn wait_for(&self, request: &[u8], waiting: &mut Vec<Readiness>) {
        match &self.way {
            Way::Making(attempt) => attempt.wait_for(waiting),
            Way::Made { stream, .. } => waiting.push(stream.readiness(Interest {
                read: true,
                write: self.sent < request.len(),
            })),
            Way::Unbegun | Way::Over => {}
        }
    }

    /// When it has to be seen to although nothing has come.
    fn due(&self, call: &Call<'_>, now: Moment) -> Option<Moment> {
        match &self.way {
            Way::Making(attempt) => attempt.due(),
            Way::Made { .. } => call
                .silence
                .map(|s| now.after(s.saturating_sub(self.silent))),
            Way::Unbegun | Way::Over => None,
        }
    }

    /// The time is up; what came is of no use any more.
    fn late(&mut self) {
        let failure = match &self.way {
            Way::Making(attempt) => attempt.late(&self.server),
            _ => {
                let text = format!("no reply from {} in time", self.server.name);
                Failure::new(Status::TIMEOUT, text).at(Phase::Connect)
            }
        };
        self.end(failure, false);
        self.inbox = Inbox::default();
        self.scanned = 0;
    }

    fn begin(&mut self, call: &Call<'_>, now: Moment, notices: &mut Notices) -> Result<()> {
        match self.server.pipe() {
            Some(stream) => self.made(call, Noted::default(), stream, notices),
            None if self.server.spec.credentials.is_some()
                && call.options.authenticates_by_sasl() =>
            {
                // memcached -S takes no other protocol (memcached.c: "You cannot allow the ASCII protocol
                // while using SASL").
                let text = format!(
                    "{} is authenticated to by SASL: a server that asks for it speaks the binary protocol \
                     alone, which has no command for this; nothing was sent",
                    self.server.name
                );
                return Err(Failure::new(Status::UNSUPPORTED, text).effect(Effect::NotApplied));
            }
            None => {
                let attempt = Attempt::new(call, &self.server, now)?;
                self.way = Way::Making(Box::new(attempt));
            }
        }
        Ok(())
    }

    fn made(&mut self, call: &Call<'_>, noted: Noted, stream: Stream, notices: &mut Notices) {
        self.way = Way::Made { noted, stream };
        secure::connected(call, &self.server, notices);
    }

    /// Go on making the connection, and once it is made, with the exchange.
    fn go_on(
        &mut self,
        call: &Call<'_>,
        request: &[u8],
        ready: &[Readiness],
        now: Moment,
        notices: &mut Notices,
    ) {
        if let Way::Making(attempt) = &mut self.way {
            match attempt.go_on(call, &self.server, ready, now) {
                Ok(Some(Socket { noted, stream, .. })) => self.made(call, noted, stream, notices),
                Ok(None) => return,
                Err(failure) => return self.end(failure, false),
            }
        }
        self.exchange(request);
    }

    /// Making the connection has to go on although nothing has come.
    fn is_due(&self, now: Moment) -> bool {
        match &self.way {
            Way::Making(attempt) => attempt.due().is_some_and(|due| due <= now),
            _ => false,
        }
    }

    /// Nothing has come for so long.
    fn wait_in_vain(&mut self, call: &Call<'_>, waited: Duration) {
        if matches!(self.way, Way::Made { .. }) {
            self.silent += waited;
            if call.silence.is_some_and(|limit| self.silent >= limit) {
                self.late();
            }
        }
    }

    /// Send what is unsent, and receive once; nothing is waited for.
    fn exchange(&mut self, request: &[u8]) {
        let Way::Made { stream, .. } = &mut self.way else {
            return;
        };
        while self.sent < request.len() {
            let rest = [IoSlice::new(&request[self.sent..])];
            match stream.send_pieces(&rest, Mode::DontWait) {
                Ok(n) => {
                    self.sent += n;
                    self.all_sent = self.sent == request.len();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_not_yet(&error) => break,
                // Why may be told before the end of the stream.
                Err(_) => self.sent = request.len(),
            }
        }
        if let Err(why) = self.inbox.make_room(0) {
            return self.end(Failure::no_memory(why.0), false);
        }
        let inbox = &mut self.inbox;
        let received = match stream.receiver(Mode::DontWait) {
            Receiver::Socket(mut reader) => inbox.receive(&mut reader, usize::MAX),
            Receiver::Tls(mut reader) => inbox.receive(&mut reader, usize::MAX),
            Receiver::Pipe(pipe) => {
                pipe.receive(|unread| match inbox.receive(unread, usize::MAX) {
                    Ok(n) => n,
                    Err(never) => match never {},
                })
            }
        };
        let name = self.server.name;
        match received {
            Ok(0) => {
                let text = format!("{name} closed the connection");
                self.end(Failure::new(Status::SERVER_DISCONNECT, text), true);
            }
            Ok(_) => self.silent = Duration::ZERO,
            Err(error) if is_not_yet(&error) => {}
            Err(error) => {
                let (failure, closed) = Trouble::from(error).failure(name);
                self.end(failure, closed);
            }
        }
    }

    /// In a forked child: the connection is the parent's.
    pub fn leave_to_parent(&mut self) {
        let way = std::mem::replace(&mut self.way, Way::Over);
        match way {
            // Nobody else closes this descriptor, and closing a copy ends no connection.
            Way::Made { noted, .. } if !noted.is_noted() => {}
            // Those that are noted are closed with the client's others.
            way => std::mem::forget(way),
        }
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::TimedOut
    )
}
