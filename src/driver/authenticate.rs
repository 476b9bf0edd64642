//! A new connection tells who it is, where the client has credentials for the server: see
//! [`Authentication`].

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IoSlice};

use super::call::Call;
use super::contest::Socket;
use super::server::Server;
use crate::config::Credentials;
use crate::connection::auth::{Authentication, End, Next, Refusal, Way};
use crate::connection::inbox::Inbox;
use crate::connection::trouble::Trouble;
use crate::error::{Failure, Phase, Result, Status};
use crate::transport::{Interest, Mode, Readiness, Receiver};

/// A connection that is authenticating itself.
pub struct Authenticating {
    /// Taken when the server knows who it is.
    socket: Option<Socket>,
    credentials: Credentials,
    said: Authentication,
    inbox: Inbox,
    nonce: u64,
}

/// How far it has come.
pub enum Standing {
    Going,
    Over(Socket),
    /// The server has asked by closing the connection; a new one must begin with the credentials.
    Anew,
}

impl Authenticating {
    /// `private`: what is sent stays on this machine. `at_once`: begin with the credentials.
    pub fn begin(
        socket: Socket,
        call: &Call<'_>,
        server: &Server,
        credentials: Credentials,
        private: bool,
        at_once: bool,
    ) -> Result<Authenticating> {
        let way = match at_once || server.asks() {
            _ if call.options.authenticates_by_sasl() => Way::Sasl,
            true => Way::AtOnce,
            false => Way::Asking,
        };
        let private = private || socket.stream.is_tls() || call.options.auth_over_cleartext;
        // The standard library's keys come from the system, and differ each time.
        let nonce = RandomState::new().hash_one(());
        let said = Authentication::begin(way, &credentials, private, nonce);
        Ok(Authenticating {
            said: said.map_err(|why| refused(server, &credentials, why, b""))?,
            credentials,
            socket: Some(socket),
            inbox: Inbox::default(),
            nonce,
        })
    }

    pub fn readiness(&self) -> Readiness {
        match &self.socket {
            Some(socket) => socket.stream.readiness(Interest {
                read: true,
                write: !self.said.unsent().is_empty(),
            }),
            None => Readiness::known(true),
        }
    }

    /// Go on without waiting. A failure is its end.
    pub fn go_on(&mut self, server: &Server) -> Result<Standing> {
        let Some(mut socket) = self.socket.take() else {
            return Ok(Standing::Going);
        };
        match self.exchange(&mut socket, server) {
            Ok(true) => Ok(Standing::Over(socket)),
            Ok(false) => {
                self.socket = Some(socket);
                Ok(Standing::Going)
            }
            Err(Halt::Failure(failure)) => Err(failure),
            Err(Halt::Trouble(trouble)) => self.ended(trouble, server),
        }
    }

    /// Whether the server knows who it is.
    fn exchange(
        &mut self,
        socket: &mut Socket,
        server: &Server,
    ) -> std::result::Result<bool, Halt> {
        loop {
            let moved = match self.said.unsent() {
                [] => self.receive(socket),
                unsent => {
                    let pieces = [IoSlice::new(unsent)];
                    let sent = socket.stream.send_pieces(&pieces, Mode::DontWait);
                    sent.map_err(Trouble::from).and_then(|n| match n {
                        0 => Err(Trouble::Eof),
                        n => {
                            self.said.wrote(n);
                            Ok(())
                        }
                    })
                }
            };
            match moved {
                Ok(()) => {}
                Err(Trouble::Interrupted) => continue,
                Err(Trouble::WouldBlock) => return Ok(false),
                Err(trouble) => return Err(Halt::Trouble(trouble)),
            }
            if self.said.unsent().is_empty() && self.heard(server)? {
                return Ok(true);
            }
        }
    }

    fn receive(&mut self, socket: &mut Socket) -> std::result::Result<(), Trouble> {
        let inbox = &mut self.inbox;
        inbox.make_room(0).map_err(Trouble::NoMemory)?;
        let received = match socket.stream.receiver(Mode::DontWait) {
            Receiver::Socket(mut reader) => inbox.receive(&mut reader, usize::MAX),
            Receiver::Tls(mut reader) => inbox.receive(&mut reader, usize::MAX),
            // A server in memory asks nobody.
            Receiver::Pipe(_) => Err(io::ErrorKind::Unsupported.into()),
        };
        match received.map_err(Trouble::from)? {
            0 => Err(Trouble::Eof),
            _ => Ok(()),
        }
    }

