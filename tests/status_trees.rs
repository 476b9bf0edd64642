//! The statuses beside the exceptions of four clients whose users may change over: which exception each
//! status is there, and that catching one of theirs is asking `mc_status_is`. The page of the
//! documentation about it is generated from here.

#[path = "status_trees/nearest.rs"]
mod nearest;
#[path = "status_trees/trees.rs"]
mod trees;

use std::collections::BTreeSet;
use std::fmt::Write;

use memcached2::status::{Status, TABLE};
use nearest::{failures, find, is, is_below, row};
use trees::{Kind, TREES, Tree};

#[test]
fn every_status_has_its_place_in_every_tree() {
    for tree in TREES {
        for status in failures() {
            row(tree, status);
        }
        for row in tree.rows {
            assert!(row.under.is_empty() || find(tree, row.under).kind == Kind::Own);
            let unused = row
                .raised_for
                .iter()
                .find(|s| self::row(tree, **s).name != row.name);
            assert_eq!(unused, None, "{}: {} is raised for it", tree.of, row.name);
        }
    }
}

/// `except Theirs` and `mc_status_is(status, ours)` catch the same.
#[test]
fn catching_theirs_is_asking_for_ours() {
    for tree in TREES {
        for above in tree.rows {
            let caught: BTreeSet<i32> = failures()
                .filter(|status| is_below(tree, row(tree, *status), above))
                .map(|status| status.0)
                .collect();
            let any = |status: Status, all: &[Status]| all.iter().any(|one| is(status, *one));
            let asked: BTreeSet<i32> = failures()
                .filter(|status| any(*status, above.caught_by) && !any(*status, above.but))
                .map(|status| status.0)
                .collect();
            let show = |all: &BTreeSet<i32>| {
                format!("{:?}", all.iter().map(|s| Status(*s)).collect::<Vec<_>>())
            };
            assert_eq!(show(&caught), show(&asked), "{}: {}", tree.of, above.name);
            assert!(!caught.is_empty(), "{}: {}", tree.of, above.name);
        }
    }
}

/// The numbers say the same as the names of the table: every row is below its parent, and below nothing
/// that is not above that.
#[test]
fn ancestors_are_those_of_the_table() {
    for one in TABLE {
        for other in TABLE {
            let mut at = one;
            let mut below = at.status == other.status;
            while !below && at.parent != at.status && !at.status.is_ok() {
                at = at.parent.info().expect("a parent in the table");
                below = at.status == other.status;
            }
            assert_eq!(
                is(one.status, other.status),
                below,
                "{}, {}",
                one.name,
                other.name
            );
        }
    }
    // A status of a later version still has its class and its kind.
    let later = Status(0x07_0205);
    assert!(is(later, Status::CLASS_CONNECTION) && is(later, Status::CONNECT_FAILED));
    assert!(is(later, Status::CLASS_MEMCACHED) && !is(later, Status::CLASS_SERVER));
}

// --- the page

fn names(statuses: &[Status]) -> String {
    let names: Vec<_> = statuses.iter().map(|s| format!("`{}`", s.name())).collect();
    names.join(", ")
}

fn statuses(page: &mut String) {
    page.push_str("| number | name | under | what happened |\n| --- | --- | --- | --- |\n");
    for row in TABLE {
        let under = match row.parent == row.status {
            true => String::new(),
            false => format!("`{}`", row.parent.name()),
        };
        let number = row.status.0;
        writeln!(
            page,
            "| `0x{number:06x}` | `{}` | {under} | {} |",
            row.name, row.message
        )
        .unwrap();
    }
}

fn tree(page: &mut String, tree: &Tree) {
    writeln!(page, "\n### {}\n\n{}\n", tree.of, tree.about).unwrap();
    page.push_str("| theirs | under | is raised for | catching it is asking for |\n");
    page.push_str("| --- | --- | --- | --- |\n");
    for row in tree.rows {
        let under = match row.under {
            "" => String::new(),
            name => format!("`{name}`"),
        };
        let name = match row.kind {
            Kind::Own => format!("`{}`", row.name),
            Kind::BuiltIn => format!("`{}` (not its own)", row.name),
            Kind::Result => format!("no exception: {}", row.name),
        };
        let mut asked = names(row.caught_by);
        if !row.but.is_empty() {
            write!(asked, ", but not {}", names(row.but)).unwrap();
        }
        writeln!(
            page,
            "| {name} | {under} | {} | {asked} |",
            names(row.raised_for)
        )
        .unwrap();
    }
}

fn every_status(page: &mut String) {
    page.push_str("| status |");
    TREES
        .iter()
        .for_each(|tree| write!(page, " {} |", tree.of).unwrap());
    page.push_str("\n| --- |");
    TREES.iter().for_each(|_| page.push_str(" --- |"));
    page.push('\n');
    for status in failures() {
        write!(page, "| `{}` |", status.name()).unwrap();
        for tree in TREES {
            let row = row(tree, status);
            match row.kind {
                Kind::Result => write!(page, " {} |", row.name).unwrap(),
                _ => write!(page, " `{}` |", row.name).unwrap(),
            }
        }
        page.push('\n');
    }
}

fn page() -> String {
    let mut page = String::from(
        "# Statuses\n\n\
         Generated from the table in `src/status.rs` and the trees in `tests/status_trees/`;\n\
         `MEMCACHED2_UPDATE=1 cargo test --test status_trees` rewrites it.\n\n\
         Every call that can fail returns an `mc_status`, whose names have the prefix `MC_`. Bits 0 to 7 are the class, 8 to 15\n\
         the kind, 16 to 23 the sub-kind: `mc_status_is(status, ancestor)` compares by prefix, and a status of a later\n\
         version still has its class. `mc_statuses` enumerates the table, for bindings to make their exceptions of.\n\n",
    );
    statuses(&mut page);
    page.push_str(
        "\n## The exceptions of other clients\n\n\
         What a program caught that changes over from one of four clients of Python, and which status that is here. A status is\n\
         what its nearest ancestor in the third column is; `except Theirs` catches what `mc_status_is` says yes to for one of\n\
         the fourth.\n",
    );
    TREES.iter().for_each(|one| tree(&mut page, one));
    page.push_str("\n## Every status in each of them\n\n");
    every_status(&mut page);
    page
}

#[test]
fn the_page_of_the_documentation_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    if std::env::var("MEMCACHED2_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(path, page()).expect("written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == page(),
        "docs/errors.md is stale: MEMCACHED2_UPDATE=1 cargo test --test status_trees"
    );
}
