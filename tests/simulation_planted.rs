//! The simulation bites: mistakes planted in a copy of the library, one at a time, are found by it within
//! 100,000 schedules, each as the breach that it is.

#[path = "support/copy.rs"]
mod copy;

use copy::{Change, Copy};

struct Planted {
    name: &'static str,
    changes: &'static [Change],
    /// The promise that is broken.
    promise: &'static str,
}

/// So many schedules are run until one breaks a promise.
const SCHEDULES: &str = "100000";

const PLANTED: [Planted; 7] = [
    Planted {
        name: "a connection on which a reply is owed goes back to the pool",
        changes: &[Change {
            file: "src/driver/pool.rs",
            needle: "if self.is_alive(&pooled) && pooled.link.session.in_step() {",
            instead: "if self.is_alive(&pooled) {",
        }],
        promise: "NoWrongAnswer",
    },
    Planted {
        name: "END after an error line makes misses",
        changes: &[Change {
            file: "src/connection/replies.rs",
            needle: "let how = Ending::Refused {",
            instead: "if in_step { return None; }\n            let how = Ending::Refused {",
        }],
        promise: "NoFalseMiss",
    },
    Planted {
        name: "the end of a batch is forgotten while a server says something now and then",
        changes: &[
            Change {
                file: "src/client/turn.rs",
                needle: ".fold(self.call.deadline.end(), |until, lane| {",
                instead: ".fold(None, |until, lane| {",
            },
            Change {
                file: "src/client/turn.rs",
                needle: "let over = self.call.deadline.passed(now);",
                instead: "let over = false;",
            },
        ],
        promise: "BoundedTime",
    },
    Planted {
        name: "a value's memory is made as large as the server announces",
        changes: &[Change {
            file: "src/buffer.rs",
            needle: "let trusted = len.clamp(1, TRUSTED_ANNOUNCEMENT);",
            instead: "let trusted = len.max(1);",
        }],
        promise: "BoundedMemory",
    },
    Planted {
        name: "an incr whose connection was lost is sent again",
        changes: &[Change {
            file: "src/operation/retry.rs",
            needle: "let unheard = loss.reused && !loss.replied && op.is_idempotent();",
            instead: "let unheard = loss.reused && !loss.replied;",
        }],
        promise: "HonestEffect",
    },
    Planted {
        name: "a write without an answer is told as not applied",
        changes: &[Change {
            file: "src/operation/retry.rs",
            needle: "} else if sent && loss.connected {",
            instead: "} else if sent && loss.connected && loss.replied {",
        }],
        promise: "HonestEffect",
    },
    Planted {
        name: "the breaker does not close when the server answers",
        changes: &[Change {
            file: "src/cluster/health/breaker.rs",
            needle: "    pub fn answered(&mut self) {\n        self.open = None;",
            instead: "    pub fn answered(&mut self) {",
        }],
        promise: "BackInService",
    },
];

const TEST: [&str; 6] = [
    "test",
    "--offline",
    "--profile",
    "simulation",
    "--test",
    "simulation",
];

#[test]
fn every_planted_mistake_is_found() {
    let copy = Copy::make("planted-simulation");
    let (passed, said) = simulate(&copy, "2000");
    assert!(passed, "without a mistake the promises are kept:\n{said}");
    for planted in &PLANTED {
        let originals = copy.plant(planted.name, planted.changes);
        let (passed, said) = simulate(&copy, SCHEDULES);
        copy.restore(originals);
        assert!(!passed, "{}: not found:\n{}", planted.name, tail(&said));
        let breach = format!("\nBREACH of {}: ", planted.promise);
        assert!(
            said.contains(&breach),
            "{}: not found as a breach of {}:\n{}",
            planted.name,
            planted.promise,
            tail(&said)
        );
        let line = |begin: &str| said.lines().find(|line| line.contains(begin)).unwrap_or("");
        println!(
            "{}:\n    {}\n    {}",
            planted.name,
            line(breach.trim()),
            line(" breaks a promise; again: ")
        );
    }
}

/// Builds the copy and runs so many schedules, or up to the first that breaks a promise: whether none
/// does, and what was printed.
fn simulate(copy: &Copy, schedules: &str) -> (bool, String) {
    let (built, said) = copy.cargo(&[&TEST[..], &["--no-run"]].concat(), &[]);
    assert!(built, "the copy does not build:\n{said}");
    let only = ["--", "--nocapture", "the_promises_hold_in_every_schedule"];
    let count = [("MEMCACHED2_SIMULATIONS", schedules)];
    let (passed, said) = copy.cargo(&[&TEST[..], &only].concat(), &count);
    assert!(
        said.contains(" schedules, "),
        "the simulation did not run:\n{}",
        tail(&said)
    );
    (passed, said)
}

fn tail(said: &str) -> &str {
    let from = said.len().saturating_sub(4000);
    let from = (from..said.len()).find(|at| said.is_char_boundary(*at));
    &said[from.unwrap_or(0)..]
}
