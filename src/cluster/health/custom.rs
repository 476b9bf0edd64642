//! A rule that the program brought.

use std::sync::Arc;

use crate::names::ServerName;

/// Says whether servers that failed may be tried.
pub trait Reconnector: Send + Sync {
    /// Whether the server may be used now: asked before a connection to it is made.
    fn may_try(&self, server: ServerName) -> bool;
    /// It has failed.
    fn failed(&self, server: ServerName);
    /// It has answered, the first time since it failed.
    fn answered(&self, server: ServerName);
}

/// The program is asked, and told, about one server.
pub(super) struct Asked {
    reconnector: Arc<dyn Reconnector>,
    server: ServerName,
}

impl Asked {
    pub fn new(reconnector: Arc<dyn Reconnector>, server: ServerName) -> Asked {
        Asked {
            reconnector,
            server,
        }
    }

    pub fn may_try(&self) -> bool {
        self.reconnector.may_try(self.server)
    }

    pub fn failed(&self) {
        self.reconnector.failed(self.server);
    }

    pub fn answered(&self) {
        self.reconnector.answered(self.server);
    }
}
