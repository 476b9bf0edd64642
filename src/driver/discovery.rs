//! The servers of a client that asks a configuration endpoint for them: when it is asked, by whom, and
//! what becomes of the answer.
//!
//! There is no thread for it. A client without a list waits for it in its first call; later, a call
//! that finds the next question due begins it, and that call and those behind it take it on in steps
//! without waiting. So nothing has to be stopped when a client is freed or its process forks, and what the
//! program brought (hashers, selectors, observers) is called in its own threads only.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::asking::{Asking, late};
use super::call::Call;
use super::server::Server;
use super::state::{Core, State};
use crate::config::{ServerSpec, refuse_doubles};
use crate::deadline::{self, Deadline, Moment, SharedMoment};
use crate::error::{Failure, Phase, Result, Status};
use crate::observe::{Notices, What};
use crate::operation::discover::{Lists, Verdict};
use crate::options::{Options, Protocol};
use crate::protocol::config;
use crate::transport::{Readiness, poll};

/// What is under way is taken a step further no more often than this.
const STEP: Duration = Duration::from_millis(1);

/// A client that has asked in vain for its first list asks again after this, and up to
/// [`PAUSE_SPREAD`] more. Its calls fail meanwhile.
const PAUSE: Duration = Duration::from_millis(205);
const PAUSE_SPREAD: Duration = Duration::from_millis(35);

/// Calls that are further apart than this take nothing on in steps: the one that finds the question due
/// waits for the answer.
const SELDOM: Duration = Duration::from_secs(1);

pub struct Discovery {
    pub endpoint: Arc<Server>,
    /// The client's, but that the endpoint is spoken to in ASCII.
    options: Options,
    standing: AtomicU8,
    /// When there is something to do.
    next: SharedMoment,
    /// Not here while somebody is at it.
    work: Mutex<Option<Work>>,
    /// Somebody was at it, and is not any more.
    left: Condvar,
}

/// What one of the callers has in its hands at a time.
#[derive(Default)]
struct Work {
    lists: Lists,
    asking: Option<Asking>,
    /// The last answer was none: it is not waited for again, once there is a list.
    failed: bool,
}

/// Whether there is a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// None: calls have to wait for the first answer.
    Unknown,
    /// None, and the endpoint did not give one just now: calls fail.
    Failed,
    Known,
}

impl Discovery {
    /// Of this endpoint, which was completed with these options of the client's.
    pub fn new(endpoint: Arc<Server>, options: &Options) -> Arc<Discovery> {
        Arc::new(Discovery {
            endpoint,
            options: Options {
                protocol: Protocol::Ascii,
                ..options.clone()
            },
            standing: AtomicU8::new(Standing::Unknown as u8),
            next: SharedMoment::default(),
            work: Mutex::new(Some(Work::default())),
            left: Condvar::new(),
        })
    }

    /// In a forked child, with an endpoint that has no connections. Takes no lock. Which version the list
    /// has is forgotten: the next one is taken.
    pub fn renewed(&self, endpoint: Arc<Server>) -> Arc<Discovery> {
        let new = Discovery::new(endpoint, &self.options);
        if self.standing() == Standing::Known {
            new.stand(Standing::Known);
            new.next.set(self.next.get());
        }
        new
    }

    pub fn standing(&self) -> Standing {
        match self.standing.load(Ordering::Acquire) {
            0 => Standing::Unknown,
            1 => Standing::Failed,
            _ => Standing::Known,
        }
    }

    fn stand(&self, standing: Standing) {
        self.standing.store(standing as u8, Ordering::Release);
    }

    /// When there is something to do; `None`: never.
    pub fn next(&self) -> Option<Moment> {
        self.next.get()
    }

    /// What is told while there is no list, and nothing else is known of why.
    pub fn unknown(&self) -> Box<Failure> {
        let name = self.endpoint.name;
        let text = format!("the list of servers of {name} was not asked for yet");
        Failure::new(Status::NO_AVAILABLE_SERVERS, text).on(name)
    }

    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is something to do.
    fn is_due(&self, now: Moment) -> bool {
        self.standing() == Standing::Unknown || self.next.has_come(now)
    }

    /// Calls that have no servers will be told the answer to the present question, or to one that is due.
    pub fn is_awaited(&self, now: Moment) -> bool {
        self.standing() != Standing::Known && self.is_due(now)
    }

    /// Take it in hand, if there is something to do and nobody else is at it.
    pub fn take(self: &Arc<Self>, now: Moment) -> Option<Turn> {
        if !self.is_due(now) {
            return None;
        }
        let work = self.work().take()?;
        // Another was faster.
        if !self.is_due(now) {
            *self.work() = Some(work);
            return None;
        }
        let known = self.standing() == Standing::Known;
        let late = self.next.get().map_or(Duration::ZERO, |due| now.since(due));
        if !known {
            self.stand(Standing::Unknown);
        }
        Some(Turn {
            waits: !known || (late > SELDOM && work.asking.is_none() && !work.failed),
            discovery: self.clone(),
            work: Some(work),
        })
    }

