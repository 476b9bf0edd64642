//! A client of the library, called through its C ABI, and all that an item says, checked as it is
//! read.

use std::ffi::{CStr, CString, c_char};
use std::{ptr, slice};

use crate::abi::{self, Item, Results};
use crate::step::{Cas, Command, Multi};

/// A client for one thread.
pub struct Client(*mut abi::Handle);

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: a live handle that is used no more.
        unsafe { abi::mc_free(self.0) };
    }
}

/// What an item says.
pub struct Seen {
    pub status: i32,
    pub have: u32,
    pub key: Vec<u8>,
    pub value: Option<Vec<u8>>,
    pub cas: u64,
    pub number: u64,
    pub flags: u32,
    pub effect: u32,
    pub phase: u32,
    pub ttl: i64,
    pub size: u64,
    pub hit_before: u32,
    pub marks: u32,
    /// What no item may be like.
    pub wrong: Vec<&'static str>,
}

impl Seen {
    /// What an item would say of a command that was refused before there was one.
    pub fn refused(command: &Command, status: i32, effect: u32, phase: u32) -> Seen {
        Seen {
            status,
            have: 0,
            key: command.key.clone().unwrap_or_default(),
            value: None,
            cas: 0,
            number: 0,
            flags: 0,
            effect,
            phase,
            ttl: 0,
            size: 0,
            hit_before: 0,
            marks: 0,
            wrong: Vec::new(),
        }
    }
}

/// What a call for many entries says.
pub struct Answers {
    pub status: i32,
    pub failed: usize,
    pub items: Vec<Seen>,
}

/// The name of a status.
pub fn name(status: i32) -> String {
    // SAFETY: every number has a text that ends at a NUL.
    let name = unsafe { CStr::from_ptr(abi::mc_status_name(status)) };
    name.to_string_lossy().into_owned()
}

pub fn is_miss(status: i32) -> bool {
    // SAFETY: takes any number.
    unsafe { abi::mc_status_is_miss(status) }
}

pub fn key_check(key: &[u8]) -> i32 {
    // SAFETY: bytes with their length.
    unsafe { abi::mc_key_check(key.as_ptr().cast(), key.len()) }
}

fn pointer<T>(bytes: Option<&Vec<u8>>) -> (*const T, usize) {
    bytes.map_or((ptr::null(), 0), |bytes| {
        (bytes.as_ptr().cast(), bytes.len())
    })
}

/// The command in C, borrowing the bytes of `command`.
pub fn in_c(command: &Command, seen: &[u64]) -> abi::Command {
    let (key, key_len) = pointer(command.key.as_ref());
    let (value, value_len) = pointer(command.value.as_ref());
    let (route, route_len) = pointer(command.route.as_ref());
    abi::Command {
        size: size_of::<abi::Command>() as u32,
        op: command.op,
        options: command.options,
        key,
        key_len,
        value,
        value_len,
        route,
        route_len,
        ttl: command.ttl.number(),
        timeout_us: 0,
        cas: match command.cas {
            Cas::Is(number) => number,
            Cas::Seen(place) => seen[place - 1],
        },
        delta: command.delta,
        initial: command.initial,
        recache_ttl: command.recache_ttl,
        lease_ttl: command.lease_ttl,
        stale_ttl: command.stale_ttl,
        flags: command.flags,
        reserved: command.reserved,
        release: None,
        release_user: ptr::null_mut(),
        own_cas: command.own_cas,
    }
}

// SAFETY: the header says that a client is used by any number of threads at once.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

impl Client {
    /// A client of `servers`, as mc_new takes them.
    pub fn new(servers: &str) -> Client {
        let text = CString::new(servers).expect("no NUL");
        let mut client = ptr::null_mut();
        // SAFETY: a string that ends at a NUL, and a place for the handle.
        let status = unsafe { abi::mc_new(text.as_ptr(), &mut client) };
        // SAFETY: this thread's record.
        let why = unsafe { CStr::from_ptr(abi::mc_last_error()) };
        assert_eq!(status, abi::OK, "mc_new({servers}): {why:?}");
        Client(client)
    }

    pub fn handle(&self) -> *mut abi::Handle {
        self.0
    }

    /// mc_execute_into. `seen` are the CAS that commands may refer to.
    pub fn execute(&self, command: &Command, seen: &[u64]) -> Seen {
        let command = in_c(command, seen);
        // SAFETY: a live handle, a command whose bytes are alive, an item that is freed once.
        unsafe {
            let item = abi::mc_item_new();
            assert!(!item.is_null());
            let status = abi::mc_execute_into(self.0, &command, item);
            let mut answer = read(&*item);
            if status != answer.status {
                answer.wrong.push("another status than was returned");
            }
            abi::mc_item_free(item);
            answer
        }
    }

