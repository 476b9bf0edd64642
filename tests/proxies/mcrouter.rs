//! A peer that answers as mcrouter does, which Debian does not have: it passes the commands that its
//! parser reads, answers a word that it does not know with `CLIENT_ERROR malformed request` and closes
//! the connection, and says of a server that it cannot reach `SERVER_ERROR`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::SERVER_ERROR;
use crate::support::client::{Client, Got, NOT_FOUND, OK, PARTIAL, last_error, name};
use crate::support::commands::Command;
use crate::support::execute::{APPEND, CAS, GETS};

/// A key of the server that cannot be reached.
const LOST: &str = "lost";

#[derive(Default)]
struct Router {
    items: BTreeMap<String, Vec<u8>>,
    /// Every line that came.
    lines: Vec<String>,
    connections: usize,
}

impl Router {
    /// The reply to a line; `None`: it is not one that the parser reads.
    fn reply(&mut self, line: &str, body: Vec<u8>) -> Option<Vec<u8>> {
        self.lines.push(line.to_string());
        let words: Vec<&str> = line.split(' ').collect();
        let key = words.get(1).copied().unwrap_or_default();
        let known = "get gets set add append cas delete incr touch version";
        if !known.split(' ').any(|known| known == words[0]) {
            return None;
        }
        if words[1..].contains(&LOST) {
            return Some(b"SERVER_ERROR connection error\r\n".to_vec());
        }
        let there = self.items.get(key).cloned();
        let said = match words[0] {
            "get" | "gets" => return Some(self.values(&words)),
            "version" => "VERSION mcrouter 41.0.0",
            "delete" => match self.items.remove(key) {
                Some(_) => "DELETED",
                None => "NOT_FOUND",
            },
            "touch" if there.is_some() => "TOUCHED",
            "add" if there.is_some() => "NOT_STORED",
            "append" if there.is_none() => "NOT_STORED",
            "cas" if words[5] != "7" => "EXISTS",
            // Releases of before 2020 say so of what is no number, too.
            "touch" | "incr" => "NOT_FOUND",
            _ => {
                let before = match words[0] {
                    "append" => there.unwrap_or_default(),
                    _ => Vec::new(),
                };
                self.items.insert(key.to_string(), [before, body].concat());
                "STORED"
            }
        };
        Some(format!("{said}\r\n").into_bytes())
    }

    /// The values of a line of keys, the last first: nothing says in which order they come.
    fn values(&self, words: &[&str]) -> Vec<u8> {
        let cas = if words[0] == "gets" { " 7" } else { "" };
        let mut reply = Vec::new();
        for key in words[1..].iter().rev() {
            if let Some(value) = self.items.get(*key) {
                reply.extend(format!("VALUE {key} 0 {}{cas}\r\n", value.len()).into_bytes());
                reply.extend_from_slice(value);
                reply.extend(b"\r\n");
            }
        }
        reply.extend(b"END\r\n");
        reply
    }
}

/// How many bytes a command sends behind its line.
fn body_len(line: &str) -> Option<usize> {
    let words: Vec<&str> = line.split(' ').collect();
    let stores = matches!(words[0], "set" | "add" | "append" | "cas");
    stores.then(|| words[4].parse().expect("a length"))
}

fn serve(stream: TcpStream, router: &Mutex<Router>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.strip_suffix("\r\n").expect("a line").to_string();
        let mut body = vec![0; body_len(&line).map_or(0, |len| len + 2)];
        reader.read_exact(&mut body)?;
        body.truncate(body.len().saturating_sub(2));
        let reply = router.lock().expect("no panic").reply(&line, body);
        match reply {
            Some(reply) => stream.write_all(&reply)?,
            None => return stream.write_all(b"CLIENT_ERROR malformed request\r\n"),
        }
    }
}

/// A router, and a client of it with more options.
fn router(options: &str) -> (Arc<Mutex<Router>>, Client) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let router = Arc::new(Mutex::new(Router::default()));
    let shared = router.clone();
    // Ends with the process, as its connections do with their clients.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let router = shared.clone();
            router.lock().expect("no panic").connections += 1;
            std::thread::spawn(move || serve(stream, &router));
        }
    });
    let uri = format!("memcached://127.0.0.1:{port}/?profile=classic&timeout=10s{options}");
    (router, Client::new(&uri))
}

