//! What a call is carried out with: its time, its options, its commands.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use super::state::{Core, Servers};
use crate::connection::outbox::{Token, Values};
use crate::deadline::{self, Deadline, Nanos};
use crate::error::{Effect, Failure, Status};
use crate::operation::command::{Commands, Limits};
use crate::options::{Options, Protocol};
use crate::protocol::{Command, Dialect, Op};

/// The largest item of a server that was told no other limit.
const SERVERS_ITEM_MAX: u64 = 1 << 20;

/// What one call is carried out with.
#[derive(Clone, Copy)]
pub struct Call<'c> {
    pub core: &'c Core,
    pub options: &'c Options,
    pub deadline: Deadline,
    /// A server that is silent for this long ends its own commands (batches).
    pub silence: Option<Duration>,
    /// The first receive may block: see [`super::Settings::plain`].
    pub plain: bool,
    /// The option `idle_check`.
    pub idle_check: Nanos,
}

impl Call<'_> {
    /// The largest value that a connection takes.
    pub fn max_value(&self) -> usize {
        usize::try_from(self.options.max_value_size).unwrap_or(usize::MAX)
    }

    /// Where a server may well refuse a value for its size, the command is sent so that it is answered.
    pub fn loud_above(&self) -> usize {
        let limit = self.options.item_size_max.min(SERVERS_ITEM_MAX);
        usize::try_from(limit / 2).unwrap_or(usize::MAX)
    }

    /// What a new connection speaks. Opaques begin anywhere, so that a reply meant for another connection
    /// is not taken for one of this.
    pub fn dialect(&self) -> Dialect {
        // The standard library's keys come from the system, and differ each time.
        let opaque = || 10_000 + RandomState::new().hash_one(()) as u32 % 90_000;
        match self.options.protocol {
            Protocol::Ascii => Dialect::Ascii,
            Protocol::Auto if !self.options.asks_version() => Dialect::Ascii,
            Protocol::Auto => Dialect::Auto { opaque: opaque() },
            Protocol::Meta => Dialect::Meta { opaque: opaque() },
            Protocol::Binary => Dialect::Binary { opaque: opaque() },
        }
    }
}

/// The commands of an operation, checked against one topology.
pub struct Context<'a, C: Commands + ?Sized> {
    pub commands: &'a C,
    pub(crate) topology: &'a Servers,
    pub(crate) limits: Limits<'a>,
    /// The option `binary_keys`.
    pub(crate) binary_keys: bool,
}

/// What an operation's commands are checked against.
#[inline(always)]
pub fn limits(options: &Options) -> Limits<'_> {
    Limits {
        prefix: &options.key_prefix,
        item_size_max: options.item_size_max,
    }
}

/// The server that a command goes to.
#[inline(always)]
fn place(topology: &Servers, command: &Command<'_>, prefix: &[u8]) -> Option<usize> {
    if command.server != Command::ANYWHERE {
        return Some(command.server);
    }
    topology.place(command.key, command.route, prefix)
}

/// The wall clock for a command's expiry time: that of its server, where it is in this process and may
/// have been moved.
#[cold]
#[inline(never)]
pub(crate) fn unix_now(topology: &Servers, command: &Command<'_>, limits: Limits<'_>) -> i64 {
    let server = place(topology, command, limits.prefix).and_then(|to| topology.server(to));
    match server.and_then(|server| server.store.as_deref()) {
        Some(store) => store.unix_now(),
        None => deadline::unix_now(),
    }
}

impl<'a, C: Commands + ?Sized> Context<'a, C> {
    pub fn new(commands: &'a C, topology: &'a Servers, options: &'a Options) -> Context<'a, C> {
        Context {
            commands,
            topology,
            limits: limits(options),
            binary_keys: options.binary_keys,
        }
    }

    /// The server that a command goes to.
    #[inline]
    pub(crate) fn place(&self, command: &Command<'_>) -> Option<usize> {
        place(self.topology, command, self.limits.prefix)
    }
}

impl<C: Commands + ?Sized> Values for Context<'_, C> {
    fn value(&self, token: Token) -> &[u8] {
        let mut command = self.commands.blank();
        match self.commands.fill(token as usize, &mut command) {
            Ok(()) => command.value,
            Err(_) => b"",
        }
    }
}

/// What a command is told that no server can have.
#[cold]
pub(crate) fn no_servers(op: Op, topology: &Servers) -> Box<Failure> {
    let effect = if op.is_read() {
        Effect::None
    } else {
        Effect::NotApplied
    };
    if let Some(lack) = topology.lack() {
        return Box::new(lack.clone()).effect(effect);
    }
    let why = match topology.servers() {
        [] => "the client has no servers",
        _ => "the placement has no server for this key",
    };
    Failure::new(Status::NO_AVAILABLE_SERVERS, why).effect(effect)
}
