//! Several connections at once: begun together, waited for together.

use super::super::call::Call;
use super::super::wait::wait;
use super::{Aside, Ended, Way};
use crate::deadline::{self, earlier};
use crate::error::{Failure, Status};
use crate::observe::{Notices, What};
use crate::transport::Readiness;

/// Begin what is not begun, wait until something comes on any of the open connections, and take it: of
/// each as much as one receive gives. At the end of the call's time, and of a server's, they end.
pub fn turn(asides: &mut [Aside], call: &Call<'_>, request: &[u8], notices: &mut Notices) {
    let begun = deadline::now();
    let over = call.deadline.passed(begun);
    let mut came = false;
    for aside in asides.iter_mut().filter(|aside| aside.is_open()) {
        let begins = matches!(aside.way, Way::Unbegun);
        step(aside, notices, |aside, notices| {
            if over {
                aside.late();
            } else if begins {
                match aside.begin(call, begun, notices) {
                    Ok(()) => aside.go_on(call, request, &[], begun, notices),
                    Err(failure) => aside.end(failure, false),
                }
            }
        });
        came |= begins && !aside.inbox.is_empty();
    }
    if came {
        // From a server in memory, which answers at once: there is nothing to wait for.
        return;
    }
    let mut waiting = Vec::with_capacity(asides.len());
    for aside in asides.iter() {
        aside.wait_for(request, &mut waiting);
    }
    if waiting.is_empty() {
        return;
    }
    let until = asides.iter().fold(call.deadline.end(), |until, aside| {
        earlier(until, aside.due(call, begun))
    });
    if let Err(error) = wait(&mut waiting, until) {
        // Only for want of memory in the kernel.
        for aside in asides.iter_mut().filter(|aside| aside.is_open()) {
            let text = format!("nothing can be waited for: {error}");
            aside.end(Failure::new(Status::NO_MEMORY, text), false);
        }
        return;
    }
    let now = deadline::now();
    let waited = now.since(begun);
    let mut rest = waiting.as_slice();
    for aside in asides.iter_mut() {
        let (own, others) = rest.split_at(aside.width().min(rest.len()));
        rest = others;
        let is_ready = own.iter().any(Readiness::is_ready);
        step(aside, notices, |aside, notices| {
            if is_ready || aside.is_due(now) {
                aside.go_on(call, request, own, now, notices);
            } else {
                aside.wait_in_vain(call, waited);
            }
        });
    }
}

/// Let something happen, and note how the connection ended, if it did.
fn step(aside: &mut Aside, notices: &mut Notices, act: impl FnOnce(&mut Aside, &mut Notices)) {
    let was = match aside.way {
        Way::Unbegun | Way::Making(_) => What::ConnectFailed,
        Way::Made { .. } => What::Closed,
        Way::Over => return,
    };
    act(aside, notices);
    if let Some(Ended { failure, .. }) = &aside.ended {
        let name = aside.server.name;
        notices.push(was, name, failure.status, || failure.text.clone());
    }
}
