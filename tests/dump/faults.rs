//! Dumps of servers that misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::support::client::{Client, OK, SLACK, TIMEOUT, last_error};
use super::support::memcached::Memcached;
use super::{ALL, CAS, EXPIRY, FETCHED, FLAGS, LAST_ACCESS, SERVER_ERROR, dump, names};

const UNKNOWN_COMMAND: i32 = 0x0001_0703;
const UNEXPECTED_RESPONSE: i32 = 0x0204;
const SERVER_DISCONNECT: i32 = 0x0105;

/// A server each of whose connections gets `reply` for the first line, and is then left open, or closed.
fn scripted(reply: Vec<u8>, open: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let reply = reply.clone();
            std::thread::spawn(move || answer(stream, &reply, open));
        }
    });
    format!("memcached://{address}/")
}

fn answer(mut stream: TcpStream, reply: &[u8], open: bool) {
    let mut line = String::new();
    let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
    if reader.read_line(&mut line).is_ok() && line == "lru_crawler metadump all\r\n" {
        let _ = stream.write_all(reply);
        if open {
            let _ = reader.read(&mut [0]);
        }
    }
}

const LINE: &str = "key=a exp=-1 la=1795182128 cas=1 fetch=yes cls=1 size=63 flags=7\n";

/// FM-59, FM-09: what is no dump ends it, whatever came before; nothing is told of what was not whole.
#[test]
fn fm59_what_is_no_dump() {
    let long = format!("key={}", "a".repeat(5000));
    let long_key = format!("key={} exp=-1\nEND\r\n", "a".repeat(251));
    for (behind, open, status) in [
        ("END\r\n", true, OK),
        ("END\n", true, OK),
        ("END\r\nmore", true, OK),
        ("", false, SERVER_DISCONNECT),
        ("key=b exp=-1", false, SERVER_DISCONNECT),
        ("END", false, SERVER_DISCONNECT),
        ("ENDE\r\n", true, UNEXPECTED_RESPONSE),
        ("STORED\r\nEND\r\n", true, UNEXPECTED_RESPONSE),
        ("\r\nEND\r\n", true, UNEXPECTED_RESPONSE),
        ("key=%4 exp=-1\nEND\r\n", true, UNEXPECTED_RESPONSE),
        ("key=%zz exp=-1\nEND\r\n", true, UNEXPECTED_RESPONSE),
        ("key= exp=-1\nEND\r\n", true, UNEXPECTED_RESPONSE),
        ("key=b exp=soon\nEND\r\n", true, UNEXPECTED_RESPONSE),
        (&long, true, UNEXPECTED_RESPONSE),
        (&long_key, true, UNEXPECTED_RESPONSE),
        ("ERROR\r\n", true, UNKNOWN_COMMAND),
        ("ERROR locked try again later\r\n", true, SERVER_ERROR),
    ] {
        let client = Client::new(&scripted(format!("{LINE}{behind}").into(), open));
        let (answer, keys) = client.dump();
        assert_eq!(answer.statuses(), [status], "{behind:?}: {}", last_error());
        assert_eq!((answer.servers[0].number, keys.len()), (1, 1), "{behind:?}");
        assert_eq!((keys[0].have, keys[0].flags), (ALL | FLAGS, 7));
        assert!(
            !answer.servers[0].text.contains("aaaa"),
            "keys are not shown"
        );
    }
}

/// Any bytes at all in a key; what a server does not tell is absent.
#[test]
fn any_key_and_old_servers() {
    let key: String = (0..=249u8).map(|byte| format!("%{byte:02x}")).collect();
    let reply = format!("key={key} exp=5 la=6 cas=7 fetch=no\nEND\r\n");
    let (answer, keys) = Client::new(&scripted(reply.into(), true)).dump();
    assert_eq!(answer.status, OK, "{}", last_error());
    assert_eq!(keys[0].key, (0..=249).collect::<Vec<u8>>());
    assert_eq!(keys[0].have, EXPIRY | LAST_ACCESS | CAS | FETCHED);
    assert_eq!(
        (keys[0].expiry, keys[0].last_access, keys[0].cas),
        (5, 6, 7)
    );
    assert_eq!((keys[0].class, keys[0].size, keys[0].flags), (0, 0, 0));
}

/// FM-84: a server that stalls ends its own part; FM-24: one without an end is bounded by the time for
/// all of it.
#[test]
fn fm24_fm84_servers_that_stall_and_that_never_end() {
    let good = Memcached::tcp(&[]);
    good.raw().set("good", "x");
    let silent = scripted(LINE.into(), true);
    let client = Client::new(&format!("{},{silent}?timeout=200ms", good.uri()));
    let began = Instant::now();
    let (answer, keys) = dump(&client);
    assert!(
        began.elapsed() <= Duration::from_millis(200) + SLACK,
        "{:?}",
        began.elapsed()
    );
    assert_eq!(answer.statuses(), [OK, TIMEOUT], "{}", last_error());
    assert_eq!(names(&keys), ["a", "good"]);

    let endless = scripted(LINE.repeat(1_000_000).into(), true);
    let client = Client::new(&endless);
    let mut told = 0u64;
    let began = Instant::now();
    let answer = client.dump_to(300_000, |_| {
        told += 1;
        std::thread::sleep(Duration::from_micros(50));
        0
    });
    assert!(
        began.elapsed() <= Duration::from_millis(300) + SLACK,
        "{:?}",
        began.elapsed()
    );
    assert_eq!(answer.statuses(), [TIMEOUT], "{}", last_error());
    assert!(told > 0 && answer.servers[0].number == told);
}
