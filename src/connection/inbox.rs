//! What was received and not consumed yet.

use crate::buffer::{Chunk, NoMemory, Place, Source};
use crate::protocol::Span;

/// Receive memory of a connection that carries one command at a time. Values that fit are copied
/// out of it once; larger ones are read straight to their place.
pub const LONE_CHUNK: usize = 8 * 1024;

/// Receive memory begins with at least this for a batch, and doubles up to the second.
const BATCH_CHUNK_MIN: usize = 8 * 1024;
const BATCH_CHUNK_MAX: usize = 256 * 1024;

/// A chunk being filled, and those that were filled before, when a batch keeps them.
#[derive(Default)]
pub struct Inbox {
    chunk: Option<Chunk>,
    start: usize,
    /// A batch keeps the chunks: their bytes stay where they are. Its next chunk has this size.
    keep: Option<usize>,
    kept: Vec<Chunk>,
    /// The chunk for lone commands, put aside during a batch.
    lone: Option<Chunk>,
}

impl Inbox {
    #[inline(always)]
    pub fn unread(&self) -> &[u8] {
        match &self.chunk {
            Some(chunk) => &chunk.filled()[self.start..],
            None => &[],
        }
    }

    #[inline(always)]
    pub fn unread_mut(&mut self) -> &mut [u8] {
        match &mut self.chunk {
            Some(chunk) => &mut chunk.filled_mut()[self.start..],
            None => &mut [],
        }
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.chunk
            .as_ref()
            .is_none_or(|chunk| chunk.len() == self.start)
    }

    /// Bytes of the present chunk by their place in it.
    pub fn bytes(&self, span: Span) -> &[u8] {
        self.chunk
            .as_ref()
            .map_or(&[], |chunk| span.of(chunk.filled()))
    }

    /// Where the first unread byte stands in the chunk.
    #[inline]
    pub fn position(&self) -> usize {
        self.start
    }

    /// Overwrite a byte that was consumed.
    #[inline(always)]
    pub fn overwrite(&mut self, at: usize, byte: u8) {
        if let Some(place) = self
            .chunk
            .as_mut()
            .and_then(|chunk| chunk.filled_mut().get_mut(at))
        {
            *place = byte;
        }
    }

    /// Move `len` bytes from `at` on one place towards the front.
    pub fn move_down(&mut self, at: usize, len: usize) {
        if let Some(chunk) = &mut self.chunk {
            let bytes = chunk.filled_mut();
            if at > 0 && at + len <= bytes.len() {
                bytes.copy_within(at..at + len, at - 1);
            }
        }
    }

    #[inline(always)]
    pub fn consume(&mut self, n: usize) {
        self.start += n;
    }

    /// Begin a batch that keeps its chunks, with about `expected` bytes to come.
    pub fn begin_keeping(&mut self, expected: usize) {
        let first = expected
            .next_power_of_two()
            .clamp(BATCH_CHUNK_MIN, BATCH_CHUNK_MAX);
        self.keep = Some(first);
        if self.is_empty() {
            self.lone = self.chunk.take();
            self.start = 0;
        }
    }

    /// End the batch and hand over what it filled.
    pub fn end_keeping(&mut self) -> Vec<Chunk> {
        self.keep = None;
        let mut kept = std::mem::take(&mut self.kept);
        kept.extend(self.chunk.take());
        self.chunk = self.lone.take();
        if let Some(lone) = &mut self.chunk {
            lone.discard(lone.len());
        }
        self.start = 0;
        kept
    }

    /// Whether `n` unread bytes (those there are among them) fit, moving them if need be, without
    /// giving a value a chunk of its own.
    pub fn can_hold(&self, n: usize) -> bool {
        let cap = self.chunk.as_ref().map_or(LONE_CHUNK, Chunk::capacity);
        match self.keep {
            // What is moved is moved once: a value takes half of a chunk at the most.
            Some(next) => self.start + n <= cap || n <= next / 2,
            None => n <= cap,
        }
    }

    /// See to it that `n` unread bytes have room, and at least one more byte than there is.
    #[inline(always)]
    pub fn make_room(&mut self, n: usize) -> Result<(), NoMemory> {
        if n == 0 && self.keep.is_none() {
            if let Some(chunk) = &mut self.chunk {
                if self.start == chunk.len() {
                    chunk.clear();
                    self.start = 0;
                    return Ok(());
                }
            }
        }
        self.find_room(n)
    }

    fn find_room(&mut self, n: usize) -> Result<(), NoMemory> {
        let n = n.max(self.unread().len() + 1);
        let Some(chunk) = &mut self.chunk else {
            return self.fresh(n);
        };
        if self.keep.is_none() {
            if self.start == chunk.len() || self.start + n > chunk.capacity() {
                chunk.discard(self.start);
                self.start = 0;
            }
            if n <= chunk.capacity() {
                return Ok(());
            }
        } else if self.start + n <= chunk.capacity() {
            return Ok(());
        }
        self.fresh(n)
    }

    /// A new chunk, with what is unread in it; the old one is kept or let go.
    fn fresh(&mut self, n: usize) -> Result<(), NoMemory> {
        let size = match &mut self.keep {
            Some(next) => {
                let size = (*next).max(n);
                *next = (*next * 2).min(BATCH_CHUNK_MAX);
                size
            }
            None => LONE_CHUNK.max(n),
        };
        let mut chunk = Chunk::new(size)?;
        chunk.append(self.unread());
        if let Some(old) = self.chunk.replace(chunk) {
            if self.keep.is_some() {
                self.kept.push(old);
            }
        }
        self.start = 0;
        Ok(())
    }

    /// Receive once, at most `limit` bytes, into the room that [`Inbox::make_room`] made.
    #[inline(always)]
    pub fn receive<S: Source>(&mut self, source: &mut S, limit: usize) -> Result<usize, S::Error> {
        match &mut self.chunk {
            Some(chunk) => chunk.receive(source, limit),
            None => Ok(0),
        }
    }

    /// Receive once, the next `wanted` bytes into `place`, what is beyond them here. Returns how many
    /// bytes went where.
    pub fn receive_behind<S: Source>(
        &mut self,
        source: &mut S,
        place: &mut dyn Place,
        wanted: usize,
    ) -> Result<(usize, usize), S::Error> {
        match &mut self.chunk {
            Some(chunk) => chunk.receive_behind(source, place, wanted),
            None => Ok((0, 0)),
        }
    }
}
