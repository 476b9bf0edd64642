//! What an `mc_command` says beyond the classic commands, checked: fields that mean nothing together are
//! refused, whatever the protocol.

use super::command::{
    MC_DROP_VALUE, MC_HAS_CAS, MC_HAS_INITIAL, MC_HAS_LEASE, MC_HAS_OWN_CAS, MC_HAS_RECACHE,
    MC_HAS_STALE, MC_PEEK, MC_TOUCH, MC_WANT_CAS, MC_WANT_HIT_BEFORE, MC_WANT_LAST_ACCESS,
    MC_WANT_SIZE, MC_WANT_TTL, mc_command, ttl,
};
use crate::error::{Failure, Result};
use crate::protocol::Op;
use crate::protocol::expiry::Ttl;
use crate::protocol::extra::{Extra, Said};

/// MC_OP_EXISTS is a get without its value; it has no op of its own below the C functions.
const EXISTS: u32 = super::command::MC_OP_EXISTS;

/// The wishes and their bits.
const WISHES: [(u64, Said); 5] = [
    (MC_WANT_CAS, Said::WANT_CAS),
    (MC_WANT_TTL, Said::WANT_TTL),
    (MC_WANT_SIZE, Said::WANT_SIZE),
    (MC_WANT_LAST_ACCESS, Said::WANT_ACCESS),
    (MC_WANT_HIT_BEFORE, Said::WANT_HIT),
];

/// Options that only commands beyond the classic ones have; those with a field are seen by it too.
const OPTIONS: u64 = MC_WANT_TTL
    | MC_WANT_SIZE
    | MC_WANT_LAST_ACCESS
    | MC_WANT_HIT_BEFORE
    | MC_HAS_INITIAL
    | MC_HAS_RECACHE
    | MC_HAS_LEASE
    | MC_HAS_STALE
    | MC_HAS_OWN_CAS
    | MC_PEEK
    | MC_DROP_VALUE
    | MC_TOUCH;

/// The wishes that an answer to `op` can fulfil in some protocol.
fn possible(op: Op) -> Said {
    match op {
        op if op.sends_value() => Said::WANT_CAS.and(Said::WANT_SIZE),
        Op::Incr | Op::Decr => Said::WANT_CAS.and(Said::WANT_TTL),
        op if op.reads_value() || op == Op::Touch => Said::WISHES,
        _ => Said::NOTHING,
    }
}

#[cold]
fn refuse<T>(text: &str) -> Result<T> {
    Err(Failure::argument(text))
}

impl mc_command {
    /// The library's op.
    pub(super) fn known_op(&self) -> Option<Op> {
        match self.op {
            EXISTS => Some(Op::Get),
            number => Op::from_number(number),
        }
    }

    /// Whether anything is said that no classic command says.
    pub(super) fn is_beyond(&self, op: Op) -> bool {
        let compares = self.cas != 0 || self.options & MC_HAS_CAS != 0;
        self.options & OPTIONS != 0
            || self.op == EXISTS
            || (compares && op != Op::Cas)
            || self.initial != 0
            || (self.recache_ttl | self.lease_ttl | self.stale_ttl) != 0
            || self.own_cas != 0
            || (self.options & MC_WANT_CAS != 0 && !op.reads_value())
    }

