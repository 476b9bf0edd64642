//! `mc_results`: the answers of a batch.

use super::guard::guard_or;
use super::handle::{self, Handle};
use super::item::{Slot, mc_item};
use super::results_sink::Results;

/// The answers of a batch: as many items as there were commands, in their order. Freed with
/// mc_results_free; holds no reference to the client. Since: 0.1.
pub struct mc_results {
    _opaque: [u8; 0],
}

impl Handle for mc_results {
    type Inner = Results;
    const KIND: u64 = 0x6d63_7265_7375_6c74;
}

/// Return how many items there are; 0 for NULL. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_results_count(results: *const mc_results) -> usize {
    guard_or(0, || handle::get(results).map_or(0, |r| r.items.len()))
}

/// Return how many items have a status that is neither MC_OK nor a miss. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_results_failed(results: *const mc_results) -> usize {
    guard_or(0, || handle::get(results).map_or(0, |r| r.failed))
}

/// Return item number `i`, which lives as long as the results; NULL past the end. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_results_item(results: *const mc_results, i: usize) -> *const mc_item {
    guard_or(std::ptr::null(), || {
        handle::get(results)
            .and_then(|results| results.items.get(i))
            .map_or(std::ptr::null(), |slot| &raw const slot.item)
    })
}

/// Return the first item, how many there are, and by how many bytes one follows the other: all items in
/// one crossing, for bindings. NULL when there is none. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_results_items(
    results: *const mc_results,
    count: *mut usize,
    stride: *mut usize,
) -> *const mc_item {
    guard_or(std::ptr::null(), || {
        let items: &[Slot] = handle::get(results).map_or(&[], |results| &results.items);
        // SAFETY: the caller's pointers: NULL or writable.
        unsafe {
            if let Some(count) = count.as_mut() {
                *count = items.len();
            }
            if let Some(stride) = stride.as_mut() {
                *stride = size_of::<Slot>();
            }
        }
        items
            .first()
            .map_or(std::ptr::null(), |slot| &raw const slot.item)
    })
}

/// Free results, with their items. NULL is ignored. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_results_free(results: *mut mc_results) {
    guard_or((), || drop(handle::take(results)));
}
