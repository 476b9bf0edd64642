//! The short way for a lone command: an idle connection, one send, one receive, the reply that is
//! hoped for or a miss. It may only finish an exchange that leaves the session in step; on anything
//! else it hands the connection, with what was sent and received, to the general way.

use super::One;
use super::blocking::run_lone;
use super::call::{Call, Context, limits, unix_now};
use super::fit::{Fit, is_fit};
use super::lane::{Handed, Lane, Way};
use super::no_servers;
use super::pool::{Lease, Pooled};
use super::proxied::not_passed;
use super::server::Server;
use super::sink::{Answer, Sent, Sink};
use super::slot::Slot;
use super::state::Servers;
use crate::connection::arrival::Lone;
use crate::connection::link::{Link, Trouble};
use crate::connection::outbox::{Token, Values};
use crate::error::Failure;
use crate::operation::command::{fault, key};
use crate::operation::single::Single;
use crate::options::Profile;
use crate::protocol::classic::passes;
use crate::protocol::{Command, Op, Request, ValueHead};
use crate::transport::Mode;
use std::sync::Arc;

/// Carry out a lone command, whose op is `op`.
///
/// What is handed to the general way is copied first, and the sink moved there and back: the short way
/// then keeps all of it in registers.
#[inline(always)]
pub fn run<S: Sink + Default>(
    call: &Call<'_>,
    topology: &Servers,
    thread: usize,
    op: Op,
    command: &Command<'_>,
    sink: &mut S,
) {
    if op.is_server_wide() {
        return fail(sink, server_wide(op));
    }
    if !passes(op) && call.options.profile == Profile::Classic {
        return fail(sink, not_passed(op));
    }
    let limits = limits(call.options);
    let key = match key(op, command, limits) {
        Ok(key) => key,
        Err(failure) => {
            let (call, command, mut moved) = (*call, *command, std::mem::take(sink));
            other_key(&call, topology, &command, failure, &mut moved);
            *sink = moved;
            return;
        }
    };
    let request = Request::new(op, command, key, || unix_now(topology, command, limits));
    if let Some(failure) = fault(&request, limits) {
        return fail(sink, failure);
    }
    let place = topology.place(command.key, command.route, limits.prefix);
    let Some((to, server)) = place.and_then(|to| Some((to, topology.server(to)?))) else {
        return fail(sink, no_servers(op, topology));
    };
    let mut begun = None;
    if call.options.shortcut {
        let slot = server.pool.slot(thread);
        if let Some(pooled) = server.pool.take_from(slot, thread) {
            match over(call, thread, slot, to, server, pooled, &request, sink) {
                End::Finished => return,
                End::Unfinished(handed) => begun = handed,
            }
        }
    }
    let (call, command, mut moved) = (*call, *command, std::mem::take(sink));
    general(&call, topology, &command, &mut moved, begun);
    *sink = moved;
}

/// Tell the sink of a failure, without having it in memory before.
#[inline(always)]
fn fail<S: Sink + Default>(sink: &mut S, failure: Box<Failure>) {
    let mut moved = std::mem::take(sink);
    moved.fail(0, failure);
    *sink = moved;
}

/// The key is none that every protocol can carry: where it may be one all the same, the general way finds
/// out.
#[cold]
#[inline(never)]
fn other_key(
    call: &Call<'_>,
    topology: &Servers,
    command: &Command<'_>,
    failure: Box<Failure>,
    sink: &mut dyn Sink,
) {
    match call.options.binary_keys {
        true => general(call, topology, command, sink, None),
        false => sink.fail(0, failure),
    }
}

enum End {
    Finished,
    /// The rest is for the general way, with the connection if there is one.
    Unfinished(Option<Box<Handed>>),
}

/// Over a connection that was idle.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // all of them stand in registers
fn over<S: Sink + Default>(
    call: &Call<'_>,
    thread: usize,
    slot: &Slot<Pooled>,
    to: usize,
    server: &Arc<Server>,
    mut pooled: Box<Pooled>,
    request: &Request<'_, '_>,
    sink: &mut S,
) -> End {
    let fit = is_fit(call, &mut pooled.link, server);
    if fit == Fit::No {
        server.pool.unfit(pooled);
        return End::Unfinished(None);
    }
    if !pooled.link.session.takes_lone() {
        server.pool.put(thread, pooled);
        return End::Unfinished(None);
    }
    let plain = call.plain && fit == Fit::Yes;
    let quiet = !request.op.is_read() && request.command.is_quiet(call.options.default_noreply);
    let key_at = match pooled.link.session.begin_lone(request) {
        Ok(key_at) => key_at,
        Err(why) => {
            server.pool.put(thread, pooled);
            fail(sink, Failure::no_memory(why.0).on(server.name));
            return End::Finished;
        }
    };
    sink.sent(0, &Sent::new(request, 0, key_at, server.name));
    let (large, trouble) = match attempt(&mut pooled, request, key_at, sink, quiet, plain) {
        Attempt::Finished => {
            pooled.link.last_used = call.deadline.begin();
            server.pool.put_into(slot, thread, pooled);
            return End::Finished;
        }
        Attempt::Large(head, used) => {
            let mut moved = std::mem::take(sink);
            let read = read_large(&mut pooled.link, &head, used, &mut moved);
            *sink = moved;
            match read {
                Large::Finished => {
                    pooled.link.last_used = call.deadline.begin();
                    server.pool.put_into(slot, thread, pooled);
                    return End::Finished;
                }
                Large::Unfinished(left, trouble) => (Some((head, used, left)), trouble),
            }
        }
        Attempt::Unfinished(trouble) => (None, trouble),
    };
    let (call, command, mut moved) = (*call, *request.command, std::mem::take(sink));
    let request = Request {
        command: &command,
        ..*request
    };
    let end = go_on(
        &call, thread, to, server, pooled, &request, key_at, quiet, large, trouble, &mut moved,
    );
    *sink = moved;
    end
}

