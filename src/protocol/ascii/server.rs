//! The server's side: lines into what they ask, outcomes into replies.
//!
//! What is taken, refused and with which words is what memcached 1.6.18 does: the transcripts of
//! `tests/embedded_wire/` were recorded from it.

pub(in crate::protocol) mod number;
mod order;
mod reply;
mod storage;
mod token;

pub use order::{Order, Stats, order};
pub use reply::{Dumped, VALUE_ROOM, dumped, item, number, stat, text};
pub use storage::{END, Storage};
pub use token::Tokens;

/// The longest line, its end not counted, unless [`may_be_long`].
pub const LINE_MAX: usize = 2048;

/// Whether an unfinished line may go on beyond [`LINE_MAX`]: only lines of keys may. `line` is what
/// has come of it, more than [`LINE_MAX`] bytes.
pub fn may_be_long(line: &[u8]) -> bool {
    let spaces = line.iter().take_while(|byte| **byte == b' ').count();
    let word = &line[spaces..];
    spaces <= 100 && (word.starts_with(b"get ") || word.starts_with(b"gets "))
}

/// A line, which came with its LF, without its end. One CR in front belongs to that, unless the line
/// is nothing else. A NUL ends what is looked at.
#[inline(always)]
pub fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    match line {
        [rest @ .., b'\r'] if !rest.is_empty() => rest,
        _ => line,
    }
}
