//! Batches over five servers of which three are ill: one is stopped, one refuses, one swallows every attempt
//! to connect. Each costs its own keys a status, in its own time; the others' keys are answered meanwhile.

mod support;

#[allow(dead_code)] // the tests of names take the rest
#[path = "names/caller.rs"]
mod caller;
#[allow(dead_code)]
#[path = "names/lookups.rs"]
mod lookups;
#[allow(dead_code)]
#[path = "names/peers.rs"]
mod peers;

use std::time::{Duration, Instant};

use caller::{Caller, Outcome};
use lookups::Lookups;
use memcached2::error::{Phase, Status};
use memcached2::protocol::Op;
use peers::{Refusing, Swallowing, address};
use support::client::{Client, OK, PARTIAL, SLACK};
use support::loops::{Loop, get};
use support::memcached::Memcached;

const KEYS: usize = 500;

/// A server that is silent for so long ends its own commands.
const SILENCE: Duration = Duration::from_millis(1500);

/// Making a connection takes no longer.
const CONNECTING: Duration = Duration::from_millis(900);

/// Two that are well, and the three.
struct Five {
    well: [Memcached; 2],
    stopped: Memcached,
    refusing: Refusing,
    hole: Swallowing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Well,
    Stopped,
    Refusing,
    Hole,
}

impl Five {
    fn new() -> Five {
        Five {
            well: [Memcached::tcp(&[]), Memcached::tcp(&[])],
            stopped: Memcached::tcp(&[]),
            refusing: Refusing::new(),
            hole: Swallowing::new(),
        }
    }

    /// Their names, in the order of the list.
    fn names(&self) -> [(Kind, String); 5] {
        [
            (Kind::Hole, self.hole.address()),
            (Kind::Well, address(&self.well[0])),
            (Kind::Stopped, address(&self.stopped)),
            (Kind::Refusing, self.refusing.address()),
            (Kind::Well, address(&self.well[1])),
        ]
        .map(|(kind, address)| (kind, address.to_string()))
    }

    fn list(&self, options: &str) -> String {
        let names: Vec<String> = self.names().into_iter().map(|(_, name)| name).collect();
        let (silence, connecting) = (SILENCE.as_millis(), CONNECTING.as_millis());
        let limits = format!("timeout={silence}ms&connect_timeout={connecting}ms");
        format!("{}?{limits}&{options}", names.join(","))
    }

    fn connections_of_the_well(&self) -> [u64; 2] {
        [0, 1].map(|n: usize| self.well[n].raw().stat("total_connections"))
    }
}

impl Drop for Five {
    fn drop(&mut self) {
        self.stopped.go_on();
    }
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|n| format!("five:{n}")).collect()
}

/// Those of a kind, as they came out: how many, and when the first and the last were told.
fn told(of: Kind, kinds: &[Kind], outcomes: &[(Outcome, Duration)]) -> (usize, Duration, Duration) {
    let pairs = kinds.iter().zip(outcomes).filter(|(kind, _)| **kind == of);
    let times: Vec<Duration> = pairs.map(|(_, (_, after))| *after).collect();
    let (first, last) = (times.iter().min(), times.iter().max());
    (times.len(), *first.expect("some"), *last.expect("some"))
}

/// One batch, during which the stopped server is silent in that phase: everybody's keys are told what they
/// must be, those of the well in their own time.
fn check(
    what: &str,
    silent_at: Phase,
    kinds: &[Kind],
    well: impl Fn(usize) -> Outcome,
    run: impl FnOnce() -> Vec<(Outcome, Duration)>,
) {
    let began = Instant::now();
    let outcomes = run();
    let took = began.elapsed();
    assert_eq!(outcomes.len(), KEYS, "all of them");
    for (number, (kind, (outcome, after))) in kinds.iter().zip(&outcomes).enumerate() {
        match kind {
            Kind::Well => {
                assert_eq!(*outcome, well(number), "{what}, key {number}");
                // Long before those who are waited for in vain.
                assert!(*after < CONNECTING, "{what}, key {number}: {after:?}");
            }
            Kind::Stopped => outcome.assert_failed(Status::TIMEOUT, silent_at, ""),
            Kind::Refusing => {
                outcome.assert_failed(Status::CONNECT_FAILED, Phase::Connect, "refused");
                assert!(*after < CONNECTING, "{what}, key {number}: {after:?}");
            }
            Kind::Hole => {
                outcome.assert_failed(Status::CONNECT_FAILED, Phase::Connect, "");
                assert!(
                    *after <= CONNECTING + SLACK,
                    "{what}, key {number}: {after:?}"
                );
            }
        }
    }
    let line = [Kind::Well, Kind::Refusing, Kind::Hole, Kind::Stopped].map(|kind| {
        let (count, first, last) = told(kind, kinds, &outcomes);
        format!("{kind:?} {count} keys after {first:.1?} to {last:.1?}")
    });
    println!("{what}: {}; all in {took:.1?}", line.join(", "));
    assert!(took <= SILENCE + SLACK, "{what}: {took:?}");
}

