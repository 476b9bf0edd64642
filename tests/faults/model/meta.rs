//! What memcached 1.6.18 answers to meta commands.

use std::time::Instant;

use super::super::frame::meta::{Order, Verb};
use super::super::frame::{Request, fits, number};
use super::super::reply::meta::{line, with_data};
use super::super::reply::{Reply, Value};
use super::super::store::{Item, Store, expiry};
use super::{count, counter, unix_now};

/// Something that happened at a moment, because of a request.
type Cause = (u64, Instant);

pub fn carry_out(
    store: &mut Store,
    request: &Request,
    orders: &[Order],
    cause: u64,
    now: Instant,
) -> Reply {
    let mut values = Vec::new();
    let mut end = Vec::new();
    for order in orders {
        if let Some(answer) = order.refused {
            values.push(raw(answer));
            continue;
        }
        // A rule may want what was asked quietly to be answered.
        let quiet = order.is_quiet() && request.noreply;
        let cause = (cause, now);
        let value = match order.verb {
            Verb::Get => get(store, order, quiet, cause),
            Verb::Set => set(store, order, request, cause),
            Verb::Delete => delete(store, order, cause),
            Verb::Arithmetic => arithmetic(store, order, cause),
            Verb::Barrier => {
                end = b"MN\r\n".to_vec();
                continue;
            }
        };
        let done = value.as_ref().is_some_and(|value| value.fields[0] == b"HD");
        values.extend(value.filter(|_| !(quiet && done)));
    }
    Reply::Values { values, end }
}

fn raw(answer: &[u8]) -> Value {
    let text = answer.strip_suffix(b"\r\n").unwrap_or(answer);
    line(vec![text.to_vec()], false)
}

/// A code, and of the flags those that replies without an item repeat.
fn coded(code: &str, order: &Order) -> Value {
    let mut fields = vec![code.as_bytes().to_vec()];
    for flag in &order.flags {
        match flag[0] {
            b'O' => fields.push(flag.clone()),
            b'k' => fields.push([b"k", order.key.as_slice()].concat()),
            _ => {}
        }
    }
    line(fields, code == "HD")
}

fn numbered(order: &Order, letter: u8) -> Option<u64> {
    number(order.flag(letter)?)
}

fn expires(order: &Order, letter: u8, now: Instant) -> Option<Option<Instant>> {
    let seconds = number::<i32>(order.flag(letter)?)?;
    Some(expiry(seconds.into(), now, unix_now()))
}

/// What the flags of a command ask of an item.
fn told(order: &Order, item: &Item, now: Instant) -> Vec<Vec<u8>> {
    let ttl = |at: Instant| at.saturating_duration_since(now).as_secs_f64().ceil();
    let mut told = Vec::new();
    for flag in &order.flags {
        told.push(match flag[0] {
            b'O' => flag.clone(),
            b'k' => [b"k", order.key.as_slice()].concat(),
            b'f' => format!("f{}", item.flags).into_bytes(),
            b'c' => format!("c{}", item.cas).into_bytes(),
            b's' => format!("s{}", item.data.len()).into_bytes(),
            b't' => match item.expires {
                None => b"t-1".to_vec(),
                Some(at) => format!("t{}", ttl(at)).into_bytes(),
            },
            _ => continue,
        });
    }
    told
}

fn get(store: &mut Store, order: &Order, quiet: bool, (cause, now): Cause) -> Option<Value> {
    let Some(item) = store.get(&order.key, now) else {
        return (!quiet).then(|| coded("EN", order));
    };
    let mut item = item.clone();
    if let Some(expires) = expires(order, b'T', now) {
        store.touch(&order.key, expires, cause, now);
        item.expires = expires;
    }
    let told = told(order, &item, now);
    if order.has(b'v') {
        return Some(with_data(told, &item.data));
    }
    Some(line([vec![b"HD".to_vec()], told].concat(), true))
}

fn set(store: &mut Store, order: &Order, request: &Request, (cause, now): Cause) -> Option<Value> {
    let key = &order.key;
    if !fits(key, order.length) {
        store.remove(key, cause, now);
        return Some(raw(b"SERVER_ERROR object too large for cache"));
    }
    if !request.whole {
        return Some(raw(b"CLIENT_ERROR bad data chunk"));
    }
    let old = store.get(key, now).cloned();
    let fresh = Item {
        data: request.body.clone(),
        flags: numbered(order, b'F').unwrap_or(0) as u32,
        cas: 0,
        expires: expires(order, b'T', now).flatten(),
    };
    let joined = |one: &[u8], other: &[u8]| [one, other].concat();
    let mode = order
        .flag(b'M')
        .and_then(|mode| mode.first())
        .unwrap_or(&b'S');
    let compared = numbered(order, b'C');
    let item = match (mode.to_ascii_uppercase(), compared, old) {
        (b'S', Some(_), None) => return Some(coded("NF", order)),
        (_, Some(cas), Some(old)) if old.cas != cas => return Some(coded("EX", order)),
        (b'S', _, _) | (b'E', _, None) | (b'R', _, Some(_)) => fresh,
        (b'A', _, Some(old)) => Item {
            data: joined(&old.data, &request.body),
            ..old
        },
        (b'P', _, Some(old)) => Item {
            data: joined(&request.body, &old.data),
            ..old
        },
        (b'E' | b'R' | b'A' | b'P', _, _) => return Some(coded("NS", order)),
        _ => return Some(raw(b"CLIENT_ERROR invalid mode for ms")),
    };
    store.put(key, item, cause, now);
    Some(coded("HD", order))
}

fn delete(store: &mut Store, order: &Order, (cause, now): Cause) -> Option<Value> {
    let Some(item) = store.get(&order.key, now) else {
        return Some(coded("NF", order));
    };
    if numbered(order, b'C').is_some_and(|cas| cas != item.cas) {
        return Some(coded("EX", order));
    }
    store.remove(&order.key, cause, now);
    Some(coded("HD", order))
}

fn arithmetic(store: &mut Store, order: &Order, (cause, now): Cause) -> Option<Value> {
    let up = !matches!(
        order.flag(b'M').and_then(|mode| mode.first()),
        Some(b'D' | b'd' | b'-')
    );
    let delta = numbered(order, b'D').unwrap_or(1);
    let new = match store.get(&order.key, now).cloned() {
        Some(item) if numbered(order, b'C').is_some_and(|cas| cas != item.cas) => {
            return Some(coded("EX", order));
        }
        Some(item) => {
            let Some(old) = counter(&item.data) else {
                let text = b"CLIENT_ERROR cannot increment or decrement non-numeric value";
                return Some(raw(text));
            };
            let mut item = item;
            if let Some(expires) = expires(order, b'T', now) {
                item.expires = expires;
            }
            count(store, (&order.key, item), old, up, delta, (cause, now))
        }
        None => {
            let Some(expires) = expires(order, b'N', now) else {
                return Some(coded("NF", order));
            };
            let initial = numbered(order, b'J').unwrap_or(0);
            let item = Item {
                data: initial.to_string().into_bytes(),
                flags: 0,
                cas: 0,
                expires,
            };
            store.put(&order.key, item, cause, now);
            initial
        }
    };
    let item = store.get(&order.key, now)?;
    let told = told(order, item, now);
    if order.has(b'v') {
        return Some(with_data(told, new.to_string().as_bytes()));
    }
    Some(line([vec![b"HD".to_vec()], told].concat(), true))
}
