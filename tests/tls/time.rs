//! Handshakes that do not come to an end.

use std::net::TcpListener;
use std::time::Duration;

use memcached2::error::{Phase, Status};

use crate::caller::{Outcome, in_time};
use crate::certificates::Authority;
use crate::servers::{calling, trusting, uri, usual};
use crate::support::memcached::Memcached;

const LIMIT: Duration = Duration::from_millis(150);

/// A listener whose connections nobody takes: the system makes them, and nothing answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, format!("memcacheds://{address}/"))
}

/// FM-91, FM-64: whichever ends first: the call's time, or the connection's.
#[test]
fn fm91_a_handshake_that_stalls_ends_in_time() {
    let (_listener, silent) = silent();
    let ca = Authority::new();
    let ca = ca.ca();
    for limits in [
        "timeout=150ms&connect_timeout=10s",
        "timeout=150ms&connect_timeout=none",
        "timeout=10s&connect_timeout=150ms",
        "timeout=none&connect_timeout=150ms",
        "timeout=150ms&connect_timeout=10s&paranoid=on",
    ] {
        let options = format!(
            "?{limits}&batch_timeout=150ms&reconnect=simple&tls_ca={}",
            ca.display()
        );
        let caller = calling(&format!("{silent}{options}"));
        for _ in 0..2 {
            let outcome = in_time(LIMIT, || caller.get("key"));
            outcome.assert_failed(Status::TIMEOUT, Phase::Handshake, "TLS");
            let outcome = in_time(LIMIT, || caller.set("key", "value"));
            outcome.assert_failed(Status::TIMEOUT, Phase::Handshake, "TLS");
        }
        let keys = ["a", "b"].map(String::from);
        for (outcome, _) in in_time(LIMIT, || caller.get_multi(&keys)) {
            outcome.assert_failed(Status::TIMEOUT, Phase::Handshake, "TLS");
        }
    }
}

/// FM-91: a server that was halted.
#[test]
fn fm91_a_halted_server() {
    let (authority, server) = usual(&[]);
    let options = format!(
        "tls_ca={}&timeout=150ms&connect_timeout=10s",
        authority.ca().display()
    );
    let caller = calling(&uri(&server, &options));
    server.halt();
    let outcome = in_time(LIMIT, || caller.get("key"));
    outcome.assert_failed(Status::TIMEOUT, Phase::Handshake, "TLS");
    server.go_on();
    let patient = calling(&uri(&server, &trusting(&authority.ca())));
    assert_eq!(patient.set("key", "value"), Outcome::Done);
    // A reply that does not come, of a connection that there is.
    let options = format!("tls_ca={}&timeout=150ms", authority.ca().display());
    let caller = calling(&uri(&server, &options));
    crate::caller::until(
        || caller.get("key"),
        |outcome| *outcome == Outcome::value("value"),
    );
    server.halt();
    let outcome = in_time(LIMIT, || caller.get("key"));
    outcome.assert_failed(Status::TIMEOUT, Phase::Receive, "no reply");
    server.go_on();
    assert_eq!(patient.get("key"), Outcome::value("value"));
}

/// FM-84: in a batch, the keys of other servers are answered meanwhile.
#[test]
fn fm84_other_servers_of_a_batch_answer_meanwhile() {
    let (_listener, silent) = silent();
    let (authority, secured) = usual(&[]);
    let plain = Memcached::tcp(&[]);
    let limit = Duration::from_secs(2);
    let options = format!(
        "?connect_timeout=2s&timeout=10s&tls_ca={}",
        authority.ca().display()
    );
    let secured = uri(&secured, "");
    let caller = calling(&format!("{silent}{options},{secured},{}", plain.uri()));
    let keys: Vec<_> = (0..90).map(|number| format!("key:{number}")).collect();
    let name = silent.trim_end_matches('/');
    let outcomes = in_time(limit, || caller.get_multi(&keys));
    let mut met = [0, 0];
    for (key, (outcome, after)) in keys.iter().zip(outcomes) {
        if caller.is_on(key, name) {
            outcome.assert_failed(Status::TIMEOUT, Phase::Handshake, "TLS");
            met[0] += 1;
        } else {
            assert_eq!(outcome, Outcome::Miss, "{key}");
            assert!(after < limit / 2, "{key} after {after:?}");
            met[1] += 1;
        }
    }
    println!(
        "{} keys of the server that stalls, {} of others",
        met[0], met[1]
    );
    assert!(met[0] > 5 && met[1] > 20, "{met:?}");
}
