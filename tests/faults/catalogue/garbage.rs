//! Not memcached at all: F24, F27.

use super::super::edit::Edit;
use super::super::outcome::{Op, Protocol};
use super::super::rule::{Action, End};
use super::{Case, Catalogue, on, unless_repeated};

/// For every kind of call; together 256.
const SEEDS: u64 = 64;
const PLENTY: usize = 10 << 20;

pub fn add(c: &mut Catalogue) {
    if c.protocol == Protocol::Binary {
        let rule = "a frame has a length, and no line to go on";
        c.exclude("F24", &Op::ALL, rule);
    }
    for op in Op::ALL {
        if c.protocol != Protocol::Binary {
            endless_line(c, op);
        }
        random(c, op);
        strangers(c, op);
    }
}

/// Ten megabytes without a line feed.
fn endless_line(c: &mut Catalogue, op: Op) {
    let meta: &[(&str, &str)] = &[
        ("VA ", "1"),
        ("VA 64 k", "k"),
        ("VA 64 kf-get f77 O", "1"),
        ("HD", " "),
        ("EN ", "O"),
        ("MN", " "),
    ];
    let own: &[(&str, &str)] = match op {
        _ if c.protocol == Protocol::Meta => meta,
        Op::Get => &[
            ("VALUE f-get ", "1"),
            ("VALUE ", "k"),
            ("END", " "),
            ("VALUE f-get 77 64", " "),
        ],
        Op::Mget => &[("VALUE f-m0 ", "1"), ("VALUE ", "k"), ("END", " ")],
        Op::Set => &[("STORED", " "), ("S", "T")],
        Op::Incr => &[("", "7"), ("41001", " ")],
    };
    let common = [
        ("", "x"),
        ("SERVER_ERROR ", "x"),
        ("ERROR ", "x"),
        ("", "\0"),
        ("", "\r"),
        ("VERSION ", "1"),
    ];
    for (start, unit) in common.iter().chain(own) {
        let actions = vec![
            Action::Edit(Edit::Whole(start.as_bytes().to_vec())),
            Action::Flood(unit.as_bytes().to_vec(), PLENTY),
        ];
        let case = Case::new(
            "F24",
            format!("{start:?} and then {unit:?} without end"),
            op,
            on(op, actions),
        );
        c.add(Case {
            at_once: true,
            ..case
        });
    }
}

/// Random bytes, followed by the end of the connection or, every fourth time, by silence.
fn random(c: &mut Catalogue, op: Op) {
    let first = SEEDS * Op::ALL.iter().position(|&o| o == op).unwrap_or(0) as u64;
    for seed in first..first + SEEDS {
        let mut random = Random(seed + 1);
        let length = 1 + random.next() as usize % 300;
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        let mut actions = vec![Action::Edit(Edit::Whole(bytes))];
        let silent = seed % 4 == 0;
        if !silent {
            actions.push(Action::Close(if seed % 2 == 0 {
                End::Rst
            } else {
                End::Fin
            }));
        }
        let case = Case::new("F27", format!("random bytes {seed}"), op, on(op, actions));
        let must = if silent {
            case.must
        } else {
            unless_repeated(op)
        };
        c.add(Case { must, ..case });
    }
}

/// What other services say to a command of memcached.
fn strangers(c: &mut Catalogue, op: Op) {
    let replies: [(&str, &[u8]); 6] = [
        (
            "HTTP",
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request",
        ),
        ("a TLS alert", b"\x15\x03\x01\x00\x02\x02\x46"),
        ("Redis", b"-ERR unknown command\r\n"),
        ("Redis with a value", b"$4\r\nEVIL\r\n"),
        ("SMTP", b"500 5.5.1 Command unrecognized\r\n"),
        ("a line feed", b"\n"),
    ];
    for (name, bytes) in replies {
        for end in [None, Some(End::Fin)] {
            let mut actions = vec![Action::Edit(Edit::Whole(bytes.to_vec()))];
            actions.extend(end.map(Action::Close));
            let ending = if end.is_some() { ", closed" } else { "" };
            let case = Case::new("F27", format!("{name}{ending}"), op, on(op, actions));
            c.add(Case {
                must: if end.is_some() {
                    unless_repeated(op)
                } else {
                    case.must
                },
                ..case
            });
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
