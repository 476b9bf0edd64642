//! Meta and binary as clients speak them: real servers, servers in memory, and scripts that say what no
//! server should.

mod support;

#[path = "protocols/doubt.rs"]
mod doubt;
#[path = "protocols/script.rs"]
mod script;

use std::collections::BTreeSet;

use script::Script;
use support::client::{Client, Got, NOT_FOUND, OK, PARTIAL, TIMEOUT, TOO_LARGE, UNSUPPORTED, name};
use support::memcached::Memcached;

const ILLEGAL_INPUT: i32 = 0x0203;
const UNKNOWN_COMMAND: i32 = 0x0001_0703;
const TOO_MANY_CONNECTIONS: i32 = 0x0605;

const PROTOCOLS: [&str; 3] = ["ascii", "meta", "binary"];

fn client(uri: &str, protocol: &str) -> Client {
    Client::new(&format!("{uri}?protocol={protocol}&batch_timeout=60s"))
}

/// FM-56: the same statistics over every protocol, of every kind.
#[test]
fn fm56_statistics_are_alike() {
    let server = Memcached::unix(&["-o", "track_sizes"]);
    let memory = "memory://protocols-statistics";
    let holder = Client::new(memory);
    for uri in [&server.uri()[..], memory] {
        let clients = PROTOCOLS.map(|protocol| client(uri, protocol));
        for n in 0..50 {
            assert_eq!(
                clients[n % 3].set(&format!("key{n}"), &vec![b'v'; n * 100]),
                OK
            );
        }
        for argument in ["", "settings", "items", "slabs", "sizes"] {
            let told = |client: &Client| {
                let answer = client.stats(argument);
                assert_eq!(
                    answer.status,
                    OK,
                    "{uri} {argument}: {}",
                    name(answer.status)
                );
                let stats = answer.servers[0].stats.iter();
                stats.map(|stat| stat.name.clone()).collect::<Vec<_>>()
            };
            let all = clients.each_ref().map(told);
            assert!(!all[0].is_empty(), "{uri} {argument}");
            assert_eq!(all[0], all[1], "{uri} {argument}");
            assert_eq!(all[0], all[2], "{uri} {argument}");
        }
        for client in &clients {
            let reset = client.stats("reset");
            assert!(reset.status == OK && reset.servers[0].stats.is_empty());
            let unknown = client.stats("nonsense");
            assert_eq!(unknown.statuses(), [UNKNOWN_COMMAND]);
            // And the connection goes on.
            assert_eq!(client.get("key1"), Got::Value(vec![b'v'; 100]));
            assert_eq!(client.ping().statuses(), [OK]);
            assert_eq!(client.delete_all("key2").statuses(), [OK]);
            assert_eq!(client.delete_all("key2").statuses(), [NOT_FOUND]);
            assert_eq!(client.set("key2", b"x"), OK);
        }
    }
    drop(holder);
}

/// Keys are dumped and operators' lines asked over connections of their own, in lines.
#[test]
fn dumps_and_lines_beside_frames() {
    let server = Memcached::tcp(&[]);
    let memory = "memory://protocols-dumps";
    let holder = Client::new(memory);
    for uri in [&server.uri()[..], memory] {
        for protocol in PROTOCOLS {
            let client = client(uri, protocol);
            client.flush_all(0);
            let keys: BTreeSet<_> = (0..100).map(|n| format!("{protocol}{n}")).collect();
            for key in &keys {
                assert_eq!(client.set(key, b"v"), OK);
            }
            let (dumped, told) = client.dump();
            assert_eq!(dumped.status, OK);
            let told: BTreeSet<_> = told.into_iter().map(|key| key.key).collect();
            let expected: BTreeSet<_> = keys.into_iter().map(String::into_bytes).collect();
            assert_eq!(told, expected, "{uri} {protocol}");
            assert_eq!(
                client.admin("mn", None).statuses(),
                [OK],
                "{uri} {protocol}"
            );
            assert_eq!(
                client.get(&format!("{protocol}1")),
                Got::Value(b"v".to_vec())
            );
        }
    }
    drop(holder);
}

