//! Replies that are not of the right shape: F13, F14, F28, F35.

use super::super::edit::Edit;
use super::super::outcome::Op;
use super::super::reply::{FLAGS, LENGTH, TOKEN};
use super::super::rule::{Action, End};
use super::super::value;
use super::{Case, Catalogue, Must, on, positions, unless_repeated};

pub fn add(c: &mut Catalogue) {
    for op in Op::ALL {
        unterminated(c, op);
    }
    for op in [Op::Get, Op::Mget] {
        data_end(c, op);
        value_line(c, op);
        innocent(c, op);
    }
    one_line(c);
    c.exclude("F14", &[Op::Set, Op::Incr], "the reply carries no data");
    c.exclude("F35", &[Op::Set, Op::Incr], "the reply carries no data");
}

fn edited(c: &mut Catalogue, fault: &'static str, variant: String, op: Op, edit: Edit) {
    c.add(Case::new(
        fault,
        variant,
        op,
        on(op, vec![Action::Edit(edit)]),
    ));
}

/// The end of the reply, or of a line in it, is missing.
fn unterminated(c: &mut Catalogue, op: Op) {
    let reads = matches!(op, Op::Get | Op::Mget);
    let ends: &[&str] = if reads {
        &["", "E", "END", "END\r", "\r\n"]
    } else {
        &["", "\r"]
    };
    for end in ends {
        let edit = Edit::Terminator(end.as_bytes().to_vec());
        edited(c, "F13", format!("ends with {end:?}"), op, edit.clone());
        let attack = on(op, vec![Action::Edit(edit), Action::Close(End::Fin)]);
        let case = Case::new("F13", format!("ends with {end:?}, then closed"), op, attack);
        c.add(Case {
            must: unless_repeated(op),
            ..case
        });
    }
    for &nth in positions(op) {
        edited(
            c,
            "F13",
            format!("no line end behind data {nth}"),
            op,
            Edit::DataEnd(nth, Vec::new()),
        );
        edited(
            c,
            "F13",
            format!("no line end before data {nth}"),
            op,
            Edit::LineEnd(nth, Vec::new()),
        );
    }
}

/// Something else stands where the data must end.
fn data_end(c: &mut Catalogue, op: Op) {
    let ends = [
        "XX", "\n\r", "\r\r", "\n\n", "  ", "\0\0", "\r\0", "X\n", "\r", "\n", "\r\n\r\n", " \r\n",
    ];
    for &nth in positions(op) {
        for end in ends {
            edited(
                c,
                "F14",
                format!("data {nth} ends with {end:?}"),
                op,
                Edit::DataEnd(nth, end.into()),
            );
        }
        for by in [-1, 1, -2, 2] {
            edited(
                c,
                "F14",
                format!("data {nth} is {by:+} bytes long"),
                op,
                Edit::Stretch(nth, by),
            );
        }
    }
    // Who trusts the length finds the end of the reply where it belongs.
    let data = [
        value::make("part", "loader", 0, value::USUAL).as_slice(),
        b"XXEND\r\n",
    ]
    .concat();
    let last = positions(op)[positions(op).len() - 1];
    let edit = Edit::Field(last, LENGTH, value::USUAL.to_string().into());
    let attack = on(op, vec![Action::Edit(edit)]);
    let case = Case::new("F14", "only a part of the data is announced", op, attack);
    c.add(Case {
        data: Some(data),
        ..case
    });
    let attack = on(op, vec![Action::Edit(Edit::Stretch(0, 1))]);
    c.add(Case {
        length: 0,
        ..Case::new("F14", "a byte where none was announced", op, attack)
    });
}

/// A `VALUE` line that is not one.
fn value_line(c: &mut Catalogue, op: Op) {
    let nth = positions(op)[positions(op).len() / 2];
    let numbers = [
        "abc", "-1", "", "+7", "7.0", "0x7", "7 ", "\u{0667}", "1e1", "7\0",
    ];
    for text in numbers.iter().chain(&[
        "4294967296",
        "18446744073709551616",
        "99999999999999999999999",
    ]) {
        let edit = Edit::Field(nth, FLAGS, text.as_bytes().to_vec());
        edited(c, "F28", format!("flags {text:?}"), op, edit);
    }
    for text in numbers.iter().filter(|text| **text != "-1") {
        let edit = Edit::Field(nth, LENGTH, text.as_bytes().to_vec());
        edited(c, "F28", format!("length {text:?}"), op, edit);
    }
    for text in [
        "VALU", "VALUES", "VALUE:", "value", "Value", "WERT", " VALUE", "\tVALUE",
    ] {
        let edit = Edit::Field(nth, TOKEN, text.into());
        edited(c, "F28", format!("token {text:?}"), op, edit);
    }
    for text in ["  ", "\t", "", ",", "\0"] {
        edited(
            c,
            "F28",
            format!("separator {text:?}"),
            op,
            Edit::Separator(nth, text.into()),
        );
    }
    for text in ["\n", "\r", " \r\n", "\n\r", "\r\r\n"] {
        edited(
            c,
            "F28",
            format!("value line ends with {text:?}"),
            op,
            Edit::LineEnd(nth, text.into()),
        );
    }
    edited(c, "F28", "no length".into(), op, Edit::LoseField(nth));
    for text in ["x", "7 x", "-1"] {
        edited(
            c,
            "F28",
            format!("one more field {text:?}"),
            op,
            Edit::ExtraField(nth, text.into()),
        );
    }
    edited(c, "F28", "small letters".into(), op, Edit::LowerCase);
    for text in [
        "END\n",
        "END \r\n",
        "end\r\n",
        "ENDE\r\n",
        " END\r\n",
        "END\r\r\n",
        "E\r\n",
        "ENDEND\r\n",
    ] {
        edited(
            c,
            "F28",
            format!("ends with {text:?}"),
            op,
            Edit::Terminator(text.into()),
        );
    }
}

/// One-line replies that are not any.
fn one_line(c: &mut Catalogue) {
    let stored = [
        "stored", "Stored", "STORE", "STOREDX", "STORED ", " STORED", "STORED 1", "STORED\0",
        "\nSTORED",
    ];
    let number = [
        "-1",
        "+5",
        "0x10",
        "1e3",
        "abc",
        "1.5",
        "12a",
        "4 1",
        "18446744073709551616",
        "-0",
        " 17",
        "17 ",
        "17\0",
        "17\t",
        "99999999999999999999999",
        "\u{0661}",
    ];
    for (op, texts) in [(Op::Set, &stored[..]), (Op::Incr, &number[..])] {
        for text in texts {
            edited(
                c,
                "F28",
                format!("text {text:?}"),
                op,
                Edit::Text(text.as_bytes().to_vec()),
            );
        }
        for end in ["\n", "\r", "\n\r", "\r\r\n", "\0\r\n"] {
            edited(
                c,
                "F28",
                format!("ends with {end:?}"),
                op,
                Edit::Terminator(end.into()),
            );
        }
    }
}

/// Not a fault at all: values that look like the protocol.
fn innocent(c: &mut Catalogue, op: Op) {
    for data in [
        "END\r\n",
        "\r\nEND\r\n",
        "x\r\nVALUE x 0 3\r\nabc\r\nEND\r\n",
        "\r\n",
        "\r",
        "\n",
        "",
        "SERVER_ERROR x\r\n",
    ] {
        let nothing = on(op, Vec::new());
        let case = Case::new("F35", format!("the value is {data:?}"), op, nothing);
        c.add(Case {
            data: Some(data.into()),
            must: Must::Right,
            closed: false,
            ..case
        });
    }
}
