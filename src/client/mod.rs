//! The blocking driver: carries operations out for any number of threads at once.

pub mod admin;
mod aside;
mod beyond;
mod blocking;
pub mod dump;
mod fit;
mod lanes;
mod memory;
mod policy;
mod proxied;
pub mod raw;
mod rounds;
mod shortcut;
mod stages;
mod sync;
mod tend;
mod turn;
pub mod wait;

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::health::Report;
use crate::cluster::health::custom::Reconnector;
use crate::cluster::placer::Custom;
use crate::config::Config;
use crate::deadline::{self, Deadline, Nanos};
use crate::driver::{
    call, connect, contest, deliver, health, lane, place, secure, server, slot, snapshot, state,
    thread,
};
pub use crate::driver::{pool, sink};
use crate::error::{Failure, Result, Status};
use crate::names::ServerName;
use crate::observe::{Notices, Observer};
use crate::operation::batch::Batch;
use crate::operation::broadcast::Everywhere;
use crate::operation::command::Commands;
use crate::options::Options;
use crate::protocol::classic::passes;
use crate::protocol::served::Needs;
use crate::protocol::{Command, Op};
use crate::transport::resolve::Resolver;
use call::{Call, Context, no_servers};
use sink::Sink;
use snapshot::Held;
use state::{Core, Servers};

/// A client: shared freely between threads. Views made by [`Client::with`] share its connections.
pub struct Client {
    core: Arc<Core>,
    settings: Settings,
    /// What is read where this one has nothing.
    fallback: Option<Arc<Client>>,
}

/// The options of one view, and what follows from them.
pub(crate) struct Settings {
    pub options: Options,
    /// A blocking receive ends in time: the timeout is not below the sockets' own, and not so short
    /// that their lateness of some milliseconds matters.
    pub plain: bool,
    /// The option `idle_check`.
    pub idle_check: Nanos,
    /// The option `shortcut` as it was said.
    shortcut: bool,
    /// More is done than the command itself: see [`policy`].
    pub by_policy: bool,
}

/// Below this, waiting is left to `poll`: SO_RCVTIMEO fires up to 8 ms late.
const PLAIN_MIN: Duration = Duration::from_millis(20);

impl Settings {
    fn new(mut options: Options, core: &Core) -> Settings {
        let plain = allows_plain(options.timeout, core);
        let shortcut = options.shortcut;
        // The short way does not look at the clock when it is done.
        options.shortcut &= options.slow_after.is_none() || core.observer().is_none();
        Settings {
            idle_check: options.idle_check.into(),
            by_policy: policy::is_needed(&options),
            options,
            plain,
            shortcut,
        }
    }

    /// As they were said.
    fn said(&self) -> Options {
        Options {
            shortcut: self.shortcut,
            ..self.options.clone()
        }
    }
}

fn allows_plain(timeout: Option<Duration>, core: &Core) -> bool {
    match (timeout, core.io_timeout()) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(call), Some(io)) => call >= PLAIN_MIN && call >= io,
    }
}

/// How long a call may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Limit {
    /// As the client's options say.
    #[default]
    Default,
    For(Duration),
    None,
}

impl Limit {
    /// `default`: what the client's options say.
    pub fn or(self, default: Option<Duration>) -> Option<Duration> {
        match self {
            Limit::Default => default,
            Limit::For(limit) => Some(limit),
            Limit::None => None,
        }
    }
}

impl Client {
    /// Neither resolves nor connects. Fails where a store in memory is there already and is not what
    /// its URI says.
    pub fn new(config: Config, observer: Option<Arc<dyn Observer>>) -> Result<Client> {
        Client::placing(config, observer, Custom::default())
    }

    /// As [`Client::new`], with functions of the program's own that place keys.
    pub fn placing(
        config: Config,
        observer: Option<Arc<dyn Observer>>,
        custom: Custom,
    ) -> Result<Client> {
        Client::reconnecting(config, observer, custom, None)
    }

    /// As [`Client::placing`], with a rule of the program's own for servers that fail.
    pub fn reconnecting(
        config: Config,
        observer: Option<Arc<dyn Observer>>,
        custom: Custom,
        reconnector: Option<Arc<dyn Reconnector>>,
    ) -> Result<Client> {
        let core = Core::new(&config, observer, custom, reconnector, None)?;
        Ok(Client::made(core, config))
    }

    /// A client that looks its servers' names up elsewhere than in the process's own resolver, which
    /// the client shares with all others: for tests.
    #[doc(hidden)]
    pub fn with_resolver(config: Config, resolver: Arc<Resolver>) -> Result<Client> {
        let core = Core::new(&config, None, Custom::default(), None, Some(resolver))?;
        Ok(Client::made(core, config))
    }

