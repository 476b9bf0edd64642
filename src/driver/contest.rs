//! A race of addresses carried out: the sockets behind its numbers. The first that connects wins, the
//! others are closed.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::place::Noted;
use super::server::Server;
use crate::deadline::Moment;
use crate::protocol::version::Version;
use crate::transport::race::{Race, Step};
use crate::transport::{Endpoint, Interest, Readiness, Stream, Tuning};

/// A Unix socket whose listener's queue is full refuses at once and wakes nobody: it is tried again
/// after so long.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(2);

/// A socket that connects, or has.
pub struct Socket {
    /// Before the stream: forgotten when that is closed.
    pub noted: Noted,
    pub stream: Stream,
    /// What its server said that it is, where it was asked.
    pub version: Option<Version>,
}

pub struct Contest {
    endpoints: Vec<Endpoint>,
    race: Race,
    running: Vec<(usize, Socket)>,
    /// When something is due although no socket is ready.
    due: Option<Moment>,
    /// What the addresses met that failed.
    failure: Option<io::Error>,
    /// The number of the endpoint that was connected to.
    winner: Option<usize>,
}

pub enum Standing {
    Going,
    Won(Socket),
    /// No address took it, and what is told of that.
    Lost(io::Error),
}

impl Contest {
    pub fn new(endpoints: Vec<Endpoint>, stagger: Duration, end: Option<Moment>) -> Contest {
        Contest {
            race: Race::new(endpoints.len(), stagger, end),
            endpoints,
            running: Vec::new(),
            due: None,
            failure: None,
            winner: None,
        }
    }

    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Whether what is sent to the endpoint that was connected to does not leave this machine.
    pub fn stays_here(&self) -> bool {
        let winner = self.winner.and_then(|index| self.endpoints.get(index));
        winner.is_some_and(Endpoint::is_of_this_machine)
    }

    /// The endpoints, of a contest that is over.
    pub fn take_endpoints(&mut self) -> Vec<Endpoint> {
        std::mem::take(&mut self.endpoints)
    }

    /// How many descriptors are waited for.
    pub fn width(&self) -> usize {
        self.running.len()
    }

    pub fn readiness(&self) -> impl Iterator<Item = Readiness> + '_ {
        let writable = Interest {
            read: false,
            write: true,
        };
        let streams = self.running.iter().map(|(_, socket)| &socket.stream);
        streams.map(move |stream| stream.readiness(writable))
    }

    /// The descriptor of the socket that connects, if there is one such.
    pub fn only_fd(&self) -> Option<RawFd> {
        match self.running.as_slice() {
            [(_, socket)] => socket.stream.fd(),
            _ => None,
        }
    }

    pub fn due(&self) -> Option<Moment> {
        self.due
    }

    /// `ready`: what became of those that [`Contest::readiness`] gave, or nothing where none was
    /// waited for.
    pub fn go_on(
        &mut self,
        server: &Server,
        tuning: &Tuning,
        ready: &[Readiness],
        now: Moment,
    ) -> Standing {
        // From the last to the first, so that what is removed moves none that is still to be seen.
        for at in (0..self.running.len().min(ready.len())).rev() {
            if !ready[at].is_ready() {
                continue;
            }
            let (index, socket) = self.running.remove(at);
            match socket.stream.connected(tuning) {
                Ok(()) => return self.won(index, socket, server),
                Err(error) => self.failed(index, error),
            }
        }
        loop {
            match self.race.step(now) {
                Step::Start(index) => {
                    if let Some(socket) = self.start(index, server, tuning, now) {
                        return self.won(index, socket, server);
                    }
                }
                Step::Wait(until) => {
                    self.due = until;
                    return Standing::Going;
                }
                Step::Lost => return self.lost(None),
                Step::Late => {
                    let silent = !self.running.is_empty();
                    return self.lost(silent.then_some(libc::ETIMEDOUT));
                }
            }
        }
    }

    /// Begin to connect; the socket, if that is done at once.
    fn start(
        &mut self,
        index: usize,
        server: &Server,
        tuning: &Tuning,
        now: Moment,
    ) -> Option<Socket> {
        let endpoint = &self.endpoints[index];
        let tried = Stream::connect(endpoint, tuning).and_then(|(stream, at_once)| {
            if at_once {
                stream.connected(tuning)?;
            }
            Ok((stream, at_once))
        });
        match tried {
            Ok((stream, at_once)) => {
                let socket = Socket {
                    noted: server.pool.note(&stream),
                    stream,
                    version: None,
                };
                if at_once {
                    return Some(socket);
                }
                self.running.push((index, socket));
            }
            Err(error) if endpoint.is_full(&error) => {
                self.keep(error);
                self.race.rest(index, now.after(FULL_QUEUE_PAUSE));
            }
            Err(error) => self.failed(index, error),
        }
        None
    }

    fn won(&mut self, index: usize, socket: Socket, server: &Server) -> Standing {
        self.winner = Some(index);
        // Where there is a choice.
        if self.endpoints.len() > 1 {
            server.connected_to(&self.endpoints[index]);
        }
        Standing::Won(socket)
    }

    fn failed(&mut self, index: usize, error: io::Error) {
        self.keep(error);
        self.race.failed(index);
    }

    /// Keep what tells most: the last error that came from an address, rather than one of this
    /// machine, which may have no address of that family at all.
    fn keep(&mut self, error: io::Error) {
        let is_own = |error: &io::Error| {
            matches!(
                error.raw_os_error(),
                Some(libc::ENETUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT)
            )
        };
        match &self.failure {
            Some(kept) if is_own(&error) && !is_own(kept) => {}
            _ => self.failure = Some(error),
        }
    }

    /// `errno` outdoes what was met before.
    fn lost(&mut self, errno: Option<i32>) -> Standing {
        let error = match errno {
            Some(errno) => Some(io::Error::from_raw_os_error(errno)),
            None => self.failure.take(),
        };
        Standing::Lost(error.unwrap_or_else(|| io::Error::from_raw_os_error(libc::EADDRNOTAVAIL)))
    }
}
