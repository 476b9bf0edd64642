//! Bytes into replies.

use super::answer::{Answer, answer};
use crate::protocol::binary::header::{HEADER_LEN, Header, REPLY};
use crate::protocol::binary::{opcode, status};
use crate::protocol::{Op, Span, ValueHead};

/// The longest text of an error, of a version, or of one of the statistics with its name: memcached's
/// have some hundred bytes at the most, but for the statistics of prefixes, which are not asked for.
pub const TEXT_MAX: usize = 32 * 1024;

/// All that must be remembered of a frame to recognise its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect {
    pub op: Op,
    /// As it was sent.
    pub opcode: u8,
    pub opaque: u32,
}

impl Expect {
    /// Of the frame that ends a row of quiet ones.
    pub fn noop(opaque: u32) -> Expect {
        Expect {
            op: Op::Ping,
            opcode: opcode::NOOP,
            opaque,
        }
    }
}

/// What a header says before a byte of its body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headed {
    /// Not before so many bytes are there.
    More(usize),
    Frame(Header),
    /// No header that a server sends, and why.
    Broken(&'static str),
}

/// The header at the front of the unread bytes. `max_value` is the longest value that is taken.
pub fn header(unread: &[u8], max_value: usize) -> Headed {
    match unread.first() {
        None | Some(&REPLY) => {}
        Some(_) => return Headed::Broken("no frame of the binary protocol"),
    }
    let Some(bytes) = unread.first_chunk::<HEADER_LEN>() else {
        return Headed::More(HEADER_LEN);
    };
    let header = Header::parse(bytes);
    if header.data_type != 0 {
        return Headed::Broken("a data type that no server sends");
    }
    let Some(value_len) = header.value_len() else {
        return Headed::Broken("a key and extras that are longer than the body");
    };
    if usize::from(header.key_len) > TEXT_MAX {
        return Headed::Broken("a key that is too long");
    }
    if value_len as usize > max_value.max(TEXT_MAX) {
        return Headed::Broken("a value above the largest that is taken");
    }
    Headed::Frame(header)
}

/// What is at the front of the unread bytes. Spans count from their beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Not before so many bytes are there.
    More(usize),
    /// A value begins behind so many bytes. Nothing follows it but the next frame.
    Value { used: usize, head: ValueHead },
    /// A whole reply of so many bytes.
    Reply { used: usize, answer: Answer },
    /// No reply that the command can have, and why.
    Broken(&'static str),
}

/// Decode the reply at the front of `unread` as the one to a command; `key` is the key that it was
/// sent with. Everything that the header says is checked before the body is waited for, and what was
/// told not to be there yet costs nothing to be asked again.
pub fn decode(unread: &[u8], expect: &Expect, key: &[u8], max_value: usize) -> Decoded {
    let header = match header(unread, max_value) {
        Headed::More(wanted) => return Decoded::More(wanted),
        Headed::Broken(why) => return Decoded::Broken(why),
        Headed::Frame(header) => header,
    };
    if header.opaque != expect.opaque {
        return Decoded::Broken("the reply to another command");
    }
    // A quiet command may be answered under its loud form's number.
    if opcode::loud(header.opcode) != opcode::loud(expect.opcode) {
        return Decoded::Broken("the reply to a command of another kind");
    }
    let shape = match header.status {
        status::SUCCESS => success(&header, expect, key),
        _ => failure(&header, expect, key),
    };
    if let Err(why) = shape {
        return Decoded::Broken(why);
    }
    let head_len = header.head_len();
    if unread.len() < head_len {
        return Decoded::More(head_len);
    }
    let head = Head {
        header,
        extras: span(HEADER_LEN, header.extras_len),
        key: span(HEADER_LEN + usize::from(header.extras_len), header.key_len),
    };
    if names_asked_key(&header, expect) && head.key.of(unread) != key {
        return Decoded::Broken("the reply for another key");
    }
    let value_len = header.value_len().unwrap_or(0) as usize;
    if header.status == status::SUCCESS && opcode::reads_value(expect.opcode) {
        let flags = head.extras.of(unread).first_chunk().copied();
        let value = ValueHead {
            flags: u32::from_be_bytes(flags.unwrap_or_default()),
            len: value_len,
            cas: expect.op.reads_cas().then_some(header.cas),
        };
        return Decoded::Value {
            used: head_len,
            head: value,
        };
    }
    let used = head_len + value_len;
    if unread.len() < used {
        return Decoded::More(used);
    }
    match answer(expect, &head, &unread[..used]) {
        Some(answer) => Decoded::Reply { used, answer },
        None => Decoded::Broken("a status that the command cannot have"),
    }
}

/// Where the parts of a frame are. The value is what is behind the key.
pub(super) struct Head {
    pub header: Header,
    pub extras: Span,
    pub key: Span,
}

fn span(at: usize, len: impl Into<u32>) -> Span {
    Span {
        at: at as u32,
        len: len.into(),
    }
}

/// The reply carries the key that was asked for, if it carries one.
fn names_asked_key(header: &Header, expect: &Expect) -> bool {
    opcode::names_key(expect.opcode) && (header.status == status::SUCCESS || header.key_len > 0)
}

type Shape = Result<(), &'static str>;

const LENGTHS: Shape = Err("lengths that the command's reply cannot have");

/// The lengths in the header of a command that was done.
fn success(header: &Header, expect: &Expect, key: &[u8]) -> Shape {
    let value_len = header.value_len().unwrap_or(0) as usize;
    let (extras, key_len) = (usize::from(header.extras_len), usize::from(header.key_len));
    let fits = match opcode::loud(expect.opcode) {
        opcode::GET | opcode::GAT => extras == 4 && key_len == 0,
        opcode::GETK | opcode::GATK => extras == 4 && key_len == key.len(),
        // memcached tells the flags, the specification nothing.
        opcode::TOUCH => matches!(extras, 0 | 4) && key_len == 0 && value_len == 0,
        opcode::INCREMENT | opcode::DECREMENT => extras == 0 && key_len == 0 && value_len == 8,
        opcode::VERSION => extras == 0 && key_len == 0 && value_len <= TEXT_MAX,
        // The last one has neither a name nor a text.
        opcode::STAT => {
            extras == 0 && key_len + value_len <= TEXT_MAX && (key_len > 0 || value_len == 0)
        }
        _ => extras == 0 && key_len == 0 && value_len == 0,
    };
    if fits { Ok(()) } else { LENGTHS }
}

/// Those of a command that was not: a text, or the key that there was no item for.
fn failure(header: &Header, expect: &Expect, key: &[u8]) -> Shape {
    let value_len = header.value_len().unwrap_or(0) as usize;
    let key_len = usize::from(header.key_len);
    let names_key = opcode::names_key(expect.opcode) && key_len == key.len();
    if header.extras_len == 0 && (key_len == 0 || names_key) && value_len <= TEXT_MAX {
        return Ok(());
    }
    LENGTHS
}

/// The line of text that a server which does not speak the protocol has sent instead of a frame,
/// without its end, for the message of the failure; `ERROR Too many open connections` is one.
/// `None` where there is none in the first 1,024 bytes (yet).
pub fn plain_text(unread: &[u8]) -> Option<Span> {
    let window = &unread[..unread.len().min(1024)];
    let line = &window[..memchr::memchr(b'\n', window)?];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    (!line.is_empty() && line.iter().all(printable)).then_some(Span {
        at: 0,
        len: line.len() as u32,
    })
}
