//! Rings of points of 32 bits, where a key belongs to the next point: ketama and what came of it.

use std::fmt::Write;

use super::points;
use crate::cluster::hasher::{HashName, Hasher, digest, hash};
use crate::cluster::node::{Naming, Node};
use crate::error::Result;

/// How a ring is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// Where every server has the weight 1.
    pub even: Points,
    /// Where one has another.
    pub weighted: Points,
    pub next: Next,
}

/// Which point is the next one of a hash; behind the last one it is the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// A point at the hash itself, or above; of several at one place, that of the first server.
    AtOrAbove,
    /// The same; of several at one place, that of the last server.
    AtOrAboveLast,
    /// A point above the hash; of several at one place, that of the last server.
    Above,
}

/// The points of a server: hashes of its name, a hyphen and a number from 0 on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Points {
    /// So many, by the hash of the keys.
    ByKeyHash(u32),
    /// So many, by a hash of their own.
    By(HashName, u32),
    /// So many words of each MD5, of as many as the share says.
    Md5Words(usize, Share),
}

/// How many digests a server has, 40 being the average where nothing else is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Share {
    /// 40 for each.
    Equal,
    /// Its part of the weight of all, calculated in floating-point numbers of 32 bits: equal weights
    /// may come out as 39.
    Float32,
    /// The same in 64 bits.
    Float64,
    /// The same in whole numbers.
    Integer,
    /// 40 times its weight.
    Times,
}

/// Digests of a server of average weight.
const DIGESTS: u64 = 40;

impl Share {
    fn digests(self, weight: u32, total: u64, servers: usize) -> usize {
        let (whole, count) = (u64::from(weight), servers as u64);
        match self {
            Share::Equal => DIGESTS as usize,
            Share::Float32 => {
                let part = weight as f32 / total as f32;
                // The small number is added in 64 bits, as in C.
                let exact = f64::from(part * 160.0 / 4.0 * servers as f32) + 1e-10;
                (exact as f32).floor() as usize
            }
            Share::Float64 => {
                let part = f64::from(weight) / total as f64;
                (part * DIGESTS as f64 * servers as f64).floor() as usize
            }
            Share::Integer => (DIGESTS * count * whole).checked_div(total).unwrap_or(0) as usize,
            Share::Times => (DIGESTS * whole) as usize,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Share::Equal => "160 a server",
            Share::Float32 => {
                "160 a server by its share of the weights (in 32-bit floats: with some numbers of equal servers 156)"
            }
            Share::Float64 => {
                "160 a server by its share of the weights (in 64-bit floats: with some numbers of equal servers 156)"
            }
            Share::Integer => "160 a server by its share of the weights",
            Share::Times => "160 a server times its weight",
        }
    }
}

impl Points {
    /// For the documentation.
    pub fn describe(self) -> String {
        match self {
            Points::ByKeyHash(count) => format!("{count} a server, each the key hash of `name-i`"),
            Points::By(hash, count) => {
                format!("{count} a server, each the {} of `name-i`", hash.word())
            }
            Points::Md5Words(4, share) => {
                format!("{}, four of each MD5 of `name-i`", share.describe())
            }
            Points::Md5Words(words, share) => format!(
                "{}, but only {words} of the four of each MD5 of `name-i`",
                share.describe()
            ),
        }
    }

    fn count(self, weight: u32, total: u64, servers: usize) -> usize {
        match self {
            Points::ByKeyHash(count) | Points::By(_, count) => count as usize,
            Points::Md5Words(words, share) => words * share.digests(weight, total, servers),
        }
    }
}

pub struct Ring {
    hasher: Hasher,
    above: bool,
    /// In their order; in the upper half the point, in the lower the server.
    points: Vec<u64>,
}

impl Ring {
    pub fn new(kind: Kind, naming: Naming, hasher: Hasher, nodes: &[&Node<'_>]) -> Result<Ring> {
        let even = nodes.iter().all(|node| node.weight == 1);
        let rule = if even { kind.even } else { kind.weighted };
        let total = nodes.iter().map(|node| u64::from(node.weight)).sum::<u64>();
        let count = |node: &Node<'_>| rule.count(node.weight, total, nodes.len());
        let mut ring = points(nodes.iter().map(|node| count(node)).sum())?;
        for (index, node) in nodes.iter().enumerate() {
            let name = naming.name(node);
            let mut add = |point: u32| ring.push(u64::from(point) << 32 | index as u64);
            each_point(rule, &name, count(node), &hasher, &mut add);
        }
        ring.sort_unstable();
        if kind.next != Next::AtOrAbove {
            keep_last(&mut ring);
        }
        Ok(Ring {
            hasher,
            above: kind.next == Next::Above,
            points: ring,
        })
    }

    /// The server of the next point; of the points behind it, as long as those servers are down.
    pub fn select(&self, key: &[u8], is_up: &dyn Fn(usize) -> bool) -> Option<usize> {
        let hash = self.hasher.hash(key) as u32;
        let below = |point: &u64| match (*point >> 32) as u32 {
            point if self.above => point <= hash,
            point => point < hash,
        };
        let start = self.points.partition_point(below);
        let (before, behind) = self.points.split_at(start);
        let server = |point: &u64| *point as u32 as usize;
        behind
            .iter()
            .chain(before)
            .map(server)
            .find(|&one| is_up(one))
    }

    /// How many points there are.
    pub fn points(&self) -> usize {
        self.points.len()
    }
}

/// Tell `add` of the `count` points of the server `name`.
fn each_point(rule: Points, name: &str, count: usize, hasher: &Hasher, add: &mut dyn FnMut(u32)) {
    let mut text = String::new();
    match rule {
        Points::ByKeyHash(_) => {
            (0..count).for_each(|n| add(hasher.hash(numbered(&mut text, name, n)) as u32));
        }
        Points::By(by, _) => {
            (0..count).for_each(|n| add(hash(by, numbered(&mut text, name, n)) as u32));
        }
        Points::Md5Words(words, _) => {
            for n in 0..count / words.max(1) {
                let digest = digest::md5(numbered(&mut text, name, n));
                (0..words).for_each(|word| add(digest::md5_word(&digest, word)));
            }
        }
    }
}

fn numbered<'t>(text: &'t mut String, name: &str, number: usize) -> &'t [u8] {
    text.clear();
    // Writing to a String does not fail.
    let _ = write!(text, "{name}-{number}");
    text.as_bytes()
}

/// Of several points at one place, keep that of the last server.
fn keep_last(ring: &mut Vec<u64>) {
    ring.dedup_by(|later, kept| {
        let same = *later >> 32 == *kept >> 32;
        if same {
            *kept = *later;
        }
        same
    });
}