    /// mc_execute: the status, and the item where there is one.
    pub fn execute_new(&self, command: &Command) -> (i32, Option<Seen>) {
        let (command, mut item) = (in_c(command, &[]), ptr::null_mut());
        // SAFETY: a live handle, a command whose bytes are alive, an item that is freed once.
        unsafe {
            let status = abi::mc_execute(self.0, &command, &mut item);
            let seen = item.as_ref().map(|item| read(item));
            abi::mc_item_free(item);
            (status, seen)
        }
    }

    /// mc_execute_multi.
    pub fn execute_multi(&self, commands: &[&Command], seen: &[u64]) -> Answers {
        let commands: Vec<_> = commands.iter().map(|c| in_c(c, seen)).collect();
        self.many(|client, out| {
            let (first, n) = (commands.as_ptr(), commands.len());
            // SAFETY: a live handle, an array of so many commands whose bytes are alive.
            unsafe { abi::mc_execute_multi(client, first, n, ptr::null(), out) }
        })
    }

    /// The status, the length, the flags, and as much as the buffer took.
    pub fn get_into(&self, key: &[u8], cap: usize) -> (i32, usize, u32, Vec<u8>) {
        let (mut room, mut len, mut flags) = (vec![0; cap], usize::MAX, u32::MAX);
        let (at, to) = (key.as_ptr().cast(), room.as_mut_ptr().cast());
        // SAFETY: a live handle, a key and a buffer with their lengths, two places.
        let status =
            unsafe { abi::mc_get_into(self.0, at, key.len(), to, cap, &mut len, &mut flags) };
        room.truncate(len);
        (status, len, flags, room)
    }

    /// One of the calls for many keys.
    pub fn multi(&self, multi: &Multi) -> Answers {
        let (keys, lens) = arrays::<c_char>(&multi.keys);
        let (values, value_lens) = arrays(&multi.values);
        let (at, lens, n, ttl) = (keys.as_ptr(), lens.as_ptr(), keys.len(), multi.ttl.number());
        let (value_at, value_lens) = (values.as_ptr(), value_lens.as_ptr());
        // SAFETY: a live handle, arrays of n entries that live until the call returns.
        self.many(|client, out| unsafe {
            match multi.name {
                "get_multi" => abi::mc_get_multi(client, at, lens, n, out),
                "gets_multi" => abi::mc_gets_multi(client, at, lens, n, out),
                "delete_multi" => abi::mc_delete_multi(client, at, lens, n, out),
                "touch_multi" => abi::mc_touch_multi(client, at, lens, n, ttl, out),
                "set_multi" => {
                    assert_eq!(values.len(), n, "a value for every key");
                    let flags = multi.flags;
                    abi::mc_set_multi(client, at, lens, value_at, value_lens, n, ttl, flags, out)
                }
                other => panic!("no call {other}"),
            }
        })
    }

    pub fn flush_all(&self, delay: i64) -> Answers {
        // SAFETY: a live handle and a place.
        self.many(|client, out| unsafe { abi::mc_flush_all(client, delay, out) })
    }

    pub fn versions(&self) -> Answers {
        // SAFETY: a live handle and a place.
        self.many(|client, out| unsafe { abi::mc_server_versions(client, out) })
    }

    pub fn ping(&self) -> Answers {
        // SAFETY: a live handle and a place.
        self.many(|client, out| unsafe { abi::mc_ping(client, out) })
    }

    pub fn verbosity(&self, level: u32) -> Answers {
        // SAFETY: a live handle and a place.
        self.many(|client, out| unsafe { abi::mc_verbosity(client, level, out) })
    }

    pub fn cache_memlimit(&self, megabytes: u64) -> Answers {
        // SAFETY: a live handle and a place.
        self.many(|client, out| unsafe { abi::mc_cache_memlimit(client, megabytes, out) })
    }

    pub fn delete_all(&self, key: &[u8]) -> Answers {
        let (at, len) = (key.as_ptr().cast(), key.len());
        // SAFETY: a live handle, a key with its length, and a place.
        self.many(|client, out| unsafe { abi::mc_delete_all(client, at, len, out) })
    }

    /// The status, and how many quiet commands have failed.
    pub fn sync(&self) -> (i32, u64) {
        let mut failed = u64::MAX;
        // SAFETY: a live handle and a place.
        let status = unsafe { abi::mc_sync(self.0, 0, &mut failed) };
        (status, failed)
    }

