//! What servers did, as the judge asks for it.

use super::faults::frame::binary::{Frame, opcode};
use super::faults::frame::meta::{Order, Verb};
use super::faults::frame::{Command, Request, number};
use super::faults::store::Item;
use super::trace::digest;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    Read,
    Store,
    Delete,
    Count,
    Touch,
}

/// An item as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub sum: u64,
    pub cas: u64,
}

impl Seen {
    pub fn of(item: &Item) -> Seen {
        Seen {
            sum: sum(&item.data, item.flags),
            cas: item.cas,
        }
    }
}

/// A number for a value and its flags.
pub fn sum(data: &[u8], flags: u32) -> u64 {
    digest(data) ^ u64::from(flags).rotate_left(32)
}

/// One command on one key, carried out by a server.
#[derive(Clone, Debug)]
pub struct Executed {
    pub at: u64,
    pub host: usize,
    pub did: Did,
    pub key: Vec<u8>,
    /// What tells a write from all others: see [`mark_of_value`]. 0 where nothing does.
    pub mark: u64,
    /// What was there before.
    pub before: Option<Seen>,
    /// It changed what the server holds.
    pub wrote: bool,
    /// What a counter came to.
    pub number: Option<u64>,
}

/// What one command of a request is about.
pub struct About {
    pub did: Did,
    pub key: Vec<u8>,
    pub mark: u64,
}

/// The commands of a request that are about keys.
pub fn about(request: &Request) -> Vec<About> {
    let one = |did, key: &[u8], mark| About {
        did,
        key: key.to_vec(),
        mark,
    };
    match &request.command {
        Command::Read { keys, .. } => keys.iter().map(|key| one(Did::Read, key, 0)).collect(),
        Command::Store { key, .. } => vec![one(Did::Store, key, mark_of_value(&request.body))],
        Command::Delete { key } => vec![one(Did::Delete, key, 0)],
        Command::Arithmetic { key, delta, .. } => vec![one(Did::Count, key, *delta)],
        Command::Touch { key, exptime } => vec![one(Did::Touch, key, *exptime as u64)],
        Command::Meta(orders) => {
            let orders = orders.iter().filter(|order| order.refused.is_none());
            orders
                .filter_map(|order| of_order(order, request))
                .collect()
        }
        Command::Binary(frames) => frames.iter().filter_map(of_frame).collect(),
        _ => Vec::new(),
    }
}

fn of_order(order: &Order, request: &Request) -> Option<About> {
    let numbered = |letter| order.flag(letter).and_then(number::<u64>);
    let (did, mark) = match order.verb {
        Verb::Get => match numbered(b'T') {
            Some(seconds) => (Did::Touch, seconds),
            None => (Did::Read, 0),
        },
        Verb::Set => (Did::Store, mark_of_value(&request.body)),
        Verb::Delete => (Did::Delete, 0),
        Verb::Arithmetic => (Did::Count, numbered(b'D').unwrap_or(1)),
        Verb::Barrier => return None,
    };
    Some(About {
        did,
        key: order.key.clone(),
        mark,
    })
}

fn of_frame(frame: &Frame) -> Option<About> {
    let (did, mark) = match frame.loud() {
        opcode::GET | opcode::GETK => (Did::Read, 0),
        opcode::DELETE => (Did::Delete, 0),
        opcode::INCREMENT | opcode::DECREMENT => (Did::Count, frame.long_extra(0)),
        opcode::TOUCH => (Did::Touch, u64::from(frame.extra(0))),
        _ if frame.stores() => (Did::Store, mark_of_value(&frame.value)),
        _ => return None,
    };
    Some(About {
        did,
        key: frame.key.clone(),
        mark,
    })
}

/// A value that no other write stores: its key, the mark, and padding up to a length.
pub fn value(key: &[u8], mark: u64, length: usize) -> Vec<u8> {
    let mut value = [key, b"#", mark.to_string().as_bytes(), b"#"].concat();
    // Lines that look like replies are a part of it.
    let padding = b"\r\nEND\r\nabcdefghijklmnopqrstuvwxyz";
    let missing = length.saturating_sub(value.len());
    value.extend(padding.iter().cycle().take(missing));
    value
}

/// A number that no other write stores in a counter.
pub fn counter(mark: u64) -> Vec<u8> {
    (mark * 1_000_000).to_string().into_bytes()
}

/// The mark of the write that stored this.
pub fn mark_of_value(value: &[u8]) -> u64 {
    let mut parts = value.split(|byte| *byte == b'#');
    match (parts.next(), parts.next()) {
        (_, Some(mark)) => number(mark).unwrap_or(0),
        (Some(count), None) => number::<u64>(count).unwrap_or(0) / 1_000_000,
        _ => 0,
    }
}
