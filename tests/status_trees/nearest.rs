//! Which exception of another client's a status is.

use memcached2::status::{Status, TABLE};

use crate::trees::{Row, Tree};

unsafe extern "C" {
    safe fn mc_status_is(status: i32, ancestor: i32) -> bool;
}

pub fn is(status: Status, ancestor: Status) -> bool {
    mc_status_is(status.0, ancestor.0)
}

pub fn failures() -> impl Iterator<Item = Status> {
    TABLE.iter().map(|row| row.status).filter(|s| !s.is_ok())
}

/// How many ancestors a status has.
fn depth(status: Status) -> usize {
    TABLE.iter().filter(|row| is(status, row.status)).count()
}

/// The row that a status belongs to: of those with an ancestor of it, the one with the nearest.
pub fn row(tree: &'static Tree, status: Status) -> &'static Row {
    let nearest = |row: &&Row| {
        let above = row.raised_for.iter().filter(|above| is(status, **above));
        above.map(|above| depth(*above)).max().unwrap_or(0)
    };
    let best = tree.rows.iter().max_by_key(nearest).expect("rows");
    let rivals = tree
        .rows
        .iter()
        .filter(|row| nearest(row) == nearest(&best));
    assert_eq!(
        rivals.count(),
        1,
        "{}: {status:?} is {} and another",
        tree.of,
        best.name
    );
    assert!(nearest(&best) > 0, "{}: {status:?} is nothing", tree.of);
    best
}

pub fn find<'t>(tree: &'t Tree, name: &str) -> &'t Row {
    let found = tree.rows.iter().find(|row| row.name == name);
    found.unwrap_or_else(|| panic!("{}: no {name}", tree.of))
}

/// Whether one of theirs is another, or below it.
pub fn is_below(tree: &Tree, row: &Row, above: &Row) -> bool {
    row.name == above.name || !row.under.is_empty() && is_below(tree, find(tree, row.under), above)
}
