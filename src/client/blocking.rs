//! Carries an operation out to its end: opens lanes, moves bytes, tells the operation and the sink
//! what has come. Nothing about memcached is decided here.

use super::One;
use super::beyond::{Parked, is_encoded};
use super::call::{Call, Context, unix_now};
use super::lane::{Handed, Lane};
use super::lanes::must_know;
use super::no_servers;
use super::proxied::not_passed;
use super::sink::{Sent, Sink};
use crate::observe::Notices;
use crate::operation::batch::Batch;
use crate::operation::command::{Commands, fault, key, unsent};
use crate::operation::retry::Loss;
use crate::operation::single::Single;
use crate::operation::{Event, Operation, Step, Token};
use crate::options::Profile;
use crate::protocol::classic::passes;
use crate::protocol::{Command, Op, Request};

/// An operation on its way.
pub(super) struct Run<'r, 'a, S: Sink + ?Sized, C: Commands + ?Sized> {
    pub(super) call: &'r Call<'r>,
    pub(super) context: &'r Context<'a, C>,
    pub(super) sink: &'r mut S,
    pub(super) notices: Notices,
    pub(super) lanes: Vec<Lane>,
    /// How many lanes there have been.
    pub(super) opened: u32,
    /// Servers that could not be reached, and why: not tried again for every command.
    pub(super) unreachable: Vec<(usize, Loss)>,
    /// Where the next command goes, if that is known already: a place is computed once.
    placed: Option<(Token, usize)>,
    /// Commands whose server's pool was full while connections to others were held: waiting then
    /// could be waiting for each other.
    pub(super) deferred: Vec<(Token, bool, bool)>,
    /// A full pool may be waited for: in a batch only when nothing else is left to be done.
    pub(super) may_wait: bool,
    /// Something has waited in this call.
    pub(super) waited: bool,
    /// Many commands: results keep the receive memory.
    pub(super) batch: bool,
    /// Classic commands: they may be sent many at once.
    pub(super) alike: bool,
    /// Some of the commands can be sent only to servers of which the version is known.
    pub(super) must_know: bool,
    /// Commands that wait until that is.
    pub(super) parked: Vec<Parked>,
}

/// Carry out a batch.
pub fn run<S: Sink + ?Sized, C: Commands + ?Sized>(
    call: &Call<'_>,
    operation: &mut Batch,
    context: &Context<'_, C>,
    sink: &mut S,
) {
    Run::new(call, context, sink, true).carry_out(operation);
}

/// Carry out a lone command, which may have been sent over `lane` already. `trouble` is what its
/// bytes met there.
pub fn run_lone(
    call: &Call<'_>,
    operation: &mut Single,
    context: &Context<'_, One<'_, '_>>,
    sink: &mut dyn Sink,
    begun: Option<Box<Handed>>,
) {
    let mut run = Run::new(call, context, sink, false);
    if let Some(handed) = begun {
        let Handed { lane, trouble } = *handed;
        run.waited = true;
        run.opened = 1;
        run.lanes.push(lane);
        match trouble {
            Some(trouble) => run.troubled(0, trouble, operation),
            None if run.settle_quiet(0, operation) => {}
            None => run.arrivals(0, operation),
        }
    }
    run.carry_out(operation);
}

impl<'r, 'a, S: Sink + ?Sized, C: Commands + ?Sized> Run<'r, 'a, S, C> {
    fn new(call: &'r Call<'r>, context: &'r Context<'a, C>, sink: &'r mut S, batch: bool) -> Self {
        let beyond = context.commands.beyond();
        Run {
            alike: batch && beyond.is_none(),
            must_know: must_know(call.options, beyond),
            parked: Vec::new(),
            call,
            context,
            sink,
            notices: Notices::new(call.core.observer().is_some()),
            lanes: Vec::new(),
            opened: 0,
            unreachable: Vec::new(),
            placed: None,
            deferred: Vec::new(),
            may_wait: !batch,
            waited: false,
            batch,
        }
    }

    fn carry_out<O: Operation>(&mut self, operation: &mut O) {
        // Filled anew for each.
        let mut command = self.context.commands.blank();
        loop {
            match operation.next() {
                Step::Send { tag, fresh, loud } => {
                    self.send(tag, fresh, loud, &mut command, operation);
                    self.send_more(&mut command, operation);
                }
                Step::Fail { tag, failure } => self.sink.fail(tag, failure),
                Step::Pending => self.turn(operation),
                Step::Done => break,
            }
        }
        while let Some(lane) = self.lanes.pop() {
            self.release(lane);
        }
        self.notices.tell(self.call.core.observer());
    }

    // --- lanes

