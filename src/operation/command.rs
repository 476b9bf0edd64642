//! A command as users say it, and how it becomes a request: every check that needs no server.

use crate::error::{Effect, Failure, Result, Status};
use crate::protocol::expiry::Ttl;
use crate::protocol::{Key, Op, Request};

/// Whether the reply is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reply {
    /// As the option `default_noreply` says.
    #[default]
    Default,
    Wait,
    Quiet,
}

/// A command, borrowed from the caller.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    pub op: Op,
    /// Without prefix.
    pub key: &'a [u8],
    pub value: &'a [u8],
    pub ttl: Ttl,
    pub flags: u32,
    pub cas: u64,
    pub delta: u64,
    /// Place by this instead of the key.
    pub route: Option<&'a [u8]>,
    /// For commands that are asked of a server: its index.
    pub server: usize,
    pub reply: Reply,
}

impl<'a> Command<'a> {
    pub fn new(op: Op, key: &'a [u8]) -> Command<'a> {
        Command {
            op,
            key,
            value: b"",
            ttl: Ttl::Never,
            flags: 0,
            cas: 0,
            delta: 1,
            route: None,
            server: 0,
            reply: Reply::Default,
        }
    }
}

/// The commands of an operation, by their place in the caller's order.
pub trait Commands {
    fn count(&self) -> usize;
    fn command(&self, index: usize) -> Result<Command<'_>>;
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
fn item_size(request: &Request<'_>) -> u64 {
    let flags = if request.flags == 0 { 0 } else { 4 };
    ITEM_HEADER + request.key.wire_len() as u64 + 1 + flags + request.value.len() as u64 + 2
}

/// Check a command and say it in the protocols' words. `unix_now` is asked for only where an expiry
/// time needs it.
#[inline]
pub fn request<'a>(
    command: &Command<'a>,
    limits: Limits<'a>,
    unix_now: impl FnOnce() -> i64,
) -> Result<Request<'a>> {
    let op = command.op;
    let key = if op.is_server_wide() {
        Key::NONE
    } else {
        match Key::new(limits.prefix, command.key) {
            Ok(key) => key,
            Err(fault) => {
                return Err(refused(op, Status::ILLEGAL_INPUT, fault.to_string()));
            }
        }
    };
    let wire = command.ttl.wire(unix_now);
    let request = Request {
        op,
        key,
        value: command.value,
        flags: command.flags,
        expiry: wire.expiry,
        clamped: wire.clamped,
        cas: command.cas,
        delta: command.delta,
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
fn too_large(request: &Request<'_>, limits: Limits<'_>) -> Box<Failure> {
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
