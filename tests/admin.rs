//! Lines of operators: what memcached answers to them, what is not sent, and servers that misbehave.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::client::{
    CONNECT_FAILED, Client, Got, INVALID_ARGUMENT, OK, PARTIAL, SLACK, TIMEOUT, UNSUPPORTED,
    last_error,
};
use support::memcached::Memcached;

const ILLEGAL_INPUT: i32 = 0x0203;
const CLIENT_ERROR: i32 = 0x0703;
const UNKNOWN_COMMAND: i32 = 0x0001_0703;
const SERVER_ERROR: i32 = 0x0104;
const NOT_PERMITTED: i32 = 0x0002_0104;
const UNEXPECTED_RESPONSE: i32 = 0x0204;
const SERVER_DISCONNECT: i32 = 0x0105;

#[test]
fn lines_that_memcached_knows() {
    let server = Memcached::unix(&[]);
    let client = Client::new(&format!("{}?key_prefix=p:", server.uri()));
    for (line, status, words) in [
        ("version", OK, server.raw().version().as_str()),
        ("lru mode segmented", OK, "OK"),
        ("lru tune 10 20 0.2 2.0", OK, "OK"),
        ("lru tune", UNKNOWN_COMMAND, "ERROR"),
        ("slabs automove 1", OK, "OK"),
        ("slabs reassign 1 2", SERVER_ERROR, "NOSPARE"),
        ("slabs reassign 1 9999", CLIENT_ERROR, "BADCLASS"),
        ("lru_crawler sleep 100", OK, "OK"),
        ("lru_crawler sleep 5000000", CLIENT_ERROR, "one second"),
        ("lru_crawler crawl no", CLIENT_ERROR, "BADCLASS"),
        ("lru_crawler enable", SERVER_ERROR, "failed to start"),
        ("lru_crawler disable", OK, "OK"),
        ("cache_memlimit 32", OK, "OK"),
        ("cache_memlimit 1", CLIENT_ERROR, "MEMLIMIT_TOO_SMALL"),
        ("verbosity 0", OK, "OK"),
        ("flush_all", OK, "OK"),
        ("mn", OK, "MN"),
        ("stats reset", OK, "RESET"),
        ("stats detail on", OK, "OK"),
        ("stats detail", CLIENT_ERROR, "usage"),
        ("stats sizes_enable", OK, "STAT sizes_status enabled"),
        ("stats no such", UNKNOWN_COMMAND, "ERROR"),
        ("refresh_certs", NOT_PERMITTED, "not enabled"),
        ("shutdown", NOT_PERMITTED, "not enabled"),
    ] {
        let answer = client.admin(line, None);
        assert_eq!(answer.statuses(), [status], "{line}: {}", last_error());
        let told = &answer.servers[0];
        assert_eq!(told.name, client.servers()[0]);
        if status == OK {
            assert_eq!((answer.status, &told.value[..]), (OK, words), "{line}");
            assert_eq!(told.text, "", "{line}");
        } else {
            assert_eq!((answer.status, &told.value[..]), (PARTIAL, ""), "{line}");
            assert!(told.text.contains(words), "{line}: {}", told.text);
        }
    }
    assert_eq!(server.raw().stat("limit_maxbytes"), 32 << 20);
    // Statistics as they are, their END left out.
    let answer = client.admin("stats settings", None);
    let lines: Vec<_> = answer.servers[0].value.lines().collect();
    let said = server.raw().stats("settings");
    let said: Vec<_> = said.iter().map(|stat| format!("STAT {stat}")).collect();
    assert_eq!(lines, said);
}

