//! `mc_item`: what one command was answered.

use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{CString, c_char, c_void};
use std::ptr;

use super::guard::guard_or;
use super::status::mc_status;
use crate::buffer::{Block, NoMemory};
use crate::error::Failure;
use crate::protocol::extra::About;

/// `have`: the value was received. Since: 0.1.
pub const MC_HAVE_VALUE: u32 = 1;
/// `have`: the flags were received. Since: 0.1.
pub const MC_HAVE_FLAGS: u32 = 2;
/// `have`: the CAS was received. Since: 0.1.
pub const MC_HAVE_CAS: u32 = 4;
/// `have`: the number was received. Since: 0.1.
pub const MC_HAVE_NUMBER: u32 = 8;
/// `have`: the expiry time asked for lies beyond what the protocol can say (2038-01-19), and the
/// last moment that it can was taken. Since: 0.1.
pub const MC_HAVE_CLAMPED: u32 = 16;
/// `have`: the time to live was received. Since: 0.1.
pub const MC_HAVE_TTL: u32 = 32;
/// `have`: the value's size was received. Since: 0.1.
pub const MC_HAVE_SIZE: u32 = 64;
/// `have`: the time since the item was last used was received. Since: 0.1.
pub const MC_HAVE_LAST_ACCESS: u32 = 128;
/// `have`: whether the item was read before was received. Since: 0.1.
pub const MC_HAVE_HIT_BEFORE: u32 = 256;

/// `marks`: who asked is the one to make the value anew; an empty value that comes with it stands for none.
/// Since: 0.1.
pub const MC_MARK_WON: u32 = 1;
/// `marks`: the item was made stale. Since: 0.1.
pub const MC_MARK_STALE: u32 = 2;
/// `marks`: somebody else is making the value anew. Since: 0.1.
pub const MC_MARK_OTHER_WON: u32 = 4;

/// `effect`: the command writes nothing. Since: 0.1.
pub const MC_EFFECT_NONE: u32 = 0;
/// `effect`: the server's data is as it was. Since: 0.1.
pub const MC_EFFECT_NOT_APPLIED: u32 = 1;
/// `effect`: the write took place. Since: 0.1.
pub const MC_EFFECT_APPLIED: u32 = 2;
/// `effect`: nobody can tell; nothing is done twice behind the caller's back. Since: 0.1.
pub const MC_EFFECT_UNKNOWN: u32 = 3;
/// `effect`: the write did not take place, and the item that was there is gone. Since: 0.1.
pub const MC_EFFECT_REMOVED: u32 = 4;

/// `phase`: nothing to tell. Since: 0.1.
pub const MC_PHASE_NONE: u32 = 0;
/// `phase`: the arguments were looked at, nothing else was done. Since: 0.1.
pub const MC_PHASE_CHECK: u32 = 1;
/// `phase`: waiting for a connection of the pool. Since: 0.1.
pub const MC_PHASE_POOL: u32 = 2;
/// `phase`: looking up the server's name. Since: 0.1.
pub const MC_PHASE_RESOLVE: u32 = 3;
/// `phase`: connecting. Since: 0.1.
pub const MC_PHASE_CONNECT: u32 = 4;
/// `phase`: setting up the TLS session or the protocol. Since: 0.1.
pub const MC_PHASE_HANDSHAKE: u32 = 5;
/// `phase`: authenticating. Since: 0.1.
pub const MC_PHASE_AUTHENTICATE: u32 = 6;
/// `phase`: not all bytes of the command had left. Since: 0.1.
pub const MC_PHASE_SEND: u32 = 7;
/// `phase`: all bytes had left, the reply had not come whole, or said that the command failed.
/// Since: 0.1.
pub const MC_PHASE_RECEIVE: u32 = 8;

