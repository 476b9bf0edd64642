//! One connection by itself, without commands: bytes are sent as they are, and read up to a terminator
//! or a length. What a client does with its connections is not done here: no pool, no retry, no reply
//! that belongs to a command.
//!
//! Whatever fails closes the connection and forgets what was received, so that the next connection
//! begins with nothing of this one. Only what was refused before anything was done, and what would have
//! to wait where it may not, leaves it as it is.

mod dial;
mod open;
mod target;
mod unread;

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use super::Limit;
use crate::connection::link::Trouble;
use crate::deadline::Deadline;
use crate::error::{Effect, Failure, Phase, Result, Status};
use crate::fork;
use crate::transport::resolve::Resolver;
use dial::{Dialed, Dialing};
use open::{Halt, Open, is_over};
pub use target::Target;
use unread::{Found, Unread};

/// A connection that one thread at a time uses, in the process that made it.
pub struct RawConnection {
    /// That of the process it was made in.
    generation: u32,
    target: Arc<Target>,
    raw: Mutex<Raw>,
}

/// What the thread has that uses it.
pub struct Raw {
    target: Arc<Target>,
    timeout: Option<Duration>,
    may_wait: bool,
    way: Way,
    unread: Unread,
}

enum Way {
    Closed,
    Dialing(Box<Dialing>),
    Open(Open),
}

impl RawConnection {
    /// Of one URI. Neither resolves nor connects.
    pub fn new(uri: &str) -> Result<RawConnection> {
        Ok(RawConnection::made(Target::new(uri, None)?))
    }

    /// A connection whose name is looked up elsewhere than in the process's own resolver: for tests.
    #[doc(hidden)]
    pub fn with_resolver(uri: &str, resolver: Arc<Resolver>) -> Result<RawConnection> {
        Ok(RawConnection::made(Target::new(uri, Some(resolver))?))
    }

    fn made(target: Target) -> RawConnection {
        let target = Arc::new(target);
        let raw = Raw {
            timeout: target.options.timeout,
            may_wait: true,
            way: Way::Closed,
            unread: Unread::new(target.max_value()),
            target: target.clone(),
        };
        RawConnection {
            generation: fork::generation(),
            target,
            raw: Mutex::new(raw),
        }
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Use it. Refused while another thread does, and in a forked child.
    pub fn enter(&self) -> Result<MutexGuard<'_, Raw>> {
        self.own()?;
        match self.raw.try_lock() {
            Ok(raw) => Ok(raw),
            Err(TryLockError::WouldBlock) => {
                let text = "another thread is using the connection";
                Err(Failure::new(Status::IN_USE, text))
            }
            // Whoever panicked has left it in any condition.
            Err(TryLockError::Poisoned(left)) => {
                let mut raw = left.into_inner();
                raw.reset();
                self.raw.clear_poison();
                Ok(raw)
            }
        }
    }

    /// Whether it is this process's.
    pub fn own(&self) -> Result<()> {
        if self.generation == fork::generation() {
            return Ok(());
        }
        Err(Failure::argument(
            "the connection is the parent process's; a forked child can only free it",
        ))
    }

    /// In a forked child, instead of dropping it: only its copies of descriptors are closed. Nothing is
    /// told to the server.
    pub fn abandon(&self) {
        self.target.close_inherited();
    }
}

impl Raw {
    /// Connect, unless it is connected. What was received on an earlier connection is gone.
    pub fn connect(&mut self) -> Result<()> {
        if self.is_up() {
            return Ok(());
        }
        if !matches!(self.way, Way::Dialing(_)) {
            self.reset();
            if let Some(pipe) = self.target.pipe() {
                self.way = Way::Open(Open::piped(pipe));
                return Ok(());
            }
            let dialing = Dialing::begin(&self.target, Deadline::after(self.timeout))?;
            self.way = Way::Dialing(Box::new(dialing));
        }
        self.go_on_dialing()
    }

    fn go_on_dialing(&mut self) -> Result<()> {
        let Way::Dialing(dialing) = &mut self.way else {
            return Ok(());
        };
        match dialing.go_on(&self.target, self.may_wait) {
            Ok(Dialed::Connected(socket)) => {
                self.way = Way::Open(Open::new(socket));
                Ok(())
            }
            Ok(Dialed::NotYet) => {
                let text = format!("still connecting to {}", self.target.server.name);
                Err(Failure::new(Status::WOULD_BLOCK, text)
                    .at(Phase::Connect)
                    .on(self.target.server.name))
            }
            Err(failure) => {
                self.reset();
                Err(failure)
            }
        }
    }

    /// Close the connection and forget what was received.
    pub fn reset(&mut self) {
        self.way = Way::Closed;
        self.unread.clear();
    }

    /// Send `bytes` as they are. `sent` tells how many of them the system has taken: all of them, or
    /// some where it failed.
    pub fn send(&mut self, bytes: &[u8], sent: &mut usize) -> Result<()> {
        let deadline = self.deadline();
        self.ready(Phase::Send)?;
        let Way::Open(open) = &mut self.way else {
            return Err(self.unconnected(Phase::Send));
        };
        let may_wait = self.may_wait;
        match open.send(bytes, sent, &mut self.unread, deadline, may_wait) {
            Ok(()) => Ok(()),
            Err(halt) => {
                let effect = match sent {
                    0 => Effect::NotApplied,
                    _ => Effect::Unknown,
                };
                Err(self.halted(halt, Phase::Send).effect(effect))
            }
        }
    }