    /// Move the clock of a store in memory.
    pub fn memory_advance(&self, seconds: i64) -> i32 {
        // SAFETY: a live handle.
        unsafe { abi::mc_memory_advance(self.0, seconds) }
    }

    pub fn close(&self) -> i32 {
        // SAFETY: a live handle.
        unsafe { abi::mc_close(self.0) }
    }

    fn many(&self, call: impl FnOnce(*mut abi::Handle, *mut *mut Results) -> i32) -> Answers {
        let mut results = ptr::null_mut();
        let status = call(self.0, &mut results);
        // SAFETY: NULL, or results that are freed once; the items live as long.
        unsafe {
            let items = (0..abi::mc_results_count(results))
                .map(|index| read(&*abi::mc_results_item(results, index)))
                .collect();
            let failed = abi::mc_results_failed(results);
            abi::mc_results_free(results);
            Answers {
                status,
                failed,
                items,
            }
        }
    }
}

fn arrays<T>(all: &[Vec<u8>]) -> (Vec<*const T>, Vec<usize>) {
    let lens = all.iter().map(Vec::len).collect();
    (all.iter().map(|one| one.as_ptr().cast()).collect(), lens)
}

/// # Safety
///
/// `start` is NULL, or valid for `len` bytes and one more.
unsafe fn with_nul(start: *const c_char, len: usize) -> Option<(Vec<u8>, bool)> {
    let start: *const u8 = start.cast();
    // SAFETY: promised by the caller.
    (!start.is_null()).then(|| unsafe {
        let bytes = slice::from_raw_parts(start, len).to_vec();
        (bytes, *start.add(len) == 0)
    })
}

/// All that an item says, and what is wrong with it.
///
/// # Safety
///
/// The item is one of the library's.
pub unsafe fn read(item: &Item) -> Seen {
    // SAFETY: key and value have so many bytes and a NUL behind them, as the header says.
    let (key, value) = unsafe {
        (
            with_nul(item.key, item.key_len),
            with_nul(item.value, item.value_len),
        )
    };
    let has = |bit| item.have & bit != 0;
    let failed = item.status != abi::OK && !is_miss(item.status);
    let whole = |bytes: &Option<(Vec<u8>, bool)>| bytes.as_ref().is_none_or(|bytes| bytes.1);
    let checks = [
        (whole(&key) && whole(&value), "no NUL behind key or value"),
        (key.is_some() || item.key_len == 0, "a length without a key"),
        (value.is_some() == has(abi::HAVE_VALUE), "value, or have"),
        (value.is_none() || item.status == abi::OK, "a value, not OK"),
        (has(abi::HAVE_CAS) || item.cas == 0, "a CAS that is not had"),
        (has(abi::HAVE_NUMBER) || item.number == 0, "number, or have"),
        (has(abi::HAVE_FLAGS) || item.flags == 0, "flags, or have"),
        (item.have < 512, "unknown bits in have"),
        (has(abi::HAVE_TTL) || item.ttl == 0, "ttl, or have"),
        (!has(abi::HAVE_TTL) || item.ttl >= -1, "a ttl that is none"),
        (has(abi::HAVE_SIZE) || item.item_size == 0, "size, or have"),
        (
            has(abi::HAVE_LAST_ACCESS) || item.last_access == 0,
            "last_access, or have",
        ),
        (item.last_access < 3600, "not used for long"),
        (
            has(abi::HAVE_HIT_BEFORE) || item.hit_before == 0,
            "hit_before, or have",
        ),
        (item.hit_before < 2, "hit_before is yes or no"),
        (item.marks < 8, "unknown marks"),
        (!failed || item.marks == 0, "marks of a failure"),
        (failed != item.text.is_null(), "text exactly for failures"),
        (failed || item.phase == 0, "a phase without a failure"),
        (item.sys_errno == 0, "an error number of the system's"),
        (item.object.is_null(), "an object"),
    ];
    let wrong = checks.iter().filter(|check| !check.0);
    Seen {
        status: item.status,
        have: item.have,
        key: key.map(|key| key.0).unwrap_or_default(),
        value: value.map(|value| value.0),
        cas: item.cas,
        number: item.number,
        flags: item.flags,
        effect: item.effect,
        phase: item.phase,
        ttl: item.ttl,
        size: item.item_size,
        hit_before: item.hit_before,
        marks: item.marks,
        wrong: wrong.map(|check| check.1).collect(),
    }
}