    /// Go on with what has come; whether that was the last of it.
    fn heard(&mut self, server: &Server) -> Result<bool> {
        let (unread, credentials) = (self.inbox.unread(), &self.credentials);
        let next = self.said.go_on(unread, credentials, self.nonce);
        let next = next.map_err(|why| refused(server, credentials, why, unread))?;
        let used = match next {
            Next::Receive => return Ok(false),
            Next::Send(used) | Next::Over(used) => used,
        };
        if self.said.tells() {
            server.has_asked();
        }
        self.inbox.consume(used);
        if !self.inbox.is_empty() {
            let why = Refusal::Unexpected("bytes that nothing asked for");
            return Err(refused(server, credentials, why, b""));
        }
        Ok(matches!(next, Next::Over(_)))
    }

    /// The connection has ended.
    #[cold]
    fn ended(&self, trouble: Trouble, server: &Server) -> Result<Standing> {
        let (failure, closed) = trouble.failure(server.name);
        match self.said.end() {
            End::Asks if closed => Ok(Standing::Anew),
            End::Refuses if closed => {
                let text = format!(
                    "{} closed the connection when the user {:?} authenticated: as some servers refuse",
                    server.name, self.credentials.user
                );
                Err(told(server, Status::INVALID_CREDENTIALS, text))
            }
            _ => Err(failure.at(Phase::Authenticate).on(server.name)),
        }
    }
}

/// Why an exchange has ended.
enum Halt {
    Failure(Box<Failure>),
    Trouble(Trouble),
}

impl From<Box<Failure>> for Halt {
    fn from(failure: Box<Failure>) -> Halt {
        Halt::Failure(failure)
    }
}

/// What is told where a server refuses a command because it does not know who asks.
#[cold]
pub fn unauthenticated(server: &Server) -> String {
    let name = server.name;
    match server.spec.credentials {
        None => format!("{name} asks for a username and a password, and there are none for it"),
        Some(_) => {
            // It did not ask when the connection was made; the next one begins with them.
            server.has_asked();
            format!(
                "{name} asks for the username and the password now, in the middle of a connection"
            )
        }
    }
}

/// The time is up.
#[cold]
pub fn late(server: &Server) -> Box<Failure> {
    let text = format!(
        "{} did not answer in time when it was to be authenticated to; a server of another protocol does not",
        server.name
    );
    told(server, Status::TIMEOUT, text)
}

/// What is told of a refusal. No word of a server's that has seen the password is in it. `unread`: where
/// the words before that are.
#[cold]
fn refused(
    server: &Server,
    credentials: &Credentials,
    why: Refusal,
    unread: &[u8],
) -> Box<Failure> {
    let (name, user) = (server.name, &credentials.user);
    let (status, text) = match why {
        Refusal::Credentials => (
            Status::INVALID_CREDENTIALS,
            format!("{name} refused the user {user:?} with this password"),
        ),
        Refusal::Public => (
            Status::AUTH_NOT_SUPPORTED,
            format!(
                "{name} asks for a password, which is not sent to another machine without TLS (auth_over_cleartext=on allows it)"
            ),
        ),
        Refusal::NoSasl => (
            Status::AUTH_NOT_SUPPORTED,
            format!("{name} takes no credentials: it was started without SASL"),
        ),
        Refusal::NoPlain => (
            Status::AUTH_NOT_SUPPORTED,
            format!("{name} does not take credentials by the mechanism PLAIN"),
        ),
        Refusal::Server(status, text) => {
            let said = String::from_utf8_lossy(text.of(unread));
            (status, format!("{name}: {said}"))
        }
        Refusal::Unexpected(why) => (
            Status::UNEXPECTED_RESPONSE,
            format!("{name} sent {why} when it was to be authenticated to"),
        ),
        Refusal::NoMemory(why) => {
            return Failure::no_memory(why.0).at(Phase::Authenticate).on(name);
        }
    };
    told(server, status, text)
}

#[cold]
fn told(server: &Server, status: Status, text: String) -> Box<Failure> {
    Failure::new(status, text)
        .at(Phase::Authenticate)
        .on(server.name)
}