/// All servers, or the one that is named, by its alias or its address.
#[test]
fn every_server_or_one() {
    let mut servers = [
        Memcached::unix(&[]),
        Memcached::tcp_to_restart(&[]),
        Memcached::tcp(&[]),
    ];
    let uris: Vec<_> = servers.iter().map(Memcached::uri).collect();
    let list = format!("{},{},{}?alias=third", uris[0], uris[1], uris[2]);
    let client = Client::new(&list);
    servers[1].kill();
    let limit = |number: usize| servers[number].raw().stat("limit_maxbytes") >> 20;
    let answer = client.admin("cache_memlimit 20", None);
    assert_eq!(answer.status, PARTIAL);
    assert_eq!(
        answer.statuses(),
        [OK, CONNECT_FAILED, OK],
        "{}",
        last_error()
    );
    assert_eq!((limit(0), limit(2)), (20, 20));
    for (which, number, expected) in [("third", 2, [20, 30]), (&uris[0], 0, [40, 30])] {
        let line = format!("cache_memlimit {}", 30 + 10 * usize::from(number == 0));
        let answer = client.admin(&line, Some(which));
        assert_eq!((answer.status, answer.statuses()), (OK, vec![OK]));
        assert_eq!(answer.servers[0].name, client.servers()[number]);
        assert_eq!([limit(0), limit(2)], expected);
    }
    assert_eq!(
        client.admin("version", Some(&uris[1])).statuses(),
        [CONNECT_FAILED]
    );
    for nowhere in ["127.0.0.1:1", "fourth", ""] {
        let answer = client.admin("flush_all", Some(nowhere));
        assert!(
            answer.status != OK && answer.servers.is_empty(),
            "{nowhere}"
        );
    }
    assert_eq!(
        client.admin("flush_all", Some("127.0.0.1:1")).status,
        INVALID_ARGUMENT
    );
}

/// FM-41, FM-59: not a byte of it is sent.
#[test]
fn fm41_fm59_lines_that_are_not_sent() {
    let (uri, count) = scripted("OK\r\n", true);
    let client = Client::new(&uri);
    let long = format!("lru {}", "x".repeat(1021));
    for (line, status) in [
        ("", ILLEGAL_INPUT),
        ("   ", ILLEGAL_INPUT),
        ("version\r\nflush_all", ILLEGAL_INPUT),
        ("version\n", ILLEGAL_INPUT),
        ("version\0", ILLEGAL_INPUT),
        ("lru\tmode", ILLEGAL_INPUT),
        (&long, ILLEGAL_INPUT),
        ("watch", UNSUPPORTED),
        (" watch fetchers", UNSUPPORTED),
        ("lru_crawler metadump all", UNSUPPORTED),
        ("lru_crawler mgdump hash", UNSUPPORTED),
        ("stats cachedump 1 1", UNSUPPORTED),
        ("stats detail dump", UNSUPPORTED),
        ("flush_all noreply", UNSUPPORTED),
        ("verbosity 1 noreply ", UNSUPPORTED),
        ("me key", UNSUPPORTED),
        ("get key", UNSUPPORTED),
        ("set key 0 0 1", UNSUPPORTED),
        ("quit", UNSUPPORTED),
        ("debug", UNSUPPORTED),
        ("no such command", UNSUPPORTED),
    ] {
        let answer = client.admin(line, None);
        assert_eq!(
            (answer.status, answer.servers.len()),
            (status, 0),
            "{line:?}"
        );
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "not even a connection");
    assert_eq!(client.admin("lru mode flat", None).status, OK);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

/// A server obeys `shutdown` by going; the pool's connections find out by themselves.
#[test]
fn shutdown_is_answered_by_the_end() {
    for line in ["shutdown", "shutdown graceful"] {
        let server = Memcached::tcp(&["-A"]);
        let client = Client::new(&server.uri());
        assert_eq!(client.set("key", b"1"), OK);
        let refused = client.admin("shutdown what", None);
        assert_eq!(refused.statuses(), [CLIENT_ERROR], "{}", last_error());
        let answer = client.admin(line, None);
        assert_eq!(answer.statuses(), [OK], "{line}: {}", last_error());
        assert_eq!(answer.servers[0].value, "");
        // It takes its time to go.
        let deadline = Instant::now() + Duration::from_secs(20);
        while !matches!(client.get("key"), Got::Failed(_)) {
            assert!(Instant::now() < deadline, "it goes on");
        }
    }
}

#[test]
fn servers_in_memory() {
    let client = Client::new("memory://one,memory://two");
    assert_eq!(client.admin("version", None).status, OK);
    assert_eq!(
        client.admin("lru mode flat", None).statuses(),
        [UNKNOWN_COMMAND; 2]
    );
    assert_eq!(
        client.admin("shutdown", None).statuses(),
        [NOT_PERMITTED; 2]
    );
    assert_eq!(client.set("key", b"1"), OK);
    assert_eq!(client.admin("flush_all", None).statuses(), [OK; 2]);
    assert_eq!(client.get("key"), Got::Miss);
    let stats = client.admin("stats", None);
    assert!(
        stats
            .servers
            .iter()
            .all(|server| server.value.contains("STAT curr_items "))
    );
    assert_eq!(Client::new("").admin("version", None).status, OK);
}

// --- servers that misbehave

/// A server that answers the first line of each connection by `reply`, and then closes it, or leaves it
/// open. Counts its connections.
fn scripted(reply: &'static str, open: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || answer(stream, reply, open));
        }
    });
    (format!("memcached://{address}/"), count)
}

