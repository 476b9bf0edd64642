//! One cell of the matrix: a fresh server, a fresh client, three calls before, one under the
//! fault, four after.

use std::time::{Duration, Instant};

use super::catalogue::{self, Attack, Case, FLAGS, MISSING, Must};
use super::ledger::{Event, What};
use super::net::{Server, Transport};
use super::oracle::{Kind, Objection, World};
use super::outcome::{Ask, Call, DEADLINE, Op, Outcome, Setup, Subject, call, status};
use super::rule::{self, Rule, When};
use super::value;

#[derive(Clone, Debug)]
pub struct Cell {
    pub case: Case,
    pub transport: Transport,
    pub shortcut: bool,
    pub paranoid: bool,
}

impl Cell {
    pub fn name(&self) -> String {
        let switch = |on| if on { "on" } else { "off" };
        format!(
            "{}/{}/{}/{:?}/shortcut={}/paranoid={}",
            self.case.fault,
            self.case.variant,
            self.case.op.name(),
            self.transport,
            switch(self.shortcut),
            switch(self.paranoid)
        )
    }

    /// Whether a wrong answer here is one that no client of the ASCII protocol can avoid.
    pub fn blind(&self) -> bool {
        self.case.blind && !self.paranoid
    }
}

pub struct Verdict {
    pub objections: Vec<Objection>,
    /// What happened, for a report; nothing where nothing is to be reported.
    pub story: Vec<String>,
    /// The times at which the cell began and ended.
    pub span: (Instant, Instant),
    /// How long a call waited for a processor, at most.
    pub starved: Duration,
}

impl Verdict {
    /// Whether the objections are all such as a machine that is busy elsewhere can cause.
    pub fn is_only_slow(&self) -> bool {
        let timeout = format!("{:#06x}", status::TIMEOUT);
        let slow = |objection: &Objection| match objection.kind {
            Kind::Overrun => true,
            Kind::Unexpected => objection.text.contains(&timeout) || objection.text.contains("took"),
            _ => false,
        };
        !self.objections.is_empty() && self.objections.iter().all(slow)
    }
}

/// What of a cell is looked at when it is over.
struct Record {
    before: Vec<Call>,
    quiet: Option<Call>,
    under: Call,
    after: Vec<Call>,
    failed_quietly: Option<u64>,
    gone: bool,
}

pub fn run(cell: &Cell, make: &dyn Fn(&Setup) -> Box<dyn Subject>) -> Verdict {
    let began = Instant::now();
    let server = Server::start(cell.transport).expect("a server on loopback");
    load(&server, &cell.case);
    let setup = Setup {
        endpoint: server.endpoint().clone(),
        paranoid: cell.paranoid,
        shortcut: cell.shortcut,
        item_size_max: (2 * cell.case.length).max(1 << 20),
    };
    let subject = make(&setup);
    let record = converse(cell, &server, subject);
    let events = server.ledger().events();
    let objections = {
        let store = server.store();
        judge(cell, &record, &World { store: &store, events: &events })
    };
    let story = if objections.is_empty() { Vec::new() } else { tell(began, &record, &events) };
    let calls = record.before.iter().chain([&record.under]).chain(&record.after);
    let starved = calls.map(|call| call.starved).max().unwrap_or_default();
    Verdict { objections, story, span: (began, Instant::now()), starved }
}

fn converse(cell: &Cell, server: &Server, mut subject: Box<dyn Subject>) -> Record {
    let case = &cell.case;
    let before = [Op::Get, Op::Set, Op::Incr].map(|op| call(&mut *subject, usual(op, "b"))).to_vec();
    let settled = server.settled();
    let scripts = if matches!(case.attack, Attack::Restart(..)) { 0 } else { 1 };
    let quiet = attack(case, server, &mut *subject);
    let under = call(&mut *subject, asked(case));
    if case.settle {
        server.wait_settled(settled + scripts);
    }
    let first = Op::ALL.iter().position(|op| *op == case.op).unwrap_or(0);
    let order = (0..Op::ALL.len()).map(|i| Op::ALL[(first + i) % Op::ALL.len()]);
    let after = order.map(|op| call(&mut *subject, usual(op, "a"))).collect();
    let failed_quietly = case.quiet_failures.map(|_| subject.failed_quietly());
    drop(subject);
    let gone = server.wait_gone();
    Record { before, quiet, under, after, failed_quietly, gone }
}

