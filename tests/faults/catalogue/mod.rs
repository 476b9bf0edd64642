//! The faults, each with its variants, what they may be tried on, and what a client must make of
//! them.

mod cut;
mod garbage;
mod identity;
mod number;
mod refusal;
mod shape;
mod surplus;
mod timing;

use std::time::{Duration, Instant};

use super::frame::{self, Framed};
use super::model;
use super::net::Transport;
use super::outcome::Op;
use super::rule::{Action, End, Kind, When};
use super::script::Step;
use super::store::{Item, Store};
use super::value;

/// What the server does to the call under the fault.
#[derive(Clone, Debug)]
pub enum Attack {
    /// A rule for the call's request, on the connection that is open.
    Warm(When, Vec<Action>),
    /// A rule for a connection opened for this call.
    Fresh(When, Vec<Action>),
    /// Steps taken on the idle connection, before the call.
    Idle(Vec<Step>),
    /// A quiet set goes before the call, and its request meets these actions.
    Quiet(Vec<Action>),
    /// The server is killed before the call and back, empty, after so long.
    Restart(End, Duration),
    /// Nothing: what is asked for is hard enough.
    None,
}

/// What a client must make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Must {
    /// The right answer.
    Right,
    /// An error; of a batch, at least for one key.
    Fail,
    /// The right answer, or an error.
    Either,
    /// The first so many values, and an error for every other key.
    First(usize),
}

#[derive(Clone, Debug)]
pub struct Case {
    pub fault: &'static str,
    pub variant: String,
    pub op: Op,
    pub attack: Attack,
    pub must: Must,
    /// The connection may not carry another request.
    pub closed: bool,
    /// Something is left for the next call to find: without `paranoid`, that one may fail.
    pub residue: bool,
    /// Without `paranoid` ASCII cannot tell this from the truth.
    pub blind: bool,
    /// The next call waits until the fault has done all of its work.
    pub settle: bool,
    /// The client has no reason to wait for its deadline.
    pub at_once: bool,
    /// The keys of the call are not there.
    pub absent: bool,
    /// The length of the values, where it is not the usual one.
    pub length: usize,
    /// The value itself, where it matters.
    pub data: Option<Vec<u8>>,
    /// Get into a buffer of so many bytes.
    pub room: Option<usize>,
    /// So many quiet sets fail.
    pub quiet_failures: Option<u64>,
    pub only: Option<Transport>,
}

impl Case {
    fn new(fault: &'static str, variant: impl Into<String>, op: Op, attack: Attack) -> Case {
        Case {
            fault,
            variant: variant.into(),
            op,
            attack,
            must: Must::Fail,
            closed: true,
            residue: false,
            blind: false,
            settle: false,
            at_once: false,
            absent: false,
            length: value::USUAL,
            data: None,
            room: None,
            quiet_failures: None,
            only: None,
        }
    }

    /// The value of `key`, as the case wants it.
    pub fn value(&self, key: &str, writer: &str, sequence: u32) -> Vec<u8> {
        match &self.data {
            Some(data) => data.clone(),
            None if self.length < value::USUAL => {
                let name = format!("{key}|{:08x}|", value::crc32(key.as_bytes()));
                name.bytes().rev().cycle().take(self.length).collect()
            }
            None if self.length > 4096 => {
                let unit = value::make(key, writer, sequence, value::USUAL);
                unit.into_iter().cycle().take(self.length).collect()
            }
            None => value::make(key, writer, sequence, self.length),
        }
    }
}

/// What is not tried, and by which rule.
pub struct Exclusion {
    pub fault: &'static str,
    pub ops: Vec<Op>,
    pub rule: &'static str,
}

#[derive(Default)]
pub struct Catalogue {
    pub cases: Vec<Case>,
    pub exclusions: Vec<Exclusion>,
}

impl Catalogue {
    pub fn new() -> Catalogue {
        let mut catalogue = Catalogue::default();
        timing::add(&mut catalogue);
        surplus::add(&mut catalogue);
        identity::add(&mut catalogue);
        refusal::add(&mut catalogue);
        shape::add(&mut catalogue);
        cut::add(&mut catalogue);
        number::add(&mut catalogue);
        garbage::add(&mut catalogue);
        catalogue.cases.sort_by_key(|case| case.fault);
        catalogue
            .exclusions
            .sort_by_key(|exclusion| exclusion.fault);
        catalogue
    }

