//! What is told of refusals, and that nothing more comes of them.

use memcached2::error::{Phase, Status};

use crate::caller::{Caller, Outcome};
use crate::peer::{Manner, Peer};
use crate::servers::{Users, calling, login, uri, with_options};
use crate::support::client::{
    Client, EFFECT_NOT_APPLIED, Got, OK, last_error, last_error_effect, last_error_server,
};
use crate::support::conn::Conn;
use crate::support::memcached::Memcached;

const INVALID_CREDENTIALS: i32 = 0x0206;
const AUTH_NOT_SUPPORTED: i32 = 0x0106;

/// A wrong password is told as that, of every server and of every kind of call, and is not tried a
/// second time before the next call.
#[test]
fn a_wrong_password() {
    for (manner, first, later) in [
        (Manner::Says, 1, 1),
        (Manner::SaysSlowly, 1, 1),
        (Manner::SaysAndCloses, 2, 1),
        (Manner::Closes, 2, 1),
    ] {
        let peer = Peer::start(manner);
        let caller = calling(&(peer.uri("ann:wrong@") + "?protocol=ascii"));
        let name = format!("127.0.0.1:{}", peer.port());
        for (call, connections) in [
            (0, first),
            (1, later + usize::from(manner == Manner::Closes)),
        ] {
            let got = caller.get("key");
            got.assert_failed(Status::INVALID_CREDENTIALS, Phase::Authenticate, &name);
            got.assert_failed(Status::INVALID_CREDENTIALS, Phase::Authenticate, "\"ann\"");
            let heard = peer.heard();
            assert_eq!(
                heard.len(),
                connections,
                "{manner:?}, call {call}: {heard:?}"
            );
            let commands = heard.iter().flatten();
            let others = commands.filter(|said| !said.starts_with("set memcached2:"));
            assert!(others.clone().all(|said| said == "version"), "{heard:?}");
        }
        // A batch: every command is told.
        let keys = ["a", "b", "c"].map(String::from);
        for (outcome, _) in caller.get_multi(&keys) {
            assert_eq!(outcome.status(), Some(Status::INVALID_CREDENTIALS));
        }
    }
}

#[test]
fn fm95_a_wrong_password_of_memcached() {
    let users = Users::new();
    let server = Memcached::tcp(&users.flags());
    for wrong in [
        "ann:wrong@",
        "ann:s3cret-wor@",
        "bob:s3cret-word@",
        "eve:s3cret-word@",
    ] {
        let client = Client::new(&uri(&server, wrong));
        assert_eq!(client.set("key", b"value"), INVALID_CREDENTIALS);
        assert_eq!(last_error_effect(), EFFECT_NOT_APPLIED);
        let name = uri(&server, "");
        let name = name.trim_start_matches("memcached://");
        assert!(
            name.starts_with(&last_error_server()),
            "{}",
            last_error_server()
        );
        assert_eq!(client.get("key"), Got::Failed(INVALID_CREDENTIALS));
        assert_eq!(client.ping().statuses(), [INVALID_CREDENTIALS]);
        assert_eq!(client.dump().0.statuses(), [INVALID_CREDENTIALS]);
        assert_eq!(
            client.admin("cache_memlimit 64", None).statuses(),
            [INVALID_CREDENTIALS]
        );
        let conn = Conn::new(&uri(&server, wrong));
        assert_eq!(conn.connect(), INVALID_CREDENTIALS);
        assert!(!conn.is_up());
        // The right one heals it.
        assert_eq!(client.set_servers(&uri(&server, &login())), OK);
        assert_eq!(client.get("key"), Got::Miss);
    }
}

/// A server that asks somebody who has nothing to tell: an error that says so, never a miss.
#[test]
fn without_credentials() {
    let users = Users::new();
    let server = Memcached::tcp(&users.flags());
    for options in ["", "&shortcut=off", "&protocol=meta", "&paranoid=on"] {
        let client = Client::new(&(uri(&server, "") + options));
        for _ in 0..2 {
            assert_eq!(client.get("key"), Got::Failed(INVALID_CREDENTIALS));
            let text = last_error();
            assert!(text.contains("asks for a username"), "{options}: {text}");
            assert_eq!(client.set("key", b"value"), INVALID_CREDENTIALS);
            assert_eq!(last_error_effect(), EFFECT_NOT_APPLIED);
        }
        let keys: Vec<String> = (0..50).map(|n| format!("key{n}")).collect();
        let got = client.get_multi(&keys);
        assert!(got.entries.iter().all(|got| matches!(got, Got::Failed(_))));
        let got = client.set_multi(&keys, &keys);
        assert!(got.entries.iter().all(|status| *status != OK));
        assert_eq!(client.dump().0.statuses(), [INVALID_CREDENTIALS]);
        assert_eq!(
            client.admin("cache_memlimit 64", None).statuses(),
            [INVALID_CREDENTIALS]
        );
    }
}