    fn made(core: Core, config: Config) -> Client {
        Client {
            settings: Settings::new(config.options, &core),
            core: Arc::new(core),
            fallback: None,
        }
    }

    /// A view with some options changed: `timeout=50ms&paranoid=on`.
    pub fn with(&self, changes: &str) -> Result<Client> {
        let mut options = self.settings.said();
        options.apply_list(changes)?;
        options.agree()?;
        Ok(self.view(options, self.fallback.clone()))
    }

    /// A view that reads from another client what it does not find.
    pub fn with_fallback(&self, old: &Client) -> Client {
        let old = old.view(old.settings.said(), old.fallback.clone());
        self.view(self.settings.said(), Some(Arc::new(old)))
    }

    fn view(&self, options: Options, fallback: Option<Arc<Client>>) -> Client {
        let mut settings = Settings::new(options, &self.core);
        settings.by_policy |= fallback.is_some();
        Client {
            core: self.core.clone(),
            settings,
            fallback,
        }
    }

    pub fn options(&self) -> &Options {
        &self.settings.options
    }

    /// What the client and its views share, for another driver.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Carry out one command; `sink` hears of it under tag 0. Compiled into each caller, for an `op`
    /// (the command's) that is constant there.
    #[inline(always)]
    pub fn execute<S: Sink + Default>(
        &self,
        op: Op,
        command: &Command<'_>,
        limit: Limit,
        sink: &mut S,
    ) {
        if self.settings.by_policy {
            let mut moved = std::mem::take(sink);
            self.execute_by_policy(command, limit, &mut moved);
            *sink = moved;
            return;
        }
        let (timeout, plain) = match limit {
            Limit::Default => (self.settings.options.timeout, self.settings.plain),
            other => {
                let timeout = other.or(None);
                (timeout, allows_plain(timeout, &self.core))
            }
        };
        let call = Call {
            core: &self.core,
            options: &self.settings.options,
            deadline: Deadline::after(timeout),
            silence: None,
            plain,
            idle_check: self.settings.idle_check,
        };
        let thread = thread::number();
        let state = self.core.state();
        if state.is_due(call.deadline.begin()) {
            tend::tend(&self.core, call.deadline);
        }
        let topology = state.topology_for(thread);
        shortcut::run(&call, &topology, thread, op, command, sink);
    }

    /// As [`Client::execute`], not compiled into each of its callers: for the rarer commands.
    #[inline(never)]
    pub fn execute_any<S: Sink + Default>(
        &self,
        command: &Command<'_>,
        limit: Limit,
        sink: &mut S,
    ) {
        if command.extra.is_nothing() || self.settings.by_policy {
            return self.execute(command.op, command, limit, sink);
        }
        self.execute_beyond(command, limit, sink);
    }

    /// As [`Client::execute`], a command beyond the classic ones.
    #[cold]
    fn execute_beyond(&self, command: &Command<'_>, limit: Limit, sink: &mut dyn Sink) {
        let call = self.call_for_one(limit);
        self.tend(call.deadline);
        let topology = self.core.state().topology_for(thread::number());
        rounds::lone(&call, &topology, command, sink);
    }

    /// Carry out many commands at once, on all their servers; `sink` hears of each under its place.
    pub fn execute_multi<S: Sink, C: Commands>(&self, commands: &C, limit: Limit, sink: &mut S) {
        if self.settings.by_policy {
            return self.execute_multi_by_policy(commands, limit, sink);
        }
        let call = self.call_for_many(limit);
        self.tend(call.deadline);
        let state = self.core.state();
        let topology = state.topology();
        if commands.beyond().is_some() {
            return rounds::batch(&call, &topology, commands, sink);
        }
        let context = Context::new(commands, &topology, &self.settings.options);
        carry_out(&call, &context, sink);
    }

    /// See to what is due before a call.
    fn tend(&self, deadline: Deadline) {
        if self.core.state().is_due(deadline.begin()) {
            tend::tend(&self.core, deadline);
        }
    }

