//! Lines of keys: which key each value is for, and what the end of the line means to the others.

use memcached2::error::{Effect, Status};
use memcached2::protocol::Op;

use crate::harness::{ABANDONED, Cmd, Report, Told, Way, refused, run, run_every_way, value};

const MISS: Told = Told::Miss(Status::NO_VALUE);

fn gets(keys: &str) -> Vec<Cmd> {
    let keys = keys.split(' ').filter(|key| !key.is_empty());
    keys.map(|key| Cmd::new(Op::Get, key)).collect()
}

/// Values named `key=bytes`, or lines said in full.
fn reply(words: &[&str]) -> Vec<u8> {
    let part = |word: &&str| match word.split_once('=') {
        Some((key, bytes)) => format!("VALUE {key} 0 {}\r\n{bytes}\r\n", bytes.len()),
        None => format!("{word}\r\n"),
    };
    words.iter().map(part).collect::<String>().into_bytes()
}

/// What `keys`, joined into one line, are told of `words`, however those are cut.
fn line(keys: &str, words: &[&str]) -> Report {
    let (cmds, reply) = (gets(keys), reply(words));
    let ways = [Way::of(false, true), Way::of(true, true)];
    let first = run(&cmds, ways[0], [&reply[..]]);
    for way in ways {
        let same = |report| assert_eq!(report, first, "{way:?} {keys:?} {words:?}");
        same(run(&cmds, way, [&reply[..]]));
        same(run(&cmds, way, reply.chunks(1)));
        for at in 0..reply.len() {
            same(run(&cmds, way, [&reply[..at], &reply[at..]]));
            // What is missing is never a miss, and the connection is not to be used again.
            let cut = run(&cmds, way, [&reply[..at]]);
            assert!(!cut.in_step, "{keys:?} {words:?} up to {at}");
            let ended = words.contains(&"END") && reply[..at].ends_with(b"END\r\n");
            assert!(ended || !cut.told.contains(&MISS));
        }
    }
    first
}

fn well(keys: &str, words: &[&str], told: &[Told]) {
    let report = line(keys, words);
    assert_eq!(report.told, told, "{keys:?} {words:?}");
    assert!(report.in_step && !report.broken, "{keys:?} {words:?}");
}

fn broken(keys: &str, words: &[&str], told: &[Told]) {
    let report = line(keys, words);
    assert_eq!(report.told, told, "{keys:?} {words:?}");
    assert!(report.broken && !report.in_step, "{keys:?} {words:?}");
}

/// FM-12, FM-57: hits and misses mixed, at both ends and between.
#[test]
fn fm12_fm57_hits_and_misses() {
    let (a, b, c) = (value("1"), value("22"), value("333"));
    well("a b c", &["END"], &[MISS, MISS, MISS]);
    well("a b c", &["a=1", "END"], &[a.clone(), MISS, MISS]);
    well("a b c", &["b=22", "END"], &[MISS, b.clone(), MISS]);
    well("a b c", &["c=333", "END"], &[MISS, MISS, c.clone()]);
    well(
        "a b c",
        &["a=1", "c=333", "END"],
        &[a.clone(), MISS, c.clone()],
    );
    well(
        "a b c",
        &["b=22", "c=333", "END"],
        &[MISS, b.clone(), c.clone()],
    );
    well("a b c", &["a=1", "b=22", "c=333", "END"], &[a, b, c]);
}

/// FM-57: a key twice has a value for each time that one comes, in the order of the keys.
#[test]
fn fm57_keys_asked_for_twice() {
    let (one, two, b) = (value("1"), value("2"), value("b"));
    well("a a", &["a=1", "a=2", "END"], &[one.clone(), two.clone()]);
    well("a a", &["a=1", "END"], &[one.clone(), MISS]);
    well(
        "a b a",
        &["a=1", "b=b", "a=2", "END"],
        &[one.clone(), b.clone(), two.clone()],
    );
    well(
        "a b a",
        &["b=b", "a=2", "END"],
        &[MISS, b.clone(), two.clone()],
    );
    well(
        "a b a b",
        &["a=1", "a=2", "END"],
        &[one.clone(), MISS, two.clone(), MISS],
    );
    broken(
        "a a",
        &["a=1", "a=2", "a=1", "END"],
        &[ABANDONED, ABANDONED],
    );
    broken("a b", &["a=1", "a=2", "END"], &[ABANDONED, ABANDONED]);
}

