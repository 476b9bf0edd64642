//! What a server is asked for depends on the version that its connection told: what it cannot do is
//! refused, with the version that can, before a byte of it is sent, or is done in another way.

#[path = "conformance/abi.rs"]
#[allow(dead_code)] // the rows take the rest
mod abi;
#[path = "conformance/client.rs"]
#[allow(dead_code)] // as above
mod client;
#[path = "gates/peer.rs"]
mod peer;
#[path = "conformance/show.rs"]
#[allow(dead_code)] // as above
mod show;
#[path = "conformance/step.rs"]
#[allow(dead_code)] // as above
mod step;
#[path = "conformance/support.rs"]
mod support;
#[path = "conformance/text.rs"]
#[allow(dead_code)] // as above
mod text;

use std::time::{Duration, Instant};

use std::ffi::CStr;

use client::Client;
use peer::Peer;
use step::Step;

fn command(line: &str) -> step::Command {
    match step::parse(line) {
        Step::Command(command) => *command,
        _ => panic!("{line} is one command"),
    }
}

/// Carry out one command; what it answers.
fn answer(client: &Client, line: &str) -> String {
    let command = command(line);
    let seen = client.execute(&command, &[]);
    let key = command.key.as_deref().unwrap_or_default();
    show::item(&seen, key, &mut show::CasSeen::default())
}

/// Many at once.
fn answers(client: &Client, lines: &[&str]) -> Vec<String> {
    let commands: Vec<_> = lines.iter().map(|line| command(line)).collect();
    let commands: Vec<_> = commands.iter().collect();
    let seen = client.execute_multi(&commands, &[]).items;
    let pairs = seen.iter().zip(&commands);
    let shown = pairs.map(|(seen, command)| {
        let key = command.key.as_deref().unwrap_or_default();
        show::item(seen, key, &mut show::CasSeen::default())
    });
    shown.collect()
}

fn last_error() -> String {
    // SAFETY: this thread's record.
    let text = unsafe { CStr::from_ptr(abi::mc_last_error()) };
    text.to_string_lossy().into_owned()
}

const PATIENCE: &str = "timeout=20s&connect_timeout=20s&batch_timeout=20s";

fn client(peer: &Peer, protocol: &str) -> Client {
    let port = peer.port();
    Client::new(&format!("127.0.0.1:{port}?protocol={protocol}&{PATIENCE}"))
}

/// Commands that some versions lack, the version that has them, the line that they are, a reply, and what
/// that is told as.
const GATED: [(&str, &str, &str, &str, &str); 9] = [
    (
        "set k \"v\" own_cas=77",
        "1.6.27",
        "ms k 1 E77 # v",
        "HD #",
        "OK",
    ),
    (
        "add k \"v\" own_cas=77",
        "1.6.27",
        "ms k 1 ME E77 # v",
        "NS #",
        "NOT_STORED not-applied",
    ),
    (
        "incr k own_cas=77",
        "1.6.27",
        "ma k MI v D1 E77 #",
        "VA 1 #\r\n5",
        "OK number=5",
    ),
    (
        "get k lease_ttl=9 own_cas=77",
        "1.6.27",
        "mg k v k f N9 E77 #",
        "VA 0 kk f0 # W\r\n",
        "OK \"\" flags=0 won",
    ),
    (
        "delete k stale_ttl=9 own_cas=77",
        "1.6.27",
        "md k I T9 E77 #",
        "HD #",
        "OK",
    ),
    (
        "delete k stale_ttl=9 drop_value",
        "1.6.27",
        "md k I T9 x #",
        "NF #",
        "NOT_FOUND",
    ),
    (
        "get k cas=5",
        "1.6.40",
        "mg k v k f C5 #",
        "HD kk f0 #",
        "OK flags=0",
    ),
    (
        "gets k cas=5",
        "1.6.40",
        "mg k v k f c C5 #",
        "VA 1 kk f0 c6 #\r\nv",
        "OK \"v\" flags=0 cas=c1",
    ),
    (
        "get k cas=5 want_ttl",
        "1.6.40",
        "mg k v k f C5 t #",
        "EN kk #",
        "NO_VALUE",
    ),
];

