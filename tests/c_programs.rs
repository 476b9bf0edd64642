//! The programs of tests/c/ and examples-c/, compiled against this build's shared library and run
//! with a real memcached, plain and under valgrind.

mod support;

#[cfg(feature = "tls")]
#[allow(dead_code)] // the tests of TLS take the rest
#[path = "tls/certificates.rs"]
mod certificates;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use support::cc::{self, tree};
use support::memcached::Memcached;
use support::run::{Ran, run};
use tempfile::TempDir;

/// For one program, valgrind included, on a machine with other things to do.
const LIMIT: Duration = Duration::from_secs(600);

/// Memory in MB for a server that must not evict what a program stores.
const MEMORY: [&str; 2] = ["-m", "256"];

struct Program {
    name: String,
    path: PathBuf,
}

/// Every program of `directory`, compiled; a warning is an error.
fn compile(directory: &str) -> Vec<Program> {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
    std::fs::create_dir_all(&to).expect("a directory for the programs");
    let entries = std::fs::read_dir(tree().join(directory)).expect("a directory of sources");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut sources: Vec<_> = paths
        .filter(|p| p.extension().is_some_and(|e| e == "c"))
        .collect();
    sources.sort();
    assert!(!sources.is_empty(), "no program in {directory}");
    let program = |source: &PathBuf| {
        let name = source
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let path = to.join(&name);
        cc::program(source, &path).succeeded();
        Program { name, path }
    };
    sources.iter().map(program).collect()
}

fn tests() -> &'static [Program] {
    static BUILT: OnceLock<Vec<Program>> = OnceLock::new();
    BUILT.get_or_init(|| compile("tests/c"))
}

fn examples() -> &'static [Program] {
    static BUILT: OnceLock<Vec<Program>> = OnceLock::new();
    BUILT.get_or_init(|| compile("examples-c"))
}

fn plain(program: &Path) -> Command {
    cc::command(program)
}

/// A child of a process with threads loses what those threads, which it does not have, held.
const LEAKS_BY_NATURE: &str = "fork";

/// `program` under valgrind, for which a leak is an error too.
fn checked(program: &Path) -> Command {
    let mut command = cc::command("valgrind");
    command.args(["--quiet", "--error-exitcode=9"]);
    if !program.ends_with(LEAKS_BY_NATURE) {
        let kinds = "definite,indirect,possible";
        command.arg("--leak-check=full");
        command.arg(format!("--show-leak-kinds={kinds}"));
        command.arg(format!("--errors-for-leak-kinds={kinds}"));
    }
    // Valgrind runs one thread at a time.
    command.arg(program).env("THREADS_COMMANDS", "400");
    command
}

/// As [`checked`], for what encrypts: valgrind takes what the assembly of ciphers writes for undefined.
#[cfg(feature = "tls")]
fn checked_but_for_what_is_undefined(program: &Path) -> Command {
    let mut command = cc::command("valgrind");
    let kinds = "definite,indirect,possible";
    command.args(["--quiet", "--error-exitcode=9", "--undef-value-errors=no"]);
    command.arg("--leak-check=full");
    command.arg(format!("--errors-for-leak-kinds={kinds}"));
    command.arg(program);
    command
}

