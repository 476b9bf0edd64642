//! Asking servers for their statistics.

use std::ffi::c_char;

use super::borrow::{borrow, bytes, out};
use super::client::mc_client;
use super::guard::guard;
use super::handle;
use super::last_error;
use super::stats_list::mc_stats_list;
use super::stats_sink::StatsSink;
use super::status::mc_status;
use crate::client::Limit;
use crate::error::{Failure, Result, Status};
use crate::protocol::{Command, Op};

/// Ask every server for the statistics that `argument` names.
///
/// # Safety
///
/// As the header says of mc_stats_get.
unsafe fn ask(
    client: *const mc_client,
    argument: impl FnOnce() -> Result<&'static [u8]>,
    place: *mut *mut mc_stats_list,
) -> mc_status {
    let mut status = Status::OK;
    let failed = guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { out(place, "out") }?;
        *place = std::ptr::null_mut();
        let client = borrow(client, "client")?;
        let command = Command {
            value: argument()?,
            ..Command::new(Op::Stats, b"")
        };
        let sink = client.broadcast(&command, Limit::Default, StatsSink::new)?;
        if let Some(last) = sink.last() {
            last_error::record(last);
            status = Status::PARTIAL;
        }
        let handle = handle::make::<mc_stats_list>(sink.finish()?);
        if handle.is_null() {
            return Err(Failure::no_memory(0));
        }
        *place = handle;
        Ok(())
    });
    if failed != 0 { failed } else { status.0 }
}

/// Ask every server for statistics: the general ones where `arg_len` is 0, else those that `arg` names,
/// such as "settings", "items", "slabs", "sizes", "conns", or "detail on"; "reset" sets the servers'
/// counters to 0 and answers none. `arg_len` in bytes, or MC_CSTR. No key_prefix is put in front of it.
///
/// `*out` is a list with one part for each server, those that are down included, freed with
/// mc_stats_list_free. MC_OK: every server answered; MC_PARTIAL: some did not, the others' parts stand.
/// MC_ILLEGAL_INPUT: `arg` has more than 64 bytes, control characters, or spaces that separate no words.
/// MC_UNSUPPORTED: what `arg` asks for is not answered by statistics ("cachedump", "detail dump",
/// "sizes_enable", "sizes_disable"). Nothing was sent then. A server that does not know `arg` has the
/// status MC_UNKNOWN_COMMAND. A server's answer may take max_value_size bytes. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_stats_get(
    client: *const mc_client,
    arg: *const c_char,
    arg_len: usize,
    out: *mut *mut mc_stats_list,
) -> mc_status {
    // SAFETY: as the header says; the bytes are used before the call returns.
    unsafe { ask(client, || bytes(arg.cast(), arg_len, "arg"), out) }
}

/// As mc_stats_get with "settings": how each server was started and set. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_stats_settings(
    client: *const mc_client,
    out: *mut *mut mc_stats_list,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { ask(client, || Ok(b"settings"), out) }
}

/// As mc_stats_get with "items": the items of each slab class, which is the `index` of a statistic.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_stats_items(
    client: *const mc_client,
    out: *mut *mut mc_stats_list,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { ask(client, || Ok(b"items"), out) }
}

/// As mc_stats_get with "slabs": the memory of each slab class, which is the `index` of a statistic;
/// "active_slabs" and "total_malloced", which have none, are of the whole server. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_stats_slabs(
    client: *const mc_client,
    out: *mut *mut mc_stats_list,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { ask(client, || Ok(b"slabs"), out) }
}

/// As mc_stats_get with "sizes": how many items (`number`) there are of each size (`index`, bytes, in
/// steps of 32). A server that does not track sizes (memcached does with `-o track_sizes`) answers one
/// statistic without `index`: "sizes_status", disabled. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_stats_sizes(
    client: *const mc_client,
    out: *mut *mut mc_stats_list,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { ask(client, || Ok(b"sizes"), out) }
}
