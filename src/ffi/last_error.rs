//! The thread's last failure: a record of fixed size, written on errors only.

use std::cell::UnsafeCell;
use std::ffi::c_char;

use crate::error::Failure;

const TEXT_MAX: usize = 512;

struct Record {
    text: [u8; TEXT_MAX],
    server: *const c_char,
    status: i32,
    errno: i32,
    effect: u32,
    phase: u32,
}

thread_local! {
    // Nothing in it has a destructor: a thread may end when it likes.
    static LAST: UnsafeCell<Record> = const {
        UnsafeCell::new(Record {
            text: [0; TEXT_MAX],
            server: c"".as_ptr(),
            status: 0,
            errno: 0,
            effect: 0,
            phase: 0,
        })
    };
}

/// Write the thread's record. Misses are no failures.
#[cold]
pub fn record(failure: &Failure) {
    if failure.status.is_miss() {
        return;
    }
    LAST.with(|last| {
        // SAFETY: the thread's own record; nothing else borrows it while this runs.
        let last = unsafe { &mut *last.get() };
        write_text(&mut last.text, &failure.text);
        last.server = failure
            .server
            .map_or(c"".as_ptr(), |name| name.as_c_str().as_ptr());
        last.status = failure.status.0;
        last.errno = failure.errno;
        last.effect = failure.effect as u32;
        last.phase = failure.phase as u32;
    });
}

/// As much of `text` as fits in front of a NUL, cut between characters.
fn write_text(to: &mut [u8; TEXT_MAX], text: &str) {
    let mut n = text.len().min(TEXT_MAX - 1);
    while !text.is_char_boundary(n) {
        n -= 1;
    }
    to[..n].copy_from_slice(&text.as_bytes()[..n]);
    for byte in &mut to[..n] {
        if *byte == 0 {
            *byte = b'?';
        }
    }
    to[n] = 0;
}

fn read<T>(field: impl FnOnce(&Record) -> T) -> T {
    // SAFETY: the thread's own record, not being written while this runs.
    LAST.with(|last| field(unsafe { &*last.get() }))
}

/// Return the text of the thread's last failure: what went wrong and where; "" before the first. Never
/// NULL; valid until the thread's next failing call. Successes and misses leave it. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_last_error() -> *const c_char {
    read(|last| last.text.as_ptr().cast())
}

/// Return the status of the thread's last failure; MC_OK before the first. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_last_error_status() -> i32 {
    read(|last| last.status)
}

/// Return the name of the server that the thread's last failure concerns; "" if none. Static, never
/// NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_last_error_server() -> *const c_char {
    read(|last| last.server)
}

/// Return the system's error number of the thread's last failure, or 0. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_last_error_errno() -> i32 {
    read(|last| last.errno)
}

/// Return what the command of the thread's last failure did to the server's data: MC_EFFECT_*.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_last_error_effect() -> u32 {
    read(|last| last.effect)
}

/// Return how far the command of the thread's last failure had come: MC_PHASE_*. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_last_error_phase() -> u32 {
    read(|last| last.phase)
}
