//! Bytes into reply lines.

use crate::protocol::{Span, ValueHead, number};

/// The longest reply line that is waited for: no server sends more than a key, three numbers and
/// some words; error texts stay below 1 KiB.
pub const LINE_MAX: usize = 2048 + 256;

/// One reply line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Value {
        key: Span,
        head: ValueHead,
    },
    End,
    Stored,
    NotStored,
    Exists,
    NotFound,
    Deleted,
    Touched,
    Ok,
    Number(u64),
    Version(Span),
    /// One of the lines of `stats`; the text is empty where there is none.
    Stat {
        name: Span,
        text: Span,
    },
    /// The end of `stats reset`.
    Reset,
    /// A memory limit was not taken; the whole line.
    Memlimit(Span),
    /// Which kind of error, and the text behind the word.
    Error(ErrorWord, Span),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorWord {
    Error,
    ClientError,
    ServerError,
}

/// What is at the front of the unread bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Not a whole line yet.
    More,
    /// A line of so many bytes, its end included. Spans count from the line's beginning.
    Line { used: usize, line: Line },
    /// No line that a server may send, and why.
    Broken(&'static str),
}

/// The header line of a value, `VALUE <key> <flags> <bytes>[ <cas>]\r\n`, where it is whole and names
/// the expected key, which is compared instead of scanned. Returns how many bytes the line has.
#[inline(always)]
pub fn expected_value(unread: &[u8], key: &[u8], with_cas: bool) -> Option<(ValueHead, usize)> {
    let at = names(unread, key)?;
    let (head, used) = numbers_line(&unread[at..], with_cas)?;
    Some((head, at + used))
}

/// `VALUE <key> ` with this key: how many bytes that are.
#[inline(always)]
pub fn names(unread: &[u8], key: &[u8]) -> Option<usize> {
    let (word, rest) = unread.split_first_chunk::<6>()?;
    let here = rest.get(..=key.len())?;
    if word != b"VALUE " || here[key.len()] != b' ' || !same(&here[..key.len()], key) {
        return None;
    }
    Some(6 + key.len() + 1)
}

/// What is behind the key of a value's header line; returns how many bytes that are.
#[inline(always)]
pub fn numbers_line(bytes: &[u8], with_cas: bool) -> Option<(ValueHead, usize)> {
    let (head, rest) = numbers(bytes)?;
    let (end, rest) = rest.split_first_chunk::<2>()?;
    if end != b"\r\n" {
        return None;
    }
    if head.cas.is_some() != with_cas {
        return None;
    }
    Some((head, bytes.len() - rest.len()))
}

/// Whether two slices of the same length are equal: most keys have 8 to 16 bytes, two steps of eight
/// that may overlap.
#[inline(always)]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    match (
        a.first_chunk::<8>(),
        b.first_chunk::<8>(),
        a.last_chunk::<8>(),
        b.last_chunk::<8>(),
    ) {
        (Some(first_a), Some(first_b), Some(last_a), Some(last_b)) if a.len() <= 16 => {
            first_a == first_b && last_a == last_b
        }
        _ => a == b,
    }
}

/// `<flags> <bytes>[ <cas>]`; returns what is behind.
#[inline(always)]
fn numbers(bytes: &[u8]) -> Option<(ValueHead, &[u8])> {
    let (flags, n) = number::leading(bytes)?;
    let flags = u32::try_from(flags).ok()?;
    let (space, rest) = bytes[n..].split_first()?;
    if *space != b' ' {
        return None;
    }
    let (len, n) = number::leading(rest)?;
    let len = usize::try_from(len).ok()?;
    let mut rest = &rest[n..];
    let mut cas = None;
    if let Some((b' ', more)) = rest.split_first() {
        let (unique, n) = number::leading(more)?;
        cas = Some(unique);
        rest = &more[n..];
    }
    Some((ValueHead { flags, len, cas }, rest))
}

/// Decode the line at the front of `unread`. `scanned` is how far it was looked at before without
/// finding its end, and is kept by the caller between calls (0 for a new line), so that a line that
/// comes byte by byte is read once.
pub fn decode(unread: &[u8], scanned: &mut usize) -> Decoded {
    let text = match frame(unread, scanned) {
        Framed::More => return Decoded::More,
        Framed::Broken(why) => return Decoded::Broken(why),
        Framed::Text(text) => text,
    };
    let used = text.len() + 2;
    match parse(text) {
        Some(line) => Decoded::Line { used, line },
        None => Decoded::Broken("a line that no server sends"),
    }
}

