//! Late, slow, or never: F01, F02, F03, F15, F26.

use std::time::Duration;

use super::super::frame::binary::HEADER;
use super::super::outcome::{DEADLINE, Op, Protocol};
use super::super::rule::{Action, When};
use super::{Attack, Case, Catalogue, HITS, Must, kind, on};

/// Surely behind the deadline of the call, and before the end of the cell.
const LATE: Duration = DEADLINE.saturating_add(Duration::from_millis(80));

pub fn add(c: &mut Catalogue) {
    late(c);
    stopped(c);
    unread(c);
    for op in Op::ALL {
        let drip = vec![Action::Pace(1, Duration::from_millis(100))];
        c.add(Case::new("F26", "a byte every 100 ms", op, on(op, drip)));
    }
}

fn late(c: &mut Catalogue) {
    for op in Op::ALL {
        c.add(Case::new(
            "F01",
            "late",
            op,
            on(op, vec![Action::Delay(LATE)]),
        ));
        let first = Attack::Fresh(When::Request(kind(op)), vec![Action::Delay(LATE)]);
        c.add(Case::new("F01", "late, the connection's first", op, first));
        c.add(Case::new(
            "F01",
            "never",
            op,
            on(op, vec![Action::CutThenStall(0)]),
        ));
        c.add(Case::new(
            "F01",
            "request lost",
            op,
            on(op, vec![Action::Swallow]),
        ));
        let half = c.usual_reply(op).len() / 2;
        for (name, after) in [("", 0), ("all but a byte of ", 1), ("half of ", half)] {
            let variant = format!("{name}the reply during the next call");
            c.add(Case::new(
                "F02",
                variant,
                op,
                on(op, vec![Action::HoldAfter(after)]),
            ));
        }
    }
}

/// A call that ends before its results are all there.
fn stopped(c: &mut Catalogue) {
    let reply = c.usual_reply(Op::Mget).len();
    let end = match c.protocol {
        Protocol::Ascii => b"END\r\n".len(),
        Protocol::Meta => b"MN\r\n".len(),
        Protocol::Binary => HEADER,
    };
    let value = (reply - end) / HITS;
    for k in [0, 1, 4, HITS] {
        let variant = format!("{k} values, the rest during the next call");
        let hold = on(Op::Mget, vec![Action::HoldAfter(k * value)]);
        let case = Case::new("F03", variant, Op::Mget, hold);
        // Whether values are given whose line has not ended is the client's choice; where there are no
        // such lines, every key has been answered with the last value.
        let told = c.protocol.has_opaques() && k == HITS;
        let must = if told { Must::Either } else { case.must };
        c.add(Case { must, ..case });
    }
    for length in [64, 5_000, 300_000] {
        let case = Case::new(
            "F03",
            format!("{length} bytes into 8"),
            Op::Get,
            Attack::None,
        );
        c.add(Case {
            must: Must::Right,
            closed: false,
            length,
            room: Some(8),
            ..case
        });
    }
    c.exclude(
        "F03",
        &[Op::Set, Op::Incr],
        "one short result: there is nothing to stop after",
    );
}

/// A server that does not read.
fn unread(c: &mut Catalogue) {
    let attack = |actions| Attack::Warm(When::Input, actions);
    for op in Op::ALL {
        let lengths: &[usize] = if op == Op::Set { &[64, 8 << 20] } else { &[64] };
        for &length in lengths {
            let case = |variant: &str, actions| Case {
                length,
                ..Case::new(
                    "F15",
                    format!("{variant}, values of {length}"),
                    op,
                    attack(actions),
                )
            };
            c.add(case("never reads", vec![Action::NotRead(None)]));
            c.add(case("reads too late", vec![Action::NotRead(Some(LATE))]));
            let flood = vec![Action::Flood(b"BUSY\r\n".to_vec(), 4 << 20)];
            c.add(Case {
                at_once: length == 64,
                ..case("talks instead of reading", flood)
            });
        }
    }
}
