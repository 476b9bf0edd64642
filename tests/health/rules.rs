//! The other rules, as an option names them.

use crate::support::client::{Client, Got, SERVER_DISCONNECT};
use crate::support::forked::in_child;
use crate::{ANSWERS, CIRCUIT_OPEN, CLOSES, Moody};

/// Every call tries.
#[test]
fn simple_asks_every_time() {
    let server = Moody::new(CLOSES);
    let client = Client::new(&server.uri("reconnect=simple"));
    for _ in 0..20 {
        assert_eq!(client.get("a"), Got::Failed(SERVER_DISCONNECT));
    }
    assert_eq!(server.asked(), 20);
    server.is_now(ANSWERS);
    assert_eq!(client.get("a"), Got::Miss);
}

/// One failure, and then nobody is asked for as long as the option says.
#[test]
fn a_pause_begins_with_the_first_failure() {
    for rule in [
        "reconnect=time&reconnect_time=1h",
        "reconnect=python-memcached&dead_retry=1h",
    ] {
        let server = Moody::new(CLOSES);
        let client = Client::new(&server.uri(rule));
        assert_eq!(client.get("a"), Got::Failed(SERVER_DISCONNECT));
        server.is_now(ANSWERS);
        for _ in 0..50 {
            assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN), "{rule}");
        }
        assert_eq!(server.asked(), 1);
    }
}

/// And is used again behind it.
#[test]
fn a_pause_ends() {
    for rule in [
        "reconnect=time&reconnect_time=30ms",
        "reconnect=python-memcached&dead_retry=30ms",
    ] {
        let server = Moody::new(CLOSES);
        let client = Client::new(&server.uri(rule));
        assert_eq!(client.get("a"), Got::Failed(SERVER_DISCONNECT));
        server.is_now(ANSWERS);
        std::thread::sleep(std::time::Duration::from_millis(31));
        assert_eq!(client.get("a"), Got::Miss, "{rule}");
        assert_eq!(client.get("a"), Got::Miss);
    }
}

/// The client whose rule it is takes an end of the stream for no failure of its server's.
#[test]
fn pymemcache_counts_what_its_sockets_raise() {
    let server = Moody::new(CLOSES);
    let client = Client::new(&server.uri("reconnect=pymemcache&retry_timeout=1h"));
    for _ in 0..5 {
        assert_eq!(client.get("a"), Got::Failed(SERVER_DISCONNECT));
    }
    server.is_now(crate::SILENT);
    let hasty = client.with("timeout=30ms");
    assert!(matches!(hasty.get("a"), Got::Failed(_)));
    for _ in 0..20 {
        assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN));
    }
    assert_eq!(server.asked(), 6);
}

/// The list of servers is changed: what is held against one stays as long as it does.
#[test]
fn health_stays_with_its_server() {
    let server = Moody::new(CLOSES);
    let uri = server.uri("breaker_pause=1h&breaker_failures=1");
    let client = Client::new(&uri);
    assert_eq!(client.get("a"), Got::Failed(SERVER_DISCONNECT));
    assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN));
    assert_eq!(client.set_servers(&format!("{uri}&weight=2")), 0);
    assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN));
    // A view shares it.
    assert_eq!(
        client.with("timeout=5s").get("a"),
        Got::Failed(CIRCUIT_OPEN)
    );
    assert_eq!(server.asked(), 1);
    // One that has left and comes again is another.
    server.is_now(ANSWERS);
    assert_eq!(client.set_servers(""), 0);
    assert_eq!(client.set_servers(&uri), 0);
    assert_eq!(client.get("a"), Got::Miss);
}

/// FM-15: what the parent holds against a server is none of its child's business.
#[test]
fn fm15_a_child_begins_afresh() {
    let server = Moody::new(CLOSES);
    let client = Client::new(&server.uri("breaker_pause=1h"));
    for _ in 0..3 {
        assert_eq!(client.get("a"), Got::Failed(SERVER_DISCONNECT));
    }
    assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN));
    in_child(|| {
        let told: Vec<Got> = (0..4).map(|_| client.get("a")).collect();
        let closed = told[..3]
            .iter()
            .all(|got| *got == Got::Failed(SERVER_DISCONNECT));
        closed && told[3] == Got::Failed(CIRCUIT_OPEN)
    });
    assert_eq!(server.asked(), 6);
    assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN));
}
