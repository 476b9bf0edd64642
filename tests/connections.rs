//! What connections do to the process that has them: descriptors, signals, stacks, locales, and more
//! threads than connections.

mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use support::cc::{self, tree};
use support::client::{Client, Got, OK, POOL_EXHAUSTED, SLACK, TIMEOUT, name};
use support::install::installed;
use support::memcached::Memcached;
use support::named;
use support::run::run;

const LIMIT: Duration = Duration::from_secs(100);

/// Held by tests that measure time, and by those that leave others none.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn source(name: &str) -> PathBuf {
    tree().join("tests/programs").join(format!("{name}.c"))
}

/// A place for a program; tests run at the same time, and each builds its own.
fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Run a program of tests/programs, in one of its modes, on a server over TCP, and on another over a
/// Unix socket.
fn both(name: &str, mode: &str) {
    let program = place(&format!("{name}_{mode}"));
    cc::program(&source(name), &program).succeeded();
    let servers = [("tcp", Memcached::tcp(&[])), ("unix", Memcached::unix(&[]))];
    for (kind, server) in servers {
        let mut command = cc::command(&program);
        command.args([mode, &server.uri(), &server.pid().to_string()]);
        print!("{kind}: {}", run(&mut command, LIMIT).succeeded().stdout);
    }
}

/// FM-111.
#[test]
fn fm111_never_a_standard_descriptor_and_closed_on_exec() {
    both("descriptors", "standard");
}

/// FM-67.
#[test]
fn fm67_descriptors_above_1024() {
    both("descriptors", "high");
}

/// FM-81.
#[test]
fn fm81_every_descriptor_is_closed_again() {
    both("descriptors", "leaks");
}

/// FM-66.
#[test]
fn fm66_no_sigpipe() {
    both("signals", "pipe");
}

/// FM-65.
#[test]
fn fm65_interrupted_a_thousand_times_a_second() {
    let _alone = alone();
    both("signals", "timer");
}

/// FM-117: as installed; a debug build takes more stack.
#[test]
fn fm117_a_stack_of_64_kib_suffices() {
    let program = place("small_stack");
    installed().program(&source("small_stack"), &program);
    for server in [Memcached::tcp(&[]), Memcached::unix(&[])] {
        let ran = run(cc::command(&program).arg(server.uri()), LIMIT).succeeded();
        print!("{}", ran.stdout);
    }
}

/// Locales to try: some whose numbers or letters are unlike those of C, made here where the system
/// has what it takes, else what is installed.
fn locales(to: &Path) -> Vec<String> {
    let wanted = ["tr_TR", "de_DE", "hi_IN", "fa_IR"];
    let make = |locale: &&str| {
        let mut localedef = cc::command("localedef");
        localedef.args(["-i", locale, "-f", "UTF-8"]);
        let made = localedef.arg(to.join(format!("{locale}.UTF-8"))).output();
        made.is_ok_and(|ran| ran.status.success())
    };
    let made: Vec<_> = wanted.into_iter().filter(make).collect();
    if !made.is_empty() {
        return made.iter().map(|made| format!("{made}.UTF-8")).collect();
    }
    let there = run(cc::command("locale").arg("-a"), LIMIT).stdout;
    there.lines().map(str::to_string).collect()
}

/// FM-115.
#[test]
fn fm115_the_locale_changes_nothing() {
    let program = place("in_locale");
    cc::program(&source("in_locale"), &program).succeeded();
    let to = tempfile::tempdir().expect("a temporary directory");
    let locales = locales(to.path());
    let server = Memcached::unix(&[]);
    let printed = |locale: &str| {
        let mut command = cc::command(&program);
        command.arg(server.uri()).arg(locale);
        if locale != "C" && to.path().join(locale).exists() {
            command.env("LOCPATH", to.path());
        }
        run(&mut command, LIMIT).succeeded().stdout
    };
    let expected = printed("C");
    assert!(expected.lines().count() > 15, "{expected}");
    for locale in &locales {
        assert_eq!(printed(locale), expected, "{locale}");
    }
    println!("the same as in C: {}\n{expected}", locales.join(" "));
    assert!(!locales.is_empty());
}

