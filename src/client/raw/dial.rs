//! How a raw connection is made: an [`Attempt`] carried on, at one go or a little with each call.

use super::target::Target;
use crate::client::call::Call;
use crate::client::connect::Attempt;
use crate::client::contest::Socket;
use crate::client::wait;
use crate::deadline::{self, Deadline, earlier};
use crate::error::{Failure, Phase, Result, Status};

/// A connection that is being made.
pub struct Dialing {
    attempt: Attempt,
    /// Of the call that began it.
    deadline: Deadline,
}

/// How far it has come.
pub enum Dialed {
    Connected(Socket),
    /// Nothing more can be done without waiting.
    NotYet,
}

impl Dialing {
    pub fn begin(target: &Target, deadline: Deadline) -> Result<Dialing> {
        let call = call(target, deadline);
        let attempt = Attempt::new(&call, &target.server, deadline.begin())?;
        Ok(Dialing { attempt, deadline })
    }

    /// The socket that connects, where it is the only one.
    pub fn fd(&self) -> Option<i32> {
        self.attempt.fd()
    }

    /// Go on, to the end or the deadline if it may wait. A failure is the attempt's end.
    pub fn go_on(&mut self, target: &Target, may_wait: bool) -> Result<Dialed> {
        let call = call(target, self.deadline);
        let server = &target.server;
        let mut waiting = Vec::new();
        loop {
            let now = deadline::now();
            if let Some(socket) = self.attempt.go_on(&call, server, &waiting, now)? {
                return Ok(Dialed::Connected(socket));
            }
            if self.deadline.passed(now) {
                return Err(self.attempt.late(server));
            }
            waiting.clear();
            self.attempt.wait_for(&mut waiting);
            let until = match may_wait {
                true => earlier(self.attempt.due(), self.deadline.end()),
                false => Some(now),
            };
            let ready = wait::wait(&mut waiting, until).map_err(|error| {
                let text = format!("no connection to {}: {error}", server.name);
                Failure::new(Status::CONNECT_FAILED, text)
                    .at(Phase::Connect)
                    .errno(error.raw_os_error().unwrap_or(0))
                    .on(server.name)
            })?;
            if !ready {
                if !may_wait {
                    return Ok(Dialed::NotYet);
                }
                waiting.clear();
            }
        }
    }
}

fn call(target: &Target, deadline: Deadline) -> Call<'_> {
    Call {
        core: &target.core,
        options: &target.options,
        deadline,
        silence: None,
        plain: false,
        idle_check: target.options.idle_check.into(),
    }
}
