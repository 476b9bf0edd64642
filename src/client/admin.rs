//! One line of an operator to every server, or to one, over connections aside from the pool: whatever
//! it does to them, no other command meets it.

use std::sync::Arc;

use super::aside::{Aside, Ended, turn};
use super::call::Call;
use super::proxied;
use super::server::Server;
use super::sink::{Answer, Sink};
use super::{Client, Limit};
use crate::config;
use crate::deadline::Deadline;
use crate::driver::authenticate::unauthenticated;
use crate::error::{Effect, Failure, Phase, Result, Status};
use crate::names::ServerName;
use crate::observe::Notices;
use crate::protocol::admin::{self, End, LineFault};
use crate::protocol::refusal::refusal;

/// The longest line of a reply.
const LINE_MAX: usize = 8 * 1024;

impl Client {
    /// Send `line` to the server that `which` names, or to all; `sink` hears of each under its place,
    /// its words as a text. `begin` is told the servers' names first. Fails, and sends nothing, where
    /// the line may not be sent, or there is no such server.
    pub fn admin<S: Sink>(
        &self,
        line: &[u8],
        which: Option<&str>,
        limit: Limit,
        begin: impl FnOnce(&[ServerName]) -> Result<S>,
    ) -> Result<S> {
        let end = admin::end(line).map_err(refused)?;
        proxied::refuse(&self.settings.options, "a line of an operator")?;
        let mut request = Vec::new();
        request
            .try_reserve_exact(line.len() + 2)
            .map_err(|_| Failure::no_memory(line.len()))?;
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
        let deadline = Deadline::after(limit.or(self.settings.options.batch_timeout));
        let servers = self.named(which, deadline)?;
        let names: Vec<ServerName> = servers.iter().map(|server| server.name).collect();
        let mut sink = begin(&names)?;
        let options = &self.settings.options;
        let call = Call {
            core: &self.core,
            options,
            deadline,
            silence: options.timeout,
            plain: false,
            idle_check: self.settings.idle_check,
        };
        let mut asides: Vec<Aside> = servers.into_iter().map(Aside::new).collect();
        let mut replies: Vec<Vec<u8>> = asides.iter().map(|_| Vec::new()).collect();
        let mut notices = Notices::new(self.core.observer().is_some());
        while asides.iter().any(Aside::is_open) {
            turn(&mut asides, &call, &request, &mut notices);
            for (tag, (aside, reply)) in asides.iter_mut().zip(&mut replies).enumerate() {
                match said(aside, reply, end, call.max_value()) {
                    None => continue,
                    Some(Ok(())) => sink.answer(tag as u32, Answer::Text(reply)),
                    Some(Err(failure)) => sink.fail(tag as u32, failure),
                }
                aside.close();
            }
        }
        drop(asides);
        notices.tell(self.core.observer());
        Ok(sink)
    }

    fn named(&self, which: Option<&str>, deadline: Deadline) -> Result<Vec<Arc<Server>>> {
        let topology = self.all_servers(deadline)?;
        let servers = topology.servers();
        let Some(which) = which else {
            return Ok(servers.to_vec());
        };
        let specs: Vec<_> = servers.iter().map(|server| server.spec.clone()).collect();
        let at = config::find_server(&specs, which)?;
        Ok(servers.get(at).cloned().into_iter().collect())
    }
}

#[cold]
fn refused(fault: LineFault) -> Box<Failure> {
    let status = match fault {
        LineFault::Reply(_) => Status::UNSUPPORTED,
        _ => Status::ILLEGAL_INPUT,
    };
    Failure::new(status, fault.to_string()).effect(Effect::NotApplied)
}

/// Take a server's lines to `reply`; how it ended, once it has.
fn said(
    aside: &mut Aside,
    reply: &mut Vec<u8>,
    end: End,
    max: usize,
) -> Option<std::result::Result<(), Box<Failure>>> {
    let name = aside.server.name;
    let failed =
        |status, text: String| Some(Err(Failure::new(status, text).at(Phase::Receive).on(name)));
    while let Some(line) = aside.line(LINE_MAX) {
        if let Some(status) = refusal(line).filter(|_| reply.is_empty()) {
            let text = match status {
                Status::INVALID_CREDENTIALS => unauthenticated(&aside.server),
                _ => format!("{name}: {}", String::from_utf8_lossy(line)),
            };
            let failure = Failure::new(status, text).at(Phase::Receive).on(name);
            return Some(Err(failure.effect(Effect::NotApplied)));
        }
        match end {
            End::Lines if line == b"END" => return Some(Ok(())),
            End::Lines if !line.starts_with(b"STAT ") => {
                let text = format!("{name} sent a line that is no statistic");
                return failed(Status::UNEXPECTED_RESPONSE, text);
            }
            End::Close => {
                let text = format!("{name} answered, and did not close the connection");
                return failed(Status::UNEXPECTED_RESPONSE, text);
            }
            _ => {}
        }
        if reply.len() + line.len() >= max {
            let text = format!("{name} sent more than {max} bytes (max_value_size)");
            return failed(Status::UNEXPECTED_RESPONSE, text);
        }
        if reply.try_reserve(line.len() + 1).is_err() {
            return Some(Err(Failure::no_memory(line.len()).on(name)));
        }
        if !reply.is_empty() {
            reply.push(b'\n');
        }
        reply.extend_from_slice(line);
        if end == End::Line {
            return Some(Ok(()));
        }
    }
    let Ended { failure, closed } = aside.take_ended()?;
    // Only a server that had the line can have obeyed it.
    if end == End::Close && closed && aside.all_sent() {
        return Some(Ok(()));
    }
    let effect = match failure.phase {
        Phase::Receive => Effect::Unknown,
        _ => Effect::NotApplied,
    };
    Some(Err(failure.effect(effect)))
}
