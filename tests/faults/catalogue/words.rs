//! What servers say in each protocol, as the faults quote it: replies that nobody asked for, and
//! replies that no server sends.

use super::super::frame::binary::opcode::{GETKQ, INCREMENT, NOOP, SET, VERSION};
use super::super::outcome::{Op, Protocol};
use super::super::reply::Value;
use super::super::reply::binary::{frame, status};
use super::keys;

/// A value that nobody asked for, in ASCII without the end behind it.
pub fn evil(protocol: Protocol, key: &str) -> Vec<u8> {
    Value::of(protocol, key.as_bytes(), 0, b"EVIL").bytes()
}

/// What stands behind the values of a read.
pub fn end(protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::Ascii => b"END\r\n".to_vec(),
        Protocol::Meta => b"MN\r\n".to_vec(),
        Protocol::Binary => frame(NOOP, status::OK, 0, &[], &[], &[]).bytes(),
    }
}

fn missing(protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::Ascii => b"END\r\n".to_vec(),
        Protocol::Meta => b"EN\r\n".to_vec(),
        Protocol::Binary => frame(GETKQ, status::NOT_FOUND, 0, &[], &[], b"Not found").bytes(),
    }
}

fn stored(protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::Ascii => b"STORED\r\n".to_vec(),
        Protocol::Meta => b"HD\r\n".to_vec(),
        Protocol::Binary => frame(SET, status::OK, 0, &[], &[], &[]).bytes(),
    }
}

fn number(protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::Ascii => b"4711\r\n".to_vec(),
        Protocol::Meta => b"VA 4\r\n4711\r\n".to_vec(),
        Protocol::Binary => {
            frame(INCREMENT, status::OK, 0, &[], &[], &4711u64.to_be_bytes()).bytes()
        }
    }
}

fn no_counter(protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::Ascii => b"NOT_FOUND\r\n".to_vec(),
        Protocol::Meta => b"NF\r\n".to_vec(),
        Protocol::Binary => frame(INCREMENT, status::NOT_FOUND, 0, &[], &[], b"Not found").bytes(),
    }
}

/// Replies that `op` could have, for keys of the call; where there are opaques, without one or with
/// that of no command.
pub fn plausible(protocol: Protocol, op: Op) -> Vec<Vec<u8>> {
    let keys = keys(op);
    let values: Vec<u8> = keys.iter().flat_map(|key| evil(protocol, key)).collect();
    let whole = [values, end(protocol)].concat();
    match op {
        Op::Get => vec![whole, missing(protocol)],
        Op::Mget => vec![whole],
        Op::Set => vec![stored(protocol)],
        Op::Incr => vec![number(protocol), no_counter(protocol)],
    }
}

/// A second reply that nobody asked for, of every kind.
pub fn unasked(protocol: Protocol) -> Vec<(&'static str, Vec<u8>)> {
    let next = [evil(protocol, "a-get"), end(protocol)].concat();
    let mut kinds = vec![
        ("a miss", missing(protocol)),
        ("STORED", stored(protocol)),
        ("a number", number(protocol)),
        ("NOT_FOUND", no_counter(protocol)),
        ("the next key's value", next),
        ("a lone line feed", b"\n".to_vec()),
    ];
    match protocol {
        Protocol::Ascii => kinds.push(("ERROR", b"ERROR\r\n".to_vec())),
        Protocol::Meta => {
            kinds.push(("MN", b"MN\r\n".to_vec()));
            kinds.push(("VERSION", b"VERSION 1.6.18\r\n".to_vec()));
            kinds.push(("HD with an opaque", b"HD O1\r\n".to_vec()));
            kinds.push(("ASCII's END", b"END\r\n".to_vec()));
        }
        Protocol::Binary => {
            kinds.push(("a no-op", end(protocol)));
            let version = frame(VERSION, status::OK, 0, &[], &[], b"1.6.18");
            kinds.push(("a version", version.bytes()));
            let error = frame(0, status::UNKNOWN, 0, &[], &[], b"Unknown command");
            kinds.push(("an unknown command", error.bytes()));
        }
    }
    kinds
}

/// What other commands (or other servers) answer, instead of the whole reply.
pub fn others(protocol: Protocol, op: Op) -> Vec<Vec<u8>> {
    if protocol == Protocol::Binary {
        return Vec::new();
    }
    let common: &[&str] = &[
        "DELETED",
        "TOUCHED",
        "OK",
        "RESET",
        "VERSION 1.6.18",
        "HD",
        "EN",
        "BUSY",
        "MN",
        "",
    ];
    let ascii: &[&str] = match op {
        Op::Get | Op::Mget => &[
            "STORED",
            "NOT_STORED",
            "EXISTS",
            "NOT_FOUND",
            "17",
            "VA 4 \r\nEVIL",
            "STAT pid 1",
        ],
        Op::Set => &["END", "17", "VALUE f-set 0 4\r\nEVIL\r\nEND"],
        Op::Incr => &[
            "STORED",
            "NOT_STORED",
            "EXISTS",
            "END",
            "VALUE f-ctr 0 1\r\n7\r\nEND",
        ],
    };
    let meta: &[&str] = &[
        "STORED",
        "NOT_STORED",
        "EXISTS",
        "NOT_FOUND",
        "END",
        "17",
        "NF",
        "NS",
        "EX",
        "ME f-get exp=-1",
        "VA 4\r\nEVIL",
        "VA 4 kf-get f0\r\nEVIL",
        "VALUE f-get 0 4\r\nEVIL\r\nEND",
        "STAT pid 1",
    ];
    let own = match protocol {
        Protocol::Ascii => ascii,
        _ => meta,
    };
    // Of reads that were asked quietly and were all for nothing, the answer is `MN`.
    let own = own.iter().chain(common);
    let own = own.filter(|text| protocol == Protocol::Ascii || op != Op::Mget || **text != "MN");
    let line = |text: &&str| format!("{text}\r\n").into_bytes();
    own.map(line).collect()
}
