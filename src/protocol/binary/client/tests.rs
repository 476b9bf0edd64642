//! Replies in every way in which they can come, and go wrong.

use super::*;
use crate::error::{Effect, Status};
use crate::protocol::binary::header::{HEADER_LEN, Header, REPLY};
use crate::protocol::binary::server::{Order, order};
use crate::protocol::binary::{opcode, status};
use crate::protocol::expiry::Ttl;
use crate::protocol::{Command, Key, Op, Request};

const MAX_VALUE: usize = 1 << 20;

/// A seeded source of numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }

    fn key(&mut self) -> Vec<u8> {
        let len = 1 + self.below(40);
        (0..len).map(|_| 0x21 + self.below(0x5e) as u8).collect()
    }
}

fn frame(header: Header, extras: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    let header = Header {
        magic: REPLY,
        key_len: key.len() as u16,
        extras_len: extras.len() as u8,
        body_len: (extras.len() + key.len() + value.len()) as u32,
        ..header
    };
    [&header.to_bytes()[..], extras, key, value].concat()
}

fn expect(op: Op, opcode: u8) -> Expect {
    Expect {
        op,
        opcode,
        opaque: 0x0102_0304,
    }
}

/// A reply to each kind of command, with how it was expected.
fn replies() -> Vec<(Expect, Vec<u8>)> {
    let head = |expect: &Expect, status| Header {
        opcode: expect.opcode,
        opaque: expect.opaque,
        status,
        cas: 77,
        ..Header::default()
    };
    let mut all = Vec::new();
    let mut add = |op, opcode, status, extras: &[u8], key: &[u8], value: &[u8]| {
        let expect = expect(op, opcode);
        all.push((expect, frame(head(&expect, status), extras, key, value)));
    };
    add(Op::Get, opcode::GET, 0, b"\0\0\0\x05", b"", b"value");
    add(Op::Gets, opcode::GETK, 0, b"\0\0\0\x05", b"key", b"value");
    add(Op::Get, opcode::GETKQ, 0, b"\xff\0\0\0", b"key", b"");
    add(Op::Gats, opcode::GAT, 0, b"\0\0\0\x05", b"", b"value");
    add(Op::Touch, opcode::TOUCH, 0, b"\0\0\0\x05", b"", b"");
    add(Op::Touch, opcode::TOUCH, 0, b"", b"", b"");
    add(Op::Set, opcode::SET, 0, b"", b"", b"");
    add(
        Op::Incr,
        opcode::INCREMENT,
        0,
        b"",
        b"",
        b"\0\0\0\0\0\0\x01\x02",
    );
    add(Op::Version, opcode::VERSION, 0, b"", b"", b"1.6.18");
    add(Op::Stats, opcode::STAT, 0, b"", b"pid", b"17");
    add(Op::Stats, opcode::STAT, 0, b"", b"", b"");
    add(Op::Ping, opcode::NOOP, 0, b"", b"", b"");
    add(Op::Get, opcode::GET, 1, b"", b"", b"Not found");
    add(Op::Get, opcode::GETK, 1, b"", b"key", b"");
    add(Op::Delete, opcode::DELETEQ, 1, b"", b"", b"Not found");
    add(Op::Add, opcode::ADD, 2, b"", b"", b"Data exists for key.");
    all
}

fn read(bytes: &[u8], expect: &Expect) -> Decoded {
    decode(bytes, expect, b"key", MAX_VALUE)
}

