//! The same rows through a proxy: twemproxy with two servers behind it, and `profile=classic`. Every
//! row that the proxy passes all commands of comes out as it does at a server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::cell;
use crate::rows::{self, Row};
use crate::servers::{Column, FORMS, Form, Server};
use crate::step::Step;
use crate::support::nutcracker::Nutcracker;
use crate::table::differences;

/// As many proxies as a row may name.
const PROXIES: usize = 3;
/// Rows that wait do so together, so many at a time, with proxies of their own.
const WAITING: usize = 12;
/// Longer than any row takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Items are given their CAS by the server that has them: no two servers behind a proxy shall give the
/// same one within a table.
const CAS_APART: usize = 20_000;
/// As many rows pass at least.
const ROWS_MIN: usize = 450;

const GAT: u32 = 3;
const GATS: u32 = 4;

/// Whether twemproxy passes everything that the row does.
fn passes(row: &Row) -> bool {
    row.steps.iter().all(|line| match &line.step {
        Step::Command(command) => !matches!(command.op, GAT | GATS),
        Step::FlushAll(_) | Step::Version | Step::Ping => false,
        Step::Verbosity(_) | Step::CacheMemlimit(_) => false,
        _ => true,
    })
}

fn proxies(count: usize) -> Vec<Arc<Nutcracker>> {
    let one = |_| {
        let proxy = Nutcracker::new(&["-t", "1"], PATIENCE);
        proxy.behind[1].raw().set_many("apart", CAS_APART);
        flush(&proxy);
        Arc::new(proxy)
    };
    (0..count).map(one).collect()
}

fn servers(proxies: &[Arc<Nutcracker>]) -> Vec<Server> {
    let server = |proxy: &Arc<Nutcracker>| {
        let held = proxy.clone();
        Server {
            uri: proxy.uri(),
            advance: Box::new(move |time| {
                // The proxy lives as long as this function.
                let _proxy = &held;
                std::thread::sleep(time);
            }),
        }
    };
    proxies.iter().map(server).collect()
}

/// Past the proxy, which does not pass it.
fn flush(proxy: &Nutcracker) {
    for server in &proxy.behind {
        server.raw().flush();
    }
}

/// What was seen of every step of every row.
fn run(rows: &[Row], column: &Column) -> Vec<Vec<String>> {
    let seen = Mutex::new(vec![Vec::new(); rows.len()]);
    let put = |index: usize, steps| seen.lock().expect("no panic")[index] = steps;
    let (waiting, others): (Vec<_>, Vec<_>) = (0..rows.len()).partition(|i| rows[*i].has_time());
    std::thread::scope(|scope| {
        for worker in 0..WAITING {
            let (waiting, put) = (&waiting, &put);
            scope.spawn(move || {
                let proxies = proxies(1);
                let servers = servers(&proxies);
                for index in waiting.iter().skip(worker).step_by(WAITING) {
                    assert_eq!(rows[*index].servers, 1, "{}", rows[*index].name);
                    put(*index, cell::run(&rows[*index], column, &servers));
                    flush(&proxies[0]);
                }
            });
        }
        let proxies = proxies(PROXIES);
        let servers = servers(&proxies);
        for index in others {
            put(index, cell::run(&rows[index], column, &servers));
            proxies.iter().for_each(|proxy| flush(proxy));
        }
    });
    seen.into_inner().expect("no panic")
}

/// FM-60: what a proxy passes is what it says it is, byte for byte.
#[test]
fn fm60_the_same_through_twemproxy() {
    let (rows, left): (Vec<_>, Vec<_>) = rows::read().into_iter().partition(passes);
    let mut classic: Vec<_> = rows::read().into_iter().filter(passes).collect();
    classic.retain(|row| !row.is_beyond());
    let mut all = Vec::new();
    for form in FORMS {
        let column = Column {
            protocol: "ascii",
            server: ("twemproxy", || unreachable!("proxies are made here")),
            form,
        };
        let rows = match form.1 {
            Form::Loop | Form::LoopBatch => &classic,
            _ => &rows,
        };
        all.extend(differences(rows, &column, &run(rows, &column)));
    }
    println!(
        "{} rows through twemproxy in {} forms, {} are not for it, {} differences",
        rows.len(),
        FORMS.len(),
        left.len(),
        all.len()
    );
    let shown: Vec<_> = all.iter().take(60).map(ToString::to_string).collect();
    assert!(all.is_empty(), "\n{}", shown.join("\n"));
    assert!(rows.len() >= ROWS_MIN, "{} rows", rows.len());
}
