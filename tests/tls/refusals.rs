//! Servers that are not to be talked to, and servers that do not want to: always a failure of TLS, at
//! the handshake, whose text says what is wrong.

use std::sync::atomic::{AtomicUsize, Ordering};

use memcached2::error::{Effect, Phase, Status};
use rustls::ALL_VERSIONS;

use crate::caller::{Caller, Outcome, until};
use crate::certificates::{self, Authority, Pair, client, expired, of_an_authority, of_the_future};
use crate::lookups::{Lookups, Says};
use crate::peer::Peer;
use crate::servers::{PATIENCE, caller, calling, memcached, shows, trusting, uri, usual};
use crate::support::client::{
    EFFECT_NOT_APPLIED, last_error, last_error_effect, last_error_server,
};
use crate::support::memcached::Memcached;

/// Every kind of call fails so.
#[track_caller]
fn assert_refused(caller: &Caller, part: &str) {
    for _ in 0..2 {
        for outcome in [caller.get("key"), caller.set("key", "value")] {
            outcome.assert_failed(Status::TLS_FAILURE, Phase::Handshake, part);
        }
    }
    let keys: Vec<String> = (0..20).map(|number| format!("key:{number}")).collect();
    for (outcome, _) in caller.get_multi(&keys) {
        outcome.assert_failed(Status::TLS_FAILURE, Phase::Handshake, part);
    }
}

#[track_caller]
fn assert_served(caller: &Caller) {
    assert_eq!(caller.set("key", "value"), Outcome::Done);
    assert_eq!(caller.get("key"), Outcome::value("value"));
    assert_eq!(caller.get("nobody"), Outcome::Miss);
}

/// Refused with `part` by who trusts the authority, taken by who takes any.
#[track_caller]
fn assert_distrusted(authority: &Authority, shown: &Pair, part: &str) {
    let server = memcached(shown, &[]);
    assert_refused(&caller(&server, &trusting(&authority.ca())), part);
    let any = format!("{PATIENCE}&tls_insecure_skip_verify=on");
    assert_served(&caller(&server, &any));
}

fn server() -> rcgen::CertificateParams {
    certificates::server(&["127.0.0.1"])
}

#[test]
fn fm88_an_expired_certificate() {
    let authority = Authority::new();
    let shown = authority.issue("server", &expired(server()));
    assert_distrusted(&authority, &shown, "has expired");
    let shown = authority.issue("server", &of_the_future(server()));
    assert_distrusted(&authority, &shown, "not valid yet");
}

#[test]
fn fm88_an_unknown_authority() {
    let authority = Authority::new();
    let shown = Authority::new();
    let pair = shown.issue("server", &server());
    assert_distrusted(&authority, &pair, "unknown authority (tls_ca)");
    // Those of the system, where no other is named.
    let at = memcached(&pair, &[]);
    assert_refused(&caller(&at, PATIENCE), "authorit");
    // One that was made anew under its old name.
    let (old, new) = (Authority::named("the same"), Authority::named("the same"));
    let shown = new.issue("server", &server());
    assert_distrusted(&old, &shown, "has not signed it (tls_ca)");
}

#[test]
fn fm88_a_self_signed_certificate() {
    let authority = Authority::new();
    let shown = authority.self_signed("server", &server());
    assert_distrusted(&authority, &shown, "self-signed");
    // Trusted by itself.
    let at = memcached(&shown, &[]);
    assert_served(&caller(&at, &trusting(&shown.certificate)));
    // As `openssl req -x509` makes them.
    let shown = authority.self_signed("server", &of_an_authority(server()));
    assert_distrusted(&authority, &shown, "self-signed");
}

#[test]
fn fm89_a_certificate_for_another_name() {
    let authority = Authority::new();
    let shown = authority.issue("server", &certificates::server(&["cache.test", "10.0.0.1"]));
    assert_distrusted(&authority, &shown, "not for 127.0.0.1 but for cache.test, ");
    // The subject is no name (RFC 6125).
    let mut nameless = certificates::server(&[]);
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    let name = rcgen::DnType::CommonName;
    nameless.distinguished_name.push(name, "127.0.0.1");
    let shown = authority.issue("nameless", &nameless);
    assert_distrusted(&authority, &shown, "not for 127.0.0.1");
}

