//! Replies to `lru_crawler metadump`: a line for each key, `END` behind the last.
//!
//! Old servers tell less than 1.6.18 does, newer ones the client's flags too.

use super::key::KEY_MAX;
use super::number;
use super::refusal::refusal;
use crate::error::Status;

/// The longest line, its end included: a key with every byte encoded, and what is said of it.
pub const LINE_MAX: usize = 4096;

/// What one line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Entry(Entry<'a>),
    End,
    /// The dump failed, or was not even begun.
    Refused(Status),
    /// Nothing that a dump can hold.
    Strange,
}

/// A key and what is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Percent-encoded; not looked at yet.
    pub key: &'a [u8],
    pub about: About,
}

/// What is told of a key; `None` is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Seconds since 1970; -1 never.
    pub expiry: Option<i64>,
    /// Seconds since 1970.
    pub accessed: Option<i64>,
    pub cas: Option<u64>,
    pub fetched: Option<bool>,
    pub class: Option<u32>,
    /// In bytes, all that the item takes.
    pub size: Option<u64>,
    pub flags: Option<u32>,
}

/// What `line`, without its end, says.
pub fn line(line: &[u8]) -> Line<'_> {
    if line == b"END" {
        return Line::End;
    }
    if let Some(entry) = entry(line) {
        return Line::Entry(entry);
    }
    refusal(line).map_or(Line::Strange, Line::Refused)
}

fn entry(line: &[u8]) -> Option<Entry<'_>> {
    let mut fields = line.strip_prefix(b"key=")?.split(|byte| *byte == b' ');
    let key = fields.next()?;
    let mut about = About::default();
    for field in fields {
        let equals = memchr::memchr(b'=', field)?;
        let (name, value) = (&field[..equals], &field[equals + 1..]);
        let printable = |byte: &u8| (b'!'..=b'~').contains(byte);
        if name.is_empty() || !field.iter().all(printable) {
            return None;
        }
        match name {
            b"exp" => once(&mut about.expiry, expiry(value))?,
            b"la" => once(&mut about.accessed, seconds(value))?,
            b"cas" => once(&mut about.cas, number::whole(value))?,
            b"fetch" => once(&mut about.fetched, yes(value))?,
            b"cls" => once(&mut about.class, word(value))?,
            b"size" => once(&mut about.size, number::whole(value))?,
            b"flags" => once(&mut about.flags, word(value))?,
            // What servers will tell some day.
            _ => {}
        }
    }
    Some(Entry { key, about })
}

/// A field that stands twice says nothing.
fn once<T>(place: &mut Option<T>, value: Option<T>) -> Option<()> {
    match place.replace(value?) {
        None => Some(()),
        Some(_) => None,
    }
}

fn seconds(text: &[u8]) -> Option<i64> {
    i64::try_from(number::whole(text)?).ok()
}

fn expiry(text: &[u8]) -> Option<i64> {
    match text {
        b"-1" => Some(-1),
        _ => seconds(text),
    }
}

fn word(text: &[u8]) -> Option<u32> {
    u32::try_from(number::whole(text)?).ok()
}

fn yes(text: &[u8]) -> Option<bool> {
    match text {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

/// Room for a key, and a NUL behind it.
pub type KeyRoom = [u8; KEY_MAX + 1];

/// Decode a key into `room`; its length. Strict: two hexadecimal digits behind each `%`, nothing but
/// printable ASCII beside them, and no more bytes than a key may have.
pub fn decode(encoded: &[u8], room: &mut KeyRoom) -> Option<usize> {
    let mut bytes = encoded.iter();
    let mut len = 0;
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => digit(*bytes.next()?)? << 4 | digit(*bytes.next()?)?,
            b'!'..=b'~' => *byte,
            _ => return None,
        };
        if len == KEY_MAX {
            return None;
        }
        room[len] = byte;
        len += 1;
    }
    room[len] = 0;
    (len > 0).then_some(len)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm59_lines_of_all_versions() {
        let first = "key=a exp=-1 la=1795182128 cas=1 fetch=no";
        let with_class = format!("{first} cls=1");
        let with_size = format!("{with_class} size=63");
        let with_flags = format!("{with_size} flags=4294967295");
        let later = format!("{with_flags} what=ever");
        for (text, class, size, flags) in [
            (first, None, None, None),
            (&with_class, Some(1), None, None),
            (&with_size, Some(1), Some(63), None),
            (&with_flags, Some(1), Some(63), Some(u32::MAX)),
            (&later, Some(1), Some(63), Some(u32::MAX)),
        ] {
            let about = About {
                expiry: Some(-1),
                accessed: Some(1_795_182_128),
                cas: Some(1),
                fetched: Some(false),
                class,
                size,
                flags,
            };
            let expected = Entry { key: b"a", about };
            assert_eq!(line(text.as_bytes()), Line::Entry(expected), "{text}");
        }
        assert_eq!(line(b"END"), Line::End);
        let busy = line(b"BUSY currently processing crawler request");
        assert_eq!(busy, Line::Refused(Status::SERVER_ERROR));
        for strange in [
            "",
            "END ",
            "key",
            "key=a exp=-2",
            "key=a exp=",
            "key=a exp=+1",
            "key=a exp=1.5",
            "key=a exp=9223372036854775808",
            "key=a cas=18446744073709551616",
            "key=a fetch=maybe",
            "key=a cls=4294967296",
            "key=a  cls=1",
            "key=a cls=1 ",
            "key=a cls=1 cls=1",
            "key=a =1",
            "key=a word",
            "key=a x=\u{1}",
            "exp=-1 key=a",
            "VALUE a 0 1",
            "STORED",
        ] {
            assert_eq!(line(strange.as_bytes()), Line::Strange, "{strange:?}");
        }
    }

    #[test]
    fn keys_are_decoded_strictly() {
        let mut room = [7; KEY_MAX + 1];
        for byte in 0..=255u8 {
            for text in [format!("x%{byte:02X}"), format!("x%{byte:02x}")] {
                assert_eq!(decode(text.as_bytes(), &mut room), Some(2));
                assert_eq!(room[..3], [b'x', byte, 0]);
            }
        }
        for bad in ["", "%", "%4", "%4g", "%g4", "a%", "% 4", "%+4", "é", "a b"] {
            assert_eq!(decode(bad.as_bytes(), &mut room), None, "{bad:?}");
        }
        let longest = "%41".repeat(KEY_MAX);
        assert_eq!(decode(longest.as_bytes(), &mut room), Some(KEY_MAX));
        assert_eq!((room[KEY_MAX - 1], room[KEY_MAX]), (b'A', 0));
        assert_eq!(decode(format!("{longest}B").as_bytes(), &mut room), None);
    }
}
