//! What a client's options say about placing, and what comes of it for a list of servers.

use std::sync::Arc;

use super::hasher::{Hasher, KeyHash};
use super::joined::joined;
use super::node::Node;
use super::selector::presets::{Preset, preset};
use super::selector::{Choose, Selector};
use crate::error::Result;
use crate::options::Options;
use crate::uri::Address;

/// Functions that the program brought.
#[derive(Clone, Default)]
pub struct Custom {
    /// Instead of the hash of the placement and of the option `hash`.
    pub hasher: Option<Arc<dyn KeyHash>>,
    /// Instead of the option `placement`.
    pub selector: Option<Arc<dyn Choose>>,
}

/// What keys are placed by.
#[derive(Clone, Default)]
pub struct Rule {
    pub options: Options,
    pub custom: Custom,
}

impl Rule {
    fn hasher(&self, preset: &Preset) -> Hasher {
        match &self.custom.hasher {
            Some(hasher) => Hasher::Custom(hasher.clone()),
            None => Hasher::Named(self.options.hash.unwrap_or(preset.hash)),
        }
    }
}

/// Where keys go, for one list of servers: built once, read by every call.
pub struct Placer {
    selector: Selector,
    /// The servers that keys belong to as they are sorted, by their places in the list; empty: all of
    /// them, as they stand there.
    order: Box<[usize]>,
    /// How many those are.
    servers: usize,
    prefix: bool,
    tags: bool,
    stop: bool,
    /// How often a key is hashed again.
    retries: u32,
    /// Where keys go whose server is down.
    gutter: Option<Box<Placer>>,
}

/// Who stands in for a server that is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StandIn {
    /// The next one in the list.
    Next,
    /// The one of the key hashed again.
    Rehash,
}

impl Placer {
    /// Fails where there is no memory for the ring.
    pub fn new(rule: &Rule, nodes: &[Node<'_>]) -> Result<Placer> {
        let of = |gutter: bool| (0..nodes.len()).filter(move |at| nodes[*at].gutter == gutter);
        let own: Vec<usize> = of(false).collect();
        let gutter: Vec<usize> = of(true).collect();
        if gutter.is_empty() && !rule.options.sort_servers {
            return Placer::among(rule, nodes, Box::default());
        }
        let order = |places: Vec<usize>| match rule.options.sort_servers {
            true => sorted(nodes, places),
            false => places.into(),
        };
        Ok(Placer {
            gutter: match gutter.is_empty() {
                true => None,
                false => Some(Box::new(Placer::among(rule, nodes, order(gutter))?)),
            },
            ..Placer::among(rule, nodes, order(own))?
        })
    }

    /// Among those at the places of `order`; where that is empty and the list is not in order by itself,
    /// among all.
    fn among(rule: &Rule, nodes: &[Node<'_>], order: Box<[usize]>) -> Result<Placer> {
        let preset = preset(rule.options.placement);
        let nodes: Vec<&Node<'_>> = match order.is_empty() {
            true => nodes.iter().filter(|node| !node.gutter).collect(),
            false => order.iter().map(|&at| &nodes[at]).collect(),
        };
        let servers = nodes.len();
        let hasher = rule.hasher(&preset);
        let selector = match &rule.custom.selector {
            Some(custom) => Selector::custom(custom.clone(), hasher, &nodes),
            None => Selector::new(&preset.scheme, preset.naming, hasher, &rule.options, &nodes)?,
        };
        Ok(Placer {
            selector,
            order,
            servers,
            retries: rule.options.hashing_retries,
            gutter: None,
            prefix: rule.options.hash_prefix.unwrap_or(preset.prefix),
            tags: rule.options.hash_tags,
            stop: preset.stop,
        })
    }

    /// The index of the server for `key`, whose `prefix` is not part of it; `None` where there is none
    /// to be had. `is_up` tells of a server by its index whether it can be used now.
    pub fn place(&self, key: &[u8], prefix: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        if self.prefix && !prefix.is_empty() {
            return joined(&[prefix, key], |whole| self.place_whole(whole, is_up))?;
        }
        self.place_whole(key, is_up)
    }

    fn place_whole(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.select(self.hashed(key), is_up)
    }

    /// What of a key is hashed.
    fn hashed<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let key = if self.stop { stopped(key) } else { key };
        if self.tags { tagged(key) } else { key }
    }

    fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        match *self.order {
            [] => self.selector.select(key, is_up),
            [only] => Some(only),
            ref order => {
                let is_up = |sorted: usize| order.get(sorted).is_some_and(|&at| is_up(at));
                let sorted = self.selector.select(key, &is_up)?;
                order.get(sorted).copied()
            }
        }
    }

    /// As [`Placer::place`], where somebody stands in for servers that are down: the placement's own way
    /// if it has one, else as `way` says.
    pub fn stand_in(
        &self,
        way: StandIn,
        key: &[u8],
        prefix: &[u8],
        is_up: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        let prefix = if self.prefix { prefix } else { b"" };
        joined(&[prefix, key], |whole| self.stand_in_for(way, whole, is_up))?
    }

    fn stand_in_for(
        &self,
        way: StandIn,
        key: &[u8],
        is_up: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        let key = self.hashed(key);
        if self.selector.steps_aside() {
            return self.select(key, is_up).filter(|&at| is_up(at));
        }
        let first = self.select(key, &|_| true)?;
        if is_up(first) {
            return Some(first);
        }
        match way {
            StandIn::Next => self.next_to(first, is_up),
            StandIn::Rehash => (0..self.retries).find_map(|number| {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(number).as_bytes();
                let again = joined(&[key, digits], |again| self.select(again, &|_| true))?;
                again.filter(|&at| is_up(at))
            }),
        }
    }

    /// The first one that is up behind `first`, in the order in which the servers stand.
    fn next_to(&self, first: usize, is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let place = |at: usize| match self.order.is_empty() {
            true => at,
            false => self.order[at],
        };
        let start = (0..self.servers).find(|&at| place(at) == first)?;
        (1..self.servers)
            .map(|n| place((start + n) % self.servers))
            .find(|&at| is_up(at))
    }

    /// Where keys go whose server is down; `None`: there is nothing of the kind.
    pub fn gutter(&self) -> Option<&Placer> {
        self.gutter.as_deref()
    }
}

/// By host or path, then by port.
fn sorted(nodes: &[Node<'_>], mut order: Vec<usize>) -> Box<[usize]> {
    let place = |at: &usize| match nodes[*at].address {
        Address::Tcp { host, port } => (host.as_str(), *port),
        Address::Unix { path } => (path.as_str(), 0),
        Address::Memory { name } => (name.as_str(), 0),
    };
    order.sort_by(|a, b| place(a).cmp(&place(b)));
    order.into()
}

/// What stands between the first `{` and the next `}` behind it, if there is something; else the key.
fn tagged(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else {
        return key;
    };
    let inside = &key[open + 1..];
    match memchr::memchr(b'}', inside) {
        Some(len) if len > 0 => &inside[..len],
        _ => key,
    }
}

/// What stands before mcrouter's mark.
fn stopped(key: &[u8]) -> &[u8] {
    match memchr::memmem::find(key, b"|#|") {
        Some(at) => &key[..at],
        None => key,
    }
}

#[cfg(test)]
mod tests;
