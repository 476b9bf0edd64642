//! Lines of an operator.

use std::ffi::c_char;

use super::batch::finish;
use super::borrow::{borrow, bytes, out, text};
use super::client::mc_client;
use super::guard::guard;
use super::results::mc_results;
use super::results_sink::ResultsSink;
use super::server::Everyone;
use super::status::mc_status;
use crate::client::Limit;
use crate::error::Status;
use crate::protocol::{Command, Op};

/// Send a line as it is to every server, or (`server` not NULL) to the one that `server` names, by its
/// URI in any spelling or its alias: what operators type, such as "lru mode segmented",
/// "slabs automove 1", "lru_crawler enable", "shutdown". `line_len` in bytes, or MC_CSTR; without a line
/// end. No key_prefix is put anywhere.
///
/// `*out` holds one item for each server that was asked, in the order of the list, those that are down
/// included: MC_OK with the server's words as `value` (of stats, its lines with LF between them, without
/// END), or why it failed; a server that refuses in words of its own ("BUSY …", "BADCLASS …") has failed,
/// with its words as `text`: MC_UNKNOWN_COMMAND, MC_CLIENT_ERROR, MC_NOT_PERMITTED (not switched on when it
/// was started), or another MC_SERVER_ERROR. To "shutdown" a server answers by closing the connection: MC_OK
/// with an empty value. Each server is asked over a connection of this call's own, which is closed
/// afterwards; it is given up when it is silent for `timeout`, all of them after `batch_timeout`.
///
/// MC_OK: every server answered; MC_PARTIAL: some did not. MC_ILLEGAL_INPUT: the line is empty, has more
/// than 1,024 bytes, or control characters. MC_UNSUPPORTED: it is no line whose answer has an end that can
/// be believed: "watch" and what ends in "noreply", commands on items ("get", "me"), and whatever this
/// version does not know; the keys of a server are told by mc_dump_keys. MC_INVALID_ARGUMENT or
/// MC_INVALID_URI: `server` names none of the client's. Nothing was sent then, and `*out` is NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_admin(
    client: *const mc_client,
    line: *const c_char,
    line_len: usize,
    server: *const c_char,
    out: *mut *mut mc_results,
) -> mc_status {
    let mut status = Status::OK;
    let failed = guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { self::out(out, "out") }?;
        *place = std::ptr::null_mut();
        let client = borrow(client, "client")?;
        // SAFETY: the caller's pointers, as the header says; used before the call returns.
        let (line, which) = unsafe {
            let line = bytes(line.cast(), line_len, "line")?;
            let which = (!server.is_null()).then(|| text(server, "server"));
            (line, which.transpose()?)
        };
        let sink = client.admin(line, which, Limit::Default, ResultsSink::for_servers)?;
        let nothing = Everyone(Command::new(Op::Version, b""));
        status = finish(sink, &nothing, Status::PARTIAL, Some(place))?;
        Ok(())
    });
    if failed != 0 { failed } else { status.0 }
}
