//! More than was asked for: F04, F05, F19, F25.

use std::time::Duration;

use super::super::edit::Edit;
use super::super::outcome::{Op, Protocol};
use super::super::rule::{Action, End, Kind, When};
use super::super::script::Step;
use super::{Attack, Case, Catalogue, Must, on, words};

/// Long enough for the client to be done with what came before.
const LATER: Duration = Duration::from_millis(2);

pub fn add(c: &mut Catalogue) {
    for op in Op::ALL {
        doubled(c, op);
        banner(c, op);
        unasked(c, op);
        coalesced(c, op);
        endless(c, op);
    }
}

fn doubled(c: &mut Catalogue, op: Op) {
    for absent in [false, true] {
        // A set has no miss.
        if absent && op == Op::Set {
            continue;
        }
        let what = if absent { "miss" } else { "reply" };
        for times in [2, 3] {
            let base = |variant: &str, action| Case {
                must: Must::Right,
                absent,
                ..Case::new(
                    "F04",
                    format!("{what} ×{times}, {variant}"),
                    op,
                    on(op, vec![action]),
                )
            };
            c.add(base("one segment", Action::Repeat(times)));
            let later = base("later", Action::RepeatLater(LATER, times - 1));
            c.add(Case {
                residue: true,
                blind: true,
                settle: true,
                ..later
            });
        }
    }
}

const GREETINGS: [&[u8]; 4] = [
    b"220 mail.example ready\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"VALUE other 0 4\r\nEVIL\r\nEND\r\n",
];

fn banner(c: &mut Catalogue, op: Op) {
    let plausible = words::plausible(c.protocol, op);
    let mut add = |bytes: &[u8], blind: bool, end: Option<End>| {
        let name = format!(
            "{:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(24)])
        );
        let ending = end.map_or(String::new(), |end| format!(" then {end:?}"));
        let case = |place: &str, attack| Case {
            must: Must::Either,
            blind,
            ..Case::new("F05", format!("{name}{ending}, {place}"), op, attack)
        };
        let mut actions = vec![Action::Behind(bytes.to_vec())];
        actions.extend(end.map(Action::Close));
        c.add(Case {
            residue: true,
            ..case("on a new connection", Attack::Fresh(When::Accept, actions))
        });
        let mut steps = vec![Step::Send(bytes.to_vec()), Step::Arrive];
        steps.extend(end.map(Step::End));
        c.add(case("on an idle connection", Attack::Idle(steps)));
    };
    for bytes in GREETINGS {
        add(bytes, false, None);
    }
    for bytes in plausible {
        add(&bytes, true, None);
    }
    for end in [End::Fin, End::Rst, End::Half] {
        add(b"ERROR Too many open connections\r\n", false, Some(end));
    }
}

/// A second reply that nobody asked for, of every kind.
fn unasked(c: &mut Catalogue, op: Op) {
    for (name, bytes) in words::unasked(c.protocol) {
        let base = |place: &str, action| Case {
            must: Must::Right,
            ..Case::new(
                "F19",
                format!("with {name}, {place}"),
                op,
                on(op, vec![action]),
            )
        };
        c.add(base("one segment", Action::Behind(bytes.to_vec())));
        let later = base("later", Action::Later(LATER, bytes));
        c.add(Case {
            residue: true,
            blind: true,
            settle: true,
            ..later
        });
    }
}

/// Two replies that were asked for, in one segment.
fn coalesced(c: &mut Catalogue, op: Op) {
    // A quiet set in binary is not answered.
    if c.protocol == Protocol::Binary {
        return;
    }
    let attack = Attack::Quiet(Kind::Settling, vec![Action::Joined]);
    let case = Case::new("F19", "behind that of a quiet set, one segment", op, attack);
    c.add(Case {
        must: Must::Right,
        closed: false,
        quiet_failures: Some(0),
        ..case
    });
}

const PLENTY: usize = 10 << 20;

fn endless(c: &mut Catalogue, op: Op) {
    let all = || on(op, vec![Action::FloodReply(PLENTY)]);
    let case = Case::new("F25", "the reply without end", op, all());
    c.add(Case {
        must: Must::Right,
        ..case
    });
    if !matches!(op, Op::Get | Op::Mget) {
        return;
    }
    let absent = Case {
        absent: true,
        ..Case::new("F25", "misses without end", op, all())
    };
    c.add(Case {
        must: Must::Right,
        ..absent
    });
    let at_once = |case| Case {
        at_once: true,
        ..case
    };
    let others = vec![
        Action::Edit(Edit::Whole(Vec::new())),
        Action::Flood(words::evil(c.protocol, "other"), PLENTY),
    ];
    let case = Case::new("F25", "other values without end", op, on(op, others));
    c.add(at_once(case));
    // To a lone command the first value is all of the reply, where it has no end.
    if op == Op::Get && c.protocol != Protocol::Ascii {
        return;
    }
    let first = vec![
        Action::Edit(Edit::TailAfter(1, Vec::new())),
        Action::FloodReply(PLENTY),
    ];
    let case = Case::new("F25", "its first value without end", op, on(op, first));
    c.add(at_once(case));
}
