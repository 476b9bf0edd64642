//! The short way for a lone command: an idle connection, one send, one receive. It may only finish
//! an exchange that leaves the session in step; on anything else it hands the connection, with what
//! was sent and received, to the general way.

use super::blocking::{Call, Context, deliver, is_fit, receive, run_lone};
use super::lane::Lane;
use super::pool::Lease;
use super::server::Server;
use super::sink::{Answer, Sink};
use crate::connection::link::Trouble;
use crate::connection::session::QUIET_MAX;
use crate::error::Failure;
use crate::operation::single::Single;
use crate::operation::{Context as _, Prepared};
use crate::transport::Mode;
use std::sync::Arc;

/// Carry out a lone command.
#[inline]
pub fn run<'a>(call: &mut Call<'_>, context: &Context<'a>, sink: &mut dyn Sink) {
    if !call.options.shortcut {
        return run_lone(call, &mut Single::default(), context, sink, None);
    }
    let command = match context.prepare(0) {
        Ok(command) => command,
        Err(failure) => return sink.fail(0, failure),
    };
    let server = context.topology.server(command.to);
    let Some((server, mut lease)) = server.and_then(|server| Some((server, server.pool.idle()?)))
    else {
        return run_lone(call, &mut Single::default(), context, sink, None);
    };
    if !is_fit(call, lease.link(), server) {
        let epoch = lease.epoch();
        drop(lease.into_seat());
        server.pool.new_epoch(epoch);
        return run_lone(call, &mut Single::default(), context, sink, None);
    }
    exchange(call, context, sink, &command, server, lease);
}

/// How far the short way came.
enum End {
    Finished,
    /// The command has its answer, but the connection is not in step.
    Answered,
    /// The rest is for the general way.
    Unfinished(Option<Trouble>),
}

#[inline]
fn exchange<'a>(
    call: &mut Call<'_>,
    context: &Context<'a>,
    sink: &mut dyn Sink,
    command: &Prepared<'a>,
    server: &Arc<Server>,
    mut lease: Lease,
) {
    let link = lease.link();
    link.reused = true;
    link.session.begin();
    let quiet = command.is_quiet(call.options.default_noreply)
        && link.session.owes_quiet() + 1 < QUIET_MAX;
    match link.session.submit(0, &command.request, quiet) {
        Ok(key_at) => sink.sent(0, &command.sent(0, key_at, server.name)),
        Err(why) => return sink.fail(0, Failure::no_memory(why.0).on(server.name)),
    }
    match attempt(call, context, sink, server, &mut lease, quiet) {
        End::Finished => lease.link().last_used = call.deadline.begin(),
        // Dropping the lease closes what is not in step.
        End::Answered => {}
        End::Unfinished(trouble) => {
            let lane = Lane {
                to: command.to,
                id: 0,
                server: server.clone(),
                lease,
                attempt: None,
                since: call.deadline.begin(),
                quiet,
                fresh: false,
            };
            let begun = Some((lane, trouble));
            run_lone(call, &mut Single::sent(), context, sink, begun);
        }
    }
}

#[inline]
fn attempt(
    call: &mut Call<'_>,
    context: &Context<'_>,
    sink: &mut dyn Sink,
    server: &Server,
    lease: &mut Lease,
    quiet: bool,
) -> End {
    let link = lease.link();
    let mode = if call.plain {
        Mode::Block
    } else {
        Mode::DontWait
    };
    if let Err(trouble) = link.send(context, mode) {
        return End::Unfinished(Some(trouble));
    }
    if !link.session.all_sent() {
        return End::Unfinished(None);
    }
    if quiet {
        sink.answer(0, Answer::Done);
        return End::Finished;
    }
    if !call.plain {
        return End::Unfinished(None);
    }
    if let Err(trouble) = receive(link, sink, Mode::Block) {
        return End::Unfinished(Some(trouble));
    }
    let mut answered = 0;
    while let Some(arrival) = link.session.next() {
        answered += deliver(arrival, link, server, sink, &mut call.notices);
    }
    match (answered > 0, link.session.in_step()) {
        (true, true) => End::Finished,
        (true, false) => End::Answered,
        (false, _) => End::Unfinished(None),
    }
}