    #[inline(always)]
    pub(super) fn send<O: Operation>(
        &mut self,
        tag: Token,
        fresh: bool,
        loud: bool,
        command: &mut Command<'a>,
        operation: &mut O,
    ) {
        let context = self.context;
        if let Err(failure) = context.commands.fill(tag as usize, command) {
            return operation.on(Event::Refused { tag, failure });
        }
        if !command.extra.is_nothing() {
            self.settle_times(command);
        }
        let command = &*command;
        if !passes(command.op) && self.call.options.profile == Profile::Classic {
            let failure = not_passed(command.op);
            return operation.on(Event::Refused { tag, failure });
        }
        let key = match key(command.op, command, context.limits) {
            Ok(key) => key,
            Err(failure) => match self.any_key(command, failure) {
                Ok(key) => key,
                Err(failure) => return operation.on(Event::Refused { tag, failure }),
            },
        };
        let mut request = Request::new(command.op, command, key, || {
            unix_now(context.topology, command, context.limits)
        });
        let needs = self.needs(&mut request);
        if let Err(failure) = self.may_be_served(needs, command.op) {
            return operation.on(Event::Refused { tag, failure });
        }
        if let Some(failure) = fault(&request, context.limits) {
            return operation.on(Event::Refused { tag, failure });
        }
        let place = match self.placed {
            Some((placed, to)) if placed == tag => Some(to),
            _ => context.place(command),
        };
        let Some(to) = place else {
            let failure = no_servers(command.op, context.topology);
            return operation.on(Event::Refused { tag, failure });
        };
        let usable = |lane: &Lane| lane.to == to && (lane.fresh || !fresh);
        let index = match self.lanes.iter().position(usable) {
            Some(index) => index,
            None => match self.open(tag, to, &request, fresh) {
                Ok(Some(index)) => index,
                Ok(None) => return self.deferred.push((tag, fresh, loud)),
                Err(loss) => {
                    return operation.on(Event::Lost {
                        tag,
                        op: command.op,
                        loss: &loss,
                        sent: false,
                    });
                }
            },
        };
        if self.must_know && !self.lanes[index].is_connected() {
            return self.park(index, tag, fresh, command.op);
        }
        if let Err(failure) = self.judge(index, needs, command.op) {
            self.unused(index);
            return operation.on(Event::Refused { tag, failure });
        }
        let lane = &mut self.lanes[index];
        let quiet = !self.batch && command.is_quiet(self.call.options.default_noreply);
        let (id, name) = (lane.id, lane.server.name);
        lane.quiet = quiet;
        let session = lane.session();
        // Beside what is told of others, an answer of its own.
        if loud || !self.alike {
            session.be_loud();
        }
        match session.submit(tag, &request, quiet) {
            Ok(key_at) => {
                let key_at = match is_encoded(needs) {
                    true => Sent::ELSEWHERE,
                    false => key_at,
                };
                let sent = Sent::new(&request, id, key_at, name);
                let clamped = session.clamped().unwrap_or(sent.clamped);
                self.sink.sent(tag, &Sent { clamped, ..sent });
            }
            Err(why) => {
                let failure = unsent(command.op, why).on(name);
                operation.on(Event::Refused { tag, failure });
            }
        }
    }

    /// Queue the next commands over the lane of the last one, as many as are like it and go there: the
    /// common case of a batch.
    #[inline(always)]
    fn send_more<O: Operation>(&mut self, command: &mut Command<'a>, operation: &mut O) {
        match (self.alike, command.op) {
            (true, Op::Get | Op::Gets) => self.send_keys(command, operation),
            (true, op) if op.sends_value() => self.send_stores(command, operation),
            _ => {}
        }
    }

    /// Keys for the line of the last one.
    fn send_keys<O: Operation>(&mut self, command: &mut Command<'a>, operation: &mut O) {
        let (context, sink) = (self.context, &mut *self.sink);
        let Some(lane) = self.lanes.last_mut() else {
            return;
        };
        let (op, to, id, name) = (command.op, lane.to, lane.id, lane.server.name);
        let one_server = context.topology.servers().len() == 1;
        let first = operation.unsent();
        let placed = &mut self.placed;
        let next = |n: usize| {
            let tag = first.start + n;
            if tag >= first.end || context.commands.fill(tag, command).is_err() || command.op != op
            {
                return None;
            }
            let key = key(op, command, context.limits).ok()?;
            let tag = tag as Token;
            if !one_server && !goes_to(to, context, tag, command, placed) {
                return None;
            }
            Some((tag, key))
        };
        let sent = |tag, key, key_at| sink.sent(tag, &Sent::of_key(key, id, key_at, name));
        let joined = lane.session().join_keys(op, next, sent);
        operation.took(joined);
    }

    /// Values to store on the server of the last one.
    fn send_stores<O: Operation>(&mut self, command: &mut Command<'a>, operation: &mut O) {
        let context = self.context;
        let Some(lane) = self.lanes.last_mut() else {
            return;
        };
        let (op, to, id, name) = (command.op, lane.to, lane.id, lane.server.name);
        // What its connection will speak may not be known yet: the commands wait, as the last one does.
        if self.must_know && !lane.is_connected() {
            return;
        }
        let session = lane.session();
        // This lane is not that of the last command where that one found another, or none: a line of keys
        // may be open there. (Behind one, commands with opaques are not joined.)
        if !session.is_tagged() {
            session.end_line();
        }
        for tag in operation.unsent() {
            if context.commands.fill(tag, command).is_err() || command.op != op {
                return;
            }
            let Ok(key) = key(op, command, context.limits) else {
                return;
            };
            let request = Request::new(op, command, key, || {
                unix_now(context.topology, command, context.limits)
            });
            let tag = tag as Token;
            if !goes_to(to, context, tag, command, &mut self.placed)
                || fault(&request, context.limits).is_some()
            {
                return;
            }
            let Some(key_at) = session.submit_next(tag, &request) else {
                return;
            };
            operation.took(1);
            self.sink.sent(tag, &Sent::new(&request, id, key_at, name));
        }
    }
}

/// Whether the command `tag` goes to this server; where it goes else is noted in `placed`.
#[inline(always)]
fn goes_to<C: Commands + ?Sized>(
    to: usize,
    context: &Context<'_, C>,
    tag: Token,
    command: &Command<'_>,
    placed: &mut Option<(Token, usize)>,
) -> bool {
    let place = context.place(command);
    let goes = place == Some(to);
    if !goes {
        *placed = place.map(|elsewhere| (tag, elsewhere));
    }
    goes
}
