//! What happened in many schedules, counted.

use std::collections::BTreeMap;
use std::fmt;

use super::fault::NAMES;

#[derive(Clone, Default)]
pub struct Counts {
    pub schedules: u64,
    pub commands: u64,
    pub connects: u64,
    pub system_calls: u64,
    /// Bytes that were sent to servers.
    pub sent: u64,
    /// Nanoseconds of the worlds' time.
    pub time: u64,
    pub faults: [u64; NAMES.len()],
    pub wrong_replies: u64,
    pub refusals: u64,
    pub hang_ups: u64,
    /// By operation and outcome.
    pub outcomes: BTreeMap<(&'static str, &'static str), u64>,
    pub protocols: [u64; 4],
    /// A number for everything that has happened.
    pub sum: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        self.schedules += other.schedules;
        self.commands += other.commands;
        self.connects += other.connects;
        self.system_calls += other.system_calls;
        self.sent += other.sent;
        self.time += other.time;
        self.wrong_replies += other.wrong_replies;
        self.refusals += other.refusals;
        self.hang_ups += other.hang_ups;
        // Whatever the order.
        self.sum = self.sum.wrapping_add(other.sum);
        for (all, more) in self.faults.iter_mut().zip(other.faults) {
            *all += more;
        }
        for (all, more) in self.protocols.iter_mut().zip(other.protocols) {
            *all += more;
        }
        for (name, more) in &other.outcomes {
            *self.outcomes.entry(*name).or_default() += more;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} schedules, {} commands, {} connections tried, {} system calls, {} bytes sent, \
             {:.1} hours of their time, sum {:016x}",
            self.schedules,
            self.commands,
            self.connects,
            self.system_calls,
            self.sent,
            self.time as f64 / 3.6e12,
            self.sum,
        )?;
        let protocols = super::plan::PROTOCOLS.iter().zip(self.protocols);
        let protocols: Vec<_> = protocols.map(|(name, n)| format!("{name} {n}")).collect();
        writeln!(f, "protocols: {}", protocols.join(", "))?;
        let faults = NAMES.iter().zip(self.faults);
        let faults: Vec<_> = faults.map(|(name, n)| format!("{name} {n}")).collect();
        writeln!(f, "faults: {}", faults.join(", "))?;
        writeln!(
            f,
            "replies falsified {}, requests refused {}, hung up on {}",
            self.wrong_replies, self.refusals, self.hang_ups
        )?;
        let mut last = "";
        for ((op, outcome), n) in &self.outcomes {
            if *op != last {
                write!(f, "{}{op}:", if last.is_empty() { "" } else { "\n" })?;
                last = op;
            }
            write!(f, " {outcome} {n}")?;
        }
        writeln!(f)
    }
}
