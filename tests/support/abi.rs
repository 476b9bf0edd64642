//! The C ABI as the header declares it, as far as the tests in Rust call it: by its symbols, so that
//! they depend on nothing else of the library.

use std::ffi::{c_char, c_void};

// Links the library.
use memcached2 as _;

#[repr(C)]
pub struct Handle {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct Results {
    _opaque: [u8; 0],
}

/// The beginning of `mc_item`, which is only ever reached by pointer.
#[repr(C)]
pub struct Item {
    pub status: i32,
    pub have: u32,
    pub key: *const c_char,
    pub key_len: usize,
    pub value: *const c_char,
    pub value_len: usize,
}

type Text = *const c_char;
type Texts = *const Text;
type Lengths = *const usize;

unsafe extern "C" {
    pub fn mc_new(servers: Text, out: *mut *mut Handle) -> i32;
    pub fn mc_free(client: *mut Handle);
    pub fn mc_close(client: *const Handle) -> i32;
    pub fn mc_memory_advance(client: *const Handle, seconds: i64) -> i32;
    pub fn mc_memory_clear(client: *const Handle) -> i32;
    pub fn mc_client_with_fallback(
        client: *const Handle,
        old: *const Handle,
        view: *mut *mut Handle,
    ) -> i32;
    pub fn mc_last_error_status() -> i32;
    pub fn mc_client_with(client: *mut Handle, options: Text, view: *mut *mut Handle) -> i32;

    pub fn mc_add_server(client: *mut Handle, uri: Text) -> i32;
    pub fn mc_remove_server(client: *mut Handle, uri: Text) -> i32;
    pub fn mc_set_servers(client: *mut Handle, servers: Text) -> i32;
    pub fn mc_servers(client: *mut Handle, buf: *mut c_char, cap: usize, len: *mut usize) -> i32;
    pub fn mc_server_for_key(
        client: *mut Handle,
        key: Text,
        key_len: usize,
        buf: *mut c_char,
        cap: usize,
        len: *mut usize,
    ) -> i32;

    pub fn mc_get(client: *mut Handle, key: Text, key_len: usize, out: *mut *mut Item) -> i32;
    pub fn mc_set(
        client: *mut Handle,
        key: Text,
        key_len: usize,
        value: *const c_void,
        value_len: usize,
        ttl: i64,
        flags: u32,
    ) -> i32;
    pub fn mc_add(
        client: *mut Handle,
        key: Text,
        key_len: usize,
        value: *const c_void,
        value_len: usize,
        ttl: i64,
        flags: u32,
    ) -> i32;
    pub fn mc_delete(client: *mut Handle, key: Text, key_len: usize) -> i32;
    pub fn mc_touch(client: *mut Handle, key: Text, key_len: usize, ttl: i64) -> i32;
    pub fn mc_incr(
        client: *mut Handle,
        key: Text,
        key_len: usize,
        delta: u64,
        number: *mut u64,
    ) -> i32;
    pub fn mc_item_free(item: *mut Item);

    pub fn mc_get_multi(
        client: *mut Handle,
        keys: Texts,
        lens: Lengths,
        n: usize,
        out: *mut *mut Results,
    ) -> i32;
    pub fn mc_delete_multi(
        client: *mut Handle,
        keys: Texts,
        lens: Lengths,
        n: usize,
        out: *mut *mut Results,
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
        out: *mut *mut Results,
    ) -> i32;
    pub fn mc_results_count(results: *const Results) -> usize;
    pub fn mc_results_item(results: *const Results, index: usize) -> *const Item;
    pub fn mc_results_free(results: *mut Results);

    pub fn mc_status_name(status: i32) -> Text;
    pub fn mc_last_error() -> Text;
    pub fn mc_last_error_server() -> Text;
    pub fn mc_last_error_effect() -> u32;
}
