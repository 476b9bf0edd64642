//! The library as a client under test: the one file here that knows it, and only by its C ABI.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

// Links the library; nothing is called but through the declarations below.
use memcached2 as _;

use crate::faults::net::Endpoint;
use crate::faults::outcome::{Answer, Ask, DEADLINE, Outcome, Setup, Subject};

const OK: i32 = 0;
const NO_VALUE: i32 = 0x0101;
const NOT_FOUND: i32 = 0x0302;
const BUFFER_TOO_SMALL: i32 = 0x0808;

#[repr(C)]
struct Client {
    _opaque: [u8; 0],
}

#[repr(C)]
struct Results {
    _opaque: [u8; 0],
}

#[repr(C)]
struct Item {
    status: i32,
    have: u32,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    cas: u64,
    number: u64,
    ttl: i64,
    flags: u32,
    marks: u32,
    effect: u32,
    sys_errno: i32,
    item_size: u64,
    last_access: u64,
    hit_before: u32,
    phase: u32,
    text: *const c_char,
    server: *const c_char,
    object: *mut c_void,
}

unsafe extern "C" {
    fn mc_new(servers: *const c_char, out: *mut *mut Client) -> i32;
    fn mc_free(client: *mut Client);
    fn mc_close(client: *mut Client) -> i32;
    fn mc_client_with(client: *mut Client, options: *const c_char, view: *mut *mut Client) -> i32;
    fn mc_sync(client: *mut Client, timeout_us: i64, failed: *mut u64) -> i32;
    fn mc_get(client: *mut Client, key: *const c_char, len: usize, out: *mut *mut Item) -> i32;
    fn mc_get_into(
        client: *mut Client,
        key: *const c_char,
        len: usize,
        buffer: *mut c_void,
        capacity: usize,
        needed: *mut usize,
        flags: *mut u32,
    ) -> i32;
    fn mc_get_multi(
        client: *mut Client,
        keys: *const *const c_char,
        lens: *const usize,
        n: usize,
        out: *mut *mut Results,
    ) -> i32;
    fn mc_set(
        client: *mut Client,
        key: *const c_char,
        len: usize,
        value: *const c_void,
        value_len: usize,
        ttl: i64,
        flags: u32,
    ) -> i32;
    fn mc_incr(
        client: *mut Client,
        key: *const c_char,
        len: usize,
        delta: u64,
        number: *mut u64,
    ) -> i32;
    fn mc_item_free(item: *mut Item);
    fn mc_results_count(results: *const Results) -> usize;
    fn mc_results_item(results: *const Results, index: usize) -> *const Item;
    fn mc_results_free(results: *mut Results);
    fn mc_status_name(status: i32) -> *const c_char;
    fn mc_last_error() -> *const c_char;
    fn mc_last_error_effect() -> u32;
}

/// A client of the library, and its view whose writes are quiet.
pub struct Library {
    client: *mut Client,
    quiet: *mut Client,
}

impl Library {
    pub fn new(setup: &Setup) -> Library {
        let options = options(setup);
        let address = match &setup.endpoint {
            Endpoint::Tcp(address) => format!("memcached://{address}/?{options}"),
            Endpoint::Unix(path) => format!("memcached+unix://{}?{options}", path.display()),
        };
        let address = CString::new(address).expect("no NUL in an address");
        let mut client = ptr::null_mut();
        // SAFETY: a NUL-terminated string and a place for the handle.
        let status = unsafe { mc_new(address.as_ptr(), &mut client) };
        assert_eq!(status, OK, "mc_new({address:?}): {}", last_error());
        let mut quiet = ptr::null_mut();
        // SAFETY: the handle is the one just made.
        let status = unsafe { mc_client_with(client, c"default_noreply=on".as_ptr(), &mut quiet) };
        assert_eq!(status, OK, "mc_client_with: {}", last_error());
        Library { client, quiet }
    }

    fn get(&self, key: &str) -> Outcome {
        let mut item = ptr::null_mut();
        // SAFETY: a live handle, a key with its length, a place for the item.
        let status = unsafe { mc_get(self.client, key.as_ptr().cast(), key.len(), &mut item) };
        assert_eq!(
            status == OK,
            !item.is_null(),
            "an item exactly when {}",
            name(status)
        );
        if status != OK {
            return failure(status);
        }
        // SAFETY: the item is there and ours until it is freed.
        let outcome = unsafe { value(&*item) };
        // SAFETY: as above; it is not used any more.
        unsafe { mc_item_free(item) };
        outcome
    }

    fn get_into(&self, key: &str, room: usize) -> Outcome {
        let mut buffer = vec![0u8; room];
        let (mut needed, mut flags) = (0, 0);
        // SAFETY: a live handle, a key with its length, a buffer with its size, two numbers.
        let status = unsafe {
            let buffer = buffer.as_mut_ptr().cast();
            mc_get_into(
                self.client,
                key.as_ptr().cast(),
                key.len(),
                buffer,
                room,
                &mut needed,
                &mut flags,
            )
        };
        match status {
            OK => Outcome::Value(key.into(), buffer[..needed].to_vec(), flags),
            BUFFER_TOO_SMALL => Outcome::Small(needed),
            status => failure(status),
        }
    }

