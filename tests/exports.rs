//! The shared library exports the functions of the header and nothing else.

mod support;

use support::cc::{self, LIMIT};
use support::header::{self, Kind};
use support::run::run;

/// What a program can link to.
fn exports() -> Vec<String> {
    let library = cc::library_directory().join("libmemcached2.so");
    let mut nm = cc::command("nm");
    nm.args(["--dynamic", "--defined-only", "--format=posix"])
        .arg(library);
    let listing = run(&mut nm, LIMIT).succeeded().stdout;
    let first_words = listing
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let mut names: Vec<_> = first_words.map(String::from).collect();
    names.sort();
    names
}

#[test]
fn exports_are_the_functions_of_the_header() {
    let declared = header::items()
        .into_iter()
        .filter(|item| item.kind == Kind::Function);
    let mut declared: Vec<_> = declared.map(|item| item.name).collect();
    declared.sort();
    assert!(!declared.is_empty());
    assert_eq!(
        declared,
        header::symbols(),
        "the header, and what cbindgen saw"
    );
    assert_eq!(exports(), declared, "the library, and the header");
}

#[test]
fn exports_have_the_prefix() {
    let strange: Vec<_> = exports()
        .into_iter()
        .filter(|name| !name.starts_with("mc_"))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}
