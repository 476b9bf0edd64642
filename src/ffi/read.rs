//! Reading one value.

use std::ffi::{c_char, c_void};

use super::borrow::{borrow, bytes, null, out};
use super::client::mc_client;
use super::command::{fill, ttl};
use super::guard::guard_status;
use super::item::{Slot, mc_item};
use super::item_sink::{BufferSink, ItemSink, StatusSink};
use super::last_error;
use super::status::mc_status;
use crate::client::{Client, Limit};
use crate::error::{Failure, Result, Status};
use crate::protocol::extra::{Extra, Said};
use crate::protocol::{Command, Op};

/// Read a value into a new item. The op is a constant so that the way of a plain get is compiled for
/// it alone.
///
/// # Safety
///
/// As the header says of mc_get.
#[inline(always)]
unsafe fn read<const OP: u8>(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    ttl: i64,
    place: *mut *mut mc_item,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's pointers.
        let place = match unsafe { out(place, "out") } {
            Ok(place) => place,
            Err(failure) => return failed(&failure),
        };
        *place = std::ptr::null_mut();
        // SAFETY: as above.
        let (client, key) = match unsafe { client_and_key(client, key, key_len) } {
            Ok(both) => both,
            Err(failure) => return failed(&failure),
        };
        let mut sink = ItemSink::making(key);
        if OP == Op::Get as u8 {
            let command = Command::new(Op::Get, key);
            client.execute(Op::Get, &command, Limit::Default, &mut sink);
        } else {
            let ttl = match self::ttl(ttl, false) {
                Ok(ttl) => ttl,
                Err(failure) => return failed(&failure),
            };
            let op = Op::from_number(OP.into()).unwrap_or(Op::Gets);
            let command = Command {
                ttl,
                ..Command::new(op, key)
            };
            client.execute_any(&command, Limit::Default, &mut sink);
        }
        let status = sink.status;
        *place = sink.hand_out();
        status
    })
}

/// # Safety
///
/// As the header says of mc_get.
#[inline(always)]
unsafe fn client_and_key<'a>(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
) -> Result<(&'a Client, &'a [u8])> {
    let client = borrow(client, "client")?;
    // SAFETY: promised by the caller.
    let key = unsafe { bytes(key.cast(), key_len, "key") }?;
    Ok((client, key))
}

#[cold]
fn failed(failure: &Failure) -> Status {
    last_error::record(failure);
    failure.status
}

/// Read the value of a key. MC_OK: `*out` is the item, freed with mc_item_free; MC_NO_VALUE: there is
/// none; else something failed: mc_last_error. `*out` is NULL unless MC_OK. `key_len` in bytes, or
/// MC_CSTR. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_get(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    out: *mut *mut mc_item,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { read::<{ Op::Get as u8 }>(client, key, key_len, 0, out) }
}

/// As mc_get, with the item's CAS for mc_cas. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_gets(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    out: *mut *mut mc_item,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { read::<{ Op::Gets as u8 }>(client, key, key_len, 0, out) }
}

/// As mc_get, and give the item `ttl` more seconds to live (0: for ever; MC_EXPIRE_NOW: none). The
/// server must be 1.5.3 or newer. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_gat(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    ttl: i64,
    out: *mut *mut mc_item,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { read::<{ Op::Gat as u8 }>(client, key, key_len, ttl, out) }
}

/// As mc_gat, with the item's CAS for mc_cas. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_gats(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    ttl: i64,
    out: *mut *mut mc_item,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { read::<{ Op::Gats as u8 }>(client, key, key_len, ttl, out) }
}

/// Ask whether there is an item: MC_OK, or MC_NO_VALUE. By the meta protocol nothing of its value is
/// sent; by others it is read and thrown away. Either is a use of the item, as reading is. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_exists(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's pointers.
        let (client, key) = match unsafe { client_and_key(client, key, key_len) } {
            Ok(both) => both,
            Err(failure) => return failed(&failure),
        };
        let command = Command {
            extra: Extra {
                said: Said::NO_VALUE,
                ..Extra::NOTHING
            },
            ..Command::new(Op::Get, key)
        };
        let mut sink = StatusSink::default();
        client.execute_any(&command, Limit::Default, &mut sink);
        sink.status
    })
}

/// As mc_get, into an item of the caller's (made by mc_item_new), which keeps its memory from one use
/// to the next and is filled on every path. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_get_reuse(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    item: *mut mc_item,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's item.
        let Some(slot) = (unsafe { Slot::of(item) }) else {
            return failed(&Failure::argument(
                "item is NULL, or was not made by mc_item_new",
            ));
        };
        // SAFETY: the caller's pointers.
        match unsafe { client_and_key(client, key, key_len) } {
            // SAFETY: the caller's item, which this call uses exclusively.
            Ok((client, key)) => unsafe {
                fill(
                    client,
                    &Command::new(Op::Get, key),
                    Limit::Default,
                    slot,
                    true,
                )
            },
            Err(failure) => {
                // SAFETY: as above.
                unsafe {
                    (*slot).clear();
                    (*slot).fail(&failure);
                }
                failed(&failure)
            }
        }
    })
}

/// Read the value of a key into the caller's buffer, without a NUL behind it. `*len` is the value's
/// length; `*flags` (may be NULL) its flags. MC_BUFFER_TOO_SMALL: the value has `*len` bytes, more
/// than `cap`; the buffer's content is undefined, and nothing else is disturbed. Both are 0 where there
/// is no value. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_get_into(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    buf: *mut c_void,
    cap: usize,
    len: *mut usize,
    flags: *mut u32,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header says.
        if let Some(flags) = unsafe { flags.as_mut() } {
            *flags = 0;
        }
        let begun = || -> Result<_> {
            // SAFETY: as above.
            let len = unsafe { out(len, "len") }?;
            *len = 0;
            let client = borrow(client, "client")?;
            // SAFETY: as above.
            let key = unsafe { bytes(key.cast(), key_len, "key") }?;
            if buf.is_null() && cap > 0 {
                return Err(null("buf"));
            }
            Ok((client, key, len))
        };
        let (client, key, len) = match begun() {
            Ok(begun) => begun,
            Err(failure) => return failed(&failure),
        };
        // SAFETY: as above.
        let mut sink = unsafe { BufferSink::new(buf.cast(), cap.min(isize::MAX as usize)) };
        let command = Command::new(Op::Get, key);
        client.execute(Op::Get, &command, Limit::Default, &mut sink);
        *len = sink.len;
        // SAFETY: as above.
        if let Some(flags) = unsafe { flags.as_mut() } {
            *flags = sink.flags;
        }
        sink.status
    })
}
