//! Replies that are not of the right shape: F13, F14, F28, F35.

use super::super::edit::Edit;
use super::super::outcome::{Op, Protocol};
use super::super::reply::Part;
use super::super::rule::{Action, End};
use super::super::value;
use super::{Case, Catalogue, Must, on, positions, unless_repeated};

pub fn add(c: &mut Catalogue) {
    for op in [Op::Get, Op::Mget] {
        innocent(c, op);
    }
    c.exclude("F14", &[Op::Set, Op::Incr], "the reply carries no data");
    c.exclude("F35", &[Op::Set, Op::Incr], "the reply carries no data");
    if c.protocol == Protocol::Binary {
        return;
    }
    for op in Op::ALL {
        unterminated(c, op);
    }
    for op in [Op::Get, Op::Mget] {
        data_end(c, op);
        value_line(c, op);
    }
    one_line(c);
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
    let ends: &[&str] = match (c.protocol, op) {
        (Protocol::Ascii, _) if reads => &["", "E", "END", "END\r", "\r\n"],
        (_, Op::Mget) => &["", "M", "MN", "MN\r"],
        _ => &["", "\r"],
    };
    // The end of a batch of meta reads tells nothing where all keys have been answered.
    let told = c.protocol != Protocol::Ascii && op == Op::Mget;
    for end in ends {
        let edit = Edit::Terminator(end.as_bytes().to_vec());
        let name = format!("ends with {end:?}");
        let case = Case::new("F13", name, op, on(op, vec![Action::Edit(edit.clone())]));
        let must = if told { Must::Either } else { case.must };
        c.add(Case { must, ..case });
        let attack = on(op, vec![Action::Edit(edit), Action::Close(End::Fin)]);
        let case = Case::new("F13", format!("ends with {end:?}, then closed"), op, attack);
        c.add(Case {
            must: unless_repeated(op),
            ..case
        });
    }
    if !reads {
        return;
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
            let edit = Edit::DataEnd(nth, end.into());
            let name = format!("data {nth} ends with {end:?}");
            let case = Case::new("F14", name, op, on(op, vec![Action::Edit(edit)]));
            // Behind a whole reply of meta there is nothing that the second line end could spoil.
            let surplus = c.protocol == Protocol::Meta && end == "\r\n\r\n";
            let must = if surplus { Must::Either } else { case.must };
            c.add(Case { must, ..case });
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
    let rest: &[u8] = match c.protocol {
        Protocol::Ascii => b"XXEND\r\n",
        _ => b"XX",
    };
    let part = value::make("part", "loader", 0, value::USUAL);
    let data = [part.as_slice(), rest].concat();
    let last = positions(op)[positions(op).len() - 1];
    let edit = Edit::Field(last, Part::Length, value::USUAL.to_string().into());
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
        let edit = Edit::Field(nth, Part::Flags, text.as_bytes().to_vec());
        edited(c, "F28", format!("flags {text:?}"), op, edit);
    }
    for text in numbers.iter().filter(|text| **text != "-1") {
        let edit = Edit::Field(nth, Part::Length, text.as_bytes().to_vec());
        edited(c, "F28", format!("length {text:?}"), op, edit);
    }
    let tokens = match c.protocol {
        Protocol::Ascii => [
            "VALU", "VALUES", "VALUE:", "value", "Value", "WERT", " VALUE", "\tVALUE",
        ],
        _ => ["V", "VAL", "VA:", "va", "Va", "VALUE", " VA", "\tVA"],
    };
    for text in tokens {
        let edit = Edit::Field(nth, Part::Token, text.into());
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
    // memcached itself ends some of its meta lines with a space.
    let space = (c.protocol == Protocol::Ascii).then_some(" \r\n");
    for text in ["\n", "\r", "\n\r", "\r\r\n"].into_iter().chain(space) {
        edited(
            c,
            "F28",
            format!("value line ends with {text:?}"),
            op,
            Edit::LineEnd(nth, text.into()),
        );
    }
    let edit = Edit::Without(nth, Part::Length);
    edited(c, "F28", "no length".into(), op, edit);
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
    let ends: &[&str] = match (c.protocol, op) {
        (Protocol::Ascii, _) => &[
            "END\n",
            "END \r\n",
            "end\r\n",
            "ENDE\r\n",
            " END\r\n",
            "END\r\r\n",
            "E\r\n",
            "ENDEND\r\n",
        ],
        (_, Op::Mget) => &[
            "MN\n",
            "mn\r\n",
            "MNM\r\n",
            " MN\r\n",
            "MN\r\r\n",
            "M\r\n",
            "END\r\n",
            "MNMN\r\n",
            "MN O1\r\n",
            "HD\r\n",
            "EN\r\n",
        ],
        _ => &[],
    };
    for text in ends {
        let edit = Edit::Terminator(text.as_bytes().to_vec());
        let name = format!("ends with {text:?}");
        let case = Case::new("F28", name, op, on(op, vec![Action::Edit(edit)]));
        // All keys of a meta batch may have been answered before its end.
        let must = match c.protocol {
            Protocol::Ascii => case.must,
            _ => Must::Either,
        };
        c.add(Case { must, ..case });
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
    let done = [
        "hd", "Hd", "H", "HDX", "HD 1", " HD", "HD\0", "\nHD", "OK", "STORED", "",
    ];
    let stored = match c.protocol {
        Protocol::Ascii => &stored[..],
        _ => &done[..],
    };
    for (op, texts) in [(Op::Set, stored), (Op::Incr, &number[..])] {
        for text in texts {
            let bytes = text.as_bytes().to_vec();
            let edit = match (c.protocol, op) {
                (Protocol::Ascii, _) => Edit::Text(bytes),
                (_, Op::Incr) => Edit::Data(0, bytes),
                _ => Edit::Field(0, Part::Token, bytes),
            };
            edited(c, "F28", format!("text {text:?}"), op, edit);
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
