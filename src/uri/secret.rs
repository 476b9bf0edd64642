//! Bytes that no text shows and that do not outlive their owner.

use std::fmt;
use std::hint::black_box;

/// A password. `Debug` prints `***`; the bytes are overwritten on drop, as well as safe code can
/// do that: the buffer never grows after it was filled, so no stale copy is left by a reallocation.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(bytes)
    }

    /// Empty, with room for `bytes`.
    pub(super) fn with_capacity(bytes: usize) -> Secret {
        Secret(Vec::with_capacity(bytes))
    }

    /// To be filled within the capacity.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// The bytes themselves; whoever asks must not let them reach a text.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        // Somebody might look: the compiler has to keep the stores.
        black_box(&mut self.0);
    }
}
