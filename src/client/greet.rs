//! With `paranoid`, a new connection proves itself before it carries a command: it is asked for its
//! version, and must answer with that and nothing else. What a wrong peer says unasked would be taken
//! for the first reply otherwise; a look at the connection does not help, as it may say so later.

use super::call::Call;
use super::connect::{self, Begun};
use super::server::Server;
use super::wait::wait;
use crate::connection::arrival::Outcome;
use crate::connection::link::{Link, Trouble};
use crate::connection::outbox::{Token, Values};
use crate::deadline::{self, earlier};
use crate::error::{Failure, Phase, Status};
use crate::protocol::{Command, Key, Op, Request};
use crate::transport::{Interest, Mode};

/// Finish connecting, and have the connection prove itself.
pub fn greet(call: &Call<'_>, server: &Server, begun: Begun) -> Result<Link, Box<Failure>> {
    let mut link = connected(call, server, begun)?;
    let command = Command::new(Op::Version, b"");
    let request = Request::new(Op::Version, &command, Key::NONE, deadline::unix_now);
    link.session.begin();
    link.session
        .submit(0, &request, false)
        .map_err(|why| Failure::no_memory(why.0))?;
    let mut answered = false;
    while !(answered && link.session.in_step()) {
        let moved = if link.session.all_sent() {
            link.receive(None, Mode::DontWait)
        } else {
            link.send(&NoValue, Mode::DontWait)
        };
        match moved {
            Ok(_) => {}
            Err(Trouble::Interrupted) => continue,
            Err(Trouble::WouldBlock) => {
                let silent = call.silence.map(|limit| deadline::now().after(limit));
                let until = earlier(call.deadline.end(), silent);
                ready(call, server, &mut link, false, until)?;
                continue;
            }
            Err(_) => {
                let text = format!("{} closed a new connection", server.name);
                return Err(refused(server, Status::SERVER_DISCONNECT, text));
            }
        }
        while let Some(arrival) = link.session.next_arrival() {
            answered = matches!(arrival.what, Outcome::Version(_));
            if !answered {
                let text = format!("{} does not tell its version", server.name);
                return Err(refused(server, Status::UNEXPECTED_RESPONSE, text));
            }
        }
        link.session.check_surplus();
        if let Some(why) = link.session.broken() {
            let text = format!("{} began with {why}", server.name);
            return Err(refused(server, Status::UNEXPECTED_RESPONSE, text));
        }
    }
    Ok(link)
}

/// Wait until the connection is made.
fn connected(call: &Call<'_>, server: &Server, begun: Begun) -> Result<Link, Box<Failure>> {
    let Begun {
        mut link,
        mut attempt,
    } = begun;
    while let Some(tried) = attempt.take() {
        let until = earlier(call.deadline.end(), tried.until);
        let is_ready = match ready(call, server, &mut link, true, until) {
            Ok(()) => true,
            Err(failure) if call.deadline.passed(deadline::now()) => return Err(failure),
            Err(_) => false,
        };
        if let Some(next) = connect::go_on(call, server, &link, &tried, is_ready)? {
            (link, attempt) = (next.link, next.attempt);
        }
    }
    Ok(link)
}

/// Wait for the stream; a failure if it is not ready in time.
fn ready(
    call: &Call<'_>,
    server: &Server,
    link: &mut Link,
    connecting: bool,
    until: Option<crate::deadline::Moment>,
) -> Result<(), Box<Failure>> {
    let interest = Interest {
        read: !connecting,
        write: connecting || !link.session.all_sent(),
    };
    let mut waiting = [link.readiness(interest)];
    match wait(&mut waiting, until) {
        Ok(true) if !call.deadline.passed(deadline::now()) => Ok(()),
        _ => {
            let text = format!("{} did not prove itself in time", server.name);
            Err(refused(server, Status::TIMEOUT, text))
        }
    }
}

#[cold]
fn refused(server: &Server, status: Status, text: String) -> Box<Failure> {
    Failure::new(status, text)
        .at(Phase::Handshake)
        .on(server.name)
}

/// No command of a greeting has a value.
struct NoValue;

impl Values for NoValue {
    fn value(&self, _: Token) -> &[u8] {
        b""
    }
}
