//! `mc_dump_entry`: what is told of a key.

use std::ffi::c_char;
use std::ptr;

use crate::client::dump::Told;

/// `have` of a dumped key: `expiry` was told. Since: 0.1.
pub const MC_DUMP_EXPIRY: u32 = 1;
/// `have` of a dumped key: `last_access` was told. Since: 0.1.
pub const MC_DUMP_LAST_ACCESS: u32 = 2;
/// `have` of a dumped key: `cas` was told. Since: 0.1.
pub const MC_DUMP_CAS: u32 = 4;
/// `have` of a dumped key: `fetched` was told. Since: 0.1.
pub const MC_DUMP_FETCHED: u32 = 8;
/// `have` of a dumped key: `slab_class` was told. Since: 0.1.
pub const MC_DUMP_SLAB_CLASS: u32 = 16;
/// `have` of a dumped key: `size` was told. Since: 0.1.
pub const MC_DUMP_SIZE: u32 = 32;
/// `have` of a dumped key: `flags` were told. Since: 0.1.
pub const MC_DUMP_FLAGS: u32 = 64;

/// A key of a server, and what the server says of its item. Made by the library and reached by pointer
/// only: it grows at its end. What was not told is 0. Since: 0.1.
#[repr(C)]
pub struct mc_dump_entry {
    /// The key without key_prefix, with a NUL behind it. Any bytes: other clients may store keys that this
    /// library would not.
    pub key: *const c_char,
    /// Its length in bytes.
    pub key_len: usize,
    /// The server's name.
    pub server: *const c_char,
    /// The server's place in the list.
    pub server_index: usize,
    /// MC_DUMP_*: what was told. Old servers tell less, new ones more.
    pub have: u32,
    /// 1: the item was read since it was stored.
    pub fetched: u32,
    /// When it expires, in seconds since 1970; -1 never.
    pub expiry: i64,
    /// When it was stored or used last, in seconds since 1970, about: servers do not note every use.
    pub last_access: i64,
    /// Its CAS.
    pub cas: u64,
    /// How many bytes it takes in the server, key and overhead included.
    pub size: u64,
    /// The slab class that it lies in.
    pub slab_class: u32,
    /// The client's flags.
    pub flags: u32,
}

impl mc_dump_entry {
    /// Nothing.
    pub(super) const EMPTY: mc_dump_entry = mc_dump_entry {
        key: ptr::null(),
        key_len: 0,
        server: ptr::null(),
        server_index: 0,
        have: 0,
        fetched: 0,
        expiry: 0,
        last_access: 0,
        cas: 0,
        size: 0,
        slab_class: 0,
        flags: 0,
    };

    /// Its pointers lead to what was told, and to names of servers.
    pub(super) fn new(told: &Told<'_>) -> mc_dump_entry {
        let about = told.about;
        let mut have = 0;
        let mut mark = |is: bool, bit: u32| have |= if is { bit } else { 0 };
        mark(about.expiry.is_some(), MC_DUMP_EXPIRY);
        mark(about.accessed.is_some(), MC_DUMP_LAST_ACCESS);
        mark(about.cas.is_some(), MC_DUMP_CAS);
        mark(about.fetched.is_some(), MC_DUMP_FETCHED);
        mark(about.class.is_some(), MC_DUMP_SLAB_CLASS);
        mark(about.size.is_some(), MC_DUMP_SIZE);
        mark(about.flags.is_some(), MC_DUMP_FLAGS);
        mc_dump_entry {
            key: told.key.as_ptr().cast(),
            key_len: told.key.len(),
            server: told.server.as_c_str().as_ptr(),
            server_index: told.number,
            have,
            fetched: about.fetched.unwrap_or(false).into(),
            expiry: about.expiry.unwrap_or(0),
            last_access: about.accessed.unwrap_or(0),
            cas: about.cas.unwrap_or(0),
            size: about.size.unwrap_or(0),
            slab_class: about.class.unwrap_or(0),
            flags: about.flags.unwrap_or(0),
        }
    }
}
