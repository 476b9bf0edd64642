//! Authentication takes its time from the call's.

use std::time::Duration;

use memcached2::error::{Phase, Status};

use crate::caller::{in_time, not_late};
use crate::peer::{Manner, Peer};
use crate::servers::{Users, calling, login};
use crate::support::memcached::Memcached;

const LIMIT: Duration = Duration::from_millis(300);

/// FM-64: a server that says nothing, in both halves.
#[test]
fn fm64_a_silent_server() {
    for options in [
        "?timeout=300ms&connect_timeout=20s",
        "?timeout=300ms&connect_timeout=none",
        "?timeout=20s&connect_timeout=300ms",
    ] {
        let peer = Peer::start(Manner::Silent);
        let caller = calling(&(peer.uri(&login()) + options));
        let got = in_time(LIMIT, || caller.get("key"));
        got.assert_failed(Status::TIMEOUT, Phase::Authenticate, "authenticated");
        // One that has asked before: silent to the credentials.
        peer.becomes(Manner::Says);
        assert_eq!(caller.get("key").status(), None);
        peer.becomes(Manner::Silent);
        caller.close();
        let got = in_time(LIMIT, || caller.get("key"));
        got.assert_failed(Status::TIMEOUT, Phase::Authenticate, "authenticated");
    }
}

/// FM-64: of a batch, the other server's commands do not wait for it.
#[test]
fn fm64_a_silent_server_in_a_batch() {
    let (silent, other) = (Peer::start(Manner::Silent), Peer::start(Manner::Says));
    let list = format!(
        "{}?timeout=20s&connect_timeout=300ms&batch_timeout=20s,{}",
        silent.uri(&login()),
        other.uri(&login())
    );
    let caller = calling(&list);
    let keys: Vec<String> = (0..40).map(|n| format!("key{n}")).collect();
    let got = in_time(LIMIT, || caller.get_multi(&keys));
    let name = format!("127.0.0.1:{}", silent.port());
    for (key, (outcome, _)) in keys.iter().zip(got) {
        let expected = caller.is_on(key, &name).then_some(Status::TIMEOUT);
        assert_eq!(outcome.status(), expected, "{key}");
    }
}

/// FM-64: a halted server, which the system connects to.
#[test]
fn fm64_a_halted_server() {
    let users = Users::new();
    let server = Memcached::tcp(&users.flags());
    let caller = calling(&format!(
        "{}?timeout=300ms&connect_timeout=20s",
        server.uri().replace("://", &format!("://{}", login()))
    ));
    server.halt();
    let got = in_time(LIMIT, || caller.set("key", "value"));
    got.assert_failed(Status::TIMEOUT, Phase::Authenticate, "authenticated");
    server.go_on();
    let got = not_late(|| {
        crate::caller::until(|| caller.set("key", "value"), |got| got.status().is_none())
    });
    assert_eq!(got.status(), None);
}
