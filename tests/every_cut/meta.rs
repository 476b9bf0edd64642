//! The replies of the meta protocol; `#` is the opaque of the command that is answered.

use crate::ascii::{ERRORS, Reply, everywhere, many, one};
use crate::call::Call;
use crate::row::Row;
use crate::support::execute::{
    ADD, APPEND, CAS, DECR, DELETE, GAT, GATS, GET, GETS, INCR, PREPEND, REPLACE, SET, TOUCH,
};

const MISS: Reply = ("EN kk #\r\n", "NO_VALUE");
const NOT_FOUND: Reply = ("NF #\r\n", "NOT_FOUND");

const PLAIN: &[Reply] = &[
    MISS,
    ("VA 3 kk f0 #\r\nabc\r\n", "OK \"abc\""),
    ("VA 0 kk f0 #\r\n\r\n", "OK \"\""),
    ("VA 4 kk f0 #\r\nEN\r\n\r\n", r#"OK "EN\r\n""#),
    ("VA 3 # f0 kk\r\nabc\r\n", "OK \"abc\""),
];
const FLAGS: &[Reply] = &[(
    "VA 3 kk f4294967295 #\r\nabc\r\n",
    "OK \"abc\" flags=4294967295",
)];
const WITH_CAS: &[Reply] = &[
    MISS,
    ("VA 3 kk f5 c9 #\r\nabc\r\n", "OK \"abc\" flags=5 cas=9"),
    (
        "VA 0 kk f0 c18446744073709551615 #\r\n\r\n",
        "OK \"\" cas=18446744073709551615",
    ),
];
const STORES: &[Reply] = &[
    ("HD #\r\n", "OK"),
    ("NS #\r\n", "NOT_STORED"),
    ("SERVER_ERROR object too large for cache\r\n", "TOO_LARGE"),
    (
        "SERVER_ERROR out of memory storing object\r\n",
        "OUT_OF_MEMORY",
    ),
    ("CLIENT_ERROR bad data chunk\r\n", "CLIENT_ERROR"),
];
const CHECKS: &[Reply] = &[("EX #\r\n", "CAS_FAILURE"), NOT_FOUND];
const DELETES: &[Reply] = &[("HD #\r\n", "OK"), NOT_FOUND];
const TOUCHES: &[Reply] = &[("HD #\r\n", "OK"), ("EN #\r\n", "NOT_FOUND")];
const COUNTS: &[Reply] = &[
    ("VA 1 #\r\n0\r\n", "OK number=0"),
    (
        "VA 20 #\r\n18446744073709551615\r\n",
        "OK number=18446744073709551615",
    ),
    NOT_FOUND,
    (
        "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
        "NON_NUMERIC",
    ),
];

/// What none can believe: words of another protocol, no opaque, another key, another length.
const GARBAGE: &[&str] = &[
    "\r\n",
    "hd #\r\n",
    "HD\r\n",
    "EN\r\n",
    "MN\r\n",
    "OK #\r\n",
    "STORED\r\n",
    "NOT_FOUND\r\n",
    "END\r\n",
    "12\r\n",
    "HD ##\r\n",
    "EN kx #\r\n",
    "VA -3 kk f0 #\r\nabc\r\n",
    "VA 3 kx f0 c9 #\r\nabc\r\n",
    "VA 3 kx f0 #\r\nabc\r\n",
    "VA 3 kk f0 s9 #\r\nabcdEN\r\n",
    "VALUE k 0 3\r\nabc\r\nEND\r\n",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
];

fn garbage(call: &Call) -> Vec<Row> {
    let row = |reply: &&'static str| Row::one(call.clone(), (*reply, "UNEXPECTED_RESPONSE"));
    GARBAGE.iter().map(row).collect()
}

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

/// Every command has a reply of its own.
fn batches() -> Vec<Row> {
    let commands = [
        (GET, "a"),
        (GET, "b"),
        (GET, "a"),
        (SET, "c"),
        (INCR, "n"),
        (DELETE, "d"),
        (GETS, "e"),
        (TOUCH, "f"),
        (CAS, "g"),
        (SET, "h"),
    ];
    let replies = [
        "VA 1 ka f0 #\r\n1\r\n",
        "EN kb #\r\n",
        "VA 4 ka f7 #\r\nHD\r\n\r\n",
        "NS #\r\n",
        "VA 2 #\r\n12\r\n",
        "NF #\r\n",
        "VA 0 ke f0 c8 #\r\n\r\n",
        "HD #\r\n",
        "EX #\r\n",
        "SERVER_ERROR object too large for cache\r\n",
    ];
    let says = [
        "OK \"1\"",
        "NO_VALUE",
        r#"OK "HD\r\n" flags=7"#,
        "NOT_STORED",
        "OK number=12",
        "NOT_FOUND",
        "OK \"\" cas=8",
        "OK",
        "CAS_FAILURE",
        "TOO_LARGE",
    ];
    let whole = |n| Row::new(many(&commands[..n]), replies[..n].to_vec(), &says[..n]);
    vec![whole(2), whole(3), whole(10)]
}

pub fn rows() -> Vec<Row> {
    let mut rows = [singles(), everywhere(), batches()].concat();
    for call in [one(GET), Call::Get("k"), many(&[(GET, "k")])] {
        rows.push(crate::ascii::large(call, |value| {
            format!("VA {} kk f0 #\r\n{value}\r\n", value.len())
        }));
    }
    rows
}
