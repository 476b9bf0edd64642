//! The stores of this process: named ones live while anyone holds them, one without a name belongs
//! to whoever opened it. A forked child has none of its parent's items.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::clock::Clock;
use super::detail::Detail;
use crate::engine::Store;
use crate::error::{Failure, Result};
use crate::fork::per_process::{OnDemand, PerProcess};

/// The limit of a store that says none: that of a memcached server.
pub const DEFAULT_LIMIT: usize = 64 << 20;

/// What is said about a store when it is opened; `None`: nothing, so that an existing one may have
/// anything there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreSettings {
    /// In bytes, counted as memcached counts items; [`DEFAULT_LIMIT`] for a new store.
    pub limit_bytes: Option<usize>,
    /// Time moves by [`MemoryStore::advance`] only; for a new store it does not.
    pub manual_clock: Option<bool>,
}

/// A handle of a store.
pub struct MemoryStore {
    name: String,
    settings: Settings,
    shared: PerProcess<Arc<Shared>>,
}

/// What a store was made with.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Settings {
    limit: usize,
    manual_clock: bool,
}

/// A store with its clock, and what is counted of its connections.
pub(super) struct Shared {
    settings: Settings,
    pub store: Store,
    pub clock: Clock,
    pub began: i64,
    pub detail: Detail,
    pub connections: AtomicU64,
    pub connections_ever: AtomicU64,
    pub bytes_read: AtomicU64,
    pub bytes_written: AtomicU64,
    pub meta_commands: AtomicU64,
}

impl Shared {
    fn new(settings: Settings) -> Arc<Shared> {
        let clock = Clock::new(settings.manual_clock);
        // The standard library's keys come from the system, and differ each time.
        let seed = RandomState::new().hash_one(());
        Arc::new(Shared {
            settings,
            store: Store::new(settings.limit, seed),
            began: clock.now(),
            clock,
            detail: Detail::new(),
            connections: AtomicU64::new(0),
            connections_ever: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            meta_commands: AtomicU64::new(0),
        })
    }
}

/// What is left in it of stores that are gone can be reached from its beginning: whoever looks for lost
/// memory finds none. (A hash table's first word points into its middle.)
type Registry = Mutex<BTreeMap<String, Weak<Shared>>>;

/// A child's is its own and begins empty: the parent's lock may be held by a thread that is not there.
static NAMED: OnDemand<Registry> = OnDemand::new();

fn with_names<R>(act: impl FnOnce(&mut BTreeMap<String, Weak<Shared>>) -> R) -> R {
    let registry = NAMED.get(Registry::default);
    let mut names = registry.lock().unwrap_or_else(PoisonError::into_inner);
    names.retain(|_, store| store.strong_count() > 0);
    act(&mut names)
}

/// The store of this name in this process, made where there is none.
fn named(name: &str, settings: impl FnOnce() -> Settings) -> Arc<Shared> {
    if name.is_empty() {
        return Shared::new(settings());
    }
    with_names(|names| {
        if let Some(found) = names.get(name).and_then(Weak::upgrade) {
            return found;
        }
        let new = Shared::new(settings());
        names.insert(name.to_string(), Arc::downgrade(&new));
        new
    })
}

/// Open the store of a name, or one of one's own where the name is empty. Fails where the store
/// exists and is not what `said` says.
pub fn open(name: &str, said: StoreSettings) -> Result<Arc<MemoryStore>> {
    let shared = named(name, || Settings {
        limit: said.limit_bytes.unwrap_or(DEFAULT_LIMIT),
        manual_clock: said.manual_clock.unwrap_or(false),
    });
    let settings = shared.settings;
    let differs = |what: &str, has: String, said: String| {
        Err(Failure::argument(format!(
            "the store memory://{name} is open with {what} {has}, not {said}"
        )))
    };
    if let Some(limit) = said.limit_bytes.filter(|limit| *limit != settings.limit) {
        return differs("a limit of", settings.limit.to_string(), limit.to_string());
    }
    let word = |manual: bool| if manual { "manual" } else { "system" }.to_string();
    if let Some(manual) = said.manual_clock.filter(|m| *m != settings.manual_clock) {
        return differs("the clock", word(settings.manual_clock), word(manual));
    }
    Ok(Arc::new(MemoryStore {
        name: name.to_string(),
        settings,
        shared: PerProcess::new(shared),
    }))
}

impl MemoryStore {
    /// Empty for one that has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This process's store. In a child it is empty, and the same for all handles of its name.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        self.shared
            .get(|_| named(&self.name, || self.settings), |_| {})
    }

    /// Move a manual clock; `false` where the clock is the real one.
    pub fn advance(&self, seconds: u32) -> bool {
        self.shared().clock.advance(seconds)
    }

    /// The store's time, in seconds since 1970.
    pub fn unix_now(&self) -> i64 {
        self.shared().clock.now()
    }

    /// Drop every item at once.
    pub fn clear(&self) {
        self.shared().store.clear();
    }
}
