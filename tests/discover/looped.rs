//! Loops: commands wait for the first list without anybody waiting for a socket.

use std::time::Duration;

use crate::caller::until;
use crate::endpoint::{Endpoint, PATIENCE, Says, list, named, servers};
use crate::support::client::{CONNECT_FAILED, Client, NO_VALUE, OK, TIMEOUT};
use crate::support::loops::{CANCELLED, Loop, get, set};

#[test]
fn commands_wait_for_the_first_list() {
    let servers = servers(3);
    let endpoint = Endpoint::new(Says::Drips(list(1, &servers)));
    let client = Client::new(&endpoint.uri(PATIENCE));
    let it = Loop::new(&client);
    let ids: Vec<u64> = (0..50)
        .map(|n| it.submit(&set(&format!("key{n}"), "value")))
        .collect();
    let batch: Vec<_> = (50..100)
        .map(|n| set(&format!("key{n}"), "value"))
        .collect();
    let batch = it.submit_multi(&batch, None);
    it.finish();
    for id in ids {
        assert_eq!(it.ended(id).status, OK);
    }
    assert_eq!(it.ended(batch).status, OK);
    assert_eq!(endpoint.asked(), 1);
    for n in 0..100 {
        let key = format!("key{n}");
        assert_eq!(it.one(&get(&key)).value(), Some(&b"value"[..]), "{key}");
        assert_eq!(
            client.get(&key),
            crate::support::client::Got::Value(b"value".to_vec())
        );
    }
}

/// What waits for a list that does not come ends by its own time, or is cancelled.
#[test]
fn what_waits_for_a_list_can_end() {
    let servers = servers(1);
    let endpoint = Endpoint::new(Says::Nothing);
    let client = Client::new(&endpoint.uri(PATIENCE));
    let it = Loop::new(&client);
    let short = it.submit(&get("a").within(Duration::from_millis(50)));
    let cancelled = it.submit(&set("b", "value").patient());
    let long = it.submit(&get("c").patient());
    it.drive(|it| it.pending() == 2);
    assert_eq!(it.cancel(cancelled), OK);
    it.drive(|it| it.pending() == 1);
    let ended = it.ended(short);
    assert_eq!(ended.status, TIMEOUT);
    assert!(ended.text().contains(&endpoint.name()), "{}", ended.text());
    let ended = it.ended(cancelled);
    assert_eq!((ended.status, ended.effect()), (CANCELLED, 1));
    endpoint.say(Says::List(list(1, &servers)));
    endpoint.hang_up();
    it.finish();
    // What it is told is that the endpoint has closed the connection.
    assert_ne!(it.ended(long).status, OK);
    until(
        || it.one(&get("c").patient()).status,
        |status| *status == NO_VALUE,
    );
    // One that waits when the loop ends is told so.
    let unasked = Client::new(&Endpoint::new(Says::Nothing).uri(PATIENCE));
    let other = Loop::new(&unasked);
    let waits = other.submit(&get("a").patient());
    other.process();
    other.free();
    assert_eq!(other.ended(waits).status, CANCELLED);
}

#[test]
fn a_dead_endpoint_is_told() {
    let nobody = crate::peers::Refusing::new().address();
    let client = Client::new(&format!("discover://{nobody}?{PATIENCE}"));
    let it = Loop::new(&client);
    for _ in 0..3 {
        let ended = it.one(&get("a"));
        assert_eq!(ended.status, CONNECT_FAILED);
        assert!(
            ended.text().contains(&format!("discover://{nobody}")),
            "{}",
            ended.text()
        );
    }
}

/// A loop alone follows the list, and closes the connections to servers that left.
#[test]
fn a_loop_follows_the_list() {
    let servers = servers(3);
    let endpoint = Endpoint::new(Says::List(list(1, &servers)));
    let client = Client::new(&endpoint.uri(&format!("{PATIENCE}&discover_interval=5ms")));
    let it = Loop::new(&client);
    let call = || {
        for n in 0..30 {
            let status = it.one(&get(&format!("key{n}"))).status;
            assert_eq!(status, NO_VALUE);
        }
    };
    call();
    assert_eq!(client.servers().len(), 3);
    endpoint.say(Says::List(list(2, &servers[..1])));
    until(
        || (call(), client.servers()).1,
        |now| *now == [named(&servers[0])],
    );
    call();
    for server in &servers[1..] {
        until(
            || (call(), server.raw().stat("curr_connections") - 1).1,
            |left| *left == 0,
        );
    }
}
