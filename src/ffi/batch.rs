//! Many commands at once.

use std::ffi::{c_char, c_void};

use super::batch_commands::{Arrays, Mixed, Packed, Pieces};
use super::borrow::{array, borrow, limit, null, sized};
use super::client::mc_client;
use super::command::{mc_command, ttl};
use super::guard::guard;
use super::handle;
use super::last_error;
use super::results::mc_results;
use super::results_sink::ResultsSink;
use super::status::mc_status;
use crate::client::Limit;
use crate::error::{Failure, Result, Status};
use crate::operation::command::Commands;
use crate::protocol::expiry::Ttl;
use crate::protocol::{Command, Op};

/// How a batch is carried out; NULL where one is taken means the defaults. Since: 0.1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct mc_batch {
    /// sizeof(mc_batch).
    pub size: u32,
    /// 0.
    pub options: u32,
    /// How long the batch may take, in microseconds; 0: as the client says; below 0: for ever.
    pub timeout_us: i64,
}

impl mc_batch {
    /// # Safety
    ///
    /// `pointer` is NULL or valid for as many bytes as its `size` says.
    pub(super) unsafe fn limit(pointer: *const mc_batch) -> Result<Limit> {
        if pointer.is_null() {
            return Ok(Limit::Default);
        }
        // SAFETY: every version begins with `size`.
        let size = unsafe { (*pointer).size } as usize;
        // SAFETY: promised by the caller.
        let batch = unsafe { sized(pointer, size, "batch") }?;
        if batch.options != 0 {
            return Err(Failure::argument("batch.options is not 0"));
        }
        Ok(limit(batch.timeout_us))
    }
}

/// Where results go: NULL allowed where all that is wanted is the status.
///
/// # Safety
///
/// `out` is NULL or writable.
unsafe fn clear<'a>(out: *mut *mut mc_results) -> Option<&'a mut *mut mc_results> {
    // SAFETY: promised by the caller.
    let place = unsafe { out.as_mut() };
    place.map(|place| {
        *place = std::ptr::null_mut();
        place
    })
}

/// What partial failure is called.
pub(super) fn partial(all_write: bool) -> Status {
    if all_write {
        Status::MULTI_STORAGE
    } else {
        Status::PARTIAL
    }
}

/// Carry out a batch and hand out its results.
fn run<C: Commands>(
    client: *const mc_client,
    commands: &C,
    limit: Limit,
    all_write: bool,
    out: Option<&mut *mut mc_results>,
) -> Result<Status> {
    let client = borrow(client, "client")?;
    let mut sink = ResultsSink::new(commands.count())?;
    if commands.count() > 0 {
        client.execute_multi(commands, limit, &mut sink);
    }
    finish(sink, commands, partial(all_write), out)
}

pub(super) fn finish(
    sink: ResultsSink,
    commands: &dyn Commands,
    partial: Status,
    out: Option<&mut *mut mc_results>,
) -> Result<Status> {
    if let Some(last) = sink.last() {
        last_error::record(last);
    }
    let results = sink.finish(commands);
    let status = if results.failed > 0 {
        partial
    } else {
        Status::OK
    };
    if let Some(place) = out {
        let handle = handle::make::<mc_results>(results);
        if handle.is_null() {
            return Err(Failure::no_memory(0));
        }
        *place = handle;
    }
    Ok(status)
}

/// Run `body` with the place for results; a status other than MC_OK is no failure of the call.
///
/// # Safety
///
/// `out` is NULL or writable.
unsafe fn batch(
    out: *mut *mut mc_results,
    needs_out: bool,
    body: impl FnOnce(Option<&mut *mut mc_results>) -> Result<Status>,
) -> mc_status {
    let mut status = Status::OK;
    let failed = guard(|| {
        // SAFETY: promised by the caller.
        let place = unsafe { clear(out) };
        if place.is_none() && needs_out {
            return Err(null("out"));
        }
        status = body(place)?;
        Ok(())
    });
    if failed != 0 { failed } else { status.0 }
}

/// # Safety
///
/// `lens` is NULL or valid for `n` lengths.
unsafe fn lengths<'a>(lens: *const usize, n: usize, name: &str) -> Result<Option<&'a [usize]>> {
    if lens.is_null() {
        return Ok(None);
    }
    // SAFETY: promised by the caller.
    unsafe { array(lens, n, name) }.map(Some)
}

/// The same for many keys.
///
/// # Safety
///
/// As the header says of mc_get_multi.
unsafe fn keys_alone(
    client: *const mc_client,
    op: Op,
    keys: *const *const c_char,
    lens: *const usize,
    n: usize,
    ttl: Result<Ttl>,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: the caller's pointers.
    unsafe {
        batch(out, op.is_read(), |place| {
            let commands = Arrays {
                like: Command {
                    ttl: ttl?,
                    ..Command::new(op, b"")
                },
                keys: array(keys, n, "keys")?,
                key_lens: lengths(lens, n, "lens")?,
                values: &[],
                value_lens: None,
            };
            run(client, &commands, Limit::Default, !op.is_read(), place)
        })
    }
}

/// Read many values at once. `lens` in bytes, MC_CSTR among them; NULL: every key ends at a NUL.
/// `*out` holds n items in the order of the keys, doubles and misses included, each with its status; it
/// is NULL only for MC_INVALID_ARGUMENT and MC_NO_MEMORY. MC_OK: every item is there or a miss;
/// MC_PARTIAL: some failed, the others stand. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_get_multi(
    client: *const mc_client,
    keys: *const *const c_char,
    lens: *const usize,
    n: usize,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { keys_alone(client, Op::Get, keys, lens, n, Ok(Ttl::Never), out) }
}

