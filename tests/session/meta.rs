//! The meta protocol: opaque and key say whose a reply is.

use memcached2::connection::session::{QUIET_MAX, Session};
use memcached2::error::{Effect, Status};
use memcached2::protocol::{Dialect, Op};

use crate::harness::{
    ABANDONED, Cmd, Driver, MAX_VALUE, Report, Told, Way, cuts, refused, stats, value,
};

/// The opaque of the first command.
const FIRST: u32 = 7;

fn session() -> Session {
    Session::speaking(Dialect::Meta { opaque: FIRST }, MAX_VALUE)
}

/// Commands that are answered each by itself; those of batches stand in `meta_batches`.
const WAYS: [Way; 2] = [Way::of(false, false), Way::of(true, false)];

/// One exchange: all is sent, `pieces` are received.
fn run<'p>(commands: &[Cmd], way: Way, pieces: impl IntoIterator<Item = &'p [u8]>) -> Report {
    let mut driver = Driver::again(session(), way, commands);
    driver.send_all();
    for piece in pieces {
        driver.receive(piece);
    }
    driver.finish().1
}

/// `reply` whole, in two pieces and in small ones, in every way; all tell the same.
fn every_way(commands: &[Cmd], reply: &[u8]) -> Report {
    let small = if reply.len() < 400 { 1 } else { 29 };
    let first = run(commands, WAYS[0], [reply]);
    for way in WAYS {
        let same = |report: Report, how: &str| {
            let shown = String::from_utf8_lossy(&reply[..reply.len().min(120)]);
            assert_eq!(report, first, "{shown:?} {how}, {way:?}, to {commands:?}");
        };
        same(run(commands, way, [reply]), "whole");
        same(run(commands, way, reply.chunks(small)), "in small pieces");
        for at in cuts(reply.len()) {
            let pieces = [&reply[..at], &reply[at..]];
            same(run(commands, way, pieces), &format!("cut at {at}"));
        }
    }
    first
}

const STORES: [Op; 6] = [
    Op::Set,
    Op::Add,
    Op::Replace,
    Op::Append,
    Op::Prepend,
    Op::Cas,
];

/// Whole replies, right for some commands; `#` stands for the opaque.
const REPLIES: [&str; 14] = [
    "HD #\r\n",
    "HD kkey #\r\n",
    "EN #\r\n",
    "EN kkey #\r\n",
    "NF #\r\n",
    "NS #\r\n",
    "EX #\r\n",
    "MN\r\n",
    "VA 3 kkey f5 #\r\nabc\r\n",
    "VA 0 kkey f0 #\r\n\r\n",
    "VA 6 kkey f0 c9 #\r\nEN\r\nHD\r\n",
    "VA 2 #\r\n12\r\n",
    "VA 20 #\r\n18446744073709551615\r\n",
    "VA 20 #\r\n18446744073709551616\r\n",
];

/// What a reply means to a command for `key`; `None` where the command cannot have it.
fn meaning(op: Op, reply: &str) -> Option<Told> {
    let not = |status| Some(refused(status, Effect::NotApplied, ""));
    let is = |ops: &[Op]| ops.contains(&op);
    let with_cas = is(&[Op::Gets, Op::Gats]);
    let told = |flags, cas, bytes: &[u8]| {
        Some(Told::Value {
            flags,
            cas,
            bytes: bytes.to_vec(),
        })
    };
    match reply {
        "HD #\r\n" if is(&STORES) => Some(Told::Done),
        "HD #\r\n" if is(&[Op::Delete, Op::DeleteAll, Op::Touch]) => Some(Told::Done),
        "EN #\r\n" if op == Op::Touch => Some(Told::Miss(Status::NOT_FOUND)),
        "EN kkey #\r\n" if op.reads_value() => Some(Told::Miss(Status::NO_VALUE)),
        "NF #\r\n" if is(&[Op::Delete, Op::DeleteAll, Op::Cas, Op::Incr, Op::Decr]) => {
            Some(Told::Miss(Status::NOT_FOUND))
        }
        "NS #\r\n" if is(&STORES) => not(Status::NOT_STORED),
        "EX #\r\n" if op == Op::Cas => not(Status::CAS_FAILURE),
        "VA 3 kkey f5 #\r\nabc\r\n" if op.reads_value() && !with_cas => told(5, None, b"abc"),
        "VA 0 kkey f0 #\r\n\r\n" if op.reads_value() && !with_cas => told(0, None, b""),
        "VA 6 kkey f0 c9 #\r\nEN\r\nHD\r\n" if with_cas => told(0, Some(9), b"EN\r\nHD"),
        "VA 2 #\r\n12\r\n" if is(&[Op::Incr, Op::Decr]) => Some(Told::Number(12)),
        "VA 20 #\r\n18446744073709551615\r\n" if is(&[Op::Incr, Op::Decr]) => {
            Some(Told::Number(u64::MAX))
        }
        _ => None,
    }
}

