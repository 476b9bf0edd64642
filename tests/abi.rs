//! What a compiled program has taken from the header into itself stays as it is: the numbers of
//! statuses and of all other constants, and where the fields of the structures are.
//!
//! The committed lists in tests/abi/ may only grow: `MEMCACHED2_UPDATE=1 cargo test --test abi`
//! appends what is new, and never touches a row that is there.
#![cfg(all(target_pointer_width = "64", target_endian = "little"))]

mod support;

use std::path::PathBuf;

use support::cc::{self, LIMIT, tree};
use support::header::{self, Kind};
use support::run::run;

/// What the compiler says about each line of `statements`, which print rows `name<TAB>text`.
fn ask(statements: &str) -> Vec<(String, String)> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (source, program) = (directory.path().join("ask.c"), directory.path().join("ask"));
    let code = format!(
        "#include <inttypes.h>\n#include <stdio.h>\n#include <memcached2.h>\n\
         #define NUMBER(name) printf(\"%s\\t%\" PRIi64 \"\\n\", #name, (int64_t)(name))\n\
         #define FIELD(type, field) printf(\"%s.%s\\t%zu+%zu\\n\", #type, #field, \
         offsetof(type, field), sizeof ((type *)0)->field)\n\
         int main(void) {{\n{statements}  return 0;\n}}\n"
    );
    std::fs::write(&source, code).expect("written");
    cc::program(&source, &program).succeeded();
    let rows = run(&mut cc::command(&program), LIMIT).succeeded().stdout;
    let row = |line: &str| {
        line.split_once('\t')
            .map(|(a, b)| (a.to_string(), b.to_string()))
    };
    rows.lines().map(|line| row(line).expect("a row")).collect()
}

/// Compare what the header says with a committed list.
fn compare(list: &str, now: &[(String, String)]) {
    assert!(!now.is_empty(), "{list}: the header says nothing of it");
    let path: PathBuf = tree().join("tests/abi").join(list);
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let rows = committed
        .lines()
        .map(|line| line.split_once('\t').expect("name<TAB>text"));
    let pinned: Vec<_> = rows.map(|(a, b)| (a.to_string(), b.to_string())).collect();
    let find = |name: &str| now.iter().find(|row| row.0 == name);
    let changed: Vec<_> = pinned
        .iter()
        .filter(|row| find(&row.0) != Some(row))
        .collect();
    assert!(
        changed.is_empty(),
        "{list}: gone or changed, which no compiled program survives: {changed:?}"
    );
    let new: Vec<_> = now.iter().filter(|row| !pinned.contains(row)).collect();
    if std::env::var("MEMCACHED2_UPDATE").is_ok_and(|value| value == "1") {
        let rows = new.iter().map(|(name, text)| format!("{name}\t{text}\n"));
        std::fs::write(&path, committed + &rows.collect::<String>()).expect("written");
    } else {
        assert!(
            new.is_empty(),
            "{list}: append these with MEMCACHED2_UPDATE=1: {new:?}"
        );
    }
}

fn is_status(name: &str) -> bool {
    let table = memcached2::status::TABLE;
    table
        .iter()
        .any(|row| name.strip_prefix("MC_") == Some(row.name))
}

/// The numbers of all constants of the header, but for those of its own version.
fn constants() -> Vec<(String, String)> {
    let items = header::items().into_iter();
    let names = items.filter(|item| item.kind == Kind::Constant && item.name.starts_with("MC_"));
    ask(&names
        .map(|item| format!("  NUMBER({});\n", item.name))
        .collect::<String>())
}

#[test]
fn statuses_keep_their_numbers() {
    let statuses: Vec<_> = constants()
        .into_iter()
        .filter(|(name, _)| is_status(name))
        .collect();
    assert_eq!(statuses.len(), memcached2::status::TABLE.len());
    compare("status.tsv", &statuses);
}

#[test]
fn constants_keep_their_numbers() {
    let others: Vec<_> = constants()
        .into_iter()
        .filter(|(name, _)| !is_status(name))
        .collect();
    compare("constants.tsv", &others);
}

#[test]
fn fields_keep_their_places() {
    let structures = header::fields();
    let fields = structures
        .iter()
        .flat_map(|(of, fields)| fields.iter().map(move |f| (of, f)));
    compare(
        "fields.tsv",
        &ask(&fields
            .map(|(of, field)| format!("  FIELD({of}, {field});\n"))
            .collect::<String>()),
    );
}
