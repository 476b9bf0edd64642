//! Commands into lines.

use crate::buffer::append;
use crate::protocol::{Key, Op, Request, stats};

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

// `stats`, a space, its argument, the line's end.
const _: () = assert!(5 + 1 + stats::ARGUMENT_MAX + 2 <= LINE_ROOM);

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
        Op::Get | Op::Gets | Op::Gat | Op::Gats | Op::Delete | Op::DeleteAll => {}
        Op::Version | Op::Ping => {}
        Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas => {
            if command.flags == 0 && request.wire.expiry == 0 {
                append(out, b" 0 0");
            } else {
                number(command.flags, out);
                expiry(request.wire.expiry, out);
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
        Op::Stats if command.value.is_empty() => {}
        Op::Stats => {
            append(out, b" ");
            append(out, command.value);
        }
        Op::Verbosity | Op::CacheMemlimit => number(command.delta, out),
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

/// When a value is to expire. A number with a sign makes twemproxy close the connection; memcached takes
/// it for the first moment that is no duration, which is long past, and which is what is sent.
#[inline(always)]
fn expiry(expiry: i32, out: &mut Vec<u8>) {
    if expiry < 0 {
        append(out, b" 2592001");
    } else {
        number(expiry, out);
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
        Op::Delete | Op::DeleteAll => b"delete ",
        Op::Touch => b"touch ",
        Op::Incr => b"incr ",
        Op::Decr => b"decr ",
        // What every server answers at once, and every proxy of its own.
        Op::Version | Op::Ping => b"version",
        Op::FlushAll => b"flush_all",
        Op::Stats => b"stats",
        Op::Verbosity => b"verbosity",
        Op::CacheMemlimit => b"cache_memlimit",
    }
}
