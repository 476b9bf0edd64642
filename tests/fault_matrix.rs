//! The fault matrix: every fault of the catalogue × ASCII, meta, binary, and what the client chooses by
//! itself × get, set, multi-get of ten, incr × TCP, Unix sockets × (but in binary) short-cut on, off, each
//! in a cell of its own, judged by what the server knows.
//!
//! `MEMCACHED2_CELLS=meta/F04/` runs only the cells whose name contains that.

mod faults;
// The judge's own test has no use for it, and no library to link.
#[path = "faults/subject.rs"]
mod subject;

use std::sync::{Arc, Mutex, PoisonError};

use faults::catalogue::Catalogue;
use faults::matrix;
use faults::outcome::{Column, Protocol, Setup, Subject};
use faults::report::{self, Totals};

/// One matrix at a time: the cells have deadlines.
static TURN: Mutex<()> = Mutex::new(());

/// What the library speaks; a column of the matrix for each.
const COLUMNS: &[Column] = &[
    Column::Of(Protocol::Ascii),
    Column::Of(Protocol::Meta),
    Column::Of(Protocol::Binary),
    Column::Auto,
];

/// With `paranoid=on` there is no wrong answer at all.
#[test]
fn no_fault_deceives_a_paranoid_client() {
    all(true);
}

/// With the default the only wrong answers are those that ASCII cannot tell apart.
#[test]
fn no_fault_that_can_be_seen_deceives_a_client() {
    all(false);
}

fn all(paranoid: bool) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let totals: Vec<_> = COLUMNS
        .iter()
        .map(|column| (column, run(*column, paranoid)))
        .collect();
    let sum = |of: fn(&Totals) -> usize| totals.iter().map(|(_, totals)| of(totals)).sum::<usize>();
    for (column, totals) in &totals {
        let (name, cells, failed) = (column.name(), totals.cells, totals.failed);
        println!("{name}: {cells} cells, {failed} failed");
    }
    println!("all protocols: {} cells", sum(|totals| totals.cells));
    assert_eq!(
        sum(|totals| totals.failed),
        0,
        "cells failed; they are told above"
    );
}

fn run(column: Column, paranoid: bool) -> Totals {
    let catalogue = Catalogue::of(column);
    let cells = matrix::cells(&catalogue, paranoid);
    let (open, planned) = (open_descriptors(), cells.len());
    let make = |setup: &Setup| Box::new(subject::Library::new(setup)) as Box<dyn Subject>;
    let run = matrix::run(cells, Arc::new(make));
    let switch = if paranoid { "paranoid=on" } else { "default" };
    let title = format!("{}, {switch}", column.name());
    let totals = report::print(&title, &catalogue, &run);
    assert_eq!(totals.cells, planned, "every cell has a verdict");
    assert!(totals.blind == 0 || (!column.has_opaques() && !paranoid));
    if std::env::var_os(matrix::FILTER).is_none() {
        let least = report::least(&catalogue);
        assert!(
            planned >= least,
            "{planned} cells, but the rules ask for {least}"
        );
        assert!(
            !matrix::is_slow(&run),
            "{} cells had to be run again",
            run.repeated.len()
        );
    }
    assert_eq!(open_descriptors(), open, "descriptors are closed");
    memory_is_flat();
    totals
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("a list of descriptors")
        .count()
}

/// Lengths of 4 GB and more were announced, and tens of megabytes without end were sent.
fn memory_is_flat() {
    let status = std::fs::read_to_string("/proc/self/status").expect("what the kernel knows of us");
    let megabytes = |field: &str| {
        let line = status
            .lines()
            .find(|line| line.starts_with(field))
            .expect("a field of the status");
        let number = line.split_whitespace().nth(1).expect("its number");
        number.parse::<u64>().expect("kilobytes") >> 10
    };
    let (address_space, resident) = (megabytes("VmPeak"), megabytes("VmHWM"));
    println!("  {resident} MB resident at most, {address_space} MB of address space");
    assert!(resident < 700, "{resident} MB resident");
    assert!(address_space < 4000, "{address_space} MB of address space");
}
