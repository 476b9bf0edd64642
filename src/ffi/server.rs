//! Commands that are asked of servers, not of the one that a key belongs to.

use std::ffi::c_char;

use super::batch::finish;
use super::borrow::{borrow, bytes, null};
use super::client::mc_client;
use super::command::ttl;
use super::guard::guard;
use super::results::mc_results;
use super::results_sink::ResultsSink;
use super::status::mc_status;
use crate::client::Limit;
use crate::error::{Failure, Result, Status};
use crate::operation::command::Commands;
use crate::protocol::{Command, Op};

/// One command, whatever its number.
pub(super) struct Everyone<'a>(pub Command<'a>);

impl Commands for Everyone<'_> {
    fn count(&self) -> usize {
        0
    }
    fn blank(&self) -> Command<'_> {
        self.0
    }
    fn fill<'s>(&'s self, _: usize, _: &mut Command<'s>) -> Result<()> {
        Ok(())
    }
}

/// # Safety
///
/// As the header says of mc_server_versions.
unsafe fn everywhere(
    client: *const mc_client,
    command: impl FnOnce() -> Result<Command<'static>>,
    place: *mut *mut mc_results,
) -> mc_status {
    let mut status = Status::OK;
    let failed = guard(|| {
        // SAFETY: the caller's pointer: NULL or writable.
        let mut place = unsafe { place.as_mut() };
        if let Some(place) = &mut place {
            **place = std::ptr::null_mut();
        }
        let client = borrow(client, "client")?;
        let command = command()?;
        if place.is_none() && command.op.is_read() {
            return Err(null("out"));
        }
        let sink = client.broadcast(&command, Limit::Default, ResultsSink::for_servers)?;
        // An illegal key is so for every server.
        let partial = match sink.last() {
            Some(last) if last.status == Status::ILLEGAL_INPUT => last.status,
            _ => Status::PARTIAL,
        };
        status = finish(sink, &Everyone(command), partial, place)?;
        Ok(())
    });
    if failed != 0 { failed } else { status.0 }
}

/// Ask every server for its version. `*out` holds one item for each, in the order of the list, those
/// that are down included: `value` is the version, `server` the name. MC_PARTIAL: some failed.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_server_versions(
    client: *const mc_client,
    out: *mut *mut mc_results,
) -> mc_status {
    // SAFETY: as the header says.
    unsafe { everywhere(client, || Ok(Command::new(Op::Version, b"")), out) }
}

/// Ask every server for a sign of life. `*out` holds one item for each, in the order of the list: MC_OK,
/// or why it gave none. MC_OK: all did; MC_PARTIAL: some did not. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_ping(client: *const mc_client, out: *mut *mut mc_results) -> mc_status {
    // SAFETY: as the header says.
    unsafe { everywhere(client, || Ok(Command::new(Op::Ping, b"")), out) }
}

/// Have every server forget everything, at once or (`delay` above 0) in so many seconds; what is stored
/// meanwhile is forgotten too. `*out` holds one item for each server; `out` may be NULL. MC_PARTIAL: some
/// failed. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_flush_all(
    client: *const mc_client,
    delay: i64,
    out: *mut *mut mc_results,
) -> mc_status {
    let command = || {
        if delay < 0 {
            return Err(Failure::argument(format!("a delay of {delay} seconds")));
        }
        Ok(Command {
            ttl: ttl(delay, false)?,
            ..Command::new(Op::FlushAll, b"")
        })
    };
    // SAFETY: as the header says.
    unsafe { everywhere(client, command, out) }
}

/// Delete the key on every server, wherever it belongs: for keys that lie where an older list of servers
/// or another client has put them. `*out` holds one item for each server, in the order of the list, with
/// the key: MC_OK, MC_NOT_FOUND where there was nothing, or why it failed; `out` may be NULL. MC_OK: the
/// key is on none of them; MC_PARTIAL: some failed; MC_ILLEGAL_INPUT: the key is illegal, nothing was
/// sent. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_delete_all(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    out: *mut *mut mc_results,
) -> mc_status {
    let command = || {
        // SAFETY: the caller's pointer, as the header says; used before the call returns.
        let key = unsafe { bytes(key.cast(), key_len, "key") }?;
        Ok(Command::new(Op::DeleteAll, key))
    };
    // SAFETY: as the header says.
    unsafe { everywhere(client, command, out) }
}

/// Set how much every server writes to its log: 0 nothing but errors; memcached knows levels up to 3.
/// `*out` holds one item for each server; `out` may be NULL. MC_PARTIAL: some failed. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_verbosity(
    client: *const mc_client,
    level: u32,
    out: *mut *mut mc_results,
) -> mc_status {
    let command = || {
        Ok(Command {
            delta: level.into(),
            ..Command::new(Op::Verbosity, b"")
        })
    };
    // SAFETY: as the header says.
    unsafe { everywhere(client, command, out) }
}

/// Set how much memory every server may use for items, in megabytes (of 2^20 bytes). A server that holds
/// more gives it up as items go, and only where it moves pages between slab classes. `*out` holds one
/// item for each server; `out` may be NULL. MC_PARTIAL: some failed: a limit that a server finds too
/// small (memcached: below 8) or too large is MC_CLIENT_ERROR with its words as `text`, and changes
/// nothing. 2^32 megabytes and more are MC_INVALID_ARGUMENT. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_cache_memlimit(
    client: *const mc_client,
    megabytes: u64,
    out: *mut *mut mc_results,
) -> mc_status {
    let command = || {
        // memcached would take the rest of a division by 2^32.
        if megabytes > u64::from(u32::MAX) {
            return Err(Failure::argument(format!(
                "a limit of {megabytes} megabytes"
            )));
        }
        Ok(Command {
            delta: megabytes,
            ..Command::new(Op::CacheMemlimit, b"")
        })
    };
    // SAFETY: as the header says.
    unsafe { everywhere(client, command, out) }
}
