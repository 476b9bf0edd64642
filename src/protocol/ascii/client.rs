//! The client's side: commands into lines, lines into replies.

use crate::buffer::append;
use crate::error::{Effect, Status};
use crate::protocol::{Key, Op, Request, Span, ValueHead, number};

/// The longest reply line that is waited for: no server sends more than a key, three numbers and
/// some words; error texts stay below 1 KiB.
pub const LINE_MAX: usize = 2048 + 256;

/// How long a line of keys may grow. memcached 1.6 closes the connection where there is no line
/// end in the first 2,048 bytes, unless the line begins with `get ` or `gets `.
pub fn line_limit(op: Op) -> usize {
    match op {
        Op::Get | Op::Gets => 64 * 1024,
        _ => 2047,
    }
}

/// Room for everything in a command line but its key: the longest word, four numbers, spaces.
const LINE_ROOM: usize = 80;

/// The most bytes that a command line has, its end included.
#[inline(always)]
pub fn line_room(key: &Key<'_>) -> usize {
    LINE_ROOM + key.wire_len()
}

/// Append a command's line without its end, for [`encode_end`] or, in a line of keys,
/// [`encode_more`]. Room for both must have been reserved by [`line_room`]. Returns where the key (with
/// its prefix) begins in `out`.
#[inline(always)]
pub fn encode(request: &Request<'_, '_>, out: &mut Vec<u8>) -> usize {
    let command = request.command;
    match request.op {
        Op::Get => append(out, b"get "),
        Op::Set => append(out, b"set "),
        op => append(out, word(op)),
    }
    if matches!(request.op, Op::Gat | Op::Gats) {
        number(request.wire.expiry, out);
        append(out, b" ");
    }
    let key_at = out.len();
    put_key(request.key, out);
    match request.op {
        Op::Get | Op::Gets | Op::Gat | Op::Gats | Op::Delete | Op::Version => {}
        Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas => {
            if command.flags == 0 && request.wire.expiry == 0 {
                append(out, b" 0 0");
            } else {
                number(command.flags, out);
                number(request.wire.expiry, out);
            }
            number(command.value.len(), out);
            if request.op == Op::Cas {
                number(command.cas, out);
            }
        }
        Op::Touch => number(request.wire.expiry, out),
        Op::Incr | Op::Decr => number(command.delta, out),
        Op::FlushAll if request.wire.expiry == 0 => {}
        Op::FlushAll => number(request.wire.expiry, out),
    }
    key_at
}

/// Append one more key to a line of keys that was not ended. Returns where it begins.
#[inline(always)]
pub fn encode_more(key: Key<'_>, out: &mut Vec<u8>) -> usize {
    append(out, b" ");
    let key_at = out.len();
    put_key(key, out);
    key_at
}

/// End a command line.
#[inline(always)]
pub fn encode_end(out: &mut Vec<u8>) {
    append(out, b"\r\n");
}

#[inline(always)]
fn put_key(key: Key<'_>, out: &mut Vec<u8>) {
    if !key.prefix().is_empty() {
        append(out, key.prefix());
    }
    append(out, key.user());
}

/// A space and a number.
#[inline(always)]
fn number<N: itoa::Integer + Copy + PartialEq + From<u8>>(number: N, out: &mut Vec<u8>) {
    if number == N::from(0) {
        append(out, b" 0");
    } else {
        append(out, b" ");
        append(out, itoa::Buffer::new().format(number).as_bytes());
    }
}