/// FM-14: batches that fill every buffer on the way, of small values and of large ones.
#[test]
fn fm14_large_batches() {
    let server = Memcached::tcp(&["-m", "512"]);
    for protocol in PROTOCOLS {
        let client = client(&server.uri(), protocol);
        for (count, size) in [(20_000, 10), (300, 60_000), (20, 900_000)] {
            let keys: Vec<_> = (0..count)
                .map(|n| format!("{protocol}-{size}-{n}"))
                .collect();
            let values: Vec<_> = (0..count).map(|n| vec![n as u8; size]).collect();
            let stored = client.set_multi(&keys, &values);
            assert!(stored.status == OK && stored.entries.iter().all(|s| *s == OK));
            // Every other one goes; what is asked for twice is told twice.
            let gone: Vec<_> = keys.iter().step_by(2).collect();
            let deleted = client.delete_multi(&gone);
            assert!(deleted.entries.iter().all(|status| *status == OK));
            let again = client.delete_multi(&gone);
            assert!(again.entries.iter().all(|status| *status == NOT_FOUND));
            let asked: Vec<_> = keys.iter().chain(&keys[..count / 2]).collect();
            let got = client.get_multi(&asked);
            assert_eq!(got.status, OK, "{protocol} {size}");
            for (n, got) in got.entries.iter().enumerate() {
                let n = n % count;
                let expected = match n % 2 {
                    0 => Got::Miss,
                    _ => Got::Value(values[n].clone()),
                };
                assert!(*got == expected, "{protocol} {size} {n}");
            }
        }
    }
}

/// FM-52: what the server refuses for its size is told of the one that it is, among others.
#[test]
fn fm52_one_that_is_too_large() {
    let server = Memcached::unix(&[]);
    for protocol in PROTOCOLS {
        let client = Client::new(&format!(
            "{}?protocol={protocol}&item_size_max=8m",
            server.uri()
        ));
        let keys = ["a", "b", "c", "d"];
        let values = [
            vec![1; 10],
            vec![2; 2_000_000],
            vec![3; 600_000],
            vec![4; 10],
        ];
        let stored = client.set_multi(&keys, &values);
        assert_eq!(stored.entries, [OK, TOO_LARGE, OK, OK], "{protocol}");
        let got = client.get_multi(&keys);
        let expected = [0, 2, 3].map(|n| Got::Value(values[n].clone()));
        let [a, c, d] = expected;
        assert_eq!(got.entries, [a, Got::Miss, c, d], "{protocol}");
    }
}

/// FM-05, FM-58: a connection that proves itself first does so in its protocol.
#[test]
fn fm05_fm58_greetings() {
    let server = Memcached::tcp(&[]);
    for protocol in PROTOCOLS {
        let client = Client::new(&format!("{}?protocol={protocol}&paranoid=on", server.uri()));
        for _ in 0..3 {
            assert_eq!(client.set("k", protocol.as_bytes()), OK);
            assert_eq!(client.get("k"), Got::Value(protocol.into()));
            assert_eq!(client.close(), OK);
        }
    }
}

/// What binary has no command for is not sent: not one byte of it.
#[test]
fn not_a_byte_of_what_cannot_be_said() {
    let script = Script::of(|mut peer| {
        // Two gets, and nothing between them.
        for _ in 0..2 {
            let frame = peer.frame();
            assert_eq!((frame.opcode, &frame.body[..]), (0x0c, &b"key"[..]));
            peer.answer(&frame, 1, b"");
        }
        assert_eq!(peer.wait_for_the_end(), b"");
    });
    let client = client(&script.uri(), "binary");
    assert_eq!(client.get("key"), Got::Miss);
    for answer in [client.verbosity(1), client.cache_memlimit(64)] {
        assert_eq!(
            (answer.status, answer.statuses()),
            (PARTIAL, vec![UNSUPPORTED])
        );
        let text = &answer.servers[0].text;
        assert!(text.contains("doc/protocol-binary.txt"), "{text}");
    }
    assert_eq!(client.get("key"), Got::Miss);
    drop(client);
    script.join();
}

/// FM-29: a server that has no room says so in a line.
#[test]
fn fm29_a_line_in_the_place_of_a_frame() {
    let script = Script::of(|mut peer| {
        peer.frame();
        peer.write(b"ERROR Too many open connections\r\n");
    });
    let client = client(&script.uri(), "binary");
    assert_eq!(client.get("key"), Got::Failed(TOO_MANY_CONNECTIONS));
    let text = support::client::last_error();
    assert!(text.contains("Too many open connections"), "{text}");
    script.join();
}