/// What one command was answered. Made by the library and reached by pointer only: it grows at its
/// end. What was not received is 0 or NULL. Since: 0.1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct mc_item {
    /// How the command ended.
    pub status: mc_status,
    /// MC_HAVE_*: which of the fields below were really received.
    pub have: u32,
    /// The caller's key, without prefix, with a NUL behind it.
    pub key: *const c_char,
    /// Its length in bytes.
    pub key_len: usize,
    /// The value, with a NUL behind it. NULL unless there is one; an empty value is not NULL.
    pub value: *const c_char,
    /// Its length in bytes.
    pub value_len: usize,
    /// The item's CAS.
    pub cas: u64,
    /// What incr and decr answered.
    pub number: u64,
    /// Seconds to live; -1: never expires.
    pub ttl: i64,
    /// The flags that the item was stored with.
    pub flags: u32,
    /// MC_MARK_*.
    pub marks: u32,
    /// MC_EFFECT_*: what a command that failed did to the server's data.
    pub effect: u32,
    /// The system's error number, or 0.
    pub sys_errno: i32,
    /// How many bytes the value has.
    pub item_size: u64,
    /// Seconds since the item was last used.
    pub last_access: u64,
    /// 1 where the item was read before.
    pub hit_before: u32,
    /// MC_PHASE_*: how far a command that failed had come.
    pub phase: u32,
    /// What went wrong and where; NULL unless something did.
    pub text: *const c_char,
    /// The server's name; NULL if none was asked.
    pub server: *const c_char,
    /// A serializer's object.
    pub object: *mut c_void,
}

impl mc_item {
    pub(super) const EMPTY: mc_item = mc_item {
        status: 0,
        have: 0,
        key: ptr::null(),
        key_len: 0,
        value: ptr::null(),
        value_len: 0,
        cas: 0,
        number: 0,
        ttl: 0,
        flags: 0,
        marks: 0,
        effect: 0,
        sys_errno: 0,
        item_size: 0,
        last_access: 0,
        hit_before: 0,
        phase: 0,
        text: ptr::null(),
        server: ptr::null(),
        object: ptr::null_mut(),
    };
}

impl mc_item {
    /// What came beside the answer, which stands in the item already.
    pub(super) fn tell(&mut self, about: &About) {
        if !self.text.is_null() {
            return;
        }
        let mut have = 0;
        fn take<T, U: From<T>>(place: &mut U, have: &mut u32, told: Option<T>, bit: u32) {
            if let Some(told) = told {
                *place = told.into();
                *have |= bit;
            }
        }
        take(&mut self.cas, &mut have, about.cas, MC_HAVE_CAS);
        take(&mut self.flags, &mut have, about.flags, MC_HAVE_FLAGS);
        take(&mut self.ttl, &mut have, about.ttl, MC_HAVE_TTL);
        take(&mut self.item_size, &mut have, about.size, MC_HAVE_SIZE);
        take(
            &mut self.last_access,
            &mut have,
            about.idle,
            MC_HAVE_LAST_ACCESS,
        );
        take(
            &mut self.hit_before,
            &mut have,
            about.hit_before,
            MC_HAVE_HIT_BEFORE,
        );
        self.have |= have;
        let marks = [
            (about.won, MC_MARK_WON),
            (about.stale, MC_MARK_STALE),
            (about.other_won, MC_MARK_OTHER_WON),
        ];
        for (is_so, mark) in marks {
            if is_so {
                self.marks |= mark;
            }
        }
    }
}

/// Who an item belongs to.
const OWN: u32 = 0x6d63_4974;
const OF_RESULTS: u32 = 0x6d63_5265;

/// An item with what the library keeps beside it. An item of its own has room for key and value
/// behind it in the same allocation.
#[repr(C)]
pub(super) struct Slot {
    origin: u32,
    /// For results: the lane that the command went over plus one; 0 if it was not sent.
    pub lane: u32,
    /// For results: where the key stands in the lane's command bytes.
    pub key_at: usize,
    /// Bytes behind the slot.
    inline: usize,
    /// Key and value where they do not fit behind the slot.
    pub outside: Option<Box<Block>>,
    /// The error text.
    text: Option<CString>,
    pub item: mc_item,
}

