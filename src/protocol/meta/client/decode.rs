//! Bytes into reply lines.

use crate::protocol::ascii::client::{self as ascii, Framed, frame};
use crate::protocol::{Span, number};

/// What a reply begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// `HD`: done, and no value follows.
    Done,
    /// `VA`: a value of so many bytes follows.
    Value(usize),
    /// `EN`: `mg` found nothing.
    Miss,
    /// `NF`: another command found nothing.
    NotFound,
    /// `NS`: not stored.
    NotStored,
    /// `EX`: the CAS is another one.
    Exists,
    /// `MN`: everything before `mn` was answered.
    Barrier,
}

/// What the flags of a reply tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// `O`: that of the command.
    pub opaque: Option<u32>,
    /// `k`.
    pub key: Option<Span>,
    /// `b`: the key is in base64.
    pub base64: bool,
    /// `c`.
    pub cas: Option<u64>,
    /// `f`: the client's flags.
    pub flags: Option<u32>,
    /// `s`: bytes of the value.
    pub size: Option<u64>,
    /// `t`: seconds until the item expires; -1: never.
    pub ttl: Option<i64>,
    /// `l`: seconds since the item was used.
    pub idle: Option<u64>,
    /// `h`: it was asked for before.
    pub hit_before: Option<bool>,
    /// `W`: who asked is the one to make the value anew.
    pub won: bool,
    /// `X`: the value is stale.
    pub stale: bool,
    /// `Z`: somebody else is making it anew.
    pub sent: bool,
}

/// One reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: Code,
    pub returned: Returned,
}

/// One reply line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Reply(Reply),
    /// `ME`: what `me` tells of an item.
    Debug(Span),
    /// A line that ASCII has too, errors among them.
    Ascii(ascii::Line),
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

/// Decode the line at the front of `unread`; `scanned` as for ASCII's `decode`.
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

/// A line without its end.
fn parse(text: &[u8]) -> Option<Line> {
    let (code, rest) = match text.split_first_chunk::<2>() {
        Some((code, rest)) if matches!(rest.first(), None | Some(b' ')) => (code, rest),
        _ => return ascii::parse(text).map(Line::Ascii),
    };
    let at = text.len() - rest.len();
    let (code, at) = match code {
        b"HD" => (Code::Done, at),
        b"EN" => (Code::Miss, at),
        b"NF" => (Code::NotFound, at),
        b"NS" => (Code::NotStored, at),
        b"EX" => (Code::Exists, at),
        b"MN" => (Code::Barrier, at),
        b"VA" => {
            let (len, n) = number::leading(rest.strip_prefix(b" ")?)?;
            (Code::Value(usize::try_from(len).ok()?), at + 1 + n)
        }
        b"ME" => {
            let len = rest.len().checked_sub(1)? as u32;
            return Some(Line::Debug(Span {
                at: at as u32 + 1,
                len,
            }));
        }
        _ => return ascii::parse(text).map(Line::Ascii),
    };
    let returned = returned(text, at)?;
    Some(Line::Reply(Reply { code, returned }))
}

/// The flags of a reply, each behind one space, none twice, from `at` on. Behind the last one there may
/// be a space: memcached ends an empty list of flags with it.
fn returned(text: &[u8], mut at: usize) -> Option<Returned> {
    let mut returned = Returned::default();
    let mut seen: u64 = 0;
    while at < text.len() {
        if text[at] != b' ' {
            return None;
        }
        at += 1;
        let Some(flag) = text.get(at) else {
            return Some(returned);
        };
        let bit = 1u64 << flag.checked_sub(b'A').filter(|bit| *bit < 64)?;
        if seen & bit != 0 {
            return None;
        }
        seen |= bit;
        let rest = &text[at + 1..];
        let len = memchr::memchr(b' ', rest).unwrap_or(rest.len());
        one(&mut returned, *flag, &rest[..len], at + 1)?;
        at += 1 + len;
    }
    Some(returned)
}

