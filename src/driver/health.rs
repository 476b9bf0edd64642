//! What tells for and against a server, and who may use it.

use std::time::Duration;

use super::call::Call;
use super::server::Server;
use crate::cluster::health::{Change, Failing, Probe, Verdict};
use crate::deadline::{self, Moment};
use crate::error::{Failure, Result, Status};
use crate::names::ServerName;
use crate::observe::{Notices, What};
use crate::operation::retry::Loss;

/// What a lost connection tells of its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Telling {
    Failed(Failing),
    /// It is there, and has refused.
    Answered,
    /// Nothing: it was not the server's fault, or is found out by the next connection.
    Nothing,
}

/// `waited`: since anything was heard of the server last.
fn telling(loss: &Loss, waited: Duration) -> Telling {
    let failure = &loss.failure;
    match failure.status {
        Status::TIMEOUT => Telling::Failed(Failing::Silent(waited)),
        Status::RESOLVE_FAILED if failure.errno == libc::ETIMEDOUT => {
            Telling::Failed(Failing::Silent(waited))
        }
        Status::CONNECT_FAILED if is_ours(failure.errno) => Telling::Nothing,
        Status::CONNECT_FAILED | Status::RESOLVE_FAILED => Telling::Failed(Failing::Unreachable),
        Status::TLS_FAILURE if loss.connected || failure.errno != 0 => {
            Telling::Failed(Failing::Broken)
        }
        // One of the two does not want the other. That says neither that it works, nor that it does not.
        Status::TLS_FAILURE => Telling::Nothing,
        // Of a former life of the server, or it was idle for too long.
        Status::SERVER_DISCONNECT if loss.closed && loss.reused && !loss.replied => {
            Telling::Nothing
        }
        Status::SERVER_DISCONNECT if failure.errno == 0 => Telling::Failed(Failing::Closed),
        Status::SERVER_DISCONNECT => Telling::Failed(Failing::Broken),
        Status::TOO_MANY_CONNECTIONS => Telling::Answered,
        status if status.is(Status::CLASS_AUTH) => Telling::Answered,
        _ => Telling::Nothing,
    }
}

/// This process has no descriptor or no memory to spare: no other server could be reached either.
fn is_ours(errno: i32) -> bool {
    matches!(
        errno,
        libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS
    )
}

/// Whether the call may use the server: refused, or with the duty to find out for the others.
#[inline(always)]
pub fn admit(call: &Call<'_>, server: &Server) -> Result<Option<Probe>> {
    match server.health.is_sound() {
        true => Ok(None),
        false => ask(server, call.deadline.end()),
    }
}

#[cold]
#[inline(never)]
fn ask(server: &Server, until: Option<Moment>) -> Result<Option<Probe>> {
    match server.health.admit(deadline::now(), until) {
        Verdict::Go => Ok(None),
        Verdict::Probe(probe) => Ok(Some(probe)),
        Verdict::Refused(refused) => Err(refused.failure(server.name)),
    }
}

/// Tell of a call that took longer than `limit`.
#[cold]
pub fn slow(limit: Duration, took: Duration, server: ServerName, notices: &mut Notices) {
    if took > limit {
        notices.push(What::Slow, server, Status::OK, || {
            format!("a call took {:.1} ms", took.as_secs_f64() * 1e3)
        });
    }
}

impl Server {
    /// Something was heard of it that makes sense.
    #[inline(always)]
    pub fn answered(&self, notices: &mut Notices) {
        if self.health.is_suspect() {
            self.is_back(notices);
        }
    }

    #[cold]
    #[inline(never)]
    fn is_back(&self, notices: &mut Notices) {
        if self.health.answered(deadline::now) == Change::Up {
            notices.push(What::Up, self.name, Status::OK, String::new);
        }
    }

    /// A connection to it was lost, or could not be had. `probe`: of a call that had to find out;
    /// `waited`: since anything was heard of it last.
    #[cold]
    pub fn lost(&self, loss: &Loss, probe: Option<Probe>, waited: Duration, notices: &mut Notices) {
        match telling(loss, waited) {
            Telling::Failed(failing) => self.failed(failing, &loss.failure, probe, notices),
            Telling::Answered => self.answered(notices),
            Telling::Nothing => {}
        }
    }

