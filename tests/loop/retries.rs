//! What is done again when a connection ends, by the same table as in calls that wait.

use crate::peer::Peer;
use crate::support::client::{Client, Got, OK};
use crate::support::loops::{Loop, SERVER_DISCONNECT, get, incr, set};
use crate::support::memcached::Memcached;

/// FM-19: over a connection that had been used before, what is idempotent is done again, once; what is
/// not is told as unknown.
#[test]
fn fm19_only_idempotent_commands_are_done_again() {
    // Answers the first command of a connection, takes the second, and goes.
    let peer = Peer::new(|mut line, number| {
        line.receive(7);
        line.send(b"END\r\n");
        if number == 0 {
            line.receive(7);
        } else {
            line.until_closed();
        }
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    assert_eq!(it.one(&get("a")).status, it.one(&get("b")).status);
    assert_eq!(peer.accepted(), 2);
    let peer = Peer::new(|mut line, _| {
        line.receive(10);
        line.send(b"5\r\n");
        line.receive(10);
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    assert_eq!(it.one(&incr("a", 1)).status, OK);
    let ended = it.one(&incr("a", 1));
    assert_eq!((ended.status, ended.effect()), (SERVER_DISCONNECT, 3));
    assert_eq!(peer.accepted(), 1);
}

/// FM-19: over a new connection nothing that has left is done again, and over any only once.
#[test]
fn fm19_never_twice() {
    let peer = Peer::new(|mut line, _| {
        line.receive(7);
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    assert_eq!(it.one(&get("a")).status, SERVER_DISCONNECT);
    assert_eq!(peer.accepted(), 1);
    let peer = Peer::new(|mut line, number| {
        line.receive(7);
        if number == 0 {
            line.send(b"END\r\n");
            line.receive(7);
        }
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    let _ = it.one(&get("a"));
    assert_eq!(it.one(&get("b")).status, SERVER_DISCONNECT);
    assert_eq!(peer.accepted(), 2);
}

/// FM-18: a server dies in the middle of many commands: each is told once, and those whose replies had
/// come stand.
#[test]
fn fm18_a_server_dies_in_the_middle() {
    let mut server = Memcached::tcp_to_restart(&[]);
    let it = Loop::of(&format!("{}?timeout=20s", server.uri()));
    for number in 0..2_000 {
        it.submit(&set(&format!("key:{number}"), vec![b'x'; 100]));
    }
    assert_eq!(it.process(), OK);
    server.kill();
    it.finish();
    let told = it.taken();
    assert_eq!(told.len(), 2_000);
    assert!(
        told.iter()
            .all(|ended| ended.status == OK || ended.status & 0xff == 5)
    );
    for ended in told.iter().filter(|ended| ended.status != OK) {
        assert!(matches!(ended.effect(), 1 | 3), "{ended:?}");
    }
    server.restart();
    // The first command may meet what is left of the old server.
    assert_eq!(it.one(&set("again", "v")).status, OK);
    let client = Client::new(&server.uri());
    assert_eq!(client.get("again"), Got::Value(b"v".to_vec()));
}

/// FM-63: a server that was restarted while the loop was idle costs no command.
#[test]
fn fm63_a_restart_while_idle() {
    let mut server = Memcached::tcp_to_restart(&[]);
    let it = Loop::of(&format!("{}?timeout=20s", server.uri()));
    for _ in 0..3 {
        assert_eq!(it.one(&set("k", "v")).status, OK);
        server.kill();
        server.restart();
        assert_eq!(
            it.one(&incr("k", 1)).status,
            0x0302,
            "it is empty, and was asked once"
        );
    }
}
