//! The statistics of many servers, as their lines come.

use crate::error::{Failure, Phase, Result};
use crate::protocol::stats::{self, Value};

/// One of a server's statistics. Places are in [`ServerStats::bytes`], where a NUL stands behind name
/// and text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stat {
    pub name_at: usize,
    pub name_len: usize,
    /// The end of the name, behind the number in it.
    pub field_at: usize,
    pub text_at: usize,
    pub text_len: usize,
    /// The number in the name.
    pub index: Option<u64>,
    pub value: Value,
}

/// What one server has said.
#[derive(Default)]
pub struct ServerStats {
    pub bytes: Vec<u8>,
    pub stats: Vec<Stat>,
    /// There was no memory for so many bytes: the others were thrown away.
    missing: Option<usize>,
}

impl ServerStats {
    /// One line.
    pub fn line(&mut self, name: &[u8], text: &[u8]) {
        if self.missing.is_none() && self.push(name, text).is_none() {
            let missing = self.bytes.len().saturating_add(name.len() + text.len() + 2);
            self.clear();
            self.missing = Some(missing);
        }
    }

    /// `None` where there is no memory.
    fn push(&mut self, name: &[u8], text: &[u8]) -> Option<()> {
        self.bytes.try_reserve(name.len() + text.len() + 2).ok()?;
        self.stats.try_reserve(1).ok()?;
        let parts = stats::name(name);
        let name_at = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
        let text_at = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        self.stats.push(Stat {
            name_at,
            name_len: name.len(),
            field_at: name_at + parts.field_at,
            text_at,
            text_len: text.len(),
            index: parts.index,
            value: stats::value(&name[parts.field_at..], text),
        });
        Some(())
    }

    /// All lines have come.
    pub fn whole(&mut self) -> Result<()> {
        match self.missing.take() {
            Some(missing) => Err(Failure::no_memory(missing).at(Phase::Receive)),
            None => Ok(()),
        }
    }

    /// What has come does not count.
    pub fn clear(&mut self) {
        *self = ServerStats::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(stats: &ServerStats, at: usize, len: usize) -> &[u8] {
        assert_eq!(stats.bytes[at + len], 0, "a NUL behind it");
        &stats.bytes[at..at + len]
    }

    #[test]
    fn lines_are_kept_as_they_came() {
        let mut stats = ServerStats::default();
        stats.line(b"items:5:age", b"17");
        stats.line(b"inter", b"");
        stats.line(b"2:addr", b"?:<AF 0>");
        assert!(stats.whole().is_ok());
        let [age, inter, addr] = stats.stats[..] else {
            panic!("three lines")
        };
        assert_eq!(part(&stats, age.name_at, age.name_len), b"items:5:age");
        assert_eq!(part(&stats, age.field_at, 3), b"age");
        assert_eq!((age.index, age.value), (Some(5), Value::Unsigned(17)));
        assert_eq!(part(&stats, inter.text_at, inter.text_len), b"");
        assert_eq!(inter.field_at, inter.name_at);
        assert_eq!(part(&stats, addr.text_at, addr.text_len), b"?:<AF 0>");
        assert_eq!((addr.index, addr.value), (Some(2), Value::Text));
        stats.clear();
        assert!(stats.stats.is_empty() && stats.bytes.is_empty());
    }
}
