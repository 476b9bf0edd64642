//! The committed lists of numbers and places: they may only grow.

use std::path::PathBuf;

use super::header::{Header, update};
use crate::support::cc::{self, LIMIT, tree};
use crate::support::header::{Kind, fields_of, items_of};
use crate::support::run::run;

/// A name and what the compiler says of it.
pub type Row = (String, String);

/// What the compiler says about each line of `statements`, which print rows `name<TAB>text`.
fn ask(header: &Header, statements: &str) -> Vec<Row> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let code = format!(
        "#include <inttypes.h>\n#include <stdio.h>\n#include <memcached2.h>\n\
         #define NUMBER(name) printf(\"%s\\t%\" PRIi64 \"\\n\", #name, (int64_t)(name))\n\
         #define FIELD(type, field) printf(\"%s.%s\\t%zu+%zu\\n\", #type, #field, \
         offsetof(type, field), sizeof ((type *)0)->field)\n\
         int main(void) {{\n{statements}  return 0;\n}}\n"
    );
    std::fs::write(directory.path().join("ask.c"), &code).expect("written");
    let mut compiler = header.compiler(directory.path());
    run(compiler.args(["-o", "ask", "ask.c"]), LIMIT).succeeded();
    let mut program = cc::command(directory.path().join("ask"));
    let rows = run(&mut program, LIMIT).succeeded().stdout;
    rows.lines().map(row).collect()
}

fn row(line: &str) -> Row {
    let (name, text) = line.split_once('\t').expect("name<TAB>text");
    (name.to_string(), text.to_string())
}

fn path(list: &str) -> PathBuf {
    tree().join("tests/abi").join(list)
}

/// What is committed; nothing where the list is about to be begun.
pub fn pinned(list: &str) -> Vec<Row> {
    let text = std::fs::read_to_string(path(list)).unwrap_or_default();
    text.lines().map(row).collect()
}

/// The rows of `now` that a committed list does not have yet; an error where one that it has is gone
/// or changed.
pub fn additions<'a>(list: &str, now: &'a [Row]) -> Result<Vec<&'a Row>, String> {
    let pinned = pinned(list);
    let changed: Vec<_> = pinned.iter().filter(|row| !now.contains(row)).collect();
    if changed.is_empty() {
        Ok(now.iter().filter(|row| !pinned.contains(row)).collect())
    } else {
        Err(format!(
            "{list}: gone or changed, which no compiled program survives: {changed:?}"
        ))
    }
}

/// Hold the header to a committed list; what is new is appended on request.
pub fn compare(list: &str, now: &[Row]) {
    assert!(!now.is_empty(), "{list}: the header says nothing of it");
    let new = additions(list, now).unwrap_or_else(|changed| panic!("{changed}"));
    if update() {
        let rows = new.iter().map(|(name, text)| format!("{name}\t{text}\n"));
        let committed = std::fs::read_to_string(path(list)).unwrap_or_default();
        std::fs::write(path(list), committed + &rows.collect::<String>()).expect("written");
    } else {
        assert!(
            new.is_empty(),
            "{list}: append these with `make abi-baseline`: {new:?}"
        );
    }
}

fn is_status(name: &str) -> bool {
    let table = memcached2::status::TABLE;
    table
        .iter()
        .any(|row| name.strip_prefix("MC_") == Some(row.name))
}

/// The numbers of all constants of the header, but for those of its own version: statuses, others.
pub fn numbers(header: &Header) -> (Vec<Row>, Vec<Row>) {
    let items = items_of(&header.text).into_iter();
    let names = items.filter(|item| item.kind == Kind::Constant && item.name.starts_with("MC_"));
    let statements = names.map(|item| format!("  NUMBER({});\n", item.name));
    let rows = ask(header, &statements.collect::<String>());
    rows.into_iter().partition(|(name, _)| is_status(name))
}

/// Where the fields of the structures are, and how long, in bytes.
pub fn places(header: &Header) -> Vec<Row> {
    let structures = fields_of(&header.text);
    let fields = structures
        .iter()
        .flat_map(|(of, fields)| fields.iter().map(move |f| (of, f)));
    let statements = fields.map(|(of, field)| format!("  FIELD({of}, {field});\n"));
    ask(header, &statements.collect::<String>())
}
