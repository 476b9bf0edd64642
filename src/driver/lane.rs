//! One connection's part in an operation: where it goes, how far it is, why it ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::call::Call;
use super::connect::Attempt;
use super::contest::Socket;
use super::place::Noted;
use super::pool::{Lease, Seat};
use super::secure;
use super::server::Server;
use super::turned_away::turned_away;
use crate::cluster::health::Probe;
use crate::connection::arrival::Abandoned;
use crate::connection::embedded;
use crate::connection::link::{Link, Trouble};
use crate::connection::session::Session;
use crate::deadline::Moment;
use crate::error::{Failure, Phase, Result, Status};
use crate::observe::{Notices, What};
use crate::operation::retry::Loss;
use crate::protocol::version::Version;
use crate::protocol::{Dialect, Speech};
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
    /// Of a server that is taken for down: the operation is to find out whether it is.
    pub probe: Option<Probe>,
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

impl Way {
    /// Begin to make a connection; one to a server in memory is made at once. `must_know`: the server's
    /// version, before anything is sent. (Where meta is to be spoken whatever the server is, it always
    /// is: [`Lane::go_on`].)
    pub fn begin(
        call: &Call<'_>,
        server: &Arc<Server>,
        seat: Seat,
        must_know: bool,
        notices: &mut Notices,
        now: Moment,
    ) -> Result<Way> {
        if let Some(stream) = server.pipe() {
            // A server in this process speaks everything.
            let dialect = match call.dialect() {
                Dialect::Auto { opaque } => Dialect::Meta { opaque },
                dialect => dialect,
            };
            let mut session = Session::speaking(dialect, call.max_value());
            // It is the one that came with this client: nobody has to be asked what it serves.
            session.set_version(embedded::SERVES);
            let link = Link::new(stream, session, now);
            notices.push(What::Connected, server.name, Status::OK, String::new);
            return Ok(Way::Made(seat.admit(&server.pool, link, Noted::default())));
        }
        let dialect = call.dialect();
        let mut session = Session::speaking(dialect, call.max_value());
        let mut attempt = Attempt::new(call, server, now)?;
        if must_know || matches!(dialect, Dialect::Meta { .. }) {
            attempt = attempt.asking();
            session.await_version();
        }
        Ok(Way::Making(Box::new(Making {
            attempt,
            session,
            seat,
        })))
    }
}

/// A server that does not know `ms` runs the value behind it as commands: no meta command is sent to one
/// that has not said that it knows them.
fn knows_meta(server: &Server, version: Version) -> Result<()> {
    let found = match version {
        version if version >= Version::META => return Ok(()),
        Version::UNKNOWN => "does not say that it is one".into(),
        version => format!("is {version}"),
    };
    let (first, name) = (Version::META, server.name);
    let text = format!("protocol=meta needs memcached {first} or later; {name} {found}");
    Err(Failure::new(Status::UNSUPPORTED, text)
        .at(Phase::Handshake)
        .on(name))
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

    /// Go on making its connection, where there is none yet; `ready`: what became of what was waited
    /// for.
    pub fn go_on(
        &mut self,
        call: &Call<'_>,
        ready: &[Readiness],
        notices: &mut Notices,
        now: Moment,
    ) -> Result<()> {
        let Way::Making(making) = &mut self.way else {
            return Ok(());
        };
        if let Some(socket) = making.attempt.go_on(call, &self.server, ready, now)? {
            if let (Speech::Meta, Some(version)) = (making.session.speech(), socket.version) {
                knows_meta(&self.server, version)?;
            }
            self.connected(socket, now);
            self.since = now;
            secure::connected(call, &self.server, notices);
        }
        Ok(())
    }

    /// Its commands will get no replies here: each is told to `lost`, but for the quiet ones that were
    /// sent. Those are told as written already, and counted.
    ///
    /// `waited`: since anything was heard of the server last, or it began to be waited for.
    #[cold]
    pub fn abandon(
        &mut self,
        loss: &Loss,
        waited: Duration,
        notices: &mut Notices,
        mut lost: impl FnMut(Abandoned),
    ) {
        let what = match loss.connected {
            true => What::Closed,
            false => What::ConnectFailed,
        };
        let failure = &loss.failure;
        notices.push(what, self.server.name, failure.status, || {
            failure.text.clone()
        });
        if let (Way::Made(lease), true) = (&self.way, loss.closed) {
            self.server.pool.new_epoch(lease.epoch());
        }
        self.server.lost(loss, self.probe.take(), waited, notices);
        let mut unheard = 0;
        let session = self.session();
        while let Some(gone) = session.abandon() {
            if gone.quiet && gone.sent {
                unheard += 1;
            } else {
                lost(gone);
            }
        }
        let counter = self.server.pool.quiet_failed();
        counter.fetch_add(unheard, Ordering::Relaxed);
    }

    /// Something was heard of the server that makes sense.
    #[inline(always)]
    pub fn answered(&mut self, notices: &mut Notices) {
        if self.server.health.is_suspect() {
            self.server.answered(notices);
            self.probe = None;
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
        let mut refused = trouble.is_refusal();
        let name = self.server.name;
        let turned_away = self
            .link()
            .and_then(|link| turned_away(link, name, &trouble));
        let (failure, closed) = match turned_away {
            Some(failure) => {
                refused = true;
                (failure, true)
            }
            None => trouble.failure(name),
        };
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
