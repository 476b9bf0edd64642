//! Every pointer rule, once.

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;

use super::handle::{self, Handle};
use crate::client::Limit;
use crate::error::{Failure, Result, Status};

/// As a length: the text ends with a NUL.
pub const CSTR: usize = usize::MAX;

/// What a handle stands for.
#[inline(always)]
pub fn borrow<'a, H: Handle>(pointer: *const H, name: &str) -> Result<&'a H::Inner> {
    match handle::get(pointer) {
        Some(inner) => Ok(inner),
        None => Err(bad_handle(pointer.is_null(), name)),
    }
}

#[cold]
fn bad_handle(null: bool, name: &str) -> Box<Failure> {
    Failure::argument(if null {
        format!("{name} is NULL")
    } else {
        format!("{name} is no such handle, or was freed")
    })
}

/// An output parameter.
///
/// # Safety
///
/// Not NULL means writable.
#[inline(always)]
pub unsafe fn out<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: promised by the caller.
    match unsafe { pointer.as_mut() } {
        Some(place) => Ok(place),
        None => Err(null(name)),
    }
}

#[cold]
pub fn null(name: &str) -> Box<Failure> {
    Failure::argument(format!("{name} is NULL"))
}

/// Bytes: (pointer, length), where `CSTR` means that they end with a NUL, and (NULL, 0) is empty.
///
/// # Safety
///
/// `pointer` is valid for `len` bytes (or up to its NUL) for as long as they are borrowed.
#[inline(always)]
pub unsafe fn bytes<'a>(pointer: *const c_void, len: usize, name: &str) -> Result<&'a [u8]> {
    if pointer.is_null() || len > isize::MAX as usize {
        // SAFETY: promised by the caller.
        return unsafe { special_bytes(pointer, len, name) };
    }
    // SAFETY: promised by the caller, and the length was checked.
    Ok(unsafe { std::slice::from_raw_parts(pointer.cast(), len) })
}

/// Bytes that are none, end with a NUL, or cannot be.
///
/// # Safety
///
/// As [`bytes`].
#[inline(never)]
unsafe fn special_bytes<'a>(pointer: *const c_void, len: usize, name: &str) -> Result<&'a [u8]> {
    match (pointer.is_null(), len) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(null(name)),
        // SAFETY: promised by the caller.
        (false, CSTR) => Ok(unsafe { CStr::from_ptr(pointer.cast()) }.to_bytes()),
        (false, _) => Err(Failure::argument(format!(
            "{name} has a length of {len} bytes"
        ))),
    }
}

/// Text that ends with a NUL.
///
/// # Safety
///
/// Not NULL means valid up to its NUL for as long as it is borrowed.
pub unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(pointer) }
        .to_str()
        .map_err(|_| Failure::argument(format!("{name} is not UTF-8")))
}

/// An array; NULL only where it has no elements.
///
/// # Safety
///
/// Not NULL means valid for `n` elements for as long as they are borrowed.
pub unsafe fn array<'a, T>(pointer: *const T, n: usize, name: &str) -> Result<&'a [T]> {
    if n == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(name));
    }
    if n > isize::MAX as usize / size_of::<T>().max(1) || n > u32::MAX as usize {
        return Err(Failure::argument(format!("{n} elements of {name}")));
    }
    // SAFETY: promised by the caller, and the size was checked.
    Ok(unsafe { std::slice::from_raw_parts(pointer, n) })
}

/// No version of a struct is larger: what says so was not initialised.
const SIZE_MAX: usize = 4096;

/// A struct that begins with its `size`, which may be of another version: what it lacks is zero, what
/// it has beyond must be.
///
/// # Safety
///
/// `pointer` is valid for as many bytes as its first word says. `T` begins with a `u32` that is its
/// size, and is valid when zeroed.
pub unsafe fn sized<T: Copy>(pointer: *const T, size: usize, name: &str) -> Result<T> {
    if !(size_of::<u32>() * 2..=SIZE_MAX).contains(&size) {
        return Err(Failure::argument(format!("{name}.size is {size}")));
    }
    let known = size.min(size_of::<T>());
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: both are valid for `known` bytes, and zero is valid for the rest; what is beyond is
    // valid up to `size`.
    let (copy, beyond) = unsafe {
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), known);
        let beyond = std::slice::from_raw_parts(pointer.cast::<u8>().add(known), size - known);
        (copy.assume_init(), beyond)
    };
    if beyond.iter().any(|byte| *byte != 0) {
        return Err(Failure::argument(format!(
            "{name} says something that this version does not know"
        )));
    }
    Ok(copy)
}

/// Hand out text as snprintf does: as much as fits, always with a NUL; the text's whole length, without
/// the NUL, goes to `needed`.
///
/// # Safety
///
/// `buffer` is NULL or writable for `cap` bytes, `needed` NULL or writable.
pub unsafe fn hand_out(
    text: &str,
    buffer: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> Result<()> {
    if buffer.is_null() && cap > 0 {
        return Err(null("buf"));
    }
    // SAFETY: promised by the caller.
    if let Some(needed) = unsafe { needed.as_mut() } {
        *needed = text.len();
    }
    if cap > 0 {
        let n = text.len().min(cap - 1);
        // SAFETY: `n + 1` bytes fit.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), n);
            *buffer.add(n) = 0;
        }
    }
    if cap <= text.len() && !(buffer.is_null() && cap == 0) {
        return Err(Failure::new(
            Status::BUFFER_TOO_SMALL,
            format!(
                "the text takes {} bytes, the buffer has {cap}",
                text.len() + 1
            ),
        ));
    }
    Ok(())
}

/// Nothing is handed out yet: outputs are set on every path.
///
/// # Safety
///
/// As the header says of mc_servers.
pub unsafe fn nothing_yet(buf: *mut c_char, cap: usize, needed: *mut usize) {
    // SAFETY: promised by the caller.
    unsafe {
        if let Some(needed) = needed.as_mut() {
            *needed = 0;
        }
        if !buf.is_null() && cap > 0 {
            *buf = 0;
        }
    }
}

/// A time limit in microseconds: 0 the client's, negative none.
pub fn limit(timeout_us: i64) -> Limit {
    match u64::try_from(timeout_us) {
        Ok(0) => Limit::Default,
        Ok(us) => Limit::For(std::time::Duration::from_micros(us)),
        Err(_) => Limit::None,
    }
}
