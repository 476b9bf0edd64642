//! Frames of the binary protocol as text that a person can read, one a line.
//!
//! ```text
//! set key="a" flags=5 expiry=0 value="v" opaque=7 cas=2     a request
//! get status=0 flags=5 value="v" opaque=7 cas=2             a reply
//! increment status=0 number=5                               a value of 8 bytes, as a number
//! 0x30 extras="abcd"                                        an opcode without a name, any extras
//! get key="a" body_len=2                                    a header that says something else
//! raw "\x80\0"                                              any bytes
//! ```
//!
//! Lengths are what they are unless they are said (`key_len`, `extras_len`, `body_len`); `magic`,
//! `type` and `vbucket` may be said too; what is not said is 0. Extras stand in the order in which
//! they are written: `flags`, `expiry` and `delay` have 4 bytes, `delta` and `initial` 8.

use memcached2::protocol::binary::header::{HEADER_LEN, Header, REPLY, REQUEST};
use memcached2::protocol::binary::opcode::*;

use super::transcript::{escape, unescape};

const NAMES: [(&str, u8); 34] = [
    ("get", GET),
    ("set", SET),
    ("add", ADD),
    ("replace", REPLACE),
    ("delete", DELETE),
    ("increment", INCREMENT),
    ("decrement", DECREMENT),
    ("quit", QUIT),
    ("flush", FLUSH),
    ("getq", GETQ),
    ("noop", NOOP),
    ("version", VERSION),
    ("getk", GETK),
    ("getkq", GETKQ),
    ("append", APPEND),
    ("prepend", PREPEND),
    ("stat", STAT),
    ("setq", SETQ),
    ("addq", ADDQ),
    ("replaceq", REPLACEQ),
    ("deleteq", DELETEQ),
    ("incrementq", INCREMENTQ),
    ("decrementq", DECREMENTQ),
    ("quitq", QUITQ),
    ("flushq", FLUSHQ),
    ("appendq", APPENDQ),
    ("prependq", PREPENDQ),
    ("touch", TOUCH),
    ("gat", GAT),
    ("gatq", GATQ),
    ("sasl_list", SASL_LIST),
    ("sasl_auth", SASL_AUTH),
    ("gatk", GATK),
    ("gatkq", GATKQ),
];

/// A number as it is said, in tens or after `0x`.
fn number(text: &str) -> u64 {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.unwrap_or_else(|_| panic!("{text} is no number"))
}

fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escape(bytes).replace('"', "\\x22"))
}

