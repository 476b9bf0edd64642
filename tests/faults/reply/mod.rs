//! Replies on the wire: built so that every part of one can be falsified, and read back from
//! what was sent.

use super::frame::{Command, Request};
use super::outcome::Protocol;

pub mod binary;
pub mod meta;

/// One `VALUE` block, one reply of the meta protocol or one frame; what is in it is bytes, because a
/// fault may write anything there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub protocol: Protocol,
    /// It is no miss.
    pub hit: bool,
    /// What stands before the data. ASCII: `VALUE`, the key, flags, length and perhaps the CAS;
    /// meta: `VA`, the length, and the flags, or another code and the flags; binary: the fields of
    /// the header, the extras and the key.
    pub fields: Vec<Vec<u8>>,
    /// What stands between the fields.
    pub separator: Vec<u8>,
    /// What ends the line.
    pub line_end: Vec<u8>,
    pub data: Vec<u8>,
    /// What ends the data.
    pub data_end: Vec<u8>,
}

/// A part of a [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `VALUE`, `VA`, `HD`, …
    Token,
    Key,
    Flags,
    /// Of the value; in binary, of the body.
    Length,
    Opaque,
    /// Binary only, as are those that follow.
    Magic,
    Opcode,
    KeyLength,
    ExtrasLength,
    DataType,
    Status,
}

impl Value {
    pub fn new(key: &[u8], flags: u32, data: &[u8], cas: Option<u64>) -> Value {
        let mut fields = vec![
            b"VALUE".to_vec(),
            key.to_vec(),
            flags.to_string().into_bytes(),
            data.len().to_string().into_bytes(),
        ];
        fields.extend(cas.map(|cas| cas.to_string().into_bytes()));
        Value {
            protocol: Protocol::Ascii,
            hit: true,
            fields,
            separator: b" ".to_vec(),
            line_end: b"\r\n".to_vec(),
            data: data.to_vec(),
            data_end: b"\r\n".to_vec(),
        }
    }

