//! `mc_conn`: one connection by itself, for dialogues that the client has no function for.

use std::ffi::{CString, c_char, c_void};

use super::borrow::{borrow, bytes, hand_out, limit, nothing_yet, out, text};
use super::guard::{guard, guard_or};
use super::handle::{self, Handle};
use super::status::mc_status;
use crate::client::raw::{Raw, RawConnection};
use crate::error::{Failure, Result};
use crate::uri::{Address, ServerUri};

/// One connection to one server, below all commands: bytes are sent as they are, and read up to a
/// terminator or a length. Used by one thread at a time (MC_IN_USE: another one is inside a call), in
/// the process that made it: in a forked child it can only be freed, all else is MC_INVALID_ARGUMENT,
/// and the parent's connection does not notice. Freed with mc_conn_free.
///
/// A call takes at most the time of mc_conn_set_timeout. One that fails has closed the connection and
/// forgotten what was received, so that the next one begins with nothing of this one: mc_conn_connect
/// opens it. Only after MC_INVALID_ARGUMENT, MC_IN_USE and MC_WOULD_BLOCK it is as it was. Since: 0.1.
pub struct mc_conn {
    _opaque: [u8; 0],
}

/// What a connection's URI says. Made by the library and reached by pointer only: it grows at its end.
/// Each text ends with a NUL, and is "" where the URI has no such part. Since: 0.1.
#[repr(C)]
pub struct mc_uri {
    /// "memcached", "memcacheds" (TLS), "memcached+unix" or "memory".
    pub protocol: *const c_char,
    /// The host's name as it was written, or its address, that of IPv6 without brackets.
    pub host: *const c_char,
    /// The path of a Unix socket.
    pub path: *const c_char,
    /// The name of a server in memory.
    pub store: *const c_char,
    /// The port, 11211 where the URI says none; 0 where there are no ports.
    pub port: u32,
}

/// What `mc_conn` stands for.
pub struct Conn {
    raw: RawConnection,
    parts: mc_uri,
    /// What the pointers in `parts` lead to.
    _texts: [CString; 4],
}

// SAFETY: the pointers lead to memory that the connection owns and that nobody changes.
unsafe impl Send for Conn {}
// SAFETY: as above.
unsafe impl Sync for Conn {}

impl Handle for mc_conn {
    type Inner = Conn;
    const KIND: u64 = 0x6d63_636f_6e6e_6563;
}

impl Conn {
    fn new(uri: &str) -> Result<Conn> {
        let raw = RawConnection::new(uri)?;
        let (texts, port) = parts(raw.target().parsed());
        // No part of a URI holds a NUL.
        let texts = texts.map(|text| CString::new(text).unwrap_or_default());
        let at = |index: usize| texts[index].as_ptr();
        Ok(Conn {
            parts: mc_uri {
                protocol: at(0),
                host: at(1),
                path: at(2),
                store: at(3),
                port: port.into(),
            },
            _texts: texts,
            raw,
        })
    }
}

/// In a forked child nothing is dropped that a vanished thread may have been changing.
fn end(conn: Box<Conn>) {
    if conn.raw.own().is_err() {
        conn.raw.abandon();
        std::mem::forget(conn);
    }
}

/// Protocol, host, path and store; the port.
fn parts(uri: &ServerUri) -> ([&str; 4], u16) {
    let protocol = uri.scheme.name();
    match &uri.address {
        Address::Tcp { host, port } => ([protocol, host, "", ""], *port),
        Address::Unix { path } => ([protocol, "", path, ""], 0),
        Address::Memory { name } => ([protocol, "", "", name], 0),
    }
}

/// Use the connection.
fn with<T>(conn: *const mc_conn, act: impl FnOnce(&mut Raw) -> Result<T>) -> Result<T> {
    act(&mut *borrow(conn, "conn")?.raw.enter()?)
}

/// Hand out what `read` reads; nothing where it fails.
///
/// # Safety
///
/// `data` and `len` are NULL or writable.
unsafe fn hand_out_view(
    conn: *const mc_conn,
    data: *mut *const c_char,
    len: *mut usize,
    read: impl FnOnce(&mut Raw) -> Result<&[u8]>,
) -> Result<()> {
    // SAFETY: promised by the caller.
    let (data, mut len) = unsafe { (data.as_mut(), len.as_mut()) };
    if let Some(len) = &mut len {
        **len = 0;
    }
    let Some(data) = data else {
        return Err(Failure::argument("data is NULL"));
    };
    *data = std::ptr::null();
    with(conn, |raw| {
        // It stays where it is until the connection is used again.
        let view = read(raw)?;
        *data = view.as_ptr().cast();
        if let Some(len) = len {
            *len = view.len();
        }
        Ok(())
    })
}

