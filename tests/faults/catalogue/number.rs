//! Lengths that lie: F21, F22, F23.

use super::super::edit::Edit;
use super::super::outcome::{Op, Protocol};
use super::super::reply::Part;
use super::super::rule::Action;
use super::super::value::USUAL;
use super::{Case, Catalogue, on, positions};

/// The text, and the length of the value to which it comes closest.
const LENGTHS: [(&str, usize); 11] = [
    ("-1", USUAL),
    ("+5", 5),
    ("0x10", 16),
    ("1e3", 1000),
    ("007", 7),
    ("2147483647", USUAL),
    ("2147483648", USUAL),
    ("4294967296", USUAL),
    ("9223372036854775808", USUAL),
    ("18446744073709551615", USUAL),
    ("18446744073709551614", USUAL),
];

pub fn add(c: &mut Catalogue) {
    c.exclude("F21", &[Op::Set, Op::Incr], "the reply announces no length");
    c.exclude("F22", &[Op::Set, Op::Incr], "the reply announces no length");
    if c.protocol == Protocol::Binary {
        return frames(c);
    }
    for op in [Op::Get, Op::Mget] {
        for &nth in positions(op) {
            let mut add = |fault, text: &str, length| {
                let attack = on(
                    op,
                    vec![Action::Edit(Edit::Field(nth, Part::Length, text.into()))],
                );
                c.add(Case {
                    length,
                    ..Case::new(fault, format!("length {text} of value {nth}"), op, attack)
                });
            };
            for (text, length) in LENGTHS {
                add("F21", text, length);
            }
            // 8 GB, 4 GB - 16, the most that is taken, and 64 MB: announced, and never sent.
            for text in ["8589934592", "4294967280", "134217728", "67108864"] {
                add("F22", text, USUAL);
            }
        }
    }
    c.exclude(
        "F23",
        &Op::ALL,
        "a line has no header whose fields could disagree",
    );
}

/// The lengths of a frame's header.
fn frames(c: &mut Catalogue) {
    let number = |number: u32| number.to_be_bytes().to_vec();
    for op in Op::ALL {
        let mut add = |fault, name: String, part, bytes, at_once| {
            let edit = Edit::Field(0, part, bytes);
            let case = Case::new(fault, name, op, on(op, vec![Action::Edit(edit)]));
            c.add(Case { at_once, ..case });
        };
        if matches!(op, Op::Get | Op::Mget) {
            // A body is kept in a signed number; what is less than its extras is none.
            for length in [1 << 31, u32::MAX, 1 << 31 | 72] {
                add(
                    "F21",
                    format!("body of {length}"),
                    Part::Length,
                    number(length),
                    false,
                );
            }
            for length in [i32::MAX as u32, 4_294_967_280, 134_217_800, 64 << 20] {
                let name = format!("body of {length}, and silence");
                add("F22", name, Part::Length, number(length), false);
            }
            for length in [0, 2, 3] {
                add(
                    "F23",
                    format!("body of {length}"),
                    Part::Length,
                    number(length),
                    true,
                );
            }
        }
        for length in [1u16, 255, 0xffff] {
            let bytes = length.to_be_bytes().to_vec();
            // One byte more of what is a key takes one from the value.
            if length > 1 || matches!(op, Op::Set) {
                let name = format!("key of {length}");
                add("F23", name, Part::KeyLength, bytes, true);
            }
        }
        add(
            "F23",
            "extras of 255".into(),
            Part::ExtrasLength,
            vec![255],
            true,
        );
    }
}
