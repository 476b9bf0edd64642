//! Names whose addresses change, are bad, or are not there.

use std::net::SocketAddr;

use memcached2::error::{Phase, Status};

use crate::caller::{Caller, Outcome, until};
use crate::lookups::{Lookups, Says};
use crate::peers::{Refusing, address, connections_to};
use crate::support::memcached::Memcached;

/// A server that holds `value` under `key`.
fn holding(value: &str) -> Memcached {
    let server = Memcached::tcp(&[]);
    let lookups = Lookups::new();
    let caller = Caller::new(&server.uri(), &lookups.resolver());
    assert_eq!(caller.set("key", value), Outcome::Done);
    assert_eq!(lookups.count_all(), 0, "a literal address");
    server
}

/// FM-68: a name is looked up again when a connection is made anew, and only then.
#[test]
fn fm68_a_name_that_moves_is_followed() {
    let (mut old, new) = (holding("old"), holding("new"));
    let lookups = Lookups::new();
    lookups.at("name.test", &[address(&old)]);
    let caller = Caller::new("name.test", &lookups.resolver());
    assert_eq!(lookups.count_all(), 0, "making a client looks nothing up");
    assert_eq!(caller.get("key"), Outcome::value("old"));
    lookups.at("name.test", &[address(&new)]);
    for _ in 0..100 {
        assert_eq!(caller.get("key"), Outcome::value("old"), "it is connected");
    }
    assert_eq!(lookups.count("name.test"), 1);
    old.kill();
    let moved = until(
        || caller.get("key"),
        |outcome| !matches!(outcome, Outcome::Failed(..)),
    );
    assert_eq!(moved, Outcome::value("new"));
    assert_eq!(lookups.count("name.test"), 2);
}

/// FM-68: the same, where the old server lives on and the client's connections are closed.
#[test]
fn fm68_a_closed_client_looks_again() {
    let (old, new) = (holding("old"), holding("new"));
    let lookups = Lookups::new();
    lookups.at("name.test", &[address(&old)]);
    let caller = Caller::new("NAME.test", &lookups.resolver());
    assert_eq!(caller.get("key"), Outcome::value("old"));
    lookups.at("name.test", &[address(&new)]);
    let ask = || {
        caller.close();
        caller.get("key")
    };
    until(ask, |outcome| *outcome == Outcome::value("new"));
}

/// FM-68: a name that cannot be looked up any more keeps its last addresses.
#[test]
fn fm68_a_failing_look_up_keeps_what_was_known() {
    let server = holding("value");
    let lookups = Lookups::new();
    lookups.at("name.test", &[address(&server)]);
    let caller = Caller::new("name.test", &lookups.resolver());
    assert_eq!(caller.get("key"), Outcome::value("value"));
    for bad in [
        Says::Fails("no name server"),
        Says::Addresses(Vec::new()),
        Says::Panics,
    ] {
        let before = lookups.count("name.test");
        lookups.say("name.test", bad);
        let ask = || {
            caller.close();
            assert_eq!(caller.get("key"), Outcome::value("value"));
            lookups.count("name.test")
        };
        // Looked up, not just remembered.
        until(ask, |count| *count >= before + 2);
    }
}

/// Addresses from before that have failed are worth another look within the same call.
#[test]
fn old_addresses_that_fail_are_looked_up_again() {
    let (mut old, new) = (holding("old"), holding("new"));
    let lookups = Lookups::new();
    lookups.at("name.test", &[address(&old)]);
    let options = "timeout=20s&connect_timeout=20s";
    let caller = Caller::new(&format!("name.test?{options}"), &lookups.resolver());
    assert_eq!(caller.get("key"), Outcome::value("old"));
    lookups.say("name.test", Says::Nothing);
    let ask = || {
        caller.close();
        assert_eq!(caller.get("key"), Outcome::value("old"));
        lookups.running().0
    };
    until(ask, |running| *running == 1);
    old.kill();
    caller.close();
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| caller.get("key"));
        // Long enough for it to fail with what is known.
        std::thread::sleep(std::time::Duration::from_millis(300));
        lookups.at("name.test", &[address(&new)]);
        assert_eq!(asks.join().expect("no panic"), Outcome::value("new"));
    });
}

/// What is not there is told at once, in the resolver's own words, and not for long.
#[test]
fn a_name_that_is_not_there() {
    let server = holding("value");
    let lookups = Lookups::new();
    let options = "timeout=none&connect_timeout=none";
    for (says, words) in [
        (
            Says::Fails("Name or service not known"),
            "Name or service not known",
        ),
        (Says::Addresses(Vec::new()), "it has no address"),
        (Says::Panics, "panicked"),
    ] {
        let caller = Caller::new(&format!("name.test?{options}"), &lookups.resolver());
        lookups.say("name.test", says);
        let outcome = caller.get("key");
        outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, words);
        outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, "name.test");
        lookups.at("name.test", &[address(&server)]);
        let ask = || caller.get("key");
        until(ask, |outcome| *outcome == Outcome::value("value"));
    }
}

/// Neither literal addresses, nor paths, nor localhost are looked up.
#[test]
fn what_needs_no_resolver_gets_none() {
    let (tcp, unix) = (holding("value"), Memcached::unix(&[]));
    let port = address(&tcp).port();
    let lookups = Lookups::new();
    for server in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("LocalHost.:{port}"),
        unix.uri(),
    ] {
        let caller = Caller::new(&server, &lookups.resolver());
        assert_eq!(caller.get("nothing"), Outcome::Miss, "{server}");
    }
    let port = Refusing::new().address().port();
    let caller = Caller::new(&format!("[::1]:{port}"), &lookups.resolver());
    assert_eq!(caller.get("key").status(), Some(Status::CONNECT_FAILED));
    assert_eq!(lookups.count_all(), 0);
}

/// More names than are kept: the least used are forgotten, and looked up when they are wanted.
#[test]
fn more_names_than_are_kept() {
    let refusing = Refusing::new();
    let there: SocketAddr = refusing.address();
    let lookups = Lookups::new();
    let resolver = lookups.resolver();
    for number in 0..600 {
        let host = format!("n{number}.test");
        lookups.at(&host, &[there]);
        let caller = Caller::new(&host, &resolver);
        assert_eq!(caller.get("key").status(), Some(Status::CONNECT_FAILED));
    }
    assert_eq!(lookups.count_all(), 600);
    lookups.say("n0.test", Says::Fails("forgotten"));
    let caller = Caller::new("n0.test", &resolver);
    let outcome = caller.get("key");
    outcome.assert_failed(Status::RESOLVE_FAILED, Phase::Resolve, "forgotten");
}

/// FM-81: a call that is under way ends on a server that was removed meanwhile; the connection that it
/// makes there is not kept.
#[test]
fn fm81_a_server_that_left_keeps_no_connection() {
    let server = holding("value");
    let lookups = Lookups::new();
    lookups.say("slow.test", Says::Nothing);
    let options = "timeout=20s&connect_timeout=20s";
    let caller = Caller::new(&format!("slow.test?{options}"), &lookups.resolver());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| caller.get("key"));
        until(|| lookups.running().0, |running| *running == 1);
        caller.set_servers("other.test");
        lookups.at("slow.test", &[address(&server)]);
        assert_eq!(call.join().expect("no panic"), Outcome::value("value"));
    });
    until(|| connections_to(address(&server)), |left| *left == 0);
}
