//! The non-blocking driver: carries operations out for one thread, which waits for one descriptor and
//! is told of their ends. No thread is made, nothing is waited for.
//!
//! Every server has one connection here, shared by all operations that go to it: commands are queued
//! when they are submitted, leave together at the next turn, and are answered in their order. Who does not
//! wait any more (its time is up, it was cancelled) leaves its reply to be thrown away when it comes.

mod channel;
mod discover;
mod ends;
mod job;
mod kept;
mod receiving;
mod router;
mod sending;
mod slab;
mod stand_in;
mod state;
mod timers;
mod tokens;
mod turn;

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use crate::deadline::{self, Deadline, Moment, earlier};
use crate::driver::call::limits;
use crate::driver::state::Core;
use crate::driver::thread;
use crate::error::{Failure, Phase, Result, Status};
use crate::fork;
use crate::operation::command::Commands;
use crate::options::Options;
use crate::protocol::Command;
use crate::transport::poller::Poller;
use crate::transport::wakeup::Wakeup;
use crate::transport::{Interest, Readiness, close_inherited};
use ends::Early;
pub use job::Task;
pub use kept::Kept;
pub use state::Done;
use state::State;
use turn::WOKEN;

/// A loop: used by one thread at a time, in the process that made it.
pub struct Loop<T> {
    /// That of the process it was made in.
    generation: u32,
    core: Arc<Core>,
    options: Options,
    fd: RawFd,
    wakeup: Wakeup,
    /// The number of the thread that is taking a turn, plus one; 0: none is.
    busy: AtomicUsize,
    /// It was freed during a turn, which ends it.
    doomed: AtomicBool,
    state: Mutex<State<T>>,
}

/// A turn under way; over when dropped.
struct Turn<'l>(&'l AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

/// How long a loop may be waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Until its descriptor is ready.
    Ready,
    /// No longer than this.
    After(Duration),
}

impl<T: Task> Loop<T> {
    /// Neither resolves nor connects.
    pub fn new(core: Arc<Core>, options: Options) -> Result<Loop<T>> {
        let made = (|| {
            let (poller, wakeup) = (Poller::new()?, Wakeup::new()?);
            let interest = Interest {
                read: true,
                write: false,
            };
            poller.add(&Readiness::of(wakeup.fd(), interest), WOKEN)?;
            Ok((poller, wakeup))
        })();
        let (poller, wakeup) = made.map_err(|error: std::io::Error| {
            let text = format!("no descriptors for a loop: {error}");
            Failure::new(Status::NO_MEMORY, text)
                .at(Phase::None)
                .errno(error.raw_os_error().unwrap_or(0))
        })?;
        Ok(Loop {
            generation: fork::generation(),
            fd: poller.fd(),
            wakeup,
            busy: AtomicUsize::new(0),
            doomed: AtomicBool::new(false),
            state: Mutex::new(State::new(core.clone(), options.clone(), poller)),
            core,
            options,
        })
    }

    /// Whether it is this process's.
    pub fn own(&self) -> Result<()> {
        if self.generation == fork::generation() {
            return Ok(());
        }
        Err(Failure::argument(
            "the loop is the parent process's; a forked child can only free it",
        ))
    }