    /// The op that the command comes to, and what it says beside it. A store that compares, whatever there
    /// was, is `cas`.
    #[cold]
    pub(super) fn beyond(&self, op: Op) -> Result<(Op, Extra)> {
        let has = |bit: u64| self.options & bit != 0;
        let reads = op.reads_value();
        let wanted = |(bit, said): &(u64, Said)| has(*bit).then_some(*said);
        let wishes = WISHES.iter().filter_map(wanted);
        let mut said = wishes.fold(Said::NOTHING, Said::and).within(possible(op));
        said = said
            .with_if(Said::NO_VALUE, self.op == EXISTS)
            .with_if(Said::PEEK, has(MC_PEEK))
            .with_if(Said::INITIAL, has(MC_HAS_INITIAL) || self.initial != 0)
            .with_if(Said::RECACHE, has(MC_HAS_RECACHE) || self.recache_ttl != 0)
            .with_if(Said::LEASE, has(MC_HAS_LEASE) || self.lease_ttl != 0)
            .with_if(Said::STALE, has(MC_HAS_STALE) || self.stale_ttl != 0)
            .with_if(Said::OWN_CAS, has(MC_HAS_OWN_CAS) || self.own_cas != 0)
            .with_if(Said::DROP_VALUE, has(MC_DROP_VALUE))
            .with_if(Said::EXPIRY, has(MC_TOUCH));
        let (op, compares) = self.compared(op)?;
        said = said.with_if(Said::COMPARE, compares);
        if said.has(Said::PEEK) && !(reads || op == Op::Touch) {
            return refuse("MC_PEEK is for reads");
        }
        if said.has(Said::RECACHE.and(Said::LEASE)) && (!reads || self.op == EXISTS) {
            return refuse("recache_ttl and lease_ttl are for commands that read a value");
        }
        self.check_initial(op, said)?;
        self.check_stale(op, said)?;
        self.check_own_cas(op, said)?;
        let counts = matches!(op, Op::Incr | Op::Decr);
        if said.has(Said::EXPIRY) && (!counts || said.has(Said::INITIAL)) {
            return refuse("MC_TOUCH is for commands that count and have no initial");
        }
        let extra = Extra {
            said,
            initial: self.initial,
            own_cas: self.own_cas,
            recache: lasting(self.recache_ttl, "recache_ttl")?,
            lease: lasting(self.lease_ttl, "lease_ttl")?,
            stale: ttl(self.stale_ttl, false)?,
        };
        Ok((op, extra))
    }

    /// What the command compares by, and whether that is beyond its op.
    fn compared(&self, op: Op) -> Result<(Op, bool)> {
        if self.cas == 0 && self.options & MC_HAS_CAS == 0 {
            return Ok((op, false));
        }
        match op {
            Op::Cas | Op::Set | Op::Replace => return Ok((Op::Cas, false)),
            Op::Get | Op::Gets if self.op != EXISTS => {}
            Op::Append | Op::Prepend | Op::Delete | Op::Incr | Op::Decr => {}
            _ => return refuse("cas: the command compares nothing"),
        }
        if self.cas == 0 {
            return refuse("a CAS of 0 is none that a server gives");
        }
        Ok((op, true))
    }

    fn check_initial(&self, op: Op, said: Said) -> Result<()> {
        if !said.has(Said::INITIAL) {
            return Ok(());
        }
        if said.has(Said::COMPARE) {
            return refuse("initial and cas: what is not there has no CAS");
        }
        match op {
            Op::Incr | Op::Decr => Ok(()),
            Op::Append | Op::Prepend if self.initial == 0 => Ok(()),
            Op::Append | Op::Prepend => refuse(
                "initial is a number; where there is nothing to append to, the value is stored",
            ),
            _ => refuse("initial is for commands that count, append or prepend"),
        }
    }

    fn check_stale(&self, op: Op, said: Said) -> Result<()> {
        if said.has(Said::DROP_VALUE) && !(op == Op::Delete && self.stale_ttl != 0) {
            return refuse(
                "MC_DROP_VALUE is for deletes with a stale_ttl: without one the item would live for ever",
            );
        }
        if !said.has(Said::STALE) {
            return Ok(());
        }
        match op {
            Op::Delete => Ok(()),
            Op::Cas if self.stale_ttl == 0 => Ok(()),
            Op::Cas => refuse("stale_ttl of a store: what is stored has its ttl"),
            _ => refuse("stale_ttl is for deletes, and for stores that compare the CAS"),
        }
    }

    fn check_own_cas(&self, op: Op, said: Said) -> Result<()> {
        if !said.has(Said::OWN_CAS) {
            return Ok(());
        }
        if self.own_cas == 0 {
            return refuse("own_cas: a CAS of 0 is none");
        }
        let counts = matches!(op, Op::Incr | Op::Decr);
        let makes = op.reads_value() && said.has(Said::LEASE);
        let stales = op == Op::Delete && said.has(Said::STALE);
        match op.sends_value() || counts || makes || stales {
            true => Ok(()),
            false => refuse("own_cas: the command gives no item a CAS"),
        }
    }
}

/// A time that something lasts.
fn lasting(seconds: i64, name: &str) -> Result<Ttl> {
    if seconds < 0 {
        let text = format!("{name} of {seconds} seconds");
        return Err(Failure::argument(text));
    }
    ttl(seconds, false)
}
