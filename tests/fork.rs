//! A hundred thousand gets in a process and as many in its child, over connections that were warm at
//! the fork, idle and with eight threads in the middle of their commands.

mod support;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use support::cc::{command, tree};
use support::install::installed;
use support::memcached::Memcached;
use support::run::run;

const LIMIT: Duration = Duration::from_secs(300);
const GETS: usize = 100_000;

fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fork_installed");
        installed().program(&tree().join("tests/c/fork.c"), &to);
        to
    })
}

/// The program says of every get that it was a hit with its own key's value, in every process: one
/// that is lost fails it too. It forks while idle, in a child of a child, with replies owed, and eight
/// times while eight threads run, each of which does its share of the gets.
fn check(server: &Memcached, kind: &str) {
    program();
    let mut commands = server.raw();
    let before = commands.stat("cmd_get");
    let began = Instant::now();
    let mut fork = command(program());
    run(fork.arg(server.uri()).arg(GETS.to_string()), LIMIT).succeeded();
    let took = began.elapsed();
    let gets = commands.stat("cmd_get") - before;
    let misses = commands.stat("get_misses");
    println!(
        "{kind}: {GETS} gets in the parent and in the child, idle and with threads: {gets} gets and \
         {misses} misses at the server, none wrong, none lost, in {:.1} s",
        took.as_secs_f64()
    );
    assert_eq!(misses, 0);
    assert!(gets >= 4 * GETS as u64, "the program did less than it says");
}

/// FM-15.
#[test]
fn fm15_gets_in_parent_and_child_over_tcp() {
    check(&Memcached::tcp(&[]), "tcp");
}

/// FM-15.
#[test]
fn fm15_gets_in_parent_and_child_over_a_unix_socket() {
    check(&Memcached::unix(&[]), "unix");
}
