//! A command as users say it, and as the protocols take it: checked.

use super::expiry::{Ttl, Wire};
use super::extra::{Extra, creates};
use super::{Key, Op};

/// Whether the reply is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reply {
    /// As the option `default_noreply` says.
    #[default]
    Default,
    Wait,
    Quiet,
}

/// A command, borrowed from the caller. Nothing of it has been checked.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    pub op: Op,
    pub reply: Reply,
    pub flags: u32,
    /// Without prefix.
    pub key: &'a [u8],
    /// What is stored; for `stats`, which statistics.
    pub value: &'a [u8],
    pub ttl: Ttl,
    pub cas: u64,
    /// By how much is counted; for `verbosity` the level, for `cache_memlimit` the megabytes.
    pub delta: u64,
    /// Place by this instead of the key.
    pub route: Option<&'a [u8]>,
    /// The index of the server that is asked; [`Command::ANYWHERE`]: the one that the key belongs to.
    pub server: usize,
    /// What it asks beyond the classic commands.
    pub extra: Extra,
}

impl<'a> Command<'a> {
    /// No server has this index.
    pub const ANYWHERE: usize = usize::MAX;

    pub fn new(op: Op, key: &'a [u8]) -> Command<'a> {
        Command {
            op,
            reply: Reply::Default,
            flags: 0,
            key,
            value: b"",
            ttl: Ttl::Never,
            cas: 0,
            delta: 1,
            route: None,
            server: Command::ANYWHERE,
            extra: Extra::NOTHING,
        }
    }

    /// Nobody waits for the reply. By default `default_noreply` decides for the writes for which it
    /// does in pymemcache: those whose answer says nothing but that they were done. A command that makes
    /// what is not there is waited for: only its answer tells whether that is left to be done.
    #[inline]
    pub fn is_quiet(&self, default_noreply: bool) -> bool {
        if self.op.is_read() {
            return false;
        }
        match self.reply {
            Reply::Wait => false,
            Reply::Quiet => !creates(self.op, self.extra.said),
            Reply::Default => {
                default_noreply
                    && matches!(
                        self.op,
                        Op::Set
                            | Op::Add
                            | Op::Replace
                            | Op::Append
                            | Op::Prepend
                            | Op::Delete
                            | Op::Touch
                    )
                    && !creates(self.op, self.extra.said)
            }
        }
    }
}

/// A command that was checked: it may be sent.
#[derive(Clone, Copy)]
pub struct Request<'r, 'a> {
    /// That of the command. It stands here too so that a constant op is seen as one.
    pub op: Op,
    pub command: &'r Command<'a>,
    pub key: Key<'a>,
    /// Its expiry time as it goes over the wire.
    pub wire: Wire,
}

impl<'r, 'a> Request<'r, 'a> {
    /// `op` is that of the command. `unix_now` is asked for only where an expiry time needs it.
    #[inline(always)]
    pub fn new(
        op: Op,
        command: &'r Command<'a>,
        key: Key<'a>,
        unix_now: impl FnOnce() -> i64,
    ) -> Request<'r, 'a> {
        let ttl = if op.has_expiry() {
            command.ttl
        } else {
            Ttl::Never
        };
        Request {
            op,
            command,
            key,
            wire: ttl.wire(unix_now),
        }
    }

    #[inline(always)]
    pub fn value(&self) -> &'a [u8] {
        self.command.value
    }
}
