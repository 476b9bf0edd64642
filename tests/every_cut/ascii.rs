//! The replies of the classic protocol.

use crate::call::{Call, shown};
use crate::row::Row;
use crate::support::execute::{
    ADD, APPEND, CAS, Command, DECR, DELETE, GAT, GATS, GET, GETS, INCR, PREPEND, REPLACE, SET,
    TOUCH,
};

pub fn one(op: u32) -> Call {
    Call::One(command(op, "k"))
}

pub fn command(op: u32, key: &str) -> Command {
    let command = Command::new(op, key);
    match op {
        CAS => Command {
            cas: 77,
            ..command.value("value")
        },
        SET | ADD | REPLACE | APPEND | PREPEND => command.value("value"),
        GAT | GATS | TOUCH => Command { ttl: 60, ..command },
        _ => command,
    }
}

pub fn many(commands: &[(u32, &str)]) -> Call {
    Call::Many(commands.iter().map(|(op, key)| command(*op, key)).collect())
}

/// A reply, and what is said of it.
pub type Reply = (&'static str, &'static str);

const NO_VALUE: Reply = ("END\r\n", "NO_VALUE");
const NOT_FOUND: Reply = ("NOT_FOUND\r\n", "NOT_FOUND");
const NOT_SPACE_FOUND: Reply = ("NOT FOUND\r\n", "NOT_FOUND");