/// FM-07: two connections do not begin with the same opaque.
#[test]
fn fm07_opaques_begin_anywhere() {
    let mut seen = BTreeSet::new();
    for _ in 0..8 {
        let (told, opaque) = std::sync::mpsc::channel();
        let script = Script::of(move |mut peer| {
            let frame = peer.frame();
            told.send(frame.opaque).expect("a test that waits");
            peer.answer(&frame, 1, b"");
        });
        assert_eq!(client(&script.uri(), "binary").get("key"), Got::Miss);
        seen.insert(opaque.recv().expect("an opaque"));
        script.join();
    }
    assert!(seen.len() > 6, "{seen:?}");
}

/// FM-36, FM-37: an item with a key of any bytes is the same item by meta, which says the key in base64, and
/// by binary, whose frames carry it; meta has room for 186 of them.
#[test]
fn fm36_fm37_keys_of_any_bytes() {
    let server = Memcached::unix(&[]);
    let memory = "memory://protocols-any-bytes";
    let holder = Client::new(memory);
    for uri in [&server.uri()[..], memory] {
        let any = |protocol: &str| client(uri, &format!("{protocol}&binary_keys=on&key_prefix=p:"));
        let (meta, binary) = (any("meta"), any("binary"));
        let mut keys: Vec<String> = (0..128u8)
            .map(|byte| format!("{}{byte}", byte as char))
            .collect();
        keys.extend([
            "\r\nflush_all\r\n".into(),
            " ".repeat(184),
            "\0".repeat(184),
        ]);
        let values: Vec<_> = (0..keys.len()).map(|n| format!("value {n}")).collect();
        for (writer, reader) in [(&binary, &meta), (&meta, &binary)] {
            let (single, batch) = keys.split_at(keys.len() / 2);
            for (key, value) in single.iter().zip(&values) {
                assert_eq!(writer.set(key, value.as_bytes()), OK, "{uri} {key:?}");
            }
            let stored = writer.set_multi(batch, &values[single.len()..]);
            assert_eq!(stored.status, OK, "{uri} {}", name(stored.status));
            let expected: Vec<_> = values
                .iter()
                .map(|value| Got::Value(value.clone().into()))
                .collect();
            for client in [reader, writer] {
                assert_eq!(client.get_multi(&keys).entries, expected, "{uri}");
                for (key, value) in keys.iter().zip(&expected) {
                    assert_eq!(client.get(key), *value, "{uri} {key:?}");
                }
            }
            let gone = reader.delete_multi(&keys);
            assert_eq!(gone.status, OK, "{uri} {}", name(gone.status));
            assert_eq!(writer.get(&keys[10]), Got::Miss);
        }
        // 250 bytes with their prefix, which is more than base64 leaves room for.
        for long in [" ".repeat(185), "\n".repeat(248)] {
            assert_eq!(binary.set(&long, b"long"), OK, "{uri}");
            assert_eq!(binary.get(&long), Got::Value(b"long".to_vec()), "{uri}");
            assert_eq!(meta.get(&long), Got::Failed(ILLEGAL_INPUT), "{uri}");
        }
        assert_eq!(binary.set(&" ".repeat(249), b"too long"), ILLEGAL_INPUT);
        assert_eq!(
            client(uri, "ascii").get("p: 32"),
            Got::Failed(ILLEGAL_INPUT)
        );
        assert_eq!(
            client(uri, "binary").get("p: 32"),
            Got::Failed(ILLEGAL_INPUT)
        );
    }
    drop(holder);
}

/// A silence longer than the timeout is a timeout, not an answer of what was silent.
#[test]
fn fm01_silence_is_no_answer() {
    for protocol in ["meta", "binary"] {
        let script = Script::of(|mut peer| {
            peer.wait_for_the_end();
        });
        let uri = format!("{}?protocol={protocol}&timeout=200ms", script.uri());
        let client = Client::new(&uri);
        let got = client.get_multi(&["a", "b"]);
        assert_eq!(got.entries, [Got::Failed(TIMEOUT), Got::Failed(TIMEOUT)]);
        drop(client);
        script.join();
    }
}
