//! What a client and its views share: the servers with their connections, in each process its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::discovery::{Discovery, Standing};
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
use crate::deadline::{self, Moment, SharedMoment, earlier};
use crate::error::{Failure, Result};
use crate::fork::per_process::PerProcess;
use crate::observe::Observer;
use crate::options::Options;
use crate::transport::Tuning;
use crate::transport::resolve::Resolver;
use crate::transport::tls::{TlsContext, TlsSettings};

pub type Servers = Topology<Arc<Server>>;

/// Where the list of servers comes from; `None`: from the program.
type Source = Option<Arc<Discovery>>;

/// What was replaced and is read still is looked at again after this.
const FREE_PAUSE: Duration = Duration::from_millis(10);

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
    /// Changed together with the list of servers.
    source: Snapshot<Source>,
    /// When a call has something to see to before it begins.
    due: SharedMoment,
    /// Held while that moment is set.
    scheduling: Mutex<()>,
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
        options.agree()?;
        let tls = TlsContext::new(TlsSettings::of(options)?);
        let with_store = |spec: &ServerSpec| Ok((spec.complete(options)?, open_store(spec)?));
        let servers = specs.iter().map(with_store).collect::<Result<Vec<_>>>()?;
        let (endpoints, servers): (Vec<_>, Vec<_>) = servers
            .into_iter()
            .partition(|(spec, _)| spec.is_endpoint());
        let policy = Policy::new(options, reconnector, deadline::now());
        let source = endpoints
            .first()
            .map(|(spec, _)| source(spec, options, &policy));
        let placer = placer(rule, servers.iter().map(|(spec, _)| spec))?;
        let max_connections = options.max_connections;
        Ok(State::of(
            servers,
            placer,
            source,
            max_connections,
            tls,
            policy,
        ))
    }

    fn of(
        servers: Vec<(ServerSpec, Option<Arc<MemoryStore>>)>,
        placer: Arc<Placer>,
        source: Source,
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
        let state = State {
            topology: Snapshot::new(topology(servers, placer, &source)),
            source: Snapshot::new(source),
            due: SharedMoment::default(),
            scheduling: Mutex::new(()),
            quiet_failed,
            change: Mutex::new(()),
            max_connections,
            tls,
            policy,
        };
        state.reschedule(deadline::now());
        state
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
        let policy = parent.policy.renewed(deadline::now());
        let endpoint = |old: &Discovery| endpoint(old.endpoint.spec.clone(), &policy);
        let source = parent.discovery().map(|old| old.renewed(endpoint(&old)));
        State::of(
            servers,
            placer,
            source,
            parent.max_connections,
            parent.tls.renewed(),
            policy,
        )
    }

    fn close_inherited(parent: &State) {
        if let Some(discovery) = parent.discovery() {
            discovery.endpoint.pool.close_inherited();
        }
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

    /// Whether a call that begins now has something to see to first.
    #[inline(always)]
    pub fn is_due(&self, now: Moment) -> bool {
        self.due.has_come(now)
    }

    /// Who asks for the list of servers, where it is not the program's.
    pub fn discovery(&self) -> Option<Arc<Discovery>> {
        Option::clone(&self.source.load(thread::number()))
    }

    /// Free lists that were replaced while calls still used them.
    pub fn free_replaced(&self) {
        for keeps in [self.topology.keeps_replaced(), self.source.keeps_replaced()] {
            if keeps {
                self.topology.free_replaced();
                self.source.free_replaced();
            }
        }
    }

    /// Find out when a call has something to see to next.
    pub fn reschedule(&self, now: Moment) {
        let _one_at_a_time = self
            .scheduling
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let keeps = self.topology.keeps_replaced() || self.source.keeps_replaced();
        let freeing = keeps.then(|| now.after(FREE_PAUSE));
        let asking = self.discovery().and_then(|discovery| {
            match discovery.standing() {
                // Every call is to wait, those too that began before this state was made.
                Standing::Unknown => Some(Moment::PAST),
                _ => discovery.next(),
            }
        });
        self.due.set(earlier(freeing, asking));
    }

    /// What TLS connections are made with.
    pub fn tls(&self) -> &TlsContext {
        &self.tls
    }

    pub fn take_quiet_failed(&self) -> u64 {
        self.quiet_failed.swap(0, Ordering::AcqRel)
    }

    pub fn add_server(&self, uri: &str, core: &Core) -> Result<()> {
        self.change(core, |specs, from| {
            refuse_asked(from)?;
            let (added, stated) = config::parse_servers(uri)?;
            config::agree(&core.rule.options, &stated)?;
            specs.extend(completed(added, core)?);
            config::refuse_doubles(specs)?;
            config::refuse_company(&*specs)?;
            Ok(self.own(specs, None, core))
        })
    }

    pub fn remove_server(&self, which: &str, core: &Core) -> Result<()> {
        self.change(core, |specs, from| {
            refuse_asked(from)?;
            let at = config::find_server(specs, which)?;
            specs.remove(at);
            Ok(None)
        })
    }

    pub fn set_servers(&self, list: &str, core: &Core) -> Result<()> {
        self.change(core, |specs, from| {
            let (servers, stated) = config::parse_servers(list)?;
            config::agree(&core.rule.options, &stated)?;
            let mut new = completed(servers, core)?;
            match (self.own(&mut new, from.as_ref(), core), from) {
                // It goes on with the list that it has.
                (Some(same), Some(from)) if Arc::ptr_eq(&same, from) => Ok(Some(same)),
                (source, _) => {
                    *specs = new;
                    Ok(source)
                }
            }
        })
    }

    /// Take the endpoint out of a list that is one: the source of the list, which is `from` where that is
    /// the same endpoint.
    fn own(
        &self,
        specs: &mut Vec<ServerSpec>,
        from: Option<&Arc<Discovery>>,
        core: &Core,
    ) -> Source {
        let at = specs.iter().position(ServerSpec::is_endpoint)?;
        let spec = specs.remove(at);
        match from {
            Some(from) if from.endpoint.spec == spec => Some(from.clone()),
            _ => Some(source(&spec, &core.rule.options, &self.policy)),
        }
    }

    /// Use the list that was told to `discovery`, unless the client's servers come from elsewhere by now.
    pub fn install(
        &self,
        discovery: &Arc<Discovery>,
        list: &[ServerSpec],
        core: &Core,
    ) -> Result<()> {
        self.change(core, |specs, from| {
            if from
                .as_ref()
                .is_some_and(|from| Arc::ptr_eq(from, discovery))
            {
                *specs = list.to_vec();
            }
            Ok(from.clone())
        })
    }

    /// Calls that have no servers are told this, while they come from there.
    pub fn lack(&self, discovery: &Arc<Discovery>, why: Box<Failure>) {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.topology();
        let from = self.discovery();
        let is_from = from.is_some_and(|from| Arc::ptr_eq(&from, discovery));
        if is_from && old.lack().is_some() {
            let placer = old.placer().clone();
            drop(old);
            self.topology.replace(Topology::lacking(why, placer));
        }
    }

    /// Make a new list of the old one, and swap; servers in both keep their connections, those that
    /// left close theirs, and keep none that calls under way still make. What is to be hashed is hashed
    /// without the lock, since the program may have brought the hash; should another change come in
    /// between, all is made anew.
    /// `edit` is told where the list comes from, and tells where it comes from then.
    fn change(
        &self,
        core: &Core,
        edit: impl Fn(&mut Vec<ServerSpec>, &Source) -> Result<Source>,
    ) -> Result<()> {
        loop {
            let from = self.discovery();
            let (mut specs, seen) = self.specs();
            let source = edit(&mut specs, &from)?;
            let placer = placer(&core.rule, specs.iter())?;
            let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
            let old = self.topology();
            if Arc::ptr_eq(old.placer(), &seen) && is_same(&self.discovery(), &from) {
                return self.swap(old, specs, placer, source);
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
        source: Source,
    ) -> Result<()> {
        let servers: Vec<Arc<Server>> = specs
            .into_iter()
            .map(|spec| self.kept_or_new(&old, spec))
            .collect::<Result<_>>()?;
        let left =
            |old: &&Arc<Server>| !servers.iter().any(|new| Arc::ptr_eq(&new.pool, &old.pool));
        let gone: Vec<Arc<Server>> = old.servers().iter().filter(left).cloned().collect();
        drop(old);
        let new = topology(servers, placer, &source);
        // First: who meets the new list can trust in where it is from.
        if !is_same(&self.discovery(), &source) {
            self.source.replace(source);
        }
        self.topology.replace(new);
        for server in gone {
            server.pool.retire();
        }
        self.reschedule(deadline::now());
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

fn topology(servers: Vec<Arc<Server>>, placer: Arc<Placer>, source: &Source) -> Servers {
    match source {
        Some(discovery) if servers.is_empty() => Topology::lacking(discovery.unknown(), placer),
        _ => Topology::new(servers, placer),
    }
}

/// What is asked for the list of servers: it has a connection only while it is asked.
fn endpoint(spec: ServerSpec, policy: &Policy) -> Arc<Server> {
    Server::new(spec, None, 1, Arc::default(), policy)
}

fn source(spec: &ServerSpec, options: &Options, policy: &Policy) -> Arc<Discovery> {
    Discovery::new(endpoint(spec.clone(), policy), options)
}

fn is_same(a: &Source, b: &Source) -> bool {
    a.as_ref().map(Arc::as_ptr) == b.as_ref().map(Arc::as_ptr)
}

fn refuse_asked(from: &Source) -> Result<()> {
    match from {
        Some(discovery) => Err(Failure::argument(format!(
            "the servers of this client are those of {}; only the list as a whole can be replaced",
            discovery.endpoint.name
        ))),
        None => Ok(()),
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
