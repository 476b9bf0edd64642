//! Statistics as they come: how each server answers, and what it says.

use super::results_sink::ResultsSink;
use super::server::Everyone;
use super::stats_list::StatsList;
use crate::buffer::{Chunk, Place};
use crate::client::sink::{Answer, Sent, Sink};
use crate::error::{Failure, Result};
use crate::names::ServerName;
use crate::operation::Token;
use crate::operation::stats::ServerStats;
use crate::protocol::{Command, Op, ValueHead};

pub struct StatsSink {
    results: ResultsSink,
    servers: Vec<ServerStats>,
}

impl StatsSink {
    pub fn new(names: &[ServerName]) -> Result<StatsSink> {
        let mut servers = Vec::new();
        servers
            .try_reserve_exact(names.len())
            .map_err(|_| Failure::no_memory(names.len()))?;
        servers.resize_with(names.len(), ServerStats::default);
        Ok(StatsSink {
            results: ResultsSink::for_servers(names)?,
            servers,
        })
    }

    /// The failure that was told last.
    pub fn last(&self) -> Option<&Failure> {
        self.results.last()
    }

    /// Everything has come.
    pub fn finish(self) -> Result<StatsList> {
        let commands = Everyone(Command::new(Op::Stats, b""));
        StatsList::new(self.results.finish(&commands), self.servers)
    }

    fn said(&mut self, tag: Token) -> Option<&mut ServerStats> {
        self.servers.get_mut(tag as usize)
    }
}

impl Sink for StatsSink {
    fn sent(&mut self, tag: Token, sent: &Sent) {
        // Repeated commands are told again.
        if let Some(said) = self.said(tag) {
            said.clear();
        }
        self.results.sent(tag, sent);
    }

    fn stat(&mut self, tag: Token, name: &[u8], text: &[u8]) {
        if let Some(said) = self.said(tag) {
            said.line(name, text);
        }
    }

    fn answer(&mut self, tag: Token, answer: Answer<'_>) {
        match self.said(tag).map(ServerStats::whole) {
            Some(Err(failure)) => self.results.fail(tag, failure),
            _ => self.results.answer(tag, answer),
        }
    }

    fn fail(&mut self, tag: Token, failure: Box<Failure>) {
        if let Some(said) = self.said(tag) {
            said.clear();
        }
        self.results.fail(tag, failure);
    }

    // The session believes no value in a reply to `stats`.

    fn value(&mut self, _: Token, _: &ValueHead, _: &[u8]) {}

    fn place(&mut self, _: Token, _: &ValueHead, _: bool) -> Option<&mut dyn Place> {
        None
    }

    fn placed(&mut self, _: Token, _: &ValueHead) {}

    /// All that is needed of the received bytes was copied.
    fn keep(&mut self, lane: u32, _: Vec<Chunk>, commands: Vec<u8>) {
        self.results.keep(lane, Vec::new(), commands);
    }
}
