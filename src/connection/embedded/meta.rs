//! Commands of the meta protocol as what the store is to do, and what it did as replies.

use std::sync::atomic::Ordering::Relaxed;

use super::{Embedded, State, Tail, Value, slabs};
use crate::buffer::NoMemory;
use crate::engine::{
    Count, Deleted, Expiry, Extend, Found, Invalid, Look, Mode, Refused, Stored, Uncounted,
};
use crate::protocol::ascii::server::{END, text};
use crate::protocol::key::KEY_MAX;
use crate::protocol::meta::server::{
    self as meta, Flags, Named, OPAQUE_MAX, Order, Reply, Stash, Storage, order,
};

type Told = Result<(), NoMemory>;

/// What the reply to `ms` needs when its value has come.
pub(super) struct Pending {
    stash: Stash,
    encoded_key: bool,
    /// Of the value.
    len: usize,
}

impl Embedded {
    /// Do what a line of the meta protocol, without its end, asks.
    #[inline(never)]
    pub(super) fn execute_meta(&mut self, line: &[u8], now: i64, out: &mut Vec<u8>) -> Told {
        match order(line) {
            Order::Get { key, flags } => self.meta_get(&key, &flags, now, out),
            Order::Store(storage) => self.meta_begin(&storage, now, out),
            Order::Delete { key, flags } => self.meta_delete(&key, &flags, now, out),
            Order::Count { key, flags, up } => self.meta_count(&key, &flags, up, now, out),
            Order::Barrier => text(b"MN\r\n", out),
            Order::Debug(key) => self.meta_debug(&key, now, out),
            Order::Refused { text: why, skip } => {
                if skip > 0 {
                    self.state = State::Skip(skip as u64);
                }
                text(why, out)
            }
        }
    }

    fn counted(&self) {
        self.shared.meta_commands.fetch_add(1, Relaxed);
    }

    fn meta_get(&self, key: &Named<'_>, flags: &Flags<'_>, now: i64, out: &mut Vec<u8>) -> Told {
        self.counted();
        let look = Look {
            create: flags.create.is_some(),
            own_cas: flags.own_cas,
            // Nor is it where the reply turns out to be an error.
            is_use: !flags.unused && !flags.has_long_opaque(),
            is_touch: flags.expiry.is_some(),
        };
        let store = &self.shared.store;
        let told = store.look(key.bytes(), look, now, |found| {
            tell_found(found, flags, now, &mut *out)
        })?;
        match told {
            Some(told) => told,
            None if flags.has_long_opaque() => text(Order::LONG_OPAQUE, out),
            None if flags.quiet => Ok(()),
            None => tell_nothing(b"EN", key, flags, out),
        }
    }

    /// A value follows, or has been refused and is to be skipped.
    fn meta_begin(&mut self, storage: &Storage<'_>, now: i64, out: &mut Vec<u8>) -> Told {
        self.counted();
        let flags = &storage.flags;
        let (key, len) = (storage.key.bytes(), storage.len);
        let mode = mode(storage);
        let expiry = match mode {
            // What is there keeps its end; this is for what is made.
            Mode::Append(Extend { creates: true, .. })
            | Mode::Prepend(Extend { creates: true, .. }) => flags.create,
            _ => flags.expiry,
        };
        let expiry = Expiry::of(expiry.unwrap_or(0), now);
        // Whatever the mode, a value that is refused takes the old one with it.
        let begun = self
            .shared
            .store
            .begin(key, flags.client_flags, expiry, len, Mode::Set, now);
        match begun {
            Ok(mut draft) => {
                if storage.key.is_encoded() {
                    draft.encode_key();
                }
                draft.choose_cas(flags.own_cas);
                self.state = State::Value(Value {
                    draft,
                    mode,
                    quiet: flags.quiet,
                    tail: Tail::default(),
                    meta: Some(Pending {
                        stash: Stash::of(flags),
                        encoded_key: storage.key.is_encoded(),
                        len,
                    }),
                });
                Ok(())
            }
            Err(why) => {
                self.state = State::Skip((len + END.len()) as u64);
                text(
                    match why {
                        Refused::TooLarge => b"SERVER_ERROR object too large for cache\r\n",
                        Refused::NoMemory => b"SERVER_ERROR out of memory storing object\r\n",
                    },
                    out,
                )
            }
        }
    }

