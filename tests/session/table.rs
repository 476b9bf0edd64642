//! What each reply means to each command.

use memcached2::error::{Effect, Status};
use memcached2::protocol::Op;

use crate::harness::{ABANDONED, Told, refused, stats, value};

/// How the session is when all has been received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum After {
    InStep,
    Broken,
}

pub struct Row {
    pub reply: Vec<u8>,
    pub told: Told,
    pub after: After,
}

/// Whole replies, right for some commands.
pub const REPLIES: [&str; 24] = [
    "STORED",
    "NOT_STORED",
    "NOT STORED",
    "EXISTS",
    "NOT_FOUND",
    "NOT FOUND",
    "DELETED",
    "TOUCHED",
    "OK",
    "0",
    "7",
    "18446744073709551615",
    "VERSION 1.6.18",
    "RESET",
    "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m",
    "STAT pid 12\r\nSTAT inter\r\nSTAT addr ?:<AF 0>\r\nSTAT empty \r\nEND",
    "STAT pid 12\r\nRESET",
    "END",
    "VALUE key 0 3\r\nabc\r\nEND",
    "VALUE key 0 0\r\n\r\nEND",
    "VALUE key 0 5\r\nEND\r\n\r\nEND",
    "VALUE key 4294967295 3\r\nabc\r\nEND",
    "VALUE key 0 3 9\r\nabc\r\nEND",
    "VALUE key 0 3 18446744073709551615\r\nabc\r\nEND",
];

const READS: [Op; 4] = [Op::Get, Op::Gets, Op::Gat, Op::Gats];
/// Those that need an item, values aside.
const CHANGES: [Op; 6] = [
    Op::Cas,
    Op::Delete,
    Op::DeleteAll,
    Op::Touch,
    Op::Incr,
    Op::Decr,
];
const STORES: [Op; 6] = [
    Op::Set,
    Op::Add,
    Op::Replace,
    Op::Append,
    Op::Prepend,
    Op::Cas,
];

/// The meaning of one of `REPLIES`; `None` where the command cannot have it.
fn meaning(op: Op, reply: &str) -> Option<Told> {
    let not = |status| Some(refused(status, Effect::NotApplied, ""));
    let is = |ops: &[Op]| ops.contains(&op);
    match reply {
        "STORED" if is(&STORES) => Some(Told::Done),
        "NOT_STORED" | "NOT STORED" if is(&STORES) => not(Status::NOT_STORED),
        "EXISTS" if op == Op::Cas => not(Status::CAS_FAILURE),
        "NOT_FOUND" | "NOT FOUND" if is(&CHANGES) => Some(Told::Miss(Status::NOT_FOUND)),
        "DELETED" if is(&[Op::Delete, Op::DeleteAll]) => Some(Told::Done),
        "TOUCHED" if op == Op::Touch => Some(Told::Done),
        "OK" if is(&[Op::FlushAll, Op::Verbosity, Op::CacheMemlimit]) => Some(Told::Done),
        "VERSION 1.6.18" if op == Op::Ping => Some(Told::Done),
        "END" if op == Op::Stats => Some(stats(&[])),
        _ if op == Op::Stats && reply.starts_with("STAT ") && reply.ends_with("END") => {
            let lines = [
                ("pid", "12"),
                ("inter", ""),
                ("addr", "?:<AF 0>"),
                ("empty", ""),
            ];
            Some(stats(&lines))
        }
        _ if op == Op::CacheMemlimit && reply.starts_with("MEMLIMIT_") => {
            Some(refused(Status::CLIENT_ERROR, Effect::NotApplied, reply))
        }
        "VERSION 1.6.18" if op == Op::Version => Some(Told::Version(b"1.6.18".to_vec())),
        "END" if is(&READS) => Some(Told::Miss(Status::NO_VALUE)),
        _ if is(&[Op::Incr, Op::Decr]) => reply.parse().ok().map(Told::Number),
        _ if is(&[Op::Get, Op::Gat]) => plain_value(reply),
        _ if is(&[Op::Gets, Op::Gats]) => cas_value(reply),
        _ => None,
    }
}

fn plain_value(reply: &str) -> Option<Told> {
    match reply {
        "VALUE key 0 3\r\nabc\r\nEND" => Some(value("abc")),
        "VALUE key 0 0\r\n\r\nEND" => Some(value("")),
        "VALUE key 0 5\r\nEND\r\n\r\nEND" => Some(value("END\r\n")),
        "VALUE key 4294967295 3\r\nabc\r\nEND" => Some(Told::Value {
            flags: u32::MAX,
            cas: None,
            bytes: b"abc".to_vec(),
        }),
        _ => None,
    }
}

fn cas_value(reply: &str) -> Option<Told> {
    let cas = match reply {
        "VALUE key 0 3 9\r\nabc\r\nEND" => 9,
        "VALUE key 0 3 18446744073709551615\r\nabc\r\nEND" => u64::MAX,
        _ => return None,
    };
    Some(Told::Value {
        flags: 0,
        cas: Some(cas),
        bytes: b"abc".to_vec(),
    })
}

