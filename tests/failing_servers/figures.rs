//! What the calls show, trouble by trouble: printed, and held against what is promised.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use crate::board::Board;
use crate::fleet::name;
use crate::load::{Call, Log};
use crate::support::client::{self, CIRCUIT_OPEN, TIMEOUT};
use crate::support::observed::{DOWN, Event};
use crate::troubles::CALLERS;
use crate::{FAILURES, PAUSE, RETURN, milliseconds};

/// One server, from when it was troubled until it was back.
pub struct Trouble {
    pub what: &'static str,
    pub slot: usize,
    /// The server ends, or is silent; otherwise no call may fail.
    pub hurts: bool,
    /// That were open to it before.
    pub connections: u64,
    pub from: Duration,
    pub back: Duration,
}

struct Figures<'a> {
    trouble: &'a Trouble,
    /// Of the slot, that were under way between the trouble and the next one.
    calls: Vec<&'a Call>,
    /// When the server was taken for down, if it was.
    opened: Option<Duration>,
    /// How much later than RETURN the machine itself may have been: threads that slept woke that late.
    slack: Duration,
}

/// Prints, and panics for what must not be.
pub fn judge(board: &Board, logs: Vec<Log>, troubles: &[Trouble], events: &[Event]) {
    let (mut calls, mut late) = (Vec::new(), Vec::new());
    for log in logs {
        calls.extend(log.calls);
        late.extend(log.late);
    }
    calls.sort_by_key(|call| call.begin);
    let wrong: Vec<_> = calls.iter().flat_map(|call| &call.wrong).collect();
    println!(
        "{} calls of {CALLERS} threads; {} keys read whose value had to be there; {} wrong answers and false \
         misses",
        calls.len(),
        board.strict.load(SeqCst),
        wrong.len()
    );
    let (mut failures, mut explained) = (Vec::new(), vec![false; calls.len()]);
    for (n, trouble) in troubles.iter().enumerate() {
        let end = troubles.get(n + 1).map_or(Duration::MAX, |next| next.from);
        let meanwhile = |call: &Call| trouble.from <= call.end && call.begin < end;
        let is_its = |call: &Call| call.slot == trouble.slot && meanwhile(call);
        for (call, explained) in calls.iter().zip(&mut explained) {
            *explained |= is_its(call);
        }
        let woke = late
            .iter()
            .filter(|(at, _)| trouble.from <= *at && *at < end);
        let slack = woke.map(|(_, late)| *late * 2).max().unwrap_or_default();
        let figures = Figures {
            trouble,
            calls: calls.iter().filter(|call| is_its(call)).collect(),
            opened: opened(board.began, trouble, end, events),
            slack: slack + Duration::from_millis(50),
        };
        figures.print();
        failures.extend(figures.broken());
    }
    // The others' servers were in no trouble.
    let strays = calls
        .iter()
        .zip(&explained)
        .filter(|(_, explained)| !**explained);
    failures.extend(strays.filter_map(|(call, _)| {
        let (status, server) = (client::name(call.failed?), name(call.slot));
        Some(format!("{server} at {:?}: {status}", call.begin))
    }));
    assert!(board.strict.load(SeqCst) > calls.len() / 4);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(failures.is_empty(), "{failures:#?}");
}

