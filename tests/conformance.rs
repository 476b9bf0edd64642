//! One table of what commands do, at the level of the C API: the rows of tests/conformance/rows/ run
//! over every protocol × server × form, and everywhere the same statuses and the same items come out.
//!
//! `MEMCACHED2_UPDATE=1 cargo test --test conformance` records what the real server answers. A line
//! that it has changed is to be read: it must be what the API promises.

#[path = "conformance/abi.rs"]
mod abi;
#[path = "conformance/cell.rs"]
mod cell;
#[cfg(feature = "tls")]
#[allow(dead_code)] // the tests of TLS take the rest
#[path = "tls/certificates.rs"]
mod certificates;
#[path = "conformance/client.rs"]
mod client;
#[path = "conformance/comparer.rs"]
mod comparer;
#[path = "conformance/looped.rs"]
mod looped;
#[path = "conformance/proxied.rs"]
mod proxied;
#[path = "conformance/rows.rs"]
mod rows;
#[path = "conformance/servers.rs"]
mod servers;
#[path = "conformance/show.rs"]
mod show;
#[path = "conformance/step.rs"]
mod step;
#[path = "conformance/support.rs"]
mod support;
#[path = "conformance/table.rs"]
mod table;
#[path = "conformance/text.rs"]
mod text;
#[path = "conformance/update.rs"]
mod update;

use std::collections::BTreeMap;

use servers::Form;

/// As many as the table promises.
const ROWS_MIN: usize = 600;

/// As many differences are printed.
const PRINTED: usize = 60;

#[test]
fn the_same_everywhere() {
    if std::env::var("MEMCACHED2_UPDATE").is_ok_and(|value| value == "1") {
        update::record();
    }
    let rows = rows::read();
    let mut classic = rows::read();
    classic.retain(|row| !row.is_beyond());
    let rows_of = |column: &servers::Column| match column.form.1 {
        Form::Loop | Form::LoopBatch => &classic,
        _ => &rows,
    };
    let columns = servers::columns();
    let differences: Vec<_> = std::thread::scope(|scope| {
        let rows_of = &rows_of;
        let run = |column| {
            scope.spawn(move || {
                let rows = rows_of(column);
                table::differences(rows, column, &table::run(rows, column))
            })
        };
        let runs: Vec<_> = columns.iter().map(run).collect();
        let done = runs.into_iter().map(|run| run.join().expect("no panic"));
        done.flatten().collect()
    });
    let steps: usize = rows.iter().map(|row| row.steps.len()).sum();
    let lacks = |column: &servers::Column| {
        let tags = column.tags();
        let lacks = |line: &rows::Line| {
            let has = |text: &str| text.contains("UNSUPPORTED");
            has(line.expected.of(&tags)) && !has(&line.expected.all)
        };
        rows_of(column)
            .iter()
            .filter(|row| row.steps.iter().any(lacks))
            .count()
    };
    let cells: usize = columns.iter().map(|column| rows_of(column).len()).sum();
    let lacking: usize = columns.iter().map(lacks).sum();
    println!(
        "{} rows of {steps} steps, {cells} cells in {} columns (in {lacking} of them the protocol lacks \
         a command, and says so; {} rows are not for loops), {} differences",
        rows.len(),
        columns.len(),
        rows.len() - classic.len(),
        differences.len()
    );
    let shown: Vec<_> = differences
        .iter()
        .take(PRINTED)
        .map(ToString::to_string)
        .collect();
    assert!(differences.is_empty(), "\n{}", shown.join("\n"));
    assert!(rows.len() >= ROWS_MIN, "{} rows", rows.len());
}

/// mc_execute hands out an item exactly for MC_OK, over a new connection and over one that is there.
#[test]
fn an_item_exactly_for_ok() {
    for column in servers::columns() {
        let servers = [(column.server.1)()];
        for line in [
            "set k \"5\"",
            "get k",
            "incr k",
            "append k \"1\"",
            "touch k ttl=60",
            "gat k ttl=60",
            "add k \"6\"",
            "cas k \"6\" cas=18446744073709551615",
            "delete k",
            "get k",
        ] {
            let step::Step::Command(command) = step::parse(line) else {
                panic!("{line} is one command");
            };
            let client = cell::client(&column, &servers, "");
            for connection in ["new", "there"] {
                let (status, item) = client.execute_new(&command);
                let (place, name) = (column.name(), client::name(status));
                let said = format!("{place}: {line}, connection {connection}: {name}");
                assert_eq!(status == abi::OK, item.is_some(), "{said}");
                if let Some(item) = item {
                    assert_eq!((item.key, item.status), (b"k".to_vec(), status), "{said}");
                    assert!(item.wrong.is_empty(), "{said}: {:?}", item.wrong);
                }
            }
        }
    }
}

/// A row is known by its name.
#[test]
fn no_two_rows_have_the_same_name() {
    let mut names = BTreeMap::new();
    for row in rows::read() {
        *names.entry(row.name).or_insert(0) += 1;
    }
    names.retain(|_, count| *count > 1);
    assert!(names.is_empty(), "{names:#?}");
}

/// A table that lacks an op would not notice what it does.
#[test]
fn every_op_has_rows() {
    let rows = rows::read();
    for (index, op) in step::OPS.iter().enumerate() {
        let number = index as u32 + 1;
        let is_it = |line: &rows::Line| match &line.step {
            step::Step::Command(command) => command.op == number,
            _ => false,
        };
        let count = rows
            .iter()
            .filter(|row| row.steps.iter().any(is_it))
            .count();
        println!("{op}: {count} rows");
        assert!(count >= 10, "{op}: {count} rows");
    }
}
