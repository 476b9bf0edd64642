//! One connection by itself, to a server that has a name.

use std::time::Duration;

use memcached2::client::Limit;
use memcached2::client::raw::RawConnection;
use memcached2::error::{Failure, Phase, Result, Status};

use crate::caller::{in_time, until};
use crate::lookups::{Lookups, Says};
use crate::peers::{address, deaf, silent};
use crate::support::memcached::Memcached;

/// Whether the server at the other end answers.
#[track_caller]
fn answers(conn: &RawConnection) {
    let mut raw = conn.enter().expect("nobody else");
    let mut sent = 0;
    raw.send(b"version\r\n", &mut sent).expect("sent");
    let line = raw.read_until(b"\r\n", 0).expect("a line");
    assert!(line.starts_with(b"VERSION "));
}

fn connect(conn: &RawConnection) -> Result<()> {
    conn.enter().expect("nobody else").connect()
}

#[track_caller]
fn failed(result: Result<()>, status: Status, phase: Phase) -> Box<Failure> {
    let failure = result.expect_err("a failure");
    assert_eq!(
        (failure.status, failure.phase),
        (status, phase),
        "{failure}"
    );
    failure
}

/// Addresses where nobody listens, or nobody answers, do not keep it from the one that does.
#[test]
fn the_addresses_of_a_name_race() {
    let server = Memcached::tcp(&[]);
    let lookups = Lookups::new();
    let ((_deaf, refusing), (_silent, swallowing)) = (deaf(1), silent(1));
    lookups.at(
        "cache.test",
        &[refusing[0], swallowing[0], address(&server)],
    );
    let uri = "cache.test?timeout=20s&connect_timeout=20s&connect_stagger=5ms";
    let conn = RawConnection::with_resolver(uri, lookups.resolver()).expect("a connection");
    assert_eq!(connect(&conn).map_err(|why| why.text), Ok(()));
    answers(&conn);
    conn.enter().expect("nobody else").reset();
    assert_eq!(connect(&conn).map_err(|why| why.text), Ok(()));
    answers(&conn);
}

/// FM-68: a server that has moved is found at its new place by the next connection.
#[test]
fn fm68_a_name_that_moves_is_followed() {
    let (old, new) = (Memcached::tcp(&[]), Memcached::tcp(&[]));
    let (there, lookups) = (address(&old), Lookups::new());
    lookups.at("cache.test", &[there]);
    let uri = "cache.test?timeout=20s&connect_timeout=20s";
    let conn = RawConnection::with_resolver(uri, lookups.resolver()).expect("a connection");
    assert_eq!(connect(&conn).map_err(|why| why.text), Ok(()));
    drop(old);
    until(
        || conn.enter().expect("nobody else").is_up(),
        |is_up| !is_up,
    );
    lookups.at("cache.test", &[address(&new)]);
    // An answer that is younger than 0.1 s is not asked for again.
    until(|| connect(&conn).is_ok(), |connected| *connected);
    answers(&conn);
}

/// FM-69: a look-up that hangs is waited for no longer than connecting may take; one that may not wait
/// is told so, and goes on when there is an answer.
#[test]
fn fm69_a_look_up_that_hangs() {
    let _alone = crate::alone();
    let server = Memcached::tcp(&[]);
    let lookups = Lookups::new();
    lookups.say("slow.test", Says::Nothing);
    let uri = "slow.test?timeout=20s&connect_timeout=60ms";
    let conn = RawConnection::with_resolver(uri, lookups.resolver()).expect("a connection");
    let limit = Duration::from_millis(60);
    let failure = failed(
        in_time(limit, || connect(&conn)),
        Status::RESOLVE_FAILED,
        Phase::Resolve,
    );
    assert!(failure.text.contains("slow.test"), "{failure}");
    let patient = "slow.test?timeout=20s&connect_timeout=20s";
    let conn = RawConnection::with_resolver(patient, lookups.resolver()).expect("a connection");
    conn.enter().expect("nobody else").set_waiting(false);
    for _ in 0..3 {
        failed(connect(&conn), Status::WOULD_BLOCK, Phase::Connect);
        assert_eq!(conn.enter().expect("nobody else").fd(), None);
    }
    lookups.say("slow.test", Says::Addresses(vec![address(&server)]));
    until(|| connect(&conn).is_ok(), |connected| *connected);
    let mut raw = conn.enter().expect("nobody else");
    raw.set_waiting(true);
    raw.set_timeout(Limit::None);
    drop(raw);
    answers(&conn);
}
