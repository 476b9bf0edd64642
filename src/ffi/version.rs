//! Which library this is.

use std::ffi::c_char;

/// Return the version of the library as text, such as "0.1.0". Static, never NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

const fn part(text: &str) -> u32 {
    let (bytes, mut i, mut value) = (text.as_bytes(), 0, 0);
    while i < bytes.len() {
        value = value * 10 + (bytes[i] - b'0') as u32;
        i += 1;
    }
    value
}

/// Return the version of the library as a number: major << 16 | minor << 8 | patch, like
/// MEMCACHED2_VERSION_NUMBER of the header that a program was compiled with. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_version_number() -> u32 {
    part(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | part(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | part(env!("CARGO_PKG_VERSION_PATCH"))
}

/// A bit of mc_features: servers of the scheme memcacheds://. Since: 0.1.
pub const MC_FEATURE_TLS: u64 = 1;

/// Return what is built in that can be left out, a bit MC_FEATURE_… for each. What is not built in
/// answers MC_UNSUPPORTED. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_features() -> u64 {
    if cfg!(feature = "tls") {
        MC_FEATURE_TLS
    } else {
        0
    }
}
