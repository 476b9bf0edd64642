//! What memcached 1.6.18 answers to a request, and what the request does to the store.

mod binary;
mod meta;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::frame::{Command, Request, Verb, fits};
use super::reply::{Reply, Value};
use super::store::{Item, Store, expiry};

pub struct Answer {
    pub reply: Reply,
    /// The request asked for the connection to be closed.
    pub quit: bool,
}

/// Carries `request` out; `cause` numbers it in the store's history.
pub fn carry_out(store: &mut Store, request: &Request, cause: u64, now: Instant) -> Answer {
    let reply = match &request.command {
        Command::Read {
            keys,
            with_cas,
            exptime,
        } => read(store, keys, *with_cas, *exptime, cause, now),
        Command::Store { .. } => Reply::line(put(store, request, cause, now)),
        Command::Delete { key } => {
            let there = store.get(key, now).is_some();
            store.remove(key, cause, now);
            Reply::line(if there { "DELETED" } else { "NOT_FOUND" })
        }
        Command::Arithmetic { key, up, delta } => {
            Reply::line(arithmetic(store, key, *up, *delta, cause, now))
        }
        Command::Touch { key, exptime } => {
            let there = store.get(key, now).is_some();
            store.touch(key, expiry(*exptime, now, unix_now()), cause, now);
            Reply::line(if there { "TOUCHED" } else { "NOT_FOUND" })
        }
        Command::FlushAll { delay } => {
            let at = expiry(*delay, now, unix_now()).unwrap_or(now);
            store.flush(at, cause, now);
            Reply::line("OK")
        }
        Command::Version => Reply::line("VERSION 1.6.18"),
        Command::Verbosity => Reply::line("OK"),
        Command::Quit => {
            return Answer {
                reply: Reply::Nothing,
                quit: true,
            };
        }
        Command::Meta(orders) => meta::carry_out(store, request, orders, cause, now),
        Command::Binary(frames) => return binary::carry_out(store, request, frames, cause, now),
        Command::Refused(answer) => Reply::raw(answer),
    };
    let heeds = |command: &Command| !matches!(command, Command::Read { .. } | Command::Meta(_));
    let silent = request.noreply && heeds(&request.command);
    let reply = if silent { Reply::Nothing } else { reply };
    Answer { reply, quit: false }
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

fn read(
    store: &mut Store,
    keys: &[Vec<u8>],
    with_cas: bool,
    exptime: Option<i64>,
    cause: u64,
    now: Instant,
) -> Reply {
    let mut values = Vec::new();
    for key in keys {
        if let Some(item) = store.get(key, now) {
            let cas = with_cas.then_some(item.cas);
            values.push(Value::new(key, item.flags, &item.data, cas));
        }
        // After the read: an item touched with a negative time is still given once.
        if let Some(exptime) = exptime {
            store.touch(key, expiry(exptime, now, unix_now()), cause, now);
        }
    }
    Reply::values(values)
}

fn put(store: &mut Store, request: &Request, cause: u64, now: Instant) -> &'static str {
    let Command::Store {
        verb,
        ref key,
        flags,
        exptime,
        length,
        cas,
    } = request.command
    else {
        unreachable!("only store commands are put");
    };
    if !fits(key, length) {
        if verb == Verb::Set {
            store.remove(key, cause, now);
        }
        return "SERVER_ERROR object too large for cache";
    }
    if !request.whole {
        return "CLIENT_ERROR bad data chunk";
    }
    let old = store.get(key, now).cloned();
    let fresh = Item {
        data: request.body.clone(),
        flags,
        cas: 0,
        expires: expiry(exptime, now, unix_now()),
    };
    let item = match (verb, old) {
        (Verb::Set, _) | (Verb::Add, None) | (Verb::Replace, Some(_)) => fresh,
        (Verb::Cas, Some(old)) if old.cas == cas => fresh,
        (Verb::Cas, Some(_)) => return "EXISTS",
        (Verb::Cas, None) => return "NOT_FOUND",
        (Verb::Append, Some(old)) => Item {
            data: [old.data.as_slice(), &request.body].concat(),
            ..old
        },
        (Verb::Prepend, Some(old)) => Item {
            data: [request.body.as_slice(), &old.data].concat(),
            ..old
        },
        _ => return "NOT_STORED",
    };
    store.put(key, item, cause, now);
    "STORED"
}

fn arithmetic(
    store: &mut Store,
    key: &[u8],
    up: bool,
    delta: u64,
    cause: u64,
    now: Instant,
) -> String {
    let Some(item) = store.get(key, now).cloned() else {
        return "NOT_FOUND".into();
    };
    let Some(number) = counter(&item.data) else {
        return "CLIENT_ERROR cannot increment or decrement non-numeric value".into();
    };
    count(store, (key, item), number, up, delta, (cause, now)).to_string()
}

/// Counts an item that holds `number`; the new number.
fn count(
    store: &mut Store,
    (key, item): (&[u8], Item),
    number: u64,
    up: bool,
    delta: u64,
    (cause, now): (u64, Instant),
) -> u64 {
    let number = if up {
        number.wrapping_add(delta)
    } else {
        number.saturating_sub(delta)
    };
    let mut data = number.to_string().into_bytes();
    // A number that became shorter keeps its place, padded.
    data.resize(data.len().max(item.data.len()), b' ');
    store.put(key, Item { data, ..item }, cause, now);
    number
}

/// A stored value as `strtoull` reads it: leading white space and a plus sign are taken, and
/// anything may follow behind white space.
pub fn counter(data: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(data).ok()?.trim_ascii_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let ends = text[end..]
        .chars()
        .next()
        .is_none_or(|c| c.is_ascii_whitespace());
    if ends { text[..end].parse().ok() } else { None }
}