/// FM-26: whatever has come, the answer is that more is needed (and how much at least), until it is
/// the one that the whole has; and what follows the reply changes nothing.
#[test]
fn fm26_cut_at_every_byte() {
    for (expect, bytes) in replies() {
        let whole = read(&bytes, &expect);
        let used = match whole {
            Decoded::Value { used, .. } | Decoded::Reply { used, .. } => used,
            other => panic!("{other:?} of {expect:?}"),
        };
        for len in 0..=bytes.len() {
            match read(&bytes[..len], &expect) {
                Decoded::More(wanted) => {
                    assert!(len < used, "{len} of {expect:?}");
                    assert!(wanted > len && wanted <= used, "{wanted} at {len}");
                }
                other => assert!(len >= used && other == whole, "{other:?} at {len}"),
            }
        }
        let followed = [&bytes[..], b"\x81 and more"].concat();
        assert_eq!(read(&followed, &expect), whole);
    }
}

/// FM-07, FM-08, FM-23: each field of the header wrong in turn is refused, by the header alone.
#[test]
fn fm07_fm08_fm23_every_field_wrong() {
    type Wrong = fn(&mut Header);
    let wrongs: [(&str, Wrong); 12] = [
        ("magic of a request", |h| h.magic = 0x80),
        ("magic of a line", |h| h.magic = b'E'),
        ("another opcode", |h| h.opcode ^= 0x40),
        ("another opaque", |h| h.opaque ^= 1),
        ("another opaque, high", |h| h.opaque ^= 1 << 31),
        ("data type", |h| h.data_type = 1),
        ("one byte of key more", |h| h.key_len += 1),
        ("a long key", |h| h.key_len = u16::MAX),
        ("a byte of extras more", |h| h.extras_len += 1),
        ("all extras", |h| h.extras_len = u8::MAX),
        ("the longest body", |h| h.body_len = u32::MAX),
        ("a body above the limit", |h| {
            h.body_len = MAX_VALUE as u32 + 300
        }),
    ];
    for (expect, bytes) in replies() {
        let header = Header::parse(bytes.first_chunk().expect("a header"));
        for (what, wrong) in &wrongs {
            let mut header = header;
            wrong(&mut header);
            let got = read(&header.to_bytes(), &expect);
            // A group of statistics has a name of any length, in any part of the body.
            let may_be = expect.opcode == opcode::STAT && *what == "one byte of key more";
            let is_named = header.key_len > 0 && header.value_len().is_some();
            assert!(
                matches!(got, Decoded::Broken(_)) || (may_be && is_named),
                "{what}: {got:?} of {expect:?}"
            );
        }
    }
}

/// FM-29: a line is refused at its first byte, and can be told in a message.
#[test]
fn fm29_a_line_instead_of_a_frame() {
    let line = b"ERROR Too many open connections\r\n";
    let (expect, _) = replies()[0];
    assert!(matches!(read(&line[..1], &expect), Decoded::Broken(_)));
    let text = plain_text(line).expect("a line");
    assert_eq!(text.of(line), b"ERROR Too many open connections");
    assert_eq!(plain_text(&line[..20]), None);
    assert_eq!(plain_text(b"\x16\x03\x01\n"), None);
    assert_eq!(plain_text(b"\r\n"), None);
    assert_eq!(plain_text(&[b'x'; 5000]), None);
}

/// FM-06: a value under another key is none.
#[test]
fn fm06_another_key() {
    let expect = expect(Op::Get, opcode::GETK);
    let header = Header {
        opcode: opcode::GETK,
        opaque: expect.opaque,
        ..Header::default()
    };
    let bytes = frame(header, &[0; 4], b"kez", b"v");
    assert!(matches!(read(&bytes, &expect), Decoded::Broken(_)));
    // Before the key has come, nothing is said of it.
    assert_eq!(read(&bytes[..HEADER_LEN + 6], &expect), Decoded::More(31));
}

