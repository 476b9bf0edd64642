//! The 24 bytes that every frame begins with.

/// How many bytes a header has.
pub const HEADER_LEN: usize = 24;
/// The first byte of every request.
pub const REQUEST: u8 = 0x80;
/// The first byte of every reply.
pub const REPLY: u8 = 0x81;

/// A header. The body is the extras, the key and the value, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub magic: u8,
    pub opcode: u8,
    pub key_len: u16,
    pub extras_len: u8,
    /// Always 0.
    pub data_type: u8,
    /// Of a reply the status, of a request the virtual bucket.
    pub status: u16,
    pub body_len: u32,
    /// Comes back as it was sent.
    pub opaque: u32,
    pub cas: u64,
}

impl Header {
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Header {
        let [
            magic,
            opcode,
            k0,
            k1,
            extras_len,
            data_type,
            s0,
            s1,
            b0,
            b1,
            b2,
            b3,
            o0,
            o1,
            o2,
            o3,
            cas @ ..,
        ] = *bytes;
        Header {
            magic,
            opcode,
            key_len: u16::from_be_bytes([k0, k1]),
            extras_len,
            data_type,
            status: u16::from_be_bytes([s0, s1]),
            body_len: u32::from_be_bytes([b0, b1, b2, b3]),
            opaque: u32::from_be_bytes([o0, o1, o2, o3]),
            cas: u64::from_be_bytes(cas),
        }
    }

    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = self.magic;
        bytes[1] = self.opcode;
        bytes[2..4].copy_from_slice(&self.key_len.to_be_bytes());
        bytes[4] = self.extras_len;
        bytes[5] = self.data_type;
        bytes[6..8].copy_from_slice(&self.status.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.body_len.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.opaque.to_be_bytes());
        bytes[16..].copy_from_slice(&self.cas.to_be_bytes());
        bytes
    }

    /// How many bytes stand before the value: header, extras and key.
    pub fn head_len(&self) -> usize {
        HEADER_LEN + usize::from(self.extras_len) + usize::from(self.key_len)
    }

    /// How many bytes the value has; `None` where extras and key alone are longer than the body.
    pub fn value_len(&self) -> Option<u32> {
        let head = u32::from(self.extras_len) + u32::from(self.key_len);
        self.body_len.checked_sub(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FM-114: every field at its place, high bytes first.
    #[test]
    fn fm114_fields_and_their_places() {
        let bytes: [u8; HEADER_LEN] = std::array::from_fn(|n| n as u8 + 1);
        let header = Header::parse(&bytes);
        let expected = Header {
            magic: 0x01,
            opcode: 0x02,
            key_len: 0x0304,
            extras_len: 0x05,
            data_type: 0x06,
            status: 0x0708,
            body_len: 0x090a_0b0c,
            opaque: 0x0d0e_0f10,
            cas: 0x1112_1314_1516_1718,
        };
        assert_eq!(header, expected);
        assert_eq!(header.to_bytes(), bytes);
        assert_eq!(header.head_len(), 24 + 5 + 0x304);
        assert_eq!(header.value_len(), Some(0x090a_0b0c - 5 - 0x304));
    }

    /// FM-23: what is longer than its body has no value.
    #[test]
    fn fm23_longer_than_the_body() {
        let header = |key_len, extras_len, body_len| Header {
            key_len,
            extras_len,
            body_len,
            ..Header::default()
        };
        assert_eq!(header(3, 4, 7).value_len(), Some(0));
        assert_eq!(header(3, 4, 6).value_len(), None);
        assert_eq!(header(u16::MAX, u8::MAX, 0).value_len(), None);
        assert_eq!(header(0, 0, u32::MAX).value_len(), Some(u32::MAX));
    }
}