/// FM-77.
#[test]
fn fm77_ill_servers_cost_only_their_own_keys() {
    let five = Five::new();
    let keys = keys();
    for protocol in ["auto", "ascii", "meta", "binary"] {
        // Every call is to meet the ill ones.
        let options = format!("protocol={protocol}&reconnect=simple");
        let caller = Caller::new(&five.list(&options), &Lookups::new().resolver());
        let names = five.names();
        let kind = |key: &String| {
            let it = names.iter().find(|(_, name)| caller.is_on(key, name));
            it.expect("a server").0
        };
        let kinds: Vec<Kind> = keys.iter().map(kind).collect();
        // The connections to the well and to the one that will stop are there already, or are not.
        for warm in [true, false] {
            match warm {
                true => {
                    for key in keys
                        .iter()
                        .zip(&kinds)
                        .filter(|(_, kind)| matches!(kind, Kind::Well | Kind::Stopped))
                    {
                        assert_eq!(caller.set(key.0, "warm"), Outcome::Done);
                    }
                }
                false => caller.close(),
            }
            five.stopped.halt();
            let run = |op| {
                let caller = &caller;
                let keys = &keys;
                move || caller.multi(op, keys)
            };
            let what =
                |name: &str| format!("{protocol}, {}, {name}", if warm { "warm" } else { "cold" });
            // With `protocol=meta` a new connection is asked what it is; after the first batch there is
            // no other to the stopped one.
            let silent_at = |is_there: bool| match protocol == "meta" && !is_there {
                true => Phase::Handshake,
                false => Phase::Receive,
            };
            check(
                &what("set_multi"),
                silent_at(warm),
                &kinds,
                |_| Outcome::Done,
                run(Op::Set),
            );
            let before = five.connections_of_the_well();
            check(
                &what("get_multi"),
                silent_at(false),
                &kinds,
                |n| Outcome::value(&keys[n]),
                run(Op::Get),
            );
            check(
                &what("delete_multi"),
                silent_at(false),
                &kinds,
                |_| Outcome::Done,
                run(Op::Delete),
            );
            check(
                &what("get_multi of nothing"),
                silent_at(false),
                &kinds,
                |_| Outcome::Miss,
                run(Op::Get),
            );
            // Over the same connections all the time; the difference is who asks.
            let after = five.connections_of_the_well();
            assert_eq!(after, before.map(|count| count + 1), "{protocol}");
            five.stopped.go_on();
        }
    }
}

/// The time of the batch ends it where that is shorter than the servers' own: what came is there.
#[test]
fn the_end_of_the_batch_leaves_what_came() {
    let five = Five::new();
    let keys = keys();
    let limit = Duration::from_millis(400);
    let caller = Caller::new(
        &five.list("batch_timeout=400ms"),
        &Lookups::new().resolver(),
    );
    let names = five.names();
    five.stopped.halt();
    let began = Instant::now();
    let outcomes = caller.multi(Op::Set, &keys);
    let took = began.elapsed();
    assert!(took <= limit + SLACK, "{took:?}");
    let mut counts = [0; 2];
    for (key, (outcome, after)) in keys.iter().zip(outcomes) {
        let (kind, _) = names
            .iter()
            .find(|(_, name)| caller.is_on(key, name))
            .expect("a server");
        match kind {
            Kind::Well => {
                assert_eq!(outcome, Outcome::Done);
                assert!(after < limit, "{after:?}");
                counts[0] += 1;
            }
            _ => {
                assert!(
                    matches!(outcome, Outcome::Failed(..)),
                    "{kind:?}: {outcome:?}"
                );
                counts[1] += 1;
            }
        }
    }
    println!(
        "batch_timeout={limit:?}: {} keys stored, {} not, in {took:?}",
        counts[0], counts[1]
    );
}

/// The same by a loop.
#[test]
fn fm77_ill_servers_cost_only_their_own_keys_in_a_loop() {
    let five = Five::new();
    let keys = keys();
    let client = Client::new(&five.list("protocol=auto"));
    let names = five.names();
    let is_well = |key: &String| {
        let name = client.server_for(key);
        names
            .iter()
            .any(|(kind, other)| *kind == Kind::Well && *other == name)
    };
    for key in keys.iter().filter(|key| is_well(key)) {
        assert_eq!(client.set(key, key.as_bytes()), OK);
    }
    five.stopped.halt();
    let it = Loop::new(&client);
    let commands: Vec<_> = keys.iter().map(|key| get(key)).collect();
    let began = Instant::now();
    let batch = it.submit_multi(&commands, None);
    // Lone commands to the well are answered while the batch waits for the others.
    let lone: Vec<&String> = keys.iter().filter(|key| is_well(key)).take(20).collect();
    let ids: Vec<u64> = lone.iter().map(|key| it.submit(&get(key))).collect();
    it.drive(|it| it.pending() == 1);
    let after = began.elapsed();
    for (key, id) in lone.iter().zip(ids) {
        assert_eq!(it.ended(id).value(), Some(key.as_bytes()));
    }
    assert!(after < CONNECTING, "{after:?}");
    it.finish();
    let took = began.elapsed();
    assert!(took <= SILENCE + SLACK, "{took:?}");
    let ended = it.ended(batch);
    assert_eq!(ended.status, PARTIAL);
    let entries = ended.results.expect("a batch's");
    assert_eq!(entries.len(), KEYS);
    let well = keys.iter().zip(&entries).filter(|(key, _)| is_well(key));
    let mut count = 0;
    for (key, entry) in well {
        assert_eq!(entry.value.as_deref(), Some(key.as_bytes()), "{key}");
        count += 1;
    }
    println!(
        "in a loop: lone commands after {after:?}, {count} of {KEYS} keys of the batch in {took:?}"
    );
}
