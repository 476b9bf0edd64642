//! One server as the blocking driver sees it: where it is, its name, its connections.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::pool::Pool;
use crate::config::ServerSpec;
use crate::names::ServerName;
use crate::transport::Whereabouts;

pub struct Server {
    pub spec: ServerSpec,
    pub name: ServerName,
    pub whereabouts: Whereabouts,
    pub pool: Arc<Pool>,
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
            spec,
        })
    }

    /// The same server with another weight, sharing its connections.
    pub fn with_spec(&self, spec: ServerSpec) -> Arc<Server> {
        Arc::new(Server {
            name: self.name,
            whereabouts: self.whereabouts.clone(),
            pool: self.pool.clone(),
            spec,
        })
    }

    /// The same server, with the same name: its connections can be kept.
    pub fn is(&self, spec: &ServerSpec) -> bool {
        self.spec.uri.address == spec.uri.address && self.spec.name == spec.name
    }
}
