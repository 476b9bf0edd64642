//! Recording: the expected sides rewritten as the real server answers.
//!
//! Only what differs is rewritten. Of quiet commands the batch is recorded too: there every reply is
//! waited for. Nothing else may differ between the forms.

use std::collections::BTreeMap;

use crate::rows::{self, ARROW, Expected, Line, Row};
use crate::servers::{Column, columns};
use crate::step::Step;
use crate::table;

pub fn record() {
    let rows = rows::read();
    let columns = columns();
    let (single, batch) = (&columns[0], &columns[1]);
    let (singly, batched) = (table::run(&rows, single), table::run(&rows, batch));
    // By file and line: what the line should say, once for every row that the line stands for.
    let mut lines: BTreeMap<(usize, usize), Vec<(&Line, Expected)>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        for (step, line) in row.steps.iter().enumerate() {
            let seen = (&singly[index][step], &batched[index][step]);
            let place = lines.entry((line.file, line.number)).or_default();
            place.push((line, recorded(row, line, seen, batch)));
        }
    }
    write(lines);
}

/// What the line should expect; what it says of other cells stays.
fn recorded(row: &Row, line: &Line, seen: (&String, &String), batch: &Column) -> Expected {
    let form = batch.form.0;
    let quiet = match &line.step {
        Step::Command(command) => command.is_quiet() || row.is_quiet(),
        _ => false,
    };
    let mut expected = line.expected.clone();
    expected.all = seen.0.clone();
    if quiet {
        expected.but.retain(|(tag, _)| tag != form);
        if seen.0 != seen.1 {
            expected.but.push((form.to_string(), seen.1.clone()));
        }
    }
    expected
}

/// Rewrite the lines whose answers are others now. Where the rows that a line stands for were answered
/// differently, the line has to be written by hand.
fn write(lines: BTreeMap<(usize, usize), Vec<(&Line, Expected)>>) {
    let mut apart = 0;
    for (file, path) in rows::files().iter().enumerate() {
        let before = std::fs::read_to_string(path).expect("a file of rows");
        let mut after: Vec<_> = before.lines().map(str::to_string).collect();
        for ((_, number), all) in lines.range((file, 0)..(file + 1, 0)) {
            if all
                .iter()
                .all(|(line, expected)| line.expected == *expected)
            {
                continue;
            }
            let first = &all[0].1;
            if all.iter().any(|(_, expected)| expected != first) {
                for (line, expected) in all {
                    let (place, shown) = (number + 1, expected.shown());
                    println!("{}:{place}: {}{ARROW}{shown}", path.display(), line.text);
                    apart += 1;
                }
                continue;
            }
            let shown = first.shown();
            let line = &mut after[*number];
            let command = line
                .split_once(ARROW)
                .map_or(line.as_str(), |sides| sides.0);
            *line = format!("{command}{ARROW}{shown}");
        }
        let after = after.join("\n") + "\n";
        if after != before {
            std::fs::write(path, after).expect("written");
        }
    }
    assert_eq!(apart, 0, "rows of one line differ: write them out");
}