    /// The value is whole, and ended as it should.
    pub(super) fn meta_finish(
        &self,
        value: Value,
        pending: &Pending,
        now: i64,
        out: &mut Vec<u8>,
    ) -> Told {
        // The value takes its key along into the store.
        let mut key = [0; KEY_MAX];
        let key_len = value.draft.key().len();
        key[..key_len].copy_from_slice(value.draft.key());
        let store = &self.shared.store;
        let (mut cas, mut len) = (0, pending.len);
        let code: &[u8] = match store.store(value.draft, value.mode, now) {
            Stored::Stored { .. } if value.quiet => return Ok(()),
            Stored::Stored {
                cas: new,
                len: whole,
            } => {
                (cas, len) = (new, whole);
                b"HD"
            }
            Stored::NotStored => b"NS",
            Stored::Exists => b"EX",
            Stored::NotFound => b"NF",
            Stored::NoMemory => return text(b"SERVER_ERROR out of memory storing object\r\n", out),
        };
        let mut reply = Reply::new(code, 0, out)?;
        let stash = &pending.stash;
        let key = &key[..key_len];
        stash.tell(&mut reply, key, pending.encoded_key, cas, len);
        reply.end();
        Ok(())
    }

    fn meta_delete(&self, key: &Named<'_>, flags: &Flags<'_>, now: i64, out: &mut Vec<u8>) -> Told {
        self.counted();
        let store = &self.shared.store;
        let deleted = if flags.invalidate || flags.empty {
            let how = Invalid {
                compare: flags.cas,
                stale: flags.invalidate,
                empty: flags.empty.then_some(flags.client_flags),
                expiry: flags.expiry.map(|number| Expiry::of(number, now)),
                own_cas: flags.own_cas,
            };
            store.invalidate(key.bytes(), &how, now)
        } else {
            store.delete(key.bytes(), flags.cas, now)
        };
        match deleted {
            Deleted::Deleted if flags.quiet => Ok(()),
            Deleted::Deleted => tell_nothing(b"HD", key, flags, out),
            Deleted::NotFound => tell_nothing(b"NF", key, flags, out),
            Deleted::Exists => {
                store.count_delete_miss(key.bytes(), now);
                tell_nothing(b"EX", key, flags, out)
            }
        }
    }

    fn meta_count(
        &self,
        key: &Named<'_>,
        flags: &Flags<'_>,
        up: bool,
        now: i64,
        out: &mut Vec<u8>,
    ) -> Told {
        self.counted();
        let count = Count {
            up,
            delta: flags.delta,
            compare: flags.cas.filter(|cas| *cas != 0),
            // Its end is set when its turn among the flags comes.
            initial: flags.create.map(|_| (flags.initial, Expiry::NEVER)),
            own_cas: flags.own_cas,
        };
        let store = &self.shared.store;
        let counted = store.count(key.bytes(), &count, now, |number, found| {
            if flags.quiet && !found.is_new && !flags.has_long_opaque() {
                // What is asked of the item is done all the same.
                set_expiry(found, flags.expiry, now);
                return Ok(());
            }
            tell_counted(number, found, key, flags, now, &mut *out)
        });
        match counted {
            Ok(told) => told,
            Err(Uncounted::NotFound | Uncounted::Exists) if flags.has_long_opaque() => {
                text(Order::LONG_OPAQUE, out)
            }
            Err(Uncounted::NotFound) => tell_nothing(b"NF", key, flags, out),
            Err(Uncounted::Exists) => tell_nothing(b"EX", key, flags, out),
            Err(Uncounted::NonNumeric) => text(
                b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
                out,
            ),
            Err(Uncounted::NoMemory) => text(b"SERVER_ERROR out of memory\r\n", out),
        }
    }

    /// `ME <key> exp=… la=… cas=… fetch=… cls=… size=…`
    fn meta_debug(&self, key: &Named<'_>, now: i64, out: &mut Vec<u8>) -> Told {
        self.counted();
        let store = &self.shared.store;
        let told = store.inspect(key.bytes(), now, |found| {
            let mut reply = Reply::new(b"ME", 0, out)?;
            reply.name(found.key(), found.has_encoded_key());
            // Negative: memcached subtracts the other way round.
            reply.word(b"exp=", found.ttl().map_or(-1, |ttl| -ttl));
            reply.word(b"la=", found.idle());
            reply.word(b"cas=", found.cas());
            let fetched: &[u8] = if found.was_fetched() {
                b"fetch=yes"
            } else {
                b"fetch=no"
            };
            reply.token(fetched);
            reply.word(b"cls=", slabs::class(found.size()));
            reply.word(b"size=", found.size());
            reply.end();
            Ok(())
        });
        told.unwrap_or_else(|| text(b"EN\r\n", out))
    }
}

