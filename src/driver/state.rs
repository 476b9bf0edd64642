//! What a client and its views share: the servers with their connections, in each process its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::server::{Server, open_store};
use super::snapshot::{Held, Snapshot};
use super::thread;
use crate::cluster::health::custom::Reconnector;
use crate::cluster::health::policy::Policy;
use crate::cluster::node::Node;
use crate::cluster::placer::{Custom, Placer, Rule};
use crate::cluster::topology::Topology;
use crate::config::{self, Config, ServerSpec};
use crate::connection::embedded::MemoryStore;
use crate::deadline;
use crate::error::Result;
use crate::fork::per_process::PerProcess;
use crate::observe::Observer;
use crate::transport::Tuning;
use crate::transport::resolve::Resolver;
use crate::transport::tls::{TlsContext, TlsSettings};

pub type Servers = Topology<Arc<Server>>;

pub struct Core {
    state: PerProcess<State>,
    /// What the client was made with: the options that shape connections hold for all views.
    rule: Rule,
    tuning: Tuning,
    observer: Option<Arc<dyn Observer>>,
    /// `None`: the process's own.
    resolver: Option<Arc<Resolver>>,
}

impl Drop for Core {
    fn drop(&mut self) {
        // A child that frees what it never used closes its copies of the parent's connections.
        self.state();
    }
}

/// The part that a forked child makes anew.
pub struct State {
    topology: Snapshot<Servers>,
    quiet_failed: Arc<AtomicU64>,
    /// Held while a new topology is made; never on the path of a command.
    change: Mutex<()>,
    max_connections: u32,
    tls: TlsContext,
    /// What becomes of servers that fail.
    policy: Policy,
}

impl Core {
    pub fn new(
        config: &Config,
        observer: Option<Arc<dyn Observer>>,
        custom: Custom,
        reconnector: Option<Arc<dyn Reconnector>>,
        resolver: Option<Arc<Resolver>>,
    ) -> Result<Core> {
        let options = config.options.clone();
        let rule = Rule { options, custom };
        let options = &rule.options;
        Ok(Core {
            state: PerProcess::new(State::new(&config.servers, &rule, reconnector)?),
            tuning: Tuning {
                nodelay: options.tcp_nodelay,
                keepalive: options.tcp_keepalive,
                user_timeout: options.tcp_user_timeout,
                io_timeout: options.timeout,
            },
            rule,
            observer,
            resolver,
        })
    }

    /// This process's state.
    #[inline]
    pub fn state(&self) -> &State {
        self.state.get(State::renew, State::close_inherited)
    }

    pub fn io_timeout(&self) -> Option<Duration> {
        self.tuning.io_timeout
    }

    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Who looks up the servers' names.
    pub fn resolver(&self) -> &Resolver {
        match &self.resolver {
            Some(given) => given,
            None => Resolver::system(),
        }
    }

    #[inline]
    pub fn observer(&self) -> Option<&dyn Observer> {
        self.observer.as_deref()
    }
}

impl State {
    /// Fails where the store of a server in memory is not what its URI says, or options contradict each
    /// other.
    fn new(
        specs: &[ServerSpec],
        rule: &Rule,
        reconnector: Option<Arc<dyn Reconnector>>,
    ) -> Result<State> {
        let options = &rule.options;
        options.agree_with_profile()?;
        let tls = TlsContext::new(TlsSettings::of(options)?);
        let with_store = |spec: &ServerSpec| Ok((spec.complete(options)?, open_store(spec)?));
        let servers = specs.iter().map(with_store).collect::<Result<Vec<_>>>()?;
        let placer = placer(rule, servers.iter().map(|(spec, _)| spec))?;
        let policy = Policy::new(options, reconnector, deadline::now());
        Ok(State::of(
            servers,
            placer,
            options.max_connections,
            tls,
            policy,
        ))
    }

    fn of(
        servers: Vec<(ServerSpec, Option<Arc<MemoryStore>>)>,
        placer: Arc<Placer>,
        max_connections: u32,
        tls: TlsContext,
        policy: Policy,
    ) -> State {
        let quiet_failed = Arc::new(AtomicU64::new(0));
        let servers = servers
            .into_iter()
            .map(|(spec, store)| {
                Server::new(spec, store, max_connections, quiet_failed.clone(), &policy)
            })
            .collect();
        State {
            topology: Snapshot::new(Topology::new(servers, placer)),
            quiet_failed,
            change: Mutex::new(()),
            max_connections,
            tls,
            policy,
        }
    }

