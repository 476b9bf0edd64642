//! `mc_stats_list`: what servers said of themselves, typed.

use std::ffi::c_char;

use super::borrow::bytes;
use super::guard::guard_or;
use super::handle::{self, Handle};
use super::item::mc_item;
use super::results_sink::Results;
use crate::error::{Failure, Result};
use crate::operation::stats::{ServerStats, Stat};
use crate::protocol::stats::Value;

/// `kind`: a text, such as a version. Since: 0.1.
pub const MC_STAT_TEXT: u32 = 1;
/// `kind`: an integer, from INT64_MIN to UINT64_MAX. Since: 0.1.
pub const MC_STAT_INTEGER: u32 = 2;
/// `kind`: a number with a fraction; also seconds of processor time. Since: 0.1.
pub const MC_STAT_REAL: u32 = 3;
/// `kind`: yes or no, on or off, enabled or disabled; 1 or 0 where that is what they mean. Since: 0.1.
pub const MC_STAT_BOOLEAN: u32 = 4;

/// One of a server's statistics: the name and the text as they came, and what the text says. Made by the
/// library and reached by pointer only: it grows at its end. What a statistic does not have is 0.
/// Since: 0.1.
#[repr(C)]
pub struct mc_stat {
    /// MC_STAT_*: what the text says. A text that is not of its name's kind has the kind that it looks
    /// like; no text is ever refused or changed.
    pub kind: u32,
    /// 1: the name has a number in it, which is `index`.
    pub has_index: u32,
    /// The name, with a NUL behind it: "pid", "items:5:age", "5:chunk_size", "96".
    pub name: *const c_char,
    /// Its length in bytes.
    pub name_len: usize,
    /// The text, with a NUL behind it: bytes as the server sent them, none where it sent none.
    pub text: *const c_char,
    /// Its length in bytes.
    pub text_len: usize,
    /// What stands in the name behind the number ("age", "chunk_size", "" for sizes), or the whole name;
    /// with a NUL behind it.
    pub field: *const c_char,
    /// Its length in bytes.
    pub field_len: usize,
    /// The number in the name: the slab class ("items" and "slabs"), the size of items in bytes
    /// ("sizes"), the connection ("conns").
    pub index: u64,
    /// An integer that is not below 0; 1 or 0 for MC_STAT_BOOLEAN.
    pub number: u64,
    /// An integer; INT64_MAX where it is above that. 1 or 0 for MC_STAT_BOOLEAN.
    pub integer: i64,
    /// A number of any kind, as near as a double comes to it.
    pub real: f64,
    /// MC_STAT_BOOLEAN: 1 or 0.
    pub boolean: u32,
}

impl mc_stat {
    /// `bytes` are those of `stat`, and stay where they are.
    fn new(stat: &Stat, bytes: &[u8]) -> mc_stat {
        let at = |at: usize| bytes.as_ptr().wrapping_add(at).cast();
        let (kind, number, integer, real) = match stat.value {
            Value::Text => (MC_STAT_TEXT, 0, 0, 0.0),
            Value::Unsigned(number) => {
                let integer = i64::try_from(number).unwrap_or(i64::MAX);
                (MC_STAT_INTEGER, number, integer, number as f64)
            }
            Value::Negative(integer) => (MC_STAT_INTEGER, 0, integer, integer as f64),
            Value::Real(real) => (MC_STAT_REAL, 0, 0, real),
            Value::Boolean(is) => (
                MC_STAT_BOOLEAN,
                is.into(),
                is.into(),
                f64::from(u8::from(is)),
            ),
        };
        mc_stat {
            kind,
            has_index: stat.index.is_some().into(),
            name: at(stat.name_at),
            name_len: stat.name_len,
            text: at(stat.text_at),
            text_len: stat.text_len,
            field: at(stat.field_at),
            field_len: stat.name_at + stat.name_len - stat.field_at,
            index: stat.index.unwrap_or(0),
            number,
            integer,
            real,
            boolean: u32::from(stat.value == Value::Boolean(true)),
        }
    }
}

/// The statistics of servers: for each server, in the order of the list, how it answered and what it
/// said. Freed with mc_stats_list_free; holds no reference to the client. Since: 0.1.
pub struct mc_stats_list {
    _opaque: [u8; 0],
}

/// What `mc_stats_list` stands for.
pub struct StatsList {
    results: Results,
    servers: Vec<Said>,
}

struct Said {
    stats: Vec<mc_stat>,
    /// What the pointers lead to.
    _bytes: Vec<u8>,
}

