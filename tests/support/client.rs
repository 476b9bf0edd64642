//! The library as a Rust test calls it: by its C ABI, with nothing between but slices.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::time::Duration;

use super::abi::{
    Handle, Item, Results, mc_add, mc_add_server, mc_client_with, mc_close, mc_delete,
    mc_delete_multi, mc_free, mc_get, mc_get_multi, mc_incr, mc_item_free, mc_last_error,
    mc_last_error_effect, mc_last_error_server, mc_memory_advance, mc_memory_clear, mc_new,
    mc_remove_server, mc_results_count, mc_results_free, mc_results_item, mc_server_for_key,
    mc_servers, mc_set, mc_set_multi, mc_set_servers, mc_status_name, mc_touch,
};

pub const OK: i32 = 0;
pub const NO_VALUE: i32 = 0x0101;
pub const NOT_STORED: i32 = 0x0102;
pub const NOT_FOUND: i32 = 0x0302;
pub const TOO_LARGE: i32 = 0x0502;
pub const MULTI_STORAGE: i32 = 0x0602;
pub const CONNECT_FAILED: i32 = 0x0205;
pub const SERVER_DISCONNECT: i32 = 0x0105;
pub const CIRCUIT_OPEN: i32 = 0x0001_0405;
pub const TIMEOUT: i32 = 0x0305;
pub const POOL_EXHAUSTED: i32 = 0x0505;
pub const INVALID_ARGUMENT: i32 = 0x0103;
pub const UNSUPPORTED: i32 = 0x0603;
pub const PARTIAL: i32 = 0x0708;

pub const EFFECT_NOT_APPLIED: u32 = 1;
pub const EFFECT_UNKNOWN: u32 = 3;

/// What reading a key came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    Value(Vec<u8>),
    Miss,
    Failed(i32),
}

/// What a batch came to: its status, and that of each entry.
pub struct Answer<T> {
    pub status: i32,
    pub entries: Vec<T>,
}

/// A client, used by any number of threads.
pub struct Client(pub(super) *mut Handle);

// SAFETY: the header says that a client is used by any number of threads at once.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: a live handle that is used no more.
        unsafe { mc_free(self.0) };
    }
}

