//! Sessions that are resumed, and how they end.

use memcached2::error::{Phase, Status};

use crate::caller::{Outcome, until};
use crate::certificates::{Authority, server};
use crate::peer::{End, Peer};
use crate::servers::{caller, calling, trusting, usual};

fn peer(versions: &[&'static rustls::SupportedProtocolVersion]) -> (Authority, Peer) {
    let authority = Authority::new();
    let shown = authority.issue("server", &server(&["127.0.0.1"]));
    let peer = Peer::start(&shown, versions);
    (authority, peer)
}

#[test]
fn a_session_is_resumed_by_the_next_connection() {
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        let (authority, peer) = peer(&versions);
        let caller = calling(&peer.uri(&trusting(&authority.ca())));
        for _ in 0..5 {
            assert_eq!(caller.get("key"), Outcome::Miss);
            caller.close();
        }
        assert_eq!(peer.handshakes(), (1, 4), "{versions:?}");
        // Another client knows nothing of it.
        let other = calling(&peer.uri(&trusting(&authority.ca())));
        assert_eq!(other.get("key"), Outcome::Miss);
        assert_eq!(peer.handshakes(), (2, 4), "{versions:?}");
    }
}

#[test]
fn no_session_is_resumed_where_that_is_off() {
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        let (authority, peer) = peer(&versions);
        let options = format!("{}&tls_session_resumption=off", trusting(&authority.ca()));
        let caller = calling(&peer.uri(&options));
        for _ in 0..3 {
            assert_eq!(caller.get("key"), Outcome::Miss);
            caller.close();
        }
        assert_eq!(peer.handshakes(), (3, 0), "{versions:?}");
    }
}

/// memcached resumes too, where it is told to keep sessions.
#[test]
fn memcached_resumes() {
    let (authority, server) = usual(&["ssl_session_cache"]);
    let caller = caller(&server, &trusting(&authority.ca()));
    for number in 0..20 {
        let value = number.to_string();
        assert_eq!(caller.set("key", &value), Outcome::Done);
        assert_eq!(caller.get("key"), Outcome::value(&value));
        caller.close();
    }
}

/// FM-92: the end of the stream in the middle of a reply is an error, with a close_notify or without.
#[test]
fn fm92_a_reply_that_ends_early_is_none() {
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        for end in [End::Told, End::Untold] {
            let (authority, peer) = peer(&versions);
            let caller = calling(&peer.uri(&trusting(&authority.ca())));
            peer.end_with(end);
            for _ in 0..2 {
                let outcome = caller.get("key");
                outcome.assert_failed(Status::SERVER_DISCONNECT, Phase::Receive, "closed");
            }
            peer.end_with(End::None);
            assert_eq!(caller.get("key"), Outcome::Miss, "{end:?}");
        }
    }
}

/// A session is ended with a close_notify.
#[test]
fn the_server_is_told_of_the_end() {
    let (authority, peer) = peer(&[&rustls::version::TLS13]);
    let caller = calling(&peer.uri(&trusting(&authority.ca())));
    for number in 1..4 {
        assert_eq!(caller.get("key"), Outcome::Miss);
        caller.close();
        until(|| peer.told(), |told| *told == number);
    }
}
