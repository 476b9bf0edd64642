//! Replies on the wire: built so that every part of one can be falsified, and read back from
//! what was sent.

/// One `VALUE` block; the numbers are text, because a fault may write anything there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// `VALUE`, the key, flags, length and perhaps the CAS.
    pub fields: Vec<Vec<u8>>,
    /// What stands between the fields.
    pub separator: Vec<u8>,
    /// What ends the line.
    pub line_end: Vec<u8>,
    pub data: Vec<u8>,
    /// What ends the data.
    pub data_end: Vec<u8>,
}

/// Positions in `Value::fields`.
pub const TOKEN: usize = 0;
pub const KEY: usize = 1;
pub const FLAGS: usize = 2;
pub const LENGTH: usize = 3;

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
            fields,
            separator: b" ".to_vec(),
            line_end: b"\r\n".to_vec(),
            data: data.to_vec(),
            data_end: b"\r\n".to_vec(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let line = self.fields.join(self.separator.as_slice());
        [&line, &self.line_end, &self.data, &self.data_end]
            .map(Vec::as_slice)
            .concat()
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
