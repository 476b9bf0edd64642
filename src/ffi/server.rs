//! Commands that are asked of servers, not of a key.

use super::batch::finish;
use super::borrow::{borrow, out};
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

/// No command of a broadcast has a key.
struct NoKeys;

impl Commands for NoKeys {
    fn count(&self) -> usize {
        0
    }
    fn blank(&self) -> Command<'_> {
        Command::new(Op::Version, b"")
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
        // SAFETY: the caller's pointer.
        let place = unsafe { out(place, "out") }?;
        *place = std::ptr::null_mut();
        let client = borrow(client, "client")?;
        let command = command()?;
        let sink = client.broadcast(&command, Limit::Default, ResultsSink::for_servers)?;
        status = finish(sink, &NoKeys, Status::PARTIAL, Some(place))?;
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

/// Have every server forget everything, at once or (`delay` above 0) in so many seconds; what is stored
/// meanwhile is forgotten too. `*out` holds one item for each server. MC_PARTIAL: some failed.
/// Since: 0.1.
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
