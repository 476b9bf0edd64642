//! One operation that was submitted: its commands, its state machine, where its answers go.

use super::kept::Kept;
use super::slab::Id;
use crate::connection::outbox::Token;
use crate::deadline::Deadline;
use crate::driver::sink::Sink;
use crate::error::Failure;
use crate::names::ServerName;
use crate::operation::batch::Batch;
use crate::operation::command::Commands;
use crate::operation::retry::Loss;
use crate::operation::single::Single;
use crate::operation::{Event, Operation, Step};
use crate::protocol::Op;

/// Where the answers of an operation go, and how its end is told.
pub trait Task: Sink + Send {
    /// By a call; else it waits to be asked for.
    fn is_called(&self) -> bool;
}

pub struct Job<T> {
    pub kept: Kept,
    pub task: T,
    pub deadline: Deadline,
    /// The server that it has heard of last.
    pub answered_by: Option<ServerName>,
    work: Work,
    places: Places,
}

enum Work {
    One(Single),
    Many(Batch),
}

/// Where a command is, by its place in the caller's order.
enum Places {
    One(Place),
    Many(Vec<Place>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Not on its way: not yet, or not any more.
    Nowhere,
    /// It waits to be sent over this channel.
    Queued(Id),
    /// A session knows it by this.
    Owed(Token),
}

impl<T: Task> Job<T> {
    /// `None` where there is no memory for it.
    pub fn new(kept: Kept, task: T, deadline: Deadline) -> Option<Job<T>> {
        let n = kept.count();
        let (work, places) = match kept.is_batch() {
            false => (Work::One(Single::default()), Places::One(Place::Nowhere)),
            true => {
                let mut places = Vec::new();
                places.try_reserve_exact(n).ok()?;
                places.resize(n, Place::Nowhere);
                (Work::Many(Batch::new(n)), Places::Many(places))
            }
        };
        Some(Job {
            kept,
            task,
            deadline,
            answered_by: None,
            work,
            places,
        })
    }

    pub fn next(&mut self) -> Step {
        match &mut self.work {
            Work::One(single) => single.next(),
            Work::Many(batch) => batch.next(),
        }
    }

    fn on(&mut self, event: Event<'_>) {
        match &mut self.work {
            Work::One(single) => single.on(event),
            Work::Many(batch) => batch.on(event),
        }
    }

    pub fn place(&self, tag: u32) -> Place {
        match &self.places {
            Places::One(place) => *place,
            Places::Many(places) => places.get(tag as usize).copied().unwrap_or(Place::Nowhere),
        }
    }

    pub fn put(&mut self, tag: u32, place: Place) {
        match &mut self.places {
            Places::One(one) => *one = place,
            Places::Many(places) => {
                if let Some(one) = places.get_mut(tag as usize) {
                    *one = place;
                }
            }
        }
    }

    /// The first command behind `from` that is on its way.
    pub fn on_its_way(&self, from: u32) -> Option<(u32, Place)> {
        let places = match &self.places {
            Places::One(place) => std::slice::from_ref(place),
            Places::Many(places) => places,
        };
        let rest = places.get(from as usize..)?;
        let n = rest.iter().position(|place| *place != Place::Nowhere)?;
        Some((from + n as u32, rest[n]))
    }

    /// A command has its answer.
    pub fn answered(&mut self, tag: u32) {
        self.put(tag, Place::Nowhere);
        self.on(Event::Answered(1));
    }

    /// The server refused a command, and this may be it.
    #[cold]
    pub fn doubted(&mut self, tag: u32, op: Op, server: ServerName) {
        self.put(tag, Place::Nowhere);
        self.on(Event::Doubted { tag, op, server });
    }

    /// A command was not sent, for what is wrong with itself or with us.
    #[cold]
    pub fn refused(&mut self, tag: u32, failure: Box<Failure>) {
        self.put(tag, Place::Nowhere);
        self.on(Event::Refused { tag, failure });
    }

    /// A command will get no answer where it was sent, or was to be. `sent`: all its bytes had left.
    #[cold]
    pub fn lost(&mut self, tag: u32, loss: &Loss, sent: bool) {
        self.put(tag, Place::Nowhere);
        match self.kept.command(tag as usize) {
            Ok(command) => {
                let op = command.op;
                self.on(Event::Lost {
                    tag,
                    op,
                    loss,
                    sent,
                });
            }
            Err(failure) => self.on(Event::Refused { tag, failure }),
        }
    }
}
