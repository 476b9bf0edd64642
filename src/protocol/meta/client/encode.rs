//! Commands into lines.

use super::LineEnd;
use crate::buffer::append;
use crate::protocol::expiry::Ttl;
use crate::protocol::extra::Said;
use crate::protocol::meta::base64;
use crate::protocol::{Key, Op, Request};

/// Room for everything in a command line but its key: the longest counts, compares, and begins where
/// there is nothing.
const LINE_ROOM: usize = 160;

/// The most bytes that a command line has, its end included.
#[inline]
pub fn line_room(key: &Key<'_>) -> usize {
    LINE_ROOM + base64::encoded_len(key.wire_len())
}

/// Append a command's line with its end, which the end of its reply is to repeat; a `quiet` one is answered by
/// nothing where `mg` finds nothing, and where `ms` or `md` does what it is for. Room for it must have
/// been reserved by [`line_room`]. `said` is what of the command's words the server has. Returns where the
/// key (with its prefix) begins in `out`; `None`, and nothing is appended, where the protocol has no
/// command for it: what is asked of a server as a whole is asked in ASCII.
#[inline(always)]
pub fn encode(
    request: &Request<'_, '_>,
    quiet: bool,
    said: Said,
    end: &LineEnd,
    out: &mut Vec<u8>,
) -> Option<usize> {
    append(out, word(request.op)?);
    let key_at = out.len();
    if said.has(Said::BASE64) {
        encoded_key(request.key, out);
    } else {
        append(out, request.key.prefix());
        append(out, request.key.user());
    }
    match request.op {
        Op::Get | Op::Gets | Op::Gat | Op::Gats => {
            if !said.has(Said::NO_VALUE) {
                append(out, b" v");
            }
            // Of a key in base64 it is not asked: some commands let the server forget that it is, and then
            // it tells the bytes as they are.
            if !said.has(Said::BASE64) {
                append(out, b" k");
            }
            append(out, b" f");
            if request.op.reads_cas() || said.has(Said::WANT_CAS) {
                append(out, b" c");
            }
            look(request, said, out);
        }
        // A look that takes nothing with it.
        Op::Touch => {
            if said.has(Said::WANT_CAS) {
                append(out, b" c");
            }
            look(request, said, out);
        }
        Op::Incr | Op::Decr => count(request, said, out),
        op if op.sends_value() => store(request, said, out),
        _ => delete(request, said, out),
    }
    if said.has(Said::BASE64) {
        append(out, b" b");
    }
    if quiet {
        append(out, SILENT);
    }
    end.put(out);
    Some(key_at)
}

/// As [`encode`], a plain `get`: the most frequent command, in as few steps as can be.
#[inline(always)]
pub fn encode_get(key: Key<'_>, end: &LineEnd, out: &mut Vec<u8>) -> usize {
    append(out, b"mg ");
    let key_at = out.len();
    put_key(key, out);
    append(out, b" v k f");
    end.put(out);
    key_at
}

/// As [`encode`], a plain `set`.
#[inline(always)]
pub fn encode_set(
    request: &Request<'_, '_>,
    quiet: bool,
    end: &LineEnd,
    out: &mut Vec<u8>,
) -> usize {
    let command = request.command;
    append(out, b"ms ");
    let key_at = out.len();
    put_key(request.key, out);
    number(b" ", command.value.len(), out);
    if command.flags != 0 {
        number(b" F", command.flags, out);
    }
    if request.wire.expiry != 0 {
        number(b" T", request.wire.expiry, out);
    }
    if quiet {
        append(out, SILENT);
    }
    end.put(out);
    key_at
}

#[inline(always)]
fn put_key(key: Key<'_>, out: &mut Vec<u8>) {
    if !key.prefix().is_empty() {
        append(out, key.prefix());
    }
    append(out, key.user());
}