    /// A value as `protocol` gives it to who asked for key and flags; without an opaque.
    pub fn of(protocol: Protocol, key: &[u8], flags: u32, data: &[u8]) -> Value {
        match protocol {
            Protocol::Ascii => Value::new(key, flags, data, None),
            Protocol::Meta => meta::value(key, flags, data),
            Protocol::Binary => binary::value(key, flags, data),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let line = self.fields.join(self.separator.as_slice());
        [&line, &self.line_end, &self.data, &self.data_end]
            .map(Vec::as_slice)
            .concat()
    }

    /// Which field is that part; `None` where there is no such part.
    fn place(&self, part: Part) -> Option<usize> {
        match self.protocol {
            Protocol::Ascii => match part {
                Part::Token => Some(0),
                Part::Key => Some(1),
                Part::Flags => Some(2),
                Part::Length => Some(3),
                _ => None,
            },
            Protocol::Meta => meta::place(self, part),
            Protocol::Binary => binary::place(part),
        }
    }

    /// Writes a part; `None` where there is no such part.
    pub fn set(&mut self, part: Part, bytes: &[u8]) -> Option<()> {
        let at = self.place(part)?;
        let letter = meta::letter(part).filter(|_| self.protocol == Protocol::Meta);
        let field = self.fields.get_mut(at)?;
        *field = letter.into_iter().chain(bytes.iter().copied()).collect();
        if self.protocol == Protocol::Binary && matches!(part, Part::Key | Part::Flags) {
            binary::count(self);
        }
        Some(())
    }

    /// What stands there, a meta flag without its letter.
    pub fn get(&self, part: Part) -> Option<&[u8]> {
        let field = self.fields.get(self.place(part)?)?;
        let letter = meta::letter(part).filter(|_| self.protocol == Protocol::Meta);
        Some(&field[usize::from(letter.is_some())..])
    }

    /// Other data, with its length.
    pub fn carry(&mut self, data: &[u8]) -> Option<()> {
        self.data = data.to_vec();
        if self.protocol == Protocol::Binary {
            binary::count(self);
            return Some(());
        }
        self.set(Part::Length, data.len().to_string().as_bytes())
    }

    pub fn lose(&mut self, part: Part) -> Option<()> {
        let at = self.place(part)?;
        self.fields.remove(at);
        Some(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Nothing,
    Values { values: Vec<Value>, end: Vec<u8> },
    Line { text: Vec<u8>, end: Vec<u8> },
}

impl Reply {
    pub fn values(values: Vec<Value>) -> Reply {
        Reply::Values {
            values,
            end: b"END\r\n".to_vec(),
        }
    }

    pub fn line(text: impl Into<String>) -> Reply {
        Reply::Line {
            text: text.into().into_bytes(),
            end: b"\r\n".to_vec(),
        }
    }

    /// Bytes that are what they are.
    pub fn raw(bytes: &[u8]) -> Reply {
        Reply::Line {
            text: bytes.to_vec(),
            end: Vec::new(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Reply::Nothing => Vec::new(),
            Reply::Values { values, end } => {
                let mut bytes: Vec<u8> = values.iter().flat_map(Value::bytes).collect();
                bytes.extend_from_slice(end);
                bytes
            }
            Reply::Line { text, end } => [text.as_slice(), end].concat(),
        }
    }
}

/// Whether `sent`, in answer to `request`, says strictly and completely that `key` is not there.
pub fn says_missing(request: &Request, key: &[u8], sent: &[u8]) -> bool {
    match &request.command {
        Command::Read { .. } => match read(sent) {
            Read::Complete(keys) => !keys.iter().any(|k| k == key),
            Read::Not => false,
        },
        Command::Meta(orders) => meta::says_missing(orders, key, sent),
        Command::Binary(frames) => binary::says_missing(frames, key, sent),
        _ => sent.starts_with(b"NOT_FOUND\r\n"),
    }
}

/// A refusal with the words of this line, as the request's protocol has it.
pub fn refusal(request: &Request, line: &[u8]) -> Reply {
    match &request.command {
        Command::Binary(frames) => binary::refusal(&frames[0], line),
        _ => Reply::raw(line),
    }
}

/// What bytes on the wire say as the reply to a read.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// `END` was reached; these keys had values.
    Complete(Vec<Vec<u8>>),
    /// Something else came, or not enough.
    Not,
}

/// Reads `bytes` as the reply to a `get`, strictly; what follows the `END` is not looked at.
pub fn read(mut bytes: &[u8]) -> Read {
    let mut keys = Vec::new();
    loop {
        if bytes.starts_with(b"END\r\n") {
            return Read::Complete(keys);
        }
        let Some((key, rest)) = value(bytes) else {
            return Read::Not;
        };
        keys.push(key);
        bytes = rest;
    }
}

/// The key of the value block at the front, and what is behind the block.
fn value(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let newline = bytes.windows(2).position(|two| two == b"\r\n")?;
    let mut fields = bytes[..newline].split(|&b| b == b' ');
    if fields.next()? != b"VALUE" {
        return None;
    }
    let key = fields.next()?;
    let _flags = digits(fields.next()?)?;
    let length = usize::try_from(digits(fields.next()?)?).ok()?;
    let data = &bytes[newline + 2..];
    let rest = data.get(length..)?.strip_prefix(b"\r\n")?;
    Some((key.to_vec(), rest))
}

fn digits(token: &[u8]) -> Option<u64> {
    let plain =
        token.iter().all(u8::is_ascii_digit) && (token.len() == 1 || token.first() != Some(&b'0'));
    if plain {
        std::str::from_utf8(token).ok()?.parse().ok()
    } else {
        None
    }
}

#[test]
fn a_reply_is_read_back_only_when_it_is_whole() {
    let values = vec![
        Value::new(b"a", 1, b"x\r\nEND\r\n", None),
        Value::new(b"b", 0, b"", Some(9)),
    ];
    let bytes = Reply::values(values).bytes();
    assert_eq!(
        bytes,
        b"VALUE a 1 8\r\nx\r\nEND\r\n\r\nVALUE b 0 0 9\r\n\r\nEND\r\n"
    );
    assert_eq!(
        read(&bytes),
        Read::Complete(vec![b"a".to_vec(), b"b".to_vec()])
    );
    for cut in 0..bytes.len() {
        assert_eq!(read(&bytes[..cut]), Read::Not, "{cut} bytes");
    }
    assert_eq!(read(b"SERVER_ERROR x\r\nEND\r\n"), Read::Not);
    assert_eq!(read(b"VALUE a 0 01\r\nx\r\nEND\r\n"), Read::Not);
}
