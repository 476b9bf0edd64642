//! What the library asks of every server, as a Rust test calls it.

use std::ffi::{CStr, c_char};
use std::ptr;

use super::abi::{Handle, Item, Results, mc_results_count, mc_results_free, mc_results_item};
use super::client::Client;

pub const INTEGER: u32 = 2;
pub const REAL: u32 = 3;
pub const BOOLEAN: u32 = 4;
pub const TEXT: u32 = 1;

/// The beginning of `mc_stat`.
#[repr(C)]
struct RawStat {
    kind: u32,
    has_index: u32,
    name: *const c_char,
    name_len: usize,
    text: *const c_char,
    text_len: usize,
    field: *const c_char,
    field_len: usize,
    index: u64,
    number: u64,
    integer: i64,
    real: f64,
    boolean: u32,
}

#[repr(C)]
struct List {
    _opaque: [u8; 0],
}

/// The part of `mc_item` that says how a server answered.
#[repr(C)]
struct Answered {
    head: Item,
    numbers: [u64; 3],
    words: [u32; 4],
    sizes: [u64; 2],
    hit_before: u32,
    phase: u32,
    text: *const c_char,
    server: *const c_char,
}

unsafe extern "C" {
    fn mc_stats_get(
        client: *mut Handle,
        arg: *const c_char,
        arg_len: usize,
        out: *mut *mut List,
    ) -> i32;
    fn mc_stats_settings(client: *mut Handle, out: *mut *mut List) -> i32;
    fn mc_stats_items(client: *mut Handle, out: *mut *mut List) -> i32;
    fn mc_stats_slabs(client: *mut Handle, out: *mut *mut List) -> i32;
    fn mc_stats_sizes(client: *mut Handle, out: *mut *mut List) -> i32;
    fn mc_stats_servers(list: *const List) -> usize;
    fn mc_stats_server(list: *const List, server: usize) -> *const Answered;
    fn mc_stats_count(list: *const List, server: usize) -> usize;
    fn mc_stats_entry(list: *const List, server: usize, i: usize) -> *const RawStat;
    fn mc_stats_find(
        list: *const List,
        server: usize,
        name: *const c_char,
        name_len: usize,
    ) -> *const RawStat;
    fn mc_stats_list_free(list: *mut List);
    fn mc_server_versions(client: *mut Handle, out: *mut *mut Results) -> i32;
    fn mc_ping(client: *mut Handle, out: *mut *mut Results) -> i32;
    fn mc_flush_all(client: *mut Handle, delay: i64, out: *mut *mut Results) -> i32;
    fn mc_verbosity(client: *mut Handle, level: u32, out: *mut *mut Results) -> i32;
    fn mc_cache_memlimit(client: *mut Handle, megabytes: u64, out: *mut *mut Results) -> i32;
    fn mc_delete_all(
        client: *mut Handle,
        key: *const c_char,
        key_len: usize,
        out: *mut *mut Results,
    ) -> i32;
}

/// One statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct Stat {
    pub kind: u32,
    pub name: String,
    pub text: String,
    pub field: String,
    pub index: Option<u64>,
    pub number: u64,
    pub integer: i64,
    pub real: f64,
    pub boolean: bool,
}

/// How one server answered, and what it said.
#[derive(Clone, Debug)]
pub struct Server {
    pub status: i32,
    pub name: String,
    /// What went wrong.
    pub text: String,
    pub stats: Vec<Stat>,
    /// What it answered, where that is a text.
    pub value: String,
    pub number: u64,
}

impl Server {
    pub fn find(&self, name: &str) -> &Stat {
        let found = self.stats.iter().find(|stat| stat.name == name);
        found.unwrap_or_else(|| panic!("no {name} of {}", self.name))
    }
}

/// An answer of every server.
#[derive(Clone, Debug)]
pub struct Everywhere {
    pub status: i32,
    pub servers: Vec<Server>,
}

impl Everywhere {
    pub fn statuses(&self) -> Vec<i32> {
        self.servers.iter().map(|server| server.status).collect()
    }
}

/// # Safety
///
/// Bytes of the library's, with a NUL behind them.
unsafe fn bytes(at: *const c_char, len: usize) -> String {
    // SAFETY: promised by the caller.
    let (bytes, end) = unsafe {
        let at: *const u8 = at.cast();
        (std::slice::from_raw_parts(at, len), *at.add(len))
    };
    assert_eq!(end, 0, "a NUL behind the bytes");
    String::from_utf8(bytes.to_vec()).expect("what a server says in these tests")
}

