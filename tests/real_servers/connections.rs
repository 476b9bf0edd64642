//! `-c`: a server that has no connection to spare, and has again.

use std::time::{Duration, Instant};

use crate::support::client::{
    CIRCUIT_OPEN, CONNECT_FAILED, Client, Got, OK, SERVER_DISCONNECT, SLACK, TIMEOUT, last_error,
    name,
};
use crate::support::memcached::Memcached;
use crate::support::raw::Raw;

const TOO_MANY_CONNECTIONS: i32 = 0x0605;
/// With fewer it does not start.
const CONNECTIONS: [&str; 4] = ["-c", "24", "-t", "1"];
const TIME: Duration = Duration::from_secs(1);

/// Take all the connections that there are. The server has some for itself.
fn take_all(server: &Memcached) -> Vec<Raw> {
    let mut taken = Vec::new();
    loop {
        let mut raw = server.raw();
        match raw.try_version(Duration::from_millis(500)) {
            Some(version) if version.starts_with("VERSION") => taken.push(raw),
            _ => return taken,
        }
        assert!(taken.len() < 24, "there are more than it may have");
    }
}

/// Whatever is asked fails within its time, by one of these.
fn nothing_works(client: &Client, statuses: &[i32]) {
    for round in 0..10 {
        let began = Instant::now();
        let failed = match round % 3 {
            0 => match client.get("k") {
                Got::Failed(status) => status,
                other => panic!("{other:?}"),
            },
            1 => client.set("k", b"other"),
            _ => match client.get_multi(&["k", "l"]).entries[..] {
                [Got::Failed(one), Got::Failed(other)] => {
                    assert_eq!(one, other);
                    one
                }
                ref others => panic!("{others:?}"),
            },
        };
        let took = began.elapsed();
        let why = format!("{}: {}, {took:?}", name(failed), last_error());
        assert!(statuses.contains(&failed), "{why}");
        assert!(took < TIME + SLACK, "{why}");
    }
}

/// At once again, when the server has seen the others leave.
fn works_again(client: &Client) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.get("k") != Got::Value(b"value".to_vec()) {
        assert!(Instant::now() < deadline, "{}", last_error());
    }
    assert_eq!(client.set("k", b"value"), OK);
}

fn client(server: &Memcached) -> Client {
    Client::new(&format!(
        "{}?timeout=1s&connect_timeout=500ms&batch_timeout=1s",
        server.uri()
    ))
}

/// FM-73: the server says that it has too many, and hangs up. Over TCP that may reset the connection, and
/// what it said is lost with it.
#[test]
fn fm73_too_many_connections_are_told() {
    let servers = [Memcached::tcp(&CONNECTIONS), Memcached::unix(&CONNECTIONS)];
    for (server, is_unix) in servers.into_iter().zip([false, true]) {
        let client = client(&server);
        assert_eq!(client.set("k", b"value"), OK);
        assert_eq!(client.close(), OK);
        let taken = take_all(&server);
        println!("{}: {} connections taken", server.uri(), taken.len());
        assert!(taken.len() > 5);
        let statuses = [TOO_MANY_CONNECTIONS, SERVER_DISCONNECT];
        let certain = if is_unix { 1 } else { 2 };
        nothing_works(&client, &statuses[..certain]);
        drop(taken);
        works_again(&client);
    }
}

/// FM-73: a client that has a connection keeps it, whoever else is turned away.
#[test]
fn fm73_who_is_there_stays() {
    let server = Memcached::tcp(&CONNECTIONS);
    let client = client(&server);
    assert_eq!(client.set("k", b"value"), OK);
    let taken = take_all(&server);
    for _ in 0..100 {
        assert_eq!(client.get("k"), Got::Value(b"value".to_vec()));
    }
    drop(taken);
}

/// The server lets who is one too many wait: no call waits longer than it may.
#[test]
fn a_server_that_lets_wait() {
    let flags = [&CONNECTIONS[..], &["-o", "no_maxconns_fast"]].concat();
    let server = Memcached::tcp(&flags);
    let client = client(&server);
    assert_eq!(client.set("k", b"value"), OK);
    assert_eq!(client.close(), OK);
    let taken = take_all(&server);
    assert!(taken.len() > 5);
    let statuses = [TIMEOUT, CONNECT_FAILED, SERVER_DISCONNECT, CIRCUIT_OPEN];
    nothing_works(&client, &statuses);
    drop(taken);
    works_again(&client);
}
