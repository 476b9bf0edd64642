//! The faults, each with its variants, what they may be tried on, and what a client must make of
//! them.

mod cut;
mod garbage;
mod identity;
mod number;
mod refusal;
mod shape;
mod surplus;
mod tagged;
mod timing;
mod words;

use std::time::{Duration, Instant};

use super::frame::binary::{Frame, opcode};
use super::frame::{self, Framed};
use super::model;
use super::net::Transport;
use super::outcome::{Column, Op, Protocol};
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
    /// A quiet set goes before the call, and a request of this kind meets these actions.
    Quiet(Kind, Vec<Action>),
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
    pub column: Column,
    /// What is spoken in it.
    pub protocol: Protocol,
    pub fault: &'static str,
    pub variant: String,
    pub op: Op,
    pub attack: Attack,
    pub must: Must,
    /// The connection may not carry another request.
    pub closed: bool,
    /// Something is left for the next call to find: without `paranoid`, that one may fail.
    pub residue: bool,
    /// Without `paranoid` the protocol cannot tell this from the truth.
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
            column: Column::default(),
            protocol: Protocol::Ascii,
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
    pub column: Column,
    /// What the cases are in that are added.
    protocol: Protocol,
    pub cases: Vec<Case>,
    pub exclusions: Vec<Exclusion>,
}

impl Catalogue {
    pub fn of(column: Column) -> Catalogue {
        match column {
            Column::Of(protocol) => Catalogue::new(protocol),
            Column::Auto => Catalogue::of_both(),
        }
    }

    pub fn new(protocol: Protocol) -> Catalogue {
        let mut catalogue = Catalogue {
            protocol,
            column: Column::Of(protocol),
            ..Catalogue::default()
        };
        timing::add(&mut catalogue);
        surplus::add(&mut catalogue);
        identity::add(&mut catalogue);
        refusal::add(&mut catalogue);
        shape::add(&mut catalogue);
        cut::add(&mut catalogue);
        number::add(&mut catalogue);
        garbage::add(&mut catalogue);
        tagged::add(&mut catalogue);
        catalogue.cases.sort_by_key(|case| case.fault);
        catalogue
            .exclusions
            .sort_by_key(|exclusion| exclusion.fault);
        catalogue
    }

    /// What a client meets that asks for the version with its first command, which is in ASCII, and then
    /// speaks meta, but for multi-gets.
    fn of_both() -> Catalogue {
        let (lines, meta) = (
            Catalogue::new(Protocol::Ascii),
            Catalogue::new(Protocol::Meta),
        );
        let in_lines =
            |case: &Case| case.op == Op::Mget || matches!(case.attack, Attack::Fresh(..));
        let own = lines.cases.into_iter().filter(in_lines);
        let others = meta.cases.into_iter().filter(|case| !in_lines(case));
        let auto = |case| Case {
            column: Column::Auto,
            ..case
        };
        let mut catalogue = Catalogue {
            protocol: Protocol::default(),
            column: Column::Auto,
            cases: own.chain(others).map(auto).collect(),
            exclusions: Vec::new(),
        };
        for (exclusions, in_lines) in [(lines.exclusions, true), (meta.exclusions, false)] {
            for Exclusion { fault, ops, rule } in exclusions {
                let ops: Vec<Op> = ops
                    .into_iter()
                    .filter(|op| (*op == Op::Mget) == in_lines)
                    .collect();
                // Where the first command of a connection has cases, it is not excluded.
                let has_cases = |op: &Op| {
                    let mut cases = catalogue.cases.iter();
                    cases.any(|case| case.fault == fault && case.op == *op)
                };
                let ops: Vec<Op> = ops.into_iter().filter(|op| !has_cases(op)).collect();
                if !ops.is_empty() {
                    catalogue.exclude(fault, &ops, rule);
                }
            }
        }
        catalogue.cases.sort_by_key(|case| case.fault);
        catalogue
            .exclusions
            .sort_by_key(|exclusion| exclusion.fault);
        catalogue
    }

    fn add(&mut self, case: Case) {
        let protocol = self.protocol;
        let blind = case.blind && !protocol.has_opaques();
        self.cases.push(Case {
            protocol,
            column: Column::Of(protocol),
            blind,
            ..case
        });
    }

    /// The healthy reply to `op` on the usual values.
    fn usual_reply(&self, op: Op) -> Vec<u8> {
        let case = Case::new("", "", op, Attack::None);
        healthy_reply(&case, self.protocol)
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

/// What the server answers to the case's call when nothing is wrong, with opaques of ten digits.
pub fn healthy_reply(case: &Case, protocol: Protocol) -> Vec<u8> {
    let now = Instant::now();
    let mut store = Store::default();
    for (key, data) in items(case) {
        let flags = FLAGS;
        let item = Item {
            data,
            flags,
            cas: 0,
            expires: None,
        };
        store.put(key.as_bytes(), item, 0, now);
    }
    match frame::request(&usual_request(case.op, protocol)) {
        Framed::Whole(request, _) => model::carry_out(&mut store, &request, 1, now).reply.bytes(),
        other => unreachable!("a whole request is framed, not {other:?}"),
    }
}

/// A request such as clients make for the call under the fault.
fn usual_request(op: Op, protocol: Protocol) -> Vec<u8> {
    let keys = keys(op);
    let opaques = FIRST_OPAQUE..;
    match (protocol, op) {
        (Protocol::Ascii, Op::Get | Op::Mget) => format!("get {}\r\n", keys.join(" ")).into(),
        (Protocol::Ascii, Op::Set) => format!("set {} 0 0 1\r\nx\r\n", keys[0]).into(),
        (Protocol::Ascii, Op::Incr) => format!("incr {} 1\r\n", keys[0]).into(),
        (Protocol::Meta, Op::Get | Op::Mget) => {
            let quiet = if op == Op::Get { "" } else { " q" };
            let line = |(key, opaque)| format!("mg {key} v k f{quiet} O{opaque}\r\n");
            let lines: String = keys.iter().zip(opaques).map(line).collect();
            let barrier = if op == Op::Get { "" } else { "mn\r\n" };
            [lines.as_str(), barrier].concat().into()
        }
        (Protocol::Meta, Op::Set) => {
            format!("ms {} 1 F{FLAGS} O{FIRST_OPAQUE}\r\nx\r\n", keys[0]).into()
        }
        (Protocol::Meta, Op::Incr) => format!("ma {} MI v D1 O{FIRST_OPAQUE}\r\n", keys[0]).into(),
        (Protocol::Binary, _) => {
            let frame = |(opcode, extras, key): (u8, usize, &str), opaque| Frame {
                opcode,
                opaque,
                cas: 0,
                extras: vec![0; extras],
                key: key.into(),
                value: Vec::new(),
            };
            let (opcode, extras) = match op {
                Op::Get => (opcode::GETK, 0),
                Op::Mget => (opcode::GETKQ, 0),
                Op::Set => (opcode::SET, 8),
                Op::Incr => (opcode::INCREMENT, 20),
            };
            let own = keys.iter().map(|key| (opcode, extras, key.as_str()));
            let barrier = (op == Op::Mget).then_some((opcode::NOOP, 0, ""));
            let frames = own.chain(barrier).zip(opaques);
            let bytes = frames.map(|(what, opaque)| frame(what, opaque).bytes());
            bytes.collect::<Vec<_>>().concat()
        }
    }
}

const FIRST_OPAQUE: u32 = 4_000_000_000;
