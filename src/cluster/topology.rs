//! The servers of a client at one moment, in their order, with what a driver hangs on each. Never
//! changed: a new list is a new snapshot, swapped as a whole.

use std::sync::Arc;

use super::placer::{Placer, StandIn};
use crate::error::Failure;

pub struct Topology<S> {
    servers: Vec<S>,
    placer: Arc<Placer>,
    lack: Option<Box<Failure>>,
}

impl<S> Topology<S> {
    /// `placer` is made for these servers, in this order.
    pub fn new(servers: Vec<S>, placer: Arc<Placer>) -> Topology<S> {
        Topology {
            servers,
            placer,
            lack: None,
        }
    }

    /// No servers, because of this. `placer` is made for none.
    pub fn lacking(lack: Box<Failure>, placer: Arc<Placer>) -> Topology<S> {
        Topology {
            lack: Some(lack),
            ..Topology::new(Vec::new(), placer)
        }
    }

    /// Why there are no servers yet, where there are to be some.
    pub fn lack(&self) -> Option<&Failure> {
        self.lack.as_deref()
    }

    /// The index of the server that `key` belongs to, or the keys of `route` where that is given;
    /// `prefix` is what is sent in front of the key, and never in front of a route.
    #[inline]
    pub fn place(&self, key: &[u8], route: Option<&[u8]>, prefix: &[u8]) -> Option<usize> {
        if self.servers.len() == 1 {
            return Some(0);
        }
        self.place_among_several(key, route, prefix)
    }

    #[inline(never)]
    fn place_among_several(
        &self,
        key: &[u8],
        route: Option<&[u8]>,
        prefix: &[u8],
    ) -> Option<usize> {
        let (key, prefix) = match route {
            Some(route) => (route, &b""[..]),
            None => (key, prefix),
        };
        let place = self.placer.place(key, prefix, &|_| true);
        place.filter(|&index| index < self.servers.len())
    }

    /// As [`Topology::place`], where others stand in for servers that are down, as `is_up` says; `None`:
    /// all that might are.
    pub fn stand_in(
        &self,
        way: StandIn,
        key: &[u8],
        route: Option<&[u8]>,
        prefix: &[u8],
        is_up: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        self.found(&self.placer, way, key, route, prefix, is_up)
    }

    /// The server that stands in for that of a key, among those that no key belongs to.
    pub fn gutter(
        &self,
        key: &[u8],
        route: Option<&[u8]>,
        prefix: &[u8],
        is_up: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        let placer = self.placer.gutter()?;
        self.found(placer, StandIn::Next, key, route, prefix, is_up)
    }

    fn found(
        &self,
        placer: &Placer,
        way: StandIn,
        key: &[u8],
        route: Option<&[u8]>,
        prefix: &[u8],
        is_up: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        if self.servers.len() == 1 {
            return Some(0).filter(|&at| is_up(at));
        }
        let (key, prefix) = match route {
            Some(route) => (route, &b""[..]),
            None => (key, prefix),
        };
        let place = placer.stand_in(way, key, prefix, is_up);
        place.filter(|&index| index < self.servers.len())
    }

    pub fn servers(&self) -> &[S] {
        &self.servers
    }

    pub fn server(&self, index: usize) -> Option<&S> {
        self.servers.get(index)
    }

    /// For another list of the same servers.
    pub fn placer(&self) -> &Arc<Placer> {
        &self.placer
    }
}
