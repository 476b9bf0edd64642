//! When a server is told the credentials: after it has asked, or at once where it has asked before.

use crate::caller::{Outcome, until};
use crate::peer::{Manner, PASSWORD, Peer, USER};
use crate::servers::{Users, calling, login, uri};
use crate::support::client::{Client, Got, OK, last_error};
use crate::support::memcached::Memcached;

/// A line by which it was told, with the credentials behind it.
fn is_telling(said: &str) -> bool {
    let line = said.strip_prefix("set memcached2:authentication:");
    let Some((nonce, rest)) = line.and_then(|line| line.split_once(' ')) else {
        return false;
    };
    let credentials = format!("{USER} {PASSWORD}");
    nonce.parse::<u64>().is_ok() && rest == format!("0 -1 {}{credentials}", credentials.len())
}

/// What was heard, with `(told)` for the credentials.
fn heard(peer: &Peer) -> Vec<String> {
    let words = |said: &String| match is_telling(said) {
        true => "(told)".to_string(),
        false => said.clone(),
    };
    let connections = peer.heard();
    connections
        .iter()
        .map(|said| said.iter().map(words).collect::<Vec<_>>().join(", "))
        .collect()
}

fn check(manner: Manner, first: &[&str], later: &[&str]) {
    let peer = Peer::start(manner);
    let caller = calling(&(peer.uri(&login()) + "?protocol=ascii"));
    assert_eq!(caller.get("a"), Outcome::Miss, "{manner:?}");
    assert_eq!(caller.get("b"), Outcome::Miss, "{manner:?}");
    assert_eq!(heard(&peer), first, "{manner:?}");
    for _ in 0..2 {
        caller.close();
        assert_eq!(caller.get("c"), Outcome::Miss, "{manner:?}");
        assert_eq!(heard(&peer), later, "{manner:?}");
    }
}

#[test]
fn a_server_that_says_so_is_told_then_and_later_at_once() {
    for manner in [Manner::Says, Manner::SaysSlowly] {
        check(
            manner,
            &["version, (told), get a, get b"],
            &["(told), get c"],
        );
    }
}

#[test]
fn a_server_that_closes_is_told_at_once_on_a_new_connection() {
    for manner in [Manner::Closes, Manner::SaysAndCloses] {
        check(
            manner,
            &["version", "(told), get a, get b"],
            &["(told), get c"],
        );
    }
}

/// FM-94: what it is not asked for, the client does not tell.
#[test]
fn fm94_a_server_that_does_not_ask_is_told_nothing() {
    check(
        Manner::Open,
        &["version, get a, get b"],
        &["version, get c"],
    );
    let server = Memcached::tcp(&[]);
    let client = Client::new(&uri(&server, &login()));
    assert_eq!(client.set("key", b"value"), OK);
    assert_eq!(client.dump().1.len(), 1);
    assert_eq!(server.raw().stat("cmd_set"), 1);
}

/// FM-94: nor is anything asked where there is nothing to tell.
#[test]
fn fm94_without_credentials_nothing_is_asked() {
    let peer = Peer::start(Manner::Open);
    let caller = calling(&(peer.uri("") + "?protocol=ascii"));
    assert_eq!(caller.get("a"), Outcome::Miss);
    assert_eq!(heard(&peer), ["get a"]);
}

/// FM-94: a server that asked once and does not any more is told; what it stores then has expired.
#[test]
fn fm94_a_server_that_asks_no_more_keeps_nothing_that_can_be_read() {
    let users = Users::new();
    let mut server = Memcached::tcp_to_restart(&users.flags());
    let client = Client::new(&uri(&server, &login()));
    assert_eq!(client.set("key", b"value"), OK, "{}", last_error());
    server.kill();
    server.restart_with(&[]);
    until(|| client.set("key", b"value"), |status| *status == OK);
    let mut raw = server.raw();
    assert!(raw.stat("cmd_set") >= 2, "it was told at once");
    let (_, told) = client.dump();
    let keys: Vec<_> = told.iter().map(|key| key.key.clone()).collect();
    assert_eq!(keys, [b"key".to_vec()]);
}

/// A server that begins to ask, as memcached does when it was restarted with -Y.
#[test]
fn a_server_that_asks_later() {
    let users = Users::new();
    let mut server = Memcached::tcp_to_restart(&[]);
    let client = Client::new(&uri(&server, &login()));
    assert_eq!(client.set("key", b"value"), OK);
    server.kill();
    server.restart_with(&users.flags());
    let set = || client.set("key", b"value");
    until(set, |status| *status == OK);
    assert_eq!(client.get("key"), Got::Value(b"value".to_vec()));
}

/// Over connections aside from the pool as well.
#[test]
fn dumps_and_lines_of_an_operator_are_asked_like_others() {
    let peer = Peer::start(Manner::Closes);
    let client = Client::new(&peer.uri(&login()));
    assert_eq!(client.dump().0.status, OK, "{}", last_error());
    let dump = "lru_crawler metadump all";
    assert_eq!(heard(&peer), ["version".into(), format!("(told), {dump}")]);
    assert_eq!(client.dump().0.status, OK, "{}", last_error());
    assert_eq!(heard(&peer), [format!("(told), {dump}")]);
}