    fn get_multi(&self, keys: &[String]) -> Answer {
        let pointers: Vec<*const c_char> = keys.iter().map(|key| key.as_ptr().cast()).collect();
        let lengths: Vec<usize> = keys.iter().map(String::len).collect();
        let mut results = ptr::null_mut();
        // SAFETY: a live handle, two arrays of so many entries, a place for the results.
        let status = unsafe {
            mc_get_multi(
                self.client,
                pointers.as_ptr(),
                lengths.as_ptr(),
                keys.len(),
                &mut results,
            )
        };
        assert!(
            !results.is_null(),
            "a batch has results even when it fails: {}",
            name(status)
        );
        // SAFETY: the results are there and ours until they are freed.
        let outcomes = unsafe {
            let count = mc_results_count(results);
            (0..count)
                .map(|index| entry(&*mc_results_item(results, index)))
                .collect()
        };
        // SAFETY: as above; they are not used any more.
        unsafe { mc_results_free(results) };
        Answer { status, outcomes }
    }

    fn set(&self, client: *mut Client, key: &str, data: &[u8], flags: u32) -> Outcome {
        // SAFETY: a live handle, a key and a value with their lengths.
        let status = unsafe {
            mc_set(
                client,
                key.as_ptr().cast(),
                key.len(),
                data.as_ptr().cast(),
                data.len(),
                0,
                flags,
            )
        };
        if status == OK {
            Outcome::Done
        } else {
            failure(status)
        }
    }

    fn incr(&self, key: &str, delta: u64) -> Outcome {
        let mut number = 0;
        // SAFETY: a live handle, a key with its length, a place for the number.
        let status = unsafe {
            mc_incr(
                self.client,
                key.as_ptr().cast(),
                key.len(),
                delta,
                &mut number,
            )
        };
        if status == OK {
            Outcome::Number(number)
        } else {
            failure(status)
        }
    }
}

impl Subject for Library {
    fn ask(&mut self, ask: &Ask) -> Answer {
        let outcome = match ask {
            Ask::Mget(keys) => return self.get_multi(keys),
            Ask::Get(key) => self.get(key),
            Ask::GetInto(key, room) => self.get_into(key, *room),
            Ask::Set(key, data, flags) => self.set(self.client, key, data, *flags),
            Ask::QuietSet(key, data, flags) => self.set(self.quiet, key, data, *flags),
            Ask::Incr(key, delta) => self.incr(key, *delta),
        };
        let status = match &outcome {
            Outcome::Failed { status, .. } => *status,
            _ => OK,
        };
        Answer {
            status,
            outcomes: vec![outcome],
        }
    }

    fn close_idle(&mut self) {
        // SAFETY: a live handle.
        let status = unsafe { mc_close(self.client) };
        assert_eq!(status, OK, "mc_close: {}", last_error());
    }

    fn failed_quietly(&mut self) -> u64 {
        let mut failed = 0;
        // SAFETY: a live handle and a place for the number.
        unsafe { mc_sync(self.client, DEADLINE.as_micros() as i64, &mut failed) };
        failed
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: both handles are live and used no more.
        unsafe {
            mc_free(self.quiet);
            mc_free(self.client);
        }
    }
}

fn options(setup: &Setup) -> String {
    let time = format!("{}ms", DEADLINE.as_millis());
    let switch = |on| if on { "on" } else { "off" };
    format!(
        "protocol={}&timeout={time}&connect_timeout={time}&batch_timeout={time}\
         &item_size_max={}&paranoid={}&shortcut={}",
        setup.column.name(),
        setup.item_size_max,
        switch(setup.paranoid),
        switch(setup.shortcut)
    )
}

/// What a call that did not succeed says.
fn failure(status: i32) -> Outcome {
    match status {
        NO_VALUE | NOT_FOUND => Outcome::Miss,
        status => {
            // SAFETY: reads this thread's record.
            let effect = unsafe { mc_last_error_effect() };
            Outcome::Failed {
                status,
                text: format!("{}: {}", name(status), last_error()),
                effect,
            }
        }
    }
}

/// What an entry of a batch of gets says.
unsafe fn entry(item: &Item) -> Outcome {
    match item.status {
        // SAFETY: the item is live.
        OK => unsafe { value(item) },
        NO_VALUE => Outcome::Miss,
        status => {
            // SAFETY: the text is NULL or lives as long as the item.
            let text = unsafe { text(item.text) };
            Outcome::Failed {
                status,
                text: format!("{}: {text}", name(status)),
                effect: item.effect,
            }
        }
    }
}

unsafe fn value(item: &Item) -> Outcome {
    assert!(
        !item.key.is_null() && !item.value.is_null(),
        "a hit has a key and a value"
    );
    // SAFETY: key and value are there with their lengths, and live as long as the item.
    unsafe {
        let key = std::slice::from_raw_parts(item.key.cast::<u8>(), item.key_len);
        let data = std::slice::from_raw_parts(item.value.cast::<u8>(), item.value_len);
        assert_eq!(
            *item.value.add(item.value_len),
            0,
            "a NUL stands behind the value"
        );
        Outcome::Value(key.to_vec(), data.to_vec(), item.flags)
    }
}

fn name(status: i32) -> String {
    // SAFETY: the name of any number is a static string.
    unsafe { text(mc_status_name(status)) }
}

fn last_error() -> String {
    // SAFETY: this thread's record; nothing fails before it is copied.
    unsafe { text(mc_last_error()) }
}

unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not NULL, so NUL-terminated.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}
