//! What servers do that surprises, and that users rely on a client to put up with; through the C ABI.
//!
//! | oddity | told by a scripted server | by memcached |
//! | --- | --- | --- |
//! | `NOT FOUND`, `NOT STORED` with a space | here; every command: `session` (table.rs), `every_cut` | no server that is installed says so |
//! | blanks behind the number after decr | here | `conformance` (arithmetic.txt), `c_programs` (arithmetic.c), here |
//! | a key twice in one read | `session` (lines.rs), `every_cut` | `conformance` (multi.txt), here |
//! | values that hold `END\r\n`, or other replies | `session` (table.rs, lines.rs), `every_cut` | `conformance` (values.txt, multi.txt), here |
//! | keys of 250 bytes, and none of 251 | | `conformance` (keys.txt, prefix.txt), `c_programs` (limits.c), here in batches |
//! | values of 0 bytes | `session` (table.rs), `every_cut` | `conformance` (values.txt, multi.txt), `c_programs` (limits.c) |
//! | values at the limit, and a byte around it | | `conformance` (limits.txt), `c_programs` (limits.c): `-I 1m`; here: other limits |

mod support;

use support::client::{Client, NO_VALUE, NOT_FOUND, NOT_STORED, OK, TOO_LARGE, name};
use support::execute::{
    ADD, APPEND, CAS, Command, DECR, DELETE, GAT, GATS, GET, GETS, INCR, PREPEND, REPLACE, SET,
    Said, TOUCH,
};
use support::memcached::Memcached;
use support::scripted::{Part, Script, Scripted};

const ILLEGAL_INPUT: i32 = 0x0203;
const UNEXPECTED_RESPONSE: i32 = 0x0204;

const EFFECT_NOT_APPLIED: u32 = 1;
const EFFECT_REMOVED: u32 = 4;

