//! The lanes of an operation: opened where a command needs one, released when they are settled, lost
//! with their connection.

use std::sync::Arc;
use std::time::Duration;

use super::blocking::Run;
use super::fit::{Fit, is_fit};
use super::health;
use super::lane::{Lane, Way};
use super::no_servers;
use super::pool::Entry;
use super::server::Server;
use super::sink::Sink;
use crate::cluster::health::Probe;
use crate::connection::link::Trouble;
use crate::connection::outbox::COPIED_VALUE_MAX;
use crate::deadline;
use crate::error::{Failure, Phase, Status};
use crate::names::ServerName;
use crate::observe::What;
use crate::operation::command::Commands;
use crate::operation::retry::Loss;
use crate::operation::{Event, Operation, Token};
use crate::options::{Options, Protocol};
use crate::protocol::served::Needs;
use crate::protocol::{Op, Request, Speech};
use crate::transport::Readiness;

impl<S: Sink + ?Sized, C: Commands + ?Sized> Run<'_, '_, S, C> {
    /// A lane to the command's server: its index, or `None` where it has to wait for the others.
    #[inline(never)]
    pub(super) fn open(
        &mut self,
        tag: Token,
        to: usize,
        request: &Request<'_, '_>,
        fresh: bool,
    ) -> std::result::Result<Option<usize>, Loss> {
        let op = request.op;
        if let Some((_, loss)) = self.unreachable.iter().find(|(other, _)| *other == to) {
            return Err(loss.clone());
        }
        let Some(server) = self.context.topology.server(to).cloned() else {
            return Err(unreachable(no_servers(op, self.context.topology)));
        };
        let mut probe = self.admit(to, &server)?;
        let entry = if self.lanes.is_empty() && self.may_wait {
            match server.pool.enter(fresh) {
                Some(entry) => entry,
                None => {
                    let entry = self.wait_for_pool(&server, fresh)?;
                    // What the others met may have been held against it meanwhile.
                    if probe.is_none() {
                        probe = self.admit(to, &server)?;
                    }
                    entry
                }
            }
        } else {
            match server.pool.enter(fresh) {
                Some(entry) => entry,
                None => return Ok(None),
            }
        };
        match self.lane(to, &server, entry) {
            Ok(mut lane) => {
                lane.probe = probe;
                if self.batch {
                    let alike = self.alike;
                    let left = self.context.commands.count() - tag as usize;
                    let commands = left.saturating_mul(command_estimate(request));
                    let replies = left.saturating_mul(reply_estimate(op));
                    lane.session().begin_batch(commands, replies);
                    if !alike {
                        lane.session().ask_each();
                    }
                } else {
                    lane.session().begin();
                }
                lane.session().be_loud_above(self.call.loud_above());
                self.lanes.push(lane);
                Ok(Some(self.lanes.len() - 1))
            }
            Err(failure) => {
                self.notice(What::ConnectFailed, server.name, &failure);
                let loss = unreachable(failure);
                server.lost(&loss, probe, Duration::ZERO, &mut self.notices);
                self.unreachable.push((to, loss.clone()));
                Err(loss)
            }
        }
    }

    /// Whether the server may be used; one that may not is not asked about for every command.
    #[inline(always)]
    fn admit(&mut self, to: usize, server: &Server) -> std::result::Result<Option<Probe>, Loss> {
        health::admit(self.call, server).map_err(|failure| {
            let loss = unreachable(failure);
            self.unreachable.push((to, loss.clone()));
            loss
        })
    }

    fn wait_for_pool(
        &mut self,
        server: &Arc<Server>,
        fresh: bool,
    ) -> std::result::Result<Entry, Loss> {
        self.waited = true;
        let until = self.call.deadline.end();
        server.pool.wait(fresh, until).ok_or_else(|| {
            let text = format!("all connections to {} were in use", server.name);
            let failure = Failure::new(Status::POOL_EXHAUSTED, text)
                .at(Phase::Pool)
                .on(server.name);
            unreachable(failure)
        })
    }

    fn lane(
        &mut self,
        to: usize,
        server: &Arc<Server>,
        mut entry: Entry,
    ) -> std::result::Result<Lane, Box<Failure>> {
        let seat = loop {
            match entry {
                Entry::Idle(lease) if self.lacks_version(&lease) => {
                    entry = Entry::Seat(lease.into_seat());
                }
                Entry::Idle(mut lease) => {
                    let owed = lease.link().session.owes_quiet();
                    let fit = is_fit(self.call, lease.link(), server);
                    self.waited |= fit == Fit::AfterAWait;
                    if lease.link().session.owes_quiet() < owed {
                        server.answered(&mut self.notices);
                    }
                    if fit != Fit::No {
                        lease.link().reused = true;
                        return Ok(self.new_lane(to, server, Way::Made(lease), false));
                    }
                    let epoch = lease.epoch();
                    let seat = lease.into_seat();
                    server.pool.new_epoch(epoch);
                    entry = Entry::Seat(seat);
                }
                Entry::Seat(seat) => break seat,
            }
        };
        self.waited = true;
        let now = deadline::now();
        let way = Way::begin(
            self.call,
            server,
            seat,
            self.must_know,
            &mut self.notices,
            now,
        )?;
        let mut lane = self.new_lane(to, server, way, true);
        lane.since = now;
        self.go_on(&mut lane, &[])?;
        Ok(lane)
    }

