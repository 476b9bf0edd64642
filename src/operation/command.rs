//! From a command to a request: every check that needs no server.

use crate::connection::tagged::Unsent;
use crate::error::{Effect, Failure, Result, Status};
use crate::protocol::binary::client::Unsendable;
use crate::protocol::served::{Needs, Unserved};
use crate::protocol::{Command, Key, KeyFault, Op, Request};

/// The commands of an operation, by their place in the caller's order.
pub trait Commands {
    fn count(&self) -> usize;
    /// What all commands have in common; [`Commands::fill`] says the rest.
    fn blank(&self) -> Command<'_>;
    /// Turn the blank command, or one that was filled before, into command number `index`.
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()>;
    /// What all of them need beyond the classic commands; `None`: they are classic commands.
    fn beyond(&self) -> Option<Needs> {
        None
    }
    /// The caller's key of a command that [`Commands::fill`] refuses, as far as it can be had.
    fn refused_key(&self, _: usize) -> &[u8] {
        b""
    }
}

/// Command number `index`.
pub fn command(commands: &dyn Commands, index: usize) -> Result<Command<'_>> {
    let mut command = commands.blank();
    commands.fill(index, &mut command)?;
    Ok(command)
}

/// What commands are checked against.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    pub prefix: &'a [u8],
    /// The largest item, as the server's `-I` says it.
    pub item_size_max: u64,
}

/// What memcached 1.6 stores in front of the key: the item's header and its CAS.
const ITEM_HEADER: u64 = 48 + 8;

/// The size of an item as memcached 1.6 counts it against `-I`: header, CAS, key and its NUL, flags
/// where there are any, value and its line end.
#[inline(always)]
fn item_size(request: &Request<'_, '_>) -> u64 {
    let flags = if request.command.flags == 0 { 0 } else { 4 };
    ITEM_HEADER + request.key.wire_len() as u64 + 1 + flags + request.value().len() as u64 + 2
}

/// The key of a command whose op is `op`, checked.
#[inline(always)]
pub fn key<'a>(op: Op, command: &Command<'a>, limits: Limits<'a>) -> Result<Key<'a>> {
    match Key::new(limits.prefix, command.key) {
        Ok(key) => Ok(key),
        Err(_) if !op.takes_key() => Ok(Key::NONE),
        Err(fault) => Err(illegal(op, fault)),
    }
}

/// What has to wait for a server's version, or takes several commands, is not begun in a loop.
#[cold]
pub fn not_in_a_loop(op: Op) -> Box<Failure> {
    let text = format!(
        "{}: what goes beyond the classic commands is not served by mc_loop",
        op.name()
    );
    refused(op, Status::UNSUPPORTED, text)
}

/// Meaning that its server cannot give to a command: it is not sent.
#[cold]
pub fn unserved(op: Op, why: Unserved) -> Box<Failure> {
    refused(op, Status::UNSUPPORTED, why.to_string())
}

/// What a command is told whose key cannot be named.
#[cold]
pub fn illegal(op: Op, fault: KeyFault) -> Box<Failure> {
    refused(op, Status::ILLEGAL_INPUT, fault.to_string())
}

/// Why a command whose key is legal may not be sent.
#[inline(always)]
pub fn fault(request: &Request<'_, '_>, limits: Limits<'_>) -> Option<Box<Failure>> {
    if request.op.sends_value() {
        let size = item_size(request);
        if size > limits.item_size_max {
            return Some(too_large(request.op, size, limits.item_size_max));
        }
    }
    if request.op == Op::Cas && request.command.cas == 0 {
        let text = "a CAS of 0 is none that a server gives".into();
        return Some(refused(request.op, Status::INVALID_ARGUMENT, text));
    }
    None
}

#[cold]
fn too_large(op: Op, size: u64, limit: u64) -> Box<Failure> {
    let text = format!(
        "the item would have {size} bytes with its overhead; item_size_max is {limit}; it was not sent"
    );
    refused(op, Status::TOO_LARGE, text)
}

/// What a command is told that its protocol cannot say.
#[cold]
pub fn unsent(op: Op, why: Unsent) -> Box<Failure> {
    let name = op.name();
    match why {
        Unsent::NoMemory(why) => Failure::no_memory(why.0),
        Unsent::Unsendable(Unsendable::NoOpcode) => {
            let text = format!(
                "the binary protocol has no command {name} that servers answer \
                 (doc/protocol-binary.txt, \"Command Opcodes\"); it was not sent"
            );
            refused(op, Status::UNSUPPORTED, text)
        }
        Unsent::Unsendable(Unsendable::TooLarge) => {
            let text = "a frame of the binary protocol has at most 2^31 - 1 bytes; it was not sent";
            refused(op, Status::TOO_LARGE, text.into())
        }
        Unsent::Unsendable(Unsendable::NoCas) => {
            let text = "a CAS of 0 is none that a server gives".into();
            refused(op, Status::INVALID_ARGUMENT, text)
        }
    }
}

#[cold]
fn refused(op: Op, status: Status, text: String) -> Box<Failure> {
    let effect = if op.is_read() {
        Effect::None
    } else {
        Effect::NotApplied
    };
    Failure::new(status, text).effect(effect)
}
