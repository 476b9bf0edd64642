//! The client's side: commands into lines, lines into replies.

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

/// A command line being written into the end of a vector.
struct Put<'a> {
    to: &'a mut [u8],
    at: usize,
}

impl Put<'_> {
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(place) = self.to.get_mut(self.at..end) {
            place.copy_from_slice(bytes);
            self.at = end;
        }
    }

    #[inline]
    fn number(&mut self, number: impl itoa::Integer) {
        let mut digits = itoa::Buffer::new();
        self.bytes(b" ");
        self.bytes(digits.format(number).as_bytes());
    }

    /// Returns where the key begins.
    #[inline]
    fn key(&mut self, key: Key<'_>) -> usize {
        let at = self.at;
        if !key.prefix().is_empty() {
            self.bytes(key.prefix());
        }
        self.bytes(key.user());
        at
    }
}

/// Append the line of any command that is not a line of several keys, its value and the line end
/// behind the value excepted. Room must have been reserved by [`line_room`]. Returns where the key
/// (with its prefix) begins in `out`.
pub fn encode(request: &Request<'_>, out: &mut Vec<u8>) -> usize {
    let begin = out.len();
    out.resize(begin + line_room(&request.key), 0);
    let mut put = Put {
        to: &mut out[begin..],
        at: 0,
    };
    let mut key_at = 0;
    match request.op {
        Op::Get | Op::Gets | Op::Delete => {
            put.bytes(word(request.op));
            key_at = put.key(request.key);
        }
        Op::Gat | Op::Gats => {
            put.bytes(word(request.op));
            put.number(request.expiry);
            put.bytes(b" ");
            key_at = put.key(request.key);
        }
        Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas => {
            put.bytes(word(request.op));
            key_at = put.key(request.key);
            put.number(request.flags);
            put.number(request.expiry);
            put.number(request.value.len());
            if request.op == Op::Cas {
                put.number(request.cas);
            }
        }
        Op::Touch => {
            put.bytes(word(request.op));
            key_at = put.key(request.key);
            put.number(request.expiry);
        }
        Op::Incr | Op::Decr => {
            put.bytes(word(request.op));
            key_at = put.key(request.key);
            put.number(request.delta);
        }
        Op::Version => put.bytes(word(request.op)),
        Op::FlushAll => {
            put.bytes(word(request.op));
            if request.expiry != 0 {
                put.number(request.expiry);
            }
        }
    }
    put.bytes(b"\r\n");
    let end = begin + put.at;
    out.truncate(end);
    begin + key_at
}

/// The most bytes that [`encode`] appends.
pub fn line_room(key: &Key<'_>) -> usize {
    LINE_ROOM + key.wire_len()
}

/// Append one more key to a line of keys; `out` ends with the line's end, which moves. Returns where
/// the key begins.
pub fn encode_more(key: Key<'_>, out: &mut Vec<u8>) -> usize {
    let begin = out.len().saturating_sub(2);
    out.resize(begin + key.wire_len() + 3, 0);
    let mut put = Put {
        to: &mut out[begin..],
        at: 0,
    };
    put.bytes(b" ");
    put.key(key);
    put.bytes(b"\r\n");
    begin + 1
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
    Value { key: Span, head: ValueHead },
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

/// Decode the line at the front of `unread`. `scanned` is how far it was looked at before without
/// finding its end, and is kept by the caller between calls (0 for a new line), so that a line that
/// comes byte by byte is read once. `key` is the key that a value is expected for: the common case
/// is compared instead of scanned.
#[inline]
pub fn decode(unread: &[u8], key: &[u8], scanned: &mut usize) -> Decoded {
    if *scanned == 0 {
        let fast = match unread.first() {
            Some(b'V') => expected_value(unread, key),
            Some(b'E') if unread.starts_with(b"END\r\n") => Some((5, Line::End)),
            Some(b'S') if unread.starts_with(b"STORED\r\n") => Some((8, Line::Stored)),
            _ => None,
        };
        if let Some((used, line)) = fast {
            return Decoded::Line { used, line };
        }
    }
    any_line(unread, scanned)
}

/// `VALUE <key> <flags> <bytes>[ <cas>]\r\n` where the key is the expected one.
#[inline]
fn expected_value(unread: &[u8], key: &[u8]) -> Option<(usize, Line)> {
    let rest = unread.strip_prefix(b"VALUE ")?;
    let rest = rest.strip_prefix(key)?;
    let mut at = unread.len() - rest.len();
    if key.is_empty() || unread.get(at) != Some(&b' ') {
        return None;
    }
    let (head, used) = numbers(&unread[at + 1..])?;
    at += 1 + used;
    if unread.get(at..at + 2) != Some(b"\r\n") {
        return None;
    }
    let key = Span {
        at: 6,
        len: key.len() as u32,
    };
    Some((at + 2, Line::Value { key, head }))
}

/// `<flags> <bytes>[ <cas>]`; returns how many bytes they take.
#[inline]
fn numbers(bytes: &[u8]) -> Option<(ValueHead, usize)> {
    let (flags, n) = number::leading(bytes)?;
    let flags = u32::try_from(flags).ok()?;
    let mut at = n;
    let rest = bytes[at..].strip_prefix(b" ")?;
    let (len, n) = number::leading(rest)?;
    at += 1 + n;
    let len = usize::try_from(len).ok()?;
    let cas = match bytes.get(at) {
        Some(b' ') => {
            let (cas, n) = number::leading(&bytes[at + 1..])?;
            at += 1 + n;
            Some(cas)
        }
        _ => None,
    };
    Some((ValueHead { flags, len, cas }, at))
}

fn any_line(unread: &[u8], scanned: &mut usize) -> Decoded {
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
        return unexpected_value(text, rest);
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

/// A value of another key than the next one expected, or one whose line came in pieces.
fn unexpected_value(text: &[u8], rest: &[u8]) -> Option<Line> {
    let len = memchr::memchr(b' ', rest)?;
    let key = Span {
        at: 6,
        len: len as u32,
    };
    let fields = &rest[len + 1..];
    let (head, used) = numbers(fields)?;
    if len == 0 || used != fields.len() || text.len() != 6 + len + 1 + used {
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
        (
            Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas,
            Line::Stored,
        ) => Answer::Done,
        (
            Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas,
            Line::NotStored,
        ) => refused(Status::NOT_STORED),
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
