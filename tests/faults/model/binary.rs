//! What memcached 1.6.18 answers to frames.

use std::time::Instant;

use super::super::frame::binary::{Frame, opcode::*};
use super::super::frame::{Request, fits};
use super::super::reply::binary::{answer, failure, status, with_cas};
use super::super::reply::{Reply, Value};
use super::super::store::{Item, Store, expiry};
use super::{Answer, count, counter, unix_now};

type Cause = (u64, Instant);

pub fn carry_out(
    store: &mut Store,
    request: &Request,
    frames: &[Frame],
    cause: u64,
    now: Instant,
) -> Answer {
    let mut values = Vec::new();
    let mut end = Vec::new();
    let mut quit = false;
    for frame in frames {
        // A rule may want what was asked quietly to be answered.
        let quiet = frame.is_quiet() && request.noreply;
        let cause = (cause, now);
        let value = match frame.loud() {
            GET | GETK | GAT | GATK => read(store, frame, cause),
            SET | ADD | REPLACE | APPEND | PREPEND => put(store, frame, cause),
            DELETE => delete(store, frame, cause),
            INCREMENT | DECREMENT => arithmetic(store, frame, cause),
            TOUCH => touch(store, frame, cause),
            FLUSH => {
                let seconds = i64::from(frame.extra(0));
                store.flush(
                    expiry(seconds, now, unix_now()).unwrap_or(now),
                    cause.0,
                    now,
                );
                answer(frame, status::OK, &[], &[], &[])
            }
            VERSION => answer(frame, status::OK, &[], &[], b"1.6.18"),
            NOOP | STAT => answer(frame, status::OK, &[], &[], &[]),
            QUIT => {
                quit = true;
                answer(frame, status::OK, &[], &[], &[])
            }
            _ => failure(frame, status::UNKNOWN),
        };
        // Quiet reads say what is there, other quiet commands what went wrong.
        let silent = quiet && frame.reads() != value.hit;
        if frames.len() > 1 && frame.opcode == NOOP {
            end = value.bytes();
        } else if !silent {
            values.push(value);
        }
    }
    Answer {
        reply: Reply::Values { values, end },
        quit,
    }
}

fn expires(seconds: u32, now: Instant) -> Option<Instant> {
    expiry(seconds.into(), now, unix_now())
}

fn read(store: &mut Store, frame: &Frame, (cause, now): Cause) -> Value {
    let names = matches!(frame.loud(), GETK | GATK);
    let Some(item) = store.get(&frame.key, now).cloned() else {
        return match names {
            true => answer(frame, status::NOT_FOUND, &[], &frame.key, &[]),
            false => failure(frame, status::NOT_FOUND),
        };
    };
    if matches!(frame.loud(), GAT | GATK) {
        store.touch(&frame.key, expires(frame.extra(0), now), cause, now);
    }
    let key: &[u8] = if names { &frame.key } else { &[] };
    let value = answer(
        frame,
        status::OK,
        &item.flags.to_be_bytes(),
        key,
        &item.data,
    );
    with_cas(value, item.cas)
}

fn touch(store: &mut Store, frame: &Frame, (cause, now): Cause) -> Value {
    let Some(item) = store.get(&frame.key, now).cloned() else {
        return failure(frame, status::NOT_FOUND);
    };
    store.touch(&frame.key, expires(frame.extra(0), now), cause, now);
    let value = answer(frame, status::OK, &item.flags.to_be_bytes(), &[], &[]);
    with_cas(value, item.cas)
}

fn delete(store: &mut Store, frame: &Frame, (cause, now): Cause) -> Value {
    match store.get(&frame.key, now) {
        None => return failure(frame, status::NOT_FOUND),
        Some(item) if frame.cas != 0 && frame.cas != item.cas => {
            return failure(frame, status::EXISTS);
        }
        Some(_) => store.remove(&frame.key, cause, now),
    }
    answer(frame, status::OK, &[], &[], &[])
}

fn put(store: &mut Store, frame: &Frame, (cause, now): Cause) -> Value {
    let key = &frame.key;
    if !fits(key, frame.value.len()) {
        if frame.loud() == SET {
            store.remove(key, cause, now);
        }
        return failure(frame, status::TOO_LARGE);
    }
    let old = store.get(key, now).cloned();
    if frame.cas != 0 {
        match &old {
            None => return failure(frame, status::NOT_FOUND),
            Some(old) if old.cas != frame.cas => return failure(frame, status::EXISTS),
            Some(_) => {}
        }
    }
    let fresh = Item {
        data: frame.value.clone(),
        flags: frame.extra(0),
        cas: 0,
        expires: expires(frame.extra(4), now),
    };
    let item = match (frame.loud(), old) {
        (SET, _) | (ADD, None) | (REPLACE, Some(_)) => fresh,
        (ADD, Some(_)) => return failure(frame, status::EXISTS),
        (REPLACE, None) => return failure(frame, status::NOT_FOUND),
        (_, None) => return failure(frame, status::NOT_STORED),
        (APPEND, Some(old)) => Item {
            data: [old.data.as_slice(), &frame.value].concat(),
            ..old
        },
        (_, Some(old)) => Item {
            data: [frame.value.as_slice(), &old.data].concat(),
            ..old
        },
    };
    store.put(key, item, cause, now);
    stored(store, frame, &[], now)
}

/// A success, with the CAS that the item has now.
fn stored(store: &Store, frame: &Frame, data: &[u8], now: Instant) -> Value {
    let cas = store.get(&frame.key, now).map_or(0, |item| item.cas);
    with_cas(answer(frame, status::OK, &[], &[], data), cas)
}

fn arithmetic(store: &mut Store, frame: &Frame, (cause, now): Cause) -> Value {
    /// The expiry time with which a counter is not begun.
    const NOT_BEGUN: u32 = u32::MAX;
    let up = frame.loud() == INCREMENT;
    let new = match store.get(&frame.key, now).cloned() {
        Some(item) if frame.cas != 0 && item.cas != frame.cas => {
            return failure(frame, status::EXISTS);
        }
        Some(item) => match counter(&item.data) {
            Some(old) => {
                let delta = frame.long_extra(0);
                count(store, (&frame.key, item), old, up, delta, (cause, now))
            }
            None => return failure(frame, status::NON_NUMERIC),
        },
        None if frame.extra(16) == NOT_BEGUN => return failure(frame, status::NOT_FOUND),
        None => {
            let initial = frame.long_extra(8);
            let item = Item {
                data: initial.to_string().into_bytes(),
                flags: 0,
                cas: 0,
                expires: expires(frame.extra(16), now),
            };
            store.put(&frame.key, item, cause, now);
            initial
        }
    };
    stored(store, frame, &new.to_be_bytes(), now)
}
