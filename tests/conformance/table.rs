//! All rows in one column, and how what was seen differs from what is expected.

use std::sync::Mutex;

use crate::abi;
use crate::cell;
use crate::rows::Row;
use crate::servers::{Column, Server};

/// As many servers as a row may have.
const SERVERS: usize = 3;

/// Rows that wait do so together, with servers of their own.
const WAITING: usize = 48;

/// What was seen of every step of every row.
pub fn run(rows: &[Row], column: &Column) -> Vec<Vec<String>> {
    let seen = Mutex::new(vec![Vec::new(); rows.len()]);
    let put = |index: usize, steps| seen.lock().expect("no panic")[index] = steps;
    let (waiting, others): (Vec<_>, Vec<_>) = (0..rows.len()).partition(|i| rows[*i].has_time());
    std::thread::scope(|scope| {
        for worker in 0..WAITING {
            let (waiting, put) = (&waiting, &put);
            scope.spawn(move || {
                for index in waiting.iter().skip(worker).step_by(WAITING) {
                    let servers = servers(column, rows[*index].servers);
                    put(*index, cell::run(&rows[*index], column, &servers));
                }
            });
        }
        let servers = servers(column, SERVERS);
        let keeper = cell::client(column, &servers, "");
        for index in others {
            put(index, cell::run(&rows[index], column, &servers));
            let emptied = keeper.flush_all(0);
            assert_eq!(emptied.status, abi::OK, "the servers are not empty");
        }
    });
    seen.into_inner().expect("no panic")
}

fn servers(column: &Column, count: usize) -> Vec<Server> {
    (0..count).map(|_| (column.server.1)()).collect()
}

/// A step of which something else was seen than is expected.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    pub row: String,
    pub column: String,
    pub step: String,
    pub expected: String,
    pub seen: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} [{}]", self.row, self.column)?;
        writeln!(f, "    {}", self.step)?;
        writeln!(f, "      expected: {}", self.expected)?;
        write!(f, "      seen:     {}", self.seen)
    }
}

pub fn differences(rows: &[Row], column: &Column, seen: &[Vec<String>]) -> Vec<Difference> {
    assert_eq!(rows.len(), seen.len(), "every row was run");
    let mut all = Vec::new();
    for (row, seen) in rows.iter().zip(seen) {
        assert_eq!(row.steps.len(), seen.len(), "every step of {}", row.name);
        for (line, seen) in row.steps.iter().zip(seen) {
            let mut tags = column.tags();
            // What goes beyond the classic commands `auto` asks in meta from the start.
            if tags[0] == "auto" && row.is_beyond() {
                tags[0] = "meta";
            }
            let expected = line.expected.of(&tags);
            if expected != seen {
                all.push(Difference {
                    row: row.name.clone(),
                    column: column.name(),
                    step: format!("{}: {}", line.number + 1, line.text),
                    expected: expected.to_string(),
                    seen: seen.clone(),
                });
            }
        }
    }
    all
}
