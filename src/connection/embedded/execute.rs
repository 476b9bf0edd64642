//! Commands as what the store is to do, and what it did as replies.

use super::detail::Use;
use super::dump::Dump;
use super::sheet::Sheet;
use super::{Embedded, State, Tail, VERSION, Value, statistics};
use crate::buffer::NoMemory;
use crate::engine::{Count, Deleted, Expiry, Extend, Mode, Refused, Stored, Uncounted};
use crate::protocol::Op;
use crate::protocol::ascii::server::{self, Order, Storage, Tokens};
use crate::protocol::key::KEY_MAX;

type Told = Result<(), NoMemory>;

/// The smallest limit that `cache_memlimit` takes, and the first that it takes for a mistake.
const LIMIT_MIN_MEGABYTES: u32 = 8;
const LIMIT_MISTAKEN_MEGABYTES: u32 = 1_000_000_001;

/// A reply that a quiet command does not get.
#[inline(always)]
fn reply(text: &[u8], quiet: bool, out: &mut Vec<u8>) -> Told {
    if quiet {
        return Ok(());
    }
    server::text(text, out)
}

fn mode(storage: &Storage<'_>) -> Mode {
    match storage.op {
        Op::Add => Mode::Add,
        Op::Replace => Mode::Replace,
        Op::Append => Mode::Append(Extend::default()),
        Op::Prepend => Mode::Prepend(Extend::default()),
        Op::Cas => Mode::Cas(storage.cas),
        _ => Mode::Set,
    }
}

impl Embedded {
    /// Do what a line, without its end, asks.
    #[inline(always)]
    pub(super) fn execute(&mut self, line: &[u8], now: i64, out: &mut Vec<u8>) -> Told {
        match server::order(line) {
            Order::Read {
                expiry: None,
                with_cas,
                keys,
            } => self.read(keys, None, with_cas, now, out),
            Order::Meta => self.execute_meta(line, now, out),
            order => self.execute_any(&order, now, out),
        }
    }

    #[inline(never)]
    fn execute_any(&mut self, order: &Order<'_>, now: i64, out: &mut Vec<u8>) -> Told {
        let shared = &*self.shared;
        match *order {
            Order::Read {
                expiry,
                with_cas,
                keys,
            } => {
                let expiry = expiry.map(|number| Expiry::of(number, now));
                self.read(keys, expiry, with_cas, now, out)
            }
            Order::Store(storage) => self.begin(&storage, now, out),
            Order::Delete { key, quiet } => {
                shared.detail.count(key, Use::Delete);
                if shared.store.delete(key, None, now) == Deleted::Deleted {
                    reply(b"DELETED\r\n", quiet, out)
                } else {
                    reply(b"NOT_FOUND\r\n", quiet, out)
                }
            }
            Order::Arithmetic {
                key,
                up,
                delta,
                quiet,
            } => match shared
                .store
                .count(key, &Count::by(up, delta), now, |number, _| number)
            {
                Ok(_) if quiet => Ok(()),
                Ok(number) => server::number(number, out),
                Err(Uncounted::NotFound) => reply(b"NOT_FOUND\r\n", quiet, out),
                // No line of arithmetic names a CAS, so that none has another.
                Err(Uncounted::Exists | Uncounted::NonNumeric) => reply(
                    b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
                    quiet,
                    out,
                ),
                Err(Uncounted::NoMemory) => {
                    reply(b"SERVER_ERROR out of memory in incr\r\n", quiet, out)
                }
            },
            Order::Touch { key, expiry, quiet } => {
                let expiry = Expiry::of(expiry, now);
                match shared.store.touch(key, expiry, now, |_| ()) {
                    Some(()) => reply(b"TOUCHED\r\n", quiet, out),
                    None => reply(b"NOT_FOUND\r\n", quiet, out),
                }
            }
            Order::Flush { expiry, quiet } => {
                shared.store.flush(expiry, now);
                reply(b"OK\r\n", quiet, out)
            }
            Order::Limit { megabytes, quiet } => {
                let text = self.set_limit(megabytes, now);
                reply(text, quiet, out)
            }
            Order::Dump { classes } => {
                self.state = State::Dump(Dump::of(classes));
                Ok(())
            }
            Order::Stats(stats) => {
                let mut sheet = Sheet { out, frame: None };
                statistics::answer(stats, shared, now, &mut sheet)
            }
            Order::Version => {
                server::text(b"VERSION ", out)?;
                server::text(VERSION.as_bytes(), out)?;
                server::text(b"\r\n", out)
            }
            Order::Accepted { quiet } => reply(b"OK\r\n", quiet, out),
            Order::Refused { text, quiet } => reply(text, quiet, out),
            // Done where the line is still at hand.
            Order::Meta => Ok(()),
            Order::Quit => {
                self.state = State::Closed;
                Ok(())
            }
        }
    }

