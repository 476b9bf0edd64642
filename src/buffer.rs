//! Memory that bytes are received into, uninitialised until they arrive. The only place where such
//! memory is handled; everything that is sized by input is allocated fallibly.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::convert::Infallible;
use std::io::{self, BufRead};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Alignment of a [`Block`], enough for any header that is put in front of the bytes.
pub const BLOCK_ALIGN: usize = 16;

/// Memory could not be allocated: how many bytes were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory(pub usize);

/// Something that bytes come from.
///
/// # Safety
///
/// `fill` must have initialised as many bytes as it reports, `first` from its beginning before
/// `second` from its.
pub unsafe trait Source {
    type Error;
    fn fill(
        &mut self,
        first: &mut [MaybeUninit<u8>],
        second: &mut [MaybeUninit<u8>],
    ) -> Result<usize, Self::Error>;
}

// SAFETY: each byte reported was written, in this order.
unsafe impl Source for &[u8] {
    type Error = Infallible;

    /// Takes bytes off the front.
    fn fill(
        &mut self,
        first: &mut [MaybeUninit<u8>],
        second: &mut [MaybeUninit<u8>],
    ) -> Result<usize, Infallible> {
        let before = self.len();
        for place in [first, second] {
            let (here, rest) = self.split_at(place.len().min(self.len()));
            // SAFETY: as many bytes as fit into `place`, which is exclusively borrowed and so is
            // elsewhere.
            unsafe {
                let to = place.as_mut_ptr().cast::<u8>();
                std::ptr::copy_nonoverlapping(here.as_ptr(), to, here.len());
            }
            *self = rest;
        }
        Ok(before - self.len())
    }
}

/// All that a buffered reader has without waiting: its first piece, which it may wait for, and what it has
/// then as long as it says neither `WouldBlock` nor its end.
pub struct Buffered<R>(pub R);

// SAFETY: the bytes are taken by the source above, which keeps the promise: into what is left of `first`,
// and then of `second`.
unsafe impl<R: BufRead> Source for Buffered<R> {
    type Error = io::Error;

    fn fill(
        &mut self,
        first: &mut [MaybeUninit<u8>],
        second: &mut [MaybeUninit<u8>],
    ) -> io::Result<usize> {
        let mut filled = 0;
        while filled < first.len() + second.len() {
            let mut bytes = match self.0.fill_buf() {
                Ok(bytes) => bytes,
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            };
            let here = filled.min(first.len());
            let (here, there) = (&mut first[here..], &mut second[filled - here..]);
            let Ok(n) = bytes.fill(here, there);
            if n == 0 {
                break;
            }
            self.0.consume(n);
            filled += n;
        }
        Ok(filled)
    }
}

/// Raw memory: `cap` bytes of which the first `len` are initialised.
struct Raw {
    at: NonNull<u8>,
    len: usize,
    cap: usize,
}

// SAFETY: `Raw` owns its memory exclusively, like a `Vec<u8>`.
unsafe impl Send for Raw {}
// SAFETY: shared access only reads.
unsafe impl Sync for Raw {}

impl Raw {
    const EMPTY: Raw = Raw {
        at: NonNull::dangling(),
        len: 0,
        cap: 0,
    };

    fn layout(cap: usize) -> Result<Layout, NoMemory> {
        Layout::from_size_align(cap, BLOCK_ALIGN).map_err(|_| NoMemory(cap))
    }

    /// Make the capacity exactly `cap`, keeping the initialised bytes. `cap` must not be below `len`.
    fn resize(&mut self, cap: usize) -> Result<(), NoMemory> {
        debug_assert!(cap >= self.len && cap > 0);
        let new = Raw::layout(cap)?;
        let at = if self.cap == 0 {
            // SAFETY: `new` has a size above zero.
            unsafe { alloc(new) }
        } else {
            // SAFETY: `at` was allocated with this layout, and `cap` is above zero and was checked
            // by `Raw::layout`.
            unsafe { realloc(self.at.as_ptr(), Raw::layout(self.cap)?, cap) }
        };
        self.at = NonNull::new(at).ok_or(NoMemory(cap))?;
        self.cap = cap;
        Ok(())
    }

    fn filled(&self) -> &[u8] {
        // SAFETY: the first `len` bytes are initialised and owned.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.len) }
    }

    fn filled_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `filled`, and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.at.as_ptr(), self.len) }
    }

    fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: `len..cap` is owned memory; `MaybeUninit` needs no initialisation.
        unsafe {
            std::slice::from_raw_parts_mut(
                self.at.as_ptr().add(self.len).cast(),
                self.cap - self.len,
            )
        }
    }

    /// # Safety
    ///
    /// `n` more bytes behind `len` are initialised, within the capacity.
    unsafe fn advance(&mut self, n: usize) {
        debug_assert!(n <= self.cap - self.len);
        self.len += n;
    }

    /// Append as much of `bytes` as there is room for; returns how much that was.
    fn append(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.cap - self.len);
        // SAFETY: `n` bytes fit behind `len`; the borrow of `self` is exclusive, so that `bytes`
        // lies elsewhere; afterwards they are initialised.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at.as_ptr().add(self.len), n);
            self.advance(n);
        }
        n
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if self.cap != 0 {
            // SAFETY: allocated with this layout, which `resize` has checked.
            unsafe {
                dealloc(
                    self.at.as_ptr(),
                    Layout::from_size_align_unchecked(self.cap, BLOCK_ALIGN),
                );
            }
        }
    }
}

