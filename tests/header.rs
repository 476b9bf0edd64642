//! The header: current, complete, and without a warning in every dialect of C and C++ it is for.

mod support;

use std::path::Path;
use std::process::Command;

use support::cc::{self, LIMIT, tree};
use support::header::{self, Item, Kind};
use support::run::run;

const WARNINGS: [&str; 7] = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wundef",
    "-Wshadow",
    "-Wconversion",
    "-Werror",
];

struct Dialect {
    compiler: &'static str,
    standard: &'static str,
}

impl Dialect {
    fn cxx(&self) -> bool {
        self.standard.starts_with("c++")
    }

    fn compile(&self, source: &Path, object: &Path) -> Command {
        let mut command = cc::command(self.compiler);
        command
            .arg(format!("-std={}", self.standard))
            .args(WARNINGS);
        command.arg(if self.cxx() {
            "-Wold-style-cast"
        } else {
            "-Wstrict-prototypes"
        });
        if self.compiler.starts_with("clang") {
            command.arg("-Wdocumentation");
        }
        let language = if self.cxx() { "c++" } else { "c" };
        command.args(["-x", language, "-c"]).arg(source);
        command
            .args(["-x", "none", "-I"])
            .arg(cc::include())
            .arg("-o")
            .arg(object);
        command
    }
}

fn dialects() -> impl Iterator<Item = Dialect> {
    let c = ["c99", "c11", "c17", "c2x"].map(|standard| ("gcc", "clang", standard));
    let cxx = ["c++11", "c++14", "c++17", "c++20", "c++2b"].map(|s| ("g++", "clang++", s));
    c.into_iter().chain(cxx).flat_map(|(gcc, clang, standard)| {
        [gcc, clang].map(|compiler| Dialect { compiler, standard })
    })
}

#[test]
fn the_committed_header_is_current() {
    assert!(
        header::TEXT == header::GENERATED,
        "include/memcached2.h is not what the sources say: run `make header`"
    );
}

#[test]
fn every_declaration_is_documented() {
    let items = header::items();
    let bare: Vec<_> = items
        .iter()
        .filter(|item| item.doc.is_empty())
        .map(|i| &i.name)
        .collect();
    // The parts of a version stand under the comment of the first.
    let bare: Vec<_> = bare
        .into_iter()
        .filter(|n| !n.starts_with("MEMCACHED2_VERSION_"))
        .collect();
    assert!(bare.is_empty(), "without a comment: {bare:?}");
    let since = |item: &&Item| item.kind == Kind::Function && !item.doc.contains("Since: ");
    let undated: Vec<_> = items.iter().filter(since).map(|item| &item.name).collect();
    assert!(undated.is_empty(), "without a `Since:`: {undated:?}");
}

#[test]
fn every_name_has_a_prefix() {
    let items = header::items();
    assert!(
        items.len() > 50,
        "the header was not understood: {} items",
        items.len()
    );
    let ours = |item: &Item| match item.kind {
        Kind::Function | Kind::Type => item.name.starts_with("mc_"),
        Kind::Constant | Kind::FunctionMacro => {
            item.name.starts_with("MC_") || item.name.starts_with("MEMCACHED2_")
        }
    };
    let strange: Vec<_> = items
        .iter()
        .filter(|item| !ours(item))
        .map(|i| &i.name)
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
    let mut names: Vec<_> = items
        .iter()
        .filter(|i| i.kind != Kind::Type)
        .map(|i| &i.name)
        .collect();
    names.sort();
    let doubled: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
}

/// The program that uses every name, with the names of the header filled in.
fn every_name() -> String {
    let items = header::items();
    let number = |item: &&Item| item.kind == Kind::Constant && !item.text.starts_with('"');
    let constants = items.iter().filter(number);
    let constants = constants.map(|item| format!("sum ^= AS_NUMBER({});\n  ", item.name));
    let table = memcached2::status::TABLE;
    let conditions = table.iter().map(|row| {
        format!(
            "#if MC_{0} != {1}\n#error MC_{0}\n#endif\n",
            row.name, row.status.0
        )
    });
    let cases = table
        .iter()
        .map(|row| format!("case MC_{}:\n    ", row.name));
    let fields = header::fields().remove("mc_command").expect("mc_command");
    let unsaid = fields
        .iter()
        .filter(|field| !matches!(field.as_str(), "size" | "op"));
    let unsaid = unsaid.map(|field| format!("if (command.{field}) return 0;\n  "));
    include_str!("header/every_name.c")
        .replace("@STATUS_CONDITIONS@", &conditions.collect::<String>())
        .replace("@CONSTANTS@", &constants.collect::<String>())
        .replace("@STATUS_CASES@", &cases.collect::<String>())
        .replace("@FIELDS_ARE_ZERO@", &unsaid.collect::<String>())
}

#[test]
fn it_compiles_in_every_dialect() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("every_name.c"), every_name()).expect("written");
    let sources = [at("every_name.c"), tree().join("tests/header/other_unit.c")];
    let objects = [at("every_name.o"), at("other_unit.o")];
    for dialect in dialects() {
        for (source, object) in sources.iter().zip(&objects) {
            run(&mut dialect.compile(source, object), LIMIT).succeeded();
        }
        let library = cc::library_directory();
        let mut link = cc::command(dialect.compiler);
        link.args(&objects).arg("-o").arg(at("program"));
        link.arg("-L").arg(&library).arg("-lmemcached2");
        link.arg(format!("-Wl,-rpath,{}", library.display()));
        run(&mut link, LIMIT).succeeded();
        run(&mut cc::command(at("program")), LIMIT).succeeded();
    }
}

#[test]
fn the_surface_lists_every_file_with_an_export() {
    let listed = std::fs::read_to_string(tree().join("src/ffi/surface.txt")).expect("a list");
    let listed: Vec<_> = listed.lines().collect();
    let entries = std::fs::read_dir(tree().join("src/ffi")).expect("a directory");
    let mut missing = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source");
        let place = path
            .strip_prefix(tree())
            .expect("in the tree")
            .display()
            .to_string();
        if text.contains("no_mangle") && !listed.contains(&place.as_str()) {
            missing.push(place);
        }
    }
    assert!(
        missing.is_empty(),
        "not in src/ffi/surface.txt: {missing:?}"
    );
}