fn answer(mut stream: TcpStream, reply: &str, open: bool) {
    let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
    if reader.read_line(&mut String::new()).is_ok() {
        let _ = stream.write_all(reply.as_bytes());
        if open {
            let _ = reader.read(&mut [0]);
        }
    }
}

/// FM-09, FM-59: half an answer is none, and a connection that carried a line carries nothing else.
#[test]
fn fm59_answers_that_cannot_be_believed() {
    for (line, reply, open, status) in [
        ("version", "VERSION 1\r\nVERSION 2\r\n", true, OK),
        ("version", "OK", false, SERVER_DISCONNECT),
        ("version", "", false, SERVER_DISCONNECT),
        ("stats", "STAT a 1\r\n", false, SERVER_DISCONNECT),
        ("stats", "STAT a 1\r\nEND\r\n", true, OK),
        ("stats", "STAT a 1\r\nERROR\r\n", true, UNEXPECTED_RESPONSE),
        (
            "stats",
            "VALUE a 0 1\r\n1\r\nEND\r\n",
            true,
            UNEXPECTED_RESPONSE,
        ),
        ("shutdown", "OK\r\n", true, UNEXPECTED_RESPONSE),
        ("shutdown", "", false, OK),
        (
            "lru mode flat",
            "ERROR Too many open connections\r\n",
            false,
            0x0605,
        ),
    ] {
        let (uri, count) = scripted(reply, open);
        let client = Client::new(&uri);
        for n in 1..=2 {
            let answer = client.admin(line, None);
            assert_eq!(
                answer.statuses(),
                [status],
                "{line}, {reply:?}: {}",
                last_error()
            );
            assert_eq!(count.load(Ordering::SeqCst), n, "a connection each");
            if status == OK && line == "version" {
                assert_eq!(answer.servers[0].value, "VERSION 1");
            }
        }
    }
}

/// FM-01, FM-24: a server that stalls is given up, one that never ends is bounded.
#[test]
fn fm01_fm24_servers_that_stall_and_that_never_end() {
    let good = Memcached::tcp(&[]);
    let (silent, _) = scripted("O", true);
    let client = Client::new(&format!("{},{silent}?timeout=200ms", good.uri()));
    let began = Instant::now();
    let answer = client.admin("lru mode segmented", None);
    assert!(
        began.elapsed() <= Duration::from_millis(200) + SLACK,
        "{:?}",
        began.elapsed()
    );
    assert_eq!(answer.statuses(), [OK, TIMEOUT], "{}", last_error());
    let reply: &'static str = "STAT some text\r\n".repeat(10_000).leak();
    let (endless, _) = scripted(reply, true);
    let client = Client::new(&format!("{endless}?max_value_size=65536"));
    let answer = client.admin("stats", None);
    assert_eq!(answer.statuses(), [UNEXPECTED_RESPONSE], "{}", last_error());
    assert!(answer.servers[0].text.contains("max_value_size"));
}
