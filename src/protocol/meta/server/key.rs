//! Keys as lines name them.

use crate::protocol::key::KEY_MAX;
use crate::protocol::meta::base64;

/// A key of 1 to 250 bytes, whatever they are.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// As the line has it.
    text: &'a [u8],
    /// What that stands for, where it is base64, and how long that is.
    decoded: [u8; KEY_MAX],
    len: Option<usize>,
}

impl<'a> Named<'a> {
    pub(super) fn plain(text: &'a [u8]) -> Named<'a> {
        Named {
            text,
            decoded: [0; KEY_MAX],
            len: None,
        }
    }

    /// Take it for base64; `false` where it is none.
    pub(super) fn decode(&mut self) -> bool {
        self.len = base64::decode(self.text, &mut self.decoded);
        self.len.is_some()
    }

    pub fn bytes(&self) -> &[u8] {
        match self.len {
            None => self.text,
            Some(len) => &self.decoded[..len],
        }
    }

    /// It came in base64, and is told so.
    pub fn is_encoded(&self) -> bool {
        self.len.is_some()
    }
}