/// FM-20: in another order than asked for, as a proxy may answer.
#[test]
fn fm20_reordered_values() {
    let told = |keys: &str| keys.split(' ').map(value).collect::<Vec<_>>();
    for order in [
        "c b a d", "d c b a", "b a d c", "d a b c", "b c d a", "a d c b",
    ] {
        let words: Vec<String> = order.split(' ').map(|key| format!("{key}={key}")).collect();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.push("END");
        well("a b c d", &words, &told("a b c d"));
    }
    well(
        "a b c d",
        &["d=d", "b=b", "END"],
        &[MISS, value("b"), MISS, value("d")],
    );
    well(
        "a b a c",
        &["c=c", "a=1", "a=2", "END"],
        &[value("1"), MISS, value("2"), value("c")],
    );
    broken(
        "a b",
        &["b=b", "a=a", "b=b", "END"],
        &[ABANDONED, ABANDONED],
    );
}

/// FM-06, FM-25: a value that nobody asked for spoils the line, and what was told of it.
#[test]
fn fm06_fm25_values_not_asked_for() {
    let none = [ABANDONED, ABANDONED];
    broken("a b", &["x=1", "END"], &none);
    broken("a b", &["a=1", "x=1", "b=2", "END"], &none);
    broken("a b", &["a=1", "b=2", "x=3", "END"], &none);
    broken("a b", &["a=1", "b=2", "b=2", "END"], &none);
    broken("aa ab", &["a=1", "END"], &none);
    broken("a b", &["A=1", "END"], &none);
}

/// FM-13: what follows the last value is no END.
#[test]
fn fm13_end_missing() {
    let none = [ABANDONED, ABANDONED];
    for end in ["STORED", "OK", "END ", "7", "NOT_FOUND", "VERSION 1", ""] {
        broken("a b", &["a=1", "b=2", end], &none);
        broken("a b", &["a=1", end], &none);
        broken("a b", &[end], &none);
    }
    let whole = reply(&["a=1", "b=2"]);
    for way in [Way::of(false, true), Way::of(true, true)] {
        let report = run(&gets("a b"), way, [&whole[..]]);
        assert_eq!(report.told, none);
        assert!(!report.in_step);
    }
}

/// FM-12: an error line between values: the values before it stand, the other keys are refused, and
/// nothing behind it is believed, as an END may or may not follow.
#[test]
fn fm12_an_error_line_after_some_values() {
    let text = "out of memory writing get response";
    let error = format!("SERVER_ERROR {text}");
    let not = refused(Status::OUT_OF_MEMORY, Effect::None, text);
    let values = ["a=1", "b=22", "c=333"];
    for n in 0..=values.len() {
        for end in [None, Some("END")] {
            let mut words = values[..n].to_vec();
            words.push(&error);
            words.extend(end);
            let mut told: Vec<Told> = ["1", "22", "333"][..n].iter().map(value).collect();
            told.resize(3, not.clone());
            broken("a b c", &words, &told);
        }
    }
    broken(
        "a b c",
        &["b=22", &error],
        &[not.clone(), value("22"), not.clone()],
    );
    // Of one key: the error line alone is the whole reply.
    well("a", &[&error], &[not]);
    broken("a", &["a=1", &error], &[value("1")]);
    for word in ["ERROR", "CLIENT_ERROR"] {
        let status = match word {
            "ERROR" => Status::UNKNOWN_COMMAND,
            _ => Status::CLIENT_ERROR,
        };
        let not = refused(status, Effect::None, "");
        broken("a b", &["a=1", word], &[value("1"), not.clone()]);
        broken("a", &[word], &[not]);
    }
}