fn replies() -> Vec<(&'static str, &'static str)> {
    let gated = GATED.iter().map(|(_, _, line, reply, _)| (*line, *reply));
    let plain = [
        ("mg k v k f #", "VA 1 kk f0 #\r\nv"),
        ("mg k k f s #", "HD kk f0 s1 #"),
    ];
    gated.chain(plain).collect()
}

/// Each over a server that has it: asked for its version once, ahead of the command.
#[test]
fn a_server_that_has_it_is_asked() {
    let peer = Peer::new(&["1.6.45"], &replies());
    let client = client(&peer, "meta");
    for (line, _, _, _, expected) in GATED {
        assert_eq!(answer(&client, line), expected, "{line}");
    }
    let mut expected = vec!["version".to_string()];
    expected.extend(GATED.iter().map(|(_, _, line, ..)| line.to_string()));
    assert_eq!(peer.heard(), [expected]);
}

/// Each over a server that has it not: nothing but `version` is heard, and told is what is needed. The
/// connection serves what comes next.
#[test]
fn a_server_that_has_it_not_is_not_asked() {
    for version in ["1.6.18", "1.6.26", "1.6.10"] {
        let peer = Peer::new(&[version], &replies());
        let client = client(&peer, "meta");
        for (line, needed, ..) in GATED {
            let is_read = line.starts_with("get");
            let expected = match is_read {
                true => "UNSUPPORTED not-sent",
                false => "UNSUPPORTED not-applied not-sent",
            };
            assert_eq!(answer(&client, line), expected, "{line} of {version}");
            let text = last_error();
            assert!(text.contains(&format!("memcached {needed}")), "{text}");
            assert!(text.contains(version), "{text}");
        }
        assert_eq!(answer(&client, "get k"), "OK \"v\" flags=0");
        assert_eq!(peer.heard(), [["version", "mg k v k f #"]]);
    }
}

/// By ASCII nothing is even connected, and no version is asked.
#[test]
fn ascii_sends_nothing() {
    let peer = Peer::new(&["1.6.45"], &[]);
    let client = client(&peer, "ascii");
    let more = [
        ("get k lease_ttl=5", "1.6.10", "", "", ""),
        ("get k recache_ttl=5", "1.6.10", "", "", ""),
        ("delete k stale_ttl=5", "1.6.10", "", "", ""),
        ("delete k cas=5", "1.6.10", "", "", ""),
        ("get k peek", "1.6.10", "", "", ""),
        ("incr k sets_ttl", "1.6.10", "", "", ""),
    ];
    for (line, needed, ..) in GATED.iter().chain(&more) {
        assert!(answer(&client, line).starts_with("UNSUPPORTED"), "{line}");
        let text = last_error();
        let needs = format!("protocol=meta and memcached {needed}");
        assert!(text.contains(&needs), "{text}");
    }
    assert_eq!(peer.heard(), [[""; 0]; 0]);
}

/// The version that a connection told when it was made holds for all that it carries.
#[test]
fn a_connection_is_asked_once() {
    let peer = Peer::new(&["1.6.45"], &replies());
    let client = client(&peer, "meta");
    assert_eq!(answer(&client, "get k"), "OK \"v\" flags=0");
    assert_eq!(answer(&client, "exists k want_size"), "OK flags=0 size=1");
    assert_eq!(answer(&client, "set k \"v\" own_cas=77"), "OK");
    assert_eq!(answer(&client, "get k"), "OK \"v\" flags=0");
    let get = "mg k v k f #";
    let heard = ["version", get, "mg k k f s #", "ms k 1 E77 # v", get];
    assert_eq!(peer.heard(), [heard]);
}

/// A value that a server which does not know `ms` would run as a command.
const VALUE: &str = "\"flush_all\\r\\n\"";

/// Servers that are spoken to in meta and are too old for it, or do not say what they are: what is told of
/// them beside the version that is needed.
const TOO_OLD: [(&str, &str); 7] = [
    ("1.4.5_4_gaa7839e", "is 1.4.5"),
    ("1.4.39", "is 1.4.39"),
    ("1.5.22", "is 1.5.22"),
    ("1.6.0", "is 1.6.0"),
    ("1.6.9", "is 1.6.9"),
    ("mcrouter 37.0", "does not say that it is one"),
    ("ERROR", "does not say that it is one"),
];