/// Sets the fault up, and makes the quiet call where one belongs to it.
fn attack(case: &Case, server: &Server, subject: &mut dyn Subject) -> Option<Call> {
    match &case.attack {
        Attack::Warm(when, then) => server.arm(Rule::once(when.clone(), then.clone())),
        Attack::Fresh(when, then) => {
            subject.close_idle();
            server.arm(Rule::once(when.clone(), then.clone()));
        }
        Attack::Idle(steps) => drop(server.strike(steps)),
        Attack::Restart(end, pause) => drop(server.restart(*end, *pause)),
        Attack::Quiet(then) => {
            server.arm(Rule::once(When::Request(rule::Kind::Store), then.clone()));
            let data = value::make("q-set", "client", 1, value::USUAL);
            let quiet = call(subject, Ask::QuietSet("q-set".into(), data, FLAGS));
            // What the quiet set meets has happened when the call begins.
            server.ledger().wait(DEADLINE, |events| asked_for(events, b"q-set"));
            return Some(quiet);
        }
        Attack::None => {}
    }
    None
}

fn asked_for(events: &[Event], key: &[u8]) -> bool {
    events.iter().any(|event| matches!(&event.what, What::Request(_, request) if request.keys().contains(&key)))
}

/// What lies in the server: for the calls before and after, and for the one under the fault.
fn load(server: &Server, case: &Case) {
    for phase in ["b", "a"] {
        for op in Op::ALL {
            let ask = usual(op, phase);
            for (i, key) in ask.keys().into_iter().enumerate() {
                let missing = op == Op::Mget && MISSING.contains(&i);
                match op {
                    Op::Incr => server.load(key, b"7000", 0),
                    Op::Get | Op::Mget if !missing => {
                        server.load(key, &value::make(key, "loader", 0, value::USUAL), FLAGS);
                    }
                    _ => {}
                }
            }
        }
    }
    for (key, data) in catalogue::items(case) {
        let flags = if case.op == Op::Incr { 0 } else { FLAGS };
        server.load(&key, &data, flags);
    }
}

/// A call on keys of their own.
fn usual(op: Op, phase: &str) -> Ask {
    let key = |name: &str| format!("{phase}-{name}");
    match op {
        Op::Get => Ask::Get(key("get")),
        Op::Set => Ask::Set(key("set"), value::make(&key("set"), "client", 1, value::USUAL), FLAGS),
        Op::Mget => Ask::Mget((0..10).map(|i| key(&format!("m{i}"))).collect()),
        Op::Incr => Ask::Incr(key("ctr"), 1),
    }
}

/// The call under the fault.
fn asked(case: &Case) -> Ask {
    let keys = catalogue::keys(case.op);
    let key = keys[0].clone();
    match (case.op, case.room) {
        (Op::Get, Some(room)) => Ask::GetInto(key, room),
        (Op::Get, None) => Ask::Get(key),
        (Op::Set, _) => Ask::Set(key.clone(), case.value(&key, "client", 1), FLAGS),
        (Op::Mget, _) => Ask::Mget(keys),
        (Op::Incr, _) => Ask::Incr(key, 1),
    }
}

