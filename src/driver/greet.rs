//! With `paranoid`, or where a command needs to know it, a new connection proves itself before it carries a command: it is asked for its
//! version, and must answer with that and nothing else. What a wrong peer says unasked would be taken
//! for the first reply otherwise; a look at the connection does not help, as it may say so later.

use super::authenticate::unauthenticated;
use super::call::Call;
use super::contest::Socket;
use super::place::Noted;
use super::server::Server;
use super::turned_away::turned_away;
use crate::connection::arrival::Outcome;
use crate::connection::link::{Link, Trouble};
use crate::connection::outbox::NoValue;
use crate::connection::session::Session;
use crate::connection::trouble::tls_failure;
use crate::deadline::{self, Moment};
use crate::error::{Failure, Phase, Status};
use crate::operation::command::unsent;
use crate::protocol::version::Version;
use crate::protocol::{Command, Dialect, Key, Op, Request};
use crate::transport::tls::TlsFault;
use crate::transport::{Interest, Mode, Readiness};

/// A connection that is proving itself, in a session of its own.
pub struct Greeting {
    /// Before the link: forgotten when that is closed.
    noted: Noted,
    /// Taken when it has proved itself.
    link: Option<Link>,
    answered: bool,
    /// What it said that it is.
    version: Option<Version>,
    /// When its silence has lasted too long.
    until: Option<Moment>,
}

impl Greeting {
    pub fn begin(socket: Socket, call: &Call<'_>, now: Moment) -> Result<Greeting, Box<Failure>> {
        let dialect = match call.dialect() {
            // It is the version that is asked.
            Dialect::Auto { .. } | Dialect::Meta { .. } => Dialect::Ascii,
            dialect => dialect,
        };
        let session = Session::speaking(dialect, call.max_value());
        let mut link = Link::new(socket.stream, session, now);
        let command = Command::new(Op::Version, b"");
        let request = Request::new(Op::Version, &command, Key::NONE, deadline::unix_now);
        link.session.begin();
        link.session
            .submit(0, &request, false)
            .map_err(|why| unsent(command.op, why))?;
        Ok(Greeting {
            noted: socket.noted,
            link: Some(link),
            answered: false,
            version: None,
            until: None,
        })
    }

    pub fn readiness(&self) -> Readiness {
        match &self.link {
            Some(link) => link.readiness(Interest {
                read: true,
                write: !link.session.all_sent(),
            }),
            None => Readiness::known(true),
        }
    }

    pub fn due(&self) -> Option<Moment> {
        self.until
    }

    /// Go on without waiting: the socket, once it has proved itself.
    pub fn go_on(
        &mut self,
        call: &Call<'_>,
        server: &Server,
        now: Moment,
    ) -> Result<Option<Socket>, Box<Failure>> {
        let Some(mut link) = self.link.take() else {
            return Ok(None);
        };
        match self.exchange(&mut link, call, server, now) {
            Ok(true) => Ok(Some(Socket {
                noted: std::mem::take(&mut self.noted),
                stream: link.into_stream(),
                version: self.version,
            })),
            Ok(false) => {
                self.link = Some(link);
                Ok(None)
            }
            Err(failure) => {
                self.noted.clear();
                Err(failure)
            }
        }
    }

    /// Whether it has answered with its version and nothing else.
    fn exchange(
        &mut self,
        link: &mut Link,
        call: &Call<'_>,
        server: &Server,
        now: Moment,
    ) -> Result<bool, Box<Failure>> {
        let mut moved = self.until.is_none();
        while !(self.answered && link.session.in_step()) {
            let done = if link.session.all_sent() {
                link.receive(None, Mode::DontWait)
            } else {
                link.send(&NoValue, Mode::DontWait)
            };
            match done {
                Ok(_) => moved = true,
                Err(Trouble::Interrupted) => continue,
                Err(Trouble::WouldBlock) => {
                    if moved {
                        self.until = call.silence.map(|limit| now.after(limit));
                    } else if self.until.is_some_and(|until| until <= now) {
                        return Err(late(server));
                    }
                    return Ok(false);
                }
                Err(Trouble::Io(error)) if TlsFault::of(&error).is_some() => {
                    return Err(tls_failure(server.name, &error));
                }
                Err(trouble) => {
                    if let Some(failure) = turned_away(link, server.name, &trouble) {
                        return Err(failure.at(Phase::Handshake).on(server.name));
                    }
                    let text = format!("{} closed a new connection", server.name);
                    return Err(refused(server, Status::SERVER_DISCONNECT, text));
                }
            }
            while let Some(arrival) = link.session.next_arrival() {
                let version = told(&arrival.what, link, call, server)?;
                (self.answered, self.version) = (true, Some(version));
                // A session is over with an ERROR, a connection to a server that knows few commands is not.
                if version == Version::UNKNOWN && link.session.unread().is_empty() {
                    return Ok(true);
                }
            }
            link.session.check_surplus();
            if let Some(why) = link.session.broken() {
                let text = format!("{} began with {why}", server.name);
                return Err(refused(server, Status::UNEXPECTED_RESPONSE, text));
            }
        }
        Ok(true)
    }
}

/// What a server that was asked for its version says that it is.
fn told(
    what: &Outcome,
    link: &Link,
    call: &Call<'_>,
    server: &Server,
) -> Result<Version, Box<Failure>> {
    let (status, text) = match *what {
        Outcome::Version(text) => {
            let version = Version::parse(link.session.bytes(text));
            return Ok(version.unwrap_or(Version::UNKNOWN));
        }
        Outcome::Refused {
            status: status @ Status::INVALID_CREDENTIALS,
            ..
        } => (status, unauthenticated(server)),
        Outcome::Refused {
            status: status @ Status::TOO_MANY_CONNECTIONS,
            text,
            ..
        } => {
            let said = String::from_utf8_lossy(link.session.bytes(text));
            (status, format!("{}: {said}", server.name))
        }
        // It is no memcached, which may well be: only what every server takes can be asked of it.
        Outcome::Refused {
            status: Status::UNKNOWN_COMMAND,
            ..
        } if !call.options.paranoid => return Ok(Version::UNKNOWN),
        _ => {
            let text = format!("{} does not tell its version", server.name);
            (Status::UNEXPECTED_RESPONSE, text)
        }
    };
    Err(refused(server, status, text))
}

/// The time is up.
#[cold]
pub fn late(server: &Server) -> Box<Failure> {
    let text = format!("{} did not prove itself in time", server.name);
    refused(server, Status::TIMEOUT, text)
}

#[cold]
fn refused(server: &Server, status: Status, text: String) -> Box<Failure> {
    Failure::new(status, text)
        .at(Phase::Handshake)
        .on(server.name)
}