/// # Safety
///
/// A text of the library's: it ends at a NUL and is never NULL.
unsafe fn text(text: *const c_char) -> String {
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

fn c_string(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

/// The name of a status.
pub fn name(status: i32) -> String {
    // SAFETY: every number has a text, of those that have no name too.
    unsafe { text(mc_status_name(status)) }
}

/// The thread's last failure.
pub fn last_error() -> String {
    // SAFETY: this thread's record.
    unsafe { text(mc_last_error()) }
}

pub fn last_error_server() -> String {
    // SAFETY: this thread's record.
    unsafe { text(mc_last_error_server()) }
}

pub fn last_error_effect() -> u32 {
    // SAFETY: this thread's record.
    unsafe { mc_last_error_effect() }
}

fn pointers(all: &[impl AsRef<[u8]>]) -> (Vec<*const c_char>, Vec<usize>) {
    let bytes = || all.iter().map(AsRef::as_ref);
    (
        bytes().map(|one: &[u8]| one.as_ptr().cast()).collect(),
        bytes().map(<[u8]>::len).collect(),
    )
}

/// # Safety
///
/// The item is one of the library's.
unsafe fn got(item: &Item) -> Got {
    match item.status {
        OK => {
            // SAFETY: a hit has a value of so many bytes, and a NUL behind it.
            let (value, end) = unsafe {
                let value: *const u8 = item.value.cast();
                (
                    std::slice::from_raw_parts(value, item.value_len),
                    *value.add(item.value_len),
                )
            };
            assert_eq!(end, 0, "a NUL stands behind every value");
            Got::Value(value.to_vec())
        }
        NO_VALUE => Got::Miss,
        status => Got::Failed(status),
    }
}

impl Client {
    /// A client of `servers`, as mc_new takes them.
    pub fn new(servers: &str) -> Client {
        Client::try_new(servers)
            .unwrap_or_else(|(status, why)| panic!("mc_new({servers}): {}: {why}", name(status)))
    }

    /// As [`Client::new`]; else the status and the text of the failure.
    pub fn try_new(servers: &str) -> Result<Client, (i32, String)> {
        let mut client = ptr::null_mut();
        // SAFETY: a string that ends at a NUL, and a place for the handle.
        let status = unsafe { mc_new(c_string(servers).as_ptr(), &mut client) };
        assert_eq!(status == OK, !client.is_null(), "a client exactly for OK");
        match status {
            OK => Ok(Client(client)),
            _ => Err((status, last_error())),
        }
    }

    /// A view with other options, as mc_client_with takes them.
    pub fn with(&self, options: &str) -> Client {
        self.try_with(options)
            .unwrap_or_else(|_| panic!("mc_client_with({options}): {}", last_error()))
    }

    /// As [`Client::with`]; else the status.
    pub fn try_with(&self, options: &str) -> Result<Client, i32> {
        let mut view = ptr::null_mut();
        // SAFETY: a live handle, a string that ends at a NUL, a place for the view.
        let status = unsafe { mc_client_with(self.0, c_string(options).as_ptr(), &mut view) };
        assert_eq!(status == OK, !view.is_null(), "a view exactly for OK");
        match status {
            OK => Ok(Client(view)),
            _ => Err(status),
        }
    }

    /// Move the clocks of servers in memory.
    pub fn memory_advance(&self, seconds: i64) -> i32 {
        // SAFETY: a live handle.
        unsafe { mc_memory_advance(self.0, seconds) }
    }

    /// Empty the stores of servers in memory.
    pub fn memory_clear(&self) -> i32 {
        // SAFETY: a live handle.
        unsafe { mc_memory_clear(self.0) }
    }

    pub fn close(&self) -> i32 {
        // SAFETY: a live handle.
        unsafe { mc_close(self.0) }
    }

    pub fn get(&self, key: &str) -> Got {
        let mut item = ptr::null_mut();
        // SAFETY: a live handle, a key with its length, a place for the item.
        let status = unsafe { mc_get(self.0, key.as_ptr().cast(), key.len(), &mut item) };
        assert_eq!(status == OK, !item.is_null(), "an item exactly for a hit");
        // SAFETY: the item is ours until it is freed.
        match unsafe { item.as_ref() } {
            None if status == NO_VALUE => Got::Miss,
            None => Got::Failed(status),
            Some(found) => {
                // SAFETY: as above.
                let found = unsafe {
                    let named = std::slice::from_raw_parts(found.key.cast::<u8>(), found.key_len);
                    assert_eq!(named, key.as_bytes(), "the item of another key");
                    got(found)
                };
                // SAFETY: as above; used no more.
                unsafe { mc_item_free(item) };
                found
            }
        }
    }

    pub fn set(&self, key: &str, value: &[u8]) -> i32 {
        let (at, len) = (value.as_ptr().cast(), value.len());
        // SAFETY: a live handle, a key and a value with their lengths.
        unsafe { mc_set(self.0, key.as_ptr().cast(), key.len(), at, len, 0, 0) }
    }

    pub fn add(&self, key: &str, value: &[u8]) -> i32 {
        let (at, len) = (value.as_ptr().cast(), value.len());
        // SAFETY: a live handle, a key and a value with their lengths.
        unsafe { mc_add(self.0, key.as_ptr().cast(), key.len(), at, len, 0, 0) }
    }

    pub fn delete(&self, key: &str) -> i32 {
        // SAFETY: a live handle, a key with its length.
        unsafe { mc_delete(self.0, key.as_ptr().cast(), key.len()) }
    }

    pub fn touch(&self, key: &str, ttl: i64) -> i32 {
        // SAFETY: a live handle, a key with its length.
        unsafe { mc_touch(self.0, key.as_ptr().cast(), key.len(), ttl) }
    }

    pub fn incr(&self, key: &str, delta: u64) -> Result<u64, i32> {
        let mut number = 0;
        // SAFETY: a live handle, a key with its length, a place for the number.
        let status = unsafe { mc_incr(self.0, key.as_ptr().cast(), key.len(), delta, &mut number) };
        if status == OK {
            Ok(number)
        } else {
            Err(status)
        }
    }

    pub fn get_multi(&self, keys: &[impl AsRef<[u8]>]) -> Answer<Got> {
        let (at, lens) = pointers(keys);
        let mut results = ptr::null_mut();
        // SAFETY: a live handle, two arrays of as many entries, a place for the results.
        let status =
            unsafe { mc_get_multi(self.0, at.as_ptr(), lens.as_ptr(), at.len(), &mut results) };
        // SAFETY: the results of a batch.
        let entries = unsafe {
            entries(results, |index, item| {
                let named = std::slice::from_raw_parts(item.key.cast::<u8>(), item.key_len);
                assert_eq!(named, keys[index].as_ref(), "the item of another key");
                got(item)
            })
        };
        assert_eq!(
            entries.len(),
            keys.len(),
            "{}: {}",
            name(status),
            last_error()
        );
        Answer { status, entries }
    }

    pub fn set_multi(&self, keys: &[impl AsRef<[u8]>], values: &[impl AsRef<[u8]>]) -> Answer<i32> {
        self.set_multi_for(keys, values, 0)
    }

    /// `ttl` in seconds; 0 never ends.
    pub fn set_multi_for(
        &self,
        keys: &[impl AsRef<[u8]>],
        values: &[impl AsRef<[u8]>],
        ttl: i64,
    ) -> Answer<i32> {
        assert_eq!(keys.len(), values.len());
        let ((at, lens), (value_at, value_lens)) = (pointers(keys), pointers(values));
        let mut results = ptr::null_mut();
        // SAFETY: a live handle, four arrays of as many entries, a place for the results.
        let status = unsafe {
            mc_set_multi(
                self.0,
                at.as_ptr(),
                lens.as_ptr(),
                value_at.as_ptr().cast::<*const c_void>(),
                value_lens.as_ptr(),
                at.len(),
                ttl,
                0,
                &mut results,
            )
        };
        // SAFETY: the results of a batch.
        let entries = unsafe { entries(results, |_, item| item.status) };
        assert_eq!(
            entries.len(),
            keys.len(),
            "{}: {}",
            name(status),
            last_error()
        );
        Answer { status, entries }
    }

    pub fn delete_multi(&self, keys: &[impl AsRef<[u8]>]) -> Answer<i32> {
        let (at, lens) = pointers(keys);
        let mut results = ptr::null_mut();
        // SAFETY: a live handle, two arrays of as many entries, a place for the results.
        let status =
            unsafe { mc_delete_multi(self.0, at.as_ptr(), lens.as_ptr(), at.len(), &mut results) };
        // SAFETY: the results of a batch.
        let entries = unsafe { entries(results, |_, item| item.status) };
        assert_eq!(
            entries.len(),
            keys.len(),
            "{}: {}",
            name(status),
            last_error()
        );
        Answer { status, entries }
    }

    pub fn add_server(&self, uri: &str) -> i32 {
        // SAFETY: a live handle and a string that ends at a NUL.
        unsafe { mc_add_server(self.0, c_string(uri).as_ptr()) }
    }

    pub fn remove_server(&self, uri: &str) -> i32 {
        // SAFETY: as above.
        unsafe { mc_remove_server(self.0, c_string(uri).as_ptr()) }
    }

    pub fn set_servers(&self, servers: &str) -> i32 {
        // SAFETY: as above.
        unsafe { mc_set_servers(self.0, c_string(servers).as_ptr()) }
    }

    /// The names of the servers, in their order.
    pub fn servers(&self) -> Vec<String> {
        // SAFETY: a live handle, a buffer with its size, no place for the length.
        let list = filled(|buf, cap| unsafe { mc_servers(self.0, buf, cap, ptr::null_mut()) });
        list.split(',').map(str::to_string).collect()
    }

    pub fn server_for(&self, key: &str) -> String {
        let (at, len) = (key.as_ptr().cast(), key.len());
        // SAFETY: a live handle, a key with its length, a buffer with its size.
        filled(|buf, cap| unsafe { mc_server_for_key(self.0, at, len, buf, cap, ptr::null_mut()) })
    }
}

fn filled(fill: impl FnOnce(*mut c_char, usize) -> i32) -> String {
    let mut room = [0 as c_char; 4096];
    let status = fill(room.as_mut_ptr(), room.len());
    assert_eq!(status, OK, "{}", last_error());
    // SAFETY: filled as snprintf does.
    unsafe { text(room.as_ptr()) }
}

/// What `each` makes of the entries of a batch's results, which are freed; none where there are no
/// results.
///
/// # Safety
///
/// `results` is NULL, or results of the library that nothing else uses.
unsafe fn entries<T>(results: *mut Results, each: impl Fn(usize, &Item) -> T) -> Vec<T> {
    // SAFETY: promised by the caller; none are counted where there are none.
    let count = unsafe { mc_results_count(results) };
    let item = |index| {
        // SAFETY: the items live as long as the results.
        let item = unsafe { mc_results_item(results, index).as_ref() };
        each(index, item.expect("an item for every entry"))
    };
    let all = (0..count).map(item).collect();
    // SAFETY: as above; used no more.
    unsafe { mc_results_free(results) };
    all
}

/// How much later than its deadline a call may return: the machine has other things to do too.
pub const SLACK: Duration = Duration::from_millis(50);
