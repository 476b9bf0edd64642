//! Random frames to both servers: the same replies, in the same order, and what the library's client
//! makes of them.

use memcached2::protocol::binary::client::{Headed, header};
use memcached2::protocol::binary::header::{HEADER_LEN, Header};

use super::ends::{End, Ours, Real};
use super::frame::{parse, render};
use super::random::Random;
use super::transcript::escape;

const KEYS: [&str; 4] = ["a", "b", "longer:key", "not a\r\nkey"];
/// These are counted, and nobody reads them: where memcached still holds an item for a reader, a
/// shorter number is not filled up with spaces.
const COUNTED: [&str; 2] = ["n", "m"];
/// From 2^63 on memcached looks for a minus sign also behind the number, in what was there before.
const NUMBERS: [&str; 7] = ["0", "1", "9", "99", "007", "x", "1x"];
const EXPIRIES: [&str; 6] = ["0", "0", "0", "100", "2592001", "4294967295"];
const READS: [&str; 4] = ["get", "getq", "getk", "getkq"];
const TOUCHES: [&str; 5] = ["gat", "gatq", "gatk", "gatkq", "touch"];
const STORES: [&str; 8] = [
    "set", "set", "setq", "add", "addq", "replace", "replaceq", "set",
];
const EXTENDS: [&str; 4] = ["append", "appendq", "prepend", "prependq"];
const COUNTS: [&str; 4] = ["increment", "incrementq", "decrement", "decrementq"];
/// None of them closes the connection.
const OTHERS: [&str; 8] = [
    "noop",
    "sasl_list",
    r#"sasl_auth key="PLAIN" value="x""#,
    r#"0x22 key="PLAIN" value="y""#,
    "0x30",
    r#"0x40 value="abc""#,
    r#"stat key="nonsense""#,
    r#"stat key="detail nothing""#,
];
/// Each of them does.
const LAST: [&str; 9] = [
    "quit",
    "get",
    r#"get key="{k*251}""#,
    r#"getq extras="abcd" key="a""#,
    r#"set key="a" value="v""#,
    r#"append value="v""#,
    r#"increment delta=1 key="n""#,
    r#"get key="abc" body_len=2"#,
    r#"flush key="a""#,
];

/// One frame as a line.
fn frame(random: &mut Random, cas: u64) -> String {
    let quoted = |key: &str| format!("key=\"{}\"", escape(key.as_bytes()));
    let (key, counted) = (quoted(random.pick(&KEYS)), quoted(random.pick(&COUNTED)));
    let either = if random.below(3) == 0 { &counted } else { &key };
    let compare = match random.below(6) {
        0 => cas.saturating_sub(random.below(3) as u64),
        _ => 0,
    };
    match random.below(20) {
        0..4 => format!("{} {key}", random.pick(&READS)),
        4 | 5 => format!(
            "{} expiry={} {key}",
            random.pick(&TOUCHES),
            random.pick(&EXPIRIES)
        ),
        6..11 => {
            let (op, flags) = (random.pick(&STORES), random.pick(&["0", "5", "4294967295"]));
            let (expiry, value) = (random.pick(&EXPIRIES), value(random));
            format!("{op} flags={flags} expiry={expiry} {either} value=\"{value}\" cas={compare}")
        }
        11 | 12 => {
            let (op, value) = (random.pick(&EXTENDS), value(random));
            format!("{op} {key} value=\"{value}\" cas={compare}")
        }
        13..16 => {
            let (op, delta) = (random.pick(&COUNTS), random.below(200));
            let (initial, expiry) = (random.below(50), random.pick(&EXPIRIES));
            format!("{op} delta={delta} initial={initial} expiry={expiry} {counted} cas={compare}")
        }
        16 | 17 => format!(
            "{} {either} cas={compare}",
            random.pick(&["delete", "deleteq"])
        ),
        18 if random.below(8) == 0 => random
            .pick(&["flush", "flushq", "flush delay=0"])
            .to_string(),
        _ => random.pick(&OTHERS).to_string(),
    }
}

fn value(random: &mut Random) -> String {
    match random.below(3) {
        0 => random.pick(&NUMBERS).to_string(),
        1 => (random.below(2000) as u64 * 1_000_003).to_string(),
        _ => "v".repeat(random.below(300)),
    }
}

const MARK: u32 = 0xfeed_beef;

/// Everything that is answered, up to the mark or to the end.
fn answer(end: &mut dyn End, bytes: &[u8], ends: bool) -> Vec<u8> {
    end.send(bytes);
    let mut reply = Vec::new();
    loop {
        let head = end.reply(HEADER_LEN);
        let Some(parsed) = head.first_chunk().map(Header::parse) else {
            assert!(ends && head.is_empty(), "cut: {}", escape(&head));
            return reply;
        };
        // What every reply of a server is to the client.
        assert_eq!(header(&head, 1 << 20), Headed::Frame(parsed));
        reply.extend(head);
        if parsed.opaque == MARK {
            return reply;
        }
        let body = end.reply(parsed.body_len as usize);
        assert_eq!(body.len(), parsed.body_len as usize);
        reply.extend(body);
    }
}

/// The last CAS in what was answered, for commands that are to fit.
fn last_cas(mut reply: &[u8]) -> Option<u64> {
    let mut last = None;
    while let Some(header) = reply.first_chunk().map(Header::parse) {
        if header.cas != 0 {
            last = Some(header.cas);
        }
        reply = reply.get(HEADER_LEN + header.body_len as usize..)?;
    }
    last
}

#[test]
fn random_frames() {
    let mut frames = 0;
    for seed in 0..6 {
        let mut random = Random(seed + 100);
        let mut real = Real::new();
        let pieces = [0, 1, 5, 0, 23, 100][seed as usize];
        let mut ours = Ours::new(pieces);
        real.connect();
        ours.connect();
        let mut cas = 1;
        for round in 0..250 {
            let mut lines: Vec<String> = Vec::new();
            for n in 0..=random.below(12) {
                lines.push(format!("{} opaque={n}", frame(&mut random, cas)));
            }
            let ends = random.below(20) == 0;
            lines.push(match ends {
                true => random.pick(&LAST).to_string(),
                false => format!("noop opaque={MARK}"),
            });
            frames += lines.len();
            let bytes: Vec<u8> = lines.iter().flat_map(|line| parse(line, false)).collect();
            let expected = answer(&mut real, &bytes, ends);
            let got = answer(&mut ours, &bytes, ends);
            let what = format!("seed {seed}, round {round}: {lines:#?}");
            assert_eq!(render(&got), render(&expected), "{what}");
            assert_eq!(got, expected, "{what}");
            cas = last_cas(&got).unwrap_or(cas);
            if ends {
                assert!(real.is_closed() && ours.is_closed(), "{what}");
                real.connect();
                ours.connect();
            }
        }
    }
    println!("{frames} random frames");
}