/// FM-60, FM-57: what is asked for is what is sent, and values in another order are those of their keys.
#[test]
fn fm60_fm57_a_router_sees_classic_commands_only() {
    let (router, client) = router("");
    let keys: Vec<String> = (0..100).map(|number| format!("key:{number}")).collect();
    let values: Vec<String> = keys.iter().map(|key| key.repeat(3)).collect();
    let answer = client.set_multi(&keys[..90], &values[..90]);
    assert_eq!(answer.status, OK, "{}", last_error());
    let answer = client.get_multi(&keys);
    assert_eq!(answer.status, OK, "{}", last_error());
    for (number, got) in answer.entries.iter().enumerate() {
        let expected = match number {
            0..90 => Got::Value(values[number].clone().into_bytes()),
            _ => Got::Miss,
        };
        assert_eq!(*got, expected, "{}", keys[number]);
    }
    let found = client.carry_out(Command::new(GETS, &keys[0], b""));
    assert_eq!(found.cas, Some(7));
    for (cas, status) in [(7, OK), (8, 0x0202)] {
        let command = Command::new(CAS, &keys[0], b"new");
        let cas = Some(cas);
        assert_eq!(client.carry_out(Command { cas, ..command }).status, status);
    }
    assert_eq!(
        client
            .carry_out(Command::new(APPEND, &keys[0], b"er"))
            .status,
        OK
    );
    assert_eq!(client.get(&keys[0]), Got::Value(b"newer".to_vec()));
    assert_eq!(client.touch(&keys[1], 60), OK);
    assert_eq!(client.incr(&keys[1], 1), Err(NOT_FOUND));
    assert_eq!(client.delete(&keys[1]), OK);
    let router = router.lock().expect("no panic");
    assert_eq!(router.connections, 1, "none was closed");
    let odd = |line: &&String| {
        !matches!(
            line.split(' ').next(),
            Some("get" | "gets" | "set" | "cas" | "append" | "touch" | "incr" | "delete")
        )
    };
    assert_eq!(router.lines.iter().find(odd), None);
    let said = |word: &str| router.lines.iter().any(|line| line.contains(word));
    assert!(!said("noreply") && !said("version"));
}

/// A server that the router cannot reach costs the keys that are asked for together with its own, and
/// nothing behind them.
#[test]
fn a_server_that_the_router_cannot_reach() {
    let (_, client) = router("");
    assert_eq!(client.set("a", b"1"), OK);
    assert_eq!(client.set(LOST, b"2"), SERVER_ERROR);
    assert_eq!(client.get(LOST), Got::Failed(SERVER_ERROR));
    assert_eq!(client.get("a"), Got::Value(b"1".to_vec()));
    let answer = client.get_multi(&["a", LOST]);
    assert_eq!(answer.status, PARTIAL, "{}", name(answer.status));
    assert_eq!(answer.entries, vec![Got::Failed(SERVER_ERROR); 2]);
    let answer = client.set_multi(&["a", LOST, "b"], &["3", "4", "5"]);
    assert_eq!(answer.entries, [OK, SERVER_ERROR, OK]);
    assert_eq!(client.get("b"), Got::Value(b"5".to_vec()));
}

/// FM-60: without the profile one word that it does not know costs the connection; the client says what
/// the router said, and goes on over another one.
#[test]
fn fm60_a_word_that_the_router_does_not_know() {
    let (router, classic) = router("");
    assert_eq!(classic.set("a", b"1"), OK);
    let uri = classic.servers()[0].clone();
    let full = Client::new(&format!("{uri}?protocol=ascii&timeout=10s"));
    assert_eq!(full.get("a"), Got::Value(b"1".to_vec()));
    let answer = full.flush_all(0);
    let text = &answer.servers[0].text;
    assert_eq!(answer.status, PARTIAL, "{text}");
    assert!(text.contains("malformed request"), "{text}");
    assert_eq!(full.get("a"), Got::Value(b"1".to_vec()));
    assert_eq!(classic.get("a"), Got::Value(b"1".to_vec()));
    assert_eq!(router.lock().expect("no panic").connections, 3);
}
