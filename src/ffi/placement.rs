//! Where keys go: hashes by name, and hashers and selectors of the program's own.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::borrow::{borrow, bytes, null, out, text};
use super::guard::{guard, guard_or};
use super::log::mc_destroy_fn;
use super::options::mc_options;
use super::status::mc_status;
use crate::cluster::hasher::{self, HashName, KeyHash};
use crate::cluster::selector::{Choice, Choose};
use crate::error::{Failure, Result};

/// Hash a key with one of the library's hashes, by its name as the option `hash` takes it ("md5",
/// "crc32", "libmemcached-default", …). `*hash` is below 2^32 but for "murmur64a" and "xxh3".
/// MC_INVALID_ARGUMENT: there is none of this name. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_hash(
    name: *const c_char,
    key: *const c_char,
    key_len: usize,
    hash: *mut u64,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        let place = unsafe { out(hash, "hash") }?;
        *place = 0;
        // SAFETY: as above.
        let (name, key) = unsafe { (text(name, "name")?, bytes(key.cast(), key_len, "key")?) };
        let Some(name) = HashName::find(name) else {
            return Err(Failure::argument("name is that of no hash"));
        };
        *place = hasher::hash(name, key);
        Ok(())
    })
}

/// Hashes a key: the same number for the same bytes, always. Called on any thread that is inside a call
/// on the client, also on several at once, with no lock held. It must return, and may not use the client.
/// Since: 0.1.
pub type mc_hasher_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, key: *const c_char, key_len: usize) -> u64>;

/// What a selector may ask about the servers that it chooses from, with the functions mc_select_*.
/// Valid until it returns. Since: 0.1.
pub struct mc_selection {
    _opaque: [u8; 0],
}

/// Chooses the server of a key: its place in the list, from 0 on, or MC_SELECT_NONE. The key is what
/// the placement would hash: with the prefix or without, only its tag, or the route. One server is not
/// asked about. As mc_hasher_fn, it is called on any thread, must return, and may not use the client.
/// Since: 0.1.
pub type mc_selector_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        selection: *const mc_selection,
        key: *const c_char,
        key_len: usize,
    ) -> usize,
>;

/// A function and what it is called with.
pub(super) struct Callback<F> {
    pub(super) function: F,
    pub(super) user: *mut c_void,
    destroy: mc_destroy_fn,
}

// SAFETY: the header says that the functions run on any thread; `user` is the caller's business.
unsafe impl<F: Send> Send for Callback<F> {}
// SAFETY: as above, on several at once.
unsafe impl<F: Sync> Sync for Callback<F> {}

impl<F> Drop for Callback<F> {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller's function, run once, after the last use of `user`.
            unsafe { destroy(self.user) };
        }
    }
}

type Hash = unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> u64;

impl KeyHash for Callback<Hash> {
    fn hash(&self, key: &[u8]) -> u64 {
        // SAFETY: the caller's function; the key lives through the call.
        unsafe { (self.function)(self.user, key.as_ptr().cast(), key.len()) }
    }
}

type Select = unsafe extern "C" fn(*mut c_void, *const mc_selection, *const c_char, usize) -> usize;

impl Choose for Callback<Select> {
    fn choose(&self, key: &[u8], servers: &Choice<'_>) -> Option<usize> {
        let selection = Selection(servers);
        let selection = (&raw const selection).cast::<mc_selection>();
        // SAFETY: the caller's function; key and selection live through the call.
        let chosen =
            unsafe { (self.function)(self.user, selection, key.as_ptr().cast(), key.len()) };
        Some(chosen)
    }
}

/// What `mc_selection` stands for.
struct Selection<'a>(&'a Choice<'a>);

/// # Safety
///
/// `selection` is NULL, or what a selector was called with and has not returned from.
unsafe fn choice<'a>(selection: *const mc_selection) -> Option<&'a Choice<'a>> {
    // SAFETY: promised by the caller.
    unsafe { selection.cast::<Selection<'a>>().as_ref() }.map(|selection| selection.0)
}

