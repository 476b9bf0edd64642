//! Outcomes into frames.

use crate::buffer::{NoMemory, append};
use crate::protocol::binary::header::{HEADER_LEN, Header, REPLY};
use crate::protocol::binary::status;

/// A reply to a frame, whose opcode and opaque it repeats.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reply<'a> {
    pub status: u16,
    pub extras: &'a [u8],
    pub key: &'a [u8],
    pub value: &'a [u8],
    pub cas: u64,
}

impl<'a> Reply<'a> {
    /// A status with what memcached says with it.
    pub fn refusal(status: u16) -> Reply<'a> {
        Reply {
            status,
            value: status::text(status).as_bytes(),
            ..Reply::default()
        }
    }

    /// Done, and the item has this CAS now.
    pub fn done(cas: u64) -> Reply<'a> {
        Reply {
            cas,
            ..Reply::default()
        }
    }

    /// Append the frame.
    pub fn put(&self, request: &Header, out: &mut Vec<u8>) -> Result<(), NoMemory> {
        let parts = [self.extras, self.key, self.value];
        let body: usize = parts.iter().map(|part| part.len()).sum();
        let header = Header {
            magic: REPLY,
            opcode: request.opcode,
            key_len: self.key.len() as u16,
            extras_len: self.extras.len() as u8,
            data_type: 0,
            status: self.status,
            body_len: body as u32,
            opaque: request.opaque,
            cas: self.cas,
        };
        let len = HEADER_LEN + body;
        out.try_reserve(len).map_err(|_| NoMemory(len))?;
        append(out, &header.to_bytes());
        parts.iter().for_each(|part| append(out, part));
        Ok(())
    }
}
