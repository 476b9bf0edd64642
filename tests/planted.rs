//! The fault matrix bites: mistakes planted in a copy of the library, one at a time, are found by
//! it, each as the kind of failure that it is.

#[path = "support/copy.rs"]
mod copy;

use copy::{Change, Copy};

/// A mistake: texts of the library's source and what stands there instead.
struct Planted {
    name: &'static str,
    changes: &'static [Change],
    /// The cells of the matrix that tell, with `paranoid` or without.
    cells: &'static str,
    paranoid: bool,
    /// What they must say.
    kind: &'static str,
}

const UNREAD_IS_KEPT: &[Change] = &[
    Change {
        file: "src/connection/session.rs",
        needle: "self.may_begin() && self.inbox.is_empty()",
        instead: "self.may_begin()",
    },
    Change {
        file: "src/connection/session.rs",
        needle: "&& (self.owed.quiet() > 0 || self.inbox.is_empty())",
        instead: "",
    },
    Change {
        file: "src/connection/session.rs",
        needle: "self.poison(\"bytes that no command asked for\");",
        instead: "self.scanned = 0;",
    },
];

const PLANTED: [Planted; 10] = [
    Planted {
        name: "the key of a value is not compared",
        changes: &[Change {
            file: "src/connection/owed.rs",
            needle: ".or_else(|| self.reordered(key, outbox)),\n        }?;",
            instead: ".or_else(|| self.reordered(key, outbox)),\n        }\n        .unwrap_or(self.cursor);",
        }],
        cells: "ascii/F06/value 0 is that of",
        paranoid: true,
        kind: "Wrong",
    },
    Planted {
        name: "a connection with unread bytes goes back to the pool",
        changes: UNREAD_IS_KEPT,
        cells: "ascii/F04/reply ×2, one segment/incr|ascii/F04/miss ×2, one segment/get",
        paranoid: true,
        kind: "Wrong",
    },
    Planted {
        name: "END after an error line makes misses",
        changes: &[Change {
            file: "src/connection/replies.rs",
            needle: "let how = Ending::Refused {",
            instead: "if in_step { return None; }\n            let how = Ending::Refused {",
        }],
        cells: "ascii/F12/SERVER_ERROR and END",
        paranoid: true,
        kind: "FalseMiss",
    },
    Planted {
        name: "the length of a value is trusted",
        changes: &[Change {
            file: "src/connection/values.rs",
            needle: "if self.inbox.unread().get(head.len..head.len + 2) != Some(b\"\\r\\n\") {",
            instead: "if self.inbox.unread().get(head.len..head.len + 2).is_none() {",
        }],
        cells: "ascii/F14/only a part",
        paranoid: true,
        kind: "Wrong",
    },
    Planted {
        name: "an incr whose connection was lost is sent again",
        changes: &[Change {
            file: "src/operation/retry.rs",
            needle: "let unheard = loss.reused && !loss.replied && op.is_idempotent();",
            instead: "let unheard = loss.reused && !loss.replied;",
        }],
        cells: "ascii/F16/Fin after 0 bytes/incr|ascii/F16/Rst after 0 bytes/incr",
        paranoid: true,
        kind: "DoubleApply",
    },
    Planted {
        name: "meta: the opaque of a reply is not compared",
        changes: &[Change {
            file: "src/connection/meta_replies.rs",
            needle: "Some(opaque) => opaque.wrapping_sub(self.front_opaque()) as usize,",
            instead: "Some(_) => 0,",
        }],
        cells: "meta/F07/opaque of a miss -1/get|meta/F07/opaque of a miss +1/get",
        paranoid: true,
        kind: "FalseMiss",
    },
    Planted {
        name: "meta: the key of a reply is not compared",
        changes: &[Change {
            file: "src/connection/meta_replies.rs",
            needle: "            && !reply.returned.key.is_some_and(names_another)\n",
            instead: "            && reply.returned.key.is_none_or(|span| names_another(span) || true)\n",
        }],
        cells: "meta/F06/value 0 is that of \"f-xyz\"",
        paranoid: true,
        kind: "Wrong",
    },
    Planted {
        name: "meta: a connection with unread bytes goes back to the pool",
        changes: UNREAD_IS_KEPT,
        cells: "meta/F04/reply ×2, one segment/incr|meta/F04/reply ×2, one segment/get",
        paranoid: true,
        kind: "Reused",
    },
    Planted {
        name: "meta: any MN settles silent commands",
        changes: &[Change {
            file: "src/connection/tagged.rs",
            needle: "(!tagged.is_binary && self.make_last_loud())",
            instead: "false",
        }],
        cells: "meta/F19/with MN, later/mget10|meta/F04/miss ×2, later/mget10",
        paranoid: false,
        kind: "FalseMiss",
    },
    Planted {
        name: "binary: the opaque of a reply is not compared",
        changes: &[
            Change {
                file: "src/connection/binary_replies.rs",
                needle: "let index = header.opaque.wrapping_sub(self.front_opaque()) as usize;",
                instead: "let index = 0 * header.opaque as usize;",
            },
            Change {
                file: "src/protocol/binary/client/decode.rs",
                needle: "if header.opaque != expect.opaque {",
                instead: "if max_value == 0 {",
            },
        ],
        cells: "binary/F07/opaque of a miss -1/get|binary/F07/opaque of a miss +1/get",
        paranoid: true,
        kind: "FalseMiss",
    },
];

#[test]
fn every_planted_mistake_is_found() {
    let copy = Copy::make("planted");
    let all: Vec<&str> = PLANTED.iter().map(|planted| planted.cells).collect();
    for paranoid in [true, false] {
        let (passed, said) = matrix(&copy, &all.join("|"), paranoid);
        assert!(passed, "without a mistake the cells pass:\n{said}");
    }
    for planted in &PLANTED {
        let originals = copy.plant(planted.name, planted.changes);
        let (passed, said) = matrix(&copy, planted.cells, planted.paranoid);
        copy.restore(originals);
        assert!(!passed, "{}: not found:\n{said}", planted.name);
        let kind = format!("\n    {}: ", planted.kind);
        assert!(
            said.contains(&kind),
            "{}: not found as {}:\n{said}",
            planted.name,
            planted.kind
        );
        let count = said.matches("\nFAILED ").count();
        println!("{}: {count} cells fail, as {}", planted.name, planted.kind);
    }
}

/// Builds the copy and runs these cells: whether they pass, and what was printed.
fn matrix(copy: &Copy, cells: &str, paranoid: bool) -> (bool, String) {
    let test = ["test", "--offline", "--test", "fault_matrix"];
    let cells = [("MEMCACHED2_CELLS", cells)];
    let (built, said) = copy.cargo(&[&test[..], &["--no-run"]].concat(), &cells);
    assert!(built, "the copy does not build:\n{said}");
    let (name, title) = match paranoid {
        true => ("no_fault_deceives_a_paranoid_client", "paranoid=on: "),
        false => ("no_fault_that_can_be_seen_deceives_a_client", "default: "),
    };
    let only = ["--", "--nocapture", name];
    let (passed, said) = copy.cargo(&[&test[..], &only].concat(), &cells);
    assert!(said.contains(title), "the matrix did not run:\n{said}");
    (passed, said)
}
