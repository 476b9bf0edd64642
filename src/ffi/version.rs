use std::ffi::c_char;

/// Return the version of the library as text, such as "0.1.0". Static, never NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