#[test]
fn values_and_numbers() {
    let all = replies();
    let at = |n: usize| read(&all[n].1, &all[n].0);
    let Decoded::Value { used, head } = at(1) else {
        panic!("{:?}", at(1))
    };
    assert_eq!((used, head.flags, head.len, head.cas), (31, 5, 5, Some(77)));
    let Decoded::Value { head, .. } = at(2) else {
        panic!("{:?}", at(2))
    };
    assert_eq!((head.flags, head.len, head.cas), (0xff00_0000, 0, None));
    let answer = |n: usize| match at(n) {
        Decoded::Reply { answer, .. } => answer,
        other => panic!("{other:?}"),
    };
    assert_eq!(answer(6), Answer::Done { cas: 77 });
    assert_eq!(
        answer(7),
        Answer::Number {
            number: 258,
            cas: 77
        }
    );
    let Answer::Version(text) = answer(8) else {
        panic!("{:?}", answer(8))
    };
    assert_eq!(text.of(&all[8].1), b"1.6.18");
    let Answer::Stat { name, text } = answer(9) else {
        panic!("{:?}", answer(9))
    };
    assert_eq!(
        (name.of(&all[9].1), text.of(&all[9].1)),
        (&b"pid"[..], &b"17"[..])
    );
    assert_eq!(answer(10), Answer::EndOfStats);
    assert_eq!(answer(12), Answer::Miss);
    assert_eq!(answer(13), Answer::Miss);
}

/// FM-35, FM-52, FM-54, FM-55: what each status means for each command; what none can have is refused.
#[test]
fn fm35_fm52_fm54_statuses() {
    let told = |op: Op, opcode, status| {
        let expect = expect(op, opcode);
        let header = Header {
            opcode,
            opaque: expect.opaque,
            status,
            ..Header::default()
        };
        match read(&frame(header, b"", b"", b"why"), &expect) {
            Decoded::Reply {
                answer:
                    Answer::Refused {
                        status,
                        effect,
                        text,
                        in_step,
                    },
                used,
            } => {
                assert_eq!((used, text.len), (HEADER_LEN + 3, 3));
                Some((status, effect, in_step))
            }
            Decoded::Reply {
                answer: Answer::Miss,
                ..
            } => Some((Status::NOT_FOUND, Effect::None, true)),
            _ => None,
        }
    };
    use Effect::{NotApplied, Removed, Unknown};
    const READ: Effect = Effect::None;
    for (op, opcode, status, expected) in [
        (
            Op::Set,
            opcode::SET,
            status::TOO_LARGE,
            Some((Status::TOO_LARGE, Removed, true)),
        ),
        (
            Op::Cas,
            opcode::SET,
            status::TOO_LARGE,
            Some((Status::TOO_LARGE, Removed, true)),
        ),
        (
            Op::Add,
            opcode::ADD,
            status::TOO_LARGE,
            Some((Status::TOO_LARGE, NotApplied, true)),
        ),
        (
            Op::Set,
            opcode::SETQ,
            status::OUT_OF_MEMORY,
            Some((Status::OUT_OF_MEMORY, Removed, true)),
        ),
        (
            Op::Get,
            opcode::GET,
            status::OUT_OF_MEMORY,
            Some((Status::OUT_OF_MEMORY, READ, true)),
        ),
        (
            Op::Cas,
            opcode::SET,
            status::KEY_EXISTS,
            Some((Status::CAS_FAILURE, NotApplied, true)),
        ),
        (
            Op::Cas,
            opcode::SET,
            status::KEY_NOT_FOUND,
            Some((Status::NOT_FOUND, READ, true)),
        ),
        (
            Op::Add,
            opcode::ADD,
            status::KEY_EXISTS,
            Some((Status::NOT_STORED, NotApplied, true)),
        ),
        (
            Op::Replace,
            opcode::REPLACE,
            status::KEY_NOT_FOUND,
            Some((Status::NOT_STORED, NotApplied, true)),
        ),
        (
            Op::Append,
            opcode::APPEND,
            status::NOT_STORED,
            Some((Status::NOT_STORED, NotApplied, true)),
        ),
        (
            Op::Incr,
            opcode::INCREMENT,
            status::NON_NUMERIC,
            Some((Status::NON_NUMERIC, NotApplied, true)),
        ),
        (
            Op::Incr,
            opcode::INCREMENT,
            status::NOT_STORED,
            Some((Status::NOT_STORED, NotApplied, true)),
        ),
        (
            Op::FlushAll,
            opcode::FLUSH,
            status::AUTH_ERROR,
            Some((Status::NOT_PERMITTED, NotApplied, true)),
        ),
        (
            Op::Get,
            opcode::GET,
            status::AUTH_ERROR,
            Some((Status::INVALID_CREDENTIALS, READ, false)),
        ),
        (
            Op::Set,
            opcode::SET,
            status::INVALID_ARGUMENTS,
            Some((Status::CLIENT_ERROR, NotApplied, false)),
        ),
        (
            Op::Touch,
            opcode::TOUCH,
            status::UNKNOWN_COMMAND,
            Some((Status::UNKNOWN_COMMAND, NotApplied, false)),
        ),
        (
            Op::Stats,
            opcode::STAT,
            status::KEY_NOT_FOUND,
            Some((Status::UNKNOWN_COMMAND, READ, true)),
        ),
        (
            Op::Set,
            opcode::SET,
            status::BUSY,
            Some((Status::SERVER_ERROR, NotApplied, true)),
        ),
        (
            Op::Set,
            opcode::SET,
            status::TEMPORARY_FAILURE,
            Some((Status::SERVER_ERROR, NotApplied, true)),
        ),
        (
            Op::Set,
            opcode::SET,
            status::NOT_SUPPORTED,
            Some((Status::UNSUPPORTED, NotApplied, true)),
        ),
        (
            Op::Set,
            opcode::SET,
            0x1234,
            Some((Status::SERVER_ERROR, Unknown, true)),
        ),
        (
            Op::Get,
            opcode::GET,
            0x1234,
            Some((Status::SERVER_ERROR, READ, true)),
        ),
        (Op::Set, opcode::SET, status::KEY_NOT_FOUND, None),
        (Op::Get, opcode::GET, status::NOT_STORED, None),
        (Op::Version, opcode::VERSION, status::KEY_NOT_FOUND, None),
        (Op::Get, opcode::GET, status::AUTH_CONTINUE, None),
    ] {
        assert_eq!(told(op, opcode, status), expected, "{op:?} {status:#x}");
    }
}

