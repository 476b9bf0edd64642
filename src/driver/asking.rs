//! One exchange with a configuration endpoint, over a connection of its own: what is asked and what that
//! means stands in [`Dialogue`]. Nothing is waited for here.

use std::io::IoSlice;

use super::call::Call;
use super::connect::Attempt;
use super::contest::Socket;
use super::server::Server;
use crate::connection::inbox::Inbox;
use crate::connection::trouble::Trouble;
use crate::deadline::Moment;
use crate::error::{Failure, Phase, Result, Status};
use crate::operation::discover::{Dialogue, Next};
use crate::transport::{Interest, Mode, Readiness, Receiver};

pub struct Asking {
    way: Way,
    dialogue: Dialogue,
    /// What of a request has not left.
    unsent: &'static [u8],
    inbox: Inbox,
    /// When its silence has lasted too long.
    until: Option<Moment>,
}

enum Way {
    Making(Box<Attempt>),
    Made(Socket),
    Over,
}

impl Asking {
    /// To be begun with [`Asking::go_on`].
    pub fn new(call: &Call<'_>, endpoint: &Server, now: Moment) -> Result<Asking> {
        let attempt = Attempt::new(call, endpoint, now)?;
        Ok(Asking {
            way: Way::Making(Box::new(attempt)),
            dialogue: Dialogue::begun(),
            unsent: Dialogue::BEGIN,
            inbox: Inbox::default(),
            until: None,
        })
    }

    /// What is waited for.
    pub fn wait_for(&self, waiting: &mut Vec<Readiness>) {
        match &self.way {
            Way::Making(attempt) => attempt.wait_for(waiting),
            Way::Made(socket) => waiting.push(socket.stream.readiness(Interest {
                read: true,
                write: !self.unsent.is_empty(),
            })),
            Way::Over => {}
        }
    }

    /// When it has to go on although nothing is ready.
    pub fn due(&self) -> Option<Moment> {
        match &self.way {
            Way::Making(attempt) => attempt.due(),
            _ => self.until,
        }
    }

    /// Go on: the bytes of a list, once there is one. A failure is the end. `ready`: what became of those
    /// that [`Asking::wait_for`] gave, or nothing where none was waited for.
    pub fn go_on(
        &mut self,
        call: &Call<'_>,
        endpoint: &Server,
        ready: &[Readiness],
        now: Moment,
    ) -> Result<Option<Vec<u8>>> {
        if let Way::Making(attempt) = &mut self.way {
            match attempt.go_on(call, endpoint, ready, now)? {
                None => return Ok(None),
                Some(socket) => {
                    self.way = Way::Made(socket);
                    self.until = call.silence.map(|limit| now.after(limit));
                }
            }
        }
        loop {
            match self.exchange() {
                Ok(()) | Err(Trouble::Interrupted) => {}
                Err(Trouble::WouldBlock) if self.until.is_some_and(|until| until <= now) => {
                    return Err(late(endpoint));
                }
                Err(Trouble::WouldBlock) => return Ok(None),
                Err(trouble) => {
                    let (failure, _) = trouble.failure(endpoint.name);
                    return Err(failure.at(Phase::Receive).on(endpoint.name));
                }
            }
            if self.unsent.is_empty() {
                if let Some(list) = self.heard(endpoint)? {
                    self.way = Way::Over;
                    return Ok(Some(list));
                }
            }
        }
    }

    /// Send what is unsent, or receive once.
    fn exchange(&mut self) -> std::result::Result<(), Trouble> {
        let Way::Made(socket) = &mut self.way else {
            return Err(Trouble::Eof);
        };
        if !self.unsent.is_empty() {
            let pieces = [IoSlice::new(self.unsent)];
            match socket.stream.send_pieces(&pieces, Mode::DontWait)? {
                0 => return Err(Trouble::Eof),
                n => self.unsent = self.unsent.get(n..).unwrap_or_default(),
            }
            return Ok(());
        }
        if !socket.stream.is_flushed() && !socket.stream.flush()? {
            return Err(Trouble::WouldBlock);
        }
        let inbox = &mut self.inbox;
        // Doubled where it is used up: a list may be long.
        let wanted = inbox.unread().len().saturating_mul(2);
        inbox.make_room(wanted).map_err(Trouble::NoMemory)?;
        let received = match socket.stream.receiver(Mode::DontWait) {
            Receiver::Socket(mut reader) => inbox.receive(&mut reader, usize::MAX),
            Receiver::Tls(mut reader) => inbox.receive(&mut reader, usize::MAX),
            // An endpoint has a host and a port.
            Receiver::Pipe(_) => return Err(Trouble::Eof),
        };
        match received? {
            0 => Err(Trouble::Eof),
            _ => Ok(()),
        }
    }

    /// Go on with what has come; the list, if that is all of it.
    fn heard(&mut self, endpoint: &Server) -> Result<Option<Vec<u8>>> {
        let name = endpoint.name;
        let failure = match self.dialogue.heard(self.inbox.unread()) {
            Next::Receive => return Ok(None),
            Next::Ask(request) => {
                self.unsent = request;
                let all = self.inbox.unread().len();
                self.inbox.consume(all);
                return Ok(None);
            }
            Next::List(list) => {
                let mut own = Vec::new();
                if own.try_reserve_exact(list.len()).is_err() {
                    return Err(Failure::no_memory(list.len()).at(Phase::Receive).on(name));
                }
                own.extend_from_slice(list);
                return Ok(Some(own));
            }
            Next::Nothing => {
                let text = format!(
                    "{name} is no configuration endpoint: it knows neither `config get cluster` nor the item AmazonElastiCache:cluster"
                );
                Failure::new(Status::UNSUPPORTED, text)
            }
            Next::Refused(status, line) => {
                let text = format!("{name}: {}", String::from_utf8_lossy(line));
                Failure::new(status, text)
            }
            Next::Broken(why) => {
                let text = format!("{name}, asked for the list of servers, sent {why}");
                Failure::new(Status::UNEXPECTED_RESPONSE, text)
            }
        };
        Err(failure.at(Phase::Receive).on(name))
    }
}

/// The time is up.
#[cold]
pub fn late(endpoint: &Server) -> Box<Failure> {
    let text = format!("{} did not tell the list of servers in time", endpoint.name);
    Failure::new(Status::TIMEOUT, text)
        .at(Phase::Receive)
        .on(endpoint.name)
}
