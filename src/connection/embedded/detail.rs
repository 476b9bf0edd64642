//! Counting by prefixes: what `stats detail` switches on. A prefix is a key up to its first colon.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::buffer::NoMemory;
use crate::protocol::ascii::server;

#[derive(Clone, Copy, Default)]
struct Counts {
    gets: u64,
    hits: u64,
    sets: u64,
    deletes: u64,
}

/// What was done to a key.
#[derive(Clone, Copy)]
pub(super) enum Use {
    Get { hit: bool },
    Set,
    Delete,
}

pub(super) struct Detail {
    on: AtomicBool,
    prefixes: Mutex<HashMap<Box<[u8]>, Counts>>,
}

impl Detail {
    pub fn new() -> Detail {
        Detail {
            on: AtomicBool::new(false),
            prefixes: Mutex::default(),
        }
    }

    pub fn switch(&self, on: bool) {
        self.on.store(on, Relaxed);
    }

    pub fn is_on(&self) -> bool {
        self.on.load(Relaxed)
    }

    /// Keys without a colon are not counted.
    #[inline(always)]
    pub fn count(&self, key: &[u8], what: Use) {
        if self.is_on() {
            self.add(key, what);
        }
    }

    #[cold]
    fn add(&self, key: &[u8], what: Use) {
        let Some(len) = memchr::memchr(b':', key) else {
            return;
        };
        let prefix = &key[..len];
        let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        if !prefixes.contains_key(prefix) {
            if prefixes.try_reserve(1).is_err() {
                return;
            }
            prefixes.insert(prefix.into(), Counts::default());
        }
        let Some(counts) = prefixes.get_mut(prefix) else {
            return;
        };
        match what {
            Use::Get { hit } => {
                counts.gets += 1;
                counts.hits += u64::from(hit);
            }
            Use::Set => counts.sets += 1,
            Use::Delete => counts.deletes += 1,
        }
    }

    /// `PREFIX <prefix> get <n> hit <n> set <n> del <n>` for each, by name.
    pub fn dump(&self) -> Result<Vec<u8>, NoMemory> {
        let mut text = Vec::new();
        let out = &mut text;
        let prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = prefixes.iter().collect();
        all.sort_by_key(|(prefix, _)| *prefix);
        for (prefix, counts) in all {
            server::text(b"PREFIX ", out)?;
            server::text(prefix, out)?;
            let Counts {
                gets,
                hits,
                sets,
                deletes,
            } = counts;
            let line = format!(" get {gets} hit {hits} set {sets} del {deletes}\r\n");
            server::text(line.as_bytes(), out)?;
        }
        server::text(b"END\r\n", out)?;
        Ok(text)
    }

    pub fn reset(&self) {
        let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        prefixes.clear();
    }
}
