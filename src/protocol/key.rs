//! Keys and what makes one legal.
//!
//! protocol.txt: at most 250 bytes, no control characters, no white space. Real servers take more
//! (TAB, DEL, a bare CR); what they take depends on their version, so that none of it is sent.

/// The longest key, prefix included.
pub const KEY_MAX: usize = 250;

/// The longest key of any bytes, prefix included: in base64 it has 248.
pub const ANY_KEY_MAX: usize = 186;

/// A key: 1 to 250 bytes with its prefix, none at or below a space, none DEL; or, where the protocol can
/// carry them, any bytes.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    prefix: &'a [u8],
    key: &'a [u8],
}

/// Why a key is illegal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    Empty,
    /// Its length with the prefix.
    TooLong(usize),
    /// The same, of a key that has to be encoded.
    TooLongEncoded(usize),
    /// The byte, and where it stands in the caller's key.
    Byte(u8, usize),
}

impl std::fmt::Display for KeyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            KeyFault::Empty => f.write_str("the key is empty"),
            KeyFault::TooLong(len) => {
                write!(
                    f,
                    "the key has {len} bytes with its prefix; {KEY_MAX} are the most"
                )
            }
            KeyFault::TooLongEncoded(len) => {
                write!(
                    f,
                    "the key has {len} bytes with its prefix, and some that must be encoded; {ANY_KEY_MAX} are the most then"
                )
            }
            KeyFault::Byte(byte, at) => write!(
                f,
                "byte {at} of the key is 0x{byte:02x}; no key may hold spaces or control characters (but with binary_keys=on)"
            ),
        }
    }
}

impl<'a> Key<'a> {
    /// The key of a command that has none.
    pub const NONE: Key<'static> = Key {
        prefix: b"",
        key: b"",
    };

    /// Check `key` with `prefix` in front, which was checked when it was set.
    #[inline(always)]
    pub fn new(prefix: &'a [u8], key: &'a [u8]) -> Result<Key<'a>, KeyFault> {
        let len = prefix.len() + key.len();
        if key.is_empty() || len > KEY_MAX || !is_legal(key) {
            return Err(fault(prefix, key));
        }
        Ok(Key { prefix, key })
    }

    /// A key of any bytes, for a protocol that can carry them.
    pub fn any(prefix: &'a [u8], key: &'a [u8]) -> Result<Key<'a>, KeyFault> {
        let len = prefix.len() + key.len();
        match Key::new(prefix, key) {
            Err(KeyFault::Byte(..)) if len > ANY_KEY_MAX => Err(KeyFault::TooLongEncoded(len)),
            Err(KeyFault::Byte(..)) => Ok(Key { prefix, key }),
            other => other,
        }
    }

    /// A key of any bytes, for a protocol of frames: they carry it as it is, none of it means anything there.
    pub fn framed(prefix: &'a [u8], key: &'a [u8]) -> Result<Key<'a>, KeyFault> {
        match Key::new(prefix, key) {
            Err(KeyFault::Byte(..)) => Ok(Key { prefix, key }),
            other => other,
        }
    }

    /// Every protocol can carry it as it is.
    pub fn is_plain(&self) -> bool {
        is_legal(self.key)
    }

    /// With the prefix: what goes over the wire.
    pub fn wire_len(&self) -> usize {
        self.prefix.len() + self.key.len()
    }

    pub fn prefix(&self) -> &'a [u8] {
        self.prefix
    }

    /// Without the prefix: what the user knows.
    pub fn user(&self) -> &'a [u8] {
        self.key
    }
}

#[cold]
fn fault(prefix: &[u8], key: &[u8]) -> KeyFault {
    let len = prefix.len() + key.len();
    if key.is_empty() {
        return KeyFault::Empty;
    }
    if len > KEY_MAX {
        return KeyFault::TooLong(len);
    }
    let at = key
        .iter()
        .position(|byte| *byte <= b' ' || *byte == 0x7f)
        .unwrap_or(0);
    KeyFault::Byte(key[at], at)
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES * 0x80;

/// Whether one of the eight bytes is below 0x21 or is 0x7f.
#[inline(always)]
fn has_illegal(word: u64) -> bool {
    let below = word.wrapping_sub(ONES * 0x21) & !word & HIGH;
    let del = word ^ (ONES * 0x7f);
    let is_del = del.wrapping_sub(ONES) & !del & HIGH;
    below | is_del != 0
}

/// Most keys have 8 to 16 bytes: two steps of eight, which may overlap.
#[inline(always)]
fn is_legal(key: &[u8]) -> bool {
    match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(first), Some(last)) if key.len() <= 16 => {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            !(has_illegal(first) | has_illegal(last))
        }
        _ => is_legal_of_any_length(key),
    }
}