impl Slot {
    /// Those of a result set.
    pub fn many(n: usize) -> Result<Vec<Slot>, NoMemory> {
        let mut slots: Vec<Slot> = Vec::new();
        slots
            .try_reserve_exact(n)
            .map_err(|_| NoMemory(n.saturating_mul(size_of::<Slot>())))?;
        let first = slots.as_mut_ptr();
        for index in 0..n {
            // SAFETY: room for `n` was made. (Not `resize_with`, which makes each elsewhere first.)
            unsafe { first.add(index).write(Slot::of_results()) };
        }
        // SAFETY: all of them are written.
        unsafe { slots.set_len(n) };
        Ok(slots)
    }

    #[inline(always)]
    fn of_results() -> Slot {
        Slot {
            origin: OF_RESULTS,
            lane: 0,
            key_at: 0,
            inline: 0,
            outside: None,
            text: None,
            item: mc_item::EMPTY,
        }
    }

    fn layout(inline: usize) -> Result<Layout, NoMemory> {
        let size = size_of::<Slot>().saturating_add(inline);
        Layout::from_size_align(size, align_of::<Slot>()).map_err(|_| NoMemory(size))
    }

    /// A slot of its own with room for `inline` bytes behind it.
    #[inline(always)]
    pub fn new(inline: usize) -> Result<*mut Slot, NoMemory> {
        let layout = Slot::layout(inline)?;
        // SAFETY: the size is not zero.
        let slot = unsafe { alloc(layout) }.cast::<Slot>();
        if slot.is_null() {
            return Err(NoMemory(layout.size()));
        }
        // SAFETY: allocated just now, large enough and aligned.
        unsafe {
            slot.write(Slot {
                origin: OWN,
                inline,
                ..Slot::of_results()
            });
        }
        Ok(slot)
    }

    /// # Safety
    ///
    /// `slot` was made by [`Slot::new`] and is used by nobody any more.
    #[inline]
    pub unsafe fn free(slot: *mut Slot) {
        // SAFETY: promised by the caller; the layout is the one it was allocated with.
        unsafe {
            if let Ok(layout) = Slot::layout((*slot).inline) {
                ptr::drop_in_place(slot);
                dealloc(slot.cast(), layout);
            }
        }
    }

    /// Forget the last answer; the memory stays.
    pub fn clear(&mut self) {
        self.item = mc_item::EMPTY;
        self.text = None;
    }

    /// The slot of an item, if it is one that the library made and that belongs to the caller.
    ///
    /// # Safety
    ///
    /// `item` is NULL or points to an item.
    #[inline]
    pub unsafe fn of(item: *const mc_item) -> Option<*mut Slot> {
        if item.is_null() {
            return None;
        }
        let offset = std::mem::offset_of!(Slot, item);
        let slot = item.cast::<u8>().wrapping_sub(offset).cast::<Slot>();
        // SAFETY: every item of the library stands in a slot.
        (unsafe { (*slot).origin } == OWN).then_some(slot.cast_mut())
    }

    /// Room for `len` bytes: behind the slot, or outside. Returns where.
    #[inline(always)]
    pub fn room(slot: *mut Slot, len: usize) -> Result<*mut u8, NoMemory> {
        // SAFETY: callers hold the slot exclusively.
        let inline = unsafe { (*slot).inline };
        if len <= inline {
            return Ok(Slot::behind(slot));
        }
        // SAFETY: as above.
        let outside = unsafe { &mut (*slot).outside };
        let block = outside.get_or_insert_default();
        block.reserve(len)?;
        Ok(block.as_mut_ptr())
    }

    /// The bytes behind the slot.
    #[inline(always)]
    pub fn behind(slot: *mut Slot) -> *mut u8 {
        slot.cast::<u8>().wrapping_add(size_of::<Slot>())
    }

