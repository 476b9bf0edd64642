//! Random commands to both servers: the same replies, in the same order.

use super::ends::{End, Ours, Real};
use super::transcript::escape;

/// A seeded source of numbers (splitmix64).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const KEYS: [&str; 7] = ["a", "b", "c", "n", "m", "longer:key", "x"];
const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "7",
    "10",
    "99",
    "-1",
    "x",
    "100",
    "2592001",
    "4294967296",
    "1x",
    "+4",
    "007",
    "18446744073709551615",
];
const EXPIRIES: [&str; 8] = ["0", "0", "0", "100", "-1", "2592001", "x", "3000000000"];
const WORDS: [&str; 12] = [
    "",
    "get",
    "zzz",
    " get a",
    "touch",
    "delete",
    "incr a",
    "set a 0 0",
    "cas a 0 0 1",
    "gat 0",
    "verbosity 1",
    "get a\tb",
];

/// One command with what follows it, and whether it is answered.
fn command(random: &mut Random, cas: u64) -> Vec<u8> {
    let key = random.pick(&KEYS);
    let quiet = if random.below(12) == 0 {
        " noreply"
    } else {
        ""
    };
    let line = match random.below(20) {
        0..8 => return storage(random, key, quiet, cas),
        8 | 9 => format!("get {key} {}", random.pick(&KEYS)),
        10 | 11 => format!("gets {key}"),
        12 => format!("gat {} {key}", random.pick(&EXPIRIES)),
        13 => format!("gats 0 {key} {}", random.pick(&KEYS)),
        14 => format!("incr {key} {}{quiet}", random.pick(&NUMBERS)),
        15 => format!("decr {key} {}{quiet}", random.pick(&NUMBERS)),
        16 => format!("delete {key}{quiet}"),
        17 => format!("touch {key} {}{quiet}", random.pick(&EXPIRIES)),
        18 if random.below(4) == 0 => format!("flush_all{quiet}"),
        _ => random.pick(&WORDS).to_string(),
    };
    format!("{line}\r\n").into_bytes()
}

fn storage(random: &mut Random, key: &str, quiet: &str, cas: u64) -> Vec<u8> {
    let word = random.pick(&[
        "set", "set", "set", "add", "replace", "append", "prepend", "cas",
    ]);
    let value = match random.below(4) {
        0 => random.pick(&NUMBERS).to_string(),
        1 => (random.below(2000) as u64 * 1_000_003).to_string(),
        2 => "v".repeat(random.below(300)),
        _ => random
            .pick(&["", " ", "5 ", "\r\n", "END\r\n", "get a"])
            .to_string(),
    };
    // A number that is only white space makes memcached read beyond it.
    let value = if value.trim().is_empty() {
        String::new()
    } else {
        value
    };
    let flags = random.pick(&["0", "0", "1", "4294967295", "4294967297"]);
    let expiry = random.pick(&EXPIRIES);
    let announced = match random.below(25) {
        0 => value.len() + 1,
        1 => value.len().saturating_sub(1),
        _ => value.len(),
    };
    let unique = match word {
        "cas" => format!(" {}", cas.saturating_sub(random.below(3) as u64)),
        _ => String::new(),
    };
    format!("{word} {key} {flags} {expiry} {announced}{unique}{quiet}\r\n{value}\r\n").into_bytes()
}

/// The last CAS in what was answered, for commands that are to fit.
fn last_cas(reply: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(reply);
    let heads = text.lines().filter(|line| line.starts_with("VALUE "));
    heads
        .filter_map(|line| line.split(' ').nth(4)?.trim().parse().ok())
        .next_back()
}

/// What no command can be taken for: whatever state a server is in, it comes to a line with it, and
/// answers it once.
const MARK: &[u8] = b"\r\n\r\nverbosity\r\nstats noreply\r\nversion\r\n";

/// The reply up to the version, which differs.
fn answer(end: &mut dyn End, bytes: &[u8]) -> Vec<u8> {
    end.send(&[bytes, MARK].concat());
    let mut reply = Vec::new();
    while !reply.ends_with(b"\r\n") || !reply.windows(8).any(|w| w == b"VERSION ") {
        let more = end.reply(1);
        assert!(!more.is_empty(), "closed after {}", escape(bytes));
        reply.extend(more);
    }
    let at = reply.windows(8).position(|w| w == b"VERSION ");
    reply.truncate(at.expect("found before"));
    reply
}

#[test]
fn random_commands() {
    let mut commands = 0;
    for seed in 0..6 {
        let mut random = Random(seed);
        let mut real = Real::new();
        let pieces = [0, 1, 5, 0, 17, 100][seed as usize];
        let mut ours = Ours::new(pieces);
        real.connect();
        ours.connect();
        let mut cas = 1;
        for round in 0..150 {
            let mut bytes = Vec::new();
            for _ in 0..=random.below(12) {
                bytes.extend(command(&mut random, cas));
                commands += 1;
            }
            let expected = answer(&mut real, &bytes);
            let got = answer(&mut ours, &bytes);
            assert_eq!(
                escape(&got),
                escape(&expected),
                "seed {seed}, round {round}: {}",
                escape(&bytes)
            );
            cas = last_cas(&got).unwrap_or(cas);
        }
    }
    println!("{commands} random commands");
}
