//! One server as the blocking driver sees it: where it is, its name, its connections.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::pool::Pool;
use crate::cluster::health::Health;
use crate::cluster::health::policy::Policy;
use crate::config::ServerSpec;
use crate::connection::embedded::{self, Embedded, MemoryStore, StoreSettings};
use crate::deadline;
use crate::error::Result;
use crate::names::ServerName;
use crate::options::Clock;
use crate::transport::{Endpoint, Pipe, Stream, Whereabouts};
use crate::uri::Address;

pub struct Server {
    pub spec: ServerSpec,
    pub name: ServerName,
    pub whereabouts: Whereabouts,
    /// What a server in memory keeps its items in.
    pub store: Option<Arc<MemoryStore>>,
    pub pool: Arc<Pool>,
    /// Whether it can be used now.
    pub health: Arc<Health>,
    /// A hash of the endpoint that was connected to last; 0: none was.
    last: Arc<AtomicU64>,
    /// It has asked for credentials.
    asks: Arc<AtomicBool>,
}

impl Server {
    /// `store`: of [`open_store`]; `policy`: one for all servers of a client.
    pub fn new(
        spec: ServerSpec,
        store: Option<Arc<MemoryStore>>,
        max_connections: u32,
        quiet_failed: Arc<AtomicU64>,
        policy: &Policy,
    ) -> Arc<Server> {
        let name = ServerName::new(&spec.name);
        Arc::new(Server {
            store,
            name,
            health: Health::new(policy, name, random(), deadline::now()),
            whereabouts: Whereabouts::of(&spec.uri.address),
            pool: Pool::new(max_connections as usize, quiet_failed),
            last: Arc::default(),
            asks: Arc::default(),
            spec,
        })
    }

    /// The same server with another weight, sharing its connections and its health.
    pub fn with_spec(&self, spec: ServerSpec) -> Arc<Server> {
        Arc::new(Server {
            name: self.name,
            whereabouts: self.whereabouts.clone(),
            store: self.store.clone(),
            pool: self.pool.clone(),
            health: self.health.clone(),
            last: self.last.clone(),
            asks: self.asks.clone(),
            spec,
        })
    }

    /// A connection to a server in memory, which is made at once.
    pub fn pipe(&self) -> Option<Stream> {
        let far_end = Embedded::new(self.store.as_deref()?);
        Some(Stream::Pipe(Box::new(Pipe::new(Box::new(far_end)))))
    }

    /// This endpoint was connected to.
    pub fn connected_to(&self, endpoint: &Endpoint) {
        self.last.store(hash(endpoint), Ordering::Relaxed);
    }

    /// Put the endpoint that was connected to last before the others: those that are dead are not
    /// waited for again.
    pub fn last_first(&self, endpoints: &mut [Endpoint]) {
        let last = self.last.load(Ordering::Relaxed);
        if last == 0 {
            return;
        }
        if let Some(at) = endpoints.iter().position(|one| hash(one) == last) {
            endpoints[..=at].rotate_right(1);
        }
    }

    /// It has asked for credentials: from now on, a new connection begins with them.
    pub fn has_asked(&self) {
        self.asks.store(true, Ordering::Relaxed);
    }

    pub fn asks(&self) -> bool {
        self.asks.load(Ordering::Relaxed)
    }

    /// The same server, with the same name and credentials, by TLS or not: its connections can be kept.
    pub fn is(&self, spec: &ServerSpec) -> bool {
        self.spec.uri.address == spec.uri.address
            && self.spec.name == spec.name
            && self.spec.tls_name == spec.tls_name
            && self.spec.credentials == spec.credentials
    }
}

/// The store of a server in memory: a named one may be there already, and must be what the URI says.
pub fn open_store(spec: &ServerSpec) -> Result<Option<Arc<MemoryStore>>> {
    let Address::Memory { name } = &spec.uri.address else {
        return Ok(None);
    };
    let said = StoreSettings {
        limit_bytes: spec
            .store
            .limit
            .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        manual_clock: spec.store.clock.map(|clock| clock == Clock::Manual),
    };
    embedded::open(name, said).map(Some)
}

/// Differs each time, and in forked children: the standard library's keys come from the system, once.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn hash(endpoint: &Endpoint) -> u64 {
    let mut hasher = DefaultHasher::new();
    endpoint.hash(&mut hasher);
    hasher.finish().max(1)
}
