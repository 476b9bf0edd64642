//! The C ABI as the header declares it, as far as the rows call it.

use std::ffi::{c_char, c_void};

// Links the library; nothing is called but through the declarations below.
use memcached2 as _;

#[repr(C)]
pub struct Handle {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct Results {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct Item {
    pub status: i32,
    pub have: u32,
    pub key: *const c_char,
    pub key_len: usize,
    pub value: *const c_char,
    pub value_len: usize,
    pub cas: u64,
    pub number: u64,
    pub ttl: i64,
    pub flags: u32,
    pub marks: u32,
    pub effect: u32,
    pub sys_errno: i32,
    pub item_size: u64,
    pub last_access: u64,
    pub hit_before: u32,
    pub phase: u32,
    pub text: *const c_char,
    pub server: *const c_char,
    pub object: *mut c_void,
}

#[repr(C)]
pub struct Command {
    pub size: u32,
    pub op: u32,
    pub options: u64,
    pub key: *const c_char,
    pub key_len: usize,
    pub value: *const c_void,
    pub value_len: usize,
    pub route: *const c_char,
    pub route_len: usize,
    pub ttl: i64,
    pub timeout_us: i64,
    pub cas: u64,
    pub delta: u64,
    pub initial: u64,
    pub recache_ttl: i64,
    pub lease_ttl: i64,
    pub stale_ttl: i64,
    pub flags: u32,
    pub reserved: u32,
    pub release: Option<unsafe extern "C" fn(*mut c_void)>,
    pub release_user: *mut c_void,
    pub own_cas: u64,
}

#[repr(C)]
pub struct Completion {
    pub id: u64,
    pub user: *mut c_void,
    pub status: i32,
    pub reserved: u32,
    pub item: *const Item,
    pub results: *mut Results,
}

/// Hears of the end of an operation.
pub type Done = Option<unsafe extern "C" fn(user: *mut c_void, completion: *const Completion)>;

pub const OK: i32 = 0;
pub const MULTI_STORAGE: i32 = 0x0602;
pub const PARTIAL: i32 = 0x0708;

pub const HAVE_VALUE: u32 = 1;
pub const HAVE_FLAGS: u32 = 2;
pub const HAVE_CAS: u32 = 4;
pub const HAVE_NUMBER: u32 = 8;
pub const HAVE_CLAMPED: u32 = 16;
pub const HAVE_TTL: u32 = 32;
pub const HAVE_SIZE: u32 = 64;
pub const HAVE_LAST_ACCESS: u32 = 128;
pub const HAVE_HIT_BEFORE: u32 = 256;

pub const OP_EXISTS: u32 = 22;

pub const PHASE_CHECK: u32 = 1;

pub const WANT_CAS: u64 = 1;
pub const HAS_FLAGS: u64 = 0x1_0000;
pub const HAS_CAS: u64 = 0x2_0000;
pub const HAS_DELTA: u64 = 0x4_0000;
pub const WANT_TTL: u64 = 2;
pub const WANT_SIZE: u64 = 4;
pub const WANT_LAST_ACCESS: u64 = 8;
pub const WANT_HIT_BEFORE: u64 = 16;
pub const HAS_INITIAL: u64 = 0x8_0000;
pub const HAS_RECACHE: u64 = 0x10_0000;
pub const HAS_LEASE: u64 = 0x20_0000;
pub const HAS_STALE: u64 = 0x40_0000;
pub const HAS_OWN_CAS: u64 = 0x80_0000;
pub const PEEK: u64 = 0x40_0000_0000;
pub const DROP_VALUE: u64 = 0x80_0000_0000;
pub const TOUCH: u64 = 0x100_0000_0000;
pub const TTL_IS_UNIX_TIME: u64 = 0x1_0000_0000;
pub const NOREPLY: u64 = 0x2_0000_0000;
pub const REPLY: u64 = 0x4_0000_0000;
pub const EXPIRE_NOW: i64 = i64::MIN;

type Text = *const c_char;
type Texts = *const Text;
type Lengths = *const usize;
type Out = *mut *mut Results;

unsafe extern "C" {
    pub fn mc_new(servers: Text, out: *mut *mut Handle) -> i32;
    pub fn mc_free(client: *mut Handle);
    pub fn mc_memory_advance(client: *mut Handle, seconds: i64) -> i32;
    pub fn mc_close(client: *mut Handle) -> i32;
    pub fn mc_sync(client: *mut Handle, timeout_us: i64, failed: *mut u64) -> i32;
    pub fn mc_last_error() -> Text;
    pub fn mc_status_name(status: i32) -> Text;
    pub fn mc_status_is_miss(status: i32) -> bool;
    pub fn mc_key_check(key: Text, key_len: usize) -> i32;

    pub fn mc_last_error_effect() -> u32;
    pub fn mc_last_error_phase() -> u32;

    pub fn mc_loop_new(client: *mut Handle, out: *mut *mut Handle) -> i32;
    pub fn mc_loop_free(one: *mut Handle);
    pub fn mc_loop_run(one: *mut Handle, timeout_us: i64) -> i32;
    pub fn mc_loop_submit(
        one: *mut Handle,
        command: *const Command,
        id: *mut u64,
        done: Done,
        user: *mut c_void,
    ) -> i32;
    pub fn mc_loop_submit_multi(
        one: *mut Handle,
        commands: *const Command,
        n: usize,
        batch: *const c_void,
        id: *mut u64,
        done: Done,
        user: *mut c_void,
    ) -> i32;

    pub fn mc_item_new() -> *mut Item;
    pub fn mc_item_free(item: *mut Item);
    pub fn mc_execute(client: *mut Handle, command: *const Command, out: *mut *mut Item) -> i32;
    pub fn mc_execute_into(client: *mut Handle, command: *const Command, item: *mut Item) -> i32;
    pub fn mc_execute_multi(
        client: *mut Handle,
        commands: *const Command,
        n: usize,
        batch: *const c_void,
        out: Out,
    ) -> i32;
    pub fn mc_get_into(
        client: *mut Handle,
        key: Text,
        key_len: usize,
        buf: *mut c_void,
        cap: usize,
        len: *mut usize,
        flags: *mut u32,
    ) -> i32;

    pub fn mc_get_multi(c: *mut Handle, keys: Texts, lens: Lengths, n: usize, out: Out) -> i32;
    pub fn mc_gets_multi(c: *mut Handle, keys: Texts, lens: Lengths, n: usize, out: Out) -> i32;
    pub fn mc_delete_multi(c: *mut Handle, keys: Texts, lens: Lengths, n: usize, out: Out) -> i32;
    pub fn mc_touch_multi(
        client: *mut Handle,
        keys: Texts,
        lens: Lengths,
        n: usize,
        ttl: i64,
        out: Out,
    ) -> i32;
    pub fn mc_set_multi(
        client: *mut Handle,
        keys: Texts,
        key_lens: Lengths,
        values: *const *const c_void,
        value_lens: Lengths,
        n: usize,
        ttl: i64,
        flags: u32,
        out: Out,
    ) -> i32;
    pub fn mc_server_versions(client: *mut Handle, out: Out) -> i32;
    pub fn mc_flush_all(client: *mut Handle, delay: i64, out: Out) -> i32;
    pub fn mc_ping(client: *mut Handle, out: Out) -> i32;
    pub fn mc_verbosity(client: *mut Handle, level: u32, out: Out) -> i32;
    pub fn mc_cache_memlimit(client: *mut Handle, megabytes: u64, out: Out) -> i32;
    pub fn mc_delete_all(client: *mut Handle, key: Text, key_len: usize, out: Out) -> i32;

    pub fn mc_results_count(results: *const Results) -> usize;
    pub fn mc_results_failed(results: *const Results) -> usize;
    pub fn mc_results_item(results: *const Results, index: usize) -> *const Item;
    pub fn mc_results_free(results: *mut Results);
}