/// Return the number of servers, at least 2; 0 for NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_select_count(selection: *const mc_selection) -> usize {
    guard_or(0, || {
        // SAFETY: the caller's pointer.
        unsafe { choice(selection) }.map_or(0, Choice::count)
    })
}

/// Return the name of a server, as mc_servers tells it, which stays valid; NULL where there is none at
/// this place. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_select_name(
    selection: *const mc_selection,
    index: usize,
) -> *const c_char {
    guard_or(std::ptr::null(), || {
        // SAFETY: the caller's pointer.
        let name = unsafe { choice(selection) }.and_then(|choice| choice.name(index));
        name.map_or(std::ptr::null(), |name| name.as_c_str().as_ptr())
    })
}

/// Return the weight of a server; 0 where there is none at this place. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_select_weight(selection: *const mc_selection, index: usize) -> u32 {
    guard_or(0, || {
        // SAFETY: the caller's pointer.
        let weight = unsafe { choice(selection) }.and_then(|choice| choice.weight(index));
        weight.unwrap_or(0)
    })
}

/// Return whether there is a server at this place and it can be used now. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_select_is_up(selection: *const mc_selection, index: usize) -> bool {
    guard_or(false, || {
        // SAFETY: the caller's pointer.
        unsafe { choice(selection) }.is_some_and(|choice| choice.is_up(index))
    })
}

/// Hash bytes with the hash that the client's options say: the hasher of mc_options_set_hasher, or the
/// option `hash`, or that of the placement. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_select_hash(
    selection: *const mc_selection,
    key: *const c_char,
    key_len: usize,
    hash: *mut u64,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointers.
        let place = unsafe { out(hash, "hash") }?;
        *place = 0;
        // SAFETY: as above.
        let choice = unsafe { choice(selection) }.ok_or_else(|| null("selection"))?;
        // SAFETY: as above.
        let key = unsafe { bytes(key.cast(), key_len, "key") }?;
        *place = choice.hash(key);
        Ok(())
    })
}

/// The callback, unless there is none to be called: `user` is given back then.
pub(super) fn callback<F>(
    function: Option<F>,
    user: *mut c_void,
    destroy: mc_destroy_fn,
) -> Option<Callback<F>> {
    if let (None, Some(destroy)) = (&function, destroy) {
        // SAFETY: the caller's function; nothing will use `user`.
        unsafe { destroy(user) };
    }
    function.map(|function| Callback {
        function,
        user,
        destroy,
    })
}

/// Have `hasher` hash the keys of clients made from these options from now on, in place of the option
/// `hash`; NULL for none. It hashes whatever the placement hashes with the hash of the keys, which may be
/// points of a ring too. `destroy` (may be NULL) runs once on `user`: after the last client and the options
/// are freed, or another hasher is set; at once when this call fails. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_options_set_hasher(
    options: *mut mc_options,
    hasher: mc_hasher_fn,
    user: *mut c_void,
    destroy: mc_destroy_fn,
) -> mc_status {
    guard(|| {
        let callback = callback(hasher, user, destroy);
        let callback = callback.map(|callback| -> Arc<dyn KeyHash> { Arc::new(callback) });
        let settings: Result<_> = borrow(options, "options");
        settings?.place_by(|custom| std::mem::replace(&mut custom.hasher, callback));
        Ok(())
    })
}

/// Have `selector` choose the servers of keys for clients made from these options from now on, in place
/// of the option `placement`; NULL for none. `destroy` as in mc_options_set_hasher. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_options_set_selector(
    options: *mut mc_options,
    selector: mc_selector_fn,
    user: *mut c_void,
    destroy: mc_destroy_fn,
) -> mc_status {
    guard(|| {
        let callback = callback(selector, user, destroy);
        let callback = callback.map(|callback| -> Arc<dyn Choose> { Arc::new(callback) });
        let settings: Result<_> = borrow(options, "options");
        settings?.place_by(|custom| std::mem::replace(&mut custom.selector, callback));
        Ok(())
    })
}
