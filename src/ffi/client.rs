//! The client: made, shared, freed.

use std::ffi::c_char;

use super::borrow::{borrow, bytes, hand_out, limit, nothing_yet, out, text};
use super::guard::{guard, guard_or};
use super::handle::{self, Handle};
use super::options::mc_options;
use super::status::mc_status;
use crate::client::Client;
use crate::config::Config;
use crate::error::{Failure, Result, Status};
use crate::protocol::Key;

/// A memcached client: used by any number of threads at once, and after a fork by both processes.
/// Freed with mc_free. Since: 0.1.
pub struct mc_client {
    _opaque: [u8; 0],
}

impl Handle for mc_client {
    type Inner = Client;
    const KIND: u64 = 0x6d63_636c_6965_6e74;
}

fn hand_out_client(client: Client, place: &mut *mut mc_client) -> Result<()> {
    *place = handle::make::<mc_client>(client);
    if place.is_null() {
        return Err(Failure::no_memory(0));
    }
    Ok(())
}

/// Make a client of a list of servers: URIs separated by commas or white space, such as
/// "memcached://127.0.0.1:11211/?timeout=250ms" or "memcached+unix:///run/memcached.sock"; bare
/// "host:port" and "/path" too; "user:password@" before the host, percent-encoded, where the server asks
/// for it. Options stand behind the question mark, those of the client on any of the URIs. Neither resolves nor connects. MC_OK: `*out` is the client; else NULL, and mc_last_error
/// tells what was wrong and where. An empty list is legal; its use is MC_NO_AVAILABLE_SERVERS.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_new(servers: *const c_char, out: *mut *mut mc_client) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        let place = unsafe { self::out(out, "out") }?;
        *place = std::ptr::null_mut();
        // SAFETY: as above.
        let servers = unsafe { text(servers, "servers") }?;
        hand_out_client(Client::new(Config::from_list(servers)?, None)?, place)
    })
}

/// Make a client of options (mc_options_new), which are copied. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_new_with(
    options: *const mc_options,
    out: *mut *mut mc_client,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { self::out(out, "out") }?;
        *place = std::ptr::null_mut();
        let options = borrow(options, "options")?;
        hand_out_client(options.client()?, place)
    })
}

/// Make a view of a client with some options changed, such as "timeout=50ms" (several with & or
/// commas between). It shares servers and connections with the client, which may be freed before it;
/// options that shape connections cannot be changed. Freed with mc_free. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_client_with(
    client: *const mc_client,
    options: *const c_char,
    view: *mut *mut mc_client,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        let place = unsafe { out(view, "view") }?;
        *place = std::ptr::null_mut();
        let client = borrow(client, "client")?;
        // SAFETY: as above.
        let options = unsafe { text(options, "options") }?;
        hand_out_client(client.with(options)?, place)
    })
}

/// Make a view of a client that reads from `old` what it does not find: for moving to other servers, or to
/// another placement. Reads that miss are asked of `old`, whose items are left alone (a gat there is a get)
/// and are told without their CAS: mc_add stores one in the new servers. Deletes go to `old` first and then
/// to the client, so that nothing that was deleted comes back; MC_OK where either had the item. All else is
/// the client's alone, what is asked of servers too. Only a miss leads to `old`, never a failure. Each keeps
/// its options, the view's time is that of both. Servers and connections are shared with both clients,
/// which may be freed before the view; freed with mc_free. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_client_with_fallback(
    client: *const mc_client,
    old: *const mc_client,
    view: *mut *mut mc_client,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { out(view, "view") }?;
        *place = std::ptr::null_mut();
        let (client, old) = (borrow(client, "client")?, borrow(old, "old")?);
        hand_out_client(client.with_fallback(old), place)
    })
}

/// Free a client or a view; NULL is ignored. No thread may be inside a call on it. Connections close
/// when the last of them is freed. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_free(client: *mut mc_client) {
    guard_or((), || drop(handle::take(client)));
}

/// Close the client's connections: idle ones now, those in use when they come back. The next call
/// opens new ones. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_close(client: *const mc_client) -> mc_status {
    guard(|| {
        borrow(client, "client")?.close();
        Ok(())
    })
}

/// Settle quiet commands (MC_NOREPLY): read the replies that idle connections are owed, for at most
/// `timeout_us` microseconds (0: as the client's timeout; below 0: for ever). `*failed` (may be NULL) is
/// how many quiet commands of this client failed since the last time, those whose replies were lost
/// included. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_sync(
    client: *const mc_client,
    timeout_us: i64,
    failed: *mut u64,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer: NULL or writable.
        let mut place = unsafe { failed.as_mut() };
        if let Some(failed) = &mut place {
            **failed = 0;
        }
        let (result, count) = borrow(client, "client")?.sync(limit(timeout_us));
        if let Some(failed) = place {
            *failed = count;
        }
        result
    })
}

/// Add one server to the end of the list, in any spelling of mc_new. Calls under way are not
/// disturbed. Keys move as the placement says. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_add_server(client: *const mc_client, uri: *const c_char) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let uri = unsafe { text(uri, "uri") }?;
        borrow(client, "client")?.add_server(uri)
    })
}

/// Remove one server, named by its URI in any spelling or by its alias. Calls under way end as they
/// would have. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_remove_server(
    client: *const mc_client,
    uri: *const c_char,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let uri = unsafe { text(uri, "uri") }?;
        borrow(client, "client")?.remove_server(uri)
    })
}

/// Replace the list of servers as a whole, at one moment; those that stay keep their connections.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_set_servers(
    client: *const mc_client,
    servers: *const c_char,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let servers = unsafe { text(servers, "servers") }?;
        borrow(client, "client")?.set_servers(servers)
    })
}

/// Write the names of the servers, in their order with a comma between, to `buf` as snprintf does, and
/// the length of the whole text without its NUL to `*needed` (may be NULL). No name holds credentials.
/// MC_BUFFER_TOO_SMALL: it was cut; (NULL, 0) only asks. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_servers(
    client: *const mc_client,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        unsafe { nothing_yet(buf, cap, needed) };
        let names: Vec<String> = borrow(client, "client")?
            .servers()
            .iter()
            .map(ToString::to_string)
            .collect();
        // SAFETY: as above.
        unsafe { hand_out(&names.join(","), buf, cap, needed) }
    })
}

/// Write the name of the server that a key belongs to; as mc_servers. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_server_for_key(
    client: *const mc_client,
    key: *const c_char,
    key_len: usize,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        unsafe { nothing_yet(buf, cap, needed) };
        let client = borrow(client, "client")?;
        // SAFETY: as above.
        let key = unsafe { bytes(key.cast(), key_len, "key") }?;
        client.check_key(key)?;
        let name = client.server_for_key(key)?;
        // SAFETY: as above.
        unsafe { hand_out(name.as_str(), buf, cap, needed) }
    })
}

/// Check whether a key is legal: 1 to 250 bytes, none a space, a control character or DEL. MC_OK, or
/// MC_ILLEGAL_INPUT with what is wrong in mc_last_error. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_key_check(key: *const c_char, key_len: usize) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let key = unsafe { bytes(key.cast(), key_len, "key") }?;
        match Key::new(b"", key) {
            Ok(_) => Ok(()),
            Err(fault) => Err(Failure::new(Status::ILLEGAL_INPUT, fault.to_string())),
        }
    })
}