fn encoded(command: &Command<'_>, prefix: &[u8], form: &Form) -> (Vec<u8>, Encoded) {
    let key = match command.op.takes_key() {
        true => Key::new(prefix, command.key).expect("a key"),
        false => Key::NONE,
    };
    let request = Request::new(command.op, command, key, || 1_700_000_000);
    let mut out = Vec::with_capacity(frame_room(&key));
    let room = out.capacity();
    let encoded = encode(&request, form, &mut out).expect("sendable");
    assert_eq!(out.capacity(), room, "{:?}", command.op);
    (out, encoded)
}

/// FM-114: some frames, byte by byte, as the specification shows them.
#[test]
fn fm114_frames_of_the_specification() {
    let form = Form::default();
    let (get, at) = encoded(&Command::new(Op::Get, b"Hello"), b"", &form);
    assert_eq!(
        get,
        b"\x80\0\0\x05\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0Hello"
    );
    assert_eq!((at.key_at, at.opcode, at.clamped), (24, 0, false));
    let add = Command {
        flags: 0xdead_beef,
        value: b"World",
        ttl: Ttl::After(0xe10),
        ..Command::new(Op::Add, b"Hello")
    };
    let (add, _) = encoded(&add, b"", &form);
    let head = b"\x80\x02\0\x05\x08\0\0\0\0\0\0\x12\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(
        add,
        [&head[..], b"\xde\xad\xbe\xef\0\0\x0e\x10Hello"].concat()
    );
    let initial = Some(Initial {
        number: 0,
        expiry: 0xe10,
    });
    let form = Form { initial, ..form };
    let (incr, _) = encoded(&Command::new(Op::Incr, b"counter"), b"", &form);
    let head = b"\x80\x05\0\x07\x14\0\0\0\0\0\0\x1b\0\0\0\0\0\0\0\0\0\0\0\0";
    let extras = b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\x0e\x10";
    assert_eq!(incr, [&head[..], extras, b"counter"].concat());
    let mut noop = Vec::new();
    encode_noop(0x0102_0304, &mut noop);
    assert_eq!(
        noop,
        b"\x80\x0a\0\0\0\0\0\0\0\0\0\0\x01\x02\x03\x04\0\0\0\0\0\0\0\0"
    );
}