const PLAIN: &[Reply] = &[
    NO_VALUE,
    ("VALUE k 0 3\r\nabc\r\nEND\r\n", "OK \"abc\""),
    ("VALUE k 0 0\r\n\r\nEND\r\n", "OK \"\""),
    ("VALUE k 0 5\r\nEND\r\n\r\nEND\r\n", r#"OK "END\r\n""#),
    (
        "VALUE k 0 11\r\nVALUE k 0 1\r\nEND\r\n",
        "OK \"VALUE k 0 1\"",
    ),
];
/// With flags, which mc_get's item has too, but its test does not look at.
const FLAGS: &[Reply] = &[(
    "VALUE k 4294967295 3\r\nabc\r\nEND\r\n",
    "OK \"abc\" flags=4294967295",
)];
const WITH_CAS: &[Reply] = &[
    NO_VALUE,
    (
        "VALUE k 5 3 9\r\nabc\r\nEND\r\n",
        "OK \"abc\" flags=5 cas=9",
    ),
    (
        "VALUE k 0 0 18446744073709551615\r\n\r\nEND\r\n",
        "OK \"\" cas=18446744073709551615",
    ),
];
const STORES: &[Reply] = &[
    ("STORED\r\n", "OK"),
    ("NOT_STORED\r\n", "NOT_STORED"),
    ("NOT STORED\r\n", "NOT_STORED"),
    ("SERVER_ERROR object too large for cache\r\n", "TOO_LARGE"),
    (
        "SERVER_ERROR out of memory storing object\r\n",
        "OUT_OF_MEMORY",
    ),
    ("CLIENT_ERROR bad data chunk\r\n", "CLIENT_ERROR"),
];
const CHECKS: &[Reply] = &[("EXISTS\r\n", "CAS_FAILURE"), NOT_FOUND, NOT_SPACE_FOUND];
const DELETES: &[Reply] = &[("DELETED\r\n", "OK"), NOT_FOUND, NOT_SPACE_FOUND];
const TOUCHES: &[Reply] = &[("TOUCHED\r\n", "OK"), NOT_FOUND, NOT_SPACE_FOUND];
const COUNTS: &[Reply] = &[
    ("0\r\n", "OK number=0"),
    ("18446744073709551615\r\n", "OK number=18446744073709551615"),
    NOT_FOUND,
    NOT_SPACE_FOUND,
    (
        "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
        "NON_NUMERIC",
    ),
    (
        "CLIENT_ERROR invalid numeric delta argument\r\n",
        "CLIENT_ERROR",
    ),
];

/// What every command may be told.
pub const ERRORS: &[Reply] = &[
    ("ERROR\r\n", "UNKNOWN_COMMAND"),
    (
        "ERROR Too many open connections\r\n",
        "TOO_MANY_CONNECTIONS",
    ),
    ("CLIENT_ERROR line too long\r\n", "CLIENT_ERROR"),
    ("SERVER_ERROR backend is down\r\n", "SERVER_ERROR"),
];

/// What none can believe.
const GARBAGE: &[&str] = &[
    "\r\n",
    "stored\r\n",
    "HD\r\n",
    "EN\r\n",
    "-1\r\n",
    "END \r\n",
    "NOT-FOUND\r\n",
    "VALUE k 0\r\nEND\r\n",
    "VALUE x 0 3 9\r\nabc\r\nEND\r\n",
    "VALUE x 0 3\r\nabc\r\nEND\r\n",
    "VALUE k 0 3\r\nabcdEND\r\n",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
];

fn singles() -> Vec<Row> {
    let groups: [(&[u32], &[&[Reply]]); 7] = [
        (&[GET, GAT], &[PLAIN, FLAGS]),
        (&[GETS, GATS], &[WITH_CAS]),
        (&[SET, ADD, REPLACE, APPEND, PREPEND], &[STORES]),
        (&[CAS], &[STORES, CHECKS]),
        (&[DELETE], &[DELETES]),
        (&[TOUCH], &[TOUCHES]),
        (&[INCR, DECR], &[COUNTS]),
    ];
    let mut rows = Vec::new();
    for (ops, lists) in groups {
        for op in ops {
            for list in lists.iter().chain([&ERRORS]) {
                rows.extend(list.iter().map(|reply| Row::one(one(*op), *reply)));
            }
            rows.extend(garbage(&one(*op)));
        }
    }
    for (call, list) in [(Call::Get("k"), PLAIN), (Call::DeleteAll("k"), DELETES)] {
        let list = list.iter().chain(ERRORS);
        rows.extend(list.map(|reply| Row::one(call.clone(), *reply)));
        rows.extend(garbage(&call));
    }
    rows
}

fn garbage(call: &Call) -> Vec<Row> {
    let row = |reply: &&'static str| Row::one(call.clone(), (*reply, "UNEXPECTED_RESPONSE"));
    GARBAGE.iter().map(row).collect()
}

const STATS: &[Reply] = &[
    ("END\r\n", "OK"),
    (
        "STAT pid 12\r\nSTAT inter\r\nSTAT empty \r\nSTAT addr ?:<AF 0>\r\nEND\r\n",
        "OK pid=12 inter= empty= addr=?:<AF 0>",
    ),
];

/// Those that are asked of every server.
pub fn everywhere() -> Vec<Row> {
    let done: &[Reply] = &[("OK\r\n", "OK")];
    let too_small: Reply = (
        "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n",
        "CLIENT_ERROR",
    );
    let calls: [(Call, &[Reply]); 6] = [
        (Call::Stats(""), STATS),
        (Call::FlushAll, done),
        (Call::Verbosity, done),
        (Call::CacheMemlimit, &[("OK\r\n", "OK"), too_small]),
        (Call::Versions, &[("VERSION 1.6.18\r\n", "OK \"1.6.18\"")]),
        (Call::Ping, &[("VERSION 1.6.18\r\n", "OK")]),
    ];
    let mut rows = Vec::new();
    for (call, replies) in calls {
        for reply in replies.iter().chain(ERRORS) {
            rows.push(Row::one(call.clone(), *reply));
        }
        rows.extend(garbage(&call));
    }
    for (call, reply) in [
        (Call::Stats("reset"), ("RESET\r\n", "OK")),
        (Call::Admin("lru mode segmented"), ("OK\r\n", "OK \"OK\"")),
        (
            Call::Admin("slabs automove 1"),
            ("ERROR\r\n", "UNKNOWN_COMMAND"),
        ),
        (
            Call::Admin("lru_crawler enable"),
            ("SERVER_ERROR locked try again later\r\n", "SERVER_ERROR"),
        ),
        (
            Call::Admin("stats"),
            (
                "STAT a 1\r\nSTAT b 2\r\nEND\r\n",
                r#"OK "STAT a 1\nSTAT b 2""#,
            ),
        ),
        (Call::Dump, ("END\r\n", "OK")),
        (Call::Dump, (DUMP, "OK")),
    ] {
        rows.push(Row::one(call, reply));
    }
    rows
}

const DUMP: &str = "key=a exp=-1 la=1700000000 cas=2 fetch=no cls=1 size=63\n\
    key=b%20c exp=1700000009 la=1700000000 cas=3 fetch=yes cls=1 size=64\nEND\r\n";

/// Keys on one line, whose values come in one reply; and commands behind each other.
fn batches() -> Vec<Row> {
    let gets = |keys: &str| {
        let keys: Vec<_> = keys.split(' ').map(|key| (GET, key)).collect();
        many(&keys)
    };
    let values = |text: &str| vec![text.to_string()];
    let (a, b) = ("VALUE a 0 1\r\n1\r\n", "VALUE b 7 5\r\nEND\r\n\r\n");
    let line = |keys, reply: &str, says: &[&str]| Row::new(gets(keys), values(reply), says);
    let replies = |all: &[&str]| all.iter().map(|reply| reply.to_string()).collect();
    let mixed = [
        (SET, "a"),
        (INCR, "n"),
        (DELETE, "c"),
        (GETS, "d"),
        (TOUCH, "e"),
        (CAS, "f"),
        (GAT, "g"),
    ];
    let (one, two) = ("OK \"1\"", r#"OK "END\r\n" flags=7"#);
    vec![
        line("a b", "END\r\n", &["NO_VALUE", "NO_VALUE"]),
        line("a b", &format!("{a}END\r\n"), &[one, "NO_VALUE"]),
        line("a b", &format!("{b}END\r\n"), &["NO_VALUE", two]),
        line("a b", &format!("{a}{b}END\r\n"), &[one, two]),
        line("a b", &format!("{b}{a}END\r\n"), &[one, two]),
        line("a b a", &format!("{a}{b}{a}END\r\n"), &[one, two, one]),
        line("a a", &format!("{a}END\r\n"), &[one, "NO_VALUE"]),
        line(
            "a b",
            &format!("{a}SERVER_ERROR out of memory writing get response\r\n"),
            &[one, "OUT_OF_MEMORY"],
        ),
        line(
            "a b",
            "VALUE x 0 1\r\n1\r\nEND\r\n",
            &["UNEXPECTED_RESPONSE"; 2],
        ),
        Row::new(
            many(&[(SET, "a"), (SET, "b"), (SET, "c")]),
            replies(&[
                "STORED\r\n",
                "NOT_STORED\r\n",
                "SERVER_ERROR object too large for cache\r\n",
            ]),
            &["OK", "NOT_STORED", "TOO_LARGE"],
        ),
        Row::new(
            many(&[(DELETE, "a"), (DELETE, "b")]),
            replies(&["NOT_FOUND\r\n", "DELETED\r\n"]),
            &["NOT_FOUND", "OK"],
        ),
        Row::new(
            many(&mixed),
            replies(&[
                "STORED\r\n",
                "12\r\n",
                "NOT_FOUND\r\n",
                "VALUE d 0 1 8\r\nd\r\nEND\r\n",
                "TOUCHED\r\n",
                "EXISTS\r\n",
                "END\r\n",
            ]),
            &[
                "OK",
                "OK number=12",
                "NOT_FOUND",
                "OK \"d\" cas=8",
                "OK",
                "CAS_FAILURE",
                "NO_VALUE",
            ],
        ),
    ]
}

/// A value that does not fit into a connection's buffer, in a reply that is made of it.
pub fn large<R: Into<Vec<u8>>>(call: Call, reply: impl Fn(&str) -> R) -> Row {
    let value: String = (0..20_000u32)
        .map(|at| char::from(b'a' + (at * 7 / 3 % 26) as u8))
        .collect();
    let says = format!("OK {}", shown(value.as_bytes()));
    Row::new(call, vec![reply(&value)], &[&says])
}

pub fn rows() -> Vec<Row> {
    let mut rows = [singles(), everywhere(), batches()].concat();
    for call in [one(GET), Call::Get("k"), many(&[(GET, "k")])] {
        rows.push(large(call, |value| {
            format!("VALUE k 0 {}\r\n{value}\r\nEND\r\n", value.len())
        }));
    }
    rows
}
