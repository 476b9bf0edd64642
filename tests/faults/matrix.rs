//! The matrix: every case on every transport, with the short-cut on and off.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::catalogue::Catalogue;
use super::cell::{self, Cell};
use super::net::{Transport, lock};
use super::oracle::{Kind, Objection};
use super::outcome::{Column, Protocol, Setup, Subject};
use super::verdict::Verdict;

/// Makes a client for a cell.
pub type Maker = dyn Fn(&Setup) -> Box<dyn Subject> + Send + Sync;

/// Only cells whose name contains one of these, separated by `|`, are run.
pub const FILTER: &str = "MEMCACHED2_CELLS";

/// Cells mostly wait, so there are more at a time than processors.
const WORKERS: usize = 12;
/// A cell that takes longer does not come back.
const PATIENCE: Duration = Duration::from_secs(20);
/// A cell that was only slow is run so often again, alone, on a machine seen to be busy.
const ATTEMPTS: usize = 3;

/// Whether the short-cut is on: there is none for frames, and what `auto` speaks has its own cells.
pub fn ways(column: Column) -> &'static [bool] {
    match column {
        Column::Of(Protocol::Binary) | Column::Auto => &[true],
        _ => &[true, false],
    }
}

pub fn cells(catalogue: &Catalogue, paranoid: bool) -> Vec<Cell> {
    let filter = std::env::var(FILTER).unwrap_or_default();
    let mut cells = Vec::new();
    for case in &catalogue.cases {
        for transport in [Transport::Tcp, Transport::Unix] {
            if case.only.is_some_and(|only| only != transport) {
                continue;
            }
            for &shortcut in ways(catalogue.column) {
                cells.push(Cell {
                    case: case.clone(),
                    transport,
                    shortcut,
                    paranoid,
                });
            }
        }
    }
    cells.retain(|cell| filter.split('|').any(|part| cell.name().contains(part)));
    cells
}

pub struct Run {
    pub results: Vec<(Cell, Verdict)>,
    /// Cells that were slow in the crowd, and were run again alone.
    pub repeated: Vec<String>,
    pub took: Duration,
}

/// Whether more than one cell in fifty was slow in the crowd.
pub fn is_slow(run: &Run) -> bool {
    run.repeated.len() > run.results.len() / 50
}

struct Work {
    cells: Vec<Cell>,
    next: AtomicUsize,
    running: Mutex<HashMap<usize, Instant>>,
    results: Mutex<HashMap<usize, Verdict>>,
    finished: Condvar,
}

/// Runs all cells; their order in the result is that of `cells`.
pub fn run(cells: Vec<Cell>, make: Arc<Maker>) -> Run {
    let began = Instant::now();
    let work = Arc::new(Work {
        next: AtomicUsize::new(0),
        running: Mutex::default(),
        results: Mutex::default(),
        finished: Condvar::new(),
        cells,
    });
    for _ in 0..WORKERS.min(work.cells.len()) {
        spawn(&work, &make);
    }
    let mut results = lock(&work.results);
    while results.len() < work.cells.len() {
        let waited = work
            .finished
            .wait_timeout(results, Duration::from_millis(200));
        results = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        for lost in lost(&work) {
            results.insert(lost, given_up());
            spawn(&work, &make);
        }
    }
    let mut verdicts = std::mem::take(&mut *results);
    drop(results);
    let mut repeated = Vec::new();
    let pauses = Pauses::watch();
    for (index, verdict) in verdicts
        .iter_mut()
        .filter(|(_, verdict)| verdict.may_be_the_machine())
    {
        let cell = &work.cells[*index];
        repeated.push(cell.name());
        *verdict = alone(&pauses, cell, &*make);
    }
    pauses.stop();
    let pick = |(i, cell): (usize, &Cell)| Some((cell.clone(), verdicts.remove(&i)?));
    let results = work.cells.iter().enumerate().filter_map(pick).collect();
    Run {
        results,
        repeated,
        took: began.elapsed(),
    }
}

/// Cells that do not come back; nobody waits for them any more.
fn lost(work: &Work) -> Vec<usize> {
    let mut running = lock(&work.running);
    let lost: Vec<usize> = running
        .iter()
        .filter(|(_, since)| since.elapsed() > PATIENCE)
        .map(|(cell, _)| *cell)
        .collect();
    for cell in &lost {
        running.remove(cell);
    }
    lost
}

fn given_up() -> Verdict {
    failed("a call did not come back")
}

fn failed(text: impl Into<String>) -> Verdict {
    Verdict {
        objections: vec![Objection::new(Kind::Death, text)],
        story: Vec::new(),
        span: (Instant::now(), Instant::now()),
        starved: Duration::ZERO,
    }
}

fn spawn(work: &Arc<Work>, make: &Arc<Maker>) {
    let (work, make) = (work.clone(), make.clone());
    std::thread::spawn(move || {
        loop {
            let index = work.next.fetch_add(1, Ordering::Relaxed);
            let Some(cell) = work.cells.get(index) else {
                return;
            };
            lock(&work.running).insert(index, Instant::now());
            let verdict = once(cell, &*make);
            if lock(&work.running).remove(&index).is_none() {
                return;
            }
            lock(&work.results).insert(index, verdict);
            work.finished.notify_all();
        }
    });
}

/// The verdict of a cell that was slow among others, now that it has the machine for itself, as
/// far as other processes let it.
fn alone(pauses: &Pauses, cell: &Cell, make: &Maker) -> Verdict {
    for _ in 1..ATTEMPTS {
        let verdict = once(cell, make);
        let busy = verdict.was_starved() || pauses.overlap(verdict.span);
        if !(verdict.may_be_the_machine() && busy) {
            return verdict;
        }
    }
    once(cell, make)
}

fn once(cell: &Cell, make: &Maker) -> Verdict {
    catch_unwind(AssertUnwindSafe(|| cell::run(cell, make))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_string()));
        failed(format!("panic: {}", text.unwrap_or_default()))
    })
}

/// Moments at which a thread that only sleeps was late: the machine was busy with others.
struct Pauses {
    seen: Arc<Mutex<Vec<(Instant, Instant)>>>,
    stopped: Arc<AtomicBool>,
}

impl Pauses {
    fn watch() -> Pauses {
        const BEAT: Duration = Duration::from_millis(5);
        const LATE: Duration = Duration::from_millis(30);
        let pauses = Pauses {
            seen: Arc::default(),
            stopped: Arc::default(),
        };
        let (seen, stopped) = (pauses.seen.clone(), pauses.stopped.clone());
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let before = Instant::now();
                std::thread::sleep(BEAT);
                if before.elapsed() > LATE {
                    lock(&seen).push((before, Instant::now()));
                }
            }
        });
        pauses
    }

    fn overlap(&self, (from, to): (Instant, Instant)) -> bool {
        lock(&self.seen)
            .iter()
            .any(|(began, ended)| *began <= to && *ended >= from)
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}
