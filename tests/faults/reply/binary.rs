//! Replies of the binary protocol.

use super::super::frame::binary::{Frame, HEADER, RESPONSE, opcode};
use super::super::outcome::Protocol;
use super::{Part, Reply, Value};

pub mod status {
    pub const OK: u16 = 0;
    pub const NOT_FOUND: u16 = 1;
    pub const EXISTS: u16 = 2;
    pub const TOO_LARGE: u16 = 3;
    pub const INVALID: u16 = 4;
    pub const NOT_STORED: u16 = 5;
    pub const NON_NUMERIC: u16 = 6;
    pub const UNKNOWN: u16 = 0x81;
    pub const NO_MEMORY: u16 = 0x82;
    pub const TEMPORARY: u16 = 0x86;
}

/// Where the fields of the header stand in `Value::fields`; behind them the extras and the key.
pub fn place(part: Part) -> Option<usize> {
    Some(match part {
        Part::Magic => 0,
        Part::Opcode => 1,
        Part::KeyLength => 2,
        Part::ExtrasLength => 3,
        Part::DataType => 4,
        Part::Status => 5,
        Part::Length => 6,
        Part::Opaque => 7,
        Part::Flags => EXTRAS,
        Part::Key => KEY,
        Part::Token => return None,
    })
}

const CAS: usize = 8;
const EXTRAS: usize = 9;
const KEY: usize = 10;

/// A frame, its lengths and CAS included.
pub fn frame(
    opcode: u8,
    status: u16,
    opaque: u32,
    extras: &[u8],
    key: &[u8],
    data: &[u8],
) -> Value {
    let mut value = Value {
        protocol: Protocol::Binary,
        hit: status == status::OK,
        fields: vec![
            vec![RESPONSE],
            vec![opcode],
            Vec::new(),
            Vec::new(),
            vec![0],
            status.to_be_bytes().to_vec(),
            Vec::new(),
            opaque.to_be_bytes().to_vec(),
            vec![0; 8],
            extras.to_vec(),
            key.to_vec(),
        ],
        separator: Vec::new(),
        line_end: Vec::new(),
        data: data.to_vec(),
        data_end: Vec::new(),
    };
    count(&mut value);
    value
}

/// The reply to `request`, with the opcode under which it was asked for.
pub fn answer(request: &Frame, status: u16, extras: &[u8], key: &[u8], data: &[u8]) -> Value {
    frame(request.opcode, status, request.opaque, extras, key, data)
}

pub fn with_cas(mut value: Value, cas: u64) -> Value {
    value.fields[CAS] = cas.to_be_bytes().to_vec();
    value
}

pub fn value(key: &[u8], flags: u32, data: &[u8]) -> Value {
    frame(
        opcode::GETKQ,
        status::OK,
        0,
        &flags.to_be_bytes(),
        key,
        data,
    )
}

/// Makes the lengths of the header those of what follows it.
pub fn count(value: &mut Value) {
    let (extras, key) = (value.fields[EXTRAS].len(), value.fields[KEY].len());
    let body = extras + key + value.data.len();
    value.fields[2] = (key as u16).to_be_bytes().to_vec();
    value.fields[3] = vec![extras as u8];
    value.fields[6] = (body as u32).to_be_bytes().to_vec();
}

/// What memcached says with each number.
pub fn words(status: u16) -> &'static str {
    match status {
        status::NOT_FOUND => "Not found",
        status::EXISTS => "Data exists for key.",
        status::TOO_LARGE => "Too large.",
        status::INVALID => "Invalid arguments",
        status::NOT_STORED => "Not stored.",
        status::NON_NUMERIC => "Non-numeric server-side value for incr or decr",
        status::UNKNOWN => "Unknown command",
        status::NO_MEMORY => "Out of memory",
        status::TEMPORARY => "Temporary failure",
        _ => "",
    }
}

pub fn failure(request: &Frame, status: u16) -> Value {
    answer(request, status, &[], &[], words(status).as_bytes())
}

/// A failure to whatever was asked for.
pub fn frame_of_failure(status: u16) -> Value {
    frame(0, status, 0, &[], &[], words(status).as_bytes())
}

/// The refusal that this line of ASCII would be.
pub fn refusal(request: &Frame, line: &[u8]) -> Reply {
    let has = |words: &str| {
        line.windows(words.len())
            .any(|part| part == words.as_bytes())
    };
    let status = match () {
        () if has("out of memory") => status::NO_MEMORY,
        () if has("too large") => status::TOO_LARGE,
        () if has("SERVER_ERROR") => status::TEMPORARY,
        () if has("CLIENT_ERROR") => status::INVALID,
        () => status::UNKNOWN,
    };
    Reply::Values {
        values: vec![failure(request, status)],
        end: Vec::new(),
    }
}

/// Whether a frame with its opaque says so; or, where it was asked quietly, that to a later frame
/// begins, and none to it came before.
pub fn says_missing(frames: &[Frame], key: &[u8], mut sent: &[u8]) -> bool {
    let Some(at) = frames.iter().position(|frame| frame.key == key) else {
        return false;
    };
    let own = &frames[at];
    while let Some(header) = sent.get(..HEADER) {
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|i| header[at + i]));
        let (status, body, opaque) = (word(4) as u16, word(8) as usize, word(12));
        if header[0] != RESPONSE {
            return false;
        }
        let whole = sent.len() >= HEADER + body;
        if opaque == own.opaque {
            return whole && header[1] == own.opcode && status == status::NOT_FOUND;
        }
        if frames[at + 1..].iter().any(|later| later.opaque == opaque) {
            return own.is_quiet() && own.reads();
        }
        if !whole {
            return false;
        }
        sent = &sent[HEADER + body..];
    }
    false
}
