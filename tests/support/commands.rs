//! Commands as data, by mc_execute_into and mc_execute_multi: for the operations that have no function of
//! their own in [`super::client`].

use std::ffi::{c_char, c_void};
use std::ptr;

use super::abi::{
    Handle, Results, mc_item_free, mc_results_count, mc_results_free, mc_results_item,
};
use super::client::Client;

pub const GET: u32 = 1;
pub const GETS: u32 = 2;
pub const GAT: u32 = 3;
pub const GATS: u32 = 4;
pub const SET: u32 = 5;
pub const REPLACE: u32 = 7;
pub const APPEND: u32 = 8;
pub const PREPEND: u32 = 9;
pub const CAS: u32 = 10;
pub const DECR: u32 = 14;

/// MC_HAVE_CAS.
pub const HAVE_CAS: u32 = 4;
/// MC_EXPIRE_NOW.
pub const EXPIRE_NOW: i64 = i64::MIN;

const HAS_CAS: u64 = 0x2_0000;
const NOREPLY: u64 = 0x2_0000_0000;

/// `mc_command`.
#[repr(C)]
struct Raw {
    size: u32,
    op: u32,
    options: u64,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    route: *const c_char,
    route_len: usize,
    ttl: i64,
    timeout_us: i64,
    cas: u64,
    delta: u64,
    unused: [u64; 4],
    flags: u32,
    reserved: u32,
    release: [*const c_void; 2],
}

/// `mc_item` up to its texts.
#[repr(C)]
struct RawItem {
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
}

unsafe extern "C" {
    fn mc_item_new() -> *mut super::abi::Item;
    fn mc_execute_into(
        client: *mut Handle,
        command: *const Raw,
        item: *mut super::abi::Item,
    ) -> i32;
    fn mc_execute_multi(
        client: *mut Handle,
        commands: *const Raw,
        n: usize,
        batch: *const c_void,
        out: *mut *mut Results,
    ) -> i32;
    fn mc_sync(client: *mut Handle, timeout_us: i64, failed: *mut u64) -> i32;
}

/// A command on a key.
#[derive(Clone, Copy, Default)]
pub struct Command<'a> {
    pub op: u32,
    pub key: &'a str,
    pub value: &'a [u8],
    pub ttl: i64,
    /// `None`: not said.
    pub cas: Option<u64>,
    pub flags: u32,
    pub quiet: bool,
}

/// What it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub status: i32,
    pub value: Option<Vec<u8>>,
    /// `None`: not told.
    pub cas: Option<u64>,
    pub number: u64,
    pub flags: u32,
    pub effect: u32,
}

impl<'a> Command<'a> {
    pub fn new(op: u32, key: &'a str, value: &'a [u8]) -> Command<'a> {
        Command {
            op,
            key,
            value,
            ..Command::default()
        }
    }

    fn raw(&self) -> Raw {
        let said = if self.cas.is_some() { HAS_CAS } else { 0 };
        let quiet = if self.quiet { NOREPLY } else { 0 };
        Raw {
            size: size_of::<Raw>() as u32,
            op: self.op,
            options: said | quiet,
            key: self.key.as_ptr().cast(),
            key_len: self.key.len(),
            value: self.value.as_ptr().cast(),
            value_len: self.value.len(),
            route: ptr::null(),
            route_len: 0,
            ttl: self.ttl,
            timeout_us: 0,
            cas: self.cas.unwrap_or_default(),
            delta: 0,
            unused: [0; 4],
            flags: self.flags,
            reserved: 0,
            release: [ptr::null(); 2],
        }
    }
}

/// # Safety
///
/// One of the library's items.
unsafe fn done(item: *const super::abi::Item) -> Done {
    // SAFETY: promised by the caller: the library's items have all fields.
    let item = unsafe { &*item.cast::<RawItem>() };
    let value = (!item.value.is_null()).then(|| {
        // SAFETY: a value of so many bytes.
        unsafe { std::slice::from_raw_parts(item.value.cast::<u8>(), item.value_len) }.to_vec()
    });
    Done {
        status: item.status,
        value,
        cas: (item.have & HAVE_CAS != 0).then_some(item.cas),
        number: item.number,
        flags: item.flags,
        effect: item.effect,
    }
}

impl Client {
    pub fn execute(&self, command: Command<'_>) -> Done {
        let raw = command.raw();
        // SAFETY: a live handle, a command whose bytes are alive, an item that is freed once.
        unsafe {
            let item = mc_item_new();
            assert!(!item.is_null());
            let status = mc_execute_into(self.0, &raw, item);
            let done = done(item);
            mc_item_free(item);
            assert_eq!(status, done.status);
            done
        }
    }

    /// The status of the whole, and what became of each.
    pub fn execute_multi(&self, commands: &[Command<'_>]) -> (i32, Vec<Done>) {
        let raw: Vec<Raw> = commands.iter().map(Command::raw).collect();
        let mut results = ptr::null_mut();
        // SAFETY: a live handle, so many commands whose bytes are alive, results that are freed once.
        unsafe {
            let (first, n) = (raw.as_ptr(), raw.len());
            let status = mc_execute_multi(self.0, first, n, ptr::null(), &mut results);
            let all = (0..mc_results_count(results))
                .map(|index| done(mc_results_item(results, index)))
                .collect();
            mc_results_free(results);
            (status, all)
        }
    }

    /// The status of mc_sync, and how many quiet commands have failed.
    pub fn sync(&self) -> (i32, u64) {
        let mut failed = u64::MAX;
        // SAFETY: a live handle and a place.
        let status = unsafe { mc_sync(self.0, 0, &mut failed) };
        (status, failed)
    }
}
