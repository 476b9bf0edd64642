//! Authentication without a socket: what is to be sent, and what follows from what has come.
//!
//! In lines, a server is asked whether it asks (memcached -Y does), and told the credentials where it
//! does; at once where that is known. Nothing is sent behind them before they are taken: of what follows
//! a refusal, memcached answers some commands and not others. By SASL, a server is asked for its mechanisms,
//! of which PLAIN is the only one that is spoken here.

use crate::buffer::NoMemory;
use crate::config::Credentials;
use crate::error::Status;
use crate::protocol::Span;
use crate::protocol::ascii::auth::{self, Asked, Heard};
use crate::protocol::binary::client::{Sasl, Unsendable, encode_sasl, encode_sasl_list};
use crate::protocol::binary::opcode;
use crate::uri::Overwritten;

/// How it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// In lines, with the question whether the server asks.
    Asking,
    /// In lines, with the credentials.
    AtOnce,
    Sasl,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Asking,
    Telling,
    Listing,
    Plain,
}

/// What a new connection says before it carries commands.
#[derive(Debug)]
pub struct Authentication {
    step: Step,
    /// Began without the credentials.
    asked_first: bool,
    /// They may be sent over this connection.
    private: bool,
    /// What is being sent: overwritten when it has been.
    out: Overwritten,
    sent: usize,
}

/// What follows from what has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    Receive,
    /// So many bytes were a reply; there is something to send.
    Send(usize),
    /// So many bytes were the last reply: commands can be sent.
    Over(usize),
}

/// Why the connection is of no use.
#[derive(Debug)]
pub enum Refusal {
    /// The server did not take the credentials.
    Credentials,
    /// They would go over the network for everybody to see.
    Public,
    /// The server was started without SASL.
    NoSasl,
    NoPlain,
    /// The server's words, before it was told any credentials.
    Server(Status, Span),
    Unexpected(&'static str),
    NoMemory(NoMemory),
}

/// What the end of the connection means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Some servers (1.6.45) ask by it: to be connected to anew, with the credentials at once.
    Asks,
    /// The server does not take the credentials.
    Refuses,
    Nothing,
}

type Result<T> = std::result::Result<T, Refusal>;

/// SASL sends one frame at a time.
const OPAQUE: u32 = 0;
const PLAIN: &[u8] = b"PLAIN";
const FRAME_ROOM: usize = 24 + PLAIN.len() + 2;

impl Authentication {
    /// `private`: nobody but the server can listen. `nonce` is a number of no meaning, another one each
    /// time.
    pub fn begin(
        way: Way,
        credentials: &Credentials,
        private: bool,
        nonce: u64,
    ) -> Result<Authentication> {
        let mut begun = Authentication {
            step: Step::Asking,
            asked_first: way == Way::Asking,
            private,
            out: Overwritten::default(),
            sent: 0,
        };
        match way {
            Way::Asking => begun.say(Step::Asking, auth::QUESTION.len(), |out| {
                out.extend_from_slice(auth::QUESTION);
                Ok(())
            })?,
            Way::AtOnce => begun.tell(credentials, nonce)?,
            Way::Sasl => begun.say(Step::Listing, FRAME_ROOM, |out| {
                encode_sasl_list(OPAQUE, out);
                Ok(())
            })?,
        }
        Ok(begun)
    }

    pub fn unsent(&self) -> &[u8] {
        self.out.bytes().get(self.sent..).unwrap_or_default()
    }

    /// So many bytes have been sent.
    pub fn wrote(&mut self, n: usize) {
        self.sent += n;
        if self.unsent().is_empty() {
            self.out = Overwritten::default();
            self.sent = 0;
        }
    }