    /// Wait while somebody else asks for the first list, until there is an answer or the asker has left,
    /// or `until`.
    pub fn wait(&self, until: Option<Moment>) {
        let mut work = self.work();
        while work.is_none() && self.standing() == Standing::Unknown {
            let limit = until.map(|until| until.since(deadline::now()));
            work = match limit {
                Some(Duration::ZERO) => return,
                Some(limit) => {
                    let waited = self.left.wait_timeout(work, limit);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.left.wait(work).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// A caller's turn at asking; over when dropped.
pub struct Turn {
    /// It should wait for the answer.
    pub waits: bool,
    discovery: Arc<Discovery>,
    work: Option<Work>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.discovery.work() = self.work.take();
        self.discovery.left.notify_all();
    }
}

impl Turn {
    /// What is waited for.
    pub fn wait_for(&self, waiting: &mut Vec<Readiness>) {
        if let Some(asking) = self.asking() {
            asking.wait_for(waiting);
        }
    }

    /// When it has to go on although nothing is ready.
    pub fn due(&self) -> Option<Moment> {
        self.asking().and_then(Asking::due)
    }

    fn asking(&self) -> Option<&Asking> {
        self.work.as_ref()?.asking.as_ref()
    }

    /// Go on without waiting; whether there is an answer, which has been seen to then. `ready`: used, and
    /// left empty.
    pub fn step(
        &mut self,
        core: &Core,
        ready: &mut Vec<Readiness>,
        notices: &mut Notices,
        now: Moment,
    ) -> bool {
        ready.clear();
        self.wait_for(ready);
        if !ready.is_empty() && poll(ready, Some(Duration::ZERO)).is_err() {
            // Nothing is known of any.
            ready.clear();
        }
        let over = self.go_on(core, ready, notices, now);
        ready.clear();
        over
    }

    fn go_on(
        &mut self,
        core: &Core,
        ready: &[Readiness],
        notices: &mut Notices,
        now: Moment,
    ) -> bool {
        let Discovery {
            endpoint, options, ..
        } = &*self.discovery;
        let call = Call {
            core,
            options,
            deadline: Deadline::after(None),
            silence: options.timeout,
            plain: false,
            idle_check: options.idle_check.into(),
        };
        let Some(work) = &mut self.work else {
            return true;
        };
        let asking = match work.asking.take() {
            Some(asking) => Ok(asking),
            None => Asking::new(&call, endpoint, now),
        };
        let answer = asking.and_then(|mut asking| {
            let list = asking.go_on(&call, endpoint, ready, now)?;
            if list.is_none() {
                work.asking = Some(asking);
            }
            Ok(list)
        });
        let outcome = match answer {
            Ok(None) => {
                self.discovery.next.set(Some(now.after(STEP)));
                return false;
            }
            Ok(Some(list)) => install(&self.discovery, core, &mut work.lists, &list),
            Err(failure) => Err(failure),
        };
        work.failed = outcome.is_err();
        if let Err(failure) = outcome {
            let what = match failure.phase {
                Phase::Receive => What::Closed,
                _ => What::ConnectFailed,
            };
            notices.push(what, endpoint.name, failure.status, || failure.text.clone());
            self.discovery.failed(core.state(), failure);
        }
        self.discovery.rest(now);
        true
    }
}

impl Discovery {
    /// A call's time is over before there was an answer. Where it depends on that, it is told so.
    pub fn give_up(self: &Arc<Self>, state: &State) {
        if self.standing() != Standing::Known {
            state.lack(self, self.late());
        }
    }

    #[cold]
    pub fn late(&self) -> Box<Failure> {
        late(&self.endpoint)
    }

    fn failed(self: &Arc<Self>, state: &State, failure: Box<Failure>) {
        if self.standing() != Standing::Known {
            state.lack(self, failure);
            self.stand(Standing::Failed);
        }
    }

    /// Nothing is to be done for a while.
    fn rest(&self, now: Moment) {
        let pause = match self.standing() {
            Standing::Known => self.options.discover_interval.map(|interval| {
                let tenth = interval / 10;
                interval - tenth + spread(tenth * 2)
            }),
            _ => Some(PAUSE + spread(PAUSE_SPREAD)),
        };
        self.next.set(pause.map(|pause| now.after(pause)));
    }
}

/// Some time up to `most`: so that not all clients ask at once.
fn spread(most: Duration) -> Duration {
    // The standard library's keys come from the system, and differ each time.
    let parts = RandomState::new().hash_one(()) as u32 % 1024;
    most / 1024 * parts
}

/// Use a list, if it is one to be used.
fn install(discovery: &Arc<Discovery>, core: &Core, lists: &mut Lists, told: &[u8]) -> Result<()> {
    let endpoint = &discovery.endpoint;
    let malformed = |why: String| {
        let text = format!("{}: the list of servers is malformed: {why}", endpoint.name);
        Failure::new(Status::UNEXPECTED_RESPONSE, text)
            .at(Phase::Receive)
            .on(endpoint.name)
    };
    let list = config::list(told).map_err(|why| malformed(why.to_string()))?;
    match lists.hear(told, &list) {
        Verdict::Same | Verdict::Older => return Ok(()),
        Verdict::Empty => {
            let text = format!("{} tells a list without servers", endpoint.name);
            return Err(Failure::new(Status::NO_AVAILABLE_SERVERS, text)
                .at(Phase::Receive)
                .on(endpoint.name));
        }
        Verdict::Use => {}
    }
    let prefer = discovery.options.discover_prefer;
    let mut specs: Vec<ServerSpec> = Vec::new();
    if specs.try_reserve_exact(list.servers.len()).is_err() {
        let size = list.servers.len() * size_of::<ServerSpec>();
        return Err(Failure::no_memory(size)
            .at(Phase::Receive)
            .on(endpoint.name));
    }
    for (index, one) in list.servers.iter().enumerate() {
        let spec = endpoint.spec.found(one.host, one.ip, one.port, prefer);
        let spec = spec.map_err(|why| malformed(format!("server {}: {}", index + 1, why.text)))?;
        specs.push(spec);
    }
    refuse_doubles(&specs).map_err(|why| malformed(why.text))?;
    let installed = core.state().install(discovery, &specs, core);
    installed.map_err(|failure| failure.at(Phase::Receive).on(endpoint.name))?;
    lists.use_it(told, &list);
    discovery.stand(Standing::Known);
    Ok(())
}
