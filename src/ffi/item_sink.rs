//! Results of lone commands: into an item, into the caller's buffer, or just a status.

use std::mem::MaybeUninit;
use std::ptr;

use super::item::{
    MC_HAVE_CAS, MC_HAVE_CLAMPED, MC_HAVE_FLAGS, MC_HAVE_NUMBER, MC_HAVE_VALUE, Slot, mc_item,
};
use super::last_error;
use crate::buffer::{Chunk, Lent, NoMemory, Place, TRUSTED_ANNOUNCEMENT};
use crate::client::sink::{Answer, Sent, Sink};
use crate::error::{Failure, Phase, Status};
use crate::names::ServerName;
use crate::operation::Token;
use crate::protocol::ValueHead;
use crate::protocol::extra::About;

/// Fills an item: one that the caller keeps, or one that is made when a value has come.
pub struct ItemSink<'a> {
    slot: *mut Slot,
    /// Fill the item on failures too.
    always: bool,
    key: &'a [u8],
    server: Option<ServerName>,
    clamped: bool,
    pub status: Status,
    /// A large value on its way.
    area: Area,
}

/// Where a large value is being written.
struct Area {
    /// Where the value begins, how much of it has come, how much there is room for.
    at: *mut u8,
    len: usize,
    cap: usize,
    failed: Option<NoMemory>,
    /// Takes what there is no memory for, a little at a time: the sink is moved on the way of every large
    /// value.
    overflow: [MaybeUninit<u8>; 16],
}

