//! Options: text names and values, the same as in URIs.

use std::ffi::{CString, c_char, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::borrow::{borrow, hand_out, nothing_yet, null, text};
use super::guard::{guard, guard_or};
use super::handle::{self, Handle};
use super::status::mc_status;
use crate::client::Client;
use crate::cluster::health::custom::Reconnector;
use crate::cluster::placer::Custom;
use crate::config::Config;
use crate::observe::Observer;
use crate::options::TABLE;

/// What clients are made from: options and servers. Used by one thread at a time; freed with
/// mc_options_free. Since: 0.1.
pub struct mc_options {
    _opaque: [u8; 0],
}

impl Handle for mc_options {
    type Inner = Settings;
    const KIND: u64 = 0x6d63_6f70_7469_6f6e;
}

/// What `mc_options` stands for.
#[derive(Default)]
pub struct Settings {
    config: Mutex<Config>,
    observer: Mutex<Option<Arc<dyn Observer>>>,
    custom: Mutex<Custom>,
    reconnector: Mutex<Option<Arc<dyn Reconnector>>>,
}

impl Settings {
    fn config(&self) -> MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn observe(&self, observer: Option<Arc<dyn Observer>>) {
        let old = std::mem::replace(
            &mut *self.observer.lock().unwrap_or_else(PoisonError::into_inner),
            observer,
        );
        drop(old);
    }

    /// Change the functions that place keys; what `change` returns is dropped without the lock.
    pub(super) fn place_by<T>(&self, change: impl FnOnce(&mut Custom) -> T) {
        let old = change(&mut self.custom.lock().unwrap_or_else(PoisonError::into_inner));
        drop(old);
    }

    pub(super) fn reconnect_by(&self, reconnector: Option<Arc<dyn Reconnector>>) {
        let old = std::mem::replace(&mut *lock(&self.reconnector), reconnector);
        drop(old);
    }

    pub(super) fn client(&self) -> crate::error::Result<Client> {
        let observer = self
            .observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let custom = self
            .custom
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        // Not under the lock: it hashes.
        let config = self.config().clone();
        let reconnector = lock(&self.reconnector).clone();
        Client::reconnecting(config, observer, custom, reconnector)
    }
}

/// Nothing here can be left half changed by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Return new options, all at their defaults and without servers; NULL when there is no memory.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_options_new() -> *mut mc_options {
    guard_or(std::ptr::null_mut(), || {
        handle::make::<mc_options>(Settings::default())
    })
}

/// Free options; NULL is ignored. Clients made from them live on. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_options_free(options: *mut mc_options) {
    guard_or((), || drop(handle::take(options)));
}

/// Set an option of the client, such as ("timeout", "250ms"). MC_UNKNOWN_OPTION: there is none of this
/// name; MC_INVALID_ARGUMENT: it cannot have this value; mc_last_error tells what it takes. The names
/// are those of mc_options_each. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_options_set(
    options: *mut mc_options,
    name: *const c_char,
    value: *const c_char,
) -> mc_status {
    guard(|| {
        let options = borrow(options, "options")?;
        // SAFETY: the caller's pointers.
        let (name, value) = unsafe { (text(name, "name")?, text(value, "value")?) };
        options.config().options.set(name, value)
    })
}

/// Write the value of an option to `buf` as snprintf does, and the length of the whole text without
/// its NUL to `*needed` (may be NULL). Of a secret (`password`) that is "***", or "" where it is not set.
/// MC_BUFFER_TOO_SMALL: it was cut; (NULL, 0) only asks. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_options_get(
    options: *const mc_options,
    name: *const c_char,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        unsafe { nothing_yet(buf, cap, needed) };
        let options = borrow(options, "options")?;
        // SAFETY: as above.
        let name = unsafe { text(name, "name") }?;
        let value = options.config().options.get(name)?;
        // SAFETY: as above.
        unsafe { hand_out(&value, buf, cap, needed) }
    })
}

/// Add a server, in any spelling of mc_new, with a weight: the share of the keys that it gets relative
/// to the others; 0 leaves it to the URI, or to 1. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_options_add_server(
    options: *mut mc_options,
    uri: *const c_char,
    weight: u32,
) -> mc_status {
    guard(|| {
        let options = borrow(options, "options")?;
        // SAFETY: the caller's pointer.
        let uri = unsafe { text(uri, "uri") }?;
        options.config().add_server(uri, weight)
    })
}

/// Hears of one option: its name, its type, its default and what it does. The texts are valid until it
/// returns. Since: 0.1.
pub type mc_option_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        name: *const c_char,
        kind: *const c_char,
        default_value: *const c_char,
        doc: *const c_char,
    ),
>;

/// Tell `each` of every option, in the order of the documentation. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_options_each(each: mc_option_fn, user: *mut c_void) -> mc_status {
    guard(|| {
        let Some(each) = each else {
            return Err(null("each"));
        };
        for row in TABLE.iter().filter(|row| !row.hidden) {
            let texts = [row.name, row.kind.name(), row.default, row.doc]
                .map(|text| CString::new(text).unwrap_or_default());
            // SAFETY: the caller's function, with texts that live through the call.
            unsafe {
                each(
                    user,
                    texts[0].as_ptr(),
                    texts[1].as_ptr(),
                    texts[2].as_ptr(),
                    texts[3].as_ptr(),
                );
            }
        }
        Ok(())
    })
}