fn with_opaque(reply: &str, opaque: &str) -> Vec<u8> {
    reply.replace('#', opaque).into_bytes()
}

fn keyed() -> impl Iterator<Item = Op> {
    Op::ALL.into_iter().filter(|op| op.takes_key())
}

fn broken() -> Report {
    Report {
        told: vec![ABANDONED],
        quiet_failed: Vec::new(),
        in_step: false,
        broken: true,
    }
}

/// FM-13, FM-21, FM-28, FM-53: each reply means the same whole, in two pieces and byte by byte; what a
/// command cannot have breaks.
#[test]
fn fm13_fm21_fm28_fm53_every_reply_to_every_command() {
    for op in keyed() {
        for reply in REPLIES {
            let bytes = with_opaque(reply, "O7");
            let report = every_way(&[Cmd::new(op, "key")], &bytes);
            let expected = match meaning(op, reply) {
                None => broken(),
                Some(told) => Report {
                    told: vec![told],
                    quiet_failed: Vec::new(),
                    in_step: true,
                    broken: false,
                },
            };
            assert_eq!(report, expected, "{op:?}: {reply:?}");
        }
    }
}

/// FM-06, FM-07: a reply with another opaque, with none, with two, or of another key is nobody's.
#[test]
fn fm06_fm07_a_reply_of_another() {
    let mut tried = 0;
    for op in keyed() {
        let cmd = [Cmd::new(op, "key")];
        for reply in REPLIES.iter().filter(|r| meaning(op, r).is_some()) {
            let mut wrong: Vec<_> = ["O8", "O6", "O07", "O", "O7 O7", "Ox", "O4294967303", ""]
                .map(|opaque| with_opaque(reply, opaque))
                .to_vec();
            if op.reads_value() {
                for key in [" kkez", " kke", " kkeyy", " kKEY", " ka2V6 b", " k", ""] {
                    wrong.push(with_opaque(&reply.replacen(" kkey", key, 1), "O7"));
                }
            }
            for bytes in wrong {
                let what = String::from_utf8_lossy(&bytes);
                assert_eq!(every_way(&cmd, &bytes), broken(), "{op:?}: {what:?}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 300, "{tried}");
}

/// FM-13, FM-92: a reply that is not whole is no answer; one that comes twice is one and a broken session.
#[test]
fn fm13_fm92_half_of_one_and_two() {
    for op in keyed() {
        let cmd = [Cmd::new(op, "key")];
        for reply in REPLIES {
            let Some(told) = meaning(op, reply) else {
                continue;
            };
            let bytes = with_opaque(reply, "O7");
            for way in WAYS {
                for at in 0..bytes.len() {
                    let report = run(&cmd, way, [&bytes[..at]]);
                    assert_eq!(report.told, [ABANDONED], "{op:?}: {reply:?} cut at {at}");
                    assert!(!report.in_step && !report.broken);
                }
            }
            let report = every_way(&cmd, &[&bytes[..], &bytes].concat());
            assert!(report.broken && report.told == [told], "{op:?}: {reply:?}");
        }
    }
}

/// FM-04, FM-05: what has come before the command was sent is not its answer.
#[test]
fn fm04_fm05_an_answer_before_the_command() {
    for op in keyed() {
        let cmd = [Cmd::new(op, "key")];
        for reply in REPLIES.iter().filter(|r| meaning(op, r).is_some()) {
            let mut driver = Driver::again(session(), Way::default(), &cmd);
            driver.receive(&with_opaque(reply, "O7"));
            let (_, report) = driver.finish();
            assert!(report.broken);
            assert_eq!(report.told, [Told::Abandoned { sent: false }]);
        }
    }
}

/// What is sent for several commands, and what belongs to them.
fn five() -> (Vec<Cmd>, Vec<(&'static str, Told)>) {
    let cmds = vec![
        Cmd::new(Op::Get, "a"),
        Cmd::new(Op::Set, "b"),
        Cmd::new(Op::Incr, "c"),
        Cmd::new(Op::Version, ""),
        Cmd::new(Op::Delete, "d"),
        Cmd::new(Op::Gets, "e"),
    ];
    let replies = vec![
        ("VA 3 ka f0 O7\r\nabc\r\n", value("abc")),
        ("HD O8\r\n", Told::Done),
        ("VA 2 O9\r\n12\r\n", Told::Number(12)),
        ("VERSION 1.6.18\r\n", Told::Version(b"1.6.18".to_vec())),
        ("NF O11\r\n", Told::Miss(Status::NOT_FOUND)),
        ("EN ke O12\r\n", Told::Miss(Status::NO_VALUE)),
    ];
    (cmds, replies)
}

fn joined(replies: &[(&str, Told)]) -> Vec<u8> {
    let bytes = replies.iter().flat_map(|(reply, _)| reply.bytes());
    bytes.collect()
}

#[test]
fn several_commands_have_their_answers() {
    let (cmds, replies) = five();
    let mut driver = Driver::again(session(), Way::default(), &cmds);
    assert_eq!(
        String::from_utf8(driver.send_all()).expect("text"),
        "mg a v k f O7\r\n\
         ms b 5 O8\r\nvalue\r\n\
         ma c MI v D5 O9\r\n\
         version\r\n\
         md d O11\r\n\
         mg e v k f c O12\r\n"
    );
    let report = every_way(&cmds, &joined(&replies));
    let told: Vec<_> = replies.into_iter().map(|(_, told)| told).collect();
    assert_eq!(report.told, told);
    assert!(report.in_step);
}

/// FM-01, FM-07, FM-20: where a reply is missing, doubled or in another's place, what came before it
/// stands, and nothing behind it is believed.
#[test]
fn fm01_fm07_fm20_lost_doubled_and_exchanged() {
    let (cmds, replies) = five();
    // The fourth has no opaque.
    for at in [0, 1, 2, 4] {
        let mut lost = replies.clone();
        lost.remove(at);
        let mut doubled = replies.clone();
        doubled.insert(at + 1, doubled[at].clone());
        let mut exchanged = replies.clone();
        exchanged.swap(at, at + 1);
        for (other, right) in [(lost, at), (doubled, at + 1), (exchanged, at)] {
            let report = every_way(&cmds, &joined(&other));
            assert!(report.broken, "{other:?}");
            for (n, (told, (_, expected))) in report.told.iter().zip(&replies).enumerate() {
                match n < right {
                    true => assert_eq!(told, expected),
                    false => assert_eq!(*told, ABANDONED, "{n} of {other:?}"),
                }
            }
        }
    }
}

/// FM-11, FM-50: an error line has no opaque, and belongs to the command whose turn it is. What a server
/// has trouble with is over with that line; behind a command that it did not understand nothing is.
#[test]
fn fm11_fm50_errors_in_a_batch() {
    let (cmds, replies) = five();
    for at in [0, 1, 2, 4, 5] {
        let op = cmds[at].op;
        let (full, unknown) = match op {
            Op::Set => (Effect::Removed, Effect::Unknown),
            _ if op.is_read() => (Effect::None, Effect::None),
            _ => (Effect::NotApplied, Effect::Unknown),
        };
        let cases = [
            (
                "SERVER_ERROR out of memory storing object",
                Status::OUT_OF_MEMORY,
                full,
                true,
            ),
            (
                "SERVER_ERROR object too large for cache",
                Status::TOO_LARGE,
                full,
                true,
            ),
            ("SERVER_ERROR", Status::SERVER_ERROR, unknown, true),
            (
                "CLIENT_ERROR invalid flag",
                Status::CLIENT_ERROR,
                unknown,
                false,
            ),
            ("ERROR", Status::UNKNOWN_COMMAND, unknown, false),
        ];
        for (line, status, effect, goes_on) in cases {
            let mut others = replies.clone();
            let bytes = format!("{line}\r\n");
            let text = line.split_once(' ').map_or("", |(_, text)| text);
            others[at] = ("", refused(status, effect, text));
            let reply = [
                joined(&others[..at]),
                bytes.into_bytes(),
                joined(&others[at + 1..]),
            ];
            let report = every_way(&cmds, &reply.concat());
            assert_eq!(report.in_step, goes_on, "{op:?}: {line}");
            for (n, (told, (_, expected))) in report.told.iter().zip(&others).enumerate() {
                match goes_on || n <= at {
                    true => assert_eq!(told, expected, "{n}: {op:?}: {line}"),
                    false => assert_eq!(*told, ABANDONED, "{n}: {op:?}: {line}"),
                }
            }
        }
    }
}

/// An `ms` that is refused takes the old value with it, whatever its mode.
#[test]
fn fm11_what_is_too_large_removes() {
    for op in STORES {
        let report = every_way(
            &[Cmd::new(op, "key")],
            b"SERVER_ERROR object too large for cache\r\n",
        );
        let text = "object too large for cache";
        assert_eq!(
            report.told,
            [refused(Status::TOO_LARGE, Effect::Removed, text)]
        );
        assert!(report.in_step);
    }
    let text = "cannot increment or decrement non-numeric value";
    let line = format!("CLIENT_ERROR {text}\r\n");
    let report = every_way(&[Cmd::new(Op::Incr, "key")], line.as_bytes());
    let expected = refused(Status::NON_NUMERIC, Effect::NotApplied, text);
    assert!(report.in_step && report.told == [expected]);
}

/// FM-53: replies of ASCII, and of a server of before 1.6.10, are none.
#[test]
fn fm53_replies_of_another_protocol() {
    for op in keyed() {
        for reply in [
            "STORED\r\n",
            "END\r\n",
            "VALUE key 0 3\r\nabc\r\nEND\r\n",
            "NOT_FOUND\r\n",
            "DELETED\r\n",
            "TOUCHED\r\n",
            "12\r\n",
            "OK\r\n",
            "VERSION 1.6.18\r\n",
            "ME key exp=-1\r\n",
            "RESET\r\n",
            "XX O7\r\n",
            "VA 3 kkey f5 O7\r\nabcd\r\n",
            "VA 3 kkey f5 c9 O7\r\nabcd\r\n",
            "VA 9000000 kkey f0 O7\r\n",
            "VA 9000000 kkey f0 c9 O7\r\n",
        ] {
            let report = every_way(&[Cmd::new(op, "key")], reply.as_bytes());
            assert_eq!(report, broken(), "{op:?}: {reply:?}");
        }
    }
}

/// FM-09, FM-16: the replies of quiet commands come ahead of the next command's; what failed is counted.
#[test]
fn fm09_fm16_quiet_commands() {
    let quiet: Vec<_> = [
        Op::Set,
        Op::Add,
        Op::Delete,
        Op::Touch,
        Op::Incr,
        Op::Cas,
        Op::FlushAll,
        Op::Set,
    ]
    .map(|op| Cmd::new(op, "q").quiet())
    .to_vec();
    let get = [Cmd::new(Op::Get, "a")];
    // Silent ones before a command that is not have a barrier between them.
    let sent = "ms q 5 q O7\r\nvalue\r\nms q 5 ME q O8\r\nvalue\r\nmd q q O9\r\nmn\r\nmg q T0 O11\r\n\
        ma q MI v D5 O12\r\nms q 5 C77 q O13\r\nvalue\r\nmn\r\nflush_all\r\nms q 5 q O16\r\nvalue\r\n";
    let reply = b"NS O8\r\nNF O9\r\nMN\r\nHD O11\r\nVA 2 O12\r\n12\r\nEX O13\r\nMN\r\nOK\r\n\
        SERVER_ERROR out of memory storing object\r\nMN\r\nVA 3 ka f0 O18\r\nabc\r\n";
    for way in WAYS {
        for size in 1..=reply.len() {
            let mut driver = Driver::again(session(), Way::default(), &quiet);
            assert_eq!(String::from_utf8(driver.send_all()).expect("text"), sent);
            let (session, report) = driver.finish();
            assert!(report.in_step && session.owes_quiet() == quiet.len() + 2);
            let mut driver = Driver::again(session, way, &get);
            assert_eq!(driver.send_all(), b"mn\r\nmg a v k f O18\r\n");
            reply.chunks(size).for_each(|piece| driver.receive(piece));
            let (session, report) = driver.finish();
            assert_eq!(report.told, [value("abc")], "{way:?} {size}");
            assert!(report.in_step && session.owes_quiet() == 0);
            let failed: Vec<_> = report.quiet_failed.iter().map(|(s, _)| *s).collect();
            assert_eq!(
                failed,
                [
                    Status::NOT_STORED,
                    Status::NOT_FOUND,
                    Status::CAS_FAILURE,
                    Status::OUT_OF_MEMORY
                ]
            );
        }
    }
}

/// As in ASCII, an idle connection is owed no more than a few replies.
#[test]
fn fm16_no_more_quiet_ones_than_fit() {
    let quiet = vec![Cmd::new(Op::Set, "q").quiet(); QUIET_MAX + 1];
    let mut driver = Driver::again(session(), Way::default(), &quiet);
    driver.send_all();
    assert!(!driver.session.in_step());
    driver.receive(b"HD O7\r\n");
    assert!(driver.session.in_step());
}

/// Opaques go on from one exchange to the next, and begin again behind the last.
#[test]
fn fm07_opaques_go_on() {
    let get = [Cmd::new(Op::Get, "a")];
    let mut session = Session::speaking(
        Dialect::Meta {
            opaque: u32::MAX - 1,
        },
        MAX_VALUE,
    );
    for opaque in [u32::MAX - 1, u32::MAX, 0, 1] {
        let mut driver = Driver::again(session, Way::default(), &get);
        let sent = driver.send_all();
        assert_eq!(sent, format!("mg a v k f O{opaque}\r\n").into_bytes());
        driver.receive(format!("EN ka O{opaque}\r\n").as_bytes());
        let report;
        (session, report) = driver.finish();
        assert!(report.in_step);
    }
}

/// Large values are read to their places, or past, and are answers only when CR LF has come.
#[test]
fn large_values() {
    let cmds = [
        Cmd::new(Op::Get, "a"),
        Cmd::new(Op::Set, "b").value(vec![b'v'; 5000]),
        Cmd::new(Op::Gets, "c"),
    ];
    let body = vec![b'x'; 100_000];
    let reply = [
        b"VA 100000 ka f3 O7\r\n",
        &body[..],
        b"\r\nHD O8\r\nVA 100000 kc f0 c9 O9\r\n",
        &body,
        b"\r\n",
    ]
    .concat();
    let mut driver = Driver::again(session(), Way::default(), &cmds);
    let sent = driver.send_all();
    let set = [b"ms b 5000 O8\r\n", &vec![b'v'; 5000][..], b"\r\nmg c"].concat();
    assert!(sent.windows(set.len()).any(|part| part == set));
    for skip in [false, true] {
        let way = Way {
            skip,
            ..Way::default()
        };
        for size in [1000, 4093, 9000, reply.len()] {
            let report = run(&cmds, way, reply.chunks(size));
            assert!(report.in_step, "{way:?} {size}");
            let whole = |flags, cas| Told::Value {
                flags,
                cas,
                bytes: body.clone(),
            };
            for (told, all) in [
                (&report.told[0], whole(3, None)),
                (&report.told[2], whole(0, Some(9))),
            ] {
                let skipped = skip && *told == Told::Skipped(body.len());
                assert!(skipped || *told == all, "{way:?} {size}");
            }
            assert_eq!(report.told[1], Told::Done);
        }
    }
    let mut unterminated = reply.clone();
    *unterminated.last_mut().expect("a byte") = b'x';
    let report = run(&cmds, Way::default(), unterminated.chunks(4093));
    assert!(report.broken && report.told[2] == ABANDONED);
}

/// What the protocol has no command for is asked in ASCII.
#[test]
fn asked_in_ascii() {
    let cmds = [
        Cmd::new(Op::Stats, ""),
        Cmd::new(Op::Ping, ""),
        Cmd::new(Op::Verbosity, ""),
        Cmd::new(Op::Get, "a"),
    ];
    let reply = b"STAT pid 1\r\nEND\r\nVERSION 1\r\nOK\r\nEN ka O10\r\n";
    let report = every_way(&cmds, reply);
    assert_eq!(report.told[0], stats(&[("pid", "1")]));
    assert_eq!(report.told[1..3], [Told::Done, Told::Done]);
    assert_eq!(report.told[3], Told::Miss(Status::NO_VALUE));
    assert!(report.in_step);
    for reply in ["HD O7\r\n", "MN\r\n", "EN\r\n", "VA 1 O7\r\n1\r\n"] {
        assert!(every_way(&cmds, reply.as_bytes()).broken, "{reply}");
    }
}
