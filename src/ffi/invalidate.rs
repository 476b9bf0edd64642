//! Making items stale.

use std::ffi::c_char;

use super::borrow::{borrow, bytes};
use super::client::mc_client;
use super::command::ttl;
use super::guard::guard_status;
use super::item_sink::StatusSink;
use super::last_error;
use super::status::mc_status;
use crate::client::Limit;
use crate::error::Result;
use crate::protocol::extra::{Extra, Said};
use crate::protocol::{Command, Op};

/// Make an item stale: it lives for `stale_ttl` more seconds (0: as long as it would have), its readers
/// get it with MC_MARK_STALE, and one of them with MC_MARK_WON: that one is to store it anew. Its CAS is
/// another afterwards: who read it before cannot store by it. MC_NOT_FOUND where there is no item;
/// MC_UNSUPPORTED, and nothing is sent, but by the meta protocol. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_invalidate(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    stale_ttl: i64,
) -> mc_status {
    guard_status(|| {
        let begun = || -> Result<_> {
            let client = borrow(client, "client")?;
            // SAFETY: the caller's pointer.
            let key = unsafe { bytes(key.cast(), key_len, "key") }?;
            let extra = Extra {
                said: Said::STALE,
                stale: ttl(stale_ttl, false)?,
                ..Extra::NOTHING
            };
            let command = Command {
                extra,
                ..Command::new(Op::Delete, key)
            };
            Ok((client, command))
        };
        match begun() {
            Ok((client, command)) => {
                let mut sink = StatusSink::default();
                client.execute_any(&command, Limit::Default, &mut sink);
                sink.status
            }
            Err(failure) => {
                last_error::record(&failure);
                failure.status
            }
        }
    })
}
