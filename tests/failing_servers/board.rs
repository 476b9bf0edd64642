//! What the threads that call and the one that troubles the servers know together, and what follows from it:
//! which answers are right.
//!
//! There is one writer. A value that it stored is there, or a later one, while the list of servers and what
//! the key's server holds stay as they were; a write that failed was applied, early or late, only where the
//! library said that it may have been.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::fleet::{SLOTS, name};
use crate::support::client::{Client, EFFECT_NOT_APPLIED, Got};
use crate::support::named;

pub const KEYS: usize = 400;

/// The list, the key's slot in it, and what stands there; odd numbers are of something that is changing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    list: u64,
    slot: usize,
    content: u64,
}

impl Stamp {
    fn is_steady(self) -> bool {
        self.list % 2 == 0 && self.content % 2 == 0
    }
}

#[derive(Default)]
struct Key {
    /// The version that was written last, whatever became of it.
    written: u64,
    /// The last that was stored, under what.
    stored: Option<(Stamp, u64)>,
    maybe_applied: Vec<u64>,
    not_applied: Vec<u64>,
}

pub struct Board {
    pub began: Instant,
    pub done: AtomicBool,
    list: AtomicU64,
    contents: [AtomicU64; SLOTS],
    /// Nobody listens.
    dead: [AtomicBool; SLOTS],
    slots: [AtomicUsize; KEYS],
    /// Reads that had to find a value, and could not be anything else.
    pub strict: AtomicUsize,
    keys: [Mutex<Key>; KEYS],
}

/// What was known of a key before it was read.
pub struct Before {
    stamp: Stamp,
    dead: bool,
    stored: Option<(Stamp, u64)>,
}

pub fn key(number: usize) -> String {
    format!("calm:{number}")
}

impl Board {
    pub fn new(client: &Client) -> Board {
        let board = Board {
            began: Instant::now(),
            done: AtomicBool::new(false),
            list: AtomicU64::new(0),
            contents: [const { AtomicU64::new(0) }; SLOTS],
            dead: [const { AtomicBool::new(false) }; SLOTS],
            slots: [const { AtomicUsize::new(0) }; KEYS],
            strict: AtomicUsize::new(0),
            keys: std::array::from_fn(|_| Mutex::default()),
        };
        board.place(client);
        board
    }

    fn place(&self, client: &Client) {
        for (number, slot) in self.slots.iter().enumerate() {
            let server = client.server_for(&key(number));
            let its = (0..SLOTS).find(|slot| name(*slot) == server);
            slot.store(its.expect("a slot"), SeqCst);
        }
    }

    /// The list of servers changes while this runs.
    pub fn changing_list(&self, client: &Client, change: impl FnOnce()) {
        self.list.fetch_add(1, SeqCst);
        change();
        self.place(client);
        self.list.fetch_add(1, SeqCst);
    }

    /// Another server, which is empty, comes into the slot while this runs.
    pub fn replacing(&self, slot: usize, replace: impl FnOnce()) {
        self.contents[slot].fetch_add(1, SeqCst);
        replace();
        self.contents[slot].fetch_add(1, SeqCst);
    }

    /// The slot's server ends, and what it holds is lost, when `kill` is through.
    pub fn killing(&self, slot: usize, kill: impl FnOnce()) {
        self.contents[slot].fetch_add(1, SeqCst);
        kill();
        self.dead[slot].store(true, SeqCst);
    }

    /// Another server begins in the slot, or the same again, empty.
    pub fn beginning(&self, slot: usize, begin: impl FnOnce()) {
        self.dead[slot].store(false, SeqCst);
        begin();
        self.contents[slot].fetch_add(1, SeqCst);
    }

    pub fn slot(&self, number: usize) -> usize {
        self.slots[number].load(SeqCst)
    }

    fn stamp(&self, number: usize) -> Stamp {
        let slot = self.slot(number);
        Stamp {
            list: self.list.load(SeqCst),
            slot,
            content: self.contents[slot].load(SeqCst),
        }
    }

    fn key(&self, number: usize) -> MutexGuard<'_, Key> {
        self.keys[number]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The next version of the key, which is about to be written.
    pub fn next_version(&self, number: usize) -> (u64, Stamp) {
        let stamp = self.stamp(number);
        let mut key = self.key(number);
        key.written += 1;
        (key.written, stamp)
    }

    pub fn stored(&self, number: usize, version: u64, before: Stamp) {
        let is_steady = before.is_steady() && before == self.stamp(number);
        self.key(number).stored = is_steady.then_some((before, version));
    }

    pub fn failed(&self, number: usize, version: u64, effect: u32) {
        let mut key = self.key(number);
        match effect {
            EFFECT_NOT_APPLIED => key.not_applied.push(version),
            _ => key.maybe_applied.push(version),
        }
    }

    pub fn before(&self, number: usize) -> Before {
        let stamp = self.stamp(number);
        let dead = self.dead[stamp.slot].load(SeqCst);
        let stored = self.key(number).stored;
        Before {
            stamp,
            dead,
            stored,
        }
    }

    /// What is wrong with what a read came to; `None`: nothing.
    pub fn wrong(&self, number: usize, before: &Before, got: &Got) -> Option<String> {
        let same = before.stamp == self.stamp(number);
        if same && before.dead && self.dead[before.stamp.slot].load(SeqCst) {
            let failed = matches!(got, Got::Failed(_));
            return (!failed).then(|| format!("{}: {got:?} of a dead server", key(number)));
        }
        let steady = same && before.stamp.is_steady();
        // What must be there, if anything.
        let stored = match before.stored {
            Some((stamp, version)) if steady && stamp == before.stamp => Some(version),
            _ => None,
        };
        if stored.is_some() {
            self.strict.fetch_add(1, SeqCst);
        }
        let name = key(number);
        let key = self.key(number);
        match got {
            Got::Failed(_) => None,
            Got::Miss => stored.map(|version| format!("{name}: a miss, {version} was stored")),
            Got::Value(found) => {
                let Some(version) = named::version(&name, found) else {
                    return Some(format!("{name}: {}", found.escape_ascii()));
                };
                let old = stored.is_some_and(|stored| version < stored);
                let why = if version > key.written {
                    "never written"
                } else if key.not_applied.contains(&version) {
                    "said to be not applied"
                } else if old && !key.maybe_applied.contains(&version) {
                    "older than what was stored"
                } else {
                    return None;
                };
                Some(format!("{name}: version {version} is {why}"))
            }
        }
    }
}