/// Make a connection of the URI of one server, in any spelling of mc_new, with the options of a client
/// behind the question mark: "memcached://cache:11211/?timeout=250ms". Neither resolves nor connects.
/// With credentials in the URI ("memcached://user:password@cache/"), a connection is authenticated
/// before it is connected, as a client's are. MC_OK: `*out` is the connection; else NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_conn_new(uri: *const c_char, out: *mut *mut mc_conn) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        let place = unsafe { self::out(out, "out") }?;
        *place = std::ptr::null_mut();
        // SAFETY: as above.
        let uri = unsafe { text(uri, "uri") }?;
        *place = handle::make::<mc_conn>(Conn::new(uri)?);
        match place.is_null() {
            true => Err(Failure::no_memory(0)),
            false => Ok(()),
        }
    })
}

/// Close a connection and free it, with what was read from it; NULL is ignored. In a forked child,
/// nothing is told to the server. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_conn_free(conn: *mut mc_conn) {
    guard_or((), || {
        if let Some(conn) = handle::take(conn) {
            end(conn);
        }
    });
}

/// Connect, unless it is connected: the name is looked up, its addresses race, within the options
/// `connect_timeout` and `timeout`. A connection that the server is seen to have closed is replaced.
/// After mc_conn_setblocking(conn, 0) MC_WOULD_BLOCK: it is on its way; call again when mc_conn_fileno
/// can be written, or where that is -1 after some milliseconds. MC_RESOLVE_FAILED, MC_CONNECT_FAILED,
/// MC_TIMEOUT, MC_INVALID_CREDENTIALS: there is no connection. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_conn_connect(conn: *mut mc_conn) -> mc_status {
    guard(|| with(conn, Raw::connect))
}

/// Close the connection and forget what was received. It may be connected again. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_conn_reset(conn: *mut mc_conn) -> mc_status {
    guard(|| {
        with(conn, |raw| {
            raw.reset();
            Ok(())
        })
    })
}

/// Return whether it is connected and the server, as far as can be seen without waiting, has not closed
/// it; bytes that were not read yet stand in front of an end and hide it. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_conn_is_up(conn: *mut mc_conn) -> bool {
    let mut up = false;
    guard(|| {
        up = with(conn, |raw| Ok(raw.is_up()))?;
        Ok(())
    });
    up
}

/// Return the descriptor of the connection, to wait for only: nobody else may read or write it, close
/// it, or keep it beyond the next call that fails. -1 while there is no connection, and for a server in
/// memory, which never has to be waited for. What was received already is not seen there: ask
/// mc_conn_line_available first. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_conn_fileno(conn: *mut mc_conn) -> i32 {
    let mut fd = -1;
    guard(|| {
        fd = with(conn, |raw| Ok(raw.fd().unwrap_or(-1)))?;
        Ok(())
    });
    fd
}

/// Let calls wait (not 0: so they begin) or not (0). What would have to wait then answers
/// MC_WOULD_BLOCK, and is to be called again when mc_conn_fileno is ready. It holds for later
/// connections too. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_conn_setblocking(conn: *mut mc_conn, blocking: i32) -> mc_status {
    guard(|| {
        with(conn, |raw| {
            raw.set_waiting(blocking != 0);
            Ok(())
        })
    })
}

/// Let each call take at most `timeout_us` microseconds from now on (0: the option `timeout`; below 0:
/// for ever). Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_conn_set_timeout(conn: *mut mc_conn, timeout_us: i64) -> mc_status {
    guard(|| {
        with(conn, |raw| {
            raw.set_timeout(limit(timeout_us));
            Ok(())
        })
    })
}

