//! Dumps of keys, and lines of operators, as a Rust test calls them.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use super::abi::{Handle, Results};
use super::client::{Client, NO_VALUE, OK};
use super::servers::Everywhere;

/// `mc_dump_entry`.
#[repr(C)]
pub struct Entry {
    key: *const c_char,
    key_len: usize,
    server: *const c_char,
    server_index: usize,
    have: u32,
    fetched: u32,
    expiry: i64,
    last_access: i64,
    cas: u64,
    size: u64,
    slab_class: u32,
    flags: u32,
}

#[repr(C)]
pub struct RawDump {
    _opaque: [u8; 0],
}

type Callback = unsafe extern "C" fn(user: *mut c_void, entry: *const Entry) -> i32;

unsafe extern "C" {
    fn mc_dump_keys(
        client: *mut Handle,
        callback: Option<Callback>,
        user: *mut c_void,
        timeout_us: i64,
        out: *mut *mut Results,
    ) -> i32;
    fn mc_dump_new(client: *mut Handle, timeout_us: i64, out: *mut *mut RawDump) -> i32;
    fn mc_dump_next(dump: *mut RawDump, out: *mut *const Entry) -> i32;
    fn mc_dump_results(dump: *mut RawDump, out: *mut *mut Results) -> i32;
    fn mc_dump_free(dump: *mut RawDump);
    fn mc_admin(
        client: *mut Handle,
        line: *const c_char,
        line_len: usize,
        server: *const c_char,
        out: *mut *mut Results,
    ) -> i32;
}

/// A key that was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub key: Vec<u8>,
    pub server: String,
    pub number: usize,
    pub have: u32,
    pub fetched: bool,
    pub expiry: i64,
    pub last_access: i64,
    pub cas: u64,
    pub size: u64,
    pub class: u32,
    pub flags: u32,
}

/// # Safety
///
/// An entry of the library's.
unsafe fn key(entry: *const Entry) -> Key {
    // SAFETY: promised by the caller; a NUL stands behind the key.
    unsafe {
        let entry = entry.as_ref().expect("an entry");
        let at: *const u8 = entry.key.cast();
        assert_eq!(*at.add(entry.key_len), 0, "a NUL behind the key");
        Key {
            key: std::slice::from_raw_parts(at, entry.key_len).to_vec(),
            server: CStr::from_ptr(entry.server).to_string_lossy().into_owned(),
            number: entry.server_index,
            have: entry.have,
            fetched: entry.fetched == 1,
            expiry: entry.expiry,
            last_access: entry.last_access,
            cas: entry.cas,
            size: entry.size,
            class: entry.slab_class,
            flags: entry.flags,
        }
    }
}

/// The trampoline from C to what a test does with a key.
unsafe extern "C" fn tell(user: *mut c_void, entry: *const Entry) -> i32 {
    // SAFETY: `user` is the closure of the call that this runs inside of.
    let told = unsafe { &mut *user.cast::<&mut dyn FnMut(Key) -> i32>() };
    // SAFETY: the library's entry.
    told(unsafe { key(entry) })
}

impl Client {
    /// Dump to a callback, which ends the dump with anything but 0.
    pub fn dump_to(&self, timeout_us: i64, mut told: impl FnMut(Key) -> i32) -> Everywhere {
        let mut told: &mut dyn FnMut(Key) -> i32 = &mut told;
        let user: *mut c_void = (&raw mut told).cast();
        // SAFETY: a live handle; the closure lives through the call.
        self.everywhere(|client, out| unsafe {
            mc_dump_keys(client, Some(tell), user, timeout_us, out)
        })
    }

    /// Every key, in order.
    pub fn dump(&self) -> (Everywhere, Vec<Key>) {
        let mut keys = Vec::new();
        let answer = self.dump_to(0, |key| {
            keys.push(key);
            0
        });
        keys.sort();
        (answer, keys)
    }

    pub fn dump_begin(&self, timeout_us: i64) -> Dump {
        self.try_dump(timeout_us).expect("a dump")
    }

    /// As [`Client::dump_begin`]; else the status.
    pub fn try_dump(&self, timeout_us: i64) -> Result<Dump, i32> {
        let mut dump = ptr::null_mut();
        // SAFETY: a live handle, and a place for the dump.
        let status = unsafe { mc_dump_new(self.0, timeout_us, &mut dump) };
        if status != OK {
            assert!(dump.is_null());
            return Err(status);
        }
        Ok(Dump(dump))
    }

    pub fn admin(&self, line: &str, server: Option<&str>) -> Everywhere {
        let server = server.map(|server| CString::new(server).expect("no NUL"));
        let server = server
            .as_ref()
            .map_or(ptr::null(), |server| server.as_ptr());
        let (at, len) = (line.as_ptr().cast(), line.len());
        // SAFETY: a live handle, a line with its length, NULL or a text.
        self.everywhere(|client, out| unsafe { mc_admin(client, at, len, server, out) })
    }
}

/// A dump whose keys are asked for.
pub struct Dump(*mut RawDump);

// SAFETY: used by one thread at a time.
unsafe impl Send for Dump {}

impl Dump {
    /// The next key, or the status of what came instead.
    pub fn next_key(&mut self) -> Result<Key, i32> {
        let mut entry = ptr::dangling();
        // SAFETY: a live handle, and a place for the entry.
        let status = unsafe { mc_dump_next(self.0, &mut entry) };
        assert_eq!(status == OK, !entry.is_null());
        match status {
            // SAFETY: the library's entry.
            OK => Ok(unsafe { key(entry) }),
            status => Err(status),
        }
    }

    /// What is left.
    pub fn rest(&mut self) -> Vec<Key> {
        let mut keys = Vec::new();
        loop {
            match self.next_key() {
                Ok(key) => keys.push(key),
                Err(status) => {
                    assert_eq!(status, NO_VALUE);
                    keys.sort();
                    return keys;
                }
            }
        }
    }

    pub fn results(&self, client: &Client) -> Everywhere {
        // SAFETY: a live handle.
        client.everywhere(|_, out| unsafe { mc_dump_results(self.0, out) })
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        // SAFETY: a live handle that is used no more.
        unsafe { mc_dump_free(self.0) };
    }
}
