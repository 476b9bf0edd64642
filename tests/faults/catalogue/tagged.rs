//! Where replies say which command they are to: F06 to F08, F10, F12, F17 of meta and binary.

use super::super::edit::Edit;
use super::super::frame::binary::opcode::{DELETE, GET, INCREMENT, NOOP, SET, SETQ, VERSION};
use super::super::outcome::{Op, Protocol};
use super::super::reply::Part;
use super::super::reply::binary::status;
use super::super::rule::Action;
use super::{Case, Catalogue, HITS, Must, on, positions};

pub fn add(c: &mut Catalogue) {
    match c.protocol {
        Protocol::Ascii => return,
        Protocol::Meta => {
            for op in Op::ALL {
                texts(c, op);
                codes(c, op);
            }
            error_lines(c);
        }
        Protocol::Binary => {
            for op in Op::ALL {
                header(c, op);
                body(c, op);
            }
            statuses(c);
            excluded(c);
        }
    }
    for op in Op::ALL {
        shifted(c, op);
    }
    misses(c);
    batch(c);
}

fn edited(fault: &'static str, variant: String, op: Op, edit: Edit) -> Case {
    Case::new(fault, variant, op, on(op, vec![Action::Edit(edit)]))
}

/// The values of the reply that are changed: the only one of what is no read.
fn places(op: Op) -> &'static [usize] {
    match op {
        Op::Get | Op::Mget => positions(op),
        Op::Set | Op::Incr => &[0],
    }
}

/// The opaque of another command.
fn shifted(c: &mut Catalogue, op: Op) {
    for &nth in places(op) {
        for by in [-1, 1, -2, 2, 1 << 16, 1 << 24, 1 << 31] {
            let name = format!("opaque of value {nth} {by:+}");
            c.add(edited("F07", name, op, Edit::Opaque(nth, by)));
        }
    }
}

/// Opaques that are none.
fn texts(c: &mut Catalogue, op: Op) {
    for &nth in places(op) {
        for text in ["", "0", "1", "x", "-1", "00", "18446744073709551616"] {
            let edit = Edit::Field(nth, Part::Opaque, text.into());
            c.add(edited(
                "F07",
                format!("opaque {text:?} of value {nth}"),
                op,
                edit,
            ));
        }
        // Who counts in 32 bits takes this for the right one.
        let name = format!("opaque of value {nth} and 2^32");
        c.add(edited("F07", name, op, Edit::Opaque(nth, 1 << 32)));
        let name = format!("no opaque with value {nth}");
        c.add(edited("F07", name, op, Edit::Without(nth, Part::Opaque)));
        let name = format!("two opaques with value {nth}");
        c.add(edited(
            "F07",
            name,
            op,
            Edit::ExtraField(nth, b"O1".to_vec()),
        ));
    }
}

/// A miss that is another's.
fn misses(c: &mut Catalogue) {
    for op in [Op::Get, Op::Incr] {
        let absent = |case| Case {
            absent: true,
            ..case
        };
        for by in [-1, 1, 1 << 31] {
            let name = format!("opaque of a miss {by:+}");
            c.add(absent(edited("F07", name, op, Edit::Opaque(0, by))));
        }
        if c.protocol == Protocol::Meta {
            let edit = Edit::Without(0, Part::Opaque);
            c.add(absent(edited(
                "F07",
                "no opaque with a miss".into(),
                op,
                edit,
            )));
        }
    }
    if c.protocol == Protocol::Meta {
        for key in ["f-xyz", "f-ge", "a-get", ""] {
            let edit = Edit::Field(0, Part::Key, key.into());
            let case = edited("F06", format!("a miss of {key:?}"), Op::Get, edit);
            c.add(Case {
                absent: true,
                ..case
            });
        }
    }
}

/// Replies with the right opaque that the command cannot have. (`EN` to a read and `NF` to a
/// counter are what a server says that has nothing: nobody can tell.)
fn codes(c: &mut Catalogue, op: Op) {
    let codes: &[&str] = match op {
        Op::Get | Op::Mget => &[
            "HD", "NF", "NS", "EX", "MN", "ME", "OK", "END", "STORED", "VA",
        ],
        Op::Set => &["EN", "EX", "NF", "MN", "VA", "VA 2", "OK"],
        Op::Incr => &["HD", "EN", "NS", "EX", "MN", "VA", "41001", "OK"],
    };
    for &nth in places(op) {
        for code in codes {
            let edit = Edit::Instead(nth, vec![code.as_bytes().to_vec()]);
            c.add(edited(
                "F08",
                format!("{code:?} instead of value {nth}"),
                op,
                edit,
            ));
        }
    }
}