    /// The servers of a call to all of them, which has to have some.
    fn all_servers(&self, deadline: Deadline) -> Result<Held<'_, Servers>> {
        self.tend(deadline);
        let topology = self.core.state().topology();
        match topology.lack() {
            Some(lack) => Err(Box::new(lack.clone())),
            None => Ok(topology),
        }
    }

    /// What a batch is carried out with.
    fn call_for_many(&self, limit: Limit) -> Call<'_> {
        let options = &self.settings.options;
        let limit = limit.or(options.batch_timeout);
        Call {
            core: &self.core,
            options,
            deadline: Deadline::after(limit),
            silence: options.timeout,
            plain: self.settings.plain && allows_plain(limit, &self.core),
            idle_check: self.settings.idle_check,
        }
    }

    /// Carry out one command on every server, those that are down included; `sink` hears of each
    /// under the server's place in the list. `begin` is told their names first. Fails, and does nothing,
    /// where the command may be sent to none.
    pub fn broadcast<S: Sink>(
        &self,
        command: &Command<'_>,
        limit: Limit,
        begin: impl FnOnce(&[ServerName]) -> Result<S>,
    ) -> Result<S> {
        if !passes(command.op) {
            proxied::refuse(&self.settings.options, command.op.name())?;
        }
        let call = self.call_for_many(limit);
        let topology = self.all_servers(call.deadline)?;
        let names: Vec<ServerName> = topology
            .servers()
            .iter()
            .map(|server| server.name)
            .collect();
        let commands = Everywhere::new(*command, names.len())?;
        let mut sink = begin(&names)?;
        let context = Context::new(&commands, &topology, &self.settings.options);
        carry_out(&call, &context, &mut sink);
        Ok(sink)
    }

    /// Settle the quiet commands on idle connections: how many failed since the last time, those
    /// whose replies were lost included.
    pub fn sync(&self, limit: Limit) -> (Result<()>, u64) {
        let deadline = Deadline::after(limit.or(self.settings.options.timeout));
        let mut notices = Notices::new(self.core.observer().is_some());
        let result = sync::settle(self.core.state(), deadline, &mut notices);
        notices.tell(self.core.observer());
        (result, self.core.state().take_quiet_failed())
    }

    /// Close idle connections now, and those in use when they come back; the next call reopens.
    pub fn close(&self) {
        for server in self.core.state().topology().servers() {
            server.pool.close_all();
        }
    }

    /// Whether a command could name `key` (without prefix).
    pub fn check_key(&self, key: &[u8]) -> Result<()> {
        let options = &self.settings.options;
        match beyond::nameable(options, &options.key_prefix, key) {
            Ok(_) => Ok(()),
            Err(fault) => Err(Failure::new(Status::ILLEGAL_INPUT, fault.to_string())),
        }
    }

    /// The name of the server that `key` (without prefix) belongs to.
    pub fn server_for_key(&self, key: &[u8]) -> Result<ServerName> {
        let topology = self.core.state().topology();
        let options = &self.settings.options;
        let place = match options.replicate.0 {
            // The one that is asked first.
            Some(_) => Some(0),
            None => topology.place(key, None, &options.key_prefix),
        };
        place
            .and_then(|index| topology.server(index))
            .map(|server| server.name)
            .ok_or_else(|| no_servers(Op::Get, &topology))
    }

    /// The servers' names, in the order of the list.
    pub fn servers(&self) -> Vec<ServerName> {
        let topology = self.core.state().topology();
        topology
            .servers()
            .iter()
            .map(|server| server.name)
            .collect()
    }

    /// What is known of the server at this place in the list, and its name.
    pub fn server_health(&self, index: usize) -> Result<(ServerName, Report)> {
        let topology = self.core.state().topology();
        let server = topology.server(index).ok_or_else(|| {
            let n = topology.servers().len();
            Failure::argument(format!("there is no server {index}: the list has {n}"))
        })?;
        Ok((server.name, server.health.report(deadline::now())))
    }

    /// Add one server to the end of the list.
    pub fn add_server(&self, uri: &str) -> Result<()> {
        self.core.state().add_server(uri, &self.core)
    }

    /// Remove the server that `which` names, by its URI in any spelling or its alias.
    pub fn remove_server(&self, which: &str) -> Result<()> {
        self.core.state().remove_server(which, &self.core)
    }

    /// Replace the list as a whole; servers that stay keep their connections.
    pub fn set_servers(&self, list: &str) -> Result<()> {
        self.core.state().set_servers(list, &self.core)
    }
}

fn carry_out<S: Sink, C: Commands>(call: &Call<'_>, context: &Context<'_, C>, sink: &mut S) {
    let mut batch = Batch::new(context.commands.count());
    blocking::run(call, &mut batch, context, sink);
}

/// A lone command.
struct One<'r, 'a>(&'r Command<'a>);

impl Commands for One<'_, '_> {
    fn count(&self) -> usize {
        1
    }
    fn blank(&self) -> Command<'_> {
        *self.0
    }
    fn fill<'s>(&'s self, _: usize, _: &mut Command<'s>) -> Result<()> {
        Ok(())
    }
    fn beyond(&self) -> Option<Needs> {
        (!self.0.extra.is_nothing()).then(|| Needs::of(self.0))
    }
}
