//! Errors where none were expected: F09, F10, F11, F12.

use std::time::Duration;

use super::super::edit::Edit;
use super::super::outcome::{Op, Protocol};
use super::super::rule::{Action, Kind};
use super::{Attack, Case, Catalogue, HITS, Must, on};

const NO_MEMORY: &[u8] = b"SERVER_ERROR out of memory storing object\r\n";
const TOO_LARGE: &[u8] = b"SERVER_ERROR object too large for cache\r\n";
const BUSY: &[u8] = b"SERVER_ERROR temporary failure\r\n";
const BAD_LINE: &[u8] = b"CLIENT_ERROR bad command line format\r\n";
const UNKNOWN: &[u8] = b"ERROR\r\n";

pub fn add(c: &mut Catalogue) {
    for op in Op::ALL {
        quiet(c, op);
        missing_answer(c, op);
        if c.protocol == Protocol::Ascii || matches!(op, Op::Set | Op::Incr) {
            half_way(c, op);
        }
    }
    storage(c);
    c.exclude(
        "F11",
        &[Op::Get, Op::Mget, Op::Incr],
        "only a storage command has a body",
    );
}

/// An error to a command whose answer nobody waits for.
fn quiet(c: &mut Catalogue, op: Op) {
    let case = |name: &str, actions: Vec<Action>| {
        let actions = [vec![Action::AnswerNoreply], actions].concat();
        Case::new(
            "F09",
            format!("{name} to the quiet set before"),
            op,
            Attack::Quiet(Kind::Store, actions),
        )
    };
    let counted = |case| Case {
        must: Must::Right,
        closed: false,
        quiet_failures: Some(1),
        ..case
    };
    for (name, line) in [("no memory", NO_MEMORY), ("too large", TOO_LARGE)] {
        c.add(counted(case(
            name,
            vec![Action::RefuseAndRemove(line.to_vec())],
        )));
    }
    c.add(counted(case("busy", vec![Action::Refuse(BUSY.to_vec())])));
    for line in [BAD_LINE, UNKNOWN] {
        let name = String::from_utf8_lossy(line).trim_end().to_string();
        let refused = case(&name, vec![Action::Refuse(line.to_vec())]);
        c.add(Case {
            must: Must::Either,
            quiet_failures: Some(1),
            ..refused
        });
        if c.protocol == Protocol::Binary {
            continue;
        }
        let executed = case(
            &format!("{name}, the body run,"),
            vec![Action::RefuseAndRunBody(line.to_vec())],
        );
        c.add(Case {
            must: Must::Either,
            quiet_failures: Some(1),
            ..executed
        });
    }
}

/// The answer to the quiet set never comes; that to the call stands in its place.
fn missing_answer(c: &mut Catalogue, op: Op) {
    if c.protocol == Protocol::Binary {
        return;
    }
    for (name, action) in [("carried out", Action::Drop), ("lost", Action::Swallow)] {
        let attack = Attack::Quiet(Kind::Settling, vec![action]);
        c.add(Case::new(
            "F10",
            format!("no answer to the quiet set before, which was {name}"),
            op,
            attack,
        ));
    }
}

/// A storage command that failed, with its body swallowed or taken for commands.
fn storage(c: &mut Catalogue) {
    let case = |variant: &str, actions| Case::new("F11", variant, Op::Set, on(Op::Set, actions));
    let open = |case| Case {
        closed: false,
        ..case
    };
    let frames = c.protocol == Protocol::Binary;
    for (name, line) in [("no memory", NO_MEMORY), ("too large", TOO_LARGE)] {
        let refused = vec![Action::RefuseAndRemove(line.to_vec())];
        c.add(open(case(&format!("{name}, swallowed"), refused)));
        if frames {
            continue;
        }
        let both = vec![Action::RefuseAndRemove([line, UNKNOWN].concat())];
        c.add(case(&format!("{name}, body run, one segment"), both));
    }
    c.add(open(case(
        "busy, swallowed",
        vec![Action::Refuse(BUSY.to_vec())],
    )));
    // No server takes the body of a frame for commands.
    if frames {
        return;
    }
    let both = vec![Action::Refuse([BAD_LINE, UNKNOWN].concat())];
    c.add(case("bad line, body run, one segment", both));
    // No server runs the body after a SERVER_ERROR; a late line of that kind is part of F19.
    let second = Action::Later(Duration::from_millis(1), UNKNOWN.to_vec());
    let late = case(
        "bad line, body run, later",
        vec![Action::Refuse(BAD_LINE.to_vec()), second],
    );
    c.add(Case {
        settle: true,
        ..late
    });
    for body in [
        "get b-get",
        "set x-get 0 0 4\r\nEVIL",
        "incr x-ctr 5",
        "delete x-get",
        "quit",
    ] {
        let run = case(
            &format!("body {body:?} run"),
            vec![Action::RefuseAndRunBody(BAD_LINE.to_vec())],
        );
        c.add(Case {
            data: Some(body.into()),
            ..run
        });
    }
}

/// An error line after some of the values, or instead of the answer.
fn half_way(c: &mut Catalogue, op: Op) {
    let no_room: &[u8] = b"SERVER_ERROR out of memory writing get response\r\n";
    let busy = if matches!(op, Op::Get | Op::Mget) {
        no_room
    } else {
        BUSY
    };
    let values = match op {
        Op::Get => 1,
        Op::Mget => HITS,
        Op::Set | Op::Incr => 0,
    };
    for after in 0..=values {
        let tail = |bytes: &[u8]| match op {
            Op::Get | Op::Mget => Action::Edit(Edit::TailAfter(after, bytes.to_vec())),
            Op::Set | Op::Incr => Action::Refuse(bytes.to_vec()),
        };
        let case = |name: &str, bytes: &[u8]| {
            Case::new(
                "F12",
                format!("{name} after {after} values"),
                op,
                on(op, vec![tail(bytes)]),
            )
        };
        let must = match op {
            Op::Mget => Must::First(after),
            Op::Get if after == 1 => Must::Either,
            _ => Must::Fail,
        };
        c.add(Case {
            must,
            closed: false,
            ..case("SERVER_ERROR", busy)
        });
        if c.protocol != Protocol::Binary {
            c.add(Case {
                must,
                ..case("SERVER_ERROR and END", &[busy, b"END\r\n"].concat())
            });
        }
        // Only after a storage command is it open what the server takes for the next one.
        let closed = op == Op::Set;
        c.add(Case {
            must,
            closed,
            ..case("ERROR", UNKNOWN)
        });
        c.add(Case {
            must,
            closed,
            ..case("CLIENT_ERROR", BAD_LINE)
        });
    }
}
