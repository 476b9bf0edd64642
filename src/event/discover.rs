//! A loop of a client that asks a configuration endpoint for its servers: commands wait for the first
//! list, and every turn takes the question a step further.

use std::time::Duration;

use super::ends::{Early, cancelled};
use super::job::{Place, Task};
use super::slab::Id;
use super::state::{State, nowhere};
use super::turn::WOKEN;
use crate::deadline::{self, Moment};
use crate::driver::discovery::Standing;
use crate::driver::state::Core;

/// Where commands are that wait for the first list: the key of no channel.
pub const PARKED: Id = WOKEN;

/// While commands wait for it, the question is taken on this often. (The descriptors that it waits for are
/// the client's, which may have other loops and threads.)
const STEP: Duration = Duration::from_millis(1);

/// Whether a command has to wait for the first list of servers.
pub(super) fn is_awaited(core: &Core) -> bool {
    let state = core.state();
    state.topology().lack().is_some()
        && state
            .discovery()
            .is_some_and(|discovery| discovery.is_awaited(deadline::now()))
}

impl<T: Task> State<T> {
    /// See to what is due, and to the commands that wait for a list.
    pub(super) fn discover(&mut self, now: Moment) {
        let core = self.core.clone();
        let state = core.state();
        if self.parked.is_empty() && !state.is_due(now) {
            return;
        }
        state.free_replaced();
        let discovery = state.discovery();
        if let Some(mut turn) = discovery.as_ref().and_then(|asked| asked.take(now)) {
            turn.step(&core, &mut self.scratch, &mut self.notices, now);
        }
        state.reschedule(now);
        let waits = discovery.is_some_and(|asked| asked.standing() == Standing::Unknown);
        if !waits {
            self.unpark();
        }
        self.ask_at = (!self.parked.is_empty()).then(|| now.after(STEP));
    }

    /// There is a list, or a failure: either is told to who is routed now.
    fn unpark(&mut self) {
        for (id, tag) in std::mem::take(&mut self.parked) {
            if self.is_parked(id, tag) {
                self.route(id, tag);
                self.told.push_back(id);
            }
        }
        self.ask_all();
    }

    fn is_parked(&self, id: Id, tag: u32) -> bool {
        let job = self.jobs.get(id);
        job.is_some_and(|job| job.place(tag) == Place::Queued(PARKED))
    }

    /// A command is not waited for any more.
    #[cold]
    pub(super) fn give_up_parked(&mut self, id: Id, tag: u32, why: Early) {
        let failure = match (why, self.core.state().discovery()) {
            (Early::Late, Some(discovery)) => discovery.late(),
            _ => cancelled(),
        };
        if let Some(job) = self.jobs.get_mut(id) {
            job.lost(tag, &nowhere(failure), false);
        }
    }

    /// Everything ends.
    pub(super) fn cancel_parked(&mut self) {
        for (id, tag) in std::mem::take(&mut self.parked) {
            if self.is_parked(id, tag) {
                self.give_up_parked(id, tag, Early::Cancelled);
                self.told.push_back(id);
            }
        }
    }
}