/// The line behind whose reply all earlier commands have had theirs, quiet ones too.
pub const BARRIER: &[u8] = b"mn\r\n";
/// The line's own part of `mg`. Flags count in their order: what is left to live is judged by before it is
/// set, and told afterwards; an item that is made gets its own time.
fn look(request: &Request<'_, '_>, said: Said, out: &mut Vec<u8>) {
    if said.is_empty() {
        if request.op.has_expiry() {
            number(b" T", request.wire.expiry, out);
        }
        return;
    }
    let extra = &request.command.extra;
    if said.has(Said::COMPARE) {
        number(b" C", request.command.cas, out);
    }
    if said.has(Said::RECACHE) {
        time(b" R", extra.recache, out);
    }
    if request.op.has_expiry() {
        number(b" T", request.wire.expiry, out);
    }
    if said.has(Said::LEASE) {
        time(b" N", extra.lease, out);
    }
    if said.has(Said::OWN_CAS) {
        number(b" E", extra.own_cas, out);
    }
    let told = [
        (Said::WANT_TTL, b" t"),
        (Said::WANT_SIZE, b" s"),
        (Said::WANT_ACCESS, b" l"),
        (Said::WANT_HIT, b" h"),
        (Said::PEEK, b" u"),
    ];
    for (wanted, flag) in told {
        if said.has(wanted) {
            append(out, flag);
        }
    }
}

/// The flags of `ma`.
fn count(request: &Request<'_, '_>, said: Said, out: &mut Vec<u8>) {
    let (command, extra) = (request.command, &request.command.extra);
    append(
        out,
        match request.op {
            Op::Incr => b" MI v",
            _ => b" MD v",
        },
    );
    number(b" D", command.delta, out);
    if said.is_empty() {
        return;
    }
    if said.has(Said::COMPARE) {
        number(b" C", command.cas, out);
    }
    if said.has(Said::INITIAL) {
        time(b" N", command.ttl, out);
        number(b" J", extra.initial, out);
    } else if said.has(Said::EXPIRY) {
        time(b" T", command.ttl, out);
    }
    if said.has(Said::OWN_CAS) {
        number(b" E", extra.own_cas, out);
    }
    if said.has(Said::WANT_CAS) {
        append(out, b" c");
    }
    if said.has(Said::WANT_TTL) {
        append(out, b" t");
    }
}

/// Length and flags of `ms`.
fn store(request: &Request<'_, '_>, said: Said, out: &mut Vec<u8>) {
    let (op, command) = (request.op, request.command);
    number(b" ", command.value.len(), out);
    append(out, mode(op));
    if command.flags != 0 {
        number(b" F", command.flags, out);
    }
    if request.wire.expiry != 0 {
        number(b" T", request.wire.expiry, out);
    }
    if op == Op::Cas || said.has(Said::COMPARE) {
        number(b" C", command.cas, out);
    }
    if said.is_empty() {
        return;
    }
    if said.has(Said::STALE) {
        append(out, b" I");
    }
    if said.has(Said::INITIAL) {
        time(b" N", command.ttl, out);
    }
    if said.has(Said::OWN_CAS) {
        number(b" E", command.extra.own_cas, out);
    }
    if said.has(Said::WANT_CAS) {
        append(out, b" c");
    }
    if said.has(Said::WANT_SIZE) {
        append(out, b" s");
    }
}

/// The flags of `md`.
fn delete(request: &Request<'_, '_>, said: Said, out: &mut Vec<u8>) {
    let extra = &request.command.extra;
    if said.has(Said::COMPARE) {
        number(b" C", request.command.cas, out);
    }
    if said.has(Said::STALE) {
        append(out, b" I");
        if extra.stale != Ttl::Never {
            time(b" T", extra.stale, out);
        }
    }
    if said.has(Said::DROP_VALUE) {
        append(out, b" x");
    }
    if said.has(Said::OWN_CAS) {
        number(b" E", extra.own_cas, out);
    }
}