/// Send `command` (`len` in bytes, or MC_CSTR) as it is: nothing is added, no line end either. `*sent`
/// is how many bytes the system has taken: all for MC_OK. It may be NULL, but not after
/// mc_conn_setblocking(conn, 0): then MC_WOULD_BLOCK may come with a part of the command sent, and the
/// rest (`command + *sent`) is to be sent when mc_conn_fileno can be written. While a call waits to
/// send, it receives what the server sends, up to the option `max_value_size`. MC_SERVER_DISCONNECT: the
/// server has closed the connection, or mc_conn_connect was not called. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_conn_send_command(
    conn: *mut mc_conn,
    command: *const c_void,
    len: usize,
    sent: *mut usize,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer: NULL or writable.
        let place = unsafe { sent.as_mut() };
        let told = place.is_some();
        let mut nowhere = 0;
        let sent = place.unwrap_or(&mut nowhere);
        *sent = 0;
        with(conn, |raw| {
            // SAFETY: the caller's pointer.
            let command = unsafe { bytes(command, len, "command") }?;
            if !told && !raw.may_wait() {
                return Err(Failure::argument(
                    "sent is NULL, but a part of the command may be sent",
                ));
            }
            raw.send(command, sent)
        })
    })
}

/// Read up to the first `terminator` (`terminator_len` in bytes, or MC_CSTR; (NULL, 0) is CR LF), which
/// is part of what is read. Bytes behind it stay for the next call. `*data` and `*len` (may be NULL) are
/// a view of the connection's memory, without a NUL behind it, until the next call on the connection.
/// MC_UNEXPECTED_RESPONSE: no terminator within `max` bytes (0, and above it: the option
/// `max_value_size`). MC_WOULD_BLOCK: not all of it has come, and what has is kept. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_conn_read_until(
    conn: *mut mc_conn,
    terminator: *const c_void,
    terminator_len: usize,
    max: usize,
    data: *mut *const c_char,
    len: *mut usize,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        unsafe {
            hand_out_view(conn, data, len, |raw| {
                let line_end = terminator.is_null() && terminator_len == 0;
                let terminator = match line_end {
                    true => b"\r\n",
                    false => bytes(terminator, terminator_len, "terminator")?,
                };
                raw.read_until(terminator, max)
            })
        }
    })
}

/// Read `length` bytes, no more than the option `max_value_size`; as mc_conn_read_until. Memory follows
/// what has come, not `length`. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_conn_read_length(
    conn: *mut mc_conn,
    length: usize,
    data: *mut *const c_char,
    len: *mut usize,
) -> mc_status {
    // SAFETY: the caller's pointers.
    guard(|| unsafe { hand_out_view(conn, data, len, |raw| raw.read_length(length)) })
}

/// Take at most `length` bytes of what has been received already: fewer where there are fewer, none
/// where there are none. Nothing is received. The view is as that of mc_conn_read_until. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_conn_consume_from_buffer(
    conn: *mut mc_conn,
    length: usize,
    data: *mut *const c_char,
    len: *mut usize,
) -> mc_status {
    // SAFETY: the caller's pointers.
    guard(|| unsafe { hand_out_view(conn, data, len, |raw| Ok(raw.consume(length))) })
}

/// Tell whether a line, up to CR LF, can be read at once: `*available` is 1 or 0. What has come is
/// received for that, without waiting. An end of the connection is told by the call that reads up to
/// it, not here. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_conn_line_available(
    conn: *mut mc_conn,
    available: *mut i32,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { out(available, "available") }?;
        *place = 0;
        *place = with(conn, Raw::line_available)?.into();
        Ok(())
    })
}

/// Write the connection's URI to `buf` as snprintf does, and its length without the NUL to `*needed`
/// (may be NULL): as it was given, but of one with credentials only the place. MC_BUFFER_TOO_SMALL: it
/// was cut; (NULL, 0) only asks. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_conn_uri(
    conn: *const mc_conn,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        unsafe { nothing_yet(buf, cap, needed) };
        let conn = borrow(conn, "conn")?;
        conn.raw.own()?;
        // SAFETY: as above.
        unsafe { hand_out(conn.raw.target().uri(), buf, cap, needed) }
    })
}

/// Say what the connection's URI means: `*parts` lives as long as the connection. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_conn_parse_uri(
    conn: *const mc_conn,
    parts: *mut *const mc_uri,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { out(parts, "parts") }?;
        *place = std::ptr::null();
        let conn = borrow(conn, "conn")?;
        conn.raw.own()?;
        *place = &raw const conn.parts;
        Ok(())
    })
}
