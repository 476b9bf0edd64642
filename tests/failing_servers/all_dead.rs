//! All servers dead, and a program that goes on calling: next to nothing is done.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::alone;
use crate::black_hole::BlackHole;
use crate::fleet::{name, server};
use crate::support::cc::{self, tree};
use crate::support::install::installed;
use crate::support::memcached::Memcached;
use crate::support::run::run;

const SECONDS: &str = "10";
const CALLS_A_SECOND: &str = "100";
/// With what a call may wait for, and as long again without calls.
const LIMIT: Duration = Duration::from_secs(60);
const SERVERS: usize = 5;

/// Closes every connection that it has accepted, and counts them.
fn closing() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, SeqCst);
            drop(stream);
        }
    });
    (format!("memcached://{address}/"), accepted)
}

/// Have the installed library, in a program of its own, call servers that are dead, each in the way that
/// `what` says. How often each was tried.
fn call_the_dead(uris: &[String], what: [&str; SERVERS]) -> [usize; SERVERS] {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dead_servers");
    installed().program(&tree().join("tests/programs/dead_servers.c"), &program);
    let mut command = cc::command(&program);
    command.args([SECONDS, CALLS_A_SECOND]).args(aliased(uris));
    let printed = run(&mut command, LIMIT).succeeded().stdout;
    let mut lines = printed.lines();
    let numbers = lines.next().expect("a line of numbers").split(' ');
    let numbers: Vec<f64> = numbers.map(|n| n.parse().expect("a number")).collect();
    let [calls, left_alone, took, used, own] = numbers[..] else {
        panic!("{printed}");
    };
    let share = |part: f64| part * 100.0 / took;
    println!(
        "{calls} calls in {:.1} s, {left_alone} of them CIRCUIT_OPEN: {:.2} % of a processor, of which the \
         program's own sleep between its calls takes {:.2} %",
        took / 1e6,
        share(used),
        share(own),
    );
    let tried: Vec<&str> = lines.collect();
    let mut attempts = [0; SERVERS];
    for (slot, attempts) in attempts.iter_mut().enumerate() {
        *attempts = tried.iter().filter(|server| **server == name(slot)).count();
        let (what, rate) = (what[slot], *attempts as f64 * 1e6 / took);
        println!("    a server that {what}: {attempts} attempts to connect, {rate:.2} a second");
        assert!(*attempts > 0 && rate < 5.0, "{what}: {attempts} attempts");
    }
    // What the program takes for its own sleep it takes without the library too.
    let library = share(used - own);
    assert!(library < 1.0, "{library:.2} % of a processor");
    attempts
}

fn aliased(uris: &[String]) -> Vec<String> {
    let named = uris
        .iter()
        .zip(0..)
        .map(|(uri, n)| format!("{uri}?alias={}", name(n)));
    named.collect()
}

/// FM-75, FM-78: nobody listens.
#[test]
fn fm78_all_servers_refuse_for_ten_seconds() {
    let _alone = alone();
    let mut servers = [(); SERVERS].map(|()| server());
    servers.iter_mut().for_each(Memcached::kill);
    call_the_dead(
        &servers.each_ref().map(Memcached::uri),
        ["refuses"; SERVERS],
    );
}

/// FM-75, FM-78: each is dead in another way.
#[test]
fn fm78_all_servers_dead_for_ten_seconds() {
    let _alone = alone();
    let (mut refusing, silent, hole) = ([server(), server()], server(), BlackHole::new());
    let (closing, accepted) = closing();
    let uris = [
        refusing[0].uri(),
        refusing[1].uri(),
        silent.uri(),
        closing,
        hole.uri(),
    ];
    refusing.iter_mut().for_each(Memcached::kill);
    silent.halt();
    let what = ["refuses", "refuses", "is silent", "closes", "swallows"];
    let attempts = call_the_dead(&uris, what);
    // What the observer is told is what happens.
    assert_eq!(accepted.load(SeqCst), attempts[3]);
}
