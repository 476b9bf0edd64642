//! One connection, as a Rust test calls the library's `mc_conn`.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use super::client::{OK, last_error, name};

pub const INVALID_URI: i32 = 0x0303;
pub const UNKNOWN_PROTOCOL: i32 = 0x0403;
pub const UNEXPECTED_RESPONSE: i32 = 0x0204;
pub const SERVER_DISCONNECT: i32 = 0x0105;
pub const WOULD_BLOCK: i32 = 0x0408;
pub const IN_USE: i32 = 0x0608;

#[repr(C)]
pub struct Handle {
    _opaque: [u8; 0],
}

/// The beginning of `mc_uri`.
#[repr(C)]
struct RawUri {
    protocol: *const c_char,
    host: *const c_char,
    path: *const c_char,
    store: *const c_char,
    port: u32,
}

/// What a URI says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub protocol: String,
    pub host: String,
    pub path: String,
    pub store: String,
    pub port: u32,
}

unsafe extern "C" {
    fn mc_conn_new(uri: *const c_char, out: *mut *mut Handle) -> i32;
    fn mc_conn_free(conn: *mut Handle);
    fn mc_conn_connect(conn: *mut Handle) -> i32;
    fn mc_conn_reset(conn: *mut Handle) -> i32;
    fn mc_conn_is_up(conn: *mut Handle) -> bool;
    fn mc_conn_fileno(conn: *mut Handle) -> i32;
    fn mc_conn_setblocking(conn: *mut Handle, blocking: i32) -> i32;
    fn mc_conn_set_timeout(conn: *mut Handle, timeout_us: i64) -> i32;
    fn mc_conn_send_command(
        conn: *mut Handle,
        command: *const c_void,
        len: usize,
        sent: *mut usize,
    ) -> i32;
    fn mc_conn_read_until(
        conn: *mut Handle,
        terminator: *const c_void,
        terminator_len: usize,
        max: usize,
        data: *mut *const c_char,
        len: *mut usize,
    ) -> i32;
    fn mc_conn_read_length(
        conn: *mut Handle,
        length: usize,
        data: *mut *const c_char,
        len: *mut usize,
    ) -> i32;
    fn mc_conn_consume_from_buffer(
        conn: *mut Handle,
        length: usize,
        data: *mut *const c_char,
        len: *mut usize,
    ) -> i32;
    fn mc_conn_line_available(conn: *mut Handle, available: *mut i32) -> i32;
    fn mc_conn_uri(conn: *const Handle, buf: *mut c_char, cap: usize, needed: *mut usize) -> i32;
    fn mc_conn_parse_uri(conn: *const Handle, parts: *mut *const RawUri) -> i32;
    fn mc_last_error_errno() -> i32;
    fn mc_last_error_phase() -> u32;
}

/// The thread's last failure.
pub fn last_errno() -> i32 {
    // SAFETY: this thread's record.
    unsafe { mc_last_error_errno() }
}

/// As above.
pub fn last_phase() -> u32 {
    // SAFETY: this thread's record.
    unsafe { mc_last_error_phase() }
}

/// What was read, or the status of the failure.
pub type Read = Result<Vec<u8>, i32>;

pub struct Conn(*mut Handle);

// SAFETY: the library refuses what two threads do at once.
unsafe impl Send for Conn {}
// SAFETY: as above.
unsafe impl Sync for Conn {}

impl Drop for Conn {
    fn drop(&mut self) {
        // SAFETY: a live handle that is used no more.
        unsafe { mc_conn_free(self.0) };
    }
}

fn viewed(call: impl FnOnce(*mut *const c_char, *mut usize) -> i32) -> Read {
    let (mut data, mut len) = (c"before".as_ptr(), 77);
    match call(&mut data, &mut len) {
        OK => {
            assert!(!data.is_null(), "a view exactly for OK");
            // SAFETY: a view of so many bytes, until the connection's next call.
            Ok(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }.to_vec())
        }
        status => {
            assert!(data.is_null() && len == 0, "a view exactly for OK");
            Err(status)
        }
    }
}

impl Conn {
    pub fn try_new(uri: &str) -> Result<Conn, i32> {
        let uri = CString::new(uri).expect("no NUL");
        let mut conn = ptr::null_mut();
        // SAFETY: a string that ends at a NUL, and a place for the handle.
        let status = unsafe { mc_conn_new(uri.as_ptr(), &mut conn) };
        assert_eq!(status == OK, !conn.is_null(), "a handle exactly for OK");
        match status {
            OK => Ok(Conn(conn)),
            _ => Err(status),
        }
    }

    pub fn new(uri: &str) -> Conn {
        Conn::try_new(uri)
            .unwrap_or_else(|status| panic!("{uri}: {}: {}", name(status), last_error()))
    }

    /// One that is connected.
    #[track_caller]
    pub fn open(uri: &str) -> Conn {
        let conn = Conn::new(uri);
        assert_eq!(conn.connect(), OK, "{}", last_error());
        conn
    }

