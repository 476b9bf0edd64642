//! How a connection finds out what it may speak. With `auto` it asks for the server's version together with
//! its first command, which is in ASCII as every server knows it; where the version speaks meta, the next
//! exchange is in meta.

use super::arrival::Arrival;
use super::owed::{Form, Owed};
use super::session::{Mode, Session};
use super::tagged::Tagged;
use crate::protocol::ascii::client::Line;
use crate::protocol::version::Version;
use crate::protocol::{Command, Dialect, Key, Op, Request};

/// How far that has come. `opaque`: that of the first meta command there will be.
#[derive(Clone, Copy)]
pub(super) enum Opening {
    /// There is nothing to be found out any more.
    Settled,
    Unasked {
        opaque: u32,
    },
    Asked {
        opaque: u32,
    },
    /// Somebody else asks, before there is a command.
    Awaited {
        opaque: u32,
    },
    /// The server speaks meta, and so does the next exchange.
    Turning {
        opaque: u32,
    },
}

impl Opening {
    pub fn of(dialect: Dialect) -> Opening {
        match dialect {
            Dialect::Auto { opaque } => Opening::Unasked { opaque },
            _ => Opening::Settled,
        }
    }

    /// Whether the beginning of an exchange takes it further.
    #[inline(always)]
    pub fn goes_on(&self) -> bool {
        matches!(self, Opening::Unasked { .. } | Opening::Turning { .. })
    }
}

/// How begins what servers say that take no connection, or no command before they know the client
/// (memcached -Y, in several words): whatever it is said to, it stands for all commands.
const TURNED_AWAY: [&[u8]; 2] = [b"CLIENT_ERROR", b"ERROR Too many open connections"];

impl Session {
    /// The version of the server, where it is known. Servers behind one address differ: it is this
    /// connection's.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// The server has told its version: before the first command, or with it.
    pub fn set_version(&mut self, version: Version) {
        self.version = Some(version);
        let speaks_meta = version >= Version::META;
        self.opening = match self.opening {
            // Nothing was queued before the version was known.
            Opening::Awaited { opaque } if speaks_meta => {
                self.tagged = Tagged::speaking(Dialect::Meta { opaque });
                Opening::Settled
            }
            Opening::Unasked { opaque }
            | Opening::Asked { opaque }
            | Opening::Turning { opaque }
                if speaks_meta =>
            {
                Opening::Turning { opaque }
            }
            _ => Opening::Settled,
        };
    }

    /// The version will be told before the first command is queued, and need not be asked.
    pub fn await_version(&mut self) {
        if let Opening::Unasked { opaque } = self.opening {
            self.opening = Opening::Awaited { opaque };
        }
    }

    /// An exchange begins on a connection about which not everything is known.
    #[cold]
    #[inline(never)]
    pub(super) fn open(&mut self) {
        match self.opening {
            Opening::Unasked { opaque } => {
                let command = Command::new(Op::Version, b"");
                let request = Request::new(Op::Version, &command, Key::NONE, || 0);
                // Where there is no memory for it, it is asked another time.
                let Ok(key_at) = self.encode(0, &request) else {
                    return;
                };
                // Nobody's command, whatever becomes of the connection.
                let owed = Owed::new(0, &request, key_at, true, self.outbox.queued());
                let form = Form::Barrier;
                match self.owed.push(Owed { form, ..owed }) {
                    Ok(()) => self.opening = Opening::Asked { opaque },
                    Err(_) => self.poison("no memory to remember a command in"),
                }
            }
            // The replies of lines come before.
            Opening::Turning { opaque } if self.owed.is_empty() => {
                self.tagged = Tagged::speaking(Dialect::Meta { opaque });
                self.opening = Opening::Settled;
            }
            _ => {}
        }
    }

    /// Whether this is the version that the connection asked for by itself.
    #[inline(always)]
    pub(super) fn asked_by_itself(&self, owed: &Owed) -> bool {
        owed.form == Form::Barrier && owed.op == Op::Version
    }

    /// The line that answers it. A server without the command says ERROR, and is asked in ASCII.
    #[cold]
    #[inline(never)]
    pub(super) fn opened(&mut self, used: usize, line: Line) -> Option<Arrival> {
        let text = &self.inbox.unread()[..used];
        if TURNED_AWAY.iter().any(|words| text.starts_with(words)) {
            self.owed.pop();
            let arrival = self.line(used, line);
            if matches!(self.mode, Mode::Lines) {
                self.mode = Mode::Closing;
            }
            return arrival;
        }
        let version = match line {
            Line::Version(version) => Version::parse(version.of(text)).unwrap_or(Version::UNKNOWN),
            Line::Error(..) => Version::UNKNOWN,
            _ => {
                self.poison("no version, which was asked for");
                return None;
            }
        };
        self.inbox.consume(used);
        self.owed.pop();
        self.set_version(version);
        None
    }
}
