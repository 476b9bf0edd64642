//! Whether an idle connection may be used.

use super::call::Call;
use super::deliver::quiet_failed;
use super::server::Server;
use super::sync::read_owed;
use crate::connection::arrival::Outcome;
use crate::connection::link::Link;
use crate::connection::session::QUIET_MAX;
use crate::observe::Notices;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    Yes,
    /// Yes, but time has passed.
    AfterAWait,
    No,
}

/// Whether an idle connection may carry a command: looked at where it was idle for long, or always
/// with `paranoid`.
#[inline(always)]
pub fn is_fit(call: &Call<'_>, link: &mut Link, server: &Server) -> Fit {
    if call
        .deadline
        .begin()
        .is_within(call.idle_check, link.last_used)
        && !call.options.paranoid
        && link.session.owes_quiet() < QUIET_MAX
    {
        return Fit::Yes;
    }
    // A copy is lent, so that the caller may keep its own in registers.
    look(&{ *call }, link, server)
}

#[cold]
#[inline(never)]
fn look(call: &Call<'_>, link: &mut Link, server: &Server) -> Fit {
    let mut notices = Notices::new(call.core.observer().is_some());
    let fit = link.look(|session, arrival| {
        if let Outcome::QuietFailed { status, text } = arrival.what {
            quiet_failed(server, status, session.bytes(text), &mut notices);
        }
    });
    let fit = if !fit {
        Fit::No
    } else if link.session.owes_quiet() < QUIET_MAX {
        Fit::Yes
    } else if read_owed(server, link, call.deadline, &mut notices).is_ok() {
        Fit::AfterAWait
    } else {
        Fit::No
    };
    notices.tell(call.core.observer());
    fit
}