/// FM-58: nothing but `version` is said to a server that knows no meta commands: it would run the value of
/// an `ms` as commands.
#[test]
fn fm58_nothing_is_sent_in_meta_to_a_server_that_does_not_know_it() {
    for (version, found) in TOO_OLD {
        for options in ["meta", "meta&paranoid=on", "meta&shortcut=off"] {
            if version == "ERROR" && options.contains("paranoid") {
                continue;
            }
            let peer = Peer::new(&[version], &[]);
            let client = client(&peer, options);
            let set = format!("set k {VALUE}");
            let quiet = format!("set k {VALUE} noreply");
            let writes = [&*set, &quiet, "incr k", "delete k", "touch k ttl=5"];
            for line in writes {
                let seen = answer(&client, line);
                assert_eq!(
                    seen,
                    "UNSUPPORTED not-applied",
                    "{line} of {version}: {}",
                    last_error()
                );
                let text = last_error();
                assert!(text.contains("memcached 1.6.10"), "{text}");
                assert!(text.contains(found), "{text}");
            }
            assert_eq!(answer(&client, "get k"), "UNSUPPORTED");
            let many = [&*set, "get k", &set, "delete k"];
            let unsupported = "UNSUPPORTED not-applied";
            let expected = [unsupported, "UNSUPPORTED", unsupported, unsupported];
            assert_eq!(answers(&client, &many), expected, "{version}");
            assert_eq!(answers(&client, &[&*set; 3]), [unsupported; 3], "{version}");
            assert_eq!(answers(&client, &["get k"; 3]), ["UNSUPPORTED"; 3]);
            let heard = peer.heard();
            assert!(!heard.is_empty());
            assert!(heard.iter().all(|line| line == &["version"]), "{heard:?}");
        }
    }
}

/// With `paranoid` a server that does not know `version` is none of memcached's, whatever is spoken.
#[test]
fn a_server_that_knows_no_version() {
    for options in ["meta&paranoid=on", "ascii&paranoid=on"] {
        let peer = Peer::new(&["ERROR"], &[]);
        let client = client(&peer, options);
        let seen = answer(&client, &format!("set k {VALUE}"));
        assert_eq!(seen, "UNEXPECTED_RESPONSE not-applied");
        assert_eq!(peer.heard(), [["version"]]);
    }
}

/// One that has too many connections says so in its own words.
#[test]
fn a_server_that_has_too_many_connections() {
    let peer = Peer::new(&["ERROR Too many open connections", "1.6.18"], &replies());
    let client = client(&peer, "meta");
    let seen = answer(&client, &format!("set k {VALUE}"));
    assert_eq!(seen, "TOO_MANY_CONNECTIONS not-applied");
    assert_eq!(answer(&client, "get k"), "OK \"v\" flags=0");
    assert_eq!(
        peer.heard(),
        [vec!["version"], vec!["version", "mg k v k f #"]]
    );
}

/// Keys of any bytes take meta, which `auto` has only when the version is known: a batch on a new
/// connection waits for it, all of it.
#[test]
fn a_batch_with_keys_of_any_bytes() {
    let new = [
        ("ms k 1 q # v", ""),
        ("ms l 1 q # w", ""),
        ("ms m 1 # x", "HD #"),
        ("mn", "MN"),
    ];
    let old = [
        ("set k 0 0 1 v", "STORED"),
        ("set l 0 0 1 w", "STORED"),
        ("set m 0 0 1 x", "STORED"),
    ];
    for (version, known) in [("1.6.18", &new[..]), ("1.4.39", &old)] {
        let peer = Peer::new(&[version], known);
        let client = client(&peer, "auto&binary_keys=on");
        let lines = ["set k \"v\"", "set l \"w\"", "set m \"x\""];
        assert_eq!(answers(&client, &lines), ["OK"; 3], "{version}");
        let mut expected = vec!["version"];
        expected.extend(known.iter().map(|(line, _)| *line));
        // What ends the batch may be read a little later than it is answered.
        let limit = Instant::now() + Duration::from_secs(10);
        while peer.heard() != [expected.clone()] && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(peer.heard(), [expected]);
    }
}