fn command(op: u32, key: &str) -> Command {
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

/// A server that gives each request of a connection the next of the replies.
fn scripted(replies: &[&str]) -> (Scripted, Client) {
    let part = |reply: &&str| Part {
        requests: 1,
        replies: vec![reply.as_bytes().to_vec()],
    };
    let server = Scripted::new(Script::whole(replies.iter().map(part).collect()));
    let client = Client::new(&server.uri("?timeout=10s&protocol=ascii"));
    (server, client)
}

/// Each word means what it means with an underscore, and the connection goes on.
#[test]
fn words_with_a_space_for_an_underscore() {
    let misses = [DELETE, TOUCH, INCR, DECR, CAS].map(|op| (op, "NOT FOUND\r\n", NOT_FOUND));
    let refusals =
        [SET, ADD, REPLACE, APPEND, PREPEND].map(|op| (op, "NOT STORED\r\n", NOT_STORED));
    for (op, reply, status) in misses.into_iter().chain(refusals) {
        let (_server, client) = scripted(&[reply, reply, "VALUE k 0 1\r\n1\r\nEND\r\n"]);
        let said = client.execute(&command(op, "k"));
        assert_eq!(said.status, status, "{op}: {}", name(said.status));
        assert_eq!((said.number, said.value), (None, None));
        let (_, said) = client.execute_multi(&[command(op, "k"), command(GET, "k")]);
        // Of a connection that was begun anew the third reply would not be the next.
        let statuses: Vec<_> = said.iter().map(|said| said.status).collect();
        assert_eq!(statuses, [status, OK], "{op}, in a batch");
        assert_eq!(said[1].value.as_deref(), Some(&b"1"[..]));
    }
}

/// FM-50: a shorter number is the value's bytes with the blanks, in every read, and counts on.
#[test]
fn fm50_blanks_behind_what_decr_left() {
    let server = Memcached::unix(&[]);
    let client = Client::new(&server.uri());
    assert_eq!(client.set("n", b"1000"), OK);
    let less = Command {
        delta: 991,
        ..command(DECR, "n")
    };
    assert_eq!(client.execute(&less).number, Some(9));
    for op in [GET, GETS, GAT, GATS] {
        let said = client.execute(&command(op, "n"));
        assert_eq!(said.value.as_deref(), Some(&b"9   "[..]), "{op}");
        let (_, said) = client.execute_multi(&[command(op, "n"), command(op, "n")]);
        assert!(
            said.iter()
                .all(|s| s.value.as_deref() == Some(&b"9   "[..]))
        );
    }
    assert_eq!(client.execute(&command(INCR, "n")).number, Some(10));
    assert_eq!(client.execute(&command(DECR, "n")).number, Some(9));
}

/// FM-28, FM-50: in the reply to decr itself no server has blanks; what has some is not believed.
#[test]
fn fm28_fm50_no_number_with_blanks() {
    for reply in ["9 \r\n", " 9\r\n", "9   \r\n"] {
        let (_server, client) = scripted(&[reply]);
        let said = client.execute(&command(DECR, "n"));
        assert_eq!(
            (said.status, said.number),
            (UNEXPECTED_RESPONSE, None),
            "{reply:?}"
        );
    }
}

/// FM-57: one answer for each place, wherever the keys lie and whatever their values look like.
#[test]
fn fm57_keys_in_several_places() {
    let servers = [Memcached::unix(&[]), Memcached::tcp(&[])];
    let client = Client::new(&format!("{},{}", servers[0].uri(), servers[1].uri()));
    let long = "k".repeat(250);
    let items: Vec<(String, &[u8])> = vec![
        ("a".into(), b"END\r\n"),
        ("b".into(), b""),
        ("c".into(), b"VALUE a 0 1\r\nx\r\nEND\r\n"),
        (long, b"\r\nEND\r\n"),
        ("absent".into(), b"is not stored"),
        ("d".into(), b"NOT_FOUND\r\n"),
    ];
    for (key, value) in items.iter().filter(|item| item.0 != "absent") {
        assert_eq!(client.set(key, value), OK);
    }
    // In an order in which each is asked for many times, beside itself and far from itself.
    let places: Vec<_> = (0..600).map(|at| at * 7919 % 1009 % items.len()).collect();
    for op in [GET, GETS, GAT, GATS] {
        let commands: Vec<_> = places.iter().map(|at| command(op, &items[*at].0)).collect();
        let (status, all) = client.execute_multi(&commands);
        assert_eq!((status, all.len()), (OK, places.len()));
        let mut seen: Vec<Option<&Said>> = vec![None; items.len()];
        for (at, said) in places.iter().zip(&all) {
            let (key, value) = &items[*at];
            match key.as_str() {
                "absent" => assert_eq!((said.status, &said.value), (NO_VALUE, &None)),
                _ => assert_eq!(said.value.as_deref(), Some(*value), "{key}"),
            }
            // CAS and flags are those of the other places, too.
            assert_eq!(seen[*at].get_or_insert(said), &said);
        }
        assert!(seen.iter().all(Option::is_some), "every key was asked for");
    }
}

/// FM-38, FM-40: a key of 251 bytes is refused in its place, the others go on; with a prefix the whole is counted.
#[test]
fn fm38_fm40_keys_of_250_bytes_in_batches() {
    let server = Memcached::unix(&[]);
    let plain = Client::new(&server.uri());
    let prefixed = plain.with("key_prefix=0123456789");
    for (client, most) in [(&plain, 250), (&prefixed, 240)] {
        let (longest, beyond) = ("k".repeat(most), "k".repeat(most + 1));
        for (op, status) in [
            (SET, OK),
            (GET, OK),
            (APPEND, OK),
            (GATS, OK),
            (TOUCH, OK),
            (DELETE, OK),
            (GETS, NO_VALUE),
            (DELETE, NOT_FOUND),
        ] {
            let keys = [&longest, &beyond, &longest];
            let (_, all) = client.execute_multi(&keys.map(|key| command(op, key)));
            let again = if op == DELETE { NOT_FOUND } else { status };
            let statuses: Vec<_> = all.iter().map(|said| said.status).collect();
            assert_eq!(
                statuses,
                [status, ILLEGAL_INPUT, again],
                "{op}, {most} bytes"
            );
        }
    }
}

/// What fits into an item of `limit` bytes: a header of 48, a CAS of 8, the key and a NUL, 4 bytes for
/// flags that are not 0, the value and its line end.
fn largest(limit: usize, key: &str, flags: u32) -> usize {
    limit - 48 - 8 - (key.len() + 1) - if flags == 0 { 0 } else { 4 } - 2
}

fn store(client: &Client, key: &str, len: usize, flags: u32) -> Said {
    let value: Vec<u8> = (0..len).map(|at| (at * 31 / 7) as u8).collect();
    let command = Command {
        flags,
        ..Command::new(SET, key).value(&value)
    };
    let said = client.execute(&command);
    if said.status == OK {
        let read = client.execute(&Command::new(GET, key));
        assert_eq!(read.value, Some(value), "{len} bytes");
        assert_eq!(read.flags, Some(flags));
    }
    said
}

/// FM-52: the client's limit is the server's, to a byte, whatever `-I` says: what it lets through is stored,
/// what it refuses the server would refuse.
#[test]
fn fm52_values_around_limits_of_other_sizes() {
    for (size, limit) in [("512k", 512 << 10), ("1m", 1 << 20), ("4m", 4 << 20)] {
        let server = Memcached::unix(&["-I", size, "-m", "256"]);
        let same = Client::new(&format!("{}?item_size_max={size}", server.uri()));
        let blind = same.with("item_size_max=16m");
        let long = "k".repeat(250);
        for (key, flags) in [("k", 0), ("k", 7), (long.as_str(), 0)] {
            let most = largest(limit, key, flags);
            for len in [most - 1, most] {
                let said = store(&same, key, len, flags);
                assert_eq!(said.status, OK, "-I {size}, {len} bytes: {}", said.text);
            }
            let said = store(&same, key, most + 1, flags);
            assert_eq!((said.status, said.effect), (TOO_LARGE, EFFECT_NOT_APPLIED));
            assert_eq!(
                same.execute(&Command::new(GET, key)).status,
                OK,
                "it is there"
            );
            let said = store(&blind, key, most, flags);
            assert_eq!(said.status, OK);
            let said = store(&blind, key, most + 1, flags);
            assert_eq!((said.status, said.effect), (TOO_LARGE, EFFECT_REMOVED));
            assert_eq!(same.execute(&Command::new(GET, key)).status, NO_VALUE);
        }
    }
}