    pub fn connect(&self) -> i32 {
        // SAFETY: a live handle, as in all that follow.
        unsafe { mc_conn_connect(self.0) }
    }

    pub fn reset(&self) -> i32 {
        // SAFETY: as above.
        unsafe { mc_conn_reset(self.0) }
    }

    pub fn is_up(&self) -> bool {
        // SAFETY: as above.
        unsafe { mc_conn_is_up(self.0) }
    }

    pub fn fileno(&self) -> i32 {
        // SAFETY: as above.
        unsafe { mc_conn_fileno(self.0) }
    }

    pub fn set_blocking(&self, blocking: bool) -> i32 {
        // SAFETY: as above.
        unsafe { mc_conn_setblocking(self.0, blocking.into()) }
    }

    pub fn set_timeout_us(&self, timeout: i64) -> i32 {
        // SAFETY: as above.
        unsafe { mc_conn_set_timeout(self.0, timeout) }
    }

    /// The status, and how many bytes were sent.
    pub fn send_some(&self, command: &[u8]) -> (i32, usize) {
        let mut sent = 77;
        let at = command.as_ptr().cast();
        // SAFETY: bytes with their length, a place for the number.
        let status = unsafe { mc_conn_send_command(self.0, at, command.len(), &mut sent) };
        (status, sent)
    }

    /// Send all of it.
    #[track_caller]
    pub fn send(&self, command: &[u8]) {
        let done = self.send_some(command);
        assert_eq!(done, (OK, command.len()), "{}", last_error());
    }

    /// As [`Conn::send_some`], without asking how many there were.
    pub fn send_untold(&self, command: &[u8]) -> i32 {
        let at = command.as_ptr().cast();
        // SAFETY: bytes with their length.
        unsafe { mc_conn_send_command(self.0, at, command.len(), ptr::null_mut()) }
    }

    pub fn read_until(&self, terminator: &[u8], max: usize) -> Read {
        let (at, len) = (terminator.as_ptr().cast(), terminator.len());
        // SAFETY: bytes with their length, places for the view.
        viewed(|data, read| unsafe { mc_conn_read_until(self.0, at, len, max, data, read) })
    }

    /// With what the library takes for the end of a line.
    pub fn line(&self) -> Read {
        // SAFETY: places for the view.
        viewed(|data, len| unsafe { mc_conn_read_until(self.0, ptr::null(), 0, 0, data, len) })
    }

    pub fn read(&self, length: usize) -> Read {
        // SAFETY: places for the view.
        viewed(|data, len| unsafe { mc_conn_read_length(self.0, length, data, len) })
    }

    #[track_caller]
    pub fn consume(&self, length: usize) -> Vec<u8> {
        self.try_consume(length).expect("what there is")
    }

    pub fn try_consume(&self, length: usize) -> Read {
        // SAFETY: places for the view.
        viewed(|data, len| unsafe { mc_conn_consume_from_buffer(self.0, length, data, len) })
    }

    #[track_caller]
    pub fn line_available(&self) -> bool {
        let (status, available) = self.try_line_available();
        assert_eq!(status, OK, "{}", last_error());
        assert!(available == 0 || available == 1, "{available}");
        available == 1
    }

    /// The status, and the answer as it is.
    pub fn try_line_available(&self) -> (i32, i32) {
        let mut available = 77;
        // SAFETY: a place for the answer.
        let status = unsafe { mc_conn_line_available(self.0, &mut available) };
        (status, available)
    }

    /// Free it in a child, where nothing else of it is used any more.
    pub fn free_here(&self) {
        // SAFETY: a handle, in a process of which the test does nothing else with it.
        unsafe { mc_conn_free(self.0) };
    }

    pub fn uri(&self) -> Result<String, i32> {
        let (mut room, mut needed) = ([0 as c_char; 512], 77);
        // SAFETY: a buffer with its size, a place for the length.
        let status = unsafe { mc_conn_uri(self.0, room.as_mut_ptr(), room.len(), &mut needed) };
        // SAFETY: filled as snprintf does.
        let text = unsafe { text(room.as_ptr()) };
        assert_eq!(text.len(), needed);
        match status {
            OK => Ok(text),
            _ => Err(status),
        }
    }

    pub fn parts(&self) -> Result<Parts, i32> {
        let mut parts = ptr::null();
        // SAFETY: a place for the pointer.
        let status = unsafe { mc_conn_parse_uri(self.0, &mut parts) };
        assert_eq!(status == OK, !parts.is_null(), "the parts exactly for OK");
        // SAFETY: NULL, or parts with texts that live as long as the connection.
        unsafe {
            let parts = parts.as_ref().ok_or(status)?;
            Ok(Parts {
                protocol: text(parts.protocol),
                host: text(parts.host),
                path: text(parts.path),
                store: text(parts.store),
                port: parts.port,
            })
        }
    }
}

/// # Safety
///
/// A text that ends at a NUL.
unsafe fn text(at: *const c_char) -> String {
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(at) }.to_string_lossy().into_owned()
}
