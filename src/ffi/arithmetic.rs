//! Counting.

use std::ffi::c_char;

use super::borrow::{borrow, bytes};
use super::client::mc_client;
use super::guard::guard_status;
use super::item_sink::StatusSink;
use super::last_error;
use super::status::mc_status;
use crate::client::Limit;
use crate::error::Result;
use crate::protocol::{Command, Op};

/// # Safety
///
/// As the header says of mc_incr.
#[inline(always)]
unsafe fn count<const OP: u8>(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    delta: u64,
    number: *mut u64,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's pointer: NULL or writable.
        let number = unsafe { number.as_mut() };
        let begun = || -> Result<_> {
            let client = borrow(client, "client")?;
            // SAFETY: the caller's pointer.
            let key = unsafe { bytes(key.cast(), key_len, "key") }?;
            Ok((client, key))
        };
        let (client, key) = match begun() {
            Ok(begun) => begun,
            Err(failure) => {
                if let Some(number) = number {
                    *number = 0;
                }
                last_error::record(&failure);
                return failure.status;
            }
        };
        let mut sink = StatusSink::default();
        let op = if OP == Op::Incr as u8 {
            Op::Incr
        } else {
            Op::Decr
        };
        let command = Command {
            delta,
            ..Command::new(op, key)
        };
        if OP == Op::Incr as u8 {
            client.execute(Op::Incr, &command, Limit::Default, &mut sink);
        } else {
            client.execute_any(&command, Limit::Default, &mut sink);
        }
        if let Some(number) = number {
            *number = if sink.status.is_ok() { sink.number } else { 0 };
        }
        sink.status
    })
}

/// Add `delta` to the number that an item's value spells, modulo 2^64; `*number` (may be NULL) is the
/// result, 0 on failure. MC_NOT_FOUND where there is no item, MC_NON_NUMERIC where its value is no
/// number. Never done twice: where the reply is lost the effect is unknown. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_incr(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    delta: u64,
    number: *mut u64,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { count::<{ Op::Incr as u8 }>(client, key, key_len, delta, number) }
}

/// As mc_incr, taking `delta` away, not below 0. The server keeps the value's length, with spaces
/// behind the number. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_decr(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    delta: u64,
    number: *mut u64,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { count::<{ Op::Decr as u8 }>(client, key, key_len, delta, number) }
}
