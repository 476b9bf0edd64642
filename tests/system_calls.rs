//! What a call costs the kernel: every system call between two marks of a C program, counted by
//! strace on a real server.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use support::cc;
use support::memcached::Memcached;
use support::run::run;

const LIMIT: Duration = Duration::from_secs(60);

/// A connection that was idle for longer is looked at, and is not warm.
const WARM: Duration = Duration::from_millis(5);

/// Of the program's rounds, so many must have been warm to count.
const ROUNDS_MIN: usize = 10;

/// What happened between the marks of one round.
struct Round {
    warm: bool,
    calls: Vec<Call>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Call {
    Send,
    Receive,
    /// A receive that takes nothing.
    Look,
    Poll,
    Other,
}

fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("marked_calls");
        let source = cc::tree().join("tests/programs/marked_calls.c");
        cc::program(&source, &to).succeeded();
        to
    })
}

/// One line of `strace -f -ttt`: when, and what; without the process id that stands in front.
fn line(line: &str) -> Option<(f64, &str)> {
    let line = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let (time, what) = line.trim_start().split_once(' ')?;
    Some((time.parse().ok()?, what))
}

fn kind(what: &str) -> Call {
    let (name, rest) = what.split_once('(').unwrap_or((what, ""));
    match name {
        "send" | "sendto" | "sendmsg" | "write" | "writev" => Call::Send,
        "recv" | "recvfrom" | "recvmsg" | "read" | "readv" if rest.contains("MSG_PEEK") => {
            Call::Look
        }
        "recv" | "recvfrom" | "recvmsg" | "read" | "readv" => Call::Receive,
        "poll" | "ppoll" | "select" | "pselect6" | "epoll_wait" => Call::Poll,
        _ => Call::Other,
    }
}

/// The rounds of a trace. Each is `access("/mark/warm")`, a call that warms the connection,
/// `access("/mark/begin")`, the call in question, `access("/mark/end")`.
fn rounds(trace: &str) -> Vec<Round> {
    let (mut rounds, mut warmed, mut round) = (Vec::new(), 0.0, None);
    for (time, what) in trace.lines().filter_map(line) {
        // The library has read its clock when it makes its first call, and not before `warmed`.
        let warm = || Duration::from_secs_f64(time - warmed) < WARM;
        if what.contains("/mark/warm") {
            warmed = time;
        } else if what.contains("/mark/begin") {
            round = Some((None, Vec::new()));
        } else if what.contains("/mark/end") {
            let (seen, calls) = round.take().expect("an end after a beginning");
            let warm = seen.unwrap_or_else(warm);
            rounds.push(Round { warm, calls });
        } else if let Some((seen, calls)) = &mut round {
            let kind = kind(what);
            if kind == Call::Other {
                println!("  not a call of the exchange: {what}");
            }
            seen.get_or_insert_with(warm);
            calls.push(kind);
        }
    }
    rounds
}

/// The program's warm rounds of `scenario`: each sequence of calls, and how often it was seen.
fn measure(server: &Memcached, scenario: &str) -> BTreeMap<Vec<Call>, usize> {
    let to = tempfile::NamedTempFile::new().expect("a file for the trace");
    let mut strace = cc::command("strace");
    strace
        .args(["-f", "-ttt", "-e", "trace=all", "-o"])
        .arg(to.path());
    strace.arg(program()).args([&server.uri(), scenario]);
    run(&mut strace, LIMIT).succeeded();
    let trace = std::fs::read_to_string(to.path()).expect("a trace");
    let rounds = rounds(&trace);
    let mut seen = BTreeMap::new();
    for round in rounds.iter().filter(|round| round.warm) {
        *seen.entry(round.calls.clone()).or_default() += 1;
    }
    let warm: usize = seen.values().sum();
    let kind = server.uri();
    let kind = kind.split("://").next().unwrap_or_default();
    println!(
        "{scenario} over {kind}: {warm} of {} rounds warm: {seen:?}",
        rounds.len()
    );
    assert!(
        warm >= ROUNDS_MIN,
        "{scenario}: too few warm rounds\n{trace}"
    );
    seen
}

fn both(check: impl Fn(&Memcached)) {
    let there = cc::command("strace").arg("--version").output();
    assert!(
        there.is_ok_and(|ran| ran.status.success()),
        "strace is missing: scripts/install-deps.sh installs it (on Debian: apt-get install strace)"
    );
    check(&Memcached::tcp(&[]));
    check(&Memcached::unix(&[]));
}

/// Every warm round must be `calls` and nothing else.
fn exactly(scenario: &str, calls: &[Call]) {
    both(|server| {
        let seen = measure(server, scenario);
        let all: Vec<_> = seen.keys().map(Vec::as_slice).collect();
        assert_eq!(all, [calls], "{scenario}");
    });
}

#[test]
fn a_hit_is_one_send_and_one_receive() {
    exactly("get_hit", &[Call::Send, Call::Receive]);
}

#[test]
fn a_hit_into_an_item_of_the_callers_is_one_send_and_one_receive() {
    exactly("get_reuse", &[Call::Send, Call::Receive]);
    exactly("get_into", &[Call::Send, Call::Receive]);
}

#[test]
fn a_miss_is_one_send_and_one_receive() {
    exactly("get_miss", &[Call::Send, Call::Receive]);
}

#[test]
fn a_set_is_one_send_and_one_receive() {
    exactly("set", &[Call::Send, Call::Receive]);
}

#[test]
fn arithmetic_and_delete_are_one_send_and_one_receive() {
    exactly("incr", &[Call::Send, Call::Receive]);
    exactly("delete", &[Call::Send, Call::Receive]);
}

#[test]
fn a_quiet_set_is_one_send() {
    exactly("quiet_set", &[Call::Send]);
}

/// The reply that is owed comes with that of the next command: it is not waited for. How much of the
/// two the first receive takes is the kernel's business.
#[test]
fn a_get_behind_a_quiet_set_has_one_send() {
    both(|server| {
        for (calls, _) in measure(server, "get_behind_quiet_set") {
            let receives = calls.iter().filter(|call| **call == Call::Receive).count();
            let polls = calls.iter().filter(|call| **call == Call::Poll).count();
            assert_eq!(calls[0], Call::Send, "{calls:?}");
            assert!((1..=2).contains(&receives) && polls <= 1, "{calls:?}");
            assert_eq!(calls.len(), 1 + receives + polls, "{calls:?}");
        }
    });
}

/// FM-04: a look before each command costs one more system call, and no more than one.
#[test]
fn fm04_paranoid_adds_one_look() {
    exactly("paranoid_get", &[Call::Look, Call::Send, Call::Receive]);
    exactly("paranoid_set", &[Call::Look, Call::Send, Call::Receive]);
}

#[test]
fn a_hundred_keys_are_one_send_and_at_most_two_receives() {
    both(|server| {
        for (calls, _) in measure(server, "get_hundred") {
            let count = |kind| calls.iter().filter(|call| **call == kind).count();
            assert_eq!((calls[0], count(Call::Send)), (Call::Send, 1), "{calls:?}");
            assert!((1..=2).contains(&count(Call::Receive)), "{calls:?}");
            assert!(count(Call::Poll) <= 1, "{calls:?}");
            assert_eq!(count(Call::Look) + count(Call::Other), 0, "{calls:?}");
        }
    });
}