    fn add(&mut self, case: Case) {
        self.cases.push(case);
    }

    fn exclude(&mut self, fault: &'static str, ops: &[Op], rule: &'static str) {
        self.exclusions.push(Exclusion {
            fault,
            ops: ops.to_vec(),
            rule,
        });
    }

    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults: Vec<_> = self.cases.iter().map(|case| case.fault).collect();
        faults.dedup();
        faults
    }
}

/// The requests that a call of this kind makes.
fn kind(op: Op) -> Kind {
    match op {
        Op::Get | Op::Mget => Kind::Read,
        Op::Set => Kind::Store,
        Op::Incr => Kind::Arithmetic,
    }
}

/// These actions on the call's request, on the warm connection.
fn on(op: Op, actions: Vec<Action>) -> Attack {
    Attack::Warm(When::Request(kind(op)), actions)
}

/// After the loss of a connection a client may try again what it can repeat without harm.
fn unless_repeated(op: Op) -> Must {
    if op == Op::Incr {
        Must::Fail
    } else {
        Must::Either
    }
}

/// Positions of values in the reply: all of a get, the first, a middle one and the last of a
/// multi-get.
fn positions(op: Op) -> &'static [usize] {
    match op {
        Op::Get => &[0],
        Op::Mget => &[0, 3, HITS - 1],
        Op::Set | Op::Incr => &[],
    }
}

const END: &[u8] = b"END\r\n";
const EVIL: &[u8] = b" 0 4\r\nEVIL\r\n";

/// A value that nobody asked for.
fn evil(key: &str) -> Vec<u8> {
    [b"VALUE ", key.as_bytes(), EVIL].concat()
}

/// The keys of the call under the fault.
pub fn keys(op: Op) -> Vec<String> {
    match op {
        Op::Get => vec!["f-get".into()],
        Op::Set => vec!["f-set".into()],
        Op::Mget => (0..10).map(|i| format!("f-m{i}")).collect(),
        Op::Incr => vec!["f-ctr".into()],
    }
}

/// Of the keys of a multi-get these are not there.
pub const MISSING: [usize; 2] = [3, 7];
pub const HITS: usize = 8;
/// What the counter holds before the call.
pub const COUNTER: u64 = 41_000;
/// The flags of the values.
pub const FLAGS: u32 = 77;

/// The items that the call under the fault meets.
pub fn items(case: &Case) -> Vec<(String, Vec<u8>)> {
    let mut items = Vec::new();
    for (i, key) in keys(case.op).into_iter().enumerate() {
        let missing = case.absent || (case.op == Op::Mget && MISSING.contains(&i));
        if missing {
            continue;
        }
        let value = match case.op {
            Op::Incr => COUNTER.to_string().into_bytes(),
            // The old value, which the call replaces.
            Op::Set => value::make(&key, "loader", 0, value::USUAL),
            Op::Get | Op::Mget => case.value(&key, "loader", 0),
        };
        items.push((key, value));
    }
    items
}

/// What the server answers to the case's call when nothing is wrong.
pub fn healthy_reply(case: &Case) -> Vec<u8> {
    let keys = keys(case.op);
    let line = match case.op {
        Op::Get | Op::Mget => format!("get {}\r\n", keys.join(" ")),
        Op::Set => format!("set {} 0 0 1\r\nx\r\n", keys[0]),
        Op::Incr => format!("incr {} 1\r\n", keys[0]),
    };
    let now = Instant::now();
    let mut store = Store::default();
    for (key, data) in items(case) {
        store.put(
            key.as_bytes(),
            Item {
                data,
                flags: FLAGS,
                cas: 0,
                expires: None,
            },
            0,
            now,
        );
    }
    match frame::request(line.as_bytes()) {
        Framed::Whole(request, _) => model::carry_out(&mut store, &request, 1, now).reply.bytes(),
        other => unreachable!("a whole request is framed, not {other:?}"),
    }
}

/// The healthy reply to `op` on the usual values.
fn usual_reply(op: Op) -> Vec<u8> {
    healthy_reply(&Case::new("", "", op, Attack::None))
}
