//! Bytes that no text shows and that do not outlive their owner.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

/// A password: one copy however often it is cloned, overwritten with its last owner. `Debug` prints
/// `***`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Arc<Overwritten>);

impl Secret {
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret::from(Overwritten(bytes))
    }

    /// The bytes themselves; whoever asks must not let them reach a text.
    pub fn expose(&self) -> &[u8] {
        self.0.bytes()
    }

    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl From<Overwritten> for Secret {
    fn from(bytes: Overwritten) -> Secret {
        Secret(Arc::new(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Bytes that are overwritten on drop, as well as safe code can do that: as long as the buffer does not
/// grow after it was filled, no stale copy is left by a reallocation.
#[derive(PartialEq, Eq, Default)]
pub struct Overwritten(Vec<u8>);

impl Overwritten {
    /// To be filled within its capacity.
    pub fn new(empty: Vec<u8>) -> Overwritten {
        Overwritten(empty)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// To be filled within the capacity.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl fmt::Debug for Overwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Drop for Overwritten {
    fn drop(&mut self) {
        self.0.fill(0);
        // Somebody might look: the compiler has to keep the stores.
        black_box(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FM-98: no form of it shows what it is, and its copies are one.
    #[test]
    fn fm98_no_form_of_a_secret_shows_it() {
        let secret = Secret::new(b"hunter2".to_vec());
        let copy = secret.clone();
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&copy)),
            "*** Some(\n    ***,\n)"
        );
        assert_eq!(copy.expose().as_ptr(), secret.expose().as_ptr());
        assert!(!copy.is_empty() && Secret::default().is_empty());
    }
}