/// The line at the front of the unread bytes, whatever it says.
pub(in crate::protocol) enum Framed<'a> {
    More,
    /// Without its end, CR LF.
    Text(&'a [u8]),
    Broken(&'static str),
}

/// Find the line that [`decode`] decodes.
#[inline(always)]
pub(in crate::protocol) fn frame<'a>(unread: &'a [u8], scanned: &mut usize) -> Framed<'a> {
    if matches!(unread.first(), Some(0x80 | 0x81)) {
        return Framed::Broken("a frame of the binary protocol");
    }
    let window = &unread[..unread.len().min(LINE_MAX)];
    let Some(end) = memchr::memchr(b'\n', window.get(*scanned..).unwrap_or_default()) else {
        *scanned = window.len();
        return if unread.len() >= LINE_MAX {
            Framed::Broken("a line without an end")
        } else {
            Framed::More
        };
    };
    let used = *scanned + end + 1;
    *scanned = 0;
    match unread[..used].strip_suffix(b"\r\n") {
        Some(text) => Framed::Text(text),
        None => Framed::Broken("a line that does not end with CR LF"),
    }
}

/// A line without its end.
pub(in crate::protocol) fn parse(text: &[u8]) -> Option<Line> {
    if text.first().is_some_and(u8::is_ascii_digit) {
        return number::whole(text).map(Line::Number);
    }
    Some(match text {
        b"END" => Line::End,
        b"STORED" => Line::Stored,
        // With a space: old servers, and what Twisted's client takes.
        b"NOT_STORED" | b"NOT STORED" => Line::NotStored,
        b"NOT_FOUND" | b"NOT FOUND" => Line::NotFound,
        b"EXISTS" => Line::Exists,
        b"DELETED" => Line::Deleted,
        b"TOUCHED" => Line::Touched,
        b"OK" => Line::Ok,
        _ => return worded(text),
    })
}

fn worded(text: &[u8]) -> Option<Line> {
    const WORDS: [(&[u8], ErrorWord); 3] = [
        (b"SERVER_ERROR", ErrorWord::ServerError),
        (b"CLIENT_ERROR", ErrorWord::ClientError),
        (b"ERROR", ErrorWord::Error),
    ];
    if let Some(rest) = text.strip_prefix(b"VALUE ") {
        return any_value(rest);
    }
    if let Some(rest) = text.strip_prefix(b"VERSION ") {
        return Some(Line::Version(behind(text, rest)));
    }
    if let Some(rest) = text.strip_prefix(b"STAT ") {
        return stat(text, rest);
    }
    for (word, kind) in WORDS {
        // `ERROR: shutdown not enabled` has no space behind the word.
        match text.strip_prefix(word) {
            Some(rest) if matches!(rest.first(), None | Some(b' ' | b':')) => {
                let rest = rest.strip_prefix(b":").unwrap_or(rest);
                let rest = rest.strip_prefix(b" ").unwrap_or(rest);
                return Some(Line::Error(kind, behind(text, rest)));
            }
            _ => {}
        }
    }
    if text == b"RESET" {
        return Some(Line::Reset);
    }
    text.starts_with(b"MEMLIMIT_")
        .then_some(Line::Memlimit(behind(text, text)))
}

/// A name, and its text behind a space; memcached leaves the space out where the text is empty. Texts
/// may hold spaces.
fn stat(text: &[u8], rest: &[u8]) -> Option<Line> {
    let len = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let (name, value) = rest.split_at(len);
    let printable = |byte: &u8| *byte > b' ' && *byte != 0x7f;
    if name.is_empty() || !name.iter().all(printable) || memchr::memchr2(0, b'\r', value).is_some()
    {
        return None;
    }
    Some(Line::Stat {
        name: Span {
            at: (text.len() - rest.len()) as u32,
            len: len as u32,
        },
        text: behind(text, value.strip_prefix(b" ").unwrap_or(value)),
    })
}

/// A value of any key.
fn any_value(rest: &[u8]) -> Option<Line> {
    let len = memchr::memchr(b' ', rest)?;
    let key = Span {
        at: 6,
        len: len as u32,
    };
    let (head, behind) = numbers(&rest[len + 1..])?;
    if len == 0 || !behind.is_empty() {
        return None;
    }
    Some(Line::Value { key, head })
}

/// `rest` is the end of `text`.
fn behind(text: &[u8], rest: &[u8]) -> Span {
    Span {
        at: (text.len() - rest.len()) as u32,
        len: rest.len() as u32,
    }
}

/// `unread` as a line with a number, and nothing else.
#[inline(always)]
pub fn whole_number(unread: &[u8]) -> Option<u64> {
    number::whole(unread.strip_suffix(b"\r\n")?)
}