fn judge(cell: &Cell, record: &Record, world: &World) -> Vec<Objection> {
    let case = &cell.case;
    let mut objections = Vec::new();
    let calls = record.before.iter().chain(&record.quiet).chain([&record.under]).chain(&record.after);
    for call in calls {
        objections.extend(world.judge(call));
    }
    let mut unexpected = |text: String| objections.push(Objection::new(Kind::Unexpected, text));
    for call in &record.before {
        expect(Must::Right, call, "before").map(&mut unexpected);
    }
    expect(case.must, &record.under, "under the fault").map(&mut unexpected);
    let leftover = case.residue && !cell.paranoid;
    for (i, call) in record.after.iter().enumerate() {
        let must = if leftover && i == 0 { Must::Either } else { Must::Right };
        expect(must, call, "after").map(&mut unexpected);
    }
    if case.at_once && record.under.took() > DEADLINE * 3 / 4 {
        unexpected(format!("took {:?}, but had nothing to wait for", record.under.took()));
    }
    if case.quiet_failures != record.failed_quietly {
        unexpected(format!("{:?} quiet sets failed, it says, not {:?}", record.failed_quietly, case.quiet_failures));
    }
    objections.extend(fired(case, world.events));
    if !record.gone {
        objections.push(Objection::new(Kind::Leak, "a connection outlived its client"));
    }
    if case.closed {
        objections.extend(reused(world.events, &record.after[usize::from(leftover)..]));
    }
    objections
}

fn fired(case: &Case, events: &[Event]) -> Option<Objection> {
    let fired = match case.attack {
        Attack::None => asked_for(events, catalogue::keys(case.op)[0].as_bytes()),
        _ => events.iter().any(|event| matches!(event.what, What::Fired)),
    };
    (!fired).then(|| Objection::new(Kind::NotFired, "the fault did not take place"))
}

/// A request of a later call on a connection on which the fault fired.
fn reused(events: &[Event], later: &[Call]) -> Option<Objection> {
    let faulty: Vec<u32> =
        events.iter().filter(|e| matches!(e.what, What::Fired)).map(|e| e.connection).collect();
    // By its keys, not by its time: the server may read late what was sent early.
    let of_later = |key: &[u8]| later.iter().any(|call| call.ask.keys().iter().any(|k| k.as_bytes() == key));
    let again = events.iter().find(|event| {
        faulty.contains(&event.connection)
            && matches!(&event.what, What::Request(_, request) if request.keys().into_iter().any(of_later))
    })?;
    Some(Objection::new(Kind::Reused, format!("connection {} carried another call", again.connection)))
}

/// What is wrong with `call`, if it must be so.
fn expect(must: Must, call: &Call, when: &str) -> Option<String> {
    let outcomes = &call.answer.outcomes;
    let failed = outcomes.iter().filter(|outcome| outcome.failed()).count();
    let fits = match must {
        Must::Right => failed == 0,
        Must::Fail => failed > 0,
        Must::Either => true,
        Must::First(count) => {
            let values = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Value(..))).count();
            values == count && values + failed == outcomes.len() && starts_with_hits(outcomes, count)
        }
    };
    if fits {
        return None;
    }
    let shown: Vec<String> = outcomes.iter().map(brief).collect();
    Some(format!("{when}: {:?} must be {must:?}, is {}", call.ask.keys(), shown.join(", ")))
}

/// Whether the values are those of the first keys that have one.
fn starts_with_hits(outcomes: &[Outcome], count: usize) -> bool {
    let hits = outcomes.iter().enumerate().filter(|(i, _)| !MISSING.contains(i));
    hits.take(count).all(|(_, outcome)| matches!(outcome, Outcome::Value(..)))
}

pub fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Value(_, data, _) => value::describe(data),
        Outcome::Failed { status, text, effect } => format!("{status:#06x} (effect {effect}) {text}"),
        other => format!("{other:?}"),
    }
}

fn tell(began: Instant, record: &Record, events: &[Event]) -> Vec<String> {
    let mut lines: Vec<(Instant, String)> =
        events.iter().map(|event| (event.at, event.describe(began))).collect();
    let calls = record.before.iter().chain(&record.quiet).chain([&record.under]).chain(&record.after);
    for call in calls {
        let at = |moment: Instant| (moment - began).as_micros() as f64 / 1000.0;
        let shown: Vec<String> = call.answer.outcomes.iter().map(brief).collect();
        let keys = call.ask.keys().join(" ");
        lines.push((call.start, format!("{:9.3} ms  call {keys}", at(call.start))));
        lines.push((call.end, format!("{:9.3} ms  returned {keys}: {}", at(call.end), shown.join(", "))));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}
