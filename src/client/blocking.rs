//! Carries an operation out to its end: opens lanes, moves bytes, tells the operation and the sink
//! what has come. Nothing about memcached is decided here.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::One;
use super::connect;
use super::greet::greet;
use super::lane::Lane;
use super::no_servers;
use super::pool::Entry;
use super::server::Server;
use super::shortcut::Handed;
use super::sink::{Answer, Sent, Sink};
use super::state::{Core, Servers};
use super::sync::read_owed;
use super::wait::wait;
use crate::buffer::NoMemory;
use crate::connection::arrival::{Arrival, Outcome};
use crate::connection::link::{Link, Trouble};
use crate::connection::outbox::{COPIED_VALUE_MAX, Values};
use crate::connection::session::QUIET_MAX;
use crate::deadline::{self, Deadline, Moment, Nanos, earlier};
use crate::error::{Effect, Failure, Phase, Status};
use crate::names::ServerName;
use crate::observe::{Notices, What};
use crate::operation::batch::Batch;
use crate::operation::command::{Commands, Limits, fault, key};
use crate::operation::retry::Loss;
use crate::operation::single::Single;
use crate::operation::{Event, Operation, Step, Token};
use crate::options::Options;
use crate::protocol::{Command, Op, Request};
use crate::transport::{Mode, Readiness};
use std::sync::Arc;

/// What one call is carried out with.
#[derive(Clone, Copy)]
pub struct Call<'c> {
    pub core: &'c Core,
    pub options: &'c Options,
    pub deadline: Deadline,
    /// A server that is silent for this long ends its own commands (batches).
    pub silence: Option<Duration>,
    /// The first receive may block: see [`super::Settings::plain`].
    pub plain: bool,
    /// The option `idle_check`.
    pub idle_check: Nanos,
}

/// The commands of an operation, checked against one topology.
pub struct Context<'a, C: Commands + ?Sized> {
    pub commands: &'a C,
    topology: &'a Servers,
    limits: Limits<'a>,
}

/// What an operation's commands are checked against.
#[inline(always)]
pub fn limits(options: &Options) -> Limits<'_> {
    Limits {
        prefix: &options.key_prefix,
        item_size_max: options.item_size_max,
    }
}

impl<'a, C: Commands + ?Sized> Context<'a, C> {
    pub fn new(commands: &'a C, topology: &'a Servers, options: &'a Options) -> Context<'a, C> {
        Context {
            commands,
            topology,
            limits: limits(options),
        }
    }

    /// The server that a command goes to.
    #[inline]
    fn place(&self, command: &Command<'_>) -> Option<usize> {
        if command.op.is_server_wide() {
            return Some(command.server);
        }
        self.topology.place(command.route.unwrap_or(command.key))
    }
}

impl<C: Commands + ?Sized> Values for Context<'_, C> {
    fn value(&self, token: Token) -> &[u8] {
        let mut command = self.commands.blank();
        match self.commands.fill(token as usize, &mut command) {
            Ok(()) => command.value,
            Err(_) => b"",
        }
    }
}

/// An operation on its way.
struct Run<'r, 'a, S: Sink + ?Sized, C: Commands + ?Sized> {
    call: &'r Call<'r>,
    context: &'r Context<'a, C>,
    sink: &'r mut S,
    notices: Notices,
    lanes: Vec<Lane>,
    /// How many lanes there have been.
    opened: u32,
    /// Servers that could not be reached, and why: not tried again for every command.
    unreachable: Vec<(usize, Loss)>,
    /// Commands whose server's pool was full while connections to others were held: waiting then
    /// could be waiting for each other.
    deferred: Vec<(Token, bool)>,
    /// Something has waited in this call.
    waited: bool,
    /// Many commands: results keep the receive memory.
    batch: bool,
}

