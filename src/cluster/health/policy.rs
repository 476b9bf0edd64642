//! What a client's options say about servers that fail.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::custom::{Asked, Reconnector};
use super::hash_client::Settings;
use crate::deadline::Moment;
use crate::names::ServerName;
use crate::options::{Options, Reconnect};

/// By which rule servers that failed are tried again: one for all servers of a client.
#[derive(Clone)]
pub struct Policy {
    pub(super) kind: Kind,
    reconnector: Option<Arc<dyn Reconnector>>,
}

#[derive(Clone)]
pub(super) enum Kind {
    Simple,
    Breaker { failures: u32, pause: Duration },
    Time(Duration),
    DeadRetry(Duration),
    HashClient(Settings),
}

impl Policy {
    /// `reconnector`: in place of the option `reconnect`.
    pub fn new(
        options: &Options,
        reconnector: Option<Arc<dyn Reconnector>>,
        now: Moment,
    ) -> Policy {
        let kind = match options.reconnect {
            _ if reconnector.is_some() => Kind::Simple,
            Reconnect::Simple => Kind::Simple,
            Reconnect::Breaker => Kind::Breaker {
                failures: options.breaker_failures,
                pause: options.breaker_pause,
            },
            Reconnect::Time => Kind::Time(options.reconnect_time),
            Reconnect::PythonMemcached => Kind::DeadRetry(options.dead_retry),
            Reconnect::Pymemcache => Kind::HashClient(Settings {
                retry_attempts: options.retry_attempts,
                retry_timeout: options.retry_timeout,
                dead_timeout: options.dead_timeout,
                looked: Arc::new(AtomicU64::new(now.nanos())),
            }),
        };
        Policy { kind, reconnector }
    }

    /// For other servers, as it was at first.
    #[must_use]
    pub fn renewed(&self, now: Moment) -> Policy {
        let mut policy = self.clone();
        if let Kind::HashClient(settings) = &mut policy.kind {
            settings.looked = Arc::new(AtomicU64::new(now.nanos()));
        }
        policy
    }

    pub(super) fn asked(&self, server: ServerName) -> Option<Asked> {
        let reconnector = self.reconnector.clone()?;
        Some(Asked::new(reconnector, server))
    }
}