fn is_legal_of_any_length(key: &[u8]) -> bool {
    let mut rest = key;
    while let Some((word, more)) = rest.split_first_chunk::<8>() {
        if has_illegal(u64::from_le_bytes(*word)) {
            return false;
        }
        rest = more;
    }
    rest.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FM-36, FM-37, FM-39: every byte at every place of keys of every length up to 20.
    #[test]
    fn fm36_every_byte_at_every_place() {
        for len in 1..=20usize {
            for at in 0..len {
                for byte in 0..=255u8 {
                    let mut key = vec![b'k'; len];
                    key[at] = byte;
                    let legal = byte > 0x20 && byte != 0x7f;
                    match Key::new(b"", &key) {
                        Ok(_) => assert!(legal, "byte {byte} at {at} of {len}"),
                        Err(fault) => {
                            assert!(!legal);
                            assert_eq!(fault, KeyFault::Byte(byte, at));
                        }
                    }
                }
            }
        }
    }

    /// FM-36, FM-38: any bytes where they can be carried, fewer of them.
    #[test]
    fn fm36_fm38_any_bytes() {
        for byte in 0..=255u8 {
            let key = [b'k', byte];
            let any = Key::any(b"p:", &key).expect("any byte");
            assert_eq!((any.prefix(), any.user()), (&b"p:"[..], &key[..]));
            assert_eq!(any.is_plain(), Key::new(b"p:", &key).is_ok());
        }
        let (plain, spaces) = ([b'k'; 251], [b' '; 251]);
        assert_eq!(Key::any(b"p:", b"").err(), Some(KeyFault::Empty));
        assert!(Key::any(b"", &plain[..250]).is_ok());
        assert_eq!(Key::any(b"", &plain).err(), Some(KeyFault::TooLong(251)));
        assert!(Key::any(b"p:", &spaces[..184]).is_ok());
        let fault = Key::any(b"p:", &spaces[..185]).err();
        assert_eq!(fault, Some(KeyFault::TooLongEncoded(187)));
        assert_eq!(Key::any(b"", &spaces).err(), Some(KeyFault::TooLong(251)));
    }

    /// FM-36, FM-38: in frames as many of any bytes as of others.
    #[test]
    fn fm36_fm38_any_bytes_in_frames() {
        for byte in 0..=255u8 {
            let key = [byte, b'k'];
            let framed = Key::framed(b"p:", &key).expect("any byte");
            assert_eq!((framed.prefix(), framed.user()), (&b"p:"[..], &key[..]));
        }
        let spaces = [b' '; 251];
        assert_eq!(Key::framed(b"p:", b"").err(), Some(KeyFault::Empty));
        assert!(Key::framed(b"p:", &spaces[..248]).is_ok());
        let fault = Key::framed(b"p:", &spaces[..249]).err();
        assert_eq!(fault, Some(KeyFault::TooLong(251)));
    }

    /// FM-38, FM-40: lengths, with and without a prefix.
    #[test]
    fn fm38_fm40_lengths() {
        let key = [b'k'; 251];
        assert_eq!(Key::new(b"", b"").err(), Some(KeyFault::Empty));
        assert_eq!(Key::new(b"p:", b"").err(), Some(KeyFault::Empty));
        assert!(Key::new(b"", &key[..250]).is_ok());
        assert_eq!(Key::new(b"", &key).err(), Some(KeyFault::TooLong(251)));
        assert!(Key::new(b"p:", &key[..248]).is_ok());
        assert_eq!(
            Key::new(b"p:", &key[..249]).err(),
            Some(KeyFault::TooLong(251))
        );
    }
}