/// The word at the front and what is said behind it: names, each with a number or with a text in
/// quotation marks.
fn words(line: &str) -> (&str, Vec<(&str, &str)>) {
    let (word, mut rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut fields = Vec::new();
    while let Some((name, behind)) = rest.trim_start().split_once('=') {
        let end = match behind.strip_prefix('"') {
            Some(text) => text.find('"').expect("the end of a text") + 2,
            None => behind.find(' ').unwrap_or(behind.len()),
        };
        let (value, behind) = behind.split_at(end);
        fields.push((name, value));
        rest = behind;
    }
    assert!(rest.trim().is_empty(), "{rest} of {line}");
    (word, fields)
}

fn text(value: &str) -> Vec<u8> {
    unescape(value.trim_matches('"'))
}

/// The bytes of a line, which is a request's or a reply's.
pub fn parse(line: &str, is_reply: bool) -> Vec<u8> {
    if let Some(raw) = line.strip_prefix("raw ") {
        return text(raw);
    }
    let (word, fields) = words(line);
    let named = NAMES.iter().find(|(name, _)| *name == word);
    let (mut extras, mut key, mut value) = (Vec::new(), Vec::new(), Vec::new());
    let mut header = Header {
        magic: if is_reply { REPLY } else { REQUEST },
        opcode: named.map_or_else(|| number(word) as u8, |(_, opcode)| *opcode),
        ..Header::default()
    };
    for (name, said) in &fields {
        match *name {
            "flags" | "expiry" | "delay" => {
                extras.extend((number(said) as u32).to_be_bytes());
            }
            "delta" | "initial" => extras.extend(number(said).to_be_bytes()),
            "extras" => extras.extend(text(said)),
            "key" => key = text(said),
            "value" => value = text(said),
            "number" => value = number(said).to_be_bytes().to_vec(),
            "opaque" => header.opaque = number(said) as u32,
            "cas" => header.cas = number(said),
            "status" | "vbucket" => header.status = number(said) as u16,
            "magic" => header.magic = number(said) as u8,
            "type" => header.data_type = number(said) as u8,
            "key_len" | "extras_len" | "body_len" => {}
            name => panic!("{name} in {line}"),
        }
    }
    header.key_len = key.len() as u16;
    header.extras_len = extras.len() as u8;
    header.body_len = (extras.len() + key.len() + value.len()) as u32;
    for (name, said) in &fields {
        match *name {
            "key_len" => header.key_len = number(said) as u16,
            "extras_len" => header.extras_len = number(said) as u8,
            "body_len" => header.body_len = number(said) as u32,
            _ => {}
        }
    }
    [&header.to_bytes()[..], &extras, &key, &value].concat()
}

/// Replies as lines.
pub fn render(mut bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let frame = bytes.first_chunk().map(Header::parse).and_then(|header| {
            let len = HEADER_LEN + header.body_len as usize;
            Some((header, bytes.get(..len)?))
        });
        let line = frame.map(|(header, frame)| (reply(&header, frame), frame));
        match line {
            Some((line, frame)) if parse(&line, true) == frame => {
                lines.push(line);
                bytes = &bytes[frame.len()..];
            }
            _ => {
                lines.push(format!("raw {}", quoted(bytes)));
                break;
            }
        }
    }
    lines
}

fn reply(header: &Header, frame: &[u8]) -> String {
    let name = NAMES.iter().find(|(_, opcode)| *opcode == header.opcode);
    let opcode = format!("{:#04x}", header.opcode);
    let name = name.map_or(opcode.as_str(), |(name, _)| name);
    let mut line = format!("{name} status={}", header.status);
    let body = &frame[HEADER_LEN..];
    let head = header.head_len() - HEADER_LEN;
    let Some((extras, key)) = body
        .get(..head)
        .and_then(|head| head.split_at_checked(usize::from(header.extras_len)))
    else {
        return line;
    };
    match extras.first_chunk() {
        _ if extras.is_empty() => {}
        Some(flags) if extras.len() == 4 => {
            line += &format!(" flags={}", u32::from_be_bytes(*flags))
        }
        _ => line += &format!(" extras={}", quoted(extras)),
    }
    if !key.is_empty() {
        line += &format!(" key={}", quoted(key));
    }
    let value = &body[head..];
    match value.first_chunk() {
        _ if value.is_empty() => {}
        Some(number)
            if value.len() == 8 && matches!(loud(header.opcode), INCREMENT | DECREMENT) =>
        {
            line += &format!(" number={}", u64::from_be_bytes(*number));
        }
        _ => line += &format!(" value={}", quoted(value)),
    }
    if header.opaque != 0 {
        line += &format!(" opaque={}", header.opaque);
    }
    if header.cas != 0 {
        line += &format!(" cas={}", header.cas);
    }
    line
}

#[test]
fn what_is_rendered_is_parsed() {
    for line in [
        r#"get status=0 flags=5 value="v" opaque=7 cas=2"#,
        r#"getk status=1 key="a b\x22\0{x*40}" opaque=4294967295"#,
        "increment status=0 number=18446744073709551615",
        r#"noop status=0 extras="abcde""#,
        r#"0x30 status=129 value="Unknown command""#,
        "stat status=0",
    ] {
        assert_eq!(render(&parse(line, true)), [line]);
    }
    let two = [parse("noop status=0", true), b"\x81\x0a".to_vec()].concat();
    assert_eq!(render(&two), ["noop status=0", r#"raw "\x81\n""#]);
    let cut = parse(r#"get key="abc" body_len=2 type=1"#, false);
    assert_eq!(&cut[..12], b"\x80\0\0\x03\0\x01\0\0\0\0\0\x02");
}