/// One flag; its token stands at `at`.
fn one(returned: &mut Returned, flag: u8, token: &[u8], at: usize) -> Option<()> {
    let mark = token.is_empty().then_some(true);
    match flag {
        b'O' => returned.opaque = Some(u32::try_from(number::whole(token)?).ok()?),
        b'k' if !token.is_empty() => {
            returned.key = Some(Span {
                at: at as u32,
                len: token.len() as u32,
            });
        }
        b'b' => returned.base64 = mark?,
        b'c' => returned.cas = Some(number::whole(token)?),
        b'f' => returned.flags = Some(u32::try_from(number::whole(token)?).ok()?),
        b's' => returned.size = Some(number::whole(token)?),
        b't' if token == b"-1" => returned.ttl = Some(-1),
        b't' => returned.ttl = Some(i64::try_from(number::whole(token)?).ok()?),
        b'l' => returned.idle = Some(number::whole(token)?),
        b'h' => match token {
            b"0" => returned.hit_before = Some(false),
            b"1" => returned.hit_before = Some(true),
            _ => return None,
        },
        b'W' => returned.won = mark?,
        b'X' => returned.stale = mark?,
        b'Z' => returned.sent = mark?,
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<Line> {
        let bytes = format!("{text}\r\n").into_bytes();
        // However it is cut, it is the same.
        let mut scanned = 0;
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut], &mut scanned), Decoded::More);
        }
        match decode(&bytes, &mut scanned) {
            Decoded::Line { used, line } => {
                assert_eq!(used, bytes.len());
                Some(line)
            }
            Decoded::Broken(_) => None,
            Decoded::More => panic!("{text} is whole"),
        }
    }

    fn reply(text: &str) -> Reply {
        match line(text) {
            Some(Line::Reply(reply)) => reply,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn codes() {
        for (text, code) in [
            ("HD", Code::Done),
            ("EN", Code::Miss),
            ("NF", Code::NotFound),
            ("NS", Code::NotStored),
            ("EX", Code::Exists),
            ("MN", Code::Barrier),
            ("VA 0", Code::Value(0)),
            ("VA 1048576", Code::Value(1 << 20)),
            ("HD ", Code::Done),
        ] {
            let expected = Reply {
                code,
                returned: Returned::default(),
            };
            assert_eq!(reply(text), expected, "{text}");
        }
        assert_eq!(
            line("ME k exp=-1"),
            Some(Line::Debug(Span { at: 3, len: 8 }))
        );
        assert_eq!(line("END"), Some(Line::Ascii(ascii::Line::End)));
        let version = Span { at: 8, len: 5 };
        let version = Line::Ascii(ascii::Line::Version(version));
        assert_eq!(line("VERSION 1.6.1"), Some(version));
        assert_eq!(line("RESET"), Some(Line::Ascii(ascii::Line::Reset)));
        for text in [
            "ERROR",
            "CLIENT_ERROR bad data chunk",
            "SERVER_ERROR out of memory",
        ] {
            let error = matches!(line(text), Some(Line::Ascii(ascii::Line::Error(..))));
            assert!(error, "{text}");
        }
    }

    #[test]
    fn flags() {
        let text = "VA 2 s2 f4294967295 t100 c18446744073709551615 kYWI= b O77 h1 l0 W X Z";
        let expected = Returned {
            opaque: Some(77),
            key: Some(Span { at: 50, len: 4 }),
            base64: true,
            cas: Some(u64::MAX),
            flags: Some(u32::MAX),
            size: Some(2),
            ttl: Some(100),
            idle: Some(0),
            hit_before: Some(true),
            won: true,
            stale: true,
            sent: true,
        };
        let found = reply(text);
        assert_eq!(found.code, Code::Value(2));
        assert_eq!(
            found.returned.key.map(|k| k.of(text.as_bytes())),
            Some(&b"YWI="[..])
        );
        assert_eq!(
            found.returned,
            Returned {
                key: found.returned.key,
                ..expected
            }
        );
        assert_eq!(reply("HD t-1 h0").returned.ttl, Some(-1));
    }

    /// FM-21, FM-28: nothing but what a server says.
    #[test]
    fn fm21_fm28_strict() {
        for text in [
            "",
            "H",
            "hd",
            "HDx",
            "HD  O1",
            "HD O",
            "HD Ox",
            "HD O01",
            "HD O4294967296",
            "HD O-1",
            "HD O1 O1",
            "HD k",
            "HD kk kk",
            "HD c",
            "HD c-1",
            "HD f4294967296",
            "HD c18446744073709551616",
            "HD s",
            "HD t",
            "HD t-2",
            "HD t--1",
            "HD l-1",
            "HD h",
            "HD h2",
            "HD W1",
            "HD X1",
            "HD Z1",
            "HD b1",
            "HD W W",
            "HD q",
            "HD \u{1}",
            "HD ~1",
            "VA",
            "VA ",
            "VA x",
            "VA -1",
            "VA 01",
            "VA 1x",
            "VA  1",
            "VA 18446744073709551616",
            "ME",
            "EN\tO1",
            "MN\0",
            "XX",
            "XX O1",
            "HD\r",
            "HD O1\r",
        ] {
            assert_eq!(line(text), None, "{text:?}");
        }
        let mut scanned = 0;
        for bytes in [&b"HD\n"[..], b"\x81\0", b"\x80\0"] {
            assert!(matches!(decode(bytes, &mut scanned), Decoded::Broken(_)));
        }
    }
}
