//! Any bytes as the reply to a command of the binary protocol: nothing panics, what is told stands in
//! the bytes, and a reply that comes byte by byte is the one that comes whole.
//!
//! The input: the command, whether it is quiet and whether its reply names the key, how many more
//! bytes the largest value may have than the smallest limit, and the reply. Its opaque is 7.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memcached2::protocol::binary::client::{
    Answer, Decoded, Expect, Form, Sasl, decode, encode, plain_text, settled,
};
use memcached2::protocol::binary::header::{HEADER_LEN, Header};
use memcached2::protocol::{Command, Key, Op, Request};

const KEY: &[u8] = b"key";
const OPAQUE: u32 = 7;

fuzz_target!(|input: &[u8]| {
    let Some(([op, flags, more], bytes)) = input.split_first_chunk::<3>() else {
        return;
    };
    authentication(bytes);
    let max_value = usize::from(*more) << 8;
    let op = Op::ALL[usize::from(*op) % Op::ALL.len()];
    let command = Command {
        cas: 1,
        ..Command::new(op, KEY)
    };
    let Ok(key) = Key::new(b"", KEY) else { return };
    let request = Request::new(op, &command, key, || 0);
    let form = Form {
        quiet: flags & 1 != 0,
        with_key: flags & 2 != 0,
        initial: None,
        opaque: OPAQUE,
    };
    let mut frame = Vec::new();
    let Ok(sent) = encode(&request, &form, &mut frame) else {
        return;
    };
    let expect = Expect {
        op,
        opcode: sent.opcode,
        opaque: OPAQUE,
    };
    let read = |len: usize| decode(&bytes[..len], &expect, KEY, max_value);
    let whole = read(bytes.len());
    let mut wanted = 0;
    for len in 0..=bytes.len().min(4096) {
        match read(len) {
            Decoded::More(more) => {
                assert!(more > len && more >= wanted && whole != Decoded::More(len));
                wanted = more;
            }
            told => {
                // What is no reply may be seen earlier, a reply may not.
                assert!(len >= wanted || matches!(told, Decoded::Broken(_)));
                assert_eq!(told, whole);
            }
        }
    }
    stands_in(&whole, &expect, bytes, max_value);
    let _ = plain_text(bytes);
});

/// What was told is what the bytes say.
fn stands_in(told: &Decoded, expect: &Expect, bytes: &[u8], max_value: usize) {
    let header = bytes.first_chunk::<HEADER_LEN>().map(Header::parse);
    let (used, header) = match (told, header) {
        (Decoded::Value { used, .. } | Decoded::Reply { used, .. }, Some(header)) => {
            (*used, header)
        }
        (Decoded::Value { .. } | Decoded::Reply { .. }, None) => panic!("without a header"),
        _ => return,
    };
    assert_eq!((header.magic, header.opaque), (0x81, OPAQUE));
    assert_eq!(settled([*expect], &header), Some(0));
    assert!(used <= bytes.len());
    let inside = |span: memcached2::protocol::Span| {
        assert!((span.at + span.len) as usize <= used);
    };
    match told {
        Decoded::Value { head, .. } => {
            assert!(expect.op.reads_value() && header.status == 0);
            assert_eq!(head.cas.is_some(), expect.op.reads_cas());
            assert!(head.len <= max_value.max(32 * 1024));
            assert_eq!(used + head.len, HEADER_LEN + header.body_len as usize);
        }
        Decoded::Reply { answer, .. } => {
            assert_eq!(used, HEADER_LEN + header.body_len as usize);
            match *answer {
                Answer::Version(text) => inside(text),
                Answer::Stat { name, text } => {
                    inside(name);
                    inside(text);
                }
                Answer::Refused { text, .. } => {
                    assert!(header.status != 0);
                    inside(text);
                }
                Answer::Miss => assert_eq!(header.status, 1),
                Answer::Done { cas } | Answer::Number { cas, .. } => {
                    assert_eq!((header.status, header.cas), (0, cas));
                }
                Answer::EndOfStats => assert_eq!((header.status, header.body_len), (0, 0)),
            }
        }
        _ => {}
    }
}

/// The same of the steps of an authentication.
fn authentication(bytes: &[u8]) {
    for opcode in [0x20, 0x21, 0x22] {
        let whole = Sasl::decode(bytes, opcode, OPAQUE);
        for len in 0..=bytes.len().min(256) {
            match Sasl::decode(&bytes[..len], opcode, OPAQUE) {
                Sasl::More(wanted) => assert!(wanted > len),
                told => assert_eq!(told, whole),
            }
        }
    }
}