    /// Use it. Refused while another thread does, and in a forked child.
    fn enter(&self) -> Result<MutexGuard<'_, State<T>>> {
        self.own()?;
        let busy = self.busy.load(Ordering::Acquire);
        if busy != 0 && busy != thread::number() + 1 {
            return Err(in_use());
        }
        match self.state.try_lock() {
            Ok(state) => Ok(state),
            Err(TryLockError::WouldBlock) => Err(in_use()),
            Err(TryLockError::Poisoned(_)) => {
                let text = "a panic has left the loop in disorder; it can only be freed";
                Err(Failure::new(Status::INTERNAL, text))
            }
        }
    }

    /// Begin a turn: no other one is under way, of this thread neither.
    fn begin(&self) -> Result<Turn<'_>> {
        self.own()?;
        let me = thread::number() + 1;
        match self
            .busy
            .compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => Ok(Turn(&self.busy)),
            Err(other) if other == me => Err(Failure::new(
                Status::IN_USE,
                "the loop is being processed: this is one of its callbacks",
            )),
            Err(_) => Err(in_use()),
        }
    }

    /// The descriptor to wait for.
    pub fn fd(&self) -> Result<RawFd> {
        self.own()?;
        Ok(self.fd)
    }

    /// How long it may be waited for before the next turn.
    pub fn until(&self) -> Result<Until> {
        Ok(match self.enter()?.due() {
            Ok(()) => Until::After(Duration::ZERO),
            Err(Some(due)) => Until::After(due.since(deadline::now())),
            Err(None) => Until::Ready,
        })
    }

    /// Submit a lone command. Fails, and nothing will be told, where it is one that no server is asked.
    pub fn submit(
        &self,
        command: &Command<'_>,
        limit: Option<Duration>,
        task: impl FnOnce(&Kept) -> Result<T>,
    ) -> Result<u64> {
        let mut state = self.enter()?;
        if command.op.is_server_wide() {
            return Err(Failure::argument(format!(
                "{} is asked of servers, not of a key",
                command.op.name()
            )));
        }
        let kept = Kept::one(command, limits(&self.options))?;
        let task = task(&kept)?;
        state.submit(kept, task, Deadline::after(limit))
    }

    /// Submit a batch; a command that no server is asked has its own failure.
    pub fn submit_multi<C: Commands>(
        &self,
        commands: &C,
        limit: Option<Duration>,
        task: impl FnOnce(&Kept) -> Result<T>,
    ) -> Result<u64> {
        let mut state = self.enter()?;
        let kept = Kept::many(commands, limits(&self.options))?;
        let task = task(&kept)?;
        state.submit(kept, task, Deadline::after(limit))
    }

    /// The options of its client.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Take a turn: do what can be done without waiting, and tell of the operations that are over. `tell`
    /// may submit and cancel; what is over by that is told in the next turn.
    pub fn process(&self, mut tell: impl FnMut(Done<T>)) -> Result<()> {
        let _turn = self.begin()?;
        self.step(&mut tell).map(drop)
    }

    /// Take turns until nothing is under way, something waits to be asked for, or somebody has woken the
    /// loop; between them the caller does the waiting: `wait` for the descriptor, up to a moment. `false`:
    /// `end` has come before.
    pub fn run(
        &self,
        end: Option<Moment>,
        mut tell: impl FnMut(Done<T>),
        mut wait: impl FnMut(RawFd, Option<Moment>) -> Result<()>,
    ) -> Result<bool> {
        let _turn = self.begin()?;
        loop {
            let woken = self.step(&mut tell)?;
            if woken || self.is_doomed() || !self.is_under_way()? {
                return Ok(true);
            }
            let now = deadline::now();
            if end.is_some_and(|end| end <= now) {
                return Ok(false);
            }
            let due = match self.enter()?.due() {
                Ok(()) => Some(now),
                Err(due) => due,
            };
            wait(self.fd, earlier(due, end))?;
        }
    }

    /// Whether somebody has woken the loop.
    fn step(&self, tell: &mut impl FnMut(Done<T>)) -> Result<bool> {
        let (woken, mut notices, over) = {
            let mut state = self.enter()?;
            let woken = state.turn(&self.wakeup);
            (woken, state.take_notices(), state.called.len())
        };
        notices.tell(self.core.observer());
        for _ in 0..over {
            if self.is_doomed() {
                break;
            }
            let Some(done) = self.enter()?.called.pop_front() else {
                break;
            };
            tell(done);
        }
        if self.is_doomed() {
            self.finish(tell);
        }
        Ok(woken)
    }

    /// The next operation that is over and waits to be asked for.
    pub fn next(&self) -> Result<Option<Done<T>>> {
        Ok(self.enter()?.asked.pop_front())
    }

    /// How many operations were submitted and not told yet.
    pub fn pending(&self) -> Result<usize> {
        Ok(self.enter()?.pending())
    }

    /// Whether there is something to wait for, and nothing to be asked for.
    fn is_under_way(&self) -> Result<bool> {
        let state = self.enter()?;
        Ok(state.under_way() > 0 && state.asked.is_empty())
    }

    /// End an operation, which is told of in the next turn; `false` where it is over already.
    pub fn cancel(&self, id: u64) -> Result<bool> {
        Ok(self.enter()?.end(id, Early::Cancelled))
    }

    /// From any thread: the descriptor becomes ready, and the next turn tells of it.
    pub fn wake(&self) -> Result<()> {
        self.own()?;
        self.wakeup.ring();
        Ok(())
    }

    fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::Acquire)
    }

    /// End all operations, and tell of those that wait for a call. During a turn, that does so at its
    /// end. To be called once, by the last who uses it.
    pub fn end(&self, mut tell: impl FnMut(Done<T>)) {
        self.doomed.store(true, Ordering::Release);
        match self.begin() {
            Ok(_turn) => self.finish(&mut tell),
            // Whoever takes the turn may be waiting.
            Err(_) => self.wakeup.ring(),
        }
    }

    fn finish(&self, tell: &mut impl FnMut(Done<T>)) {
        let (done, mut notices) = {
            let mut state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(left)) => left.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            state.cancel_all();
            (std::mem::take(&mut state.called), state.take_notices())
        };
        notices.tell(self.core.observer());
        for done in done {
            tell(done);
        }
    }

    /// In a forked child, instead of dropping it: only its copies of descriptors are closed. Nothing is
    /// told to servers, and nobody is told.
    pub fn abandon(&self) {
        // The sockets of servers in the list.
        self.core.state();
        // Those of the others, unless a thread that is not there was changing them.
        if let Ok(state) = self.state.try_lock() {
            state.close_inherited();
        }
        close_inherited(self.fd);
        close_inherited(self.wakeup.fd());
    }
}

#[cold]
fn in_use() -> Box<Failure> {
    Failure::new(Status::IN_USE, "another thread is using the loop")
}