    /// get and its kin. A key that is too long takes back what was answered before it.
    #[inline(always)]
    fn read(
        &self,
        keys: Tokens<'_>,
        expiry: Option<Expiry>,
        with_cas: bool,
        now: i64,
        out: &mut Vec<u8>,
    ) -> Told {
        let shared = &*self.shared;
        let begin = out.len();
        for key in keys {
            if key.len() > KEY_MAX {
                out.truncate(begin);
                return server::text(b"CLIENT_ERROR bad command line format\r\n", out);
            }
            let hit = |hit: crate::engine::Hit<'_>| {
                let cas = with_cas.then_some(hit.cas);
                server::item(key, hit.flags, cas, hit.value, out)
            };
            let told = match expiry {
                None => shared.store.get(key, now, hit),
                Some(expiry) => shared.store.touch(key, expiry, now, hit),
            };
            shared.detail.count(
                key,
                Use::Get {
                    hit: told.is_some(),
                },
            );
            if let Some(told) = told {
                told?;
            }
        }
        server::text(b"END\r\n", out)
    }

    /// A value follows, or has been refused and is to be skipped.
    fn begin(&mut self, storage: &Storage<'_>, now: i64, out: &mut Vec<u8>) -> Told {
        let Storage {
            key,
            flags,
            len,
            quiet,
            ..
        } = *storage;
        self.shared.detail.count(key, Use::Set);
        let mode = mode(storage);
        let expiry = Expiry::of(storage.expiry, now);
        match self.shared.store.begin(key, flags, expiry, len, mode, now) {
            Ok(draft) => {
                self.state = State::Value(Value {
                    draft,
                    mode,
                    quiet,
                    tail: Tail::default(),
                    meta: None,
                });
                Ok(())
            }
            Err(why) => {
                self.state = State::Skip((len + server::END.len()) as u64);
                let text: &[u8] = match why {
                    Refused::TooLarge => b"SERVER_ERROR object too large for cache\r\n",
                    Refused::NoMemory => b"SERVER_ERROR out of memory storing object\r\n",
                };
                reply(text, quiet, out)
            }
        }
    }

    /// The value is whole.
    pub(super) fn finish(&mut self, now: i64, out: &mut Vec<u8>) -> Told {
        let State::Value(mut value) = std::mem::replace(&mut self.state, State::Line) else {
            return Ok(());
        };
        let store = &self.shared.store;
        let meta = value.meta.take();
        if value.tail.bytes != server::END {
            store.spoil(value.draft);
            let quiet = value.quiet && meta.is_none();
            return reply(b"CLIENT_ERROR bad data chunk\r\n", quiet, out);
        }
        if let Some(pending) = meta {
            return self.meta_finish(value, &pending, now, out);
        }
        let text: &[u8] = match store.store(value.draft, value.mode, now) {
            Stored::Stored { .. } => b"STORED\r\n",
            Stored::NotStored => b"NOT_STORED\r\n",
            Stored::Exists => b"EXISTS\r\n",
            Stored::NotFound => b"NOT_FOUND\r\n",
            Stored::NoMemory => b"SERVER_ERROR out of memory storing object\r\n",
        };
        reply(text, value.quiet, out)
    }

    fn set_limit(&self, megabytes: u32, now: i64) -> &'static [u8] {
        match megabytes {
            ..LIMIT_MIN_MEGABYTES => b"MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n",
            LIMIT_MISTAKEN_MEGABYTES.. => {
                b"MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n"
            }
            _ => {
                let store = &self.shared.store;
                store.set_limit((megabytes as usize) << 20, now);
                b"OK\r\n"
            }
        }
    }
}