impl<'a> ItemSink<'a> {
    /// Make an item when there is something to put into it.
    #[inline(always)]
    pub fn making(key: &'a [u8]) -> ItemSink<'a> {
        ItemSink {
            slot: ptr::null_mut(),
            always: false,
            key,
            server: None,
            clamped: false,
            status: Status::OK,
            area: Area {
                at: ptr::null_mut(),
                len: 0,
                cap: 0,
                failed: None,
                overflow: [MaybeUninit::uninit(); 16],
            },
        }
    }

    /// Make an item on every path, failures and misses too.
    pub fn always_making(key: &'a [u8]) -> ItemSink<'a> {
        ItemSink {
            always: true,
            ..ItemSink::making(key)
        }
    }

    /// Fill the caller's item; `always`: on failures and misses too.
    pub fn into_item(slot: *mut Slot, key: &'a [u8], always: bool) -> ItemSink<'a> {
        // SAFETY: the caller's item, which this call uses exclusively.
        unsafe { (*slot).clear() };
        let mut sink = ItemSink::making(key);
        sink.slot = slot;
        sink.always = always;
        sink
    }

    /// Room for the key and `len` bytes of value, each with a NUL; the key is written. Returns where
    /// the value goes and how much there is room for.
    #[inline(always)]
    fn begin(&mut self, len: usize) -> Result<(*mut u8, usize), NoMemory> {
        let head = self.key.len() + 1;
        let trusted = len.min(TRUSTED_ANNOUNCEMENT);
        let need = head + trusted + 1;
        let at = if self.slot.is_null() {
            self.slot = Slot::new(need)?;
            Slot::behind(self.slot)
        } else {
            Slot::room(self.slot, need)?
        };
        // SAFETY: `need` bytes are there, used by nobody else.
        let value = unsafe {
            ptr::copy_nonoverlapping(self.key.as_ptr(), at, self.key.len());
            at.add(self.key.len()).write(0);
            at.add(head)
        };
        let (key_len, server) = (self.key.len(), self.server_text());
        let have = if self.clamped { MC_HAVE_CLAMPED } else { 0 };
        let item = self.item();
        item.have = have;
        item.key = at.cast_const().cast();
        item.key_len = key_len;
        item.server = server;
        Ok((value, trusted))
    }

    #[inline(always)]
    fn server_text(&self) -> *const std::ffi::c_char {
        self.server
            .map_or(ptr::null(), |name| name.as_c_str().as_ptr())
    }

    /// The item; there is a slot.
    #[inline(always)]
    fn item(&mut self) -> &mut mc_item {
        // SAFETY: callers have made sure of the slot, which is used exclusively.
        unsafe { &mut (*self.slot).item }
    }

    /// The value of `len` bytes at `at` is whole; room for its NUL is there.
    #[inline(always)]
    fn finish(&mut self, head: &ValueHead, at: *mut u8, len: usize) {
        // SAFETY: `begin` made room for the NUL.
        unsafe { at.add(len).write(0) };
        let item = self.item();
        item.status = 0;
        item.value = at.cast_const().cast();
        item.value_len = len;
        item.flags = head.flags;
        item.have |= MC_HAVE_VALUE | MC_HAVE_FLAGS;
        if let Some(cas) = head.cas {
            item.cas = cas;
            item.have |= MC_HAVE_CAS;
        }
    }

    /// An answer other than a value, into the item.
    #[inline(never)]
    fn write_answer(&mut self, answer: Answer<'_>) {
        if let Answer::Text(text) = answer {
            let head = ValueHead {
                flags: 0,
                len: text.len(),
                cas: None,
            };
            return self.value(0, &head, text);
        }
        self.status = match answer {
            Answer::Miss(status) => status,
            _ => Status::OK,
        };
        if let Err(why) = self.begin(0) {
            return self.no_memory(why.0);
        }
        let status = self.status.0;
        let item = self.item();
        item.status = status;
        if let Answer::Number(number) = answer {
            item.number = number;
            item.have |= MC_HAVE_NUMBER;
        }
    }

    #[inline(always)]
    fn no_memory(&mut self, bytes: usize) {
        let mut moved = std::mem::take(self);
        moved.fail(0, Failure::no_memory(bytes));
        *self = moved;
    }

    /// Give away the item that was made, however the command ended; NULL where there was no memory for
    /// one, or it is gone.
    pub fn take(&mut self) -> *mut mc_item {
        match std::mem::replace(&mut self.slot, ptr::null_mut()) {
            slot if slot.is_null() => ptr::null_mut(),
            // SAFETY: made here, used by nobody else.
            slot => unsafe { &raw mut (*slot).item },
        }
    }

    /// Hand out the item that was made: not NULL exactly when the status is MC_OK. (There is no `Drop`
    /// for the other case: it would keep the whole sink in memory for the sake of unwinding.)
    #[inline(always)]
    pub fn hand_out(mut self) -> *mut mc_item {
        if self.slot.is_null() {
            return ptr::null_mut();
        }
        if self.status.is_ok() {
            return self.item();
        }
        // SAFETY: made here and not handed out.
        unsafe { Slot::free(self.slot) };
        ptr::null_mut()
    }
}

impl Default for ItemSink<'_> {
    fn default() -> Self {
        ItemSink::making(b"")
    }
}

impl Sink for ItemSink<'_> {
    #[inline]
    fn sent(&mut self, _: Token, sent: &Sent) {
        self.server = Some(sent.server);
        self.clamped = sent.clamped;
    }

    #[inline(always)]
    fn value(&mut self, _: Token, head: &ValueHead, value: &[u8]) {
        match self.begin(value.len()) {
            Ok((_, room)) if room < value.len() => self.no_memory(value.len()),
            Ok((at, _)) => {
                // SAFETY: `begin` made room for the value.
                unsafe { ptr::copy_nonoverlapping(value.as_ptr(), at, value.len()) };
                self.finish(head, at, value.len());
                self.status = Status::OK;
            }
            Err(why) => self.no_memory(why.0),
        }
    }

    fn place(&mut self, _: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        if begins {
            match self.begin(head.len) {
                Ok((at, cap)) => {
                    self.area.at = at;
                    self.area.len = 0;
                    self.area.cap = cap;
                    self.area.failed = None;
                }
                Err(why) => {
                    self.area.failed = Some(why);
                    return None;
                }
            }
        }
        Some(self)
    }

    fn placed(&mut self, _: Token, head: &ValueHead) {
        if let Some(why) = self.area.failed {
            return self.fail(0, Failure::no_memory(why.0).at(Phase::Receive));
        }
        let (at, len) = (self.area.at, self.area.len);
        self.finish(head, at, len);
        self.status = Status::OK;
    }

    #[inline(always)]
    fn answer(&mut self, _: Token, answer: Answer<'_>) {
        match answer {
            Answer::Miss(status) if !self.always => self.status = status,
            answer => {
                let mut moved = std::mem::take(self);
                moved.write_answer(answer);
                *self = moved;
            }
        }
    }

    fn about(&mut self, _: Token, about: &About) {
        if !self.slot.is_null() {
            self.item().tell(about);
        }
    }

    fn drained(&mut self) {
        // SAFETY: where there is a slot it is used exclusively.
        let told = !self.slot.is_null() && unsafe { !(*self.slot).item.key.is_null() };
        if !told {
            self.answer(0, Answer::Done);
        }
    }

    #[cold]
    fn fail(&mut self, _: Token, failure: Box<Failure>) {
        self.status = failure.status;
        last_error::record(&failure);
        if self.always {
            let _ = self.begin(0);
            // SAFETY: the caller's item, or the one that was made; NULL where it could not be.
            if let Some(slot) = unsafe { self.slot.as_mut() } {
                slot.fail(&failure);
            }
        }
    }

    #[cold]
    fn excuse(&mut self, tag: Token, miss: Status, failure: Box<Failure>) {
        self.fail(tag, failure);
        self.status = miss;
        if !self.slot.is_null() {
            self.item().status = miss.0;
        }
    }

    fn keep(&mut self, _: u32, _: Vec<Chunk>, _: Vec<u8>) {}
}

// SAFETY: the area is memory of the item, or the overflow array when it could not grow.
unsafe impl Place for ItemSink<'_> {
    fn space(&mut self, wanted: usize) -> &mut [MaybeUninit<u8>] {
        if self.area.failed.is_none() && self.area.len == self.area.cap && wanted > 0 {
            if let Err(why) = self.grow(wanted) {
                self.area.failed = Some(why);
            }
        }
        if self.area.failed.is_some() {
            let n = wanted.min(self.area.overflow.len());
            return &mut self.area.overflow[..n];
        }
        let n = wanted.min(self.area.cap - self.area.len);
        // SAFETY: within the room that `begin` or `grow` made.
        unsafe { std::slice::from_raw_parts_mut(self.area.at.add(self.area.len).cast(), n) }
    }