    /// In a forked child: the same servers without connections, and nothing held against them. Reads the parent's snapshot, which
    /// takes no lock.
    fn renew(parent: &State) -> State {
        let old = parent.topology();
        // A store is another one, and empty, in each process.
        let servers = old
            .servers()
            .iter()
            .map(|server| (server.spec.clone(), server.store.clone()))
            .collect();
        let placer = old.placer().clone();
        State::of(
            servers,
            placer,
            parent.max_connections,
            parent.tls.renewed(),
            parent.policy.renewed(deadline::now()),
        )
    }

    fn close_inherited(parent: &State) {
        for server in parent.topology().servers() {
            server.pool.close_inherited();
        }
    }

    /// The servers of the moment.
    #[inline(always)]
    pub fn topology(&self) -> Held<'_, Servers> {
        self.topology.load(thread::number())
    }

    /// As [`State::topology`], with the thread's number at hand.
    #[inline(always)]
    pub fn topology_for(&self, thread: usize) -> Held<'_, Servers> {
        self.topology.load(thread)
    }

    /// What TLS connections are made with.
    pub fn tls(&self) -> &TlsContext {
        &self.tls
    }

    pub fn take_quiet_failed(&self) -> u64 {
        self.quiet_failed.swap(0, Ordering::AcqRel)
    }

    pub fn add_server(&self, uri: &str, core: &Core) -> Result<()> {
        self.change(core, |specs| {
            let (added, stated) = config::parse_servers(uri)?;
            config::agree(&core.rule.options, &stated)?;
            specs.extend(completed(added, core)?);
            config::refuse_doubles(specs)
        })
    }

    pub fn remove_server(&self, which: &str, core: &Core) -> Result<()> {
        self.change(core, |specs| {
            let at = config::find_server(specs, which)?;
            specs.remove(at);
            Ok(())
        })
    }

    pub fn set_servers(&self, list: &str, core: &Core) -> Result<()> {
        self.change(core, |specs| {
            let (servers, stated) = config::parse_servers(list)?;
            config::agree(&core.rule.options, &stated)?;
            *specs = completed(servers, core)?;
            Ok(())
        })
    }

    /// Make a new list of the old one, and swap; servers in both keep their connections, those that
    /// left close theirs, and keep none that calls under way still make. What is to be hashed is hashed
    /// without the lock, since the program may have brought the hash; should another change come in
    /// between, all is made anew.
    fn change(&self, core: &Core, edit: impl Fn(&mut Vec<ServerSpec>) -> Result<()>) -> Result<()> {
        loop {
            let (mut specs, seen) = self.specs();
            edit(&mut specs)?;
            let placer = placer(&core.rule, specs.iter())?;
            let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
            let old = self.topology();
            if Arc::ptr_eq(old.placer(), &seen) {
                return self.swap(old, specs, placer);
            }
        }
    }

    /// The list of the moment, and the placer that was made for it and for no other.
    fn specs(&self) -> (Vec<ServerSpec>, Arc<Placer>) {
        let old = self.topology();
        let specs = old.servers().iter().map(|server| server.spec.clone());
        (specs.collect(), old.placer().clone())
    }

    /// With the lock held.
    fn swap(
        &self,
        old: Held<'_, Servers>,
        specs: Vec<ServerSpec>,
        placer: Arc<Placer>,
    ) -> Result<()> {
        let servers: Vec<Arc<Server>> = specs
            .into_iter()
            .map(|spec| self.kept_or_new(&old, spec))
            .collect::<Result<_>>()?;
        let left =
            |old: &&Arc<Server>| !servers.iter().any(|new| Arc::ptr_eq(&new.pool, &old.pool));
        let gone: Vec<Arc<Server>> = old.servers().iter().filter(left).cloned().collect();
        drop(old);
        self.topology.replace(Topology::new(servers, placer));
        for server in gone {
            server.pool.retire();
        }
        Ok(())
    }

    fn kept_or_new(&self, old: &Servers, spec: ServerSpec) -> Result<Arc<Server>> {
        Ok(match old.servers().iter().find(|server| server.is(&spec)) {
            Some(server) if server.spec == spec => server.clone(),
            Some(server) => server.with_spec(spec),
            None => {
                let (store, failed) = (open_store(&spec)?, self.quiet_failed.clone());
                Server::new(spec, store, self.max_connections, failed, &self.policy)
            }
        })
    }
}

/// Where keys go among these servers.
fn placer<'s>(rule: &Rule, specs: impl Iterator<Item = &'s ServerSpec>) -> Result<Arc<Placer>> {
    let nodes: Vec<Node<'_>> = specs.map(Node::from).collect();
    Placer::new(rule, &nodes).map(Arc::new)
}

/// With the credentials of the client's options.
fn completed(servers: Vec<ServerSpec>, core: &Core) -> Result<Vec<ServerSpec>> {
    servers
        .iter()
        .map(|spec| spec.complete(&core.rule.options))
        .collect()
}
