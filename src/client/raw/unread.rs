//! The bytes of a raw connection that were received and not read yet: one piece of memory, so that
//! whatever is read is a slice of it.

use memchr::memmem;

use crate::buffer::{Chunk, NoMemory, Source};

/// So much is received at a time, to begin with.
const FIRST: usize = 16 * 1024;

/// Memory beyond this goes when all that is in it was read.
const KEPT: usize = 64 * 1024;

/// With less room than this behind what is unread, that moves to the front, if it is the smaller part.
const NARROW: usize = 1024;

pub struct Unread {
    chunk: Option<Chunk>,
    /// So many bytes in front were read; they stay where they are until there is a reason to move.
    read: usize,
    /// So many of the unread bytes were looked through for `looked_for`, which does not end in them.
    looked: usize,
    looked_for: Vec<u8>,
    /// The most that is received ahead.
    limit: usize,
}

/// What was found of what is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// It is the first so many bytes.
    Whole(usize),
    More,
    /// It would be longer than it may be.
    TooLong,
}

impl Unread {
    pub fn new(limit: usize) -> Unread {
        Unread {
            chunk: None,
            read: 0,
            looked: 0,
            looked_for: Vec::new(),
            limit,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        let filled = self.chunk.as_ref().map_or(&[][..], Chunk::filled);
        filled.get(self.read..).unwrap_or_default()
    }

    pub fn is_full(&self) -> bool {
        self.bytes().len() >= self.limit
    }

    /// Forget everything, and the memory too where it is large.
    pub fn clear(&mut self) {
        self.read = 0;
        self.looked = 0;
        match &mut self.chunk {
            Some(chunk) if chunk.capacity() <= KEPT => chunk.clear(),
            _ => self.chunk = None,
        }
    }

    /// What was taken is not looked at any more.
    pub fn settle(&mut self) {
        if self.bytes().is_empty() {
            self.clear();
        }
    }

    /// Take the first `n` bytes, or as many as there are; they stay in place until bytes are received, or
    /// [`Unread::settle`] is called.
    pub fn take(&mut self, n: usize) -> &[u8] {
        let n = n.min(self.bytes().len());
        let begin = self.read;
        self.read += n;
        self.looked = 0;
        let filled = self.chunk.as_ref().map_or(&[][..], Chunk::filled);
        filled.get(begin..self.read).unwrap_or_default()
    }

    /// The bytes up to and with the first `terminator`, which is not empty, at most `max` of them. No
    /// byte is looked through twice.
    pub fn find(&mut self, terminator: &[u8], max: usize) -> Result<Found, NoMemory> {
        if self.looked_for != terminator {
            self.looked = 0;
            self.looked_for.clear();
            self.looked_for
                .try_reserve(terminator.len())
                .map_err(|_| NoMemory(terminator.len()))?;
            self.looked_for.extend_from_slice(terminator);
        }
        let unread = self.bytes();
        let allowed = &unread[..unread.len().min(max)];
        // It may have begun in what was looked through.
        let from = self.looked.saturating_sub(terminator.len() - 1);
        let found = memmem::find(allowed.get(from..).unwrap_or_default(), terminator);
        if let Some(at) = found {
            return Ok(Found::Whole(from + at + terminator.len()));
        }
        let too_long = unread.len() >= max;
        self.looked = allowed.len();
        Ok(if too_long {
            Found::TooLong
        } else {
            Found::More
        })
    }

    /// The first `n` bytes.
    pub fn first(&self, n: usize) -> Found {
        match self.bytes().len() >= n {
            true => Found::Whole(n),
            false => Found::More,
        }
    }

    /// Receive once; it must not be full. Memory grows with what has come: doubled where it is used up.
    pub fn receive<S: Source>(
        &mut self,
        source: &mut S,
    ) -> Result<Result<usize, S::Error>, NoMemory> {
        let ahead = self.limit.saturating_sub(self.bytes().len()).max(1);
        Ok(self.roomy()?.receive(source, ahead))
    }

    /// The memory, with room behind what is in it.
    fn roomy(&mut self) -> Result<&mut Chunk, NoMemory> {
        let unread = self.bytes().len();
        let (spare, capacity) = self.chunk.as_ref().map_or((0, 0), |chunk| {
            (chunk.capacity() - chunk.len(), chunk.capacity())
        });
        // Each byte moves only after as many others were read.
        if spare < NARROW && self.read > 0 && self.read >= unread {
            if let Some(chunk) = &mut self.chunk {
                chunk.discard(self.read);
            }
            self.read = 0;
        } else if spare == 0 {
            // With twice the limit, what is unread never has to move before as much was read.
            let most = self.limit.saturating_mul(if self.read > 0 { 2 } else { 1 });
            let doubled = capacity.saturating_mul(2);
            let mut larger = Chunk::new(doubled.min(most).max(FIRST))?;
            larger.append(self.bytes());
            self.read = 0;
            self.chunk = Some(larger);
        }
        // One of the two above has made it, where there was none.
        self.chunk.as_mut().ok_or(NoMemory(FIRST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(unread: &mut Unread, mut bytes: &[u8]) -> usize {
        unread.receive(&mut bytes).expect("memory").expect("bytes")
    }

    #[test]
    fn a_terminator_is_found_however_it_is_cut() {
        let text = b"one\r\r\ntwo\r\n\r\nrest";
        for cut in 1..text.len() {
            let mut unread = Unread::new(1000);
            let mut lines = Vec::new();
            for piece in text.chunks(cut) {
                assert_eq!(receive(&mut unread, piece), piece.len());
                while let Found::Whole(n) = unread.find(b"\r\n", 100).expect("memory") {
                    lines.push(unread.take(n).to_vec());
                }
            }
            let expected: [&[u8]; 3] = [b"one\r\r\n", b"two\r\n", b"\r\n"];
            assert_eq!(lines, expected, "in pieces of {cut}");
            assert_eq!(unread.bytes(), b"rest");
        }
    }

    #[test]
    fn what_was_looked_for_before_does_not_hide_something_else() {
        let mut unread = Unread::new(1000);
        receive(&mut unread, b"a;b,c");
        assert_eq!(unread.find(b"\r\n", 100), Ok(Found::More));
        assert_eq!(unread.find(b";", 100), Ok(Found::Whole(2)));
        assert_eq!(unread.find(b",", 3), Ok(Found::TooLong));
        assert_eq!(unread.find(b",", 4), Ok(Found::Whole(4)));
        assert_eq!(unread.find(b"c", 100), Ok(Found::Whole(5)));
        assert_eq!(unread.find(b"cd", 100), Ok(Found::More));
        assert_eq!(unread.find(b"cd", 5), Ok(Found::TooLong));
    }

    /// I4: never more than the limit, and large memory goes when it was read.
    #[test]
    fn memory_is_bounded_and_given_back() {
        let mut unread = Unread::new(300_000);
        let flood = vec![7; 1_000_000];
        let mut total = 0;
        while !unread.is_full() {
            total += receive(&mut unread, &flood[total..]);
        }
        assert_eq!((total, unread.bytes().len()), (300_000, 300_000));
        let capacity = |unread: &Unread| unread.chunk.as_ref().map_or(0, Chunk::capacity);
        assert_eq!(capacity(&unread), 300_000);
        assert_eq!(unread.take(299_999).len(), 299_999);
        assert_eq!(receive(&mut unread, b"xy"), 2);
        assert_eq!(capacity(&unread), 300_000);
        assert_eq!(unread.take(usize::MAX), [7, b'x', b'y']);
        unread.settle();
        assert_eq!(capacity(&unread), 0);
        assert_eq!(receive(&mut unread, &flood), FIRST);
    }

    #[test]
    fn at_the_limit_nothing_moves_for_every_byte() {
        let mut unread = Unread::new(100_000);
        let flood = vec![7; 100_000];
        while !unread.is_full() {
            receive(&mut unread, &flood);
        }
        let (mut moves, mut at) = (0, unread.bytes().as_ptr());
        for _ in 0..200_000 {
            unread.take(1);
            assert_eq!(receive(&mut unread, b"x"), 1);
            moves += usize::from(
                unread.bytes().as_ptr() < at || unread.bytes().as_ptr() > at.wrapping_add(1),
            );
            at = unread.bytes().as_ptr();
        }
        assert!(moves <= 4, "{moves}");
    }

    #[test]
    fn a_stream_of_lines_stays_in_the_memory_it_began_with() {
        let mut unread = Unread::new(1 << 20);
        for _ in 0..100_000 {
            receive(&mut unread, b"VALUE some key or other 0 3\r\nabc\r\nEN");
            receive(&mut unread, b"D\r\n");
            for expected in [29, 5, 5] {
                let Ok(Found::Whole(n)) = unread.find(b"\r\n", 100) else {
                    panic!("a line");
                };
                assert_eq!(unread.take(n).len(), expected);
            }
        }
        assert_eq!(unread.chunk.as_ref().map_or(0, Chunk::capacity), FIRST);
    }
}