fn opened(began: Instant, trouble: &Trouble, end: Duration, events: &[Event]) -> Option<Duration> {
    let its = |event: &&Event| event.what == DOWN && event.server == name(trouble.slot);
    let times = events.iter().filter(its).map(|event| event.at - began);
    times.filter(|at| trouble.from <= *at && *at < end).min()
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

impl Figures<'_> {
    /// Of those, the calls that failed otherwise than for the server being left alone.
    fn lost(&self) -> Vec<&Call> {
        let is = |call: &&&Call| call.failed.is_some_and(|status| status != CIRCUIT_OPEN);
        self.calls.iter().filter(is).copied().collect()
    }

    fn while_down(&self, call: &Call) -> bool {
        self.trouble.from <= call.begin && call.begin <= self.trouble.back
    }

    /// Single calls that were begun after the server was taken for down, and before it was back.
    fn after_opening(&self) -> Vec<&Call> {
        let Some(opened) = self.opened else {
            return Vec::new();
        };
        let is = |call: &&&Call| {
            opened <= call.begin && call.begin < self.trouble.back && !call.is_batch
        };
        self.calls.iter().filter(is).copied().collect()
    }

    /// From the server's return to the first answer.
    fn recovery(&self) -> Option<Duration> {
        let back = self.trouble.back;
        let answered = self.calls.iter().filter(|call| call.failed.is_none());
        let after = answered.map(|call| call.end).filter(|end| *end >= back);
        Some(after.min()? - back)
    }

    /// Calls that fail although they were begun long enough after the server's return.
    fn too_late(&self) -> Vec<String> {
        let end = self.trouble.back + RETURN + self.slack;
        let late = self.calls.iter().filter(|call| call.begin > end);
        late.filter_map(|call| Some((call, call.failed?)))
            .map(|(call, status)| {
                let after = call.begin - self.trouble.back;
                format!("{} {after:?} after the return", client::name(status))
            })
            .collect()
    }

    fn timeouts_before_opening(&self) -> usize {
        let before = |call: &&&Call| self.opened.is_none_or(|opened| call.end < opened);
        let its = self.calls.iter().filter(before);
        its.filter(|call| call.failed == Some(TIMEOUT)).count()
    }

    fn print(&self) {
        let Trouble {
            what,
            slot,
            connections,
            from,
            back,
            ..
        } = self.trouble;
        let lost = self.lost();
        let beside = lost.iter().filter(|call| !self.while_down(call)).count();
        let refused = self
            .calls
            .iter()
            .filter(|call| call.failed == Some(CIRCUIT_OPEN));
        println!(
            "{} {what}: {:.0} ms, {connections} connections, {} calls, {} failed, {beside} of them issued \
             before or after, {} left alone; first answer {:.1} ms after the return",
            name(*slot),
            milliseconds(*back - *from),
            self.calls.len(),
            lost.len(),
            refused.count(),
            self.recovery().map_or(f64::NAN, milliseconds),
        );
        let after = self.after_opening();
        let (Some(opened), false) = (self.opened, after.is_empty()) else {
            return;
        };
        let mut took: Vec<_> = after.iter().map(|call| call.end - call.begin).collect();
        took.sort();
        let quick = took.iter().filter(|took| **took < Duration::from_millis(1));
        println!(
            "    taken for down after {:.1} ms and {} timeouts; then {} calls, {:.2} % under 1 ms, median \
             {:.3} ms, {:.2} % waited for nothing",
            milliseconds(opened - *from),
            self.timeouts_before_opening(),
            took.len(),
            share(quick.count(), took.len()),
            milliseconds(took[took.len() / 2]),
            share(after.iter().filter(|call| !call.waited).count(), took.len()),
        );
    }

    /// The promises that do not hold.
    fn broken(&self) -> Vec<String> {
        let mut broken = self.too_late();
        let mut hold = |is: bool, what: String| {
            if !is {
                broken.push(format!(
                    "{} {}: {what}",
                    name(self.trouble.slot),
                    self.trouble.what
                ));
            }
        };
        let failed = self
            .calls
            .iter()
            .filter(|call| call.failed.is_some())
            .count();
        hold(
            self.trouble.hurts || failed == 0,
            format!("{failed} calls failed"),
        );
        let lost = self.lost();
        let (down, beside): (Vec<&Call>, Vec<&Call>) =
            lost.into_iter().partition(|call| self.while_down(call));
        hold(
            beside.len() as u64 <= self.trouble.connections,
            format!(
                "{} calls lost to {} connections",
                beside.len(),
                self.trouble.connections
            ),
        );
        // Those that it takes to see that the server is down, what was under way then, and tries.
        let tries = (self.trouble.back - self.trouble.from).as_millis() / PAUSE.as_millis() + 1;
        hold(
            down.len() <= FAILURES + CALLERS + tries as usize,
            format!("{} calls failed while it was down", down.len()),
        );
        hold(
            self.timeouts_before_opening() <= FAILURES + CALLERS,
            format!(
                "{} timeouts before it was taken for down",
                self.timeouts_before_opening()
            ),
        );
        hold(
            self.recovery()
                .is_some_and(|time| time <= RETURN + self.slack),
            format!("first answer {:?} after its return", self.recovery()),
        );
        broken
    }
}