/// As mc_get_multi, with the items' CAS. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_gets_multi(
    client: *const mc_client,
    keys: *const *const c_char,
    lens: *const usize,
    n: usize,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { keys_alone(client, Op::Gets, keys, lens, n, Ok(Ttl::Never), out) }
}

/// Delete many items at once. `out` may be NULL. MC_OK: every item was deleted or not there;
/// MC_MULTI_STORAGE: some commands failed. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_delete_multi(
    client: *const mc_client,
    keys: *const *const c_char,
    lens: *const usize,
    n: usize,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { keys_alone(client, Op::Delete, keys, lens, n, Ok(Ttl::Never), out) }
}

/// Give many items `ttl` more seconds to live. `out` may be NULL. Statuses as mc_delete_multi.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_touch_multi(
    client: *const mc_client,
    keys: *const *const c_char,
    lens: *const usize,
    n: usize,
    ttl: i64,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { keys_alone(client, Op::Touch, keys, lens, n, self::ttl(ttl, false), out) }
}

/// Store many values at once, all with the same `ttl` and `flags` (as mc_set). Lengths in bytes,
/// MC_CSTR among them; NULL: all end at a NUL. `out` may be NULL; else `*out` holds n items in the order
/// of the keys. MC_OK: all were stored; MC_MULTI_STORAGE: some were not, the others were. An item that
/// is too large is MC_TOO_LARGE for itself and not sent. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_set_multi(
    client: *const mc_client,
    keys: *const *const c_char,
    key_lens: *const usize,
    values: *const *const c_void,
    value_lens: *const usize,
    n: usize,
    ttl: i64,
    flags: u32,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: the caller's pointers, as the header says.
    unsafe {
        batch(out, false, |place| {
            let commands = Arrays {
                like: Command {
                    ttl: self::ttl(ttl, false)?,
                    flags,
                    ..Command::new(Op::Set, b"")
                },
                keys: array(keys, n, "keys")?,
                key_lens: lengths(key_lens, n, "key_lens")?,
                values: array(values, n, "values")?,
                value_lens: lengths(value_lens, n, "value_lens")?,
            };
            run(client, &commands, Limit::Default, true, place)
        })
    }
}

/// # Safety
///
/// As the header says of mc_get_multi_packed.
unsafe fn packed_keys(
    client: *const mc_client,
    op: Op,
    keys: *const c_char,
    lens: *const usize,
    n: usize,
    how: *const mc_batch,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: the caller's pointers.
    unsafe {
        batch(out, op.is_read(), |place| {
            let limit = mc_batch::limit(how)?;
            let lens = array(lens, n, "lens")?;
            let commands = Packed {
                like: Command::new(op, b""),
                keys: Pieces::new(keys.cast(), lens, "keys")?,
                values: None,
            };
            run(client, &commands, limit, !op.is_read(), place)
        })
    }
}

/// As mc_get_multi, with the keys one behind the other in one buffer and their lengths in `lens`: two
/// arrays that a binding can make without pointers in them. `batch` may be NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_get_multi_packed(
    client: *const mc_client,
    keys: *const c_char,
    lens: *const usize,
    n: usize,
    batch: *const mc_batch,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { packed_keys(client, Op::Get, keys, lens, n, batch, out) }
}

/// As mc_delete_multi, with the keys one behind the other in one buffer. `batch` may be NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_delete_multi_packed(
    client: *const mc_client,
    keys: *const c_char,
    lens: *const usize,
    n: usize,
    batch: *const mc_batch,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { packed_keys(client, Op::Delete, keys, lens, n, batch, out) }
}

/// As mc_set_multi, with the keys one behind the other in one buffer and the values in another.
/// `batch` may be NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_set_multi_packed(
    client: *const mc_client,
    keys: *const c_char,
    key_lens: *const usize,
    values: *const c_void,
    value_lens: *const usize,
    n: usize,
    ttl: i64,
    flags: u32,
    batch: *const mc_batch,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: the caller's pointers, as the header says.
    unsafe {
        self::batch(out, false, |place| {
            let limit = mc_batch::limit(batch)?;
            let (key_lens, value_lens) = (
                array(key_lens, n, "key_lens")?,
                array(value_lens, n, "value_lens")?,
            );
            let commands = Packed {
                like: Command {
                    ttl: self::ttl(ttl, false)?,
                    flags,
                    ..Command::new(Op::Set, b"")
                },
                keys: Pieces::new(keys.cast(), key_lens, "keys")?,
                values: Some(Pieces::new(values, value_lens, "values")?),
            };
            run(client, &commands, limit, true, place)
        })
    }
}

/// Carry out any commands at once, on all their servers. `commands` is an array whose stride is the
/// `size` of its first element, which all must have. An entry that cannot be carried out has its own
/// status, the others go on. `batch` may be NULL; `out` too, where all are writes. MC_OK: every entry
/// is ok or a miss; MC_MULTI_STORAGE: some failed, and all are writes; MC_PARTIAL: some failed.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_execute_multi(
    client: *const mc_client,
    commands: *const mc_command,
    n: usize,
    batch: *const mc_batch,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: the caller's pointers, as the header says.
    unsafe {
        self::batch(out, false, |place| {
            let limit = mc_batch::limit(batch)?;
            let commands = Mixed::new(commands, n)?;
            let all_write = n > 0 && commands.all_write();
            if place.is_none() && n > 0 && !all_write {
                return Err(null("out"));
            }
            run(client, &commands, limit, all_write, place)
        })
    }
}
