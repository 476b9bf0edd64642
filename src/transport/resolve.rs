//! Host names to addresses, without anyone waiting longer than they will.
//!
//! The system's resolver (`getaddrinfo`) can neither be given a time limit nor be interrupted. So it
//! runs on helper threads, at most [`HELPERS_MAX`] of them, which are there only while names are
//! looked up; whoever asks waits on a descriptor until their own deadline. One look-up serves all
//! that ask for its name, and one that ends after everybody has gone still fills the cache.
//!
//! Literal addresses, `localhost` and paths never come here.

mod book;
mod ticket;

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::helper;
use crate::deadline::{self, Moment};
use crate::fork::per_process::OnDemand;
use book::{Book, Verdict};
use ticket::Waiter;

pub use book::HELPERS_MAX;
pub use ticket::Ticket;

/// What a look-up found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Not empty. A port of 0 stands for the server's own.
    pub addresses: Arc<[SocketAddr]>,
    /// Just looked up; else what was known before, because a new answer is late or bad.
    pub fresh: bool,
}

/// Why there are no addresses.
#[derive(Clone, Debug)]
pub struct Unresolved {
    /// As the resolver puts it.
    pub reason: Arc<str>,
    /// The system's error number, or 0.
    pub errno: i32,
}

/// What can be said of a name at once.
pub enum Answer {
    Found(Found),
    Failed(Unresolved),
    Wait(Ticket),
}

/// Which addresses will do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// Those known from before, where a new answer takes its time.
    Any,
    /// Those of a new look-up only.
    New,
}

/// The addresses of a name, in the order in which they should be tried.
type Lookup = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks names up, each process for itself: a forked child begins with an empty cache and no helper.
pub struct Resolver {
    /// `None`: the system's.
    lookup: Option<Arc<Lookup>>,
    office: OnDemand<Arc<Office>>,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

/// What helpers and those who ask share.
struct Office {
    lookup: Option<Arc<Lookup>>,
    book: Mutex<Book>,
}

/// The resolver of all clients that are not given another.
static SYSTEM: Resolver = Resolver {
    lookup: None,
    office: OnDemand::new(),
};

/// The least for the system's resolver and what it loads.
const STACK: usize = 256 * 1024;

impl Resolver {
    /// One that looks names up with `lookup`, which may take as long as it likes.
    pub fn new(
        lookup: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Resolver {
        Resolver {
            lookup: Some(Arc::new(lookup)),
            office: OnDemand::new(),
        }
    }

    /// The process's own.
    pub fn system() -> &'static Resolver {
        &SYSTEM
    }

    /// The addresses of `host`, or a ticket to wait with. Where addresses are known that will do,
    /// they are waited for no longer than half of the time to `until`.
    pub fn ask(&self, host: &str, want: Want, now: Moment, until: Option<Moment>) -> Answer {
        let office = self.office.get(|| {
            Arc::new(Office {
                lookup: self.lookup.clone(),
                book: Mutex::default(),
            })
        });
        let host = host.to_ascii_lowercase();
        loop {
            let verdict = office.book().ask(&host, want, now);
            let (helper, spare) = match verdict {
                Verdict::Found(found) => return Answer::Found(found),
                Verdict::Failed(why) => return Answer::Failed(why),
                Verdict::LookUp { helper, spare } => (helper, spare),
            };
            if helper {
                office.start_helper();
            }
            let waiter = match (Waiter::new(), &spare) {
                (Ok(waiter), _) => Arc::new(waiter),
                (Err(_), Some((found, _))) => return Answer::Found(found.clone()),
                (Err(error), None) => return Answer::Failed(error.into()),
            };
            // The answer may have come meanwhile.
            if office.book().join(&host, &waiter) {
                return Answer::Wait(Ticket::new(waiter, spare, now, until));
            }
        }
    }
}

impl Office {
    /// Nothing in the book can be left half changed by a panic.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book counts it already.
    fn start_helper(self: &Arc<Self>) {
        let office = self.clone();
        let started = helper::start(c"mc-resolve", STACK, Box::new(move || office.help()));
        if let Err(error) = started {
            let why = Unresolved::from(error);
            let given_up = self.book().helper_missing(&why, deadline::now());
            tell(given_up, &Err(why));
        }
    }

    /// A helper's life: it ends when there is nothing to be looked up.
    fn help(&self) {
        loop {
            let Some(host) = self.book().next() else {
                return;
            };
            let answer = catch_unwind(AssertUnwindSafe(|| self.look_up(&host)));
            let answer = answer.unwrap_or_else(|_| Err("the look-up panicked".into()));
            let waiters = self.book().done(&host, &answer, deadline::now());
            tell(waiters, &answer);
        }
    }

    fn look_up(&self, host: &str) -> Result<Arc<[SocketAddr]>, Unresolved> {
        let mut addresses = match &self.lookup {
            Some(lookup) => lookup(host)?,
            None => system_lookup(host)?,
        };
        let mut seen = Vec::with_capacity(addresses.len().min(KEPT_MAX));
        addresses.retain(|address| {
            let new = seen.len() < KEPT_MAX && !seen.contains(address);
            seen.extend(new.then_some(*address));
            new
        });
        match addresses.is_empty() {
            true => Err("it has no address".into()),
            false => Ok(addresses.into()),
        }
    }
}

/// So many addresses of a name are kept.
const KEPT_MAX: usize = 64;

/// Both families are asked for, whatever addresses this machine has (no AI_ADDRCONFIG): with that
/// flag a machine that has only its loopback would not find its own name. An address of a family that
/// cannot be reached fails at once, and the next one is tried.
fn system_lookup(host: &str) -> io::Result<Vec<SocketAddr>> {
    Ok((host, 0).to_socket_addrs()?.collect())
}

fn tell(waiters: Vec<Arc<Waiter>>, answer: &Result<Arc<[SocketAddr]>, Unresolved>) {
    for waiter in waiters {
        waiter.give(answer.clone().map(|addresses| Found {
            addresses,
            fresh: true,
        }));
    }
}

impl From<io::Error> for Unresolved {
    fn from(error: io::Error) -> Unresolved {
        let text = error.to_string();
        // What the standard library puts before getaddrinfo's own words.
        let own = text.strip_prefix("failed to lookup address information: ");
        Unresolved {
            reason: own.unwrap_or(&text).into(),
            errno: error.raw_os_error().unwrap_or(0),
        }
    }
}

impl From<&str> for Unresolved {
    fn from(reason: &str) -> Unresolved {
        Unresolved {
            reason: reason.into(),
            errno: 0,
        }
    }
}