/// # Safety
///
/// NULL, or a text of the library's.
unsafe fn text(at: *const c_char) -> String {
    if at.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(at) }.to_string_lossy().into_owned()
}

/// # Safety
///
/// An item of the library's.
unsafe fn answered(item: *const Answered) -> Server {
    // SAFETY: promised by the caller.
    unsafe {
        let item = item.as_ref().expect("an item for every server");
        Server {
            status: item.head.status,
            name: text(item.server),
            text: text(item.text),
            stats: Vec::new(),
            value: match item.head.value.is_null() {
                true => String::new(),
                false => bytes(item.head.value, item.head.value_len),
            },
            number: item.numbers[1],
        }
    }
}

/// # Safety
///
/// A statistic of the library's.
unsafe fn stat(raw: &RawStat) -> Stat {
    // SAFETY: promised by the caller.
    unsafe {
        Stat {
            kind: raw.kind,
            name: bytes(raw.name, raw.name_len),
            text: bytes(raw.text, raw.text_len),
            field: bytes(raw.field, raw.field_len),
            index: (raw.has_index != 0).then_some(raw.index),
            number: raw.number,
            integer: raw.integer,
            real: raw.real,
            boolean: raw.boolean != 0,
        }
    }
}

impl Client {
    /// The statistics that `argument` names; those with a function of their own by that.
    pub fn stats(&self, argument: &str) -> Everywhere {
        let mut list = ptr::null_mut();
        // SAFETY: a live handle, an argument with its length, a place for the list, which is ours until
        // it is freed.
        unsafe {
            let status = match argument {
                "settings" => mc_stats_settings(self.0, &mut list),
                "items" => mc_stats_items(self.0, &mut list),
                "slabs" => mc_stats_slabs(self.0, &mut list),
                "sizes" => mc_stats_sizes(self.0, &mut list),
                _ => mc_stats_get(self.0, argument.as_ptr().cast(), argument.len(), &mut list),
            };
            let servers = (0..mc_stats_servers(list)).map(|number| {
                let mut server = answered(mc_stats_server(list, number));
                for i in 0..mc_stats_count(list, number) {
                    let raw = mc_stats_entry(list, number, i);
                    let stat = stat(raw.as_ref().expect("a statistic"));
                    let (name, len) = (stat.name.as_ptr().cast(), stat.name.len());
                    assert_eq!(mc_stats_find(list, number, name, len), raw, "{}", stat.name);
                    server.stats.push(stat);
                }
                server
            });
            let servers = servers.collect();
            mc_stats_list_free(list);
            Everywhere { status, servers }
        }
    }

    pub(super) fn everywhere(
        &self,
        ask: impl FnOnce(*mut Handle, *mut *mut Results) -> i32,
    ) -> Everywhere {
        let mut results = ptr::null_mut();
        let status = ask(self.0, &mut results);
        // SAFETY: the results are ours until they are freed.
        let servers = unsafe {
            let item = |i| answered(mc_results_item(results, i).cast());
            let servers = (0..mc_results_count(results)).map(item).collect();
            mc_results_free(results);
            servers
        };
        Everywhere { status, servers }
    }

    pub fn versions(&self) -> Everywhere {
        // SAFETY: a live handle and a place for the results, here and below.
        self.everywhere(|client, out| unsafe { mc_server_versions(client, out) })
    }

    pub fn ping(&self) -> Everywhere {
        // SAFETY: as above.
        self.everywhere(|client, out| unsafe { mc_ping(client, out) })
    }

    pub fn flush_all(&self, delay: i64) -> Everywhere {
        // SAFETY: as above.
        self.everywhere(|client, out| unsafe { mc_flush_all(client, delay, out) })
    }

    pub fn verbosity(&self, level: u32) -> Everywhere {
        // SAFETY: as above.
        self.everywhere(|client, out| unsafe { mc_verbosity(client, level, out) })
    }

    pub fn cache_memlimit(&self, megabytes: u64) -> Everywhere {
        // SAFETY: as above.
        self.everywhere(|client, out| unsafe { mc_cache_memlimit(client, megabytes, out) })
    }

    pub fn delete_all(&self, key: &str) -> Everywhere {
        let (at, len) = (key.as_ptr().cast(), key.len());
        // SAFETY: as above; a key with its length.
        self.everywhere(|client, out| unsafe { mc_delete_all(client, at, len, out) })
    }
}
