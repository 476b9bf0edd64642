//! Keys as lines name them.

use crate::protocol::key::KEY_MAX;
use crate::protocol::meta::base64;

/// A key of 1 to 250 bytes, whatever they are.
#[derive(Clone, Copy, Debug)]
pub enum Named<'a> {
    Plain(&'a [u8]),
    /// It came in base64, and is told so.
    Decoded {
        bytes: [u8; KEY_MAX],
        len: usize,
    },
}

impl<'a> Named<'a> {
    /// What base64 stands for.
    pub(super) fn decoded(text: &[u8]) -> Option<Named<'a>> {
        let mut bytes = [0; KEY_MAX];
        let len = base64::decode(text, &mut bytes)?;
        Some(Named::Decoded { bytes, len })
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Named::Plain(key) => key,
            Named::Decoded { bytes, len } => &bytes[..*len],
        }
    }

    /// It came in base64.
    pub fn is_encoded(&self) -> bool {
        matches!(self, Named::Decoded { .. })
    }
}
