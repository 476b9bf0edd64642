//! `protocol=auto`: what a connection says before it knows whom it talks to, and what then.

mod support;

#[path = "conn/peer.rs"]
mod peer;

use std::sync::{Arc, Mutex};

use peer::{Line, Peer};
use support::client::{Client, Got, NO_VALUE, OK, last_error};
use support::memcached::Memcached;

const UNEXPECTED_RESPONSE: i32 = 0x0204;
const PATIENCE: &str = "?timeout=20s&connect_timeout=20s";

/// A server that a test wrote: what is said to it, and what it answers, one behind the other. `#` stands for
/// an opaque: whatever stands in its place, and that in the answer.
fn follow(mut line: Line, dialogue: &[(&str, &str)]) {
    let mut opaque = String::new();
    for (said, answer) in dialogue {
        for part in said.split_inclusive('\n') {
            let heard = heard(&mut line);
            match part.split_once('#') {
                None => assert_eq!(heard, part),
                Some((before, after)) => {
                    let rest = heard.strip_prefix(before);
                    let number = rest.and_then(|rest| rest.strip_suffix(after));
                    opaque = number.unwrap_or_else(|| panic!("{heard}")).to_string();
                    opaque.parse::<u32>().expect("an opaque");
                }
            }
        }
        line.send(answer.replace('#', &opaque).as_bytes());
    }
    assert_eq!(line.until_closed(), b"");
}

/// One line, its end included.
fn heard(line: &mut Line) -> String {
    let mut heard = Vec::new();
    while heard.last() != Some(&b'\n') {
        heard.extend(line.receive(1));
    }
    String::from_utf8(heard).expect("text")
}

/// A peer whose connections all follow a dialogue; what went wrong is kept.
struct Scripted {
    peer: Peer,
    faults: Arc<Mutex<Vec<String>>>,
}

fn scripted(dialogues: &'static [&'static [(&'static str, &'static str)]]) -> Scripted {
    let faults = Arc::new(Mutex::new(Vec::new()));
    let kept = faults.clone();
    let peer = Peer::new(move |line, number| {
        let dialogue = dialogues.get(number).unwrap_or(&dialogues[0]);
        let followed = std::panic::AssertUnwindSafe(|| follow(line, dialogue));
        if let Err(fault) = std::panic::catch_unwind(followed) {
            let text = fault.downcast_ref::<String>().cloned();
            kept.lock()
                .expect("no panic")
                .push(text.unwrap_or_default());
        }
    });
    Scripted { peer, faults }
}

impl Scripted {
    fn client(&self, options: &str) -> Client {
        Client::new(&self.peer.uri(&format!("{PATIENCE}{options}")))
    }

    /// Every connection was told what it should be.
    fn check(&self) {
        assert_eq!(*self.faults.lock().expect("no panic"), [""; 0]);
    }
}

/// The version is asked with the first command, which is in ASCII; then meta is spoken.
#[test]
fn lines_first_and_meta_as_soon_as_the_version_is_known() {
    let server = scripted(&[&[
        (
            "version\r\nget key\r\n",
            "VERSION 1.6.18\r\nVALUE key 5 3\r\nabc\r\nEND\r\n",
        ),
        ("mg key v k f O#\r\n", "VA 2 kkey f7 O#\r\nde\r\n"),
        ("mg key v k f O#\r\n", "EN kkey O#\r\n"),
        ("ms key 3 O#\r\nxyz\r\n", "HD O#\r\n"),
        ("ma n MI v D2 O#\r\n", "VA 2 O#\r\n12\r\n"),
        ("md key O#\r\n", "NF O#\r\n"),
        // Many values at once are asked for in lines.
        (
            "get a b a\r\n",
            "VALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nEND\r\n",
        ),
        ("mg key v k f O#\r\n", "EN kkey O#\r\n"),
    ]]);
    let client = server.client("");
    assert_eq!(client.get("key"), Got::Value(b"abc".to_vec()));
    assert_eq!(client.get("key"), Got::Value(b"de".to_vec()));
    assert_eq!(client.get("key"), Got::Miss);
    assert_eq!(client.set("key", b"xyz"), OK, "{}", last_error());
    assert_eq!(client.incr("n", 2), Ok(12));
    assert_ne!(client.delete("key"), OK);
    let many = client.get_multi(&["a", "b", "a"]);
    assert_eq!(
        many.entries,
        [
            Got::Value(b"1".to_vec()),
            Got::Miss,
            Got::Value(b"1".to_vec())
        ]
    );
    assert_eq!(client.get("key"), Got::Miss);
    drop(client);
    server.check();
    assert_eq!(server.peer.accepted(), 1);
}

/// A set is the first command: an old server would run the value of an `ms` as commands.
#[test]
fn a_value_is_first_sent_as_every_server_takes_it() {
    let server = scripted(&[&[
        (
            "version\r\nset key 0 0 9\r\nflush_all\r\n",
            "VERSION 1.4.25\r\nSTORED\r\n",
        ),
        ("set key 0 0 9\r\nflush_all\r\n", "STORED\r\n"),
        ("get key\r\n", "END\r\n"),
    ]]);
    let client = server.client("");
    assert_eq!(client.set("key", b"flush_all"), OK);
    assert_eq!(client.set("key", b"flush_all"), OK);
    assert_eq!(client.get("key"), Got::Miss);
    drop(client);
    server.check();
}