    /// Whether `bytes` lie in the memory that the next answer is written to.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        let inside =
            |at: *const u8, len: usize| (at..at.wrapping_add(len)).contains(&bytes.as_ptr());
        inside(ptr::from_ref(self).wrapping_add(1).cast(), self.inline)
            || self
                .outside
                .as_ref()
                .is_some_and(|block| inside(block.as_ptr(), block.capacity()))
            || self
                .text
                .as_ref()
                .is_some_and(|text| inside(text.as_ptr().cast(), text.as_bytes_with_nul().len()))
    }

    /// Write down a failure; what was received before it does not count.
    #[cold]
    pub fn fail(&mut self, failure: &Failure) {
        let text: Vec<u8> = failure.text.bytes().filter(|byte| *byte != 0).collect();
        let text = CString::new(text).unwrap_or_default();
        self.item = mc_item {
            key: self.item.key,
            key_len: self.item.key_len,
            status: failure.status.0,
            effect: failure.effect as u32,
            phase: failure.phase as u32,
            sys_errno: failure.errno,
            text: text.as_ptr(),
            server: failure
                .server
                .map_or(ptr::null(), |name| name.as_c_str().as_ptr()),
            ..mc_item::EMPTY
        };
        self.text = Some(text);
    }
}

/// Return a new, empty item for mc_execute_into and mc_get_reuse, which keeps its memory from one use
/// to the next; NULL when there is no memory. Freed with mc_item_free. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_item_new() -> *mut mc_item {
    guard_or(ptr::null_mut(), || match Slot::new(0) {
        // SAFETY: made just now.
        Ok(slot) => unsafe { &raw mut (*slot).item },
        Err(_) => ptr::null_mut(),
    })
}

/// Return a copy of `item` that belongs to the caller: of an item of a result set, for instance, which
/// lives only as long as the set. NULL when `item` is NULL or there is no memory. Freed with
/// mc_item_free. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_item_copy(item: *const mc_item) -> *mut mc_item {
    guard_or(ptr::null_mut(), || {
        // SAFETY: the caller passes NULL or an item.
        let Some(item) = (unsafe { item.as_ref() }) else {
            return ptr::null_mut();
        };
        // SAFETY: an item's pointers are valid for their lengths.
        unsafe { copy(item) }.unwrap_or(ptr::null_mut())
    })
}

/// # Safety
///
/// The pointers of `item` are NULL or valid for their lengths.
unsafe fn copy(item: &mc_item) -> Result<*mut mc_item, NoMemory> {
    let text_len = if item.text.is_null() {
        0
    } else {
        // SAFETY: an error text ends with a NUL.
        unsafe { std::ffi::CStr::from_ptr(item.text) }.count_bytes()
    };
    let parts = [
        (item.key, item.key_len),
        (item.value, item.value_len),
        (item.text, text_len),
    ];
    let slot = Slot::new(parts.iter().map(|part| part.1 + 1).sum())?;
    let mut at = Slot::behind(slot);
    let placed = parts.map(|(from, len)| {
        if from.is_null() {
            return ptr::null();
        }
        let place = at;
        // SAFETY: room for every part and its NUL was made behind the slot.
        unsafe {
            ptr::copy_nonoverlapping(from.cast(), place, len);
            place.add(len).write(0);
            at = place.add(len + 1);
        }
        place.cast_const().cast::<c_char>()
    });
    // SAFETY: made just now.
    unsafe {
        (*slot).item = mc_item {
            key: placed[0],
            value: placed[1],
            text: placed[2],
            ..*item
        };
        Ok(&raw mut (*slot).item)
    }
}

/// Free an item. NULL is ignored, and so is an item of a result set, which goes with the set.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_item_free(item: *mut mc_item) {
    // SAFETY: the caller passes NULL or an item, and does not use it any more.
    if let Some(slot) = unsafe { Slot::of(item) } {
        // SAFETY: as above.
        unsafe { Slot::free(slot) };
    }
}