    /// Read up to and with the first `terminator`, at most `max` bytes of it: 0, and what is above it,
    /// mean the option `max_value_size`.
    pub fn read_until(&mut self, terminator: &[u8], max: usize) -> Result<&[u8]> {
        let most = self.target.max_value();
        let max = if max == 0 { most } else { max.min(most) };
        if terminator.is_empty() || terminator.len() > max {
            return Err(Failure::argument(format!(
                "a terminator of {} bytes within {max}",
                terminator.len()
            )));
        }
        let n = self.read(|unread| unread.find(terminator, max).map_err(Trouble::NoMemory))?;
        Ok(self.unread.take(n))
    }

    /// Read `n` bytes, which are no more than the option `max_value_size`.
    pub fn read_length(&mut self, n: usize) -> Result<&[u8]> {
        let most = self.target.max_value();
        if n > most {
            return Err(Failure::argument(format!(
                "{n} bytes cannot be read at once: max_value_size is {most}"
            )));
        }
        let n = self.read(|unread| Ok(unread.first(n)))?;
        Ok(self.unread.take(n))
    }

    /// Receive until what is looked for is there; its length.
    fn read(
        &mut self,
        mut look: impl FnMut(&mut Unread) -> std::result::Result<Found, Trouble>,
    ) -> Result<usize> {
        let deadline = self.deadline();
        self.ready(Phase::Receive)?;
        let mut received = false;
        loop {
            let Way::Open(open) = &mut self.way else {
                return Err(self.unconnected(Phase::Receive));
            };
            let halt = match look(&mut self.unread) {
                Ok(Found::Whole(n)) => return Ok(n),
                Ok(Found::TooLong) => Halt::TooLong,
                Err(trouble) => Halt::Trouble(trouble),
                // Something comes all the time, never all of it.
                Ok(Found::More) if received && is_over(deadline) => Halt::Late,
                Ok(Found::More) => {
                    received = true;
                    match open.receive_within(&mut self.unread, deadline, self.may_wait) {
                        Ok(()) => continue,
                        Err(halt) => halt,
                    }
                }
            };
            // The library does not know what was sent before.
            return Err(self.halted(halt, Phase::Receive).effect(Effect::Unknown));
        }
    }

    /// Take at most `n` bytes of what has been received. Receives nothing.
    pub fn consume(&mut self, n: usize) -> &[u8] {
        self.unread.settle();
        self.unread.take(n)
    }

    /// Whether a line (up to CR LF) can be read at once. Receives what has come, without waiting.
    pub fn line_available(&mut self) -> Result<bool> {
        self.unread.settle();
        let Way::Open(open) = &mut self.way else {
            return Ok(false);
        };
        match open.look_for(b"\r\n", &mut self.unread) {
            Ok(found) => Ok(found),
            Err(trouble) => {
                let halt = Halt::Trouble(trouble);
                Err(self.halted(halt, Phase::Receive))
            }
        }
    }

    /// Whether it is connected and, as far as can be seen without waiting, the server has not closed it.
    pub fn is_up(&mut self) -> bool {
        self.unread.settle();
        match &mut self.way {
            Way::Open(open) => open.is_up(&mut self.unread),
            _ => false,
        }
    }

    /// The descriptor of the connection; `None` while there is none. While it connects: that of the
    /// socket, where it is the only one.
    pub fn fd(&mut self) -> Option<i32> {
        self.unread.settle();
        match &self.way {
            Way::Open(open) => open.fd(),
            Way::Dialing(dialing) => dialing.fd(),
            Way::Closed => None,
        }
    }

    /// Whether calls may wait, from now on.
    pub fn set_waiting(&mut self, may_wait: bool) {
        self.unread.settle();
        self.may_wait = may_wait;
    }

    pub fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// How long each call may take, from now on.
    pub fn set_timeout(&mut self, limit: Limit) {
        self.unread.settle();
        self.timeout = limit.or(self.target.options.timeout);
    }

    /// When a call that begins now must end; one that may not wait ends by itself.
    fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout.filter(|_| self.may_wait))
    }

    /// Before bytes are moved: one that is being connected goes on with that.
    fn ready(&mut self, phase: Phase) -> Result<()> {
        self.unread.settle();
        match self.way {
            Way::Open(_) => Ok(()),
            Way::Dialing(_) => self.go_on_dialing(),
            Way::Closed => Err(self.unconnected(phase)),
        }
    }

    #[cold]
    fn unconnected(&self, phase: Phase) -> Box<Failure> {
        let name = self.target.server.name;
        let text = format!("not connected to {name}");
        let effect = match phase {
            Phase::Send => Effect::NotApplied,
            _ => Effect::None,
        };
        Failure::new(Status::SERVER_DISCONNECT, text)
            .at(phase)
            .errno(libc::ENOTCONN)
            .effect(effect)
            .on(name)
    }

    /// What is told of a call that did not come to its end; all but one that may not wait ends the
    /// connection.
    #[cold]
    fn halted(&mut self, halt: Halt, phase: Phase) -> Box<Failure> {
        let name = self.target.server.name;
        let failure = match halt {
            Halt::WouldBlock => {
                let text = match phase {
                    Phase::Send => format!("{name} takes no more for now"),
                    _ => format!("{name} has not sent it yet"),
                };
                return Failure::new(Status::WOULD_BLOCK, text).at(phase).on(name);
            }
            Halt::Late => {
                let text = match phase {
                    Phase::Send => format!("{name} did not take it in time"),
                    _ => format!("{name} did not send it in time"),
                };
                Failure::new(Status::TIMEOUT, text)
            }
            Halt::TooLong => Failure::new(
                Status::UNEXPECTED_RESPONSE,
                format!("{name} sent more than was to be read, and no terminator"),
            ),
            Halt::Trouble(trouble) => trouble.failure(name).0,
        };
        self.reset();
        failure.at(phase).on(name)
    }
}
