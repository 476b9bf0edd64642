//! More than was asked for: F04, F05, F19, F25.

use std::time::Duration;

use super::super::edit::Edit;
use super::super::outcome::Op;
use super::super::rule::{Action, End, When};
use super::super::script::Step;
use super::{Attack, Case, Catalogue, END, Must, evil, healthy_reply, keys, on, usual_reply};

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

/// Replies that `op` could have, for keys of the call.
fn plausible(op: Op) -> Vec<Vec<u8>> {
    match op {
        Op::Get => vec![[evil("f-get"), END.to_vec()].concat(), END.to_vec()],
        Op::Mget => {
            let all: Vec<u8> = keys(op).iter().flat_map(|key| evil(key)).collect();
            vec![[all, END.to_vec()].concat(), END.to_vec()]
        }
        Op::Set => vec![b"STORED\r\n".to_vec()],
        Op::Incr => vec![b"4711\r\n".to_vec(), b"NOT_FOUND\r\n".to_vec()],
    }
}

const GREETINGS: [&[u8]; 4] = [
    b"220 mail.example ready\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"VALUE other 0 4\r\nEVIL\r\nEND\r\n",
];

fn banner(c: &mut Catalogue, op: Op) {
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
    for bytes in plausible(op) {
        add(&bytes, true, None);
    }
    for end in [End::Fin, End::Rst, End::Half] {
        add(b"ERROR Too many open connections\r\n", false, Some(end));
    }
}

/// A second reply that nobody asked for, of every kind.
fn unasked(c: &mut Catalogue, op: Op) {
    let next = [evil("a-get"), END.to_vec()].concat();
    let kinds: [(&str, &[u8]); 7] = [
        ("END", END),
        ("STORED", b"STORED\r\n"),
        ("a number", b"4711\r\n"),
        ("NOT_FOUND", b"NOT_FOUND\r\n"),
        ("ERROR", b"ERROR\r\n"),
        ("the next key's value", &next),
        ("a lone line feed", b"\n"),
    ];
    for (name, bytes) in kinds {
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
        let later = base("later", Action::Later(LATER, bytes.to_vec()));
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
    let attack = Attack::Quiet(vec![Action::Joined]);
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
    let flood = |unit: Vec<u8>| {
        on(
            op,
            vec![
                Action::Edit(Edit::Whole(Vec::new())),
                Action::Flood(unit, PLENTY),
            ],
        )
    };
    match op {
        Op::Get | Op::Mget => {
            let own = usual_reply(op)
                .splitn(3, |&b| b == b'\n')
                .take(2)
                .collect::<Vec<_>>()
                .join(&b'\n');
            for (name, unit) in [
                ("its first value", [own, b"\n".to_vec()].concat()),
                ("other values", evil("other")),
            ] {
                let case = Case::new("F25", format!("{name} without end"), op, flood(unit));
                c.add(Case {
                    at_once: true,
                    ..case
                });
            }
            let case = Case::new("F25", "the reply without end", op, flood(usual_reply(op)));
            c.add(Case {
                must: Must::Right,
                ..case
            });
            let absent = Case {
                absent: true,
                ..Case::new("F25", "misses without end", op, flood(END.to_vec()))
            };
            c.add(Case {
                must: Must::Right,
                ..absent
            });
        }
        Op::Set | Op::Incr => {
            let case = Case::new("F25", "the reply without end", op, Attack::None);
            let unit = healthy_reply(&case);
            c.add(Case {
                attack: flood(unit),
                must: Must::Right,
                ..case
            });
        }
    }
}