/// A piece of receive memory. Its bytes never move, whoever owns it: a result set takes filled
/// chunks over and points into them.
pub struct Chunk(Raw);

impl Chunk {
    pub fn new(cap: usize) -> Result<Chunk, NoMemory> {
        let mut raw = Raw::EMPTY;
        raw.resize(cap.max(1))?;
        Ok(Chunk(raw))
    }

    /// What has been received into it.
    pub fn filled(&self) -> &[u8] {
        self.0.filled()
    }

    pub fn filled_mut(&mut self) -> &mut [u8] {
        self.0.filled_mut()
    }

    pub fn len(&self) -> usize {
        self.0.len
    }

    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    pub fn capacity(&self) -> usize {
        self.0.cap
    }

    /// Append as much of `bytes` as there is room for; returns how much that was.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        self.0.append(bytes)
    }

    /// Forget everything.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.0.len = 0;
    }

    /// Forget the first `n` bytes, moving the rest to the front.
    pub fn discard(&mut self, n: usize) {
        let n = n.min(self.0.len);
        if n < self.0.len {
            self.0.filled_mut().copy_within(n.., 0);
        }
        self.0.len -= n;
    }

    /// Receive once from `source`, at most `limit` bytes, into the spare room.
    #[inline(always)]
    pub fn receive<S: Source>(&mut self, source: &mut S, limit: usize) -> Result<usize, S::Error> {
        let spare = self.0.spare();
        let room = spare.len().min(limit);
        let n = source.fill(&mut spare[..room], &mut [])?;
        // SAFETY: `Source` promises that `n` bytes were initialised.
        unsafe { self.0.advance(n) };
        Ok(n)
    }

    /// Receive once, first into `place`, what is beyond it into the spare room of this chunk.
    /// Returns how many bytes went to the place and how many here.
    pub fn receive_behind<S: Source>(
        &mut self,
        source: &mut S,
        place: &mut dyn Place,
        wanted: usize,
    ) -> Result<(usize, usize), S::Error> {
        let space = place.space(wanted);
        let room = space.len();
        // What lies behind the value may only be received once the whole value has its place.
        let behind = if room == wanted {
            self.0.spare()
        } else {
            &mut []
        };
        let n = source.fill(space, behind)?;
        let (there, here) = (n.min(room), n.saturating_sub(room));
        // SAFETY: `Source` promises that `n` bytes were initialised, those of the place first.
        unsafe {
            place.advance(there);
            self.0.advance(here);
        }
        Ok((there, here))
    }
}

/// Where the bytes of a value that is larger than the receive memory are read to.
///
/// # Safety
///
/// `space` must return memory of its own, of at most `wanted` bytes, and not empty unless `wanted`
/// is zero.
pub unsafe trait Place {
    /// Room for the next bytes, of which `wanted` are still to come.
    fn space(&mut self, wanted: usize) -> &mut [MaybeUninit<u8>];
    /// # Safety
    ///
    /// The first `n` bytes of what `space` returned last are initialised.
    unsafe fn advance(&mut self, n: usize);
    /// Append bytes that were received elsewhere.
    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = self.space(bytes.len());
            let n = space.len().min(bytes.len());
            if n == 0 {
                return;
            }
            for (to, from) in space[..n].iter_mut().zip(bytes) {
                to.write(*from);
            }
            // SAFETY: written just now.
            unsafe { self.advance(n) };
            bytes = &bytes[n..];
        }
    }
}

/// A buffer that is allocated at once as announced up to this, and beyond it as bytes arrive.
pub const TRUSTED_ANNOUNCEMENT: usize = 1 << 20;

/// One allocation: room for a header of the owner's, then bytes. Grows; keeps its capacity when
/// it is filled anew.
pub struct Block {
    raw: Raw,
    /// Set when growing failed in the middle of a value; the rest of the value is dropped.
    failed: Option<NoMemory>,
    overflow: [MaybeUninit<u8>; 256],
}

impl Default for Block {
    fn default() -> Block {
        Block::new()
    }
}

impl Block {
    pub const fn new() -> Block {
        Block {
            raw: Raw::EMPTY,
            failed: None,
            overflow: [MaybeUninit::uninit(); 256],
        }
    }