/// Error lines: word, text, and what they mean to `op`.
fn errors(op: Op) -> Vec<Row> {
    let unknown = match op.is_read() {
        true => Effect::None,
        false => Effect::Unknown,
    };
    // memcached drops the old item of a set that it has no room for.
    let full = match op {
        Op::Set => Effect::Removed,
        _ if unknown == Effect::None => Effect::None,
        _ => Effect::NotApplied,
    };
    let non_numeric = "cannot increment or decrement non-numeric value";
    let (number_status, number_effect, number_after) = match op {
        Op::Incr | Op::Decr => (Status::NON_NUMERIC, Effect::NotApplied, After::InStep),
        _ => (Status::CLIENT_ERROR, unknown, After::Broken),
    };
    let (server, client) = (Status::SERVER_ERROR, Status::CLIENT_ERROR);
    let row = |line: &str, text: &str, status, effect, after| Row {
        reply: format!("{line}\r\n").into_bytes(),
        told: refused(status, effect, text),
        after,
    };
    let server_row = |text: &str, status, effect| {
        row(
            &format!("SERVER_ERROR {text}"),
            text,
            status,
            effect,
            After::InStep,
        )
    };
    let broken = |line, text, status| row(line, text, status, unknown, After::Broken);
    // Who is not known changes nothing.
    let unchanged = match op.is_read() {
        true => Effect::None,
        false => Effect::NotApplied,
    };
    let stranger = |text: &str| {
        row(
            &format!("CLIENT_ERROR {text}"),
            text,
            Status::INVALID_CREDENTIALS,
            unchanged,
            After::Broken,
        )
    };
    let long = "x".repeat(2_000);
    vec![
        server_row("object too large for cache", Status::TOO_LARGE, full),
        server_row("out of memory storing object", Status::OUT_OF_MEMORY, full),
        server_row("out of memory", Status::OUT_OF_MEMORY, full),
        server_row("backend is down", server, unknown),
        server_row(&long, server, unknown),
        row("SERVER_ERROR", "", server, unknown, After::InStep),
        broken("CLIENT_ERROR bad data chunk", "bad data chunk", client),
        broken("CLIENT_ERROR", "", client),
        stranger("unauthenticated"),
        stranger("authentication failure"),
        stranger("bad authentication token format"),
        row(
            &format!("CLIENT_ERROR {non_numeric}"),
            non_numeric,
            number_status,
            number_effect,
            number_after,
        ),
        broken("ERROR", "", Status::UNKNOWN_COMMAND),
        broken("ERROR: not enabled", "not enabled", Status::UNKNOWN_COMMAND),
        broken(
            "ERROR Too many open connections",
            "Too many open connections",
            Status::TOO_MANY_CONNECTIONS,
        ),
    ]
}

/// What no command can have.
fn garbage() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = GARBAGE.iter().map(|text| text.to_vec()).collect();
    all.push([b"STORED", &[b' '; 3 * 1024][..], b"\r\n"].concat());
    all.push([b"SERVER_ERROR ", &[b'x'; 3 * 1024][..], b"\r\n"].concat());
    all.push(vec![b'x'; 3 * 1024]);
    all.push([&[0x81, 0, 0, 0, 0, 0, 0, 1][..], &[0; 24]].concat());
    all.push([&[0x80, 0, 0, 0][..], b"END\r\n"].concat());
    all
}

