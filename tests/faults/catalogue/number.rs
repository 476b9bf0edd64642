//! Lengths that lie: F21, F22, F23.

use super::super::edit::Edit;
use super::super::outcome::Op;
use super::super::reply::LENGTH;
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
    for op in [Op::Get, Op::Mget] {
        for &nth in positions(op) {
            let mut add = |fault, text: &str, length| {
                let attack = on(
                    op,
                    vec![Action::Edit(Edit::Field(nth, LENGTH, text.into()))],
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
    c.exclude("F21", &[Op::Set, Op::Incr], "the reply announces no length");
    c.exclude("F22", &[Op::Set, Op::Incr], "the reply announces no length");
    c.exclude(
        "F23",
        &Op::ALL,
        "an ASCII reply has no header whose fields could disagree",
    );
}