    /// Empty it, and make room for `len` bytes; what was in it is lost.
    pub fn begin(&mut self, len: usize) -> Result<(), NoMemory> {
        self.failed = None;
        self.raw.len = 0;
        let trusted = len.clamp(1, TRUSTED_ANNOUNCEMENT);
        if self.raw.cap < trusted {
            // Nothing is kept, so that a fresh allocation is cheaper than growing the old one.
            self.raw = Raw::EMPTY;
            self.raw.resize(trusted)?;
        }
        Ok(())
    }

    /// Empty it, and make room for exactly `cap` bytes at once, however many that are.
    pub fn reserve(&mut self, cap: usize) -> Result<(), NoMemory> {
        self.failed = None;
        self.raw.len = 0;
        if self.raw.cap < cap.max(1) {
            self.raw = Raw::EMPTY;
            self.raw.resize(cap.max(1))?;
        }
        Ok(())
    }

    pub fn bytes(&self) -> &[u8] {
        self.raw.filled()
    }

    pub fn capacity(&self) -> usize {
        self.raw.cap
    }

    /// Growing failed while the value arrived: it is not whole.
    pub fn failed(&self) -> Option<NoMemory> {
        self.failed
    }

    /// Append a byte; there must be room, as [`Block::begin`] made it.
    pub fn push(&mut self, byte: u8) -> Result<(), NoMemory> {
        if self.raw.cap == self.raw.len {
            self.raw.resize(self.raw.len + 1)?;
        }
        self.raw.append(&[byte]);
        Ok(())
    }

    /// The address of the first byte, aligned to [`BLOCK_ALIGN`].
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.raw.at.as_ptr()
    }

    pub fn as_ptr(&self) -> *const u8 {
        self.raw.at.as_ptr()
    }
}

// SAFETY: `space` returns spare memory of the block, or the overflow array when growing failed.
unsafe impl Place for Block {
    fn space(&mut self, wanted: usize) -> &mut [MaybeUninit<u8>] {
        if self.failed.is_none() && self.raw.cap == self.raw.len && wanted > 0 {
            let more = wanted.min(self.raw.len.max(TRUSTED_ANNOUNCEMENT));
            if let Err(why) = self.raw.resize(self.raw.len + more) {
                self.failed = Some(why);
            }
        }
        if self.failed.is_some() {
            let n = wanted.min(self.overflow.len());
            return &mut self.overflow[..n];
        }
        let spare = self.raw.spare();
        let n = spare.len().min(wanted);
        &mut spare[..n]
    }

    unsafe fn advance(&mut self, n: usize) {
        if self.failed.is_none() {
            // SAFETY: promised by the caller.
            unsafe { self.raw.advance(n) };
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let mut rest = &bytes[self.raw.append(bytes)..];
        while !rest.is_empty() {
            self.space(rest.len());
            if self.failed.is_some() {
                return;
            }
            rest = &rest[self.raw.append(rest)..];
        }
    }
}

/// A caller's buffer as a place; it must be large enough for the whole value.
pub struct Lent<'a> {
    rest: &'a mut [MaybeUninit<u8>],
    used: usize,
}

impl<'a> Lent<'a> {
    pub fn new(space: &'a mut [MaybeUninit<u8>]) -> Lent<'a> {
        Lent {
            rest: space,
            used: 0,
        }
    }

    pub fn capacity(&self) -> usize {
        self.rest.len()
    }

    /// Begin anew.
    pub fn restart(&mut self) {
        self.used = 0;
    }
}

// SAFETY: `space` returns the part of the buffer that is not used yet.
unsafe impl Place for Lent<'_> {
    fn space(&mut self, wanted: usize) -> &mut [MaybeUninit<u8>] {
        let rest = &mut self.rest[self.used..];
        let n = rest.len().min(wanted);
        &mut rest[..n]
    }

    unsafe fn advance(&mut self, n: usize) {
        self.used += n;
    }
}

/// Append to a vector that has the room, as command lines do after they have reserved it: compiled
/// into its callers, where parts of constant length become plain stores.
#[inline(always)]
pub fn append(bytes: &mut Vec<u8>, part: &[u8]) {
    let len = bytes.len();
    if bytes.capacity() - len < part.len() {
        return grow(bytes, part);
    }
    // SAFETY: the room is there, was just looked at, and is not part of `part`, which is borrowed
    // beside `bytes`; afterwards it is initialised.
    unsafe {
        std::ptr::copy_nonoverlapping(part.as_ptr(), bytes.as_mut_ptr().add(len), part.len());
        bytes.set_len(len + part.len());
    }
}

#[cold]
#[inline(never)]
fn grow(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(part);
}

/// Push where there is room; gives the value back where there is none.
#[inline(always)]
pub fn push_within<T>(values: &mut Vec<T>, value: T) -> Result<(), T> {
    let len = values.len();
    if len == values.capacity() {
        return Err(value);
    }
    // SAFETY: there is room for one more, which is initialised before it counts.
    unsafe {
        values.as_mut_ptr().add(len).write(value);
        values.set_len(len + 1);
    }
    Ok(())
}