/// Who does not say that it knows meta is not spoken to in it.
#[test]
fn servers_that_are_old_or_say_nothing_are_spoken_to_in_lines() {
    const OTHERS: [&[&[(&str, &str)]]; 5] = [
        &[&[
            ("version\r\nget key\r\n", "VERSION 1.6.9\r\nEND\r\n"),
            ("get key\r\n", "END\r\n"),
        ]],
        &[&[
            (
                "version\r\nget key\r\n",
                "VERSION 1.4.5_4_gaa7839e\r\nEND\r\n",
            ),
            ("get key\r\n", "END\r\n"),
        ]],
        &[&[
            ("version\r\nget key\r\n", "VERSION mcrouter 37.0\r\nEND\r\n"),
            ("get key\r\n", "END\r\n"),
        ]],
        &[&[
            ("version\r\nget key\r\n", "ERROR\r\nEND\r\n"),
            ("get key\r\n", "END\r\n"),
        ]],
        &[&[
            (
                "version\r\nget key\r\n",
                "SERVER_ERROR not supported\r\nEND\r\n",
            ),
            ("get key\r\n", "END\r\n"),
        ]],
    ];
    for dialogues in OTHERS {
        let server = scripted(dialogues);
        let client = server.client("");
        assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
        assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
        drop(client);
        server.check();
    }
}

/// Behind one address servers differ; what is known is known of a connection.
#[test]
fn each_connection_asks_for_itself() {
    let server = scripted(&[
        &[
            ("version\r\nget key\r\n", "VERSION 1.6.18\r\nEND\r\n"),
            ("mg key v k f O#\r\n", "EN kkey O#\r\n"),
        ],
        &[
            ("version\r\nget key\r\n", "VERSION 1.5.6\r\nEND\r\n"),
            ("get key\r\n", "END\r\n"),
        ],
    ]);
    let client = server.client("");
    for _ in 0..2 {
        assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
        assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
        assert_eq!(client.close(), OK);
    }
    drop(client);
    server.check();
    assert_eq!(server.peer.accepted(), 2);
}

/// What turns a connection away stands for its first command, and nothing is read behind it.
#[test]
fn fm73_who_is_turned_away_is_told_why() {
    for (answer, words) in [
        ("CLIENT_ERROR unauthenticated\r\n", "asks for a username"),
        (
            "ERROR Too many open connections\r\n",
            "Too many open connections",
        ),
    ] {
        let peer = Peer::new(move |mut line, _| {
            line.receive("version\r\nget key\r\n".len());
            line.send(answer.as_bytes());
            line.until_closed();
        });
        let client = Client::new(&peer.uri(PATIENCE));
        assert!(matches!(client.get("key"), Got::Failed(status) if status != NO_VALUE));
        assert!(last_error().contains(words), "{}", last_error());
    }
}

/// What is no version is nobody's reply.
#[test]
fn the_version_is_not_taken_for_the_reply_nor_the_reply_for_the_version() {
    for answer in [
        "END\r\n",
        "STORED\r\n",
        "VALUE key 0 1\r\n1\r\nEND\r\n",
        "VERSION 1.6.18\r\nVERSION 1.6.18\r\n",
        "VERSION 1.6.18\r\nEND\r\nEND\r\n",
    ] {
        let peer = Peer::new(move |mut line, _| {
            line.receive("version\r\nget key\r\n".len());
            line.send(answer.as_bytes());
            line.until_closed();
        });
        let client = Client::new(&peer.uri(PATIENCE));
        let got = client.get("key");
        let first_was_good = answer == "VERSION 1.6.18\r\nEND\r\nEND\r\n";
        match first_was_good {
            // The surplus is seen before the next command.
            true => assert!(matches!(got, Got::Miss | Got::Failed(UNEXPECTED_RESPONSE))),
            false => assert_eq!(got, Got::Failed(UNEXPECTED_RESPONSE), "{answer}"),
        }
    }
}

/// Who says what is to be spoken is not asked about it.
#[test]
fn nothing_is_asked_where_the_protocol_is_said() {
    let server = scripted(&[&[("get key\r\n", "END\r\n"), ("get key\r\n", "END\r\n")]]);
    let client = server.client("&protocol=ascii");
    assert_eq!(client.get("key"), Got::Miss);
    assert_eq!(client.get("key"), Got::Miss);
    drop(client);
    server.check();
}

#[test]
fn real_servers() {
    for server in [Memcached::tcp(&[]), Memcached::unix(&[])] {
        let client = Client::new(&server.uri());
        for round in 0..3 {
            let value = format!("value {round}").into_bytes();
            assert_eq!(client.set("key", &value), OK, "{}", last_error());
            assert_eq!(client.get("key"), Got::Value(value));
            assert_eq!(client.get("nobody"), Got::Miss);
        }
    }
}
