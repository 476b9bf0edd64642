//! Writing one item.

use std::ffi::{c_char, c_void};

use super::borrow::{borrow, bytes};
use super::client::mc_client;
use super::command::ttl;
use super::guard::guard_status;
use super::item_sink::StatusSink;
use super::last_error;
use super::status::mc_status;
use crate::client::Limit;
use crate::error::Result;
use crate::protocol::expiry::Ttl;
use crate::protocol::{Command, Op};

/// What the commands of this file have beside their key.
struct Rest {
    value: *const c_void,
    value_len: usize,
    ttl: Result<Ttl>,
    flags: u32,
    cas: u64,
}

impl Rest {
    const NOTHING: Rest = Rest {
        value: std::ptr::null(),
        value_len: 0,
        ttl: Ok(Ttl::Never),
        flags: 0,
        cas: 0,
    };
}

/// # Safety
///
/// As the header says of mc_set.
#[inline(always)]
unsafe fn write<const OP: u8>(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    rest: Rest,
) -> mc_status {
    guard_status(|| {
        let op = Op::from_number(OP.into()).unwrap_or(Op::Set);
        let begun = || -> Result<_> {
            let client = borrow(client, "client")?;
            // SAFETY: the caller's pointers.
            let (key, value) = unsafe {
                (
                    bytes(key.cast(), key_len, "key")?,
                    bytes(rest.value, rest.value_len, "value")?,
                )
            };
            let command = Command {
                value,
                ttl: rest.ttl?,
                flags: rest.flags,
                cas: rest.cas,
                ..Command::new(op, key)
            };
            Ok((client, command))
        };
        match begun() {
            Ok((client, command)) => {
                let mut sink = StatusSink::default();
                if OP == Op::Set as u8 {
                    client.execute(Op::Set, &command, Limit::Default, &mut sink);
                } else {
                    client.execute_any(&command, Limit::Default, &mut sink);
                }
                sink.status
            }
            Err(failure) => {
                last_error::record(&failure);
                failure.status
            }
        }
    })
}

/// Store a value under a key, whatever there was. `ttl` in seconds, any number: 0 for ever,
/// MC_EXPIRE_NOW not at all, other negatives are MC_INVALID_ARGUMENT. `flags` come back with the value.
/// MC_TOO_LARGE: the item is larger than the server takes (option item_size_max) and was not sent.
/// Lengths in bytes, or MC_CSTR. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_set(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    ttl: i64,
    flags: u32,
) -> mc_status {
    let rest = Rest {
        value,
        value_len,
        ttl: self::ttl(ttl, false),
        flags,
        cas: 0,
    };
    // SAFETY: as the header says.
    unsafe { write::<{ Op::Set as u8 }>(client, key, key_len, rest) }
}

/// As mc_set, where there is no item yet; else MC_NOT_STORED. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_add(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    ttl: i64,
    flags: u32,
) -> mc_status {
    let rest = Rest {
        value,
        value_len,
        ttl: self::ttl(ttl, false),
        flags,
        cas: 0,
    };
    // SAFETY: as the header says.
    unsafe { write::<{ Op::Add as u8 }>(client, key, key_len, rest) }
}

/// As mc_set, where there is an item already; else MC_NOT_STORED. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_replace(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    ttl: i64,
    flags: u32,
) -> mc_status {
    let rest = Rest {
        value,
        value_len,
        ttl: self::ttl(ttl, false),
        flags,
        cas: 0,
    };
    // SAFETY: as the header says.
    unsafe { write::<{ Op::Replace as u8 }>(client, key, key_len, rest) }
}

/// Put bytes behind the value that there is; MC_NOT_STORED where there is none. Its flags and time to
/// live stay. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_append(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
) -> mc_status {
    let rest = Rest {
        value,
        value_len,
        ..Rest::NOTHING
    };
    // SAFETY: as the header says.
    unsafe { write::<{ Op::Append as u8 }>(client, key, key_len, rest) }
}

/// Put bytes in front of the value that there is; MC_NOT_STORED where there is none. Its flags and time
/// to live stay. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_prepend(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
) -> mc_status {
    let rest = Rest {
        value,
        value_len,
        ..Rest::NOTHING
    };
    // SAFETY: as the header says.
    unsafe { write::<{ Op::Prepend as u8 }>(client, key, key_len, rest) }
}

/// As mc_set, where the item still has the CAS that mc_gets answered; else MC_CAS_FAILURE, or
/// MC_NOT_FOUND. A CAS of 0 is MC_INVALID_ARGUMENT: no server gives it. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_cas(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    ttl: i64,
    flags: u32,
    cas: u64,
) -> mc_status {
    let rest = Rest {
        value,
        value_len,
        ttl: self::ttl(ttl, false),
        flags,
        cas,
    };
    // SAFETY: as the header says.
    unsafe { write::<{ Op::Cas as u8 }>(client, key, key_len, rest) }
}

/// Delete an item; MC_NOT_FOUND where there is none. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_delete(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { write::<{ Op::Delete as u8 }>(client, key, key_len, Rest::NOTHING) }
}

/// Give an item `ttl` more seconds to live (0: for ever; MC_EXPIRE_NOW: none); MC_NOT_FOUND where there
/// is none. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_touch(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    ttl: i64,
) -> mc_status {
    let rest = Rest {
        ttl: self::ttl(ttl, false),
        ..Rest::NOTHING
    };
    // SAFETY: as the header says.
    unsafe { write::<{ Op::Touch as u8 }>(client, key, key_len, rest) }
}