    #[cold]
    fn failed(
        &self,
        failing: Failing,
        failure: &Failure,
        probe: Option<Probe>,
        notices: &mut Notices,
    ) {
        let now = deadline::now();
        let change = self.health.failed(failing, failure, probe.as_ref(), now);
        if change == Change::Down {
            // What is idle may be used without asking; and it is not to be trusted.
            self.pool.close_all();
            notices.push(What::Down, self.name, failure.status, || {
                failure.text.clone()
            });
        } else {
            // The next reply over any connection is to be told.
            self.pool.watch();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITED: Duration = Duration::from_millis(100);

    fn loss(status: Status, errno: i32, connected: bool) -> Loss {
        Loss {
            failure: Failure::new(status, "lost").errno(errno),
            closed: status == Status::SERVER_DISCONNECT,
            reused: false,
            replied: false,
            connected,
        }
    }

    #[test]
    fn refusals_and_our_own_troubles_tell_nothing_against_a_server() {
        let told = |status, errno, connected| telling(&loss(status, errno, connected), WAITED);
        for (status, errno, connected, expected) in [
            (
                Status::CONNECT_FAILED,
                libc::ECONNREFUSED,
                false,
                Telling::Failed(Failing::Unreachable),
            ),
            (
                Status::CONNECT_FAILED,
                libc::EMFILE,
                false,
                Telling::Nothing,
            ),
            (
                Status::RESOLVE_FAILED,
                0,
                false,
                Telling::Failed(Failing::Unreachable),
            ),
            (
                Status::RESOLVE_FAILED,
                libc::ETIMEDOUT,
                false,
                Telling::Failed(Failing::Silent(WAITED)),
            ),
            (
                Status::TIMEOUT,
                0,
                false,
                Telling::Failed(Failing::Silent(WAITED)),
            ),
            (
                Status::TIMEOUT,
                0,
                true,
                Telling::Failed(Failing::Silent(WAITED)),
            ),
            (Status::TLS_FAILURE, 0, false, Telling::Nothing),
            (
                Status::TLS_FAILURE,
                libc::ECONNRESET,
                false,
                Telling::Failed(Failing::Broken),
            ),
            (
                Status::TLS_FAILURE,
                0,
                true,
                Telling::Failed(Failing::Broken),
            ),
            (
                Status::SERVER_DISCONNECT,
                0,
                true,
                Telling::Failed(Failing::Closed),
            ),
            (
                Status::SERVER_DISCONNECT,
                libc::ECONNRESET,
                true,
                Telling::Failed(Failing::Broken),
            ),
            (Status::TOO_MANY_CONNECTIONS, 0, true, Telling::Answered),
            (Status::INVALID_CREDENTIALS, 0, false, Telling::Answered),
            (Status::AUTH_NOT_SUPPORTED, 0, false, Telling::Answered),
            (Status::UNEXPECTED_RESPONSE, 0, true, Telling::Nothing),
            (Status::NO_MEMORY, 0, true, Telling::Nothing),
            (Status::CANCELLED, 0, true, Telling::Nothing),
            (Status::POOL_EXHAUSTED, 0, false, Telling::Nothing),
            (Status::CIRCUIT_OPEN, 0, false, Telling::Nothing),
        ] {
            assert_eq!(told(status, errno, connected), expected, "{status:?}");
        }
    }

    /// FM-71, FM-72: an idle connection that the server closed is no failure of the server that is there
    /// now.
    #[test]
    fn fm72_old_connections_tell_nothing() {
        for (reused, replied, counts) in [
            (true, false, false),
            (true, true, true),
            (false, false, true),
        ] {
            let loss = Loss {
                reused,
                replied,
                ..loss(Status::SERVER_DISCONNECT, 0, true)
            };
            let told = telling(&loss, WAITED);
            assert_eq!(told == Telling::Failed(Failing::Closed), counts);
            assert_eq!(told == Telling::Nothing, !counts);
        }
    }
}
