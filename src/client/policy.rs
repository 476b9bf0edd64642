//! Clients that do more than ask the server that a key belongs to: other servers are asked too, or errors
//! are told as misses. In layers, the outermost first: errors as misses, the other cluster, replicas; below
//! them a command is carried out as any other.

use std::time::Duration;

use super::call::{Call, no_servers};
use super::sink::Sink;
use super::stages::carry_out;
use super::state::Servers;
use super::{Client, Limit, One, allows_plain, blocking, rounds, shortcut, thread};
use crate::deadline::{self, Deadline};
use crate::driver::call::Context;
use crate::driver::forgiving::{Forgiving, Ops};
use crate::driver::stand_in::Seen;
use crate::error::{Failure, Result, Status};
use crate::operation::batch::Batch;
use crate::operation::command::{Commands, command};
use crate::operation::fallback::Fallback;
use crate::operation::replicate::Replicas;
use crate::operation::stages::Cap;
use crate::operation::stand_in::StandIns;
use crate::options::{Failover, Options};
use crate::protocol::Command;

/// Whether a client with these options goes this way.
pub fn is_needed(options: &Options) -> bool {
    options.errors_as_misses || options.replicate.0.is_some() || options.failover != Failover::Error
}

/// Keys go to other servers when theirs is down.
fn has_stand_ins(options: &Options) -> bool {
    let ways = [Failover::Next, Failover::Rehash, Failover::Gutter];
    ways.contains(&options.failover)
}

/// One command, or several at once.
#[derive(Clone, Copy)]
pub(super) enum Many<'c> {
    One(&'c dyn Commands),
    Some(&'c dyn Commands),
}

impl<'c> Many<'c> {
    fn commands(self) -> &'c dyn Commands {
        match self {
            Many::One(commands) | Many::Some(commands) => commands,
        }
    }

    /// Others, in the same way.
    fn with<'o>(self, commands: &'o dyn Commands) -> Many<'o> {
        match self {
            // One by itself, several together: a read of all replicas begins with one.
            Many::One(_) if commands.count() == 1 => Many::One(commands),
            _ => Many::Some(commands),
        }
    }
}

impl Client {
    /// Carry out a lone command on a key.
    #[cold]
    #[inline(never)]
    pub(super) fn execute_by_policy(
        &self,
        command: &Command<'_>,
        limit: Limit,
        sink: &mut dyn Sink,
    ) {
        if command.op.is_server_wide() {
            return sink.fail(0, shortcut::server_wide(command.op));
        }
        let call = self.call_for_one(limit);
        self.tend(call.deadline);
        let one = One(command);
        self.forgiving(Ops::One(command.op), sink, |sink| {
            if self.is_plain() && command.extra.is_nothing() {
                let thread = thread::number();
                let topology = self.core.state().topology_for(thread);
                return shortcut::run(&call, &topology, thread, command.op, command, sink);
            }
            self.by_layers(&call, Many::One(&one), sink);
        });
    }

    /// Carry out many commands on keys.
    #[cold]
    #[inline(never)]
    pub(super) fn execute_multi_by_policy(
        &self,
        commands: &dyn Commands,
        limit: Limit,
        sink: &mut dyn Sink,
    ) {
        let call = self.call_for_many(limit);
        self.forgiving(Ops::Many(commands), sink, |sink| {
            self.by_layers(&call, Many::Some(commands), sink);
        });
    }

