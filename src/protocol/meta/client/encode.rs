//! Commands into lines.

use crate::buffer::append;
use crate::protocol::{Key, Op, Request};

/// Room for everything in a command line but its key: the longest has a length, flags, an expiry time, a
/// CAS and an opaque.
const LINE_ROOM: usize = 112;

/// The most bytes that a command line has, its end included.
#[inline]
pub fn line_room(key: &Key<'_>) -> usize {
    LINE_ROOM + key.wire_len()
}

/// Append a command's line with its end, whose reply is to repeat `opaque`; a `quiet` one is answered by
/// nothing where `mg` finds nothing, and where `ms` or `md` does what it is for. Room for it must have
/// been reserved by [`line_room`]. Returns where the key (with its prefix) begins in `out`; `None`, and nothing
/// is appended, where the protocol has no command for it: what is asked of a server as a whole is asked in
/// ASCII.
pub fn encode(
    request: &Request<'_, '_>,
    quiet: bool,
    opaque: u32,
    out: &mut Vec<u8>,
) -> Option<usize> {
    let command = request.command;
    append(out, word(request.op)?);
    let key_at = out.len();
    append(out, request.key.prefix());
    append(out, request.key.user());
    match request.op {
        Op::Get | Op::Gets | Op::Gat | Op::Gats => {
            append(out, b" v k f");
            if request.op.reads_cas() {
                append(out, b" c");
            }
            if matches!(request.op, Op::Gat | Op::Gats) {
                number(b" T", request.wire.expiry, out);
            }
        }
        // A look that takes nothing with it.
        Op::Touch => number(b" T", request.wire.expiry, out),
        Op::Incr | Op::Decr => {
            append(
                out,
                if request.op == Op::Incr {
                    b" MI v"
                } else {
                    b" MD v"
                },
            );
            number(b" D", command.delta, out);
        }
        op if op.sends_value() => {
            number(b" ", command.value.len(), out);
            append(out, mode(op));
            if command.flags != 0 {
                number(b" F", command.flags, out);
            }
            if request.wire.expiry != 0 {
                number(b" T", request.wire.expiry, out);
            }
            if op == Op::Cas {
                number(b" C", command.cas, out);
            }
        }
        _ => {}
    }
    if quiet {
        append(out, b" q");
    }
    number(b" O", opaque, out);
    append(out, b"\r\n");
    Some(key_at)
}

/// The line behind whose reply all earlier commands have had theirs, quiet ones too.
pub const BARRIER: &[u8] = b"mn\r\n";

/// A space, a flag and its number.
fn number(flag: &[u8], number: impl itoa::Integer, out: &mut Vec<u8>) {
    append(out, flag);
    append(out, itoa::Buffer::new().format(number).as_bytes());
}

fn word(op: Op) -> Option<&'static [u8]> {
    Some(match op {
        Op::Get | Op::Gets | Op::Gat | Op::Gats | Op::Touch => b"mg ",
        Op::Set | Op::Add | Op::Replace | Op::Append | Op::Prepend | Op::Cas => b"ms ",
        Op::Delete | Op::DeleteAll => b"md ",
        Op::Incr | Op::Decr => b"ma ",
        Op::Version | Op::FlushAll | Op::Stats | Op::Verbosity | Op::CacheMemlimit | Op::Ping => {
            return None;
        }
    })
}

/// How `ms` stores. Set is its default, and what a CAS is compared for.
fn mode(op: Op) -> &'static [u8] {
    match op {
        Op::Add => b" ME",
        Op::Replace => b" MR",
        Op::Append => b" MA",
        Op::Prepend => b" MP",
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Command;
    use crate::protocol::expiry::Ttl;

    fn line(op: Op, change: impl FnOnce(&mut Command<'_>)) -> Option<String> {
        let mut command = Command::new(op, b"key");
        change(&mut command);
        let key = Key::new(b"p:", b"key").expect("a legal key");
        let request = Request::new(op, &command, key, || 0);
        let mut out = Vec::with_capacity(line_room(&key));
        let room = out.capacity();
        let key_at = encode(&request, false, u32::MAX, &mut out)?;
        assert!(out.capacity() == room, "{op:?} has more than its room");
        assert_eq!(out.get(key_at..key_at + 5), Some(&b"p:key"[..]));
        Some(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn every_op() {
        let plain = |op| line(op, |_| ());
        for (op, text) in [
            (Op::Get, "mg p:key v k f O4294967295\r\n"),
            (Op::Gets, "mg p:key v k f c O4294967295\r\n"),
            (Op::Gat, "mg p:key v k f T0 O4294967295\r\n"),
            (Op::Gats, "mg p:key v k f c T0 O4294967295\r\n"),
            (Op::Set, "ms p:key 0 O4294967295\r\n"),
            (Op::Add, "ms p:key 0 ME O4294967295\r\n"),
            (Op::Replace, "ms p:key 0 MR O4294967295\r\n"),
            (Op::Append, "ms p:key 0 MA O4294967295\r\n"),
            (Op::Prepend, "ms p:key 0 MP O4294967295\r\n"),
            (Op::Cas, "ms p:key 0 C0 O4294967295\r\n"),
            (Op::Delete, "md p:key O4294967295\r\n"),
            (Op::DeleteAll, "md p:key O4294967295\r\n"),
            (Op::Touch, "mg p:key T0 O4294967295\r\n"),
            (Op::Incr, "ma p:key MI v D1 O4294967295\r\n"),
            (Op::Decr, "ma p:key MD v D1 O4294967295\r\n"),
        ] {
            assert_eq!(plain(op).as_deref(), Some(text), "{op:?}");
        }
        for op in Op::ALL {
            assert_eq!(plain(op).is_some(), op.takes_key(), "{op:?}");
        }
    }

    /// With the longest of everything, each line has the room that was reserved for it.
    #[test]
    fn the_longest() {
        let value = vec![b'v'; 1 << 20];
        for op in Op::ALL {
            let text = line(op, |command| {
                command.value = &[];
                command.flags = u32::MAX;
                command.ttl = Ttl::At(i64::MAX);
                command.cas = u64::MAX;
                command.delta = u64::MAX;
            });
            let text = text.unwrap_or_default();
            let has = |flag: &str| text.contains(flag);
            assert_eq!(has(" F4294967295"), op.sends_value(), "{text}");
            let times = op.takes_key() && op.has_expiry();
            assert_eq!(has(" T2147483647"), times, "{text}");
            assert_eq!(has(" C18446744073709551615"), op == Op::Cas, "{text}");
            let counts = matches!(op, Op::Incr | Op::Decr);
            assert_eq!(has(" D18446744073709551615"), counts, "{text}");
        }
        let mut command = Command::new(Op::Set, b"key");
        command.value = &value;
        let request = Request::new(Op::Set, &command, Key::NONE, || 0);
        let mut out = Vec::with_capacity(line_room(&Key::NONE));
        encode(&request, true, 7, &mut out);
        assert_eq!(out, b"ms  1048576 q O7\r\n");
    }
}
