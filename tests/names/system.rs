//! The system's own resolver, made to hang.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::alone;
use crate::support::cc::{self, tree};
use crate::support::memcached::Memcached;
use crate::support::run::run;

const LIMIT: Duration = Duration::from_secs(60);

fn source(name: &str) -> PathBuf {
    tree().join("tests/programs").join(format!("{name}.c"))
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A library that is loaded before the system's.
fn shim() -> PathBuf {
    let to = place("stuck_resolver.so");
    let mut compiler = cc::command("cc");
    compiler
        .args([
            "-std=c11", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror",
        ])
        .arg(source("stuck_resolver"))
        .arg("-o")
        .arg(&to)
        .arg("-ldl");
    run(&mut compiler, cc::LIMIT).succeeded();
    to
}

/// FM-69, FM-122: four names are stuck in `getaddrinfo`; other calls, a child and the end of the process
/// do not mind.
#[test]
fn fm69_a_process_whose_resolver_is_stuck() {
    let _alone = alone();
    let (server, program) = (Memcached::tcp(&[]), place("stuck_names"));
    cc::program(&source("stuck_names"), &program).succeeded();
    let mut command = cc::command(&program);
    command.arg(server.uri()).env("LD_PRELOAD", shim());
    print!("{}", run(&mut command, LIMIT).succeeded().stdout);
}

/// Names are looked up on stacks that hold the program's thread-local variables too: 4 MiB of them here.
#[test]
fn a_program_with_large_thread_local_variables() {
    let _alone = alone();
    let (server, program) = (Memcached::tcp(&[]), place("large_thread_locals"));
    cc::program(&source("large_thread_locals"), &program).succeeded();
    let mut command = cc::command(&program);
    command.arg(server.uri()).env("LD_PRELOAD", shim());
    run(&mut command, LIMIT).succeeded();
}