fn mode(storage: &Storage<'_>) -> Mode {
    let cas = storage.flags.cas;
    // Zero names none.
    let extend = Extend {
        compare: cas.filter(|cas| *cas != 0),
        creates: storage.flags.create.is_some(),
    };
    match (storage.mode, cas) {
        (meta::Mode::Set | meta::Mode::Replace, Some(cas)) if storage.flags.invalidate => {
            Mode::CasOrStale(cas)
        }
        (meta::Mode::Set | meta::Mode::Replace, Some(cas)) => Mode::Cas(cas),
        (meta::Mode::Set, None) => Mode::Set,
        (meta::Mode::Replace, None) => Mode::Replace,
        (meta::Mode::Add, _) => Mode::Add,
        (meta::Mode::Append, _) => Mode::Append(extend),
        (meta::Mode::Prepend, _) => Mode::Prepend(extend),
    }
}

/// A reply that tells nothing of an item.
fn tell_nothing(code: &[u8], key: &Named<'_>, flags: &Flags<'_>, out: &mut Vec<u8>) -> Told {
    let mut reply = Reply::new(code, 0, out)?;
    reply.identity(flags, key.bytes(), key.is_encoded());
    reply.end();
    Ok(())
}

/// The reply to `mg` for an item that is there. Flags count in their order: what is told before an
/// expiry time is set is told of the one before. The value of an item with the CAS that is named is known
/// already, and not told.
fn tell_found(found: &mut Found<'_>, flags: &Flags<'_>, now: i64, out: &mut Vec<u8>) -> Told {
    let tells_value = flags.value && flags.cas != Some(found.cas());
    let mut reply = match tells_value {
        true => Reply::value(found.value().len(), out)?,
        false => Reply::new(b"HD", 0, out)?,
    };
    let mut won = false;
    for (flag, token) in flags.iter() {
        match flag {
            b'T' => set_expiry(found, flags.expiry, now),
            b'N' if found.is_new => {
                set_expiry(found, flags.create, now);
                won = true;
            }
            b'R' if !found.is_promised() && !found.is_new => {
                let recache = flags.recache.map(|number| Expiry::of(number, now));
                won |= recache.is_some_and(|recache| found.ends_before(recache));
            }
            b's' => reply.number(b's', found.value().len()),
            b'f' => reply.number(b'f', found.flags()),
            b'l' => reply.number(b'l', found.idle()),
            b'h' => reply.number(b'h', u8::from(found.was_fetched())),
            b'k' => reply.key(found.key(), found.has_encoded_key()),
            b'O' if token.len() > OPAQUE_MAX => {
                reply.instead(Order::LONG_OPAQUE);
                return Ok(());
            }
            _ => tell_common(&mut reply, flag, token, found),
        }
    }
    if found.is_promised() {
        reply.mark(b'Z');
    }
    if found.is_stale() {
        reply.mark(b'X');
        won |= !found.is_promised();
    }
    if won {
        reply.mark(b'W');
        found.promise();
    }
    match tells_value {
        true => reply.end_with(found.value()),
        false => reply.end(),
    }
    Ok(())
}

/// The reply to `ma` for an item that is there now.
fn tell_counted(
    number: u64,
    found: &mut Found<'_>,
    key: &Named<'_>,
    flags: &Flags<'_>,
    now: i64,
    out: &mut Vec<u8>,
) -> Told {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number).as_bytes();
    let mut reply = match flags.value {
        true => Reply::value(digits.len(), out)?,
        false => Reply::new(b"HD", 0, out)?,
    };
    for (flag, token) in flags.iter() {
        match flag {
            b'T' => set_expiry(found, flags.expiry, now),
            b'N' if found.is_new => set_expiry(found, flags.create, now),
            b'k' => reply.key(key.bytes(), key.is_encoded()),
            b'O' if token.len() > OPAQUE_MAX => {
                reply.instead(Order::LONG_OPAQUE);
                return Ok(());
            }
            _ => tell_common(&mut reply, flag, token, found),
        }
    }
    match flags.value {
        true => reply.end_with(digits),
        false => reply.end(),
    }
    Ok(())
}

fn set_expiry(found: &mut Found<'_>, number: Option<i32>, now: i64) {
    if let Some(number) = number {
        found.set_expiry(Expiry::of(number, now));
    }
}

/// What `mg` and `ma` tell in the same way.
fn tell_common(reply: &mut Reply<'_>, flag: u8, token: &[u8], found: &Found<'_>) {
    match flag {
        b't' => reply.number(b't', found.ttl().unwrap_or(-1)),
        b'c' => reply.number(b'c', found.cas()),
        b'O' => reply.token(token),
        _ => {}
    }
}
