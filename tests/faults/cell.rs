//! One cell of the matrix: a fresh server, a fresh client, three calls before, one under the
//! fault, four after.

use std::time::Instant;

use super::catalogue::{self, Attack, Case, FLAGS, MISSING};
use super::ledger::{Event, What};
use super::net::{Server, Transport};
use super::oracle::World;
use super::outcome::{Ask, Call, DEADLINE, Op, Setup, Subject, call};
use super::rule::{Rule, When};
use super::value;
use super::verdict::{Verdict, judge, tell};

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
            "{}/{}/{}/{}/{:?}/shortcut={}/paranoid={}",
            self.case.column.name(),
            self.case.fault,
            self.case.variant,
            self.case.op.name(),
            self.transport,
            switch(self.shortcut),
            switch(self.paranoid)
        )
    }

    /// Whether a wrong answer here is one that no client of the protocol can avoid.
    pub fn blind(&self) -> bool {
        self.case.blind && !self.paranoid
    }
}

/// What of a cell is looked at when it is over.
pub struct Record {
    pub before: Vec<Call>,
    pub quiet: Option<Call>,
    pub under: Call,
    pub after: Vec<Call>,
    pub failed_quietly: Option<u64>,
    /// No connection outlived the client.
    pub gone: bool,
}

impl Record {
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.before
            .iter()
            .chain(&self.quiet)
            .chain([&self.under])
            .chain(&self.after)
    }
}

pub fn run(cell: &Cell, make: &dyn Fn(&Setup) -> Box<dyn Subject>) -> Verdict {
    let began = Instant::now();
    let server = Server::start(cell.transport).expect("a server on loopback");
    load(&server, &cell.case);
    let setup = Setup {
        endpoint: server.endpoint().clone(),
        column: cell.case.column,
        paranoid: cell.paranoid,
        shortcut: cell.shortcut,
        item_size_max: (2 * cell.case.length).max(1 << 20),
    };
    let subject = make(&setup);
    let record = converse(cell, &server, subject);
    let events = server.ledger().events();
    let objections = {
        let store = server.store();
        judge(
            cell,
            &record,
            &World {
                store: &store,
                events: &events,
            },
        )
    };
    let story = if objections.is_empty() {
        Vec::new()
    } else {
        tell(began, &record, &events)
    };
    let starved = record
        .calls()
        .map(|call| call.starved)
        .max()
        .unwrap_or_default();
    Verdict {
        objections,
        story,
        span: (began, Instant::now()),
        starved,
    }
}

fn converse(cell: &Cell, server: &Server, mut subject: Box<dyn Subject>) -> Record {
    let case = &cell.case;
    let before = [Op::Get, Op::Set, Op::Incr]
        .map(|op| call(&mut *subject, usual(op, "b")))
        .to_vec();
    let settled = server.settled();
    let scripts = if matches!(case.attack, Attack::Restart(..)) {
        0
    } else {
        1
    };
    let quiet = attack(case, server, &mut *subject);
    let under = call(&mut *subject, asked(case));
    if case.settle {
        server.wait_settled(settled + scripts);
    }
    let first = Op::ALL.iter().position(|op| *op == case.op).unwrap_or(0);
    let order = (0..Op::ALL.len()).map(|i| Op::ALL[(first + i) % Op::ALL.len()]);
    let after = order
        .map(|op| call(&mut *subject, usual(op, "a")))
        .collect();
    let failed_quietly = case.quiet_failures.map(|_| subject.failed_quietly());
    drop(subject);
    let gone = server.wait_gone();
    Record {
        before,
        quiet,
        under,
        after,
        failed_quietly,
        gone,
    }
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
        Attack::Quiet(kind, then) => {
            server.arm(Rule::once(When::Request(*kind), then.clone()));
            let data = value::make("q-set", "client", 1, value::USUAL);
            let quiet = call(subject, Ask::QuietSet("q-set".into(), data, FLAGS));
            // What the quiet set meets has happened when the call begins.
            server
                .ledger()
                .wait(DEADLINE, |events| asked_for(events, b"q-set"));
            return Some(quiet);
        }
        Attack::None => {}
    }
    None
}

/// Whether a request for `key` has been read.
pub fn asked_for(events: &[Event], key: &[u8]) -> bool {
    events.iter().any(
        |event| matches!(&event.what, What::Request(_, request) if request.keys().contains(&key)),
    )
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
        Op::Set => Ask::Set(
            key("set"),
            value::make(&key("set"), "client", 1, value::USUAL),
            FLAGS,
        ),
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