/// FM-89: the name is the host's, or the one that the option says.
#[test]
fn fm89_the_name_is_that_of_the_uri_or_the_one_that_is_said() {
    let authority = Authority::new();
    let shown = authority.issue(
        "server",
        &certificates::server(&["cache.test", "*.pool.test"]),
    );
    let server = memcached(&shown, &[]);
    let trusting = trusting(&authority.ca());
    for name in ["cache.test", "CACHE.test", "a.pool.test"] {
        assert_served(&caller(
            &server,
            &format!("{trusting}&tls_server_name={name}"),
        ));
    }
    for name in [
        "pool.test",
        "a.b.pool.test",
        "cache.test.example",
        "127.0.0.1",
    ] {
        let caller = caller(&server, &format!("{trusting}&tls_server_name={name}"));
        assert_refused(&caller, &format!("not for {name} but for cache.test"));
    }
    let nonsense = caller(&server, &format!("{trusting}&tls_server_name=a..b"));
    assert_refused(&nonsense, "no certificate can name");

    let lookups = Lookups::new();
    let (_, port) = server
        .uri()
        .trim_end_matches('/')
        .rsplit_once(':')
        .map(|(a, b)| (a.to_string(), b.to_string()))
        .expect("a port");
    let here = [format!("127.0.0.1:{port}").parse().expect("an address")];
    for host in ["cache.test", "Cache.test.", "b.pool.test", "other.test"] {
        lookups.at(host, &here);
        lookups.at(&host.to_lowercase(), &here);
        let servers = format!("memcacheds://{host}:{port}?{trusting}");
        let caller = Caller::new(&servers, &lookups.resolver());
        match host {
            "other.test" => assert_refused(&caller, "not for other.test but for"),
            _ => assert_served(&caller),
        }
    }
}

/// The first address that answers shows a bad certificate: that is told, and no other address is asked
/// instead.
#[test]
fn fm88_a_bad_certificate_is_not_hidden_by_another_address() {
    let authority = Authority::new();
    let bad = authority.issue("bad", &expired(certificates::server(&["cache.test"])));
    let bad = memcached(&bad, &[]);
    let good = authority.issue("good", &certificates::server(&["cache.test"]));
    let good = memcached(&good, &[]);
    let at = |server: &Memcached| {
        let uri = server.uri();
        let address = uri.trim_start_matches("memcached://").trim_end_matches('/');
        address.parse().expect("an address")
    };
    let lookups = Lookups::new();
    lookups.at("cache.test", &[at(&bad), at(&good)]);
    let servers = format!("memcacheds://cache.test?{}", trusting(&authority.ca()));
    assert_refused(&Caller::new(&servers, &lookups.resolver()), "has expired");
    lookups.at("cache.test", &[at(&good), at(&bad)]);
    assert_served(&Caller::new(&servers, &lookups.resolver()));
}

/// At the address that is known from before there is somebody else by now: the answer of a new look-up
/// is waited for.
#[test]
fn fm69_a_name_that_has_moved_is_looked_up_again() {
    let authority = Authority::new();
    let one = authority.issue("one", &certificates::server(&["one.test"]));
    let two = authority.issue("two", &certificates::server(&["two.test"]));
    let (old, new) = (
        Peer::start(&one, ALL_VERSIONS),
        Peer::start(&one, ALL_VERSIONS),
    );
    let lookups = Lookups::new();
    lookups.at("one.test", &[old.address()]);
    let servers = format!("memcacheds://one.test?{}", trusting(&authority.ca()));
    let caller = Caller::new(&servers, &lookups.resolver());
    assert_eq!(caller.get("key"), Outcome::Miss);
    caller.close();
    old.show(&two);
    lookups.say("one.test", Says::Nothing);
    // Answers are shared for a moment; then a call looks the name up, tries the old address while it
    // waits, and waits on.
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            until(
                || caller.get("key"),
                |outcome| {
                    let answered = *outcome == Outcome::Miss;
                    failed.fetch_add(usize::from(!answered), Ordering::SeqCst);
                    answered
                },
            )
        });
        let state = || {
            (
                lookups.running().0,
                old.refused(),
                failed.load(Ordering::SeqCst),
            )
        };
        until(state, |(running, refused, failed)| {
            *running == 1 && *refused == failed + 1
        });
        lookups.at("one.test", &[new.address()]);
    });
    assert_eq!(new.handshakes(), (1, 0));
}

/// FM-90: with TLS 1.3 the alert comes with the first reply; nothing was done then.
#[test]
fn fm90_a_server_that_requires_a_certificate_of_the_client() {
    let authority = Authority::new();
    let shown = authority.issue("server", &server());
    let ca = format!("ssl_ca_cert={}", authority.ca().display());
    let at = memcached(&shown, &["ssl_verify_mode=2", &ca]);
    let trusting = trusting(&authority.ca());

    let nobody = caller(&at, &trusting);
    assert_refused(
        &nobody,
        "requires a certificate of the client (tls_cert, tls_key)",
    );
    let paranoid = caller(&at, &format!("{trusting}&paranoid=on"));
    assert_refused(
        &paranoid,
        "requires a certificate of the client (tls_cert, tls_key)",
    );

    let stranger = Authority::new();
    let unknown = stranger.issue("client", &client());
    let unknown = caller(&at, &format!("{trusting}&{}", shows(&unknown)));
    assert_refused(&unknown, "does not accept the client's certificate");
    let late = authority.issue("late", &expired(client()));
    let late = caller(&at, &format!("{trusting}&{}", shows(&late)));
    assert_refused(
        &late,
        "does not accept the client's certificate (CertificateExpired",
    );

    let known = authority.issue("client", &client());
    let known = format!("{trusting}&{}", shows(&known));
    for more in ["", "&paranoid=on", "&tls_min_version=1.3"] {
        assert_served(&caller(&at, &format!("{known}{more}")));
    }
}

