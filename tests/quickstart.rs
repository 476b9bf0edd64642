//! The first five minutes: `make quickstart` with cargo and a C compiler, on a machine that has nothing
//! else of what the tests and the installation use.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::cc::{self, tree};
use support::memcached::Memcached;
use support::run::run;
use tempfile::TempDir;

/// A clean build on a slow machine.
const LIMIT: Duration = Duration::from_secs(900);

/// What there is: the toolchain of Rust, a C compiler with the assembler and linker that it calls, make,
/// and what any Unix has.
const PROGRAMS: [&str; 10] = [
    "cargo", "rustc", "cc", "as", "ld", "make", "sh", "dirname", "mkdir", "find",
];

fn on_path(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("a PATH");
    let found = std::env::split_paths(&path).map(|directory| directory.join(program));
    let mut found = found.filter(|file| file.is_file());
    found
        .next()
        .unwrap_or_else(|| panic!("no {program} on the PATH"))
}

/// A directory with links to `programs`, to be the whole PATH.
fn only(programs: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for program in programs {
        let link = directory.path().join(program);
        std::os::unix::fs::symlink(on_path(program), link).expect("linked");
    }
    directory
}

fn quickstart(path: &Path, example: &str, arguments: &str) -> Command {
    let mut make = cc::command("make");
    make.arg("quickstart").arg(format!("EXAMPLE={example}"));
    make.arg(format!("ARGUMENTS={arguments}"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quickstart");
    make.env("PATH", path).env("CARGO_TARGET_DIR", target);
    make.env_remove("CC").current_dir(tree());
    make
}

#[test]
fn a_newcomer_types_one_command_and_sees_values() {
    let path = only(&PROGRAMS);
    let ran = run(&mut quickstart(path.path(), "quickstart", ""), LIMIT).succeeded();
    let readme = include_str!("../README.md");
    for line in [
        "set   greeting",
        "get   greeting",
        "miss  ",
        "error ILLEGAL_INPUT",
    ] {
        let printed = ran.stdout.lines().find(|printed| printed.starts_with(line));
        let printed = printed.unwrap_or_else(|| panic!("{}", ran.report()));
        assert!(readme.contains(printed), "the README shows: {printed}");
    }
}

#[test]
fn an_example_is_built_and_run_with_cargo_and_a_c_compiler_alone() {
    let path = only(&PROGRAMS);
    let server = Memcached::unix(&[]);
    let arguments = format!("{} 2 50", server.uri());
    let ran = run(&mut quickstart(path.path(), "counter", &arguments), LIMIT);
    let ran = ran.succeeded();
    assert!(
        ran.stdout.contains("counter:up            100"),
        "{}",
        ran.report()
    );
}

#[test]
fn what_is_missing_is_told() {
    for missing in ["cargo", "cc"] {
        let there: Vec<_> = PROGRAMS.into_iter().filter(|p| *p != missing).collect();
        let path = only(&there);
        let ran = run(&mut quickstart(path.path(), "counter", ""), LIMIT);
        let said = match missing {
            "cargo" => "cargo is missing: install the Rust toolchain",
            _ => "a C compiler is missing: cc",
        };
        assert!(!ran.status.success(), "{}", ran.report());
        assert!(ran.stderr.contains(said), "{}", ran.report());
    }
    let path = only(&PROGRAMS);
    let ran = run(&mut quickstart(path.path(), "none", ""), LIMIT);
    assert!(
        ran.stderr.contains("there is no examples-c/none.c"),
        "{}",
        ran.report()
    );
}