    unsafe fn advance(&mut self, n: usize) {
        if self.area.failed.is_none() {
            self.area.len += n;
        }
    }
}

impl ItemSink<'_> {
    /// Double the room of a value larger than what an announcement is trusted with: as much again as
    /// has really come.
    #[cold]
    fn grow(&mut self, wanted: usize) -> Result<(), NoMemory> {
        let cap = self.area.len + wanted.min(self.area.len.max(1));
        let head = self.key.len() + 1;
        let mut block = crate::buffer::Block::new();
        block.reserve(head + cap + 1)?;
        let at = block.as_mut_ptr();
        // SAFETY: the new room is larger, and elsewhere; what has come is initialised.
        let value = unsafe {
            ptr::copy_nonoverlapping(self.key.as_ptr(), at, self.key.len());
            at.add(self.key.len()).write(0);
            ptr::copy_nonoverlapping(self.area.at, at.add(head), self.area.len);
            at.add(head)
        };
        let item = self.item();
        item.key = at.cast_const().cast();
        // SAFETY: there is a slot, used exclusively.
        unsafe { (*self.slot).outside = Some(Box::new(block)) };
        self.area.at = value;
        self.area.cap = cap;
        Ok(())
    }
}

/// Takes the value into the caller's buffer.
pub struct BufferSink<'a> {
    place: Lent<'a>,
    buffer: *mut u8,
    /// The value's length, also where it did not fit.
    pub len: usize,
    pub flags: u32,
    pub status: Status,
}

