//! The matrix in words and numbers.

use std::collections::BTreeMap;

use super::catalogue::Catalogue;
use super::cell::Cell;
use super::matrix::{Run, ways};
use super::oracle::{Kind, Objection};
use super::outcome::Op;

/// So many failed cells are told in full.
const STORIES: usize = 8;

/// What a run comes to.
#[derive(Default)]
pub struct Totals {
    pub cells: usize,
    pub failed: usize,
    /// Cells in which ASCII cannot tell the fault from the truth, and the client did not.
    pub blind: usize,
    pub kinds: BTreeMap<Kind, usize>,
}

/// Whether the objections are only such as a client that cannot see must meet.
fn excused(cell: &Cell, objections: &[Objection]) -> bool {
    let kind = |o: &Objection| {
        matches!(
            o.kind,
            Kind::Wrong | Kind::FalseMiss | Kind::Unexpected | Kind::Reused | Kind::Effect
        )
    };
    cell.blind() && objections.iter().all(kind)
}

/// Prints the run and adds it up.
pub fn print(title: &str, catalogue: &Catalogue, run: &Run) -> Totals {
    let mut totals = Totals {
        cells: run.results.len(),
        ..Totals::default()
    };
    let mut faults: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let mut blind: BTreeMap<String, usize> = BTreeMap::new();
    for (cell, verdict) in &run.results {
        let row = faults.entry(cell.case.fault).or_default();
        row.0 += 1;
        if verdict.objections.is_empty() {
            continue;
        }
        if excused(cell, &verdict.objections) {
            totals.blind += 1;
            row.2 += 1;
            *blind
                .entry(format!("{}/{}", cell.case.fault, cell.case.op.name()))
                .or_default() += 1;
            continue;
        }
        totals.failed += 1;
        row.1 += 1;
        for objection in &verdict.objections {
            *totals.kinds.entry(objection.kind).or_default() += 1;
        }
        tell(
            cell,
            &verdict.objections,
            if totals.failed <= STORIES {
                &verdict.story
            } else {
                &[]
            },
        );
    }
    let speech = catalogue.column.name();
    println!(
        "\n{title}: {} faults, {} cells, {:.1} s",
        faults.len(),
        totals.cells,
        run.took.as_secs_f64()
    );
    for (fault, (cells, failed, blind)) in &faults {
        println!(
            "  {fault}  {cells:5} cells  {failed:4} failed  {blind:4} that {speech} cannot tell apart"
        );
    }
    for (name, count) in &blind {
        println!("  not to be told apart without paranoid: {name}, {count} cells");
    }
    for exclusion in &catalogue.exclusions {
        let ops: Vec<&str> = exclusion.ops.iter().map(|op| op.name()).collect();
        println!(
            "  excluded: {} × {}: {}",
            exclusion.fault,
            ops.join(" "),
            exclusion.rule
        );
    }
    let count = |kind| totals.kinds.get(&kind).copied().unwrap_or(0);
    println!(
        "  {} wrong, {} false misses, {} overruns, {} deaths, {} not fired, \
         {} applied twice, {} false effects, {} connections reused, {} left open, {} otherwise; \
         {} slow in the crowd and run again alone",
        count(Kind::Wrong),
        count(Kind::FalseMiss),
        count(Kind::Overrun),
        count(Kind::Death),
        count(Kind::NotFired),
        count(Kind::DoubleApply),
        count(Kind::Effect),
        count(Kind::Reused),
        count(Kind::Leak),
        count(Kind::Unexpected),
        run.repeated.len(),
    );
    for name in &run.repeated {
        println!("  run again alone: {name}");
    }
    totals
}

fn tell(cell: &Cell, objections: &[Objection], story: &[String]) {
    println!("FAILED {}", cell.name());
    for objection in objections {
        println!("    {:?}: {}", objection.kind, objection.text);
    }
    for line in story {
        println!("        {line}");
    }
}

/// The least number of cells: every fault on every kind of call, on both transports, with the
/// short-cut on and off where there is one, less what a rule excludes.
pub fn least(catalogue: &Catalogue) -> usize {
    let excluded: usize = catalogue
        .exclusions
        .iter()
        .map(|exclusion| exclusion.ops.len())
        .sum();
    let mut faults: Vec<&str> = catalogue.faults();
    faults.extend(catalogue.exclusions.iter().map(|exclusion| exclusion.fault));
    faults.sort_unstable();
    faults.dedup();
    (faults.len() * Op::ALL.len() - excluded) * 2 * ways(catalogue.column).len()
}
