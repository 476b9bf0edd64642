//! One connection's part in an operation: where it goes, how far it is, why it ended.

use std::sync::Arc;

use super::connect::Attempt;
use super::contest::Socket;
use super::pool::{Lease, Seat};
use super::server::Server;
use crate::connection::link::{Link, Trouble};
use crate::connection::session::Session;
use crate::deadline::Moment;
use crate::error::{Failure, Phase, Status};
use crate::operation::retry::Loss;
use crate::transport::{Interest, Readiness};

pub struct Lane {
    /// The server's place in the topology.
    pub to: usize,
    /// The lane's number within the operation.
    pub id: u32,
    pub server: Arc<Server>,
    pub way: Way,
    /// When bytes moved last.
    pub since: Moment,
    /// A command was sent that nobody waits for.
    pub quiet: bool,
    /// It was made for this operation, not found idle.
    pub fresh: bool,
}

/// What carries the lane's commands.
pub enum Way {
    /// A connection.
    Made(Lease),
    /// One that is being made.
    Making(Box<Making>),
}

pub struct Making {
    pub attempt: Attempt,
    /// With the commands that will leave when there is a connection.
    pub session: Session,
    /// Of the connection that there will be; given up behind the attempt's sockets.
    pub seat: Seat,
}

/// A connection that a command was sent over, and what its bytes met there.
pub struct Handed {
    pub lane: Lane,
    pub trouble: Option<Trouble>,
}

impl Lane {
    /// The connection, once there is one.
    #[inline]
    pub fn link(&mut self) -> Option<&mut Link> {
        match &mut self.way {
            Way::Made(lease) => Some(lease.link()),
            Way::Making(_) => None,
        }
    }

    #[inline(always)]
    pub fn session(&mut self) -> &mut Session {
        match &mut self.way {
            Way::Made(lease) => &mut lease.link().session,
            Way::Making(making) => &mut making.session,
        }
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.way, Way::Made(_))
    }

    /// The connection that was being made is there.
    pub fn connected(&mut self, socket: Socket, now: Moment) {
        if let Way::Making(making) = &mut self.way {
            let Socket {
                noted,
                stream,
                version,
            } = socket;
            let mut link = Link::new(stream, making.session.take_over(), now);
            if let Some(version) = version {
                link.session.set_version(version);
            }
            let seat = std::mem::take(&mut making.seat);
            self.way = Way::Made(seat.admit(&self.server.pool, link, noted));
        }
    }

    /// How many descriptors are waited for.
    pub fn width(&self) -> usize {
        match &self.way {
            Way::Made(_) => 1,
            Way::Making(making) => making.attempt.width(),
        }
    }

    /// What is waited for: as many as [`Lane::width`] says.
    pub fn wait_for(&mut self, waiting: &mut Vec<Readiness>) {
        match &mut self.way {
            Way::Made(lease) => {
                let link = lease.link();
                let interest = Interest {
                    read: true,
                    write: !link.session.all_sent(),
                };
                waiting.push(link.readiness(interest));
            }
            Way::Making(making) => making.attempt.wait_for(waiting),
        }
    }

    /// Nothing is left to do: every reply that is waited for has come, everything has left.
    pub fn is_settled(&mut self) -> bool {
        self.link().is_some_and(|link| link.session.in_step())
    }

    /// The connection ended, or failed.
    #[cold]
    pub fn troubled(&mut self, trouble: Trouble) -> Loss {
        let refused = trouble.is_refusal();
        let (failure, closed) = trouble.failure(self.server.name);
        let mut loss = self.loss(failure, closed);
        // To a server that refused there was no connection.
        loss.connected &= !refused;
        loss
    }

    /// What came cannot be believed.
    #[cold]
    pub fn broken(&mut self, why: &str) -> Loss {
        let text = format!("{} sent {why}", self.server.name);
        let failure = Failure::new(Status::UNEXPECTED_RESPONSE, text);
        self.loss(failure, false)
    }

    /// The time is up.
    #[cold]
    pub fn late(&mut self) -> Loss {
        let failure = match &self.way {
            Way::Made(_) => {
                let text = format!("no reply from {} in time", self.server.name);
                Failure::new(Status::TIMEOUT, text).at(Phase::Receive)
            }
            Way::Making(making) => making.attempt.late(&self.server),
        };
        self.loss(failure, false)
    }

    /// No connection could be made.
    #[cold]
    pub fn unconnected(&mut self, failure: Box<Failure>) -> Loss {
        self.loss(failure, false)
    }

    fn loss(&mut self, failure: Box<Failure>, closed: bool) -> Loss {
        let failure = failure.on(self.server.name);
        let (connected, reused, replied) = match self.link() {
            Some(link) => (true, link.reused, link.session.replied()),
            None => (false, false, false),
        };
        Loss {
            failure,
            closed,
            reused,
            replied,
            connected,
        }
    }
}
