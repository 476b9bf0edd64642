//! Counting.

use std::ffi::c_char;

use super::borrow::{borrow, bytes};
use super::client::mc_client;
use super::command::ttl;
use super::guard::guard_status;
use super::item_sink::StatusSink;
use super::last_error;
use super::status::mc_status;
use crate::client::Limit;
use crate::error::{Failure, Result, Status};
use crate::protocol::extra::{Extra, Said};
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

/// Count, or begin to.
///
/// # Safety
///
/// As the header says of mc_incr_initial.
unsafe fn count_from(
    client: *const mc_client,
    op: Op,
    key: (*const c_char, usize),
    delta: u64,
    initial: u64,
    ttl: i64,
    number: *mut u64,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's pointer: NULL or writable.
        let number = unsafe { number.as_mut() };
        let done = || -> std::result::Result<u64, Failed> {
            let client = borrow(client, "client")?;
            let command = Command {
                delta,
                ttl: self::ttl(ttl, false)?,
                extra: Extra {
                    said: Said::INITIAL,
                    initial,
                    ..Extra::NOTHING
                },
                // SAFETY: the caller's pointer.
                ..Command::new(op, unsafe { bytes(key.0.cast(), key.1, "key") }?)
            };
            let mut sink = StatusSink::default();
            client.execute_any(&command, Limit::Default, &mut sink);
            match sink.status.is_ok() {
                true => Ok(sink.number),
                false => Err(Failed::Told(sink.status)),
            }
        };
        let done = done();
        if let Some(number) = number {
            *number = *done.as_ref().unwrap_or(&0);
        }
        match done {
            Ok(_) => Status::OK,
            Err(Failed::Told(status)) => status,
            Err(Failed::Arguments(failure)) => {
                last_error::record(&failure);
                failure.status
            }
        }
    })
}

/// Why there is no number.
enum Failed {
    /// The thread's record has it.
    Told(Status),
    Arguments(Box<Failure>),
}

impl From<Box<Failure>> for Failed {
    fn from(failure: Box<Failure>) -> Failed {
        Failed::Arguments(failure)
    }
}

/// As mc_incr; where there is no item, one is made that holds `initial` and lives for `ttl` seconds (0:
/// for ever; MC_EXPIRE_NOW: not at all), and `*number` is `initial`. By the meta protocol in one command,
/// by ASCII in as many as it takes: incr, add where there was nothing, incr again where somebody else's
/// add was first. No count is lost or done twice by it. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_incr_initial(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    delta: u64,
    initial: u64,
    ttl: i64,
    number: *mut u64,
) -> mc_status {
    let key = (key, key_len);
    // SAFETY: as the header says.
    unsafe { count_from(client, Op::Incr, key, delta, initial, ttl, number) }
}

/// As mc_incr_initial, taking `delta` away, not below 0. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_decr_initial(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    delta: u64,
    initial: u64,
    ttl: i64,
    number: *mut u64,
) -> mc_status {
    let key = (key, key_len);
    // SAFETY: as the header says.
    unsafe { count_from(client, Op::Decr, key, delta, initial, ttl, number) }
}
