//! From a session's arrivals to the sink.

use std::sync::atomic::Ordering;

use super::authenticate::unauthenticated;
use super::server::Server;
use super::sink::{Answer, Sink};
use crate::buffer::NoMemory;
use crate::connection::arrival::{Arrival, Outcome};
use crate::connection::link::{Link, Trouble};
use crate::error::{Effect, Failure, Phase, Status};
use crate::observe::{Notices, What};
use crate::transport::Mode;

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
pub fn deliver<S: Sink + ?Sized>(
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
        Outcome::Stat { name, text } => {
            sink.stat(tag, session.bytes(name), session.bytes(text));
            0
        }
        Outcome::Refused {
            status,
            effect,
            text,
        } => {
            sink.fail(tag, refusal(server, status, effect, session.bytes(text)));
            1
        }
        // The driver tells its operation.
        Outcome::Doubt(_) => 0,
        Outcome::Told => {
            sink.about(tag, &session.about());
            0
        }
        Outcome::QuietFailed { status, text } => {
            quiet_failed(server, status, session.bytes(text), notices);
            0
        }
    }
}

#[cold]
fn refusal(server: &Server, status: Status, effect: Effect, text: &[u8]) -> Box<Failure> {
    let name = server.name;
    let text = match status {
        Status::INVALID_CREDENTIALS => unauthenticated(server),
        _ if text.is_empty() => format!("{name}: {}", status.message()),
        _ => format!("{name}: {}", String::from_utf8_lossy(text)),
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
