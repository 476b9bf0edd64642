//! One connection's part in an operation: where it goes, how far it is, why it ended.

use std::sync::Arc;

use super::connect::Attempt;
use super::pool::Lease;
use super::server::Server;
use crate::connection::link::{Link, Trouble};
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
    pub lease: Lease,
    /// Set while the connection is being made.
    pub attempt: Option<Attempt>,
    /// When bytes moved last.
    pub since: Moment,
    /// A command was sent that nobody waits for.
    pub quiet: bool,
    /// It was made for this operation, not found idle.
    pub fresh: bool,
}

/// A connection that a command was sent over, and what its bytes met there.
pub struct Handed {
    pub lane: Lane,
    pub trouble: Option<Trouble>,
}

impl Lane {
    #[inline]
    pub fn link(&mut self) -> &mut Link {
        self.lease.link()
    }

    /// What the connection is waited for.
    pub fn readiness(&mut self) -> Readiness {
        let connecting = self.attempt.is_some();
        let link = self.link();
        let interest = Interest {
            read: !connecting,
            write: connecting || !link.session.all_sent(),
        };
        link.readiness(interest)
    }

    /// Nothing is left to do: every reply that is waited for has come, everything has left.
    pub fn is_settled(&mut self) -> bool {
        self.attempt.is_none() && self.link().session.in_step()
    }

    /// The connection ended, or failed.
    #[cold]
    pub fn troubled(&mut self, trouble: Trouble) -> Loss {
        let name = self.server.name;
        let (failure, closed) = match trouble {
            Trouble::Io(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                let closed = matches!(
                    errno,
                    libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED | libc::ENOTCONN
                );
                let text = format!("the connection to {name} failed: {error}");
                let failure = Failure::new(Status::SERVER_DISCONNECT, text).errno(errno);
                (failure, closed)
            }
            Trouble::NoMemory(why) => (Failure::no_memory(why.0), false),
            Trouble::Eof | Trouble::WouldBlock | Trouble::Interrupted => (
                Failure::new(
                    Status::SERVER_DISCONNECT,
                    format!("{name} closed the connection"),
                ),
                true,
            ),
        };
        self.loss(failure, closed)
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
        let name = self.server.name;
        let (phase, text) = if self.attempt.is_some() {
            (Phase::Connect, format!("no connection to {name} in time"))
        } else {
            (Phase::Receive, format!("no reply from {name} in time"))
        };
        let failure = Failure::new(Status::TIMEOUT, text).at(phase);
        self.loss(failure, false)
    }

    /// No connection could be made.
    #[cold]
    pub fn unconnected(&mut self, failure: Box<Failure>) -> Loss {
        self.loss(failure, false)
    }

    fn loss(&mut self, failure: Box<Failure>, closed: bool) -> Loss {
        let connected = self.attempt.is_none();
        let failure = failure.on(self.server.name);
        let link = self.link();
        Loss {
            failure,
            closed,
            reused: link.reused,
            replied: link.session.replied(),
            connected,
        }
    }
}