/// An error line, which has no opaque, instead of one reply of several; the others are as they were.
fn error_lines(c: &mut Catalogue) {
    let lines: [(&str, &[u8]); 4] = [
        (
            "SERVER_ERROR",
            b"SERVER_ERROR out of memory writing get response\r\n",
        ),
        ("SERVER_ERROR without words", b"SERVER_ERROR\r\n"),
        ("ERROR", b"ERROR\r\n"),
        ("CLIENT_ERROR", b"CLIENT_ERROR bad command line format\r\n"),
    ];
    for op in [Op::Get, Op::Mget] {
        for (name, line) in lines {
            for &nth in positions(op) {
                let edit = Edit::Raw(nth, line.to_vec());
                let case = edited("F12", format!("{name} instead of value {nth}"), op, edit);
                let must = if op == Op::Get {
                    Must::Fail
                } else {
                    Must::Either
                };
                c.add(Case {
                    must,
                    closed: false,
                    ..case
                });
                let twice = Edit::Raw(nth, line.repeat(2));
                let case = edited("F12", format!("{name} twice at value {nth}"), op, twice);
                // The second may be to a quiet read before it.
                let closed = op == Op::Get;
                c.add(Case {
                    must,
                    closed,
                    ..case
                });
            }
            let values = if op == Op::Get { 1 } else { HITS };
            for after in 0..=values {
                let edit = Edit::TailAfter(after, line.to_vec());
                let case = edited("F12", format!("{name} after {after} values"), op, edit);
                // It may be the reply to the last command, and then nothing is amiss.
                let open = after + 1 == values;
                let must = if after < values {
                    Must::Fail
                } else {
                    Must::Either
                };
                c.add(Case {
                    must,
                    closed: !open,
                    ..case
                });
            }
        }
    }
}

/// A batch whose replies change places, or lack one.
fn batch(c: &mut Catalogue) {
    let case = |fault, name: &str, edit| Case {
        must: Must::Either,
        ..edited(fault, name.into(), Op::Mget, edit)
    };
    c.add(case("F10", "what ends the replies is lost", Edit::LoseEnd));
    for (one, other) in [(0, 1), (0, HITS - 1), (3, 4)] {
        let name = format!("opaques of values {one} and {other} exchanged");
        c.add(edited("F07", name, Op::Mget, Edit::Swap(one, other)));
    }
}

/// Fields of a header that are another's, or nobody's.
fn header(c: &mut Catalogue, op: Op) {
    for &nth in places(op) {
        let mut add = |name: String, part, byte: u8| {
            c.add(edited("F08", name, op, Edit::Field(nth, part, vec![byte])));
        };
        for magic in [0x80, 0x00, 0x82, 0xff, b'V', b'S'] {
            add(
                format!("magic {magic:#04x} of value {nth}"),
                Part::Magic,
                magic,
            );
        }
        for opcode in [GET, SET, SETQ, DELETE, INCREMENT, NOOP, VERSION, 0x21, 0xff] {
            let own = match op {
                Op::Get => opcode == GET,
                Op::Mget => false,
                // Quiet or loud, it is the same command: its opaque tells.
                Op::Set => matches!(opcode, SET | SETQ),
                Op::Incr => opcode == INCREMENT,
            };
            if !own {
                add(
                    format!("opcode {opcode:#04x} of value {nth}"),
                    Part::Opcode,
                    opcode,
                );
            }
        }
        for kind in [1, 2, 0xff] {
            add(
                format!("data type {kind} of value {nth}"),
                Part::DataType,
                kind,
            );
        }
    }
}

/// Bodies that are not what the command is answered with.
fn body(c: &mut Catalogue, op: Op) {
    match op {
        Op::Get | Op::Mget => {
            for &nth in positions(op) {
                for length in [0, 1, 3, 5, 8] {
                    let edit = Edit::Field(nth, Part::Flags, vec![0; length]);
                    c.add(edited("F28", format!("{length} bytes of extras"), op, edit));
                }
            }
        }
        Op::Incr => {
            for length in [0, 1, 7, 9, 16] {
                let edit = Edit::Data(0, vec![0; length]);
                c.add(edited(
                    "F28",
                    format!("a number of {length} bytes"),
                    op,
                    edit,
                ));
            }
        }
        Op::Set => {
            for length in [1, 8, 300] {
                let edit = Edit::Data(0, vec![b'x'; length]);
                let case = edited("F28", format!("a value of {length} bytes"), op, edit);
                c.add(Case {
                    must: Must::Either,
                    closed: false,
                    ..case
                });
            }
        }
    }
    // What is missing stays missing; in a batch the next frame would fill it.
    if op == Op::Get {
        for by in [-1, -2, -64] {
            let edit = Edit::Stretch(0, by);
            c.add(edited(
                "F14",
                format!("data is {by:+} bytes long"),
                op,
                edit,
            ));
        }
    }
    if matches!(op, Op::Get | Op::Mget) {
        for by in [1, 2] {
            let edit = Edit::Stretch(0, by);
            let case = edited("F14", format!("data is {by:+} bytes long"), op, edit);
            let must = if op == Op::Get {
                Must::Right
            } else {
                case.must
            };
            c.add(Case { must, ..case });
        }
    }
}

/// A failure of one frame of several.
fn statuses(c: &mut Catalogue) {
    let numbers = [
        status::NO_MEMORY,
        status::TEMPORARY,
        status::UNKNOWN,
        status::INVALID,
        0x85,
        0x7f,
        0xffff,
    ];
    for op in [Op::Get, Op::Mget] {
        for &nth in positions(op) {
            for number in numbers {
                let name = format!("status {number:#06x} instead of value {nth}");
                c.add(Case {
                    closed: false,
                    ..edited("F12", name, op, Edit::Fail(nth, number))
                });
            }
        }
    }
}

fn excluded(c: &mut Catalogue) {
    let rule = "nothing stands behind a frame; that one is cut short is F16";
    c.exclude("F13", &Op::ALL, rule);
    let rule = "the reply to the next command says that a quiet set went well: it has no other";
    c.exclude("F10", &[Op::Get, Op::Set, Op::Incr], rule);
    c.exclude("F17", &[Op::Get, Op::Set, Op::Incr], rule);
}
