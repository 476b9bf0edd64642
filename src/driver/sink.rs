//! Where results go. The driver says what has come; the sink, which knows the caller's shape of
//! results, writes it there.

use crate::buffer::{Chunk, Place};
use crate::error::{Failure, Status};
use crate::names::ServerName;
use crate::operation::Token;
use crate::protocol::extra::About;
use crate::protocol::{Key, Request, ValueHead};

/// What a command without a value was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    Done,
    Miss(Status),
    Number(u64),
    Text(&'a [u8]),
}

/// Where a command went.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// The lane of the operation.
    pub lane: u32,
    pub server: ServerName,
    /// Where the caller's key (without prefix) will stand in the lane's command bytes; a byte that
    /// means nothing any more stands behind it. [`Sent::ELSEWHERE`]: it does not stand there as it is.
    pub key_at: usize,
    pub key_len: usize,
    /// Its expiry time was cut to what the protocol can say.
    pub clamped: bool,
}

impl Sent {
    /// Behind any command bytes.
    pub const ELSEWHERE: usize = usize::MAX / 2;

    #[inline(always)]
    pub(crate) fn new(
        request: &Request<'_, '_>,
        lane: u32,
        key_at: usize,
        server: ServerName,
    ) -> Sent {
        Sent {
            clamped: request.wire.clamped(),
            ..Sent::of_key(request.key, lane, key_at, server)
        }
    }

    #[inline(always)]
    pub(crate) fn of_key(key: Key<'_>, lane: u32, key_at: usize, server: ServerName) -> Sent {
        Sent {
            lane,
            server,
            key_at: key_at + key.prefix().len(),
            key_len: key.user().len(),
            clamped: false,
        }
    }
}

pub trait Sink {
    /// A command goes out. A repeated command is told again.
    fn sent(&mut self, tag: Token, sent: &Sent);

    /// Some commands have been answered of which nothing else may have been told: writes that did what
    /// they are for. Who begins with [`Answer::Done`] has nothing to do.
    #[inline(always)]
    fn drained(&mut self) {}

    /// A value, whole. In a batch its bytes stay where they are until [`Sink::keep`] hands their
    /// memory over, and a NUL stands behind them. It may still be followed by a failure.
    fn value(&mut self, tag: Token, head: &ValueHead, value: &[u8]);

    /// Where a large value is to be read; `None` throws it away. Asked again while it arrives.
    fn place(&mut self, tag: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place>;

    /// The large value is whole in its place.
    fn placed(&mut self, tag: Token, head: &ValueHead);

    fn answer(&mut self, tag: Token, answer: Answer<'_>);

    /// More of the item, behind the answer that it came with.
    fn about(&mut self, _tag: Token, _about: &About) {}

    /// One of a server's statistics. The answer follows when all have come; it may still be a failure.
    fn stat(&mut self, _tag: Token, _name: &[u8], _text: &[u8]) {}

    /// The command has failed for good; what was told of it before does not count.
    fn fail(&mut self, tag: Token, failure: Box<Failure>);

    /// As [`Sink::fail`], where the caller is to be told a miss (`miss`) whose cause is this.
    fn excuse(&mut self, tag: Token, miss: Status, mut failure: Box<Failure>) {
        failure.status = miss;
        self.fail(tag, failure);
    }

    /// The memory that a lane of a batch received into, and the bytes of its commands.
    fn keep(&mut self, lane: u32, chunks: Vec<Chunk>, commands: Vec<u8>);
}
