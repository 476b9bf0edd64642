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
    /// The servers as they are sorted, by their places in the list; empty: they are not.
    order: Box<[usize]>,
    prefix: bool,
    tags: bool,
    stop: bool,
}

impl Placer {
    /// Fails where there is no memory for the ring.
    pub fn new(rule: &Rule, nodes: &[Node<'_>]) -> Result<Placer> {
        let preset = preset(rule.options.placement);
        let order = match rule.options.sort_servers {
            true => sorted(nodes),
            false => Box::default(),
        };
        let nodes: Vec<&Node<'_>> = match order.is_empty() {
            true => nodes.iter().collect(),
            false => order.iter().map(|&at| &nodes[at]).collect(),
        };
        let hasher = rule.hasher(&preset);
        let selector = match &rule.custom.selector {
            Some(custom) => Selector::custom(custom.clone(), hasher, &nodes),
            None => Selector::new(&preset.scheme, preset.naming, hasher, &rule.options, &nodes)?,
        };
        Ok(Placer {
            selector,
            order,
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
        let mut key = key;
        if self.stop {
            key = stopped(key);
        }
        if self.tags {
            key = tagged(key);
        }
        if self.order.is_empty() {
            return self.selector.select(key, is_up);
        }
        let is_up = |sorted: usize| self.order.get(sorted).is_some_and(|&at| is_up(at));
        let sorted = self.selector.select(key, &is_up)?;
        self.order.get(sorted).copied()
    }
}

/// By host or path, then by port.
fn sorted(nodes: &[Node<'_>]) -> Box<[usize]> {
    let place = |at: &usize| match nodes[*at].address {
        Address::Tcp { host, port } => (host.as_str(), *port),
        Address::Unix { path } => (path.as_str(), 0),
        Address::Memory { name } => (name.as_str(), 0),
    };
    let mut order: Vec<usize> = (0..nodes.len()).collect();
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
mod tests {
    use super::*;

    #[test]
    fn tags_are_the_first_that_is_not_empty() {
        for (key, hashed) in [
            ("a{b}c", "b"),
            ("a{b}{c}", "b"),
            ("{b", "{b"),
            ("b}", "b}"),
            ("}{b}", "b"),
            ("{}b", "{}b"),
            ("{}{b}", "{}{b}"),
            ("{{b}}", "{b"),
            ("", ""),
        ] {
            assert_eq!(tagged(key.as_bytes()), hashed.as_bytes(), "{key}");
        }
    }

    #[test]
    fn a_key_ends_at_the_first_mark() {
        for (key, hashed) in [("a|#|b|#|c", "a"), ("a|#b", "a|#b"), ("|#|a", "")] {
            assert_eq!(stopped(key.as_bytes()), hashed.as_bytes(), "{key}");
        }
    }
}
