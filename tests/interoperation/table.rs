//! What is printed: a line for each row.

use crate::exchange::{Found, KEYS, Outcome};
use crate::rows::Row;

pub fn head() -> String {
    let columns = "| client | as | `placement=` | servers | weights | they write | we read | in a batch | raw \
                   | we write | they read | in a batch | raw | keys of the servers | differences |";
    format!("{columns}\n|{}", " --- |".repeat(15))
}

pub fn line(row: &Row, outcome: &Outcome) -> String {
    let weights = match row.weights {
        None => "–".to_string(),
        Some(weights) => weights.map(|weight| weight.to_string()).join(":"),
    };
    let side = |Found { alone, batch, raw }| format!("{KEYS} | {alone} | {batch} | {raw}");
    format!(
        "| {} {} | {} | `{}` | {} | {weights} | {} | {} | {} | {} |",
        row.client,
        outcome.versions,
        row.form,
        row.placement,
        if row.sockets { "Unix" } else { "TCP" },
        side(outcome.theirs),
        side(outcome.ours),
        outcome.keys.map(|count| count.to_string()).join(" "),
        outcome.differences.len(),
    )
}
