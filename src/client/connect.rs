//! Making a connection: each endpoint of a server in turn, each within `connect_timeout`, none
//! waited for here.

use std::io;

use super::call::Call;
use super::server::Server;
use crate::connection::link::Link;
use crate::connection::session::Session;
use crate::deadline::{self, Moment};
use crate::error::{Failure, Phase, Status};
use crate::transport::Stream;

/// A connection on its way.
pub struct Attempt {
    /// The endpoint after the one that is being tried.
    next: usize,
    /// When this endpoint is given up.
    pub until: Option<Moment>,
}

/// A link whose stream is connected, or on its way with the attempt.
pub struct Begun {
    pub link: Link,
    pub attempt: Option<Attempt>,
}

/// Try the endpoints from number `from` on.
pub fn begin(
    call: &Call<'_>,
    server: &Server,
    from: usize,
    before: Option<io::Error>,
) -> Result<Begun, Box<Failure>> {
    let mut last = before;
    for (index, endpoint) in server.endpoints.iter().enumerate().skip(from) {
        let tried = Stream::connect(endpoint, call.core.tuning()).and_then(|(stream, at_once)| {
            if at_once {
                stream.connected(call.core.tuning())?;
            }
            Ok((stream, at_once))
        });
        match tried {
            Ok((stream, at_once)) => {
                let now = deadline::now();
                let max_value = usize::try_from(call.options.max_value_size).unwrap_or(usize::MAX);
                let attempt = (!at_once).then(|| Attempt {
                    next: index + 1,
                    until: call.options.connect_timeout.map(|limit| now.after(limit)),
                });
                return Ok(Begun {
                    link: Link::new(stream, Session::new(max_value), now),
                    attempt,
                });
            }
            Err(error) => last = Some(error),
        }
    }
    Err(failed(server, last))
}

/// The stream of `attempt` became writable, or its time is up: whether it is connected; else the
/// next endpoint is tried.
pub fn go_on(
    call: &Call<'_>,
    server: &Server,
    link: &Link,
    attempt: &Attempt,
    ready: bool,
) -> Result<Option<Begun>, Box<Failure>> {
    let error = if ready {
        match link.stream().connected(call.core.tuning()) {
            Ok(()) => return Ok(None),
            Err(error) => error,
        }
    } else {
        io::Error::from_raw_os_error(libc::ETIMEDOUT)
    };
    begin(call, server, attempt.next, Some(error)).map(Some)
}

#[cold]
fn failed(server: &Server, why: Option<io::Error>) -> Box<Failure> {
    let (text, errno) = match why {
        Some(error) => (
            format!("no connection to {}: {error}", server.name),
            error.raw_os_error().unwrap_or(0),
        ),
        None => (
            format!("no connection to {}: it has no address", server.name),
            0,
        ),
    };
    Failure::new(Status::CONNECT_FAILED, text)
        .at(Phase::Connect)
        .errno(errno)
        .on(server.name)
}