    /// Go on with what has come and was not consumed.
    pub fn go_on(&mut self, unread: &[u8], credentials: &Credentials, nonce: u64) -> Result<Next> {
        match self.step {
            Step::Asking => match auth::asked(unread) {
                Heard::More => Ok(Next::Receive),
                Heard::Broken(why) => Err(Refusal::Unexpected(why)),
                Heard::Reply(used, Asked::No) => Ok(Next::Over(used)),
                Heard::Reply(_, Asked::Refused(status, text)) => Err(Refusal::Server(status, text)),
                Heard::Reply(used, Asked::Yes) => {
                    self.tell(credentials, nonce)?;
                    Ok(Next::Send(used))
                }
            },
            Step::Telling => match auth::taken(unread) {
                Heard::More => Ok(Next::Receive),
                Heard::Broken(why) => Err(Refusal::Unexpected(why)),
                Heard::Reply(used, true) => Ok(Next::Over(used)),
                Heard::Reply(_, false) => Err(Refusal::Credentials),
            },
            Step::Listing | Step::Plain => self.go_on_sasl(unread, credentials),
        }
    }

    fn go_on_sasl(&mut self, unread: &[u8], credentials: &Credentials) -> Result<Next> {
        let sent = match self.step {
            Step::Listing => opcode::SASL_LIST,
            _ => opcode::SASL_AUTH,
        };
        match Sasl::decode(unread, sent, OPAQUE) {
            Sasl::More(_) => Ok(Next::Receive),
            Sasl::Mechanisms { used, names } => {
                let mut names = names.of(unread).split(|byte| *byte == b' ');
                if !names.any(|name| name == PLAIN) {
                    return Err(Refusal::NoPlain);
                }
                self.tell_plain(credentials)?;
                Ok(Next::Send(used))
            }
            Sasl::Authenticated { used } => Ok(Next::Over(used)),
            // PLAIN is told in one step.
            Sasl::Continue { .. } => Err(Refusal::Unexpected("a challenge, to PLAIN")),
            Sasl::Refused { .. } => Err(Refusal::Credentials),
            Sasl::NotOffered { .. } => Err(Refusal::NoSasl),
            Sasl::Broken(why) => Err(Refusal::Unexpected(why)),
        }
    }

    /// The server is told the credentials, or has been.
    pub fn tells(&self) -> bool {
        matches!(self.step, Step::Telling | Step::Plain)
    }

    /// What it means that the server closes the connection now.
    pub fn end(&self) -> End {
        match self.step {
            Step::Asking | Step::Telling if self.asked_first => End::Asks,
            Step::Telling => End::Refuses,
            _ => End::Nothing,
        }
    }

    fn tell(&mut self, credentials: &Credentials, nonce: u64) -> Result<()> {
        let (user, password) = (credentials.user.as_bytes(), credentials.password.expose());
        self.guard()?;
        let room = auth::LINE_ROOM + user.len() + password.len();
        self.say(Step::Telling, room, |out| {
            auth::encode(user, password, nonce, out);
            Ok(())
        })
    }

    fn tell_plain(&mut self, credentials: &Credentials) -> Result<()> {
        let (user, password) = (credentials.user.as_bytes(), credentials.password.expose());
        self.guard()?;
        let mut answer = Overwritten::new(room_for(user.len() + password.len() + 2)?);
        for part in [b"\0".as_slice(), user, b"\0", password] {
            answer.buffer().extend_from_slice(part);
        }
        let answer = answer.bytes();
        self.say(Step::Plain, FRAME_ROOM + answer.len(), |out| {
            encode_sasl(PLAIN, answer, false, OPAQUE, out)
        })
    }

    fn guard(&self) -> Result<()> {
        match self.private {
            true => Ok(()),
            false => Err(Refusal::Public),
        }
    }

    /// Let `fill` write what is sent next, into so much room: more would leave copies behind.
    fn say(
        &mut self,
        step: Step,
        room: usize,
        fill: impl FnOnce(&mut Vec<u8>) -> std::result::Result<(), Unsendable>,
    ) -> Result<()> {
        self.step = step;
        self.out = Overwritten::new(room_for(room)?);
        self.sent = 0;
        fill(self.out.buffer()).map_err(|_| Refusal::Unexpected("a limit of its own"))
    }
}

fn room_for(bytes: usize) -> Result<Vec<u8>> {
    let mut room = Vec::new();
    match room.try_reserve_exact(bytes) {
        Ok(()) => Ok(room),
        Err(_) => Err(Refusal::NoMemory(NoMemory(bytes))),
    }
}

#[cfg(test)]
mod tests;
