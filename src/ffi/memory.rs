//! Servers in memory, for tests.

use super::borrow::borrow;
use super::client::mc_client;
use super::guard::guard;
use super::status::mc_status;
use crate::error::Failure;

/// Move the time of the client's servers memory://…?clock=manual by so many seconds, at once: what
/// expires meanwhile has expired. Times to live count from that time, and MC_TTL_IS_UNIX_TIME names moments
/// of it. All clients of a named store see it. MC_UNSUPPORTED: the client has no such server. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_memory_advance(client: *const mc_client, seconds: i64) -> mc_status {
    guard(|| {
        let client = borrow(client, "client")?;
        let seconds = u32::try_from(seconds).map_err(|_| {
            Failure::argument(format!(
                "the time cannot move by {seconds} seconds: 0 to 4294967295 are possible"
            ))
        })?;
        client.memory_advance(seconds)
    })
}

/// Forget every item of the client's servers in memory, at once and past the protocol; unlike
/// mc_flush_all, it frees their memory too. MC_UNSUPPORTED: the client has no such server. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_memory_clear(client: *const mc_client) -> mc_status {
    guard(|| borrow(client, "client")?.memory_clear())
}