/// Carry out a batch.
pub fn run<S: Sink, C: Commands>(
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
        Run {
            call,
            context,
            sink,
            notices: Notices::new(call.core.observer().is_some()),
            lanes: Vec::new(),
            opened: 0,
            unreachable: Vec::new(),
            deferred: Vec::new(),
            waited: false,
            batch,
        }
    }

    fn carry_out<O: Operation>(&mut self, operation: &mut O) {
        // Filled anew for each.
        let mut command = self.context.commands.blank();
        loop {
            match operation.next() {
                Step::Send { tag, fresh } => {
                    self.send(tag, fresh, &mut command, operation);
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
    fn send<O: Operation>(
        &mut self,
        tag: Token,
        fresh: bool,
        command: &mut Command<'a>,
        operation: &mut O,
    ) {
        let context = self.context;
        if let Err(failure) = context.commands.fill(tag as usize, command) {
            return operation.on(Event::Refused { tag, failure });
        }
        let command = &*command;
        let key = match key(command.op, command, context.limits) {
            Ok(key) => key,
            Err(failure) => return operation.on(Event::Refused { tag, failure }),
        };
        let request = Request::new(command.op, command, key, deadline::unix_now);
        if let Some(failure) = fault(&request, context.limits) {
            return operation.on(Event::Refused { tag, failure });
        }
        let Some(to) = context.place(command) else {
            let failure = no_servers(command.op);
            return operation.on(Event::Refused { tag, failure });
        };
        let usable = |lane: &Lane| lane.to == to && (lane.fresh || !fresh);
        let index = match self.lanes.iter().position(usable) {
            Some(index) => index,
            None => match self.open(tag, to, &request, fresh) {
                Ok(Some(index)) => index,
                Ok(None) => return self.deferred.push((tag, fresh)),
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
        let lane = &mut self.lanes[index];
        let quiet = !self.batch && command.is_quiet(self.call.options.default_noreply);
        let (id, name) = (lane.id, lane.server.name);
        lane.quiet = quiet;
        match lane.link().session.submit(tag, &request, quiet) {
            Ok(key_at) => self.sink.sent(tag, &Sent::new(&request, id, key_at, name)),
            Err(why) => operation.on(Event::Refused {
                tag,
                failure: Failure::no_memory(why.0).on(name),
            }),
        }
    }

    /// Queue the next commands over the lane of the last one, as many as are like it and go there: the
    /// common case of a batch.
    #[inline(always)]
    fn send_more<O: Operation>(&mut self, command: &mut Command<'a>, operation: &mut O) {
        match (self.batch, command.op) {
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
        let next = |n: usize| {
            let tag = first.start + n;
            if tag >= first.end || context.commands.fill(tag, command).is_err() || command.op != op
            {
                return None;
            }
            let key = key(op, command, context.limits).ok()?;
            if !one_server && context.place(command) != Some(to) {
                return None;
            }
            Some((tag as Token, key))
        };
        let sent = |tag, key, key_at| sink.sent(tag, &Sent::of_key(key, id, key_at, name));
        let joined = lane.lease.link().session.join_keys(op, next, sent);
        operation.took(joined);
    }

    /// Values to store on the server of the last one.
    fn send_stores<O: Operation>(&mut self, command: &mut Command<'a>, operation: &mut O) {
        let context = self.context;
        let Some(lane) = self.lanes.last_mut() else {
            return;
        };
        let (op, to, id, name) = (command.op, lane.to, lane.id, lane.server.name);
        let session = &mut lane.lease.link().session;
        for tag in operation.unsent() {
            if context.commands.fill(tag, command).is_err() || command.op != op {
                return;
            }
            let Ok(key) = key(op, command, context.limits) else {
                return;
            };
            let request = Request::new(op, command, key, deadline::unix_now);
            if context.place(command) != Some(to) || fault(&request, context.limits).is_some() {
                return;
            }
            let tag = tag as Token;
            let Some(key_at) = session.submit_next(tag, &request) else {
                return;
            };
            operation.took(1);
            self.sink.sent(tag, &Sent::new(&request, id, key_at, name));
        }
    }

    /// A lane to the command's server: its index, or `None` where it has to wait for the others.
    fn open(
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
            return Err(unreachable(no_servers(op)));
        };
        let entry = if self.lanes.is_empty() {
            match server.pool.enter(fresh) {
                Some(entry) => entry,
                None => self.wait_for_pool(&server, fresh)?,
            }
        } else {
            match server.pool.enter(fresh) {
                Some(entry) => entry,
                None => return Ok(None),
            }
        };
        match self.lane(to, &server, entry) {
            Ok(mut lane) => {
                if self.batch {
                    let left = self.context.commands.count() - tag as usize;
                    let commands = left.saturating_mul(command_estimate(request));
                    let replies = left.saturating_mul(reply_estimate(op));
                    lane.link().session.begin_batch(commands, replies);
                } else {
                    lane.link().session.begin();
                }
                self.lanes.push(lane);
                Ok(Some(self.lanes.len() - 1))
            }
            Err(failure) => {
                self.notice(What::ConnectFailed, server.name, &failure);
                let loss = unreachable(failure);
                self.unreachable.push((to, loss.clone()));
                Err(loss)
            }
        }
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
                Entry::Idle(mut lease) => {
                    if is_fit(self.call, lease.link(), server) {
                        lease.link().reused = true;
                        return Ok(self.new_lane(to, server, lease, None, false));
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
        let begun = connect::begin(self.call, server, 0, None)?;
        if self.call.options.paranoid {
            let link = greet(self.call, server, begun)?;
            self.connected(server.name);
            return Ok(self.new_lane(to, server, seat.admit(link), None, true));
        }
        if begun.attempt.is_none() {
            self.connected(server.name);
        }
        let lease = seat.admit(begun.link);
        Ok(self.new_lane(to, server, lease, begun.attempt, true))
    }

    fn new_lane(
        &mut self,
        to: usize,
        server: &Arc<Server>,
        lease: super::pool::Lease,
        attempt: Option<connect::Attempt>,
        fresh: bool,
    ) -> Lane {
        self.opened += 1;
        Lane {
            to,
            id: self.opened - 1,
            server: server.clone(),
            lease,
            attempt,
            since: self.call.deadline.begin(),
            quiet: false,
            fresh,
        }
    }

    /// Give the lane's connection back (or close it), and its memory to the results.
    fn release(&mut self, mut lane: Lane) {
        let begin = self.call.deadline.begin();
        let id = lane.id;
        let link = lane.link();
        link.last_used = begin;
        if self.batch {
            let (chunks, commands) = link.session.end_batch();
            self.sink.keep(id, chunks, commands);
        }
    }

    /// Its commands will get no replies here.
    #[cold]
    fn lose<O: Operation>(&mut self, index: usize, loss: Loss, operation: &mut O) {
        let mut lane = self.lanes.swap_remove(index);
        let what = if loss.connected {
            What::Closed
        } else {
            What::ConnectFailed
        };
        self.notice(what, lane.server.name, &loss.failure);
        if loss.closed {
            lane.server.pool.new_epoch(lane.lease.epoch());
        }
        if !loss.connected {
            self.unreachable.push((lane.to, loss.clone()));
        }
        let mut lost = 0;
        let session = &mut lane.link().session;
        while let Some(gone) = session.abandon() {
            // A quiet command that was sent is told as written already: its loss is counted.
            if gone.quiet && gone.sent {
                lost += 1;
            } else {
                operation.on(Event::Lost {
                    tag: gone.token,
                    op: gone.op,
                    loss: &loss,
                    sent: gone.sent,
                });
            }
        }
        lane.server
            .pool
            .quiet_failed()
            .fetch_add(lost, Ordering::Relaxed);
        self.release(lane);
    }

    fn troubled<O: Operation>(&mut self, index: usize, trouble: Trouble, operation: &mut O) {
        match trouble {
            Trouble::WouldBlock | Trouble::Interrupted => {}
            trouble => {
                let loss = self.lanes[index].troubled(trouble);
                self.lose(index, loss, operation);
            }
        }
    }

    fn connected(&mut self, name: ServerName) {
        self.notices
            .push(What::Connected, name, Status::OK, String::new);
    }

    fn notice(&mut self, what: What, name: ServerName, failure: &Failure) {
        self.notices
            .push(what, name, failure.status, || failure.text.clone());
    }

    // --- moving bytes

    /// Move what can be moved, waiting where nothing can.
    fn turn<O: Operation>(&mut self, operation: &mut O) {
        if self.lanes.is_empty() {
            let mut command = self.context.commands.blank();
            for (tag, fresh) in std::mem::take(&mut self.deferred) {
                self.send(tag, fresh, &mut command, operation);
            }
            return;
        }
        let alone = self.lanes.len() == 1 && self.lanes[0].attempt.is_none();
        if alone && !self.waited && self.call.plain {
            return self.plain_turn(operation);
        }
        let mut index = 0;
        while index < self.lanes.len() {
            if self.send_some(index, operation) {
                index += 1;
            }
        }
        if !self.lanes.is_empty() {
            self.wait_and_receive(operation);
        }
    }

    /// The first time, with nothing else on its way: the kernel may do the waiting.
    fn plain_turn<O: Operation>(&mut self, operation: &mut O) {
        self.waited = true;
        // With several commands the server may wait for its replies to be read, and must not be
        // waited for meanwhile; a lone large value may.
        let mode = if self.batch {
            Mode::DontWait
        } else {
            Mode::Block
        };
        let context = self.context;
        let link = self.lanes[0].link();
        if let Err(trouble) = link.send(context, mode) {
            return self.troubled(0, trouble, operation);
        }
        if !link.session.all_sent() || self.settle_quiet(0, operation) {
            return;
        }
        match self.receive(0, Mode::Block) {
            Ok(_) => self.arrivals(0, operation),
            Err(trouble) => self.troubled(0, trouble, operation),
        }
    }

    /// Send what a lane can without waiting; `false` if that was its end.
    fn send_some<O: Operation>(&mut self, index: usize, operation: &mut O) -> bool {
        let context = self.context;
        let lane = &mut self.lanes[index];
        if lane.attempt.is_some() {
            return true;
        }
        let mut moved = false;
        while !lane.link().session.all_sent() {
            match lane.link().send(context, Mode::DontWait) {
                Ok(_) => moved = true,
                Err(Trouble::Interrupted) => {}
                Err(Trouble::WouldBlock) => break,
                Err(trouble) => {
                    self.troubled(index, trouble, operation);
                    return false;
                }
            }
        }
        if moved {
            lane.since = deadline::now();
        }
        !self.settle_quiet(index, operation)
    }

    /// A quiet command is done when it has left.
    fn settle_quiet<O: Operation>(&mut self, index: usize, operation: &mut O) -> bool {
        let lane = &mut self.lanes[index];
        if !lane.quiet || !lane.link().session.all_sent() {
            return false;
        }
        let lane = self.lanes.swap_remove(index);
        self.release(lane);
        self.sink.answer(0, Answer::Done);
        operation.on(Event::Answered(1));
        true
    }

    fn wait_and_receive<O: Operation>(&mut self, operation: &mut O) {
        let mut waiting: Vec<Readiness> = self.lanes.iter_mut().map(Lane::readiness).collect();
        let until = self
            .lanes
            .iter()
            .fold(self.call.deadline.end(), |until, lane| {
                earlier(until, self.lane_end(lane))
            });
        self.waited = true;
        if let Err(error) = wait(&mut waiting, until) {
            // Only for want of memory in the kernel: nothing can be waited for.
            while !self.lanes.is_empty() {
                let error = std::io::Error::from(error.kind());
                self.troubled(0, Trouble::Io(error), operation);
            }
            return;
        }
        let now = deadline::now();
        let over = self.call.deadline.passed(now);
        // From the last to the first: a lane that ends is replaced by one that was seen to.
        for index in (0..waiting.len()).rev() {
            let ready = waiting[index].is_ready();
            let late = over
                || self
                    .lane_end(&self.lanes[index])
                    .is_some_and(|end| end <= now);
            self.advance(index, ready, late, over, now, operation);
        }
    }

    /// When this lane is given up although the operation goes on.
    fn lane_end(&self, lane: &Lane) -> Option<Moment> {
        match &lane.attempt {
            Some(attempt) => attempt.until,
            None => self.call.silence.map(|limit| lane.since.after(limit)),
        }
    }

    fn advance<O: Operation>(
        &mut self,
        index: usize,
        ready: bool,
        late: bool,
        over: bool,
        now: Moment,
        operation: &mut O,
    ) {
        if self.lanes[index].attempt.is_some() {
            if over && !ready {
                let loss = self.lanes[index].late();
                self.lose(index, loss, operation);
            } else if ready || late {
                self.go_on_connecting(index, ready, operation);
            }
        } else if ready {
            self.receive_some(index, now, operation);
            // A server that goes on sending does not make the call longer.
            if over && !self.lanes.is_empty() && index < self.lanes.len() {
                let loss = self.lanes[index].late();
                self.lose(index, loss, operation);
            }
        } else if late {
            let loss = self.lanes[index].late();
            self.lose(index, loss, operation);
        }
    }

    fn go_on_connecting<O: Operation>(&mut self, index: usize, ready: bool, operation: &mut O) {
        let lane = &mut self.lanes[index];
        let Some(attempt) = lane.attempt.take() else {
            return;
        };
        let server = lane.server.clone();
        let name = server.name;
        match connect::go_on(self.call, &server, lane.lease.link(), &attempt, ready) {
            Ok(None) => {
                lane.since = deadline::now();
                self.connected(name);
            }
            Ok(Some(begun)) => {
                lane.attempt = begun.attempt;
                lane.since = deadline::now();
                let mut link = begun.link;
                link.session = lane.lease.link().session.take_over();
                lane.lease.replace(link);
            }
            Err(failure) => {
                lane.attempt = Some(attempt);
                let loss = lane.unconnected(failure);
                self.lose(index, loss, operation);
            }
        }
    }

    /// Receive what has come, as long as it comes in full.
    fn receive_some<O: Operation>(&mut self, index: usize, now: Moment, operation: &mut O) {
        self.lanes[index].since = now;
        match self.receive(index, Mode::DontWait) {
            Ok(_) => self.arrivals(index, operation),
            Err(trouble) => self.troubled(index, trouble, operation),
        }
    }

    fn receive(&mut self, index: usize, mode: Mode) -> std::result::Result<usize, Trouble> {
        let link = self.lanes[index].link();
        receive(link, self.sink, mode)
    }

    /// Tell what has come.
    fn arrivals<O: Operation>(&mut self, index: usize, operation: &mut O) {
        let lane = &mut self.lanes[index];
        let server = lane.server.clone();
        let link = lane.lease.link();
        let mut answered = 0;
        loop {
            let sink = &mut *self.sink;
            answered += link
                .session
                .drain(|token, head, value| sink.value(token, head, value));
            match link.session.next_arrival() {
                Some(arrival) => {
                    answered += deliver(arrival, link, &server, sink, &mut self.notices);
                }
                None => break,
            }
        }
        if answered > 0 {
            operation.on(Event::Answered(answered));
        }
        if let Some(why) = link.session.broken() {
            let loss = lane.broken(why);
            self.lose(index, loss, operation);
        } else if lane.is_settled() {
            let lane = self.lanes.swap_remove(index);
            self.release(lane);
        }
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

/// Whether an idle connection may carry a command: looked at where it was idle for long, or always
/// with `paranoid`.
#[inline(always)]
pub fn is_fit(call: &Call<'_>, link: &mut Link, server: &Server) -> bool {
    if call
        .deadline
        .begin()
        .is_within(call.idle_check, link.last_used)
        && !call.options.paranoid
        && link.session.owes_quiet() < QUIET_MAX
    {
        return true;
    }
    look(call, link, server)
}

fn look(call: &Call<'_>, link: &mut Link, server: &Server) -> bool {
    let mut notices = Notices::new(call.core.observer().is_some());
    let fit = link.look(|session, arrival| {
        if let Outcome::QuietFailed { status, text } = arrival.what {
            quiet_failed(server, status, session.bytes(text), &mut notices);
        }
    });
    let fit = fit
        && (link.session.owes_quiet() < QUIET_MAX
            || read_owed(server, link, call.deadline, &mut notices).is_ok());
    notices.tell(call.core.observer());
    fit
}

/// Receive once, to where the bytes belong.
#[inline]
pub fn receive<S: Sink + ?Sized>(
    link: &mut Link,
    sink: &mut S,
    mode: Mode,
) -> std::result::Result<usize, Trouble> {
    match link.session.placing() {
        None => link.receive(None, mode),
        Some((tag, head)) => match sink.place(tag, &head, false) {
            Some(place) => link.receive(Some(place), mode),
            None => Err(Trouble::NoMemory(NoMemory(head.len))),
        },
    }
}

/// Tell the sink of an arrival; returns how many commands have their answers by it.
#[inline(always)]
fn deliver<S: Sink + ?Sized>(
    arrival: Arrival,
    link: &mut Link,
    server: &Server,
    sink: &mut S,
    notices: &mut Notices,
) -> usize {
    let session = &mut link.session;
    let tag = arrival.token;
    match arrival.what {
        Outcome::Value {
            head,
            value,
            proved,
        } => {
            sink.value(tag, &head, session.bytes(value));
            usize::from(proved)
        }
        Outcome::Large(head) => {
            match sink.place(tag, &head, true) {
                Some(place) => session.place(place),
                None => session.skip(),
            }
            0
        }
        Outcome::Placed { head, proved } => {
            sink.placed(tag, &head);
            usize::from(proved)
        }
        Outcome::Proved(n) => n,
        Outcome::Miss(status) => {
            sink.answer(tag, Answer::Miss(status));
            1
        }
        Outcome::Done => {
            sink.answer(tag, Answer::Done);
            1
        }
        Outcome::Number(number) => {
            sink.answer(tag, Answer::Number(number));
            1
        }
        Outcome::Version(text) => {
            sink.answer(tag, Answer::Text(session.bytes(text)));
            1
        }
        Outcome::Refused {
            status,
            effect,
            text,
        } => {
            sink.fail(
                tag,
                refusal(server.name, status, effect, session.bytes(text)),
            );
            1
        }
        Outcome::QuietFailed { status, text } => {
            quiet_failed(server, status, session.bytes(text), notices);
            0
        }
    }
}

#[cold]
fn refusal(name: ServerName, status: Status, effect: Effect, text: &[u8]) -> Box<Failure> {
    let text = if text.is_empty() {
        format!("{name}: {}", status.message())
    } else {
        format!("{name}: {}", String::from_utf8_lossy(text))
    };
    Failure::new(status, text)
        .effect(effect)
        .at(Phase::Receive)
        .on(name)
}

#[cold]
pub fn quiet_failed(server: &Server, status: Status, text: &[u8], notices: &mut Notices) {
    server.pool.quiet_failed().fetch_add(1, Ordering::Relaxed);
    notices.push(What::QuietFailed, server.name, status, || {
        String::from_utf8_lossy(text).into_owned()
    });
}
