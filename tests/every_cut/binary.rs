//! The replies of the binary protocol, as templates: opcode, opaque and key are those of the command that
//! is answered, where a template does not say otherwise.

use crate::ascii::{command, large, many, one};
use crate::call::Call;
use crate::row::Row;
use crate::support::execute::{
    ADD, APPEND, CAS, DECR, DELETE, GAT, GATS, GET, GETS, INCR, PREPEND, REPLACE, SET, TOUCH,
};
use crate::support::frames::{Frame, REQUEST, reply};

/// A reply, and what is said of it.
type Reply = (Vec<u8>, &'static str);

fn told(status: u16, extras: &[u8], value: &[u8], says: &'static str) -> Reply {
    (reply(status, extras, value).to_bytes(), says)
}

fn with_cas(cas: u64, flags: u32, value: &[u8]) -> Vec<u8> {
    let frame = reply(0, &flags.to_be_bytes(), value);
    Frame { cas, ..frame }.to_bytes()
}

fn refused(status: u16, says: &'static str) -> Reply {
    told(status, b"", b"Some words.", says)
}

fn miss() -> Reply {
    told(1, b"", b"Not found", "NO_VALUE")
}

fn not_found() -> Reply {
    told(1, b"", b"Not found", "NOT_FOUND")
}

fn plain() -> Vec<Reply> {
    vec![
        miss(),
        (with_cas(9, 0, b"abc"), "OK \"abc\""),
        (with_cas(0, 0, b""), "OK \"\""),
        (with_cas(1, 0, b"END\r\n"), r#"OK "END\r\n""#),
        (with_cas(1, 0, &[0x81, 0, 0, 1]), r#"OK "\x81\x00\x00\x01""#),
    ]
}

fn flags() -> Vec<Reply> {
    vec![(with_cas(1, u32::MAX, b"abc"), "OK \"abc\" flags=4294967295")]
}

fn cas() -> Vec<Reply> {
    vec![
        miss(),
        (with_cas(9, 5, b"abc"), "OK \"abc\" flags=5 cas=9"),
        (
            with_cas(u64::MAX, 0, b""),
            "OK \"\" cas=18446744073709551615",
        ),
    ]
}

fn done() -> Reply {
    let frame = reply(0, b"", b"");
    (Frame { cas: 7, ..frame }.to_bytes(), "OK")
}

/// What those that store may be told.
fn stores() -> Vec<Reply> {
    vec![
        done(),
        refused(3, "TOO_LARGE"),
        refused(5, "NOT_STORED"),
        refused(0x82, "OUT_OF_MEMORY"),
    ]
}

fn number(number: u64, says: &'static str) -> Reply {
    told(0, b"", &number.to_be_bytes(), says)
}

/// What every command may be told, but that without credentials flushing is another matter.
fn errors() -> Vec<Reply> {
    vec![
        refused(0x04, "CLIENT_ERROR"),
        refused(0x81, "UNKNOWN_COMMAND"),
        refused(0x83, "UNSUPPORTED"),
        refused(0x84, "SERVER_ERROR"),
        refused(0x86, "SERVER_ERROR"),
    ]
}

/// What none can believe.
fn garbage(call: &Call) -> Vec<Row> {
    let right = reply(0, b"\0\0\0\0", b"abc");
    let wrong = [
        Frame {
            opaque: 1,
            ..right.clone()
        },
        Frame {
            opcode: 0x40,
            ..right.clone()
        },
        Frame {
            data_type: 1,
            ..right.clone()
        },
        Frame {
            extras: vec![0; 3],
            ..right.clone()
        },
        Frame {
            key: b"another".to_vec(),
            ..right.clone()
        },
        // Authentication that goes on, where none was begun.
        reply(0x21, b"", b""),
    ];
    let mut all: Vec<_> = wrong.iter().map(Frame::to_bytes).collect();
    let magic = Frame {
        magic: REQUEST,
        ..right
    };
    all.push(magic.to_bytes());
    all.push(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    let row = |bytes| Row::new(call.clone(), vec![bytes], &["UNEXPECTED_RESPONSE"]);
    all.into_iter().map(row).collect()
}

fn group(call: &Call, lists: &[Vec<Reply>]) -> Vec<Row> {
    let replies = lists.iter().flatten().cloned().chain(errors());
    let mut rows: Vec<_> = replies
        .map(|(bytes, says)| Row::new(call.clone(), vec![bytes], &[says]))
        .collect();
    let credentials = match call {
        // As memcached says it where flushing is switched off.
        Call::FlushAll => refused(0x20, "NOT_PERMITTED"),
        _ => refused(0x20, "INVALID_CREDENTIALS"),
    };
    rows.push(Row::new(
        call.clone(),
        vec![credentials.0],
        &[credentials.1],
    ));
    rows.extend(garbage(call));
    rows
}

fn singles() -> Vec<Row> {
    let replies = |op| match op {
        GET | GAT => vec![plain(), flags()],
        GETS | GATS => vec![cas()],
        SET => vec![stores()],
        ADD => vec![stores(), vec![refused(2, "NOT_STORED")]],
        REPLACE | APPEND | PREPEND => vec![stores(), vec![refused(1, "NOT_STORED")]],
        CAS => vec![stores(), vec![refused(2, "CAS_FAILURE"), not_found()]],
        DELETE => vec![vec![done(), not_found()]],
        TOUCH => vec![vec![done(), told(0, b"\0\0\0\x05", b"", "OK"), not_found()]],
        _ => vec![vec![
            number(0, "OK number=0"),
            number(u64::MAX, "OK number=18446744073709551615"),
            not_found(),
            refused(6, "NON_NUMERIC"),
        ]],
    };
    let ops = [
        GET, GAT, GETS, GATS, SET, ADD, REPLACE, APPEND, PREPEND, CAS, DELETE, TOUCH, INCR, DECR,
    ];
    let mut rows = Vec::new();
    for op in ops {
        rows.extend(group(&one(op), &replies(op)));
    }
    rows.extend(group(&Call::Get("k"), &[plain()]));
    rows.extend(group(&Call::DeleteAll("k"), &replies(DELETE)));
    rows
}

fn stat(name: &str, text: &str) -> Vec<u8> {
    Frame {
        key: name.as_bytes().to_vec(),
        ..reply(0, b"", text.as_bytes())
    }
    .to_bytes()
}

/// Those that are asked of every server; lines of operators and dumps are ASCII everywhere.
fn everywhere() -> Vec<Row> {
    let end = reply(0, b"", b"").to_bytes();
    let stats = [stat("pid", "12"), stat("empty", ""), end.clone()].concat();
    let stats = vec![(end, "OK"), (stats, "OK pid=12 empty=")];
    [
        group(&Call::Stats(""), &[stats]),
        group(&Call::FlushAll, &[vec![done()]]),
        group(
            &Call::Versions,
            &[vec![told(0, b"", b"1.6.18", "OK \"1.6.18\"")]],
        ),
        group(&Call::Ping, &[vec![done()]]),
    ]
    .concat()
}

/// One answer for each command, be it silence.
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
        (with_cas(3, 0, b"1"), "OK \"1\""),
        miss(),
        (with_cas(3, 7, b"HD\r\n"), r#"OK "HD\r\n" flags=7"#),
        done(),
        number(12, "OK number=12"),
        not_found(),
        (with_cas(8, 0, b""), "OK \"\" cas=8"),
        (reply(0, b"\0\0\0\0", b"").to_bytes(), "OK"),
        refused(2, "CAS_FAILURE"),
        refused(3, "TOO_LARGE"),
    ];
    let some = |places: &[usize]| {
        let commands: Vec<_> = places.iter().map(|at| commands[*at]).collect();
        let bytes = places.iter().map(|at| replies[*at].0.clone()).collect();
        let says: Vec<_> = places.iter().map(|at| replies[*at].1).collect();
        Row::new(many(&commands), bytes, &says)
    };
    vec![
        some(&[0, 1]),
        some(&[1, 1, 1]),
        some(&[1, 0]),
        some(&[0, 1, 2]),
        some(&[3, 3]),
        some(&[3, 9, 3]),
        some(&[3, 5, 8]),
        some(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        some(&[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ]
}

pub fn rows() -> Vec<Row> {
    let mut rows = [singles(), everywhere(), batches()].concat();
    for call in [
        one(GET),
        Call::Get("k"),
        Call::Many(vec![command(GET, "k")]),
    ] {
        rows.push(large(call, |value| with_cas(1, 0, value.as_bytes())));
    }
    rows
}
