//! A server that has too many connections says so and closes: what it said may still be read where nothing
//! can be sent any more.

use crate::connection::link::{Link, Trouble};
use crate::error::{Failure, Status};
use crate::names::ServerName;
use crate::protocol::refusal::refusal;
use crate::transport::Mode;
use crate::transport::tls::TlsFault;

/// What a server has said to a connection on which nothing was answered, and which met `trouble`.
#[cold]
pub fn turned_away(link: &mut Link, name: ServerName, trouble: &Trouble) -> Option<Box<Failure>> {
    match trouble {
        Trouble::Io(error) if TlsFault::of(error).is_none() => {}
        _ => return None,
    }
    if link.reused || link.session.replied() {
        return None;
    }
    link.receive(None, Mode::DontWait).ok()?;
    let line = link.session.unread().split(|byte| *byte == b'\r').next()?;
    let status = refusal(line).filter(|status| *status == Status::TOO_MANY_CONNECTIONS)?;
    let text = format!("{name}: {}", String::from_utf8_lossy(line));
    Some(Failure::new(status, text))
}
