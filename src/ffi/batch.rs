//! Many commands at once, and their results.

use std::ffi::{c_char, c_void};

use super::borrow::{CSTR, array, borrow, bytes, null, sized};
use super::client::mc_client;
use super::command::{limit, mc_command, ttl};
use super::guard::{guard, guard_or};
use super::handle::{self, Handle};
use super::item::{Slot, mc_item};
use super::last_error;
use super::results_sink::{Results, ResultsSink};
use super::status::mc_status;
use crate::client::Limit;
use crate::error::{Failure, Result, Status};
use crate::operation::command::Commands;
use crate::protocol::expiry::Ttl;
use crate::protocol::{Command, Op};

/// The answers of a batch: as many items as there were commands, in their order. Freed with
/// mc_results_free; holds no reference to the client. Since: 0.1.
pub struct mc_results {
    _opaque: [u8; 0],
}

impl Handle for mc_results {
    type Inner = Results;
    const KIND: u64 = 0x6d63_7265_7375_6c74;
}

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
    unsafe fn limit(pointer: *const mc_batch) -> Result<Limit> {
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

/// Keys (and values) in arrays of pointers; what they share is in `like`.
struct Arrays<'a> {
    like: Command<'a>,
    keys: &'a [*const c_char],
    key_lens: Option<&'a [usize]>,
    values: &'a [*const c_void],
    value_lens: Option<&'a [usize]>,
}

impl Commands for Arrays<'_> {
    fn count(&self) -> usize {
        self.keys.len()
    }

    fn blank(&self) -> Command<'_> {
        self.like
    }

    #[inline(always)]
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        let len = |lens: Option<&[usize]>| match lens {
            Some(lens) => lens[index],
            None => CSTR,
        };
        // SAFETY: the caller's pointers, valid for their lengths until the call returns.
        command.key = unsafe { bytes(self.keys[index].cast(), len(self.key_lens), "key") }?;
        if let Some(value) = self.values.get(index) {
            // SAFETY: as above.
            command.value = unsafe { bytes(*value, len(self.value_lens), "value") }?;
        }
        Ok(())
    }
}

/// Keys (and values) one behind the other.
struct Packed<'a> {
    like: Command<'a>,
    keys: Pieces<'a>,
    values: Option<Pieces<'a>>,
}

/// Bytes, and where each piece of them ends.
struct Pieces<'a> {
    bytes: &'a [u8],
    ends: Vec<usize>,
}

impl<'a> Pieces<'a> {
    /// # Safety
    ///
    /// `start` is valid for the sum of `lens`.
    unsafe fn new(start: *const c_void, lens: &[usize], name: &str) -> Result<Pieces<'a>> {
        let mut ends = Vec::new();
        ends.try_reserve_exact(lens.len())
            .map_err(|_| Failure::no_memory(size_of_val(lens)))?;
        let mut end = 0usize;
        for len in lens {
            if *len == CSTR {
                return Err(Failure::argument(format!(
                    "MC_CSTR as a length of packed {name}: they do not end at a NUL"
                )));
            }
            end = end
                .checked_add(*len)
                .filter(|end| *end <= isize::MAX as usize)
                .ok_or_else(|| Failure::argument(format!("the lengths of the packed {name}")))?;
            ends.push(end);
        }
        // SAFETY: promised by the caller.
        let bytes = unsafe { bytes(start, end, name) }?;
        Ok(Pieces { bytes, ends })
    }

    #[inline]
    fn piece(&self, index: usize) -> &[u8] {
        let begin = match index {
            0 => 0,
            _ => self.ends[index - 1],
        };
        &self.bytes[begin..self.ends[index]]
    }
}

impl Commands for Packed<'_> {
    fn count(&self) -> usize {
        self.keys.ends.len()
    }

    fn blank(&self) -> Command<'_> {
        self.like
    }

    #[inline(always)]
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        command.key = self.keys.piece(index);
        if let Some(values) = &self.values {
            command.value = values.piece(index);
        }
        Ok(())
    }
}

/// `mc_command`s of any version, all of the same size.
struct Mixed {
    first: *const mc_command,
    stride: usize,
    n: usize,
}

