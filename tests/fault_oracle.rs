//! The judge of the fault matrix is itself judged here: on a client that is careful, on clients
//! that leave one piece of care out, and on outcomes made by hand. The library takes no part.

mod faults;

use std::sync::Arc;
use std::time::{Duration, Instant};

use faults::catalogue::Catalogue;
use faults::cell::Cell;
use faults::frame::{self, Command, Framed, Verb};
use faults::ledger::{Event, What};
use faults::oracle::{Kind, World};
use faults::outcome::{Answer, Ask, Call, Op, Outcome, Protocol, Setup, Subject, effect, status};
use faults::plain::{Mistake, Plain};
use faults::store::{Item, Store};
use faults::{matrix, report};

fn plain(mistake: Option<Mistake>) -> Arc<matrix::Maker> {
    Arc::new(move |setup: &Setup| Box::new(Plain::new(setup, mistake)) as Box<dyn Subject>)
}

/// A careful client passes every cell, so every cell can be passed; and every fault fires.
#[test]
fn a_careful_client_passes_the_matrix() {
    let catalogue = Catalogue::new(Protocol::Ascii);
    for paranoid in [true, false] {
        // The plain client has no short-cut to switch off.
        let cells = matrix::cells(&catalogue, paranoid)
            .into_iter()
            .filter(|cell| cell.shortcut);
        let run = matrix::run(cells.collect(), plain(None));
        let title = format!("a careful client, paranoid {paranoid}");
        let totals = report::print(&title, &catalogue, &run);
        assert_eq!(totals.failed, 0, "{title}");
        assert_eq!(
            totals.blind > 0,
            !paranoid,
            "what cannot be told apart is seen, and only without a look"
        );
    }
}

/// What is said against a client that makes `mistake`, in the cells of one fault and call.
fn objections(mistake: Mistake, fault: &str, op: Op) -> Vec<Kind> {
    let catalogue = Catalogue::new(Protocol::Ascii);
    let cells = matrix::cells(&catalogue, true).into_iter();
    let wanted = |cell: &Cell| cell.case.fault == fault && cell.case.op == op && cell.shortcut;
    let run = matrix::run(cells.filter(wanted).collect(), plain(Some(mistake)));
    let objections = run
        .results
        .into_iter()
        .flat_map(|(_, verdict)| verdict.objections);
    objections.map(|objection| objection.kind).collect()
}

#[test]
fn every_missing_piece_of_care_is_seen() {
    let expected = [
        (Mistake::KeyUnchecked, "F06", Op::Get, Kind::Wrong),
        (Mistake::UnreadKept, "F04", Op::Incr, Kind::Wrong),
        (Mistake::UnreadKept, "F19", Op::Get, Kind::FalseMiss),
        (Mistake::ErrorIsMiss, "F12", Op::Mget, Kind::FalseMiss),
        (Mistake::LengthTrusted, "F14", Op::Get, Kind::Wrong),
        (Mistake::IncrRepeated, "F16", Op::Incr, Kind::DoubleApply),
        (Mistake::EndIsMiss, "F16", Op::Get, Kind::FalseMiss),
        (Mistake::DeadlinePerRead, "F26", Op::Set, Kind::Overrun),
        (Mistake::NeverApplied, "F16", Op::Incr, Kind::Effect),
        (Mistake::TimeoutKept, "F02", Op::Set, Kind::Reused),
        (Mistake::TimeoutKept, "F02", Op::Incr, Kind::Wrong),
        (Mistake::Panics, "F13", Op::Get, Kind::Death),
    ];
    for (mistake, fault, op, kind) in expected {
        let kinds = objections(mistake, fault, op);
        assert!(
            kinds.contains(&kind),
            "{mistake:?} under {fault} gives only {kinds:?}"
        );
    }
}

/// A history in which `key` holds a value from `from` on.
struct Past {
    store: Store,
    events: Vec<Event>,
    now: Instant,
}