    /// What a lone command is carried out with.
    pub(super) fn call_for_one(&self, limit: Limit) -> Call<'_> {
        let options = &self.settings.options;
        let timeout = limit.or(options.timeout);
        Call {
            core: &self.core,
            options,
            deadline: Deadline::after(timeout),
            silence: None,
            plain: allows_plain(timeout, &self.core),
            idle_check: self.settings.idle_check,
        }
    }

    /// The server that a key belongs to is the only one that is asked.
    fn is_plain(&self) -> bool {
        let options = &self.settings.options;
        self.fallback.is_none() && options.replicate.0.is_none() && !has_stand_ins(options)
    }

    /// Refused where a loop would mean something else: only blocking calls send one command to several
    /// servers.
    pub fn may_be_looped(&self) -> Result<()> {
        let options = &self.settings.options;
        let why = match (&self.fallback, options.replicate.0, options.failover) {
            (Some(_), ..) => "a fallback",
            (_, Some(_), _) => "replicate",
            (_, _, Failover::Gutter) => "failover=gutter",
            _ => return Ok(()),
        };
        let text = format!("a client with {why} is served by blocking calls, not by mc_loop");
        Err(Failure::new(Status::UNSUPPORTED, text))
    }

    /// Do it with a sink that tells errors as misses, where that is wanted.
    fn forgiving(&self, ops: Ops<'_>, sink: &mut dyn Sink, work: impl FnOnce(&mut Forgiving<'_>)) {
        let options = &self.settings.options;
        let observer = self.core.observer();
        let mut forgiving = Forgiving::new(sink, ops, options, observer.is_some());
        work(&mut forgiving);
        forgiving.tell(observer);
    }

    /// The other cluster too, where there is one.
    fn by_layers(&self, call: &Call<'_>, many: Many<'_>, sink: &mut dyn Sink) {
        let Some(old) = &self.fallback else {
            return self.in_cluster(call, many, sink);
        };
        let commands = many.commands();
        let planned = Fallback::new(commands).and_then(|mut plan| {
            carry_out(
                &mut plan,
                commands,
                sink,
                &mut |elsewhere, first, part, sink| {
                    let many = many.with(part);
                    match elsewhere {
                        true => old.as_the_other(call, first, many, sink),
                        false => self.in_cluster(&later(call, first), many, sink),
                    }
                },
            )
        });
        failed_all(planned, commands, sink);
    }

    /// As the other cluster of a client whose call is `theirs`: with its own options, in their time.
    fn as_the_other(&self, theirs: &Call<'_>, first: bool, many: Many<'_>, sink: &mut dyn Sink) {
        let options = &self.settings.options;
        let call = Call {
            core: &self.core,
            options,
            deadline: theirs.deadline,
            silence: theirs.silence.and(options.timeout),
            plain: first && theirs.plain && self.settings.plain,
            idle_check: self.settings.idle_check,
        };
        self.forgiving(Ops::Many(many.commands()), sink, |sink| {
            self.by_layers(&call, many, sink);
        });
    }

    /// On the servers of this client.
    fn in_cluster(&self, call: &Call<'_>, many: Many<'_>, sink: &mut dyn Sink) {
        self.tend(call.deadline);
        let topology = self.core.state().topology();
        let commands = many.commands();
        let servers = topology.servers().len();
        if has_stand_ins(call.options) {
            return standing_in(call, &topology, many, sink);
        }
        let Some(quorum) = call.options.replicate.0.filter(|_| servers != 1) else {
            return plainly(call, &topology, many, sink);
        };
        if servers == 0 {
            return (0..commands.count()).for_each(|tag| {
                let failure = match command(commands, tag) {
                    Ok(command) => no_servers(command.op, &topology),
                    Err(failure) => failure,
                };
                sink.fail(tag as u32, failure);
            });
        }
        let planned = Replicas::new(commands, servers, quorum).and_then(|mut plan| {
            carry_out(&mut plan, commands, sink, &mut |_, first, part, sink| {
                plainly(&later(call, first), &topology, many.with(part), sink);
            })
        });
        failed_all(planned, commands, sink);
    }
}

/// Rounded up, and at least one: 0 would be for ever.
fn whole_seconds(time: Duration) -> i64 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i64::try_from(seconds).map_or(i64::MAX, |seconds| seconds.max(1))
}

/// Where other servers stand in for those that are down.
fn standing_in(call: &Call<'_>, topology: &Servers, many: Many<'_>, sink: &mut dyn Sink) {
    let commands = many.commands();
    let cap = Cap {
        seconds: whole_seconds(call.options.gutter_ttl),
        unix_now: deadline::unix_now(),
    };
    let places = Seen {
        topology,
        options: call.options,
        now: call.deadline.begin(),
    };
    let way = call.options.failover;
    let servers = topology.servers().len();
    let plan = StandIns::new(way, cap, commands, &places, servers);
    let planned = plan.and_then(|mut plan| {
        carry_out(&mut plan, commands, sink, &mut |_, first, part, sink| {
            plainly(&later(call, first), topology, many.with(part), sink);
        })
    });
    failed_all(planned, commands, sink);
}

/// The call, when something has been waited for unless it is the `first`.
fn later<'c>(call: &Call<'c>, first: bool) -> Call<'c> {
    Call {
        plain: call.plain && first,
        ..*call
    }
}

/// As any client does.
fn plainly(call: &Call<'_>, topology: &Servers, many: Many<'_>, sink: &mut dyn Sink) {
    match many {
        Many::One(commands) => match command(commands, 0) {
            Ok(command) => rounds::lone(call, topology, &command, sink),
            Err(failure) => sink.fail(0, failure),
        },
        Many::Some(commands) if commands.beyond().is_some() => {
            rounds::batch(call, topology, commands, sink);
        }
        Many::Some(commands) => {
            let context = Context::new(commands, topology, call.options);
            blocking::run(call, &mut Batch::new(commands.count()), &context, sink);
        }
    }
}

/// There was no memory even to begin.
fn failed_all(planned: Result<()>, commands: &dyn Commands, sink: &mut dyn Sink) {
    if let Err(failure) = planned {
        let fail = |tag| sink.fail(tag as u32, Box::<Failure>::clone(&failure));
        (0..commands.count()).for_each(fail);
    }
}