/// Run each program on a server of its own; fails with the output of those that failed.
fn run_tests(server: impl Fn() -> Memcached, command: impl Fn(&Path) -> Command) {
    let mut failed = Vec::new();
    for program in tests() {
        let server = server();
        let began = Instant::now();
        let ran = run(command(&program.path).arg(server.uri()), LIMIT);
        println!("{:6.2} s  {}", began.elapsed().as_secs_f64(), program.name);
        if !ran.status.success() {
            failed.push(ran.report());
        }
    }
    assert!(
        failed.is_empty(),
        "{} failed\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn tests_pass_over_tcp() {
    run_tests(|| Memcached::tcp(&MEMORY), plain);
}

#[test]
fn tests_pass_over_a_unix_socket() {
    run_tests(|| Memcached::unix(&MEMORY), plain);
}

/// As over TCP, with all that is sent and received in records.
#[cfg(feature = "tls")]
#[test]
fn tests_pass_over_tls() {
    let authority = certificates::Authority::new();
    let shown = authority.issue("server", &certificates::server(&["127.0.0.1", "localhost"]));
    let shown = shown.flag();
    let flags = [&MEMORY[..], &["-Z", "-o", &shown]].concat();
    let options = format!("tls_ca={}&connect_timeout=5s", authority.ca().display());
    run_tests(|| Memcached::tls(&flags, &options), plain);
}

#[test]
fn tests_pass_under_valgrind() {
    run_tests(|| Memcached::unix(&MEMORY), checked);
}

/// A server whose certificate is signed by the authority that is named, by another one, and by one that
/// cannot be read.
#[cfg(feature = "tls")]
#[test]
fn tls_talks_to_whom_it_verifies() {
    let (authority, other) = (
        certificates::Authority::new(),
        certificates::Authority::new(),
    );
    let shown = authority.issue("server", &certificates::server(&["127.0.0.1"]));
    let server = Memcached::tcp(&[&MEMORY[..], &["-Z", "-o", &shown.flag()]].concat());
    let uri = server.uri().replace("memcached://", "memcacheds://");
    let uri = format!("{uri}?timeout=20s&connect_timeout=20s");
    let example = examples().iter().find(|one| one.name == "tls");
    let path = &example.expect("the example").path;
    for command in [plain, checked_but_for_what_is_undefined] {
        let tried = |ca: &Path| run(command(path).arg(&uri).arg(ca), LIMIT);
        let ran = tried(&authority.ca()).succeeded();
        let said = "verified, and 18 bytes came back: for your eyes only\n";
        assert_eq!(ran.stdout, said, "{}", ran.report());
        let missing = authority.path("none.pem");
        for (ca, why) in [
            (other.ca(), "unknown authority (tls_ca)"),
            (missing, "none.pem"),
        ] {
            let ran = tried(&ca);
            assert_eq!(ran.status.code(), Some(1), "{}", ran.report());
            assert!(ran.stdout.starts_with("not verified: "), "{}", ran.report());
            assert!(ran.stdout.contains(why), "{}", ran.report());
        }
    }
}

/// Run one example, plain over TCP and a Unix socket, and under valgrind.
fn run_example(name: &str, arguments: impl Fn(&str) -> Vec<String>) -> Vec<Ran> {
    let example = examples()
        .iter()
        .find(|example| example.name == name)
        .expect("the example");
    let commands: [fn(&Path) -> Command; 3] = [plain, plain, checked];
    let servers = [
        Memcached::tcp(&MEMORY),
        Memcached::unix(&MEMORY),
        Memcached::unix(&MEMORY),
    ];
    let runs = commands.iter().zip(&servers).map(|(command, server)| {
        run(command(&example.path).args(arguments(&server.uri())), LIMIT).succeeded()
    });
    runs.collect()
}

#[test]
fn every_example_has_a_test() {
    let names: Vec<_> = examples()
        .iter()
        .map(|example| example.name.as_str())
        .collect();
    let expected = [
        "batch",
        "counter",
        "errors",
        "event_loop",
        "mock",
        "options",
        "page_cache",
        "quickstart",
        "tls",
    ];
    assert_eq!(names, expected);
}

/// An example that needs no server: plain and under valgrind.
fn run_alone(name: &str) -> [Ran; 2] {
    let example = examples().iter().find(|example| example.name == name);
    let path = &example.expect("the example").path;
    [plain, checked].map(|command: fn(&Path) -> Command| run(&mut command(path), LIMIT).succeeded())
}

#[test]
fn examples_that_need_no_server() {
    for (name, said) in [
        ("quickstart", "get   greeting = hello, world (12 bytes)"),
        ("batch", "batch:one is now 42"),
        ("errors", "LIBRARY"),
        ("mock", "without a cache the name is still found"),
        ("options", "timeout is now 250ms"),
    ] {
        for ran in run_alone(name) {
            assert!(ran.stdout.contains(said), "{}", ran.report());
        }
    }
}

/// What remembers the names of stores loses nothing either.
#[test]
fn quickstart_with_a_store_that_has_a_name() {
    let example = examples().iter().find(|one| one.name == "quickstart");
    let mut command = checked(&example.expect("the example").path);
    run(command.arg("memory://quickstart"), LIMIT).succeeded();
}

#[test]
fn quickstart_and_batch_with_a_server() {
    for name in ["quickstart", "batch"] {
        let alone = run_alone(name)[0].stdout.clone();
        for ran in run_example(name, |uri| vec![uri.to_string()]) {
            assert_eq!(ran.stdout, alone);
        }
    }
}

/// Its input ends at once here, or is some keys.
#[test]
fn event_loop_shows_what_comes() {
    let stored = "event:one: OK\nevent:two: OK\n";
    for ran in run_example("event_loop", |uri| vec![uri.to_string()]) {
        assert_eq!(ran.stdout, format!("{stored}2 operations\n"));
    }
    let example = examples().iter().find(|one| one.name == "event_loop");
    let path = example.expect("the example").path.display().to_string();
    let script = format!("(echo event:two; sleep 0.2; echo event:one; echo event:no) | '{path}'");
    let mut shell = cc::command("sh");
    let ran = run(shell.arg("-c").arg(script), LIMIT).succeeded();
    let ends = "event:two: 22\nevent:one: 1\nevent:no: NO_VALUE\n5 operations\n";
    assert_eq!(ran.stdout, format!("{stored}{ends}"));
}

#[test]
fn counter_is_exact() {
    run_example("counter", |uri| {
        vec![uri.to_string(), "4".into(), "200".into()]
    });
}

#[test]
fn the_example_of_the_readme_works() {
    let readme = include_str!("../README.md");
    let code = readme
        .split("```c\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let to = tempfile::tempdir().expect("a temporary directory");
    let (source, program) = (to.path().join("readme.c"), to.path().join("readme"));
    std::fs::write(&source, code.expect("an example")).expect("written");
    cc::program(&source, &program).succeeded();
    let server = Memcached::unix(&[]);
    let ran = run(checked(&program).arg(server.uri()), LIMIT).succeeded();
    assert_eq!(ran.stdout, "hello, 5 bytes\n");
}

/// A directory with every kind of file that page_cache tells apart.
fn pages() -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name);
    let write = |name: &str, bytes: &[u8]| std::fs::write(at(name), bytes).expect("written");
    let mixed: Vec<u8> = (0..900_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    std::fs::create_dir_all(at("below/deeper")).expect("made");
    write("empty", b"");
    write("lines", b"VALUE lines 0 3\r\nEND\r\n\0");
    write("below/mixed", &mixed);
    for number in 0..300 {
        write(&format!("below/deeper/{number}"), &mixed[..number * 50]);
    }
    write("too_large", &vec![b'x'; 2_000_000]);
    write("a space", b"no legal key");
    write(&"long".repeat(60), b"no legal key");
    std::os::unix::fs::symlink(at("lines"), at("link")).expect("linked");
    directory
}

#[test]
fn page_cache_counts_every_file() {
    let directory = pages();
    let path = directory.path().display().to_string();
    let expected = [
        ("files", 306),
        ("hits", 303),
        ("too large", 1),
        ("illegal paths", 2),
        ("misses", 0),
        ("differences", 0),
        ("failures", 0),
    ];
    for ran in run_example("page_cache", |uri| vec![path.clone(), uri.to_string()]) {
        for (what, count) in expected {
            let line = format!("{what:14} {count:10}");
            assert!(
                ran.stdout.lines().any(|l| l == line),
                "not `{line}` in {}",
                ran.report()
            );
        }
    }
}
