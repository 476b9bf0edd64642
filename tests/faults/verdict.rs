//! What is to be said of a cell when it is over.

use std::time::{Duration, Instant};

use super::catalogue::{self, Attack, Case, MISSING, Must};
use super::cell::{Cell, Record, asked_for};
use super::ledger::{Event, What};
use super::oracle::{Kind, Objection, World};
use super::outcome::{Call, DEADLINE, Outcome, status};
use super::value;

pub struct Verdict {
    pub objections: Vec<Objection>,
    /// What happened, for a report; nothing where nothing is to be reported.
    pub story: Vec<String>,
    /// The times at which the cell began and ended.
    pub span: (Instant, Instant),
    /// How long a call waited for a processor, at most.
    pub starved: Duration,
}

/// From here on a call waited for a processor long enough to be late for that alone.
const STARVED: Duration = Duration::from_millis(20);

impl Verdict {
    /// Whether the objections are all such as a machine that is busy elsewhere can cause.
    pub fn may_be_the_machine(&self) -> bool {
        let timeout = format!("{:#06x}", status::TIMEOUT);
        let late = |text: &str| text.contains(&timeout) || text.contains("took");
        let slow = |objection: &Objection| match objection.kind {
            Kind::Overrun => true,
            // A call that sleeps through its deadline finds what came too late.
            Kind::Unexpected => late(&objection.text) || self.was_starved(),
            Kind::Reused | Kind::NotFired => self.was_starved(),
            _ => false,
        };
        !self.objections.is_empty() && self.objections.iter().all(slow)
    }

    pub fn was_starved(&self) -> bool {
        self.starved > STARVED
    }
}

pub fn judge(cell: &Cell, record: &Record, world: &World) -> Vec<Objection> {
    let case = &cell.case;
    let mut objections = Vec::new();
    for call in record.calls() {
        objections.extend(world.judge(call));
    }
    let mut unexpected = |text: String| objections.push(Objection::new(Kind::Unexpected, text));
    for call in &record.before {
        expect(Must::Right, call, "before").map(&mut unexpected);
    }
    expect(case.must, &record.under, "under the fault").map(&mut unexpected);
    let leftover = case.residue && !cell.paranoid;
    for (i, call) in record.after.iter().enumerate() {
        let must = if leftover && i == 0 {
            Must::Either
        } else {
            Must::Right
        };
        expect(must, call, "after").map(&mut unexpected);
    }
    if case.at_once && record.under.took() > DEADLINE * 3 / 4 {
        unexpected(format!(
            "took {:?}, but had nothing to wait for",
            record.under.took()
        ));
    }
    if case.quiet_failures != record.failed_quietly {
        unexpected(format!(
            "{:?} quiet sets failed, it says, not {:?}",
            record.failed_quietly, case.quiet_failures
        ));
    }
    objections.extend(fired(case, world.events));
    if !record.gone {
        objections.push(Objection::new(
            Kind::Leak,
            "a connection outlived its client",
        ));
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
    let fired = |connection| {
        let mut own = events.iter().filter(|event| event.connection == connection);
        own.any(|event| matches!(event.what, What::Fired))
    };
    // By its keys, not by its time: the server may read late what was sent early.
    let names: Vec<&str> = later.iter().flat_map(|call| call.ask.keys()).collect();
    let of_later = |event: &&Event| match &event.what {
        What::Request(_, request) => {
            let keys = request.keys();
            names.iter().any(|name| keys.contains(&name.as_bytes()))
        }
        _ => false,
    };
    let again = events
        .iter()
        .filter(of_later)
        .find(|event| fired(event.connection))?;
    let text = format!("connection {} carried another call", again.connection);
    Some(Objection::new(Kind::Reused, text))
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
            let values = outcomes
                .iter()
                .filter(|outcome| matches!(outcome, Outcome::Value(..)))
                .count();
            values == count
                && values + failed == outcomes.len()
                && starts_with_hits(outcomes, count)
        }
    };
    if fits {
        return None;
    }
    let shown: Vec<String> = outcomes.iter().map(brief).collect();
    Some(format!(
        "{when}: {:?} must be {must:?}, is {}",
        call.ask.keys(),
        shown.join(", ")
    ))
}

/// Whether the values are those of the first keys that have one.
fn starts_with_hits(outcomes: &[Outcome], count: usize) -> bool {
    let hits = outcomes
        .iter()
        .enumerate()
        .filter(|(i, _)| !MISSING.contains(i));
    hits.take(count)
        .all(|(_, outcome)| matches!(outcome, Outcome::Value(..)))
}

fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Value(_, data, _) => value::describe(data),
        Outcome::Failed {
            status,
            text,
            effect,
        } => format!("{status:#06x} (effect {effect}) {text}"),
        other => format!("{other:?}"),
    }
}

pub fn tell(began: Instant, record: &Record, events: &[Event]) -> Vec<String> {
    let mut lines: Vec<(Instant, String)> = events
        .iter()
        .map(|event| (event.at, event.describe(began)))
        .collect();
    for call in record.calls() {
        let at = |moment: Instant| (moment - began).as_micros() as f64 / 1000.0;
        let shown: Vec<String> = call.answer.outcomes.iter().map(brief).collect();
        let keys = call.ask.keys().join(" ");
        lines.push((
            call.start,
            format!("{:9.3} ms  call {keys}", at(call.start)),
        ));
        lines.push((
            call.end,
            format!(
                "{:9.3} ms  returned {keys}: {}",
                at(call.end),
                shown.join(", ")
            ),
        ));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}
