//! What a client does over connections that have authenticated, with memcached's own -Y.

use memcached2::error::Status;

use crate::caller::Outcome;
use crate::peer::{PASSWORD, USER};
use crate::servers::{Users, calling, login, uri, with_options};
use crate::support::client::{Client, Got, OK, last_error};
use crate::support::conn::Conn;
use crate::support::forked::in_child;
use crate::support::memcached::Memcached;

/// Everything that goes over a connection, lone and in batches, of the pool and aside from it.
fn everything(server: &Memcached) {
    let client = Client::new(&uri(server, &login()));
    assert_eq!(client.set("one", b"1"), OK, "{}", last_error());
    assert_eq!(client.get("one"), Got::Value(b"1".to_vec()));
    assert_eq!(client.get("none"), Got::Miss);
    assert_eq!(client.incr("one", 41), Ok(42));
    let keys: Vec<String> = (0..2_000).map(|n| format!("key{n}")).collect();
    let values: Vec<String> = keys.iter().map(|key| key.repeat(9)).collect();
    client.close();
    let stored = client.set_multi(&keys, &values);
    assert_eq!(stored.status, OK, "{}", last_error());
    client.close();
    let got = client.get_multi(&keys);
    for (value, got) in values.iter().zip(got.entries) {
        assert_eq!(got, Got::Value(value.clone().into_bytes()));
    }
    let (everywhere, told) = client.dump();
    assert_eq!(everywhere.status, OK, "{}", last_error());
    assert_eq!(told.len(), 2_001);
    let answer = client.admin("cache_memlimit 64", None);
    assert_eq!(answer.status, OK, "{}", last_error());
    assert_eq!(client.ping().status, OK);
    let conn = Conn::open(&uri(server, &login()));
    conn.send(b"get one\r\n");
    assert_eq!(conn.line().expect("a line"), b"VALUE one 0 2\r\n");
}

#[test]
fn everything_over_tcp() {
    let users = Users::new();
    everything(&Memcached::tcp(&users.flags()));
}

#[test]
fn everything_over_a_unix_socket() {
    let users = Users::new();
    everything(&Memcached::unix(&users.flags()));
}

#[cfg(feature = "tls")]
#[test]
fn everything_over_tls() {
    let users = Users::new();
    let authority = crate::certificates::Authority::new();
    let names = crate::certificates::server(&["127.0.0.1"]);
    let flag = authority.issue("server", &names).flag();
    let [y, file] = users.flags();
    let ca = format!("tls_ca={}", authority.ca().display());
    everything(&Memcached::tls(&["-Z", "-o", &flag, y, file], &ca));
}

#[test]
fn protocols_and_ways() {
    let users = Users::new();
    let server = Memcached::tcp(&users.flags());
    for options in [
        "protocol=ascii",
        "protocol=meta",
        "paranoid=on",
        "shortcut=off",
        "default_noreply=on",
        "max_connections=1",
    ] {
        let client = Client::new(&format!("{}&{options}", uri(&server, &login())));
        for round in 0..3 {
            let value = format!("{options} {round}");
            assert_eq!(client.set("key", value.as_bytes()), OK, "{}", last_error());
            assert_eq!(client.get("key"), Got::Value(value.into_bytes()));
            client.close();
        }
    }
}

/// The credentials of the options are for all servers, but those whose URIs have their own; a server in
/// memory takes none.
#[test]
fn credentials_of_the_options() {
    let users = Users::new();
    let servers = [(); 3].map(|()| Memcached::unix(&users.flags()));
    let list = format!(
        "{},{},{},memory://",
        uri(&servers[0], ""),
        uri(&servers[1], "bob:his-own@"),
        uri(&servers[2], ""),
    );
    let options = [("username", USER), ("password", PASSWORD)];
    let config = with_options(&list, &options).expect("a configuration");
    let caller = crate::caller::Caller::of(config, None);
    for n in 0..40 {
        let key = format!("key{n}");
        assert_eq!(caller.set(&key, "value"), Outcome::Done);
        assert_eq!(caller.get(&key), Outcome::value("value"));
    }
    // Those of a server that comes later too.
    let later = Memcached::unix(&users.flags());
    caller.set_servers(&uri(&later, ""));
    assert_eq!(caller.set("key", "value"), Outcome::Done);
}

/// What a client is told to be on a server is part of what the server is: with another password, other
/// connections.
#[test]
fn another_password_makes_other_connections() {
    let users = Users::new();
    let server = Memcached::tcp(&users.flags());
    let caller = calling(&uri(&server, &login()));
    assert_eq!(caller.set("key", "value"), Outcome::Done);
    caller.set_servers(&uri(&server, "ann:other@"));
    assert_eq!(
        caller.get("key").status(),
        Some(Status::INVALID_CREDENTIALS)
    );
    caller.set_servers(&uri(&server, "bob:his-own@"));
    assert_eq!(caller.get("key"), Outcome::value("value"));
}

#[test]
fn many_threads() {
    let users = Users::new();
    let server = Memcached::tcp(&users.flags());
    let client = Client::new(&format!("{}&max_connections=4", uri(&server, &login())));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for n in 0..200 {
                    let key = format!("key{thread}.{n}");
                    assert_eq!(client.set(&key, key.as_bytes()), OK, "{}", last_error());
                    assert_eq!(client.get(&key), Got::Value(key.clone().into_bytes()));
                    if n % 20 == 0 {
                        client.close();
                    }
                }
            });
        }
    });
}

/// FM-97: every new connection authenticates, a child's too.
#[test]
fn fm97_a_forked_child_authenticates_anew() {
    let users = Users::new();
    let server = Memcached::tcp(&users.flags());
    let client = Client::new(&uri(&server, &login()));
    assert_eq!(client.set("key", b"value"), OK);
    in_child(|| client.get("key") == Got::Value(b"value".to_vec()) && client.set("c", b"1") == OK);
    assert_eq!(client.get("c"), Got::Value(b"1".to_vec()));
}