    /// Go on making the lane's connection; `ready`: what became of what was waited for.
    pub(super) fn go_on(
        &mut self,
        lane: &mut Lane,
        ready: &[Readiness],
    ) -> std::result::Result<(), Box<Failure>> {
        lane.go_on(self.call, ready, &mut self.notices, deadline::now())
    }

    fn new_lane(&mut self, to: usize, server: &Arc<Server>, way: Way, fresh: bool) -> Lane {
        self.opened += 1;
        Lane {
            to,
            id: self.opened - 1,
            server: server.clone(),
            way,
            since: self.call.deadline.begin(),
            quiet: false,
            fresh,
            probe: None,
        }
    }

    /// Give the lane's connection back (or close it), and its memory to the results.
    pub(super) fn release(&mut self, mut lane: Lane) {
        let begin = self.call.deadline.begin();
        if let Some(limit) = self.call.options.slow_after {
            let took = deadline::now().since(begin);
            health::slow(limit, took, lane.server.name, &mut self.notices);
        }
        if let (Way::Made(lease), true) = (&mut lane.way, lane.server.health.is_suspect()) {
            lease.watch();
        }
        let id = lane.id;
        if let Some(link) = lane.link() {
            link.last_used = begin;
        }
        if self.batch {
            let session = lane.session();
            // What is taken out below is no longer seen by who asks whether the session is in step.
            if !session.in_step() {
                session.poison("not in step at the end of a batch");
            }
            let (chunks, commands) = session.end_batch();
            self.sink.keep(id, chunks, commands);
        }
    }

    /// Its commands will get no replies here.
    #[cold]
    pub(super) fn lose<O: Operation>(&mut self, index: usize, loss: Loss, operation: &mut O) {
        let mut lane = self.lanes.swap_remove(index);
        if !loss.connected {
            self.unreachable.push((lane.to, loss.clone()));
        }
        // Where this thread came late itself, the server was not waited for.
        let waited = deadline::now().since(lane.since);
        let waited = self.call.deadline.most(waited);
        lane.abandon(&loss, waited, &mut self.notices, |gone| {
            operation.on(Event::Lost {
                tag: gone.token,
                op: gone.op,
                loss: &loss,
                sent: gone.sent,
            });
        });
        self.lose_parked(lane.id, &loss, operation);
        self.release(lane);
    }

    pub(super) fn troubled<O: Operation>(
        &mut self,
        index: usize,
        trouble: Trouble,
        operation: &mut O,
    ) {
        match trouble {
            Trouble::WouldBlock | Trouble::Interrupted => {}
            trouble => {
                let loss = self.lanes[index].troubled(trouble);
                self.lose(index, loss, operation);
            }
        }
    }

    fn notice(&mut self, what: What, name: ServerName, failure: &Failure) {
        self.notices
            .push(what, name, failure.status, || failure.text.clone());
    }
}

/// About how many bytes of its own a command takes.
fn command_estimate(request: &Request<'_, '_>) -> usize {
    let value = request.value().len();
    let copied = if value > COPIED_VALUE_MAX { 0 } else { value };
    match request.op.reads_value() {
        true => request.key.wire_len() + 8,
        false => request.key.wire_len() + copied + 48,
    }
}

/// About how long a reply is: for the size of the first receive memory, no more.
fn reply_estimate(op: Op) -> usize {
    if op.reads_value() { 160 } else { 16 }
}

fn unreachable(failure: Box<Failure>) -> Loss {
    Loss {
        failure,
        closed: false,
        reused: false,
        replied: false,
        connected: false,
    }
}

/// Whether a connection's server must have told its version before it is asked for these. With `auto` no
/// new connection speaks meta, and it may be the first command that needs it.
pub(super) fn must_know(options: &Options, beyond: Option<Needs>) -> bool {
    speech(options).is_none()
        && match options.protocol {
            Protocol::Auto => beyond.is_some() || options.binary_keys,
            _ => beyond.is_some_and(Needs::is_gated),
        }
}

/// What connections may speak that have not been made yet; `None`: that depends on the server.
pub(super) fn speech(options: &Options) -> Option<Speech> {
    match options.protocol {
        Protocol::Ascii => Some(Speech::Ascii),
        Protocol::Auto if !options.asks_version() => Some(Speech::Ascii),
        Protocol::Auto | Protocol::Meta => None,
        Protocol::Binary => Some(Speech::Binary),
    }
}
