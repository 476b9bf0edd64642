//! Commands as data, by `mc_execute_into` and `mc_execute_multi`: every field of what they answer.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use super::abi::{Handle, Results, mc_item_free, mc_results_count, mc_results_free};
use super::abi::{Item as Head, mc_results_item};
use super::client::Client;

pub const GET: u32 = 1;
pub const GETS: u32 = 2;
pub const GAT: u32 = 3;
pub const GATS: u32 = 4;
pub const SET: u32 = 5;
pub const ADD: u32 = 6;
pub const REPLACE: u32 = 7;
pub const APPEND: u32 = 8;
pub const PREPEND: u32 = 9;
pub const CAS: u32 = 10;
pub const DELETE: u32 = 11;
pub const TOUCH: u32 = 12;
pub const INCR: u32 = 13;
pub const DECR: u32 = 14;

pub const EXPIRE_NOW: i64 = i64::MIN;

const HAS_CAS: u64 = 0x2_0000;
const HAS_DELTA: u64 = 0x4_0000;
const TTL_IS_UNIX_TIME: u64 = 0x1_0000_0000;
const NOREPLY: u64 = 0x2_0000_0000;

const HAVE_VALUE: u32 = 1;
const HAVE_FLAGS: u32 = 2;
const HAVE_CAS: u32 = 4;
const HAVE_NUMBER: u32 = 8;

/// `mc_command`.
#[repr(C)]
struct RawCommand {
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
    initial: u64,
    later: [i64; 3],
    flags: u32,
    reserved: u32,
    release: *const c_void,
    release_user: *mut c_void,
}

/// `mc_item`.
#[repr(C)]
struct Item {
    head: Head,
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
}

unsafe extern "C" {
    fn mc_item_new() -> *mut Head;
    fn mc_execute_into(client: *mut Handle, command: *const RawCommand, item: *mut Head) -> i32;
    fn mc_execute_multi(
        client: *mut Handle,
        commands: *const RawCommand,
        n: usize,
        batch: *const c_void,
        out: *mut *mut Results,
    ) -> i32;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    pub op: u32,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub ttl: i64,
    /// `ttl` is in seconds since 1970.
    pub is_moment: bool,
    pub flags: u32,
    pub cas: u64,
    pub delta: u64,
    pub noreply: bool,
}

impl Command {
    pub fn new(op: u32, key: impl AsRef<[u8]>) -> Command {
        Command {
            op,
            key: key.as_ref().to_vec(),
            delta: 1,
            ..Command::default()
        }
    }

    pub fn value(self, value: impl AsRef<[u8]>) -> Command {
        let value = value.as_ref().to_vec();
        Command { value, ..self }
    }

    fn raw(&self) -> RawCommand {
        let mut options = 0;
        for (is, option) in [
            (self.op == CAS, HAS_CAS),
            (matches!(self.op, INCR | DECR), HAS_DELTA),
            (self.is_moment, TTL_IS_UNIX_TIME),
            (self.noreply, NOREPLY),
        ] {
            options |= if is { option } else { 0 };
        }
        RawCommand {
            size: size_of::<RawCommand>() as u32,
            op: self.op,
            options,
            key: self.key.as_ptr().cast(),
            key_len: self.key.len(),
            value: match self.value.is_empty() {
                true => ptr::null(),
                false => self.value.as_ptr().cast(),
            },
            value_len: self.value.len(),
            route: ptr::null(),
            route_len: 0,
            ttl: self.ttl,
            timeout_us: 0,
            cas: if self.op == CAS { self.cas } else { 0 },
            delta: match self.op {
                INCR | DECR => self.delta,
                _ => 0,
            },
            initial: 0,
            later: [0; 3],
            flags: self.flags,
            reserved: 0,
            release: ptr::null(),
            release_user: ptr::null_mut(),
        }
    }
}

/// What an item says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub status: i32,
    pub value: Option<Vec<u8>>,
    pub flags: Option<u32>,
    pub cas: Option<u64>,
    pub number: Option<u64>,
    pub effect: u32,
    pub text: String,
}

/// # Safety
///
/// An item of the library's.
unsafe fn said(item: *const Head) -> Said {
    // SAFETY: promised by the caller: a whole item, a value of so many bytes, a text that ends at a NUL.
    unsafe {
        let item: &Item = item.cast::<Item>().as_ref().expect("an item");
        let has = |bit| item.head.have & bit != 0;
        let text = item.text;
        Said {
            status: item.head.status,
            value: has(HAVE_VALUE).then(|| {
                let at: *const u8 = item.head.value.cast();
                assert_eq!(*at.add(item.head.value_len), 0, "a NUL behind the value");
                std::slice::from_raw_parts(at, item.head.value_len).to_vec()
            }),
            flags: has(HAVE_FLAGS).then_some(item.flags),
            cas: has(HAVE_CAS).then_some(item.cas),
            number: has(HAVE_NUMBER).then_some(item.number),
            effect: item.effect,
            text: match text.is_null() {
                true => String::new(),
                false => CStr::from_ptr(text).to_string_lossy().into_owned(),
            },
        }
    }
}

impl Client {
    pub fn execute(&self, command: &Command) -> Said {
        // SAFETY: a live handle, a command whose bytes are alive, an item that is freed once.
        unsafe {
            let item = mc_item_new();
            let status = mc_execute_into(self.0, &command.raw(), item);
            let said = said(item);
            assert_eq!(status, said.status, "the item's status is the call's");
            mc_item_free(item);
            said
        }
    }

    /// The batch's status, and what each entry says.
    pub fn execute_multi(&self, commands: &[Command]) -> (i32, Vec<Said>) {
        let raw: Vec<_> = commands.iter().map(Command::raw).collect();
        let mut results = ptr::null_mut();
        // SAFETY: a live handle, an array of so many commands whose bytes are alive, results that are
        // freed once.
        unsafe {
            let (first, n) = (raw.as_ptr(), raw.len());
            let status = mc_execute_multi(self.0, first, n, ptr::null(), &mut results);
            let each = |i| said(mc_results_item(results, i));
            let all = (0..mc_results_count(results)).map(each).collect();
            mc_results_free(results);
            (status, all)
        }
    }
}