fn word(op: Op) -> &'static [u8] {
    match op {
        Op::Get => b"get ",
        Op::Gets => b"gets ",
        Op::Gat => b"gat",
        Op::Gats => b"gats",
        Op::Set => b"set ",
        Op::Add => b"add ",
        Op::Replace => b"replace ",
        Op::Append => b"append ",
        Op::Prepend => b"prepend ",
        Op::Cas => b"cas ",
        Op::Delete => b"delete ",
        Op::Touch => b"touch ",
        Op::Incr => b"incr ",
        Op::Decr => b"decr ",
        Op::Version => b"version",
        Op::FlushAll => b"flush_all",
    }
}

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
fn same(a: &[u8], b: &[u8]) -> bool {
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

/// The numbers of the last value's header line, where they are flags and length alone and take 16
/// bytes at the most: those of the next one are often the same, and then need not be read.
#[derive(Clone, Copy)]
pub struct Alike {
    /// The bytes, and what was behind them.
    words: [u64; 2],
    /// By how much the first word is shifted for what is behind the line's end to drop out; or, where
    /// the line goes on into the second, by how much that is.
    shift: u32,
    long: bool,
    flags: u32,
    len: usize,
}

impl Default for Alike {
    /// As if a value of flags 0 and length 0 had been there: what is compared with is always a line that
    /// was, or could have been, read.
    fn default() -> Alike {
        Alike {
            words: [u64::from_le_bytes(*b"0 0\r\n\0\0\0"), 0],
            shift: 24,
            long: false,
            flags: 0,
            len: 0,
        }
    }
}

impl Alike {
    /// As [`numbers_line`].
    #[inline(always)]
    pub fn numbers_line(&mut self, bytes: &[u8], with_cas: bool) -> Option<(ValueHead, usize)> {
        if with_cas {
            return numbers_line(bytes, true);
        }
        if let Some(word) = bytes.first_chunk::<8>() {
            if (u64::from_le_bytes(*word) ^ self.words[0]) << self.shift == 0 && !self.long {
                return Some((self.head(), 8 - self.shift as usize / 8));
            }
        }
        self.long_or_other(bytes)
    }

    #[inline(always)]
    fn head(&self) -> ValueHead {
        ValueHead {
            flags: self.flags,
            len: self.len,
            cas: None,
        }
    }

    #[inline(never)]
    fn long_or_other(&mut self, bytes: &[u8]) -> Option<(ValueHead, usize)> {
        let words = bytes.first_chunk::<16>().map(|both| {
            let both = u128::from_le_bytes(*both);
            [both as u64, (both >> 64) as u64]
        });
        if let (true, Some([first, second])) = (self.long, words) {
            if first == self.words[0] && (second ^ self.words[1]) << self.shift == 0 {
                return Some((self.head(), 16 - self.shift as usize / 8));
            }
        }
        let (head, used) = numbers_line(bytes, false)?;
        if let (Some(words), ..=16) = (words, used) {
            let long = used > 8;
            *self = Alike {
                words,
                shift: 8 * (if long { 16 } else { 8 } - used as u32),
                long,
                flags: head.flags,
                len: head.len,
            };
        }
        Some((head, used))
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
    if matches!(unread.first(), Some(0x80 | 0x81)) {
        return Decoded::Broken("a frame of the binary protocol");
    }
    let window = &unread[..unread.len().min(LINE_MAX)];
    let Some(end) = memchr::memchr(b'\n', window.get(*scanned..).unwrap_or_default()) else {
        *scanned = window.len();
        return if unread.len() >= LINE_MAX {
            Decoded::Broken("a line without an end")
        } else {
            Decoded::More
        };
    };
    let used = *scanned + end + 1;
    *scanned = 0;
    let Some(text) = unread[..used].strip_suffix(b"\r\n") else {
        return Decoded::Broken("a line that does not end with CR LF");
    };
    match parse(text) {
        Some(line) => Decoded::Line { used, line },
        None => Decoded::Broken("a line that no server sends"),
    }
}

/// A line without its end.
fn parse(text: &[u8]) -> Option<Line> {
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
    None
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

/// What a line means as the reply to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The command did what it is for.
    Done,
    /// The end of a line of keys: those without a value are misses.
    EndOfKeys,
    /// There is no such item.
    Miss,
    Number(u64),
    /// The server's version.
    Version(Span),
    /// The server refused.
    Refused {
        status: Status,
        effect: Effect,
        text: Span,
        /// The connection is still in step. It is where the server reported trouble of its own; a
        /// malformed command may have left its body to be executed as commands.
        in_step: bool,
    },
    /// No reply that this command can have.
    Unexpected,
}

/// The meaning of `line` (which is `text`) as the reply to `op`. Values are not for this function.
#[inline]
pub fn answer(op: Op, line: Line, text: &[u8]) -> Answer {
    let refused = |status| Answer::Refused {
        status,
        effect: Effect::NotApplied,
        text: Span { at: 0, len: 0 },
        in_step: true,
    };
    match (op, line) {
        (Op::Get | Op::Gets | Op::Gat | Op::Gats, Line::End) => Answer::EndOfKeys,
        (Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas, Line::Stored) => {
            Answer::Done
        }
        (Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas, Line::NotStored) => {
            refused(Status::NOT_STORED)
        }
        (Op::Cas, Line::Exists) => refused(Status::CAS_FAILURE),
        (Op::Cas | Op::Delete | Op::Touch | Op::Incr | Op::Decr, Line::NotFound) => Answer::Miss,
        (Op::Delete, Line::Deleted) => Answer::Done,
        (Op::Touch, Line::Touched) => Answer::Done,
        (Op::FlushAll, Line::Ok) => Answer::Done,
        (Op::Incr | Op::Decr, Line::Number(number)) => Answer::Number(number),
        (Op::Version, Line::Version(version)) => Answer::Version(version),
        (op, Line::Error(word, span)) => error(op, word, span, span.of(text)),
        _ => Answer::Unexpected,
    }
}

#[cold]
fn error(op: Op, word: ErrorWord, span: Span, text: &[u8]) -> Answer {
    let (status, effect, in_step) = match word {
        ErrorWord::ServerError => server_error(op, text),
        ErrorWord::ClientError => client_error(op, text),
        ErrorWord::Error if text.starts_with(b"Too many open connections") => {
            (Status::TOO_MANY_CONNECTIONS, unknown(op), false)
        }
        ErrorWord::Error => (Status::UNKNOWN_COMMAND, unknown(op), false),
    };
    Answer::Refused {
        status,
        effect,
        text: span,
        in_step,
    }
}

fn server_error(op: Op, text: &[u8]) -> (Status, Effect, bool) {
    let status = if text.starts_with(b"object too large") {
        Status::TOO_LARGE
    } else if text.starts_with(b"out of memory") {
        Status::OUT_OF_MEMORY
    } else {
        Status::SERVER_ERROR
    };
    let effect = match op {
        // memcached drops the old item rather than leave a stale one.
        Op::Set if status != Status::SERVER_ERROR => Effect::Removed,
        _ if op.is_read() => Effect::None,
        _ if status != Status::SERVER_ERROR => Effect::NotApplied,
        _ => Effect::Unknown,
    };
    (status, effect, true)
}

fn client_error(op: Op, text: &[u8]) -> (Status, Effect, bool) {
    if matches!(op, Op::Incr | Op::Decr)
        && text == b"cannot increment or decrement non-numeric value"
    {
        return (Status::NON_NUMERIC, Effect::NotApplied, true);
    }
    (Status::CLIENT_ERROR, unknown(op), false)
}

fn unknown(op: Op) -> Effect {
    if op.is_read() {
        Effect::None
    } else {
        Effect::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However headers follow each other, comparing with the last one reads what parsing reads. FM-28.
    #[test]
    fn fm28_alike_reads_what_parsing_reads() {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for numbers in [
            "0 0",
            "0 1",
            "0 10",
            "0 100",
            "1 100",
            "0 65536",
            "7 65536",
            "4294967295 1000000",
            "4294967295 134217728",
            "12 3",
            "00 1",
            "0 01",
            "0  1",
            "0 1 ",
            " 0 1",
            "0 1 5",
            "0 1 55555",
            "4294967296 1",
            "-1 1",
            "0 x",
            "",
            "0",
            "\0\0\0\0\0\0\0\0",
            "0 0\r\r",
        ] {
            for behind in [
                "\r\n",
                "\n",
                "\r\nabcdefghijklmnopqrstuvwxyz",
                "",
                "\0\0\0\0\0\0\0\0\0",
            ] {
                texts.push(format!("{numbers}{behind}").into_bytes());
            }
        }
        for first in &texts {
            for second in &texts {
                for with_cas in [false, true] {
                    let mut alike = Alike::default();
                    for text in [first, second, first, first] {
                        assert_eq!(
                            alike.numbers_line(text, with_cas),
                            numbers_line(text, with_cas),
                            "{:?} behind {:?}",
                            String::from_utf8_lossy(text),
                            String::from_utf8_lossy(first)
                        );
                    }
                }
            }
        }
    }
}
