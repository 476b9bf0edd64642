//! Command lines out of bytes that come in pieces.

use crate::buffer::NoMemory;
use crate::protocol::ascii::server::{LINE_MAX, may_be_long};

/// The beginning of a line whose end has not come. What is in it was looked through.
#[derive(Default)]
pub(super) struct Lines {
    held: Vec<u8>,
    /// What is held may go on beyond the limit.
    long: bool,
}

pub(super) enum Next<'a> {
    /// A line with its end, out of the input alone.
    Whole(&'a [u8]),
    /// A line that began in earlier input; give it back with [`Lines::done`].
    Joined(Vec<u8>),
    More,
    /// A line that is too long.
    TooLong,
}

impl Lines {
    /// Take the next line off `input`.
    #[inline(always)]
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Next<'a>, NoMemory> {
        let end = memchr::memchr(b'\n', input);
        match end {
            Some(end) if self.held.is_empty() && end <= LINE_MAX => {
                let (line, rest) = input.split_at(end + 1);
                *input = rest;
                Ok(Next::Whole(line))
            }
            _ => self.join(input, end),
        }
    }

    #[inline(never)]
    fn join<'a>(&mut self, input: &mut &'a [u8], end: Option<usize>) -> Result<Next<'a>, NoMemory> {
        let (more, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        *input = rest;
        self.held
            .try_reserve(more.len())
            .map_err(|_| NoMemory(more.len()))?;
        self.held.extend_from_slice(more);
        let len = self.held.len() - usize::from(end.is_some());
        if len > LINE_MAX && !self.long {
            if !may_be_long(&self.held[..=LINE_MAX]) {
                return Ok(Next::TooLong);
            }
            self.long = true;
        }
        if end.is_none() {
            return Ok(Next::More);
        }
        self.long = false;
        Ok(Next::Joined(std::mem::take(&mut self.held)))
    }

    /// Keep the memory of a line for the next one, unless it is large.
    pub fn done(&mut self, mut line: Vec<u8>) {
        if line.capacity() <= 4 * LINE_MAX {
            line.clear();
            self.held = line;
        }
    }
}