/// The prefix and the key as one text in base64.
fn encoded_key(key: Key<'_>, out: &mut Vec<u8>) {
    let mut whole = [0; crate::protocol::key::KEY_MAX];
    let (prefix, user) = (key.prefix(), key.user());
    let len = prefix.len() + user.len();
    if let Some(room) = whole.get_mut(..len) {
        let (front, back) = room.split_at_mut(prefix.len());
        front.copy_from_slice(prefix);
        back.copy_from_slice(user);
        base64::encode(room, |four| append(out, four));
    }
}

/// The flag of a command that is answered only where there is something to tell.
pub const SILENT: &[u8] = b" q";

/// A space, a flag and its number.
fn number(flag: &[u8], number: impl itoa::Integer, out: &mut Vec<u8>) {
    append(out, flag);
    append(out, itoa::Buffer::new().format(number).as_bytes());
}

/// A space, a flag and a time, which was settled: no clock is asked.
fn time(flag: &[u8], ttl: Ttl, out: &mut Vec<u8>) {
    number(flag, ttl.wire(|| 0).expiry, out);
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
        let key_at = encode(
            &request,
            false,
            command.extra.said,
            &LineEnd::of(u32::MAX),
            &mut out,
        )?;
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

    /// The short ways write the same lines.
    #[test]
    fn plain_commands() {
        for (prefix, value, flags, ttl) in [
            (&b""[..], &b"value"[..], 0, Ttl::Never),
            (b"p:", b"", 7, Ttl::After(60)),
        ] {
            let mut command = Command::new(Op::Set, b"key");
            (command.value, command.flags, command.ttl) = (value, flags, ttl);
            let key = Key::new(prefix, b"key").expect("a legal key");
            let (mut all, mut plain) = (Vec::with_capacity(500), Vec::with_capacity(500));
            for (opaque, quiet) in [(0, false), (9, true), (10_000, false), (u32::MAX, true)] {
                let end = LineEnd::of(opaque);
                let set = Request::new(Op::Set, &command, key, || 0);
                let at = encode(&set, quiet, Said::NOTHING, &end, &mut all);
                assert_eq!(Some(encode_set(&set, quiet, &end, &mut plain)), at);
                let command = Command::new(Op::Get, b"key");
                let get = Request::new(Op::Get, &command, key, || 0);
                let at = encode(&get, false, Said::NOTHING, &end, &mut all);
                assert_eq!(Some(encode_get(key, &end, &mut plain)), at);
            }
            assert_eq!(all, plain);
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
                command.extra.said = Said::EVERYTHING.without(Said::BASE64);
                command.extra.initial = u64::MAX;
                command.extra.own_cas = u64::MAX;
                command.extra.recache = Ttl::At(i64::MAX);
                command.extra.lease = Ttl::At(i64::MAX);
                command.extra.stale = Ttl::At(i64::MAX);
            });
            let text = text.unwrap_or_default();
            let has = |flag: &str| text.contains(flag);
            assert_eq!(has(" F4294967295"), op.sends_value(), "{text}");
            let times =
                op.takes_key() && (op.has_expiry() || matches!(op, Op::Delete | Op::DeleteAll));
            assert_eq!(has(" T2147483647"), times, "{text}");
            assert_eq!(has(" C18446744073709551615"), op.takes_key(), "{text}");
            let counts = matches!(op, Op::Incr | Op::Decr);
            assert_eq!(has(" D18446744073709551615"), counts, "{text}");
        }
        let mut command = Command::new(Op::Set, b"key");
        command.value = &value;
        let request = Request::new(Op::Set, &command, Key::NONE, || 0);
        let mut out = Vec::with_capacity(line_room(&Key::NONE));
        encode(&request, true, Said::NOTHING, &LineEnd::of(7), &mut out);
        assert_eq!(out, b"ms  1048576 q O7\r\n");
    }

    /// What is said beyond the classic commands, each with all of it that it can have.
    #[test]
    fn everything_said() {
        let said = |op, wanted: &[Said], numbers: bool| {
            line(op, |command| {
                command.extra.said = wanted.iter().fold(Said::NOTHING, |all, one| all.and(*one));
                command.ttl = Ttl::After(60);
                command.cas = 9;
                command.extra.initial = 5;
                command.extra.own_cas = 77;
                command.extra.recache = Ttl::After(30);
                command.extra.lease = Ttl::After(20);
                if numbers {
                    command.extra.stale = Ttl::After(10);
                }
            })
            .unwrap_or_default()
            .replace(" O4294967295\r\n", "")
        };
        let wants = [
            Said::WANT_CAS,
            Said::WANT_TTL,
            Said::WANT_SIZE,
            Said::WANT_ACCESS,
            Said::WANT_HIT,
        ];
        let with = |more: &[Said]| [&wants[..], more].concat();
        let all = with(&[
            Said::PEEK,
            Said::COMPARE,
            Said::RECACHE,
            Said::LEASE,
            Said::OWN_CAS,
        ]);
        let got = "C9 R30 N20 E77 t s l h u";
        assert_eq!(said(Op::Get, &all, true), format!("mg p:key v k f c {got}"));
        let got = "C9 R30 T60 N20 E77 t s l h u";
        assert_eq!(
            said(Op::Gats, &all, true),
            format!("mg p:key v k f c {got}")
        );
        let bare = with(&[Said::NO_VALUE]);
        assert_eq!(said(Op::Get, &bare, true), "mg p:key k f c t s l h");
        assert_eq!(said(Op::Touch, &wants, true), "mg p:key c T60 t s l h");
        let stores = with(&[Said::COMPARE, Said::STALE, Said::OWN_CAS]);
        assert_eq!(said(Op::Cas, &stores, true), "ms p:key 0 T60 C9 I E77 c s");
        let grows = [Said::COMPARE, Said::INITIAL, Said::OWN_CAS];
        assert_eq!(said(Op::Append, &grows, true), "ms p:key 0 MA C9 N60 E77");
        let counts = with(&[Said::COMPARE, Said::INITIAL, Said::EXPIRY, Said::OWN_CAS]);
        assert_eq!(
            said(Op::Incr, &counts, true),
            "ma p:key MI v D1 C9 N60 J5 E77 c t"
        );
        assert_eq!(
            said(Op::Decr, &[Said::EXPIRY], true),
            "ma p:key MD v D1 T60"
        );
        let deletes = with(&[Said::COMPARE, Said::STALE, Said::DROP_VALUE, Said::OWN_CAS]);
        assert_eq!(said(Op::Delete, &deletes, true), "md p:key C9 I T10 x E77");
        assert_eq!(said(Op::Delete, &[Said::STALE], false), "md p:key I");
    }

    /// FM-36: any bytes, with the prefix inside the encoding, up to what the server takes.
    #[test]
    fn fm36_keys_in_base64() {
        let command = Command::new(Op::Get, b"a b\0\r\n");
        let key = Key::any(b"p:", command.key).expect("a key of any bytes");
        let request = Request::new(Op::Get, &command, key, || 0);
        let mut out = Vec::with_capacity(line_room(&key));
        assert_eq!(
            encode(&request, false, Said::BASE64, &LineEnd::of(7), &mut out),
            Some(3)
        );
        assert_eq!(out, b"mg cDphIGIADQo= v f b O7\r\n");
        let long = [0xff; 186];
        let key = Key::any(b"", &long).expect("a key of 186 bytes");
        let request = Request { key, ..request };
        let mut out = Vec::with_capacity(line_room(&key));
        let room = out.capacity();
        assert!(encode(&request, false, Said::BASE64, &LineEnd::of(7), &mut out).is_some());
        assert_eq!(out.len(), 3 + 248 + " v f b O7\r\n".len());
        assert_eq!(out.capacity(), room);
    }
}