impl Past {
    fn new() -> Past {
        Past {
            store: Store::default(),
            events: Vec::new(),
            now: Instant::now(),
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.now + Duration::from_millis(ms)
    }

    fn put(&mut self, key: &str, data: &str, cause: u64, ms: u64) {
        let item = Item {
            data: data.into(),
            flags: 0,
            cas: 0,
            expires: None,
        };
        self.store.put(key.as_bytes(), item, cause, self.at(ms));
    }

    fn request(&mut self, line: &str, reply: &str, ms: u64) {
        let Framed::Whole(request, _) = frame::request(line.as_bytes()) else {
            panic!("{line:?} is a request");
        };
        let at = self.at(ms);
        let mut add = |what| {
            self.events.push(Event {
                at,
                connection: 1,
                what,
            })
        };
        add(What::Request(1, request));
        add(What::Sent(reply.into(), reply.len()));
    }

    /// What is said against a call from 100 to `end` ms that came to this.
    fn judge(&self, ask: Ask, outcome: Outcome, end: u64) -> Vec<Kind> {
        let status = if outcome.failed() { 1 } else { 0 };
        let answer = Answer {
            status,
            outcomes: vec![outcome],
        };
        let (start, end) = (self.at(100), self.at(end));
        let call = Call {
            ask,
            start,
            end,
            starved: Duration::ZERO,
            answer,
        };
        let world = World {
            store: &self.store,
            events: &self.events,
        };
        world
            .judge(&call)
            .into_iter()
            .map(|objection| objection.kind)
            .collect()
    }
}

fn value(key: &str, data: &str) -> Outcome {
    Outcome::Value(key.into(), data.into(), 0)
}

fn failure(effect: u32) -> Outcome {
    Outcome::Failed {
        status: status::TIMEOUT,
        text: String::new(),
        effect,
    }
}

fn get() -> Ask {
    Ask::Get("k".into())
}

fn set(data: &str) -> Ask {
    Ask::Set("k".into(), data.into(), 0)
}

fn incr() -> Ask {
    Ask::Incr("k".into(), 1)
}

#[test]
fn a_value_must_have_been_there_during_the_call() {
    let mut past = Past::new();
    past.put("k", "old", 0, 0);
    past.put("k", "new", 7, 120);
    past.put("k", "newest", 8, 300);
    assert_eq!(past.judge(get(), value("k", "old"), 150), []);
    assert_eq!(past.judge(get(), value("k", "new"), 150), []);
    assert_eq!(past.judge(get(), value("k", "newest"), 150), [Kind::Wrong]);
    assert_eq!(past.judge(get(), value("k", "old"), 110), []);
    assert_eq!(past.judge(get(), value("k", "new"), 110), [Kind::Wrong]);
    assert_eq!(past.judge(get(), value("j", "old"), 150), [Kind::Wrong]);
    assert_eq!(past.judge(get(), Outcome::Done, 150), [Kind::Wrong]);
}

#[test]
fn a_miss_must_be_true_and_said() {
    let mut past = Past::new();
    assert_eq!(
        past.judge(get(), Outcome::Miss, 150),
        [Kind::FalseMiss],
        "true, but nobody said so"
    );
    past.request("get k\r\n", "SERVER_ERROR x\r\n", 120);
    assert_eq!(
        past.judge(get(), Outcome::Miss, 150),
        [Kind::FalseMiss],
        "an error is no miss"
    );
    past.request("get k\r\n", "END\r\n", 130);
    assert_eq!(past.judge(get(), Outcome::Miss, 150), []);
    assert_eq!(
        past.judge(get(), Outcome::Miss, 125),
        [Kind::FalseMiss],
        "said after the call"
    );
    past.put("k", "there", 0, 0);
    assert_eq!(
        past.judge(get(), Outcome::Miss, 150),
        [Kind::FalseMiss],
        "said, but not true"
    );
}

#[test]
fn lateness_and_death_are_seen() {
    let mut past = Past::new();
    past.put("k", "v", 0, 0);
    assert_eq!(past.judge(get(), value("k", "v"), 340), []);
    assert_eq!(past.judge(get(), value("k", "v"), 360), [Kind::Overrun]);
    let panic = Outcome::Failed {
        status: status::INTERNAL,
        text: "caught".into(),
        effect: 0,
    };
    assert_eq!(past.judge(get(), panic, 150), [Kind::Death]);
}

#[test]
fn a_write_must_have_the_effect_it_claims() {
    let mut past = Past::new();
    past.put("k", "old", 0, 0);
    assert_eq!(
        past.judge(set("new"), Outcome::Done, 150),
        [Kind::Wrong],
        "stored, it says"
    );
    assert_eq!(
        past.judge(set("new"), failure(effect::NOT_APPLIED), 150),
        []
    );
    assert_eq!(
        past.judge(set("new"), failure(effect::APPLIED), 150),
        [Kind::Effect]
    );
    assert_eq!(
        past.judge(set("new"), failure(0), 150),
        [Kind::Effect],
        "a failed write must say something"
    );
    assert_eq!(
        past.judge(set("new"), failure(effect::REMOVED), 150),
        [Kind::Effect]
    );
    past.put("k", "new", 3, 400);
    assert_eq!(
        past.judge(set("new"), failure(effect::NOT_APPLIED), 150),
        [Kind::Effect],
        "applied later"
    );
    assert_eq!(past.judge(set("new"), failure(effect::UNKNOWN), 150), []);
    assert_eq!(
        past.judge(set("new"), Outcome::Done, 150),
        [Kind::Wrong],
        "not yet stored"
    );
    assert_eq!(past.judge(set("new"), Outcome::Done, 410), [Kind::Overrun]);
}

#[test]
fn a_removed_value_is_not_untouched() {
    let mut past = Past::new();
    past.put("k", "old", 0, 0);
    let at = past.at(120);
    past.store.remove(b"k", 5, at);
    assert_eq!(
        past.judge(set("new"), failure(effect::NOT_APPLIED), 150),
        [Kind::Effect]
    );
    assert_eq!(past.judge(set("new"), failure(effect::REMOVED), 150), []);
}

#[test]
fn a_counter_counts_every_call_once() {
    let mut past = Past::new();
    past.put("k", "5", 0, 0);
    assert_eq!(past.judge(incr(), Outcome::Number(6), 150), [Kind::Wrong]);
    past.put("k", "6", 3, 120);
    assert_eq!(past.judge(incr(), Outcome::Number(6), 150), []);
    assert_eq!(past.judge(incr(), Outcome::Number(7), 150), [Kind::Wrong]);
    assert_eq!(
        past.judge(incr(), failure(effect::NOT_APPLIED), 150),
        [Kind::Effect]
    );
    assert_eq!(past.judge(incr(), failure(effect::APPLIED), 150), []);
    past.put("k", "7", 4, 130);
    assert_eq!(
        past.judge(incr(), Outcome::Number(6), 150),
        [Kind::DoubleApply]
    );
    assert_eq!(
        past.judge(incr(), failure(effect::UNKNOWN), 150),
        [Kind::DoubleApply]
    );
}

#[test]
fn a_request_ends_where_memcached_ends_it() {
    let whole = |bytes: &[u8]| match frame::request(bytes) {
        Framed::Whole(request, used) => (*request, used),
        other => panic!("{other:?} for {bytes:?}"),
    };
    let bytes = b"set k 1 2 3 noreply\r\nab\nXX\r\nget k\r\n";
    let (request, used) = whole(bytes);
    assert_eq!(
        (request.body.as_slice(), request.whole, request.noreply),
        (b"ab\n".as_slice(), false, true)
    );
    assert_eq!(&bytes[used..], b"\r\nget k\r\n");
    for cut in 0..used {
        assert_eq!(frame::request(&bytes[..cut]), Framed::More, "{cut} bytes");
    }
    let store = |verb, cas| Command::Store {
        verb,
        key: b"k".to_vec(),
        flags: 1,
        exptime: 2,
        length: 0,
        cas,
    };
    assert_eq!(whole(b"cas k 1 2 0 9\n\r\n").0.command, store(Verb::Cas, 9));
    assert!(matches!(
        whole(b"set k 1 2 -1\r\n").0.command,
        Command::Refused(_)
    ));
    let many = format!("get {}\r\n", "key ".repeat(16_000));
    assert_eq!(whole(many.as_bytes()).0.keys().len(), 16_000);
    assert_eq!(
        frame::request(&many.as_bytes()[..many.len() - 2]),
        Framed::More
    );
    assert_eq!(frame::request("x".repeat(2049).as_bytes()), Framed::TooLong);
    assert_eq!(
        frame::request(format!("get {}", "x".repeat(1 << 20)).as_bytes()),
        Framed::TooLong
    );
}
