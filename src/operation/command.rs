//! From a command to a request: every check that needs no server.

use crate::error::{Effect, Failure, Result, Status};
use crate::protocol::expiry::Ttl;
use crate::protocol::{Command, Key, Op, Request};

/// The commands of an operation, by their place in the caller's order.
pub trait Commands {
    fn count(&self) -> usize;
    /// What all commands have in common; [`Commands::fill`] says the rest.
    fn blank(&self) -> Command<'_>;
    /// Turn the blank command, or one that was filled before, into command number `index`.
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()>;
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

/// Check a command, whose op is `op`, and say it in the protocols' words. `unix_now` is asked for only where an expiry
/// time needs it.
#[inline(always)]
pub fn request<'r, 'a>(
    op: Op,
    command: &'r Command<'a>,
    limits: Limits<'a>,
    unix_now: impl FnOnce() -> i64,
) -> Result<Request<'r, 'a>> {
    let key = match Key::new(limits.prefix, command.key) {
        Ok(key) => key,
        Err(_) if op.is_server_wide() => Key::NONE,
        Err(fault) => return Err(refused(op, Status::ILLEGAL_INPUT, fault.to_string())),
    };
    let ttl = if op.has_expiry() {
        command.ttl
    } else {
        Ttl::Never
    };
    let request = Request {
        op,
        command,
        key,
        wire: ttl.wire(unix_now),
    };
    if op.sends_value() && item_size(&request) > limits.item_size_max {
        return Err(too_large(&request, limits));
    }
    if op == Op::Cas && command.cas == 0 {
        return Err(refused(
            op,
            Status::INVALID_ARGUMENT,
            "a CAS of 0 is none that a server gives".into(),
        ));
    }
    Ok(request)
}

#[cold]
fn too_large(request: &Request<'_, '_>, limits: Limits<'_>) -> Box<Failure> {
    refused(
        request.op,
        Status::TOO_LARGE,
        format!(
            "the item would have {} bytes with its overhead; item_size_max is {}; it was not sent",
            item_size(request),
            limits.item_size_max
        ),
    )
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
