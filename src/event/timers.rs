//! When operations are over although no answer has come.

use std::collections::BTreeSet;

use super::slab::Id;
use crate::deadline::Moment;

#[derive(Default)]
pub struct Timers(BTreeSet<(Moment, Id)>);

impl Timers {
    /// An operation that never ends by itself (`None`) needs none.
    pub fn add(&mut self, end: Option<Moment>, id: Id) {
        if let Some(end) = end {
            self.0.insert((end, id));
        }
    }

    pub fn remove(&mut self, end: Option<Moment>, id: Id) {
        if let Some(end) = end {
            self.0.remove(&(end, id));
        }
    }

    pub fn next(&self) -> Option<Moment> {
        self.0.first().map(|(end, _)| *end)
    }

    /// One whose time has come by `now`.
    pub fn take_due(&mut self, now: Moment) -> Option<Id> {
        let (end, id) = *self.0.first()?;
        (end <= now).then(|| {
            self.0.remove(&(end, id));
            id
        })
    }
}
