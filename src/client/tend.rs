//! What a call sees to before it begins, where that is due: servers that left the list are freed, and a
//! configuration endpoint is asked for the list.

use super::state::{Core, State};
use super::wait::wait;
use crate::deadline::{self, Deadline, Moment, earlier};
use crate::driver::discovery::{Discovery, Standing, Turn};
use crate::observe::Notices;
use std::sync::Arc;
use std::time::Duration;

/// A call that could go on with the list that it has waits no longer than this for another, and no longer
/// than half of its own time.
const PATIENCE: Duration = Duration::from_millis(250);

/// To be called when [`State::is_due`].
#[cold]
#[inline(never)]
pub fn tend(core: &Core, deadline: Deadline) {
    let state = core.state();
    state.free_replaced();
    if let Some(discovery) = state.discovery() {
        let mut notices = Notices::new(core.observer().is_some());
        ask(core, state, &discovery, deadline, &mut notices);
        state.reschedule(deadline::now());
        return notices.tell(core.observer());
    }
    state.reschedule(deadline::now());
}

/// Ask for the list, or wait for what another call is told.
fn ask(
    core: &Core,
    state: &State,
    discovery: &Arc<Discovery>,
    deadline: Deadline,
    notices: &mut Notices,
) {
    loop {
        let now = deadline::now();
        if let Some(turn) = discovery.take(now) {
            return take(core, discovery, turn, deadline, notices);
        }
        if discovery.standing() != Standing::Unknown {
            return;
        }
        if deadline.passed(now) {
            return discovery.give_up(state);
        }
        discovery.wait(deadline.end());
    }
}

/// Take a turn at asking.
fn take(
    core: &Core,
    discovery: &Arc<Discovery>,
    mut turn: Turn,
    deadline: Deadline,
    notices: &mut Notices,
) {
    let mut now = deadline::now();
    let until = match discovery.standing() {
        Standing::Known => Some(patience(deadline, now)),
        _ => deadline.end(),
    };
    let mut ready = Vec::new();
    while !turn.step(core, &mut ready, notices, now) {
        if !turn.waits {
            return;
        }
        if until.is_some_and(|until| until <= now) {
            return discovery.give_up(core.state());
        }
        turn.wait_for(&mut ready);
        // What fails is polled again in the next step.
        let _ = wait(&mut ready, earlier(until, turn.due()));
        now = deadline::now();
    }
}

fn patience(deadline: Deadline, now: Moment) -> Moment {
    let half = deadline.end().map(|end| end.since(now) / 2);
    now.after(half.map_or(PATIENCE, |half| half.min(PATIENCE)))
}