/// FM-47, FM-51, FM-55: what must not be said by accident is not.
#[test]
fn fm47_fm51_fm55_nothing_by_accident() {
    let form = Form::default();
    let extras = |command: &Command<'_>| encoded(command, b"", &form).0[24..].to_vec();
    let now = Command {
        ttl: Ttl::Now,
        ..Command::new(Op::Touch, b"k")
    };
    assert_eq!(extras(&now), b"\0\x27\x8d\x01k");
    let never_begun = extras(&Command::new(Op::Decr, b"k"));
    assert_eq!(never_begun[16..], *b"\xff\xff\xff\xffk");
    let flush = Command {
        ttl: Ttl::Now,
        ..Command::new(Op::FlushAll, b"")
    };
    assert_eq!(extras(&flush), b"");
    let flush = Command {
        ttl: Ttl::After(3),
        ..flush
    };
    assert_eq!(extras(&flush), b"\0\0\0\x03");
    for (op, why) in [
        (Op::Cas, Unsendable::NoCas),
        (Op::Verbosity, Unsendable::NoOpcode),
        (Op::CacheMemlimit, Unsendable::NoOpcode),
    ] {
        let command = Command::new(op, b"k");
        let key = Key::new(b"", b"k").expect("a key");
        let request = Request::new(op, &command, key, || 0);
        let mut out = Vec::new();
        assert_eq!(encode(&request, &form, &mut out), Err(why));
        assert!(out.is_empty());
    }
}

/// Every command with random contents: the server's side reads what was meant.
#[test]
fn every_command_there() {
    let mut random = Random(42);
    for round in 0..5000 {
        let op = Op::ALL[random.below(Op::ALL.len())];
        if matches!(op, Op::Verbosity | Op::CacheMemlimit) {
            continue;
        }
        let (key, value) = (random.key(), {
            let len = random.below(100);
            random.bytes(len)
        });
        let command = Command {
            flags: random.below(1 << 32) as u32,
            value: if op == Op::Stats { b"items" } else { &value },
            ttl: [Ttl::Never, Ttl::After(7), Ttl::Now][random.below(3)],
            cas: 1 + random.below(1 << 40) as u64,
            delta: random.below(1 << 50) as u64,
            ..Command::new(op, &key)
        };
        let form = Form {
            quiet: random.below(2) == 0,
            with_key: random.below(2) == 0,
            initial: None,
            opaque: random.below(1 << 32) as u32,
        };
        let prefix: &[u8] = if random.below(2) == 0 { b"" } else { b"p:" };
        let (bytes, sent) = encoded(&command, prefix, &form);
        let header = Header::parse(bytes.first_chunk().expect("a header"));
        assert_eq!((header.opcode, header.opaque), (sent.opcode, form.opaque));
        assert_eq!(header.head_len(), bytes.len());
        let full = [prefix, &key].concat();
        if op.takes_key() {
            assert_eq!(bytes[sent.key_at..], full);
        }
        let carried = if op.sends_value() { value.len() } else { 0 };
        assert_eq!(header.value_len(), Some(carried as u32));
        let expiry = match command.ttl {
            Ttl::Never => 0,
            Ttl::Now => 2_592_001,
            _ => 7,
        };
        let said = order(&header, &bytes[HEADER_LEN..]);
        let is_right = match said {
            Order::Read {
                key,
                expiry: end,
                with_key,
                with_value,
            } => {
                key == full
                    && end == op.has_expiry().then_some(expiry)
                    && with_value == op.reads_value()
                    && with_key == (form.with_key && op.reads_value())
            }
            Order::Store(stored) => {
                stored.op == op
                    && stored.key == full
                    && (!op.has_expiry()
                        || (stored.flags, stored.expiry) == (command.flags, expiry))
                    && stored.compare == (op == Op::Cas).then_some(command.cas)
            }
            Order::Delete { key, compare: None } => key == full && op.takes_key(),
            Order::Arithmetic {
                key,
                up,
                delta,
                compare: None,
                initial: None,
            } => key == full && up == (op == Op::Incr) && delta == command.delta,
            Order::Flush { delay } => delay == if expiry == 7 { 7 } else { 0 },
            Order::Noop => op == Op::Ping,
            Order::Version => op == Op::Version,
            Order::Stats(_) => op == Op::Stats,
            _ => false,
        };
        assert!(is_right, "round {round}: {op:?} became {said:?}");
    }
}