/// FM-82: 64 threads and one connection. With time enough all are served, in turn.
#[test]
fn fm82_one_connection_for_64_threads() {
    let _alone = alone();
    let server = Memcached::unix(&[]);
    let client = Client::new(&(server.uri() + "?max_connections=1&timeout=20s"));
    let (served, _) = contend(&client, 50);
    let connections = server.raw().stat("curr_connections") - 1;
    println!(
        "served {served:?} of {} calls over {connections} connection",
        64 * 50
    );
    assert_eq!(served, [64 * 50, 0, 0]);
    assert_eq!(connections, 1);
}

/// FM-82: while the only connection waits for a server that does not answer, the others wait no
/// longer than they would for the server.
#[test]
fn fm82_one_connection_that_is_stuck() {
    let _alone = alone();
    let timeout = Duration::from_millis(300);
    for server in [Memcached::tcp(&[]), Memcached::unix(&[])] {
        // So that every call waits for its turn.
        let options = "?max_connections=1&timeout=300ms&reconnect=simple";
        let client = Client::new(&(server.uri() + options));
        assert_eq!(client.set("contended", b"value"), OK);
        server.halt();
        let ([served, exhausted, late], longest) = contend(&client, 2);
        server.go_on();
        println!(
            "{served} served, {exhausted} without a connection, {late} without an answer, \
             the last after {longest:?} of {timeout:?}"
        );
        assert_eq!((served, exhausted + late), (0, 128));
        assert!(longest <= timeout + SLACK, "{longest:?}");
        assert!(exhausted > 0 && late > 0);
        let patient = client.with("timeout=20s");
        assert_eq!(contend(&patient, 1).0, [64, 0, 0]);
    }
}

/// FM-81, FM-82: those who give up waiting just when they are given the connection do not take it
/// with them.
#[test]
fn fm82_a_connection_is_not_lost_to_those_who_give_up() {
    let _alone = alone();
    let server = Memcached::unix(&[]);
    let patient = Client::new(&(server.uri() + "?max_connections=1&timeout=5s"));
    let began = Instant::now();
    let mut sums = [0; 3];
    for timeout in (0..).map(|round| Duration::from_micros(100 << (round % 6))) {
        let hurried = patient.with(&format!("timeout={}us", timeout.as_micros()));
        for (sum, count) in sums.iter_mut().zip(contend(&hurried, 40).0) {
            *sum += count;
        }
        let alone = patient.set("alone", b"value");
        assert_eq!(
            alone, OK,
            "nobody has the connection, and nobody gets it: {sums:?}"
        );
        if began.elapsed() > Duration::from_secs(5) {
            break;
        }
    }
    let [served, exhausted, late] = sums;
    println!("{served} served, {exhausted} without a connection, {late} without an answer");
    assert!(served > 100 && exhausted > 100, "{sums:?}");
}

/// 64 threads call at once, each so often: how many calls were served, found no connection, got no
/// answer in time; and how long the longest took.
fn contend(client: &Client, calls: usize) -> ([usize; 3], Duration) {
    let counts = [const { AtomicUsize::new(0) }; 3];
    let one = |thread: usize| {
        let (key, mut longest) = (format!("contended:{thread}"), Duration::ZERO);
        for call in 0..calls {
            let began = Instant::now();
            let which = match call % 2 {
                0 => outcome(client.set(&key, &named::value(&key, 1, 30))),
                _ => read(client, &key),
            };
            longest = longest.max(began.elapsed());
            counts[which].fetch_add(1, Ordering::Relaxed);
        }
        longest
    };
    let longest = std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..64).map(|t| scope.spawn(move || one(t))).collect();
        let ended = threads.into_iter().map(|t| t.join().expect("no panic"));
        ended.max().unwrap_or_default()
    });
    (counts.map(AtomicUsize::into_inner), longest)
}

fn outcome(status: i32) -> usize {
    match status {
        OK => 0,
        POOL_EXHAUSTED => 1,
        TIMEOUT => 2,
        status => panic!("{}", name(status)),
    }
}

fn read(client: &Client, key: &str) -> usize {
    match client.get(key) {
        Got::Value(found) => {
            assert_eq!(named::version(key, &found), Some(1), "{key}");
            0
        }
        // The set may have failed.
        Got::Miss => 0,
        Got::Failed(status) => outcome(status),
    }
}
