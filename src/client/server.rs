//! One server as the blocking driver sees it: where it is, its name, its connections.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::pool::Pool;
use crate::config::ServerSpec;
use crate::names::ServerName;
use crate::transport::{Endpoint, Whereabouts};

pub struct Server {
    pub spec: ServerSpec,
    pub name: ServerName,
    pub whereabouts: Whereabouts,
    pub pool: Arc<Pool>,
    /// A hash of the endpoint that was connected to last; 0: none was.
    last: Arc<AtomicU64>,
}

impl Server {
    pub fn new(
        spec: ServerSpec,
        max_connections: u32,
        quiet_failed: Arc<AtomicU64>,
    ) -> Arc<Server> {
        Arc::new(Server {
            name: ServerName::new(&spec.name),
            whereabouts: Whereabouts::of(&spec.uri.address),
            pool: Pool::new(max_connections as usize, quiet_failed),
            last: Arc::default(),
            spec,
        })
    }

    /// The same server with another weight, sharing its connections.
    pub fn with_spec(&self, spec: ServerSpec) -> Arc<Server> {
        Arc::new(Server {
            name: self.name,
            whereabouts: self.whereabouts.clone(),
            pool: self.pool.clone(),
            last: self.last.clone(),
            spec,
        })
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

    /// The same server, with the same name: its connections can be kept.
    pub fn is(&self, spec: &ServerSpec) -> bool {
        self.spec.uri.address == spec.uri.address && self.spec.name == spec.name
    }
}

fn hash(endpoint: &Endpoint) -> u64 {
    let mut hasher = DefaultHasher::new();
    endpoint.hash(&mut hasher);
    hasher.finish().max(1)
}
