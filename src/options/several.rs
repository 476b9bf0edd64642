//! Options about what several servers are for.

use super::Options;
use super::kind::Kind;
use super::value::{Read, Value};
use crate::error::{Failure, Result};

/// When a write to all replicas is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quorum {
    /// Every server did it.
    All,
    /// One did.
    Any,
}

/// Whether all servers hold the same items; `None`: each holds its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replicate(pub Option<Quorum>);

impl Value for Replicate {
    fn read(text: &str, _: &Kind) -> Read<Replicate> {
        match text {
            "off" => Ok(Replicate(None)),
            "all" => Ok(Replicate(Some(Quorum::All))),
            "any" => Ok(Replicate(Some(Quorum::Any))),
            _ => Err("that is none of them".into()),
        }
    }

    fn write(&self) -> String {
        match self.0 {
            None => "off",
            Some(Quorum::All) => "all",
            Some(Quorum::Any) => "any",
        }
        .into()
    }
}

/// What becomes of the keys of a server that is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failover {
    /// Commands on them fail.
    Error,
    /// They are told as misses.
    Miss,
    /// The next server has them.
    Next,
    /// They are hashed again.
    Rehash,
    /// The servers of the gutter have them, for a short time.
    Gutter,
}

impl Failover {
    /// In the order of the values.
    pub const WORDS: &'static [&'static str] = &["error", "miss", "next", "rehash", "gutter"];
    const ALL: [Failover; 5] = [
        Failover::Error,
        Failover::Miss,
        Failover::Next,
        Failover::Rehash,
        Failover::Gutter,
    ];
}

impl Value for Failover {
    fn read(text: &str, _: &Kind) -> Read<Failover> {
        let found = Failover::WORDS.iter().position(|word| *word == text);
        match found.and_then(|at| Failover::ALL.get(at)) {
            Some(failover) => Ok(*failover),
            None => Err("that is none of them".into()),
        }
    }

    fn write(&self) -> String {
        Failover::WORDS[*self as usize].into()
    }
}

impl Options {
    /// Fails where options contradict each other; each of them may be well by itself.
    pub fn agree(&self) -> Result<()> {
        self.agree_with_profile()?;
        if self.replicate.0.is_some() && self.failover != Failover::Error {
            return Err(Failure::argument(format!(
                "failover={} contradicts replicate={}: replicas stand in for each other",
                self.failover.write(),
                self.replicate.write()
            )));
        }
        Ok(())
    }
}
