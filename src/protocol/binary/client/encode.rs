//! Commands into frames.

use crate::buffer::append;
use crate::protocol::binary::header::{HEADER_LEN, Header, REQUEST};
use crate::protocol::binary::opcode;
use crate::protocol::extra::{Said, creates};
use crate::protocol::{Key, Op, Request, stats};

/// How a command is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form {
    /// Answered only by a value, or by a failure. A command without a quiet form is sent loud.
    pub quiet: bool,
    /// A reply with a value (and a miss, where it is loud) names the key.
    pub with_key: bool,
    /// What incr and decr begin with where there is no item, unless the command says it.
    pub initial: Option<Initial>,
    /// Comes back with the reply.
    pub opaque: u32,
}

/// A number that counting begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Initial {
    pub number: u64,
    /// As [`crate::protocol::expiry::Wire::unsigned`] says it.
    pub expiry: u32,
}

/// What was put into the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Where the key (with its prefix) begins in `out`.
    pub key_at: usize,
    /// As it was sent: a quiet form only where there is one.
    pub opcode: u8,
    /// The expiry time lies beyond what the field can say.
    pub clamped: bool,
}

/// Why a command cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsendable {
    /// The protocol (or every server that speaks it) has no such command.
    NoOpcode,
    /// Key and value are more than a frame can hold.
    TooLarge,
    /// A check against 0 would be none: the item would be stored whatever it is.
    NoCas,
}

/// The most extras that a command has.
const EXTRAS_MAX: usize = 20;

/// The most bytes that a frame has beside its value. The statistics' argument counts as a key.
pub fn frame_room(key: &Key<'_>) -> usize {
    HEADER_LEN + EXTRAS_MAX + key.wire_len().max(stats::ARGUMENT_MAX)
}

/// The opcode that a command is sent with; `None` where the protocol has none for it.
pub fn opcode(op: Op, quiet: bool, with_key: bool) -> Option<u8> {
    let loud = loud(op, with_key)?;
    Some(match opcode::quiet(loud) {
        Some(silent) if quiet => silent,
        _ => loud,
    })
}

/// The opcode of a command that is answered.
fn loud(op: Op, with_key: bool) -> Option<u8> {
    Some(match (op, with_key) {
        (Op::Get | Op::Gets, false) => opcode::GET,
        (Op::Get | Op::Gets, true) => opcode::GETK,
        (Op::Gat | Op::Gats, false) => opcode::GAT,
        (Op::Gat | Op::Gats, true) => opcode::GATK,
        (Op::Set | Op::Cas, _) => opcode::SET,
        (Op::Add, _) => opcode::ADD,
        (Op::Replace, _) => opcode::REPLACE,
        (Op::Append, _) => opcode::APPEND,
        (Op::Prepend, _) => opcode::PREPEND,
        (Op::Delete | Op::DeleteAll, _) => opcode::DELETE,
        (Op::Touch, _) => opcode::TOUCH,
        (Op::Incr, _) => opcode::INCREMENT,
        (Op::Decr, _) => opcode::DECREMENT,
        (Op::Version, _) => opcode::VERSION,
        (Op::FlushAll, _) => opcode::FLUSH,
        (Op::Stats, _) => opcode::STAT,
        (Op::Ping, _) => opcode::NOOP,
        // memcached never answers the one, and has no frame for the other.
        (Op::Verbosity | Op::CacheMemlimit, _) => return None,
    })
}

/// Extras on their way into a frame.
#[derive(Default)]
struct Extras {
    bytes: [u8; EXTRAS_MAX],
    len: usize,
}

impl Extras {
    fn put<const N: usize>(&mut self, number: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + N) {
            place.copy_from_slice(&number);
            self.len += N;
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Append a command's frame up to its value: the value's bytes, and nothing else, are to follow.
/// On an error nothing is appended.
pub fn encode(
    request: &Request<'_, '_>,
    form: &Form,
    out: &mut Vec<u8>,
) -> Result<Encoded, Unsendable> {
    let command = request.command;
    let opcode = opcode(request.op, form.quiet, form.with_key).ok_or(Unsendable::NoOpcode)?;
    let cas = match request.op {
        Op::Cas if command.cas == 0 => return Err(Unsendable::NoCas),
        Op::Cas => command.cas,
        _ if command.extra.said.has(Said::COMPARE) => command.cas,
        _ => 0,
    };
    let mut extras = Extras::default();
    let mut clamped = false;
    if matches!(request.op, Op::Set | Op::Add | Op::Replace | Op::Cas) {
        extras.put(command.flags.to_be_bytes());
    }
    if matches!(request.op, Op::Incr | Op::Decr) {
        // No time of a command that says so much depends on the clock.
        let wire = command.ttl.wire(|| 0).unsigned();
        let creates = creates(request.op, command.extra.said);
        clamped = creates && wire.clamped;
        let begins = creates.then_some(Initial {
            number: command.extra.initial,
            expiry: wire.expiry,
        });
        let initial = form.initial.or(begins).unwrap_or(Initial {
            number: 0,
            expiry: u32::MAX,
        });
        extras.put(command.delta.to_be_bytes());
        extras.put(initial.number.to_be_bytes());
        extras.put(initial.expiry.to_be_bytes());
    }
    if request.op.has_expiry() {
        let wire = request.wire.unsigned();
        clamped = wire.clamped;
        // A flush at once says no moment: one that is past flushes nothing.
        if request.op != Op::FlushAll || request.wire.expiry > 0 {
            extras.put(wire.expiry.to_be_bytes());
        }
    }
    let (prefix, key) = match request.op {
        Op::Stats => (&b""[..], command.value),
        _ => (request.key.prefix(), request.key.user()),
    };
    let value = if request.op.sends_value() {
        command.value.len()
    } else {
        0
    };
    let key_len = prefix.len() + key.len();
    let body_len = (extras.len + key_len).checked_add(value);
    let body_len = body_len.and_then(|len| i32::try_from(len).ok());
    let header = Header {
        magic: REQUEST,
        opcode,
        key_len: u16::try_from(key_len).map_err(|_| Unsendable::TooLarge)?,
        extras_len: extras.len as u8,
        data_type: 0,
        status: 0,
        // Servers keep it in a signed number.
        body_len: body_len.ok_or(Unsendable::TooLarge)? as u32,
        opaque: form.opaque,
        cas,
    };
    append(out, &header.to_bytes());
    append(out, extras.bytes());
    let key_at = out.len();
    append(out, prefix);
    append(out, key);
    Ok(Encoded {
        key_at,
        opcode,
        clamped,
    })
}

/// Append the frame that ends a row of quiet ones: when its reply has come, theirs have.
pub fn encode_noop(opaque: u32, out: &mut Vec<u8>) {
    let header = Header {
        magic: REQUEST,
        opcode: opcode::NOOP,
        opaque,
        ..Header::default()
    };
    append(out, &header.to_bytes());
}
