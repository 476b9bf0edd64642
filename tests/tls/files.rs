//! The files of TLS: what may stand in them, what is told of those that cannot be used, and that they
//! are read again when they have changed.

use memcached2::error::{Phase, Status};

use crate::caller::{Caller, Outcome};
use crate::certificates::{Authority, client, replace, server};
use crate::peer::Peer;
use crate::servers::{caller, calling, memcached, shows, trusting, usual};

#[track_caller]
fn assert_failed(caller: &Caller, parts: &[&str]) {
    for part in parts {
        let outcome = caller.get("key");
        outcome.assert_failed(Status::TLS_FAILURE, Phase::Handshake, part);
    }
}

#[test]
fn authorities_in_a_file_of_many_and_in_a_directory() {
    let (authority, server) = usual(&[]);
    let others: Vec<_> = (0..3).map(|_| Authority::new()).collect();
    let many: String = others.iter().map(Authority::pem).collect();
    let bundle = authority.path("many.pem");
    std::fs::write(&bundle, format!("# text\n{many}{}", authority.pem())).expect("written");
    assert_eq!(
        caller(&server, &trusting(&bundle)).get("key"),
        Outcome::Miss
    );

    let directory = authority.path("authorities");
    std::fs::create_dir(&directory).expect("made");
    for (number, other) in others.iter().enumerate() {
        let path = directory.join(format!("{number}.pem"));
        std::fs::write(path, other.pem()).expect("written");
    }
    let options = trusting(&directory);
    let by_directory = caller(&server, &options);
    assert_failed(&by_directory, &["unknown authority"]);
    // Files that come into the directory, and those that are written anew there, are seen.
    std::fs::write(directory.join("4.pem"), authority.pem()).expect("written");
    assert_eq!(by_directory.get("key"), Outcome::Miss);
    by_directory.close();
    std::fs::write(directory.join("4.pem"), others[0].pem()).expect("written");
    assert_failed(&by_directory, &["unknown authority"]);
}

#[test]
fn a_chain_over_another_authority() {
    let authority = Authority::new();
    let shown = authority.issue_by_another("server", &server(&["127.0.0.1"]));
    let server = memcached(&shown, &[]);
    assert_eq!(
        caller(&server, &trusting(&authority.ca())).get("key"),
        Outcome::Miss
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (authority, server) = usual(&[]);
    let empty = authority.path("empty.pem");
    std::fs::write(&empty, "").expect("written");
    let nothing = authority.path("nothing.pem");
    for missing in [&empty, &nothing] {
        let caller = caller(&server, &trusting(missing));
        assert_failed(&caller, &["tls_ca", &missing.display().to_string()]);
    }
    let known = authority.issue("client", &client());
    let other = authority.issue("other", &client());
    let trusting = trusting(&authority.ca());
    for (certificate, key, parts) in [
        (&nothing, &known.key, ["tls_cert", "nothing.pem"]),
        (&empty, &known.key, ["tls_cert", "empty.pem"]),
        (&known.certificate, &nothing, ["tls_key", "nothing.pem"]),
        (
            &known.certificate,
            &known.certificate,
            ["tls_key", "client.pem"],
        ),
        (
            &known.certificate,
            &other.key,
            ["tls_cert, tls_key", "cannot be used"],
        ),
    ] {
        let (certificate, key) = (certificate.display(), key.display());
        let options = format!("{trusting}&tls_cert={certificate}&tls_key={key}");
        assert_failed(&caller(&server, &options), &parts);
    }
}

/// A certificate and its key in one file, whose path has a space and a comma.
#[test]
fn one_file_for_certificate_and_key() {
    let authority = Authority::new();
    let shown = authority.issue("server", &server(&["127.0.0.1"]));
    let ca = format!("ssl_ca_cert={}", authority.ca().display());
    let server = memcached(&shown, &["ssl_verify_mode=2", &ca]);
    let own = authority.issue("client", &client());
    let read = |path| std::fs::read_to_string(path).expect("text");
    let both = read(&own.key) + &read(&own.certificate);
    std::fs::write(authority.path("my own,both.pem"), both).expect("written");
    let path = authority.path("my%20own%2Cboth.pem");
    let options = format!("{}&tls_cert={}", trusting(&authority.ca()), path.display());
    assert_eq!(caller(&server, &options).get("key"), Outcome::Miss);
}

/// What a new connection is made with is what the files say then; a session of before is not resumed.
#[test]
fn files_are_read_again_when_they_have_changed() {
    let (one, two) = (Authority::new(), Authority::new());
    let shown = one.issue("server", &server(&["127.0.0.1"]));
    let peer = Peer::start(&shown, rustls::ALL_VERSIONS);
    let path = one.path("trusted.pem");
    replace(&path, one.pem());
    let caller = calling(&peer.uri(&trusting(&path)));
    for _ in 0..2 {
        assert_eq!(caller.get("key"), Outcome::Miss);
        caller.close();
    }
    assert_eq!(peer.handshakes(), (1, 1));
    // The server gets another authority's certificate: not trusted, until the file says so.
    peer.show(&two.issue("server", &server(&["127.0.0.1"])));
    assert_failed(&caller, &["unknown authority"; 2]);
    replace(&path, two.pem());
    assert_eq!(caller.get("key"), Outcome::Miss);
    assert_eq!(peer.handshakes(), (2, 1));
    // A connection that there is stays, whatever the file says; the next one is not made.
    replace(&path, one.pem());
    assert_eq!(caller.get("key"), Outcome::Miss);
    caller.close();
    assert_failed(&caller, &["unknown authority"; 2]);
}

#[test]
fn the_client_s_own_certificate_is_read_again() {
    let authority = Authority::new();
    let shown = authority.issue("server", &server(&["127.0.0.1"]));
    let ca = format!("ssl_ca_cert={}", authority.ca().display());
    let server = memcached(&shown, &["ssl_verify_mode=2", &ca]);
    let unknown = Authority::new().issue("client", &client());
    let own = authority.issue("client", &client());
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("text");
    let good = (read(&own.certificate), read(&own.key));
    let caller = caller(
        &server,
        &format!("{}&{}", trusting(&authority.ca()), shows(&own)),
    );
    assert_eq!(caller.set("key", "value"), Outcome::Done);
    caller.close();
    drop(unknown);
    let stranger = Authority::new();
    let bad = stranger.issue("client", &client());
    replace(&own.certificate, &read(&bad.certificate));
    replace(&own.key, &read(&bad.key));
    assert_failed(&caller, &["does not accept the client's certificate"; 2]);
    replace(&own.certificate, &good.0);
    replace(&own.key, &good.1);
    assert_eq!(caller.get("key"), Outcome::value("value"));
}