impl Mixed {
    /// # Safety
    ///
    /// `first` is valid for `n` commands of the first one's size.
    unsafe fn new(first: *const mc_command, n: usize) -> Result<Mixed> {
        if n == 0 {
            return Ok(Mixed {
                first,
                stride: 0,
                n,
            });
        }
        if first.is_null() {
            return Err(null("commands"));
        }
        // SAFETY: every version begins with `size`.
        let stride = unsafe { (*first).size } as usize;
        if stride < size_of::<u32>() * 2 || stride % align_of::<mc_command>() != 0 {
            return Err(Failure::argument(format!("commands[0].size is {stride}")));
        }
        if n > u32::MAX as usize || n.checked_mul(stride).is_none() {
            return Err(Failure::argument(format!("{n} commands")));
        }
        let mixed = Mixed { first, stride, n };
        for index in 0..n {
            // SAFETY: within the array.
            let size = unsafe { (*mixed.at(index)).size } as usize;
            if size != stride {
                return Err(Failure::argument(format!(
                    "commands[{index}].size is {size}, that of the first {stride}"
                )));
            }
        }
        Ok(mixed)
    }

    fn at(&self, index: usize) -> *const mc_command {
        self.first
            .cast::<u8>()
            .wrapping_add(index * self.stride)
            .cast()
    }

    /// Whether all commands are writes, which decides how partial failure is called.
    fn all_write(&self) -> bool {
        (0..self.n).all(|index| {
            // SAFETY: `op` is part of every version, as `new` has checked.
            Op::from_number(unsafe { (*self.at(index)).op }).is_some_and(|op| !op.is_read())
        })
    }

    fn read(&self, index: usize) -> Result<mc_command> {
        // SAFETY: within the array, valid for its size.
        unsafe { sized(self.at(index), self.stride, "command") }
    }
}

impl Commands for Mixed {
    fn count(&self) -> usize {
        self.n
    }

    fn blank(&self) -> Command<'_> {
        Command::new(Op::Get, b"")
    }

    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        *command = self.blank();
        let read = self.read(index)?;
        if read.timeout_us != 0 {
            return Err(Failure::argument(
                "command.timeout_us in a batch: the time limit is the batch's",
            ));
        }
        // SAFETY: the caller's pointers, valid until the call returns.
        *command = unsafe { read.command() }?;
        if command.op.is_server_wide() {
            return Err(Failure::argument(format!(
                "{} is asked of servers, not of a key",
                command.op.name()
            )));
        }
        Ok(())
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
fn partial(all_write: bool) -> Status {
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

/// Return how many items there are; 0 for NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_results_count(results: *const mc_results) -> usize {
    guard_or(0, || handle::get(results).map_or(0, |r| r.items.len()))
}

/// Return how many items have a status that is neither MC_OK nor a miss. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_results_failed(results: *const mc_results) -> usize {
    guard_or(0, || handle::get(results).map_or(0, |r| r.failed))
}

/// Return item number `i`, which lives as long as the results; NULL past the end. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_results_item(results: *const mc_results, i: usize) -> *const mc_item {
    guard_or(std::ptr::null(), || {
        handle::get(results)
            .and_then(|results| results.items.get(i))
            .map_or(std::ptr::null(), |slot| &raw const slot.item)
    })
}

/// Return the first item, how many there are, and by how many bytes one follows the other: all items in
/// one crossing, for bindings. NULL when there is none. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_results_items(
    results: *const mc_results,
    count: *mut usize,
    stride: *mut usize,
) -> *const mc_item {
    guard_or(std::ptr::null(), || {
        let items: &[Slot] = handle::get(results).map_or(&[], |results| &results.items);
        // SAFETY: the caller's pointers: NULL or writable.
        unsafe {
            if let Some(count) = count.as_mut() {
                *count = items.len();
            }
            if let Some(stride) = stride.as_mut() {
                *stride = size_of::<Slot>();
            }
        }
        items
            .first()
            .map_or(std::ptr::null(), |slot| &raw const slot.item)
    })
}

/// Free results, with their items. NULL is ignored. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_results_free(results: *mut mc_results) {
    guard_or((), || drop(handle::take(results)));
}