/// Behind one address stand servers of different versions: each connection is judged by its own.
#[test]
fn versions_are_known_by_connection() {
    let peer = Peer::new(&["1.6.45", "1.6.18", "1.6.45"], &replies());
    let client = client(&peer, "meta");
    for expected in ["OK", "UNSUPPORTED not-applied not-sent", "OK"] {
        for _ in 0..2 {
            assert_eq!(answer(&client, "set k \"v\" own_cas=77"), expected);
        }
        assert_eq!(client.close(), abi::OK);
    }
    let set = "ms k 1 E77 # v";
    assert_eq!(
        peer.heard(),
        [
            vec!["version", set, set],
            vec!["version"],
            vec!["version", set, set]
        ]
    );
}

/// A batch in which some command needs it waits for the version, and keeps its order.
#[test]
fn batches() {
    let lines = ["get k", "set k \"v\" own_cas=77", "get k cas=5", "get k"];
    for (version, expected) in [
        ("1.6.45", ["OK", "OK flags=0"]),
        ("1.6.30", ["OK", "UNSUPPORTED not-sent"]),
        (
            "1.6.18",
            ["UNSUPPORTED not-applied not-sent", "UNSUPPORTED not-sent"],
        ),
    ] {
        let peer = Peer::new(&[version], &replies());
        let client = client(&peer, "meta");
        for _ in 0..2 {
            let value = "OK \"v\" flags=0";
            let expected = [value, expected[0], expected[1], value];
            assert_eq!(answers(&client, &lines), expected, "{version}");
        }
        let heard = peer.heard();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!(heard[0][..2], ["version", "mg k v k f #"]);
        let asked = heard[0].iter().filter(|line| *line == "version").count();
        assert_eq!(asked, 1, "{heard:?}");
    }
}

/// Where all commands of a batch are refused, its connection serves the next call.
#[test]
fn a_batch_of_which_nothing_is_sent() {
    let peer = Peer::new(&["1.6.18"], &replies());
    let client = client(&peer, "meta");
    let lines = ["set k \"v\" own_cas=77", "get k cas=5"];
    let expected = ["UNSUPPORTED not-applied not-sent", "UNSUPPORTED not-sent"];
    assert_eq!(answers(&client, &lines), expected);
    assert_eq!(answer(&client, "get k"), "OK \"v\" flags=0");
    assert_eq!(peer.heard(), [["version", "mg k v k f #"]]);
}

/// A server that is gone before it told its version: its commands fail, with nothing of them sent.
#[test]
fn fm17_a_server_that_does_not_tell() {
    let peer = Peer::new(&["gone"], &replies());
    let client = client(&peer, "meta");
    let seen = answer(&client, "set k \"v\" own_cas=77");
    assert_eq!(seen, "SERVER_DISCONNECT not-applied");
    let lines = ["set k \"v\" own_cas=77", "get k"];
    let seen = answers(&client, &lines);
    assert_eq!(seen[0], "SERVER_DISCONNECT not-applied");
    assert_eq!(seen[1], "SERVER_DISCONNECT");
    for heard in peer.heard() {
        assert_eq!(heard, ["version"]);
    }
}

/// By ASCII, and by meta where a version lacks it, what is not there is made by `add`, and where another
/// was first, the command is sent again: never blindly.
#[test]
fn done_in_another_way() {
    let script = [
        ("incr k 1", "NOT_FOUND"),
        ("add k 0 60 2 10", "NOT_STORED"),
        ("incr k 1", "11"),
        ("incr l 1", "NOT_FOUND"),
        ("add l 0 0 2 20", "STORED"),
    ];
    let peer = Peer::scripted("1.6.18", &script);
    let client = client(&peer, "ascii");
    let seen = answer(&client, "incr k initial=10 ttl=60");
    assert_eq!(seen, "OK number=11");
    assert_eq!(answer(&client, "incr l initial=20"), "OK number=20");
    let lines = script.map(|(line, _)| line);
    assert_eq!(peer.heard(), [lines]);

    let script = [
        ("ms k 1 MA # v", "NS #"),
        ("ms k 1 ME # v", "NS #"),
        ("ms k 1 MA # v", "NS #"),
        ("ms k 1 ME # v", "HD #"),
    ];
    let peer = Peer::scripted("1.6.18", &script);
    let client = self::client(&peer, "meta");
    assert_eq!(answer(&client, "append k \"v\" has_initial"), "OK");
    let heard = peer.heard().concat();
    assert_eq!(heard[0], "version");
    assert_eq!(heard[1..], script.map(|(line, _)| line));
}
