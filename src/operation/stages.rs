//! Operations that take several stages: of each, all commands are sent at once, and what they were
//! answered decides the next. Such a plan is told of answers and gives errands; who carries it out knows
//! connections, and nothing of what it is for.

use super::Token;
use crate::error::{Failure, Result, Status};
use crate::protocol::expiry::Ttl;
use crate::protocol::extra::{About, Extra, Said, creates};
use crate::protocol::{Command, Op};

/// One command of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The caller's command.
    pub tag: Token,
    /// The server's place in the list; [`Command::ANYWHERE`]: where its key belongs.
    pub server: usize,
    pub form: Form,
    /// Its server is the one that the caller hears of.
    pub shown: bool,
    /// Its answer is waited for, whatever the command says.
    pub waits: bool,
}

/// What becomes of the caller's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Same,
    /// A read that leaves the item alone, and asks for nothing that another server does not know.
    Read,
    /// The item goes, whatever else was asked.
    Delete,
    /// The value is stored, whatever there is.
    Store,
    /// The item's time to live is set.
    Touch,
    /// What is not there is not made.
    Existing,
    /// As it is, but living no longer than this.
    Capped(Cap),
}

/// The longest time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    pub seconds: i64,
    /// The wall clock.
    pub unix_now: i64,
}

impl Cap {
    fn of(self, ttl: Ttl) -> Ttl {
        match ttl {
            Ttl::Never => Ttl::After(self.seconds),
            Ttl::After(seconds) => Ttl::After(seconds.min(self.seconds)),
            Ttl::At(moment) if moment > self.unix_now.saturating_add(self.seconds) => {
                Ttl::After(self.seconds)
            }
            ttl => ttl,
        }
    }
}

impl Form {
    /// The caller's command in this form.
    pub fn put_on(self, command: &mut Command<'_>) {
        let said = command.extra.said;
        match self {
            Form::Same => {}
            Form::Read => {
                command.op = match command.op {
                    Op::Gat => Op::Get,
                    Op::Gats => Op::Gets,
                    op => op,
                };
                let wanted = said.within(Said::WISHES.and(Said::NO_VALUE).and(Said::PEEK));
                command.ttl = Ttl::Never;
                command.extra = Extra {
                    said: wanted,
                    ..Extra::NOTHING
                };
            }
            Form::Delete => {
                command.op = Op::Delete;
                command.cas = 0;
                command.extra = Extra::NOTHING;
            }
            Form::Store => {
                command.op = Op::Set;
                command.extra.said = said.without(Said::INITIAL);
            }
            Form::Touch => {
                command.op = Op::Touch;
                command.extra = Extra::NOTHING;
            }
            Form::Existing => command.extra.said = said.without(Said::INITIAL),
            Form::Capped(cap) => {
                if command.op.has_expiry() || command.extra.sets_time(command.op) {
                    command.ttl = cap.of(command.ttl);
                }
                if said.has(Said::LEASE) {
                    command.extra.lease = cap.of(command.extra.lease);
                }
            }
        }
    }
}

/// What an errand, or in the end a command, was answered.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The value is with the caller already.
    Value,
    Done,
    Number(u64),
    Miss(Status),
    Failed(Box<Failure>),
    /// A failure that is told as a miss.
    Excused(Status, Box<Failure>),
}

/// How a command ended, and what was told of its item.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub tag: Token,
    pub outcome: Outcome,
    pub about: Option<About>,
}

pub trait Plan {
    /// Put what is sent next into `errands`, which is empty; nothing: it is over.
    fn next(&mut self, errands: &mut Vec<Errand>);

    /// The most errands that a stage has.
    fn most(&self) -> usize;

    /// What the errands of this stage go to is the other cluster.
    fn goes_elsewhere(&self) -> bool {
        false
    }

    /// The CAS of what this stage answers is of no use to the caller.
    fn hides_cas(&self) -> bool {
        false
    }

    /// What an errand of this stage was answered. A value may still be followed by a failure, and does
    /// not count then.
    fn on(&mut self, errand: &Errand, outcome: Outcome);

    /// More of the item, behind the answer that it came with; not of values.
    fn about(&mut self, errand: &Errand, about: &About);

    /// Between stages, and at the end: tell how commands have ended since the last time.
    fn settle(&mut self, tell: &mut dyn FnMut(Verdict));
}

/// The server, or the way to it, has failed: another one may be asked. Else it is the command's fault, or
/// ours.
pub fn is_servers(failure: &Failure) -> bool {
    let classes = [
        Status::CLASS_SERVER,
        Status::CLASS_CONNECTION,
        Status::CLASS_AUTH,
    ];
    classes.iter().any(|class| failure.status.is(*class))
}

/// Room for `n`, with nothing in it.
pub fn room<T>(n: usize) -> Result<Vec<T>> {
    let mut room = Vec::new();
    match room.try_reserve_exact(n) {
        Ok(()) => Ok(room),
        Err(_) => Err(Failure::no_memory(n.saturating_mul(size_of::<T>()))),
    }
}

/// A command whose answer tells something of one server's item only: a comparison, a lease.
pub fn is_of_one_server(command: &Command<'_>) -> bool {
    let alone = Said::COMPARE.and(Said::LEASE).and(Said::RECACHE);
    command.op == Op::Cas || command.extra.said.has(alone)
}

/// Where there is no item, the command makes one.
pub fn makes(command: &Command<'_>) -> bool {
    creates(command.op, command.extra.said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formed(form: Form, mut command: Command<'static>) -> Command<'static> {
        form.put_on(&mut command);
        command
    }

    #[test]
    fn reads_of_another_cluster_leave_its_items_alone() {
        let gat = Command {
            ttl: Ttl::After(9),
            extra: Extra {
                said: Said::WANT_TTL.and(Said::LEASE).and(Said::RECACHE),
                lease: Ttl::After(3),
                ..Extra::NOTHING
            },
            ..Command::new(Op::Gats, b"k")
        };
        let read = formed(Form::Read, gat);
        assert_eq!((read.op, read.ttl), (Op::Gets, Ttl::Never));
        assert_eq!(read.extra.said, Said::WANT_TTL);
        assert_eq!(read.extra.lease, Ttl::Never);
    }

    #[test]
    fn a_cap_shortens_every_way_of_saying_when() {
        let cap = Cap {
            seconds: 10,
            unix_now: 1000,
        };
        for (ttl, capped) in [
            (Ttl::Never, Ttl::After(10)),
            (Ttl::After(5), Ttl::After(5)),
            (Ttl::After(11), Ttl::After(10)),
            (Ttl::At(1005), Ttl::At(1005)),
            (Ttl::At(1011), Ttl::After(10)),
            (Ttl::Now, Ttl::Now),
        ] {
            let set = Command {
                ttl,
                ..Command::new(Op::Set, b"k")
            };
            assert_eq!(formed(Form::Capped(cap), set).ttl, capped);
        }
        // Where a time means nothing it is none.
        let delete = formed(Form::Capped(cap), Command::new(Op::Delete, b"k"));
        assert_eq!(delete.ttl, Ttl::Never);
        let lease = Command {
            extra: Extra {
                said: Said::LEASE,
                lease: Ttl::After(60),
                ..Extra::NOTHING
            },
            ..Command::new(Op::Get, b"k")
        };
        assert_eq!(formed(Form::Capped(cap), lease).extra.lease, Ttl::After(10));
    }
}
