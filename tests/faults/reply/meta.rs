//! Replies of the meta protocol.

use super::super::frame::meta::{Order, Verb};
use super::super::outcome::Protocol;
use super::{Part, Value, digits};

/// A reply line with these fields.
pub fn line(fields: Vec<Vec<u8>>, hit: bool) -> Value {
    Value {
        protocol: Protocol::Meta,
        hit,
        fields,
        separator: b" ".to_vec(),
        line_end: b"\r\n".to_vec(),
        data: Vec::new(),
        data_end: Vec::new(),
    }
}

/// A value behind its line, whose flags are given.
pub fn with_data(flags: Vec<Vec<u8>>, data: &[u8]) -> Value {
    let length = data.len().to_string().into_bytes();
    let fields = [vec![b"VA".to_vec(), length], flags].concat();
    Value {
        data: data.to_vec(),
        data_end: b"\r\n".to_vec(),
        ..line(fields, true)
    }
}

pub fn value(key: &[u8], flags: u32, data: &[u8]) -> Value {
    let key = [b"k", key].concat();
    with_data(vec![key, format!("f{flags}").into_bytes()], data)
}

/// The letter that a part's flag begins with.
pub fn letter(part: Part) -> Option<u8> {
    match part {
        Part::Key => Some(b'k'),
        Part::Flags => Some(b'f'),
        Part::Opaque => Some(b'O'),
        _ => None,
    }
}

pub fn place(value: &Value, part: Part) -> Option<usize> {
    match part {
        Part::Token => Some(0),
        Part::Length => (value.fields.first()? == b"VA").then_some(1),
        _ => {
            let letter = letter(part)?;
            let flag = |field: &Vec<u8>| field.first() == Some(&letter);
            Some(1 + value.fields.get(1..)?.iter().position(flag)?)
        }
    }
}

/// What a reply line says of itself.
struct Seen<'a> {
    code: &'a [u8],
    opaque: Option<&'a [u8]>,
    /// With the data behind the line, as far as they are there.
    length: usize,
}

/// The reply at the front of `bytes`, whose line is whole.
fn reply(bytes: &[u8]) -> Option<Seen<'_>> {
    let newline = bytes.windows(2).position(|two| two == b"\r\n")?;
    let mut fields = bytes[..newline].split(|&b| b == b' ');
    let code = fields.next()?;
    let mut length = newline + 2;
    if code == b"VA" {
        let data = usize::try_from(digits(fields.next()?)?).ok()?;
        length = length.saturating_add(data).saturating_add(2);
    }
    Some(Seen {
        code,
        opaque: fields.find_map(|field| field.strip_prefix(b"O")),
        length: length.min(bytes.len()),
    })
}

/// Whether a reply with its opaque says so; or, where it was asked quietly, that to a later command
/// begins, and none to it came before.
pub fn says_missing(orders: &[Order], key: &[u8], mut sent: &[u8]) -> bool {
    let Some(at) = orders.iter().position(|order| order.key == key) else {
        return false;
    };
    let order = &orders[at];
    let miss: &[u8] = if order.verb == Verb::Get {
        b"EN"
    } else {
        b"NF"
    };
    while let Some(Seen {
        code,
        opaque,
        length,
    }) = reply(sent)
    {
        if opaque.is_some() && opaque == order.opaque() {
            return code == miss;
        }
        let later = orders[at + 1..].iter().any(|later| match later.verb {
            Verb::Barrier => code == b"MN",
            _ => opaque.is_some() && opaque == later.opaque(),
        });
        if later {
            return order.is_quiet() && order.verb == Verb::Get;
        }
        sent = &sent[length..];
    }
    false
}