const GARBAGE: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"-ERR unknown command\r\n",
    b"$3\r\nabc\r\n",
    b"stored\r\n",
    b"STORED \r\n",
    b" STORED\r\n",
    b"STOREDEND\r\n",
    b"STORED\n",
    b"END\n",
    b"END\r\r\n",
    b"END \r\n",
    b"ENDED\r\n",
    b"NOT_FOUND\n",
    b"NOT-FOUND\r\n",
    b"DELETED\n",
    b"TOUCHED\n",
    b"OK\n",
    b"OK ok\r\n",
    b"7\n",
    b"7 \r\n",
    b"+7\r\n",
    b"-1\r\n",
    b"07\r\n",
    b"0x7\r\n",
    b"18446744073709551616\r\n",
    b"99999999999999999999999\r\n",
    b"VERSION\r\n",
    b"VERSION 1.6.18\n",
    b"RESET \r\n",
    b"STAT\r\nEND\r\n",
    b"STAT \r\nEND\r\n",
    b"STAT  1\r\nEND\r\n",
    b"STATS pid 1\r\nEND\r\n",
    b"STAT p\0d 1\r\nEND\r\n",
    b"STAT p\td 1\r\nEND\r\n",
    b"STAT pid 1\0\r\nEND\r\n",
    b"STAT pid 1\r2\r\nEND\r\n",
    b"STAT pid 1\nEND\r\n",
    b"STAT pid 1\r\nITEM a [1 b; 0 s]\r\nEND\r\n",
    b"STAT pid 1\r\nVALUE key 0 3\r\nabc\r\nEND\r\n",
    b"STAT pid 1\r\nOK\r\n",
    b"PREFIX a get 1 hit 1 set 0 del 0\r\nEND\r\n",
    b"ERRORS\r\n",
    b"SERVER_ERRORS x\r\n",
    b"CLIENT_ERROR_ x\r\n",
    b"\0\r\n",
    b"\xff\xfe\r\n",
    b"HD\r\n",
    b"EN\r\n",
    b"MN\r\n",
    b"VA 3\r\nabc\r\n",
    b"VALUE\r\n",
    b"VALUE key\r\n",
    b"VALUE key 0\r\nEND\r\n",
    b"VALUE key 0 abc\r\nEND\r\n",
    b"VALUE key 0 -3\r\nEND\r\n",
    b"VALUE key -1 3\r\nabc\r\nEND\r\n",
    b"VALUE key +1 3\r\nabc\r\nEND\r\n",
    b"VALUE key 0 03\r\nabc\r\nEND\r\n",
    b"VALUE key 0x0 3\r\nabc\r\nEND\r\n",
    b"VALUE key 0  3\r\nabc\r\nEND\r\n",
    b"VALUE  key 0 3\r\nabc\r\nEND\r\n",
    b"VALUE  0 3\r\nabc\r\nEND\r\n",
    b"VALUE key 0 3 \r\nabc\r\nEND\r\n",
    b"VALUE key 0 3 9 9\r\nabc\r\nEND\r\n",
    b"VALUE key 0 3 x\r\nabc\r\nEND\r\n",
    b"VALUE key 0 3 18446744073709551616\r\nabc\r\nEND\r\n",
    b"VALUE key 4294967296 3\r\nabc\r\nEND\r\n",
    b"VALUE key 0 18446744073709551616\r\nabc\r\nEND\r\n",
    b"VALUE key 0 18446744073709551615\r\nabc\r\nEND\r\n",
    b"VALUE key 0 2147483648\r\nabc\r\nEND\r\n",
    b"VALUE key 0 3\nabc\r\nEND\r\n",
    b"VALUE key 0 3\r\nabcEND\r\n",
    b"VALUE key 0 3\r\nabcxxEND\r\n",
    b"VALUE key 0 3 9\r\nabc\0\0END\r\n",
    b"VALUE key 0 3\r\nabc\nEND\r\n",
    b"VALUE key 0 3\r\nabcd\r\nEND\r\n",
    b"VALUE key 0 3\r\nab\r\nEND\r\n",
    b"VALUE key 0 3 9\r\nab\r\nEND\r\n",
    b"VALUE key 0 3 9\r\nabcd\r\nEND\r\n",
    b"VALUE kez 0 3\r\nabc\r\nEND\r\n",
    b"VALUE kez 0 3 9\r\nabc\r\nEND\r\n",
    b"VALUE ke 0 3\r\nabc\r\nEND\r\n",
    b"VALUE keyy 0 3\r\nabc\r\nEND\r\n",
    b"VALUE KEY 0 3\r\nabc\r\nEND\r\n",
    b"VALUE key 0 3\r\nabc\r\nSTORED\r\n",
    b"VALUE key 0 3\r\nabc\r\nend\r\n",
    b"VALUE key 0 3 9\r\nabc\r\nEND\n",
    b"VALUE key 0 3\r\nabc\r\nVALUE key 0 3\r\nabc\r\nEND\r\n",
    b"VALUE key 0 3 9\r\nabc\r\nVALUE key 0 3 9\r\nabc\r\nEND\r\n",
    b"VALUE key 0 3\r\nabc\r\nVALUE other 0 3\r\nabc\r\nEND\r\n",
];

/// Every reply to one command of `op` with the key `key`.
pub fn rows(op: Op) -> Vec<Row> {
    let unbelieved = |reply| Row {
        reply,
        told: ABANDONED,
        after: After::Broken,
    };
    let right = |reply: &&str| {
        let bytes = format!("{reply}\r\n").into_bytes();
        match meaning(op, reply) {
            None => unbelieved(bytes),
            Some(told) => Row {
                reply: bytes,
                told,
                after: After::InStep,
            },
        }
    };
    let mut rows: Vec<Row> = REPLIES.iter().map(right).collect();
    rows.extend(errors(op));
    // A reply twice: the first one stands, and nothing behind it is believed.
    let twice = |row: &Row| Row {
        reply: [&row.reply[..], &row.reply].concat(),
        told: row.told.clone(),
        after: After::Broken,
    };
    let surplus: Vec<Row> = rows.iter().map(twice).collect();
    rows.extend(surplus);
    rows.extend(garbage().into_iter().map(unbelieved));
    rows
}