/// FM-90: a refused write was not applied, and its failure names the server.
#[test]
fn fm90_a_refused_write_was_not_applied() {
    let authority = Authority::new();
    let shown = authority.issue("server", &server());
    let ca = format!("ssl_ca_cert={}", authority.ca().display());
    let at = memcached(&shown, &["ssl_verify_mode=2", &ca]);
    let nobody = crate::servers::client(&at, &trusting(&authority.ca()));
    assert_eq!(nobody.set("key", b"value"), Status::TLS_FAILURE.0);
    assert_eq!(last_error_effect(), EFFECT_NOT_APPLIED);
    assert_eq!(EFFECT_NOT_APPLIED, Effect::NotApplied as u32);
    let name = at.uri().replace("memcached://", "memcacheds://");
    let name = name.trim_end_matches('/');
    assert_eq!(last_error_server(), name);
    assert!(last_error().contains(name), "{}", last_error());
}

/// FM-74, FM-91: a server without TLS: nothing is sent in the clear.
#[test]
fn fm91_a_server_that_does_not_speak_tls() {
    let authority = Authority::new();
    let plain = Memcached::tcp(&[]);
    assert_refused(
        &caller(&plain, &trusting(&authority.ca())),
        "does not speak TLS",
    );
    let any = format!("{PATIENCE}&tls_insecure_skip_verify=on");
    assert_refused(&caller(&plain, &any), "does not speak TLS");
    let mut past = plain.raw();
    assert_eq!((past.stat("cmd_get"), past.stat("cmd_set")), (0, 0));
}

/// FM-91: the other way round.
#[test]
fn fm91_a_client_that_does_not_speak_tls() {
    let (_authority, server) = usual(&[]);
    let plain = calling(&format!("{}?{PATIENCE}", server.uri()));
    for outcome in [plain.get("key"), plain.set("key", "value")] {
        let status = outcome.status().expect("a failure");
        assert!(status.is(Status::CLASS_CONNECTION), "{outcome:?}");
    }
}

#[test]
fn a_version_that_is_too_old() {
    let authority = Authority::new();
    let shown = authority.issue("server", &server());
    let at = Peer::start(&shown, &[&rustls::version::TLS12]);
    let trusting = trusting(&authority.ca());
    let old = calling(&at.uri(&trusting));
    assert_eq!(old.get("key"), Outcome::Miss);
    let new = calling(&at.uri(&format!("{trusting}&tls_min_version=1.3")));
    assert_refused(&new, "no version of TLS that is allowed (tls_min_version)");

    let new_only = memcached(&shown, &["ssl_min_version=3"]);
    for version in ["1.2", "1.3"] {
        assert_served(&caller(
            &new_only,
            &format!("{trusting}&tls_min_version={version}"),
        ));
    }
}

/// Options that cannot be meant, told before anything is connected.
#[test]
fn options_that_contradict_each_other() {
    use crate::support::client::{Client, INVALID_ARGUMENT};
    for (servers, status, part) in [
        (
            "memcacheds://h?tls_key=/k.pem",
            INVALID_ARGUMENT,
            "tls_cert",
        ),
        (
            "h?tls_server_name=a.test",
            INVALID_ARGUMENT,
            "memcacheds://",
        ),
        (
            "/a?tls_server_name=a.test",
            INVALID_ARGUMENT,
            "memcacheds://",
        ),
        (
            "memcacheds://h?tls_min_version=1.1",
            INVALID_ARGUMENT,
            "1.2 or 1.3",
        ),
    ] {
        let (got, text) = Client::try_new(servers).err().expect("refused");
        assert_eq!(got, status, "{servers}: {text}");
        assert!(text.contains(part), "{servers}: {text}");
    }
    // By TLS it is another server: connections in the clear are not kept for it.
    let (authority, server) = usual(&[]);
    let client = Client::new(&format!("{}?{}", server.uri(), trusting(&authority.ca())));
    assert_ne!(client.set("key", b"value"), 0);
    assert_eq!(client.set_servers(&uri(&server, "")), 0);
    assert_eq!(client.set("key", b"value"), 0);
}
