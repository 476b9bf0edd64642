//! Keys as text: some clients hash characters, not bytes.

use std::slice::Iter;
use std::str::Chars;

/// The characters of a key: read as UTF-8, or each byte a character where the key is none.
pub enum Characters<'a> {
    Text(Chars<'a>),
    Bytes(Iter<'a, u8>),
}

pub fn chars(key: &[u8]) -> Characters<'_> {
    match std::str::from_utf8(key) {
        Ok(text) => Characters::Text(text.chars()),
        Err(_) => Characters::Bytes(key.iter()),
    }
}

impl Iterator for Characters<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Characters::Text(chars) => chars.next(),
            Characters::Bytes(bytes) => bytes.next().map(|&byte| byte.into()),
        }
    }
}

/// The key as Java holds it.
pub fn utf16(key: &[u8]) -> impl Iterator<Item = u16> {
    chars(key).flat_map(|c| {
        let mut units = [0; 2];
        let len = c.encode_utf16(&mut units).len();
        units.into_iter().take(len)
    })
}

/// Java's `String.hashCode`, its 32 bits as an unsigned number.
pub fn java_hash_code(key: &[u8]) -> u32 {
    utf16(key).fold(0u32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(unit.into())
    })
}

/// The key as Python 3 shows a `bytes` object: `b'key'`. Told in pieces.
pub fn python_repr(key: &[u8], mut tell: impl FnMut(&[u8])) {
    let quote = match key.contains(&b'\'') && !key.contains(&b'"') {
        true => b'"',
        false => b'\'',
    };
    tell(&[b'b', quote]);
    for &byte in key {
        match byte {
            b'\t' => tell(b"\\t"),
            b'\n' => tell(b"\\n"),
            b'\r' => tell(b"\\r"),
            b'\\' => tell(b"\\\\"),
            _ if byte == quote => tell(&[b'\\', byte]),
            b' '..=b'~' => tell(&[byte]),
            _ => tell(&[b'\\', b'x', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    tell(&[quote]);
}

fn hex(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        _ => b'a' + digit - 10,
    }
}
