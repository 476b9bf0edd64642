//! Who stands in for servers that are down.

use super::state::Servers;
use crate::cluster::placer::StandIn;
use crate::deadline::Moment;
use crate::operation::stand_in::Places;
use crate::options::{Failover, Options};
use crate::protocol::Command;

/// The servers as they are at a moment.
pub struct Seen<'c> {
    pub topology: &'c Servers,
    pub options: &'c Options,
    pub now: Moment,
}

impl Seen<'_> {
    /// Whether a server may be asked that this call has not `passed`.
    fn serves(&self, server: usize, passed: &[usize]) -> bool {
        !passed.contains(&server) && self.is_up(server)
    }
}

impl Places for Seen<'_> {
    fn home(&self, command: &Command<'_>) -> Option<usize> {
        let prefix = &self.options.key_prefix;
        self.topology.place(command.key, command.route, prefix)
    }

    fn is_up(&self, server: usize) -> bool {
        let server = self.topology.server(server);
        server.is_some_and(|server| !server.is_down(self.now))
    }

    fn stand_in(&self, command: &Command<'_>, passed: &[usize]) -> Option<usize> {
        let way = match self.options.failover {
            Failover::Rehash => StandIn::Rehash,
            _ => StandIn::Next,
        };
        let (key, route) = (command.key, command.route);
        let is_up = |server| self.serves(server, passed);
        let prefix = &self.options.key_prefix;
        self.topology.stand_in(way, key, route, prefix, &is_up)
    }

    fn gutter(&self, command: &Command<'_>, passed: &[usize]) -> Option<usize> {
        let (key, route) = (command.key, command.route);
        let is_up = |server| self.serves(server, passed);
        self.topology
            .gutter(key, route, &self.options.key_prefix, &is_up)
    }
}
