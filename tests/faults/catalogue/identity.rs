//! Another's reply: F06, F07, F08, F17, F29, F30.

use super::super::edit::Edit;
use super::super::outcome::{Op, Protocol};
use super::super::reply::{Part, Value};
use super::super::rule::{Action, Kind};
use super::super::value;
use super::{Attack, Case, Catalogue, FLAGS, HITS, Must, on, positions, words};

pub fn add(c: &mut Catalogue) {
    for op in [Op::Get, Op::Mget] {
        other_key(c, op);
        unasked_value(c, op);
        illegal_key(c, op);
    }
    c.exclude("F06", &[Op::Set, Op::Incr], "the reply names no key");
    c.exclude("F30", &[Op::Set, Op::Incr], "the reply names no key");
    if c.protocol == Protocol::Ascii {
        c.exclude("F07", &Op::ALL, "an ASCII reply carries no opaque");
    }
    for op in Op::ALL {
        other_reply(c, op);
        match c.protocol {
            Protocol::Binary => line(c, op),
            Protocol::Ascii | Protocol::Meta => binary_frame(c, op),
        }
        overtaken(c, op);
    }
    for (name, edit) in [
        ("in the opposite order", Edit::Reverse),
        ("the first one last", Edit::Rotate),
    ] {
        let case = Case::new(
            "F17",
            format!("values {name}"),
            Op::Mget,
            on(Op::Mget, vec![Action::Edit(edit)]),
        );
        c.add(Case {
            must: Must::Either,
            closed: false,
            ..case
        });
    }
}

fn edited(c: &mut Catalogue, fault: &'static str, variant: String, op: Op, edit: Edit) {
    c.add(Case::new(
        fault,
        variant,
        op,
        on(op, vec![Action::Edit(edit)]),
    ));
}

/// The value of another key, whose name is of the same length, shorter, longer, in other letters,
/// empty, the beginning of the right one, or that of the next call's.
fn other_key(c: &mut Catalogue, op: Op) {
    let names = [
        "f-xyz",
        "f-x0",
        "f-",
        "f-get-and-more",
        "F-GET",
        "F-M0",
        "",
        "f-ge",
        "f-m",
        "a-get",
        "a-m0",
    ];
    for &nth in positions(op) {
        for name in names {
            let data = value::make(name, "another", 0, value::USUAL);
            let other = Value::of(c.protocol, name.as_bytes(), FLAGS, &data);
            let edit = Edit::Replace(nth, other);
            edited(
                c,
                "F06",
                format!("value {nth} is that of {name:?}"),
                op,
                edit,
            );
        }
        let edit = Edit::Field(nth, Part::Key, b"f-xyz".to_vec());
        edited(c, "F06", format!("value {nth} has another name"), op, edit);
    }
}

fn unasked_value(c: &mut Catalogue, op: Op) {
    let values = if op == Op::Get { 1 } else { HITS };
    // Behind the last reply of those that were asked for, it is not part of any.
    let must = |at| match c.protocol.has_opaques() && at == values {
        true => Must::Either,
        false => Must::Fail,
    };
    let mut cases = Vec::new();
    for at in [0, values / 2, values] {
        for key in ["other", "a-get"] {
            let edit = Edit::Insert(at, Value::of(c.protocol, key.as_bytes(), 0, b"EVIL"));
            let name = format!("a value of {key} before value {at} of {values}");
            cases.push((at, name, edit));
        }
    }
    for &nth in positions(op) {
        cases.push((nth + 1, format!("value {nth} twice"), Edit::Double(nth)));
    }
    let cases = cases.into_iter().map(|(at, name, edit)| Case {
        must: must(at),
        ..Case::new("F06", name, op, on(op, vec![Action::Edit(edit)]))
    });
    for case in cases.collect::<Vec<_>>() {
        c.add(case);
    }
}

fn illegal_key(c: &mut Catalogue, op: Op) {
    let own = if op == Op::Get { "f-get" } else { "f-m0" };
    let names = [
        format!("{own} x"),
        format!("x {own}"),
        format!("{own} 0 4"),
        format!("{own}\r\nVALUE {own}"),
        format!("x\r\nEND\r\nVALUE {own}"),
        format!("{own}\0"),
        format!("{own}\n"),
        format!("\r\n{own}"),
        format!("{own}\x7f"),
        "k".repeat(100_000),
    ];
    for name in names {
        let shown = &name[..name.len().min(30)];
        let edit = Edit::Field(0, Part::Key, name.clone().into());
        edited(c, "F30", format!("the key is {shown:?}"), op, edit);
    }
}

/// What other commands are answered with.
fn other_reply(c: &mut Catalogue, op: Op) {
    for bytes in words::others(c.protocol, op) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let edit = Edit::Whole(bytes);
        edited(
            c,
            "F08",
            format!("answered with {:?}", text.trim_end()),
            op,
            edit,
        );
    }
}

/// Lines, to a client that speaks the binary protocol.
fn line(c: &mut Catalogue, op: Op) {
    let lines = [
        "END",
        "STORED",
        "17",
        "VALUE f-get 0 4\r\nEVIL\r\nEND",
        "VA 4 kf-get f0 O1\r\nEVIL",
        "HD O1",
        "ERROR",
        "SERVER_ERROR out of memory storing object",
        "CLIENT_ERROR unauthenticated",
    ];
    for line in lines {
        let edit = Edit::Whole(format!("{line}\r\n").into());
        edited(c, "F29", format!("the line {line:?}"), op, edit);
    }
}

/// Frames of the binary protocol.
fn binary_frame(c: &mut Catalogue, op: Op) {
    let frame = |opcode: u8, status: u8, extras: &[u8], body: &[u8]| {
        let total = (extras.len() + body.len()) as u8;
        let mut frame = vec![0x81, opcode, 0, 0, extras.len() as u8, 0, 0, status];
        frame.extend([0, 0, 0, total]);
        frame.extend([0; 12]);
        [frame.as_slice(), extras, body].concat()
    };
    let frames = [
        ("a hit", frame(0, 0, &[0, 0, 0, 77], b"EVIL")),
        ("a miss", frame(0, 1, &[], b"Not found")),
        (
            "a hit with lines in it",
            frame(0, 0, &[0; 4], b"\r\nVALUE f-get 0 4\r\nEVIL\r\nEND\r\n"),
        ),
        ("an acknowledgement", frame(1, 0, &[], b"")),
        ("a number", frame(5, 0, &[], &17u64.to_be_bytes())),
        (
            "an authentication failure",
            frame(0x21, 0x20, &[], b"Auth failure."),
        ),
    ];
    for (name, bytes) in frames {
        edited(
            c,
            "F29",
            format!("{name} of the binary protocol"),
            op,
            Edit::Whole(bytes),
        );
    }
}

/// Replies in the wrong order: there must be two of them, so a quiet set goes first.
fn overtaken(c: &mut Catalogue, op: Op) {
    if c.protocol == Protocol::Binary {
        return;
    }
    let attack = Attack::Quiet(Kind::Settling, vec![Action::Overtaken]);
    let case = Case::new("F17", "before that of a quiet set", op, attack);
    c.add(Case {
        must: Must::Either,
        closed: false,
        residue: true,
        settle: true,
        ..case
    });
}