// SAFETY: the pointers lead to memory that the list owns and that nobody changes, and to names of
// servers, which live for ever.
unsafe impl Send for StatsList {}
// SAFETY: as above.
unsafe impl Sync for StatsList {}

impl Handle for mc_stats_list {
    type Inner = StatsList;
    const KIND: u64 = 0x6d63_7374_6174_736c;
}

impl StatsList {
    pub(super) fn new(results: Results, said: Vec<ServerStats>) -> Result<StatsList> {
        let mut servers = Vec::new();
        let none = |n: usize| Failure::no_memory(n.saturating_mul(size_of::<mc_stat>()));
        servers
            .try_reserve_exact(said.len())
            .map_err(|_| none(said.len()))?;
        for ServerStats {
            bytes, stats: from, ..
        } in said
        {
            let mut stats = Vec::new();
            stats
                .try_reserve_exact(from.len())
                .map_err(|_| none(from.len()))?;
            stats.extend(from.iter().map(|stat| mc_stat::new(stat, &bytes)));
            servers.push(Said {
                stats,
                _bytes: bytes,
            });
        }
        Ok(StatsList { results, servers })
    }
}

fn said<'a>(list: *const mc_stats_list, server: usize) -> &'a [mc_stat] {
    handle::get(list)
        .and_then(|list| list.servers.get(server))
        .map_or(&[], |said| &said.stats)
}

/// Return how many servers were asked; 0 for NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_stats_servers(list: *const mc_stats_list) -> usize {
    guard_or(0, || handle::get(list).map_or(0, |list| list.servers.len()))
}

/// Return how server number `server` answered: `status`, `server` (its name), and where it failed
/// `text`, `sys_errno` and `phase`. It lives as long as the list; NULL past the end. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_stats_server(list: *const mc_stats_list, server: usize) -> *const mc_item {
    guard_or(std::ptr::null(), || {
        handle::get(list)
            .and_then(|list| list.results.items.get(server))
            .map_or(std::ptr::null(), |slot| &raw const slot.item)
    })
}

/// Return how many statistics server number `server` has sent; 0 where it failed, and past the end.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_stats_count(list: *const mc_stats_list, server: usize) -> usize {
    guard_or(0, || said(list, server).len())
}

/// Return statistic number `i` of server number `server`, in the order in which they came. It lives as
/// long as the list; NULL past the end. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_stats_entry(
    list: *const mc_stats_list,
    server: usize,
    i: usize,
) -> *const mc_stat {
    guard_or(std::ptr::null(), || {
        said(list, server)
            .get(i)
            .map_or(std::ptr::null(), std::ptr::from_ref)
    })
}

/// Return the first statistic of server number `server`, how many there are, and by how many bytes one
/// follows the other: all in one crossing, for bindings. NULL when there is none. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_stats_entries(
    list: *const mc_stats_list,
    server: usize,
    count: *mut usize,
    stride: *mut usize,
) -> *const mc_stat {
    guard_or(std::ptr::null(), || {
        let stats = said(list, server);
        // SAFETY: the caller's pointers: NULL or writable.
        unsafe {
            if let Some(count) = count.as_mut() {
                *count = stats.len();
            }
            if let Some(stride) = stride.as_mut() {
                *stride = size_of::<mc_stat>();
            }
        }
        stats.first().map_or(std::ptr::null(), std::ptr::from_ref)
    })
}

/// Return the statistic of server number `server` whose whole name is `name` (`name_len` in bytes, or
/// MC_CSTR), such as "curr_items" or "items:5:age". It lives as long as the list; NULL where there is
/// none. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_stats_find(
    list: *const mc_stats_list,
    server: usize,
    name: *const c_char,
    name_len: usize,
) -> *const mc_stat {
    guard_or(std::ptr::null(), || {
        // SAFETY: the caller's pointer, as the header says.
        let Ok(name) = (unsafe { bytes(name.cast(), name_len, "name") }) else {
            return std::ptr::null();
        };
        let same = |stat: &&mc_stat| {
            // SAFETY: a statistic's pointers are valid for their lengths.
            let its = unsafe { bytes(stat.name.cast(), stat.name_len, "name") };
            its.is_ok_and(|its| its == name)
        };
        said(list, server)
            .iter()
            .find(same)
            .map_or(std::ptr::null(), std::ptr::from_ref)
    })
}

/// Free a list, with its statistics. NULL is ignored. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_stats_list_free(list: *mut mc_stats_list) {
    guard_or((), || drop(handle::take(list)));
}