impl Default for BufferSink<'_> {
    fn default() -> Self {
        BufferSink {
            place: Lent::new(&mut []),
            buffer: ptr::null_mut(),
            len: 0,
            flags: 0,
            status: Status::OK,
        }
    }
}

impl<'a> BufferSink<'a> {
    /// # Safety
    ///
    /// `buffer` is writable for `cap` bytes while the sink lives.
    pub unsafe fn new(buffer: *mut u8, cap: usize) -> BufferSink<'a> {
        let space = if cap == 0 {
            &mut []
        } else {
            // SAFETY: promised by the caller.
            unsafe { std::slice::from_raw_parts_mut(buffer.cast(), cap) }
        };
        BufferSink {
            place: Lent::new(space),
            buffer,
            len: 0,
            flags: 0,
            status: Status::OK,
        }
    }

    fn took(&mut self, head: &ValueHead) {
        self.len = head.len;
        self.flags = head.flags;
        self.status = Status::OK;
        if head.len > self.place.capacity() {
            let text = format!(
                "the value has {} bytes, the buffer {}",
                head.len,
                self.place.capacity()
            );
            last_error::record(&Failure::new(Status::BUFFER_TOO_SMALL, text));
            self.status = Status::BUFFER_TOO_SMALL;
        }
    }
}

impl Sink for BufferSink<'_> {
    fn sent(&mut self, _: Token, _: &Sent) {}

    fn value(&mut self, _: Token, head: &ValueHead, value: &[u8]) {
        self.took(head);
        if self.status.is_ok() && !value.is_empty() {
            // SAFETY: the buffer is large enough, as `took` has found.
            unsafe { ptr::copy_nonoverlapping(value.as_ptr(), self.buffer, value.len()) };
        }
    }

    fn place(&mut self, _: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        if begins {
            self.place.restart();
        }
        (head.len <= self.place.capacity()).then_some(&mut self.place as &mut dyn Place)
    }

    fn placed(&mut self, _: Token, head: &ValueHead) {
        self.took(head);
    }

    fn answer(&mut self, _: Token, answer: Answer<'_>) {
        self.status = match answer {
            Answer::Miss(status) => status,
            _ => Status::OK,
        };
    }

    fn fail(&mut self, _: Token, failure: Box<Failure>) {
        last_error::record(&failure);
        self.status = failure.status;
        self.len = 0;
        self.flags = 0;
    }

    fn excuse(&mut self, tag: Token, miss: Status, failure: Box<Failure>) {
        self.fail(tag, failure);
        self.status = miss;
    }

    fn keep(&mut self, _: u32, _: Vec<Chunk>, _: Vec<u8>) {}
}

/// Takes a status and a number, all that commands without a value answer.
pub struct StatusSink {
    pub status: Status,
    pub number: u64,
}

impl Default for StatusSink {
    #[inline(always)]
    fn default() -> StatusSink {
        StatusSink {
            status: Status::OK,
            number: 0,
        }
    }
}

impl Sink for StatusSink {
    fn sent(&mut self, _: Token, _: &Sent) {}
    fn value(&mut self, _: Token, _: &ValueHead, _: &[u8]) {}
    fn place(&mut self, _: Token, _: &ValueHead, _: bool) -> Option<&mut dyn Place> {
        None
    }
    fn placed(&mut self, _: Token, _: &ValueHead) {}

    #[inline]
    fn answer(&mut self, _: Token, answer: Answer<'_>) {
        self.status = Status::OK;
        match answer {
            Answer::Miss(status) => self.status = status,
            Answer::Number(number) => self.number = number,
            Answer::Done | Answer::Text(_) => {}
        }
    }

    fn fail(&mut self, _: Token, failure: Box<Failure>) {
        last_error::record(&failure);
        self.status = failure.status;
    }

    fn excuse(&mut self, tag: Token, miss: Status, failure: Box<Failure>) {
        self.fail(tag, failure);
        self.status = miss;
    }

    fn keep(&mut self, _: u32, _: Vec<Chunk>, _: Vec<u8>) {}
}
