//! Commands beyond the classic ones: what they need of their server is looked at before a byte of them
//! is sent. Where that depends on the server's version, they wait until the connection knows it.

use super::blocking::Run;
use super::call::unix_now;
use super::lanes::speech;
use super::pool::Lease;
use super::sink::Sink;
use crate::error::{Failure, Result};
use crate::operation::command::{Commands, illegal, unserved};
use crate::operation::retry::Loss;
use crate::operation::{Event, Operation, Token};
use crate::options::Options;
use crate::protocol::served::{Feature, Needs, served};
use crate::protocol::{Command, Key, KeyFault, Op, Request, Speech};

/// A command that waits for its connection.
pub struct Parked {
    /// The number of its lane.
    lane: u32,
    tag: Token,
    fresh: bool,
    op: Op,
}

/// The key does not stand in the command bytes as it is.
pub fn is_encoded(needs: Needs) -> bool {
    needs.has(Feature::BinaryKey)
}

impl<'a, S: Sink + ?Sized, C: Commands + ?Sized> Run<'_, 'a, S, C> {
    /// From here on no time of the command depends on the clock.
    #[cold]
    pub(super) fn settle_times(&self, command: &mut Command<'a>) {
        let context = self.context;
        let now = || unix_now(context.topology, command, context.limits);
        let (ttl, extra) = (command.ttl.settled(now), command.extra.settled(now));
        command.ttl = ttl;
        command.extra = extra;
    }

    /// The key of a command, which is none that every protocol can carry, as `failure` says.
    #[cold]
    pub(super) fn any_key(&self, command: &Command<'a>, failure: Box<Failure>) -> Result<Key<'a>> {
        match carries_any_key(self.call.options) {
            true => nameable(self.call.options, self.context.limits.prefix, command.key)
                .map_err(|why| illegal(command.op, why)),
            false => Err(failure),
        }
    }

    /// What a command needs of its server.
    #[inline(always)]
    pub(super) fn needs(&self, request: &mut Request<'_, 'a>) -> Needs {
        match request.command.extra.is_nothing() && !self.context.binary_keys {
            true => Needs::NONE,
            false => needs(request),
        }
    }

    /// Refused where no server could serve it by the protocol that is spoken.
    #[inline(always)]
    pub(super) fn may_be_served(&self, needs: Needs, op: Op) -> Result<()> {
        match speech(self.call.options) {
            Some(speech) if !needs.is_empty() => {
                served(needs, speech, None).map_err(|why| unserved(op, why))
            }
            _ => Ok(()),
        }
    }

    /// Refused where the server of the lane does not serve it.
    #[inline(always)]
    pub(super) fn judge(&mut self, index: usize, needs: Needs, op: Op) -> Result<()> {
        if needs.is_empty() {
            return Ok(());
        }
        let lane = &mut self.lanes[index];
        let name = lane.server.name;
        let session = lane.session();
        served(needs, session.speech(), session.version()).map_err(|why| unserved(op, why).on(name))
    }

    /// The version of the connection's server must be known, and is not.
    pub(super) fn lacks_version(&self, lease: &Lease) -> bool {
        self.must_know && lease.version().is_none()
    }

    /// The command waits until its lane is connected.
    #[cold]
    pub(super) fn park(&mut self, index: usize, tag: Token, fresh: bool, op: Op) {
        self.parked.push(Parked {
            lane: self.lanes[index].id,
            tag,
            fresh,
            op,
        });
    }

    /// The commands that waited for this lane, in their order.
    fn take_parked(&mut self, lane: u32) -> Vec<Parked> {
        let all = std::mem::take(&mut self.parked);
        let (own, others) = all.into_iter().partition(|parked| parked.lane == lane);
        self.parked = others;
        own
    }

    /// The lane is connected: send what has waited for it.
    #[cold]
    pub(super) fn send_parked<O: Operation>(&mut self, index: usize, operation: &mut O) {
        let id = self.lanes[index].id;
        let mut command = self.context.commands.blank();
        for parked in self.take_parked(id) {
            self.send(parked.tag, parked.fresh, false, &mut command, operation);
        }
        if let Some(index) = self.lanes.iter().position(|lane| lane.id == id) {
            self.unused(index);
        }
    }

    /// The lane's connection will not be had.
    #[cold]
    pub(super) fn lose_parked<O: Operation>(&mut self, lane: u32, loss: &Loss, operation: &mut O) {
        for Parked { tag, op, .. } in self.take_parked(lane) {
            operation.on(Event::Lost {
                tag,
                op,
                loss,
                sent: false,
            });
        }
    }

    /// Nothing may have been sent over the lane: it is given back then.
    #[cold]
    pub(super) fn unused(&mut self, index: usize) {
        if self.lanes[index].is_settled() {
            let lane = self.lanes.swap_remove(index);
            self.release(lane);
        }
    }
}

/// Whether keys of any bytes may be named, as far as that does not depend on the server.
fn carries_any_key(options: &Options) -> bool {
    options.binary_keys && speech(options) != Some(Speech::Ascii)
}

/// The key that a command names, as far as that does not depend on the server.
pub fn nameable<'a>(
    options: &Options,
    prefix: &'a [u8],
    key: &'a [u8],
) -> std::result::Result<Key<'a>, KeyFault> {
    match speech(options) {
        Some(Speech::Binary) if options.binary_keys => Key::framed(prefix, key),
        _ if carries_any_key(options) => Key::any(prefix, key),
        _ => Key::new(prefix, key),
    }
}

#[cold]
fn needs(request: &mut Request<'_, '_>) -> Needs {
    let command = request.command;
    // The time of what is made goes another way than that of what is stored.
    if command.extra.sets_time(command.op) {
        request.wire = request.wire.beside(command.ttl.wire(|| 0));
    }
    let needs = Needs::of(command);
    match request.key.is_plain() || !request.op.takes_key() {
        true => needs,
        false => needs.with(Feature::BinaryKey),
    }
}