/// A server that asks in the middle of a connection: the command fails, the connection ends, and the
/// next one begins with the credentials.
#[test]
fn asked_in_the_middle() {
    let peer = Peer::start(Manner::Later);
    let caller = calling(&(peer.uri(&login()) + "?protocol=ascii"));
    let got = caller.get("key");
    got.assert_failed(Status::INVALID_CREDENTIALS, Phase::Receive, "in the middle");
    assert_eq!(peer.heard(), [["version", "get key"]]);
    peer.becomes(Manner::Says);
    assert_eq!(caller.get("key"), Outcome::Miss);
    let heard = peer.heard();
    assert!(heard[0][0].starts_with("set memcached2:"), "{heard:?}");
    let keys: Vec<String> = (0..50).map(|n| format!("key{n}")).collect();
    peer.becomes(Manner::Later);
    caller.close();
    for (outcome, _) in caller.get_multi(&keys) {
        assert!(outcome.status().is_some(), "{outcome:?}");
    }
}

/// FM-06: an answer with something behind it is not believed, and no password follows it.
#[test]
fn fm06_more_than_was_asked_for() {
    let peer = Peer::start(Manner::Babbles);
    let caller = calling(&(peer.uri(&login()) + "?protocol=ascii"));
    let got = caller.get("key");
    let (status, phase) = (Status::UNEXPECTED_RESPONSE, Phase::Authenticate);
    // The rest may come later, and is what the first command meets then.
    if got.status() == Some(status) {
        if let Outcome::Failed(_, Phase::Authenticate, ..) = got {
            got.assert_failed(status, phase, "nothing asked for");
        }
    } else {
        assert_eq!(got, Outcome::Miss, "`END` is that, to a get");
    }
    let heard = peer.heard();
    assert!(heard.iter().flatten().all(|said| !said.starts_with("set")));
}

/// FM-93: to another machine a password goes by TLS only. (`0.0.0.0` is this machine, and no loopback
/// address.)
#[test]
fn fm93_not_in_the_clear() {
    for manner in [Manner::Says, Manner::Closes] {
        let peer = Peer::start(manner);
        let elsewhere = peer.uri(&login()).replace("127.0.0.1", "0.0.0.0");
        for _ in 0..2 {
            let client = Client::new(&elsewhere);
            assert_eq!(client.get("key"), Got::Failed(AUTH_NOT_SUPPORTED));
            let text = last_error();
            assert!(text.contains("auth_over_cleartext=on"), "{text}");
            assert_eq!(client.get("key"), Got::Failed(AUTH_NOT_SUPPORTED));
        }
        let heard = peer.heard();
        assert!(
            heard.iter().flatten().all(|said| said == "version"),
            "{heard:?}"
        );
        let client = Client::new(&(elsewhere + "?auth_over_cleartext=on"));
        assert_eq!(client.get("key"), Got::Miss);
    }
    // Where nothing is asked, nothing is in the way.
    let peer = Peer::start(Manner::Open);
    let client = Client::new(&peer.uri(&login()).replace("127.0.0.1", "0.0.0.0"));
    assert_eq!(client.get("key"), Got::Miss);
}

/// Half of what it takes is refused when the client is made.
#[test]
fn halves() {
    for (list, options, part) in [
        (
            "127.0.0.1",
            [("username", "ann"), ("username", "ann")],
            "no password",
        ),
        (
            "127.0.0.1",
            [("password", "hunter2"), ("password", "hunter2")],
            "no username",
        ),
    ] {
        let config = with_options(list, &options).expect("options");
        let failure = memcached2::client::Client::new(config, None)
            .err()
            .expect("refused");
        assert_eq!(failure.status, Status::INVALID_ARGUMENT);
        assert!(failure.text.contains(part), "{failure}");
        assert!(!failure.text.contains("hunter2"), "{failure}");
    }
    for uri in [
        "ann@127.0.0.1",
        "memcached://ann@127.0.0.1",
        "/a,x,hun@cache",
    ] {
        let (_, text) = Client::try_new(uri).err().expect("refused");
        assert!(text.contains("a user without a password"), "{text}");
        for part in ["hun", "ann"] {
            assert!(!text.contains(part), "{text}");
        }
    }
    let config = with_options("memory://", &[("username", "ann"), ("password", "x")]);
    let caller = Caller::of(config.expect("options"), None);
    assert_eq!(
        caller.get("key"),
        Outcome::Miss,
        "a store in memory takes none"
    );
}
