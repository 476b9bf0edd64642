//! The embedded server: one connection's far end, which joins the protocol's server side to a store.
//! It runs in the thread of whoever writes to the connection.

mod clock;
mod detail;
mod dump;
mod execute;
mod frames;
mod lines;
mod meta;
mod sheet;
mod slabs;
mod statistics;
mod stores;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

pub use stores::{DEFAULT_LIMIT, MemoryStore, StoreSettings, open};

use crate::buffer::NoMemory;
use crate::engine::{Draft, Mode};
use crate::fork;
use crate::protocol::ascii::server::{END, without_end};
use crate::protocol::binary::header::REQUEST;
use crate::protocol::version::Version;
use crate::transport::pipe::Peer;
use dump::Dump;
use frames::{Frames, Turn};
use lines::{Lines, Next};
use stores::Shared;

/// What `version` answers: no version of memcached's, since this is none. Whoever chooses features by
/// version (meta commands, for one) finds none of them here; this library's own client goes by [`SERVES`].
pub const VERSION: &str = concat!("memcached2 ", env!("CARGO_PKG_VERSION"));

/// The version of memcached up to which every meta command and flag is served.
pub const SERVES: Version = Version::new(1, 6, 40);

/// One connection's server side.
pub struct Embedded {
    shared: Arc<Shared>,
    /// That of the process which opened the connection.
    generation: u32,
    lines: Lines,
    state: State,
}

/// What the next bytes are.
enum State {
    /// The first byte tells which protocol the connection speaks.
    Begin,
    /// Frames of the binary protocol, to its end.
    Frames(Frames),
    Line,
    Value(Value),
    /// So many bytes of a value that was refused.
    Skip(u64),
    /// None is looked at before the dump has been told.
    Dump(Dump),
    Closed,
}

/// A value on its way.
struct Value {
    draft: Draft,
    mode: Mode,
    quiet: bool,
    tail: Tail,
    /// Where the command is of the meta protocol.
    meta: Option<meta::Pending>,
}

/// What stands where a value's end should, and how much of that has come.
#[derive(Default)]
struct Tail {
    bytes: [u8; 2],
    len: usize,
}

impl Value {
    /// Whether it is whole now.
    #[inline(always)]
    fn take(&mut self, input: &mut &[u8]) -> bool {
        *input = &input[self.draft.put(input)..];
        let tail = &mut self.tail;
        while tail.len < END.len() {
            let Some((byte, rest)) = input.split_first() else {
                return false;
            };
            tail.bytes[tail.len] = *byte;
            tail.len += 1;
            *input = rest;
        }
        true
    }
}

impl Embedded {
    /// A new connection to a store.
    pub fn new(store: &MemoryStore) -> Embedded {
        let shared = store.shared().clone();
        shared.connections.fetch_add(1, Relaxed);
        shared.connections_ever.fetch_add(1, Relaxed);
        Embedded {
            shared,
            generation: fork::generation(),
            lines: Lines::default(),
            state: State::Begin,
        }
    }

    /// Take all of `input`, until the connection is closed.
    #[inline(always)]
    fn take(&mut self, mut input: &[u8], replies: &mut Vec<u8>) -> Result<(), NoMemory> {
        let now = self.shared.clock.now();
        while !input.is_empty() {
            match &mut self.state {
                State::Line => match self.lines.next(&mut input)? {
                    Next::Whole(line) => self.execute(without_end(line), now, replies)?,
                    Next::Joined(line) => {
                        self.execute(without_end(&line), now, replies)?;
                        self.lines.done(line);
                    }
                    Next::More => {}
                    Next::TooLong => self.state = State::Closed,
                },
                State::Value(value) => {
                    if value.take(&mut input) {
                        self.finish(now, replies)?;
                    }
                }
                State::Skip(left) => {
                    let n = usize::try_from(*left).map_or(input.len(), |n| n.min(input.len()));
                    *left -= n as u64;
                    input = &input[n..];
                    if *left == 0 {
                        self.state = State::Line;
                    }
                }
                State::Dump(_) => while self.dump(replies)? {},
                State::Closed => return Ok(()),
                State::Begin if input[0] == REQUEST => {
                    self.state = State::Frames(Frames::default());
                }
                State::Begin => self.state = State::Line,
                State::Frames(frames) => {
                    let shared = &*self.shared;
                    let out = replies;
                    if !frames.take(input, &mut Turn { shared, now, out })? {
                        self.state = State::Closed;
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Peer for Embedded {
    #[inline]
    fn hear(&mut self, bytes: &[u8], replies: &mut Vec<u8>) -> Result<bool, NoMemory> {
        // A connection of the parent's: its store may be locked by a thread that is not there.
        if self.generation != fork::generation() {
            self.state = State::Closed;
            return Ok(false);
        }
        let before = replies.len();
        self.take(bytes, replies)?;
        let written = (replies.len() - before) as u64;
        self.shared
            .bytes_read
            .fetch_add(bytes.len() as u64, Relaxed);
        self.shared.bytes_written.fetch_add(written, Relaxed);
        Ok(!matches!(self.state, State::Closed))
    }

    fn has_more(&self) -> bool {
        matches!(self.state, State::Dump(_))
    }

    fn more(&mut self, replies: &mut Vec<u8>) -> Result<bool, NoMemory> {
        if self.generation != fork::generation() {
            self.state = State::Closed;
            return Ok(false);
        }
        let before = replies.len();
        while replies.len() == before && self.dump(replies)? {}
        let written = (replies.len() - before) as u64;
        self.shared.bytes_written.fetch_add(written, Relaxed);
        Ok(true)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Relaxed);
    }
}
