//! `mc_status`: the numbers, their names, their tree.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use crate::error::{STATUSES, Status};

/// What a call ended with: MC_OK (0), or what went wrong. Bits 0 to 7 are the class, 8 to 15 the kind,
/// 16 to 23 the sub-kind, so that a number that is not known yet still tells its class. Since: 0.1.
pub type mc_status = i32;

/// One row of the status table. Since: 0.1.
#[repr(C)]
pub struct mc_status_info {
    /// The number.
    pub status: mc_status,
    /// The status above it; MC_CLASS_MEMCACHED is above every class.
    pub parent: mc_status,
    /// The name, without the prefix MC_.
    pub name: *const c_char,
    /// What happened, for humans.
    pub message: *const c_char,
}

// SAFETY: the pointers lead to texts that are never changed or freed.
unsafe impl Sync for mc_status_info {}
// SAFETY: as above.
unsafe impl Send for mc_status_info {}

fn rows() -> &'static [mc_status_info] {
    static ROWS: OnceLock<Vec<mc_status_info>> = OnceLock::new();
    let text = |text: &str| {
        CString::new(text)
            .unwrap_or_default()
            .into_raw()
            .cast_const()
    };
    ROWS.get_or_init(|| {
        STATUSES
            .iter()
            .map(|row| mc_status_info {
                status: row.status.0,
                parent: row.parent.0,
                name: text(row.name),
                message: text(row.message),
            })
            .collect()
    })
}

fn row(status: mc_status) -> Option<&'static mc_status_info> {
    rows().iter().find(|row| row.status == status)
}

/// Return row number `index` of the status table, in the order of the header; NULL past its end.
/// Static, for bindings to build their exceptions from. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_statuses(index: usize) -> *const mc_status_info {
    rows()
        .get(index)
        .map_or(std::ptr::null(), std::ptr::from_ref)
}

/// Return the name of a status without its prefix, such as "NO_VALUE"; "UNKNOWN" for a number that
/// no status has. Static, never NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_status_name(status: mc_status) -> *const c_char {
    row(status).map_or(c"UNKNOWN".as_ptr(), |row| row.name)
}

/// Return what a status means, in a sentence. Static, never NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_status_message(status: mc_status) -> *const c_char {
    row(status).map_or(c"unknown status".as_ptr(), |row| row.message)
}

/// Tell whether `status` is `ancestor` or below it: a class, a kind, or MC_CLASS_MEMCACHED, which is
/// above everything but MC_OK. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_status_is(status: mc_status, ancestor: mc_status) -> bool {
    Status(status).is(Status(ancestor))
}

/// Tell whether the key was not there: MC_NO_VALUE (reads) or MC_NOT_FOUND (the others). Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_status_is_miss(status: mc_status) -> bool {
    Status(status).is_miss()
}