/// The command is not answered yet: its reply is owed, and more may have to be received.
#[inline(never)]
#[allow(clippy::too_many_arguments)] // all of them stand in registers or are cold
fn go_on(
    call: &Call<'_>,
    thread: usize,
    to: usize,
    server: &Arc<Server>,
    mut pooled: Box<Pooled>,
    request: &Request<'_, '_>,
    key_at: usize,
    quiet: bool,
    large: Option<(ValueHead, usize, Option<usize>)>,
    trouble: Option<Trouble>,
    sink: &mut dyn Sink,
) -> End {
    let session = &mut pooled.link.session;
    if let Err(why) = session.owe_lone(request, key_at, quiet) {
        server.pool.put_or_close(pooled);
        sink.fail(0, Failure::no_memory(why.0).on(server.name));
        return End::Finished;
    }
    if let Some((head, used, left)) = large {
        session.continue_large(head, used, left);
    }
    if quiet && trouble.is_none() && pooled.link.all_sent() {
        sink.answer(0, Answer::Done);
        pooled.link.last_used = call.deadline.begin();
        server.pool.put(thread, pooled);
        return End::Finished;
    }
    End::Unfinished(Some(Box::new(Handed {
        lane: Lane {
            to,
            id: 0,
            server: server.clone(),
            way: Way::Made(Lease::new(&server.pool, pooled)),
            since: call.deadline.begin(),
            quiet,
            fresh: false,
            probe: None,
        },
        trouble,
    })))
}

/// How far a large value was read.
enum Large {
    /// To its end: it was the answer, and the session is in step.
    Finished,
    /// So much is still to come (`None`: it has no place, and is to be skipped), and what was met.
    Unfinished(Option<usize>, Option<Trouble>),
}

/// Read a large value as long as it comes without waiting.
#[inline]
fn read_large(link: &mut Link, head: &ValueHead, used: usize, sink: &mut dyn Sink) -> Large {
    let Some(place) = sink.place(0, head, true) else {
        return Large::Unfinished(None, None);
    };
    let mut left = link.session.begin_large(head, used, place);
    for _ in 0..WITHOUT_THE_CLOCK {
        if left == 0 {
            break;
        }
        match link.receive_large(place, left) {
            Ok(n) => left -= n,
            Err(Trouble::WouldBlock | Trouble::Interrupted) => break,
            Err(trouble) => return Large::Unfinished(Some(left), Some(trouble)),
        }
    }
    if left == 0 && link.session.end_large() {
        sink.placed(0, head);
        return Large::Finished;
    }
    Large::Unfinished(Some(left), None)
}

/// So many receives are made without a look at the clock: a server may go on sending little by little.
const WITHOUT_THE_CLOCK: usize = 64;

/// How far the short way came.
enum Attempt {
    Finished,
    /// To a large value; so many bytes are its header.
    Large(ValueHead, usize),
    /// What was met, if that was it.
    Unfinished(Option<Trouble>),
}

#[inline(always)]
fn attempt<S: Sink>(
    pooled: &mut Pooled,
    request: &Request<'_, '_>,
    key_at: usize,
    sink: &mut S,
    quiet: bool,
    plain: bool,
) -> Attempt {
    let link = &mut pooled.link;
    link.reused = true;
    // Never waiting: what was sent at once has taken no time, and the receive may block.
    if let Err(trouble) = link.send(&OneValue(request.value()), Mode::DontWait) {
        return Attempt::Unfinished(Some(trouble));
    }
    // A quiet command's reply is owed.
    if quiet || !plain || !link.session.all_sent() {
        return Attempt::Unfinished(None);
    }
    if let Err(trouble) = link.receive(None, Mode::Block) {
        return Attempt::Unfinished(Some(trouble));
    }
    match link.session.lone_reply(request, key_at) {
        None => return Attempt::Unfinished(None),
        Some(Lone::Large { head, used }) => return Attempt::Large(head, used),
        Some(Lone::Value { head, value }) => sink.value(0, &head, link.session.bytes(value)),
        Some(Lone::Miss(status)) => sink.answer(0, Answer::Miss(status)),
        Some(Lone::Done) => sink.answer(0, Answer::Done),
        Some(Lone::Number(number)) => sink.answer(0, Answer::Number(number)),
    }
    Attempt::Finished
}

/// The general way.
#[cold]
#[inline(never)]
fn general(
    call: &Call<'_>,
    topology: &Servers,
    command: &Command<'_>,
    sink: &mut dyn Sink,
    begun: Option<Box<Handed>>,
) {
    let one = One(command);
    let context = Context::new(&one, topology, call.options);
    let mut operation = match begun {
        Some(_) => Single::sent(),
        None => Single::default(),
    };
    run_lone(call, &mut operation, &context, sink, begun);
}

/// The value of the only command there is.
struct OneValue<'a>(&'a [u8]);

impl Values for OneValue<'_> {
    fn value(&self, _: Token) -> &[u8] {
        self.0
    }
}

#[cold]
fn server_wide(op: Op) -> Box<Failure> {
    Failure::argument(format!(
        "{} is asked of servers, not of a key: it answers results, one for each",
        op.name()
    ))
}