/// FM-97: the answers of an authentication, whole and in pieces.
#[test]
fn fm97_authentication() {
    let mut out = Vec::new();
    encode_sasl_list(7, &mut out);
    assert_eq!(out[..2], [0x80, 0x20]);
    out.clear();
    encode_sasl(b"PLAIN", b"\0user\0password", false, 7, &mut out).expect("sendable");
    assert_eq!(out[24..], *b"PLAIN\0user\0password");
    assert_eq!(out[..12], *b"\x80\x21\0\x05\0\0\0\0\0\0\0\x13");
    let too_long = vec![0; SASL_MAX + 1];
    assert!(encode_sasl(b"PLAIN", &too_long, true, 7, &mut out).is_err());
    assert!(encode_sasl(b"", b"x", true, 7, &mut out).is_err());
    let read = |opcode, status, text: &[u8]| {
        let header = Header {
            opcode,
            status,
            opaque: 7,
            ..Header::default()
        };
        let bytes = frame(header, b"", b"", text);
        for len in 0..bytes.len() {
            let cut = Sasl::decode(&bytes[..len], opcode, 7);
            assert!(matches!(cut, Sasl::More(wanted) if wanted > len), "{cut:?}");
        }
        let other = Sasl::decode(&bytes, opcode, 8);
        assert!(matches!(other, Sasl::Broken(_)), "{other:?}");
        Sasl::decode(&bytes, opcode, 7)
    };
    use opcode::{SASL_AUTH, SASL_LIST, SASL_STEP};
    let listed = read(SASL_LIST, 0, b"PLAIN CRAM-MD5");
    assert!(matches!(listed, Sasl::Mechanisms { names, .. } if names.len == 14));
    let done = Sasl::Authenticated { used: 37 };
    assert_eq!(read(SASL_AUTH, 0, b"Authenticated"), done);
    assert_eq!(read(SASL_STEP, 0, b"Authenticated"), done);
    let goes_on = read(SASL_AUTH, 0x21, b"<challenge>");
    assert!(matches!(goes_on, Sasl::Continue { challenge, .. } if challenge.len == 11));
    for status in [0x20, 0x08] {
        let refused = read(SASL_AUTH, status, b"Auth failure.");
        assert!(matches!(refused, Sasl::Refused { .. }), "{refused:?}");
    }
    let none = read(SASL_LIST, 0x81, b"Unknown command");
    assert_eq!(none, Sasl::NotOffered { used: 39 });
    assert!(matches!(read(SASL_LIST, 0x21, b""), Sasl::Broken(_)));
    assert!(matches!(read(SASL_AUTH, 0x03, b""), Sasl::Broken(_)));
}