/// Values that look like the protocol are values.
#[test]
fn fm13_values_that_look_like_replies() {
    for bytes in [
        "",
        "END\r\n",
        "\r\nEND\r\n",
        "VALUE b 0 1\r\nx\r\nEND\r\n",
        "\r\n",
        "\n",
        "\0",
    ] {
        let words = [
            format!("a={bytes}"),
            format!("b={bytes}"),
            "END".to_string(),
        ];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        well("a b", &words, &[value(bytes), value(bytes)]);
        well("a b", &words[1..], &[MISS, value(bytes)]);
    }
}

/// Two lines of keys, and commands between: each END ends its own line.
#[test]
fn fm03_several_lines_in_one_batch() {
    let cmds = [
        Cmd::new(Op::Get, "a"),
        Cmd::new(Op::Get, "b"),
        Cmd::new(Op::Gets, "c"),
        Cmd::new(Op::Gets, "d"),
        Cmd::new(Op::Set, "e"),
        Cmd::new(Op::Set, "f"),
        Cmd::new(Op::Gat, "g").ttl(10),
        Cmd::new(Op::Gat, "h").ttl(10),
        Cmd::new(Op::Gat, "i").ttl(20),
        Cmd::new(Op::Delete, "j"),
    ];
    let bytes = b"VALUE b 0 1\r\nb\r\nEND\r\nVALUE c 0 1 5\r\nc\r\nEND\r\nSTORED\r\nNOT_STORED\r\n\
        VALUE g 0 1\r\ng\r\nVALUE h 0 1\r\nh\r\nEND\r\nEND\r\nDELETED\r\n";
    let c = Told::Value {
        flags: 0,
        cas: Some(5),
        bytes: b"c".to_vec(),
    };
    let not_stored = refused(Status::NOT_STORED, Effect::NotApplied, "");
    let told = [
        MISS,
        value("b"),
        c,
        MISS,
        Told::Done,
        not_stored,
        value("g"),
        value("h"),
        MISS,
        Told::Done,
    ];
    let ways = [Way::of(false, true), Way::of(true, true)];
    for way in ways {
        for at in 0..bytes.len() {
            let report = run(&cmds, way, [&bytes[..at], &bytes[at..]]);
            assert_eq!(report.told, told, "{way:?} {at}");
            assert!(report.in_step);
        }
        let report = run(&cmds, way, bytes.chunks(1));
        assert_eq!((report.told, report.in_step), (told.to_vec(), true));
    }
}

/// Without joining, each command has its own END.
#[test]
fn fm03_commands_behind_each_other() {
    let cmds = [
        Cmd::new(Op::Get, "a"),
        Cmd::new(Op::Incr, "n"),
        Cmd::new(Op::Touch, "a"),
    ];
    let bytes = b"VALUE a 0 2\r\nxy\r\nEND\r\n41\r\nNOT_FOUND\r\n";
    let report = run_every_way(&cmds, bytes);
    let missed = Told::Miss(Status::NOT_FOUND);
    assert_eq!(report.told, [value("xy"), Told::Number(41), missed]);
    assert!(report.in_step);
}

/// FM-11: behind a refusal that may have left a body to be executed nothing is believed.
#[test]
fn fm11_nothing_behind_a_client_error() {
    let cmds = [
        Cmd::new(Op::Set, "a"),
        Cmd::new(Op::Get, "b"),
        Cmd::new(Op::Delete, "c"),
    ];
    let bytes = b"CLIENT_ERROR bad data chunk\r\nERROR\r\nEND\r\nDELETED\r\n";
    let report = run_every_way(&cmds, bytes);
    let not = refused(Status::CLIENT_ERROR, Effect::Unknown, "bad data chunk");
    assert_eq!(report.told, [not, ABANDONED, ABANDONED]);
    assert!(report.broken);
    let report = run_every_way(
        &cmds,
        b"SERVER_ERROR out of memory storing object\r\nEND\r\nDELETED\r\n",
    );
    let not = refused(
        Status::OUT_OF_MEMORY,
        Effect::Removed,
        "out of memory storing object",
    );
    assert_eq!(report.told, [not, MISS, Told::Done]);
    assert!(report.in_step);
}
