//! The first list: who asks for it, in which form, what is told of one that cannot be had.

use memcached2::error::{Phase, Status};

use crate::caller::{Caller, Outcome, until};
use crate::endpoint::{Endpoint, PATIENCE, Says, framed, list, named, servers};
use crate::lookups::Lookups;
use crate::support::client::{
    Client, Got, INVALID_ARGUMENT, OK, SERVER_DISCONNECT, last_error, last_error_server, name,
};

#[test]
fn the_first_call_asks_for_the_list() {
    let servers = servers(3);
    let endpoint = Endpoint::new(Says::List(list(1, &servers)));
    let client = Client::new(&endpoint.uri(PATIENCE));
    assert_eq!(client.servers(), [""], "making a client asks nobody");
    assert_eq!(endpoint.connections(), 0);
    for key in 0..100 {
        let (key, value) = (format!("key{key}"), format!("value{key}"));
        assert_eq!(client.set(&key, value.as_bytes()), OK, "{}", last_error());
        assert_eq!(client.get(&key), Got::Value(value.into_bytes()));
    }
    let names: Vec<String> = servers.iter().map(named).collect();
    assert_eq!(client.servers(), names, "in the order of the list");
    // As a client whose program named these servers places them.
    let fixed = Client::new(&format!(
        "{}?{PATIENCE}",
        names.join(",?").replace(",?", ",")
    ));
    for key in 0..100 {
        let key = format!("key{key}");
        assert_eq!(client.server_for(&key), fixed.server_for(&key));
    }
    assert_eq!((endpoint.connections(), endpoint.asked()), (1, 1));
}

/// Whatever the first call is.
#[test]
fn every_kind_of_call_may_be_the_first() {
    let servers = servers(2);
    let endpoint = Endpoint::new(Says::List(list(1, &servers)));
    let client = || Client::new(&endpoint.uri(PATIENCE));
    let keys = ["a", "b", "c", "d"];
    assert_eq!(client().set_multi(&keys, &keys).status, OK);
    assert_eq!(client().get_multi(&keys).status, OK);
    assert_eq!(client().delete_multi(&keys).status, OK);
    assert_eq!(client().ping().servers.len(), 2);
    assert_eq!(client().stats("").servers.len(), 2);
    assert_eq!(client().flush_all(0).servers.len(), 2);
    let (everywhere, _) = client().dump();
    assert_eq!(everywhere.servers.len(), 2, "{}", last_error());
    let answer = client().admin("cache_memlimit 64", None);
    assert_eq!((answer.status, answer.servers.len()), (OK, 2));
    assert_eq!(
        client().incr("none", 1),
        Err(crate::support::client::NOT_FOUND)
    );
    assert_eq!(endpoint.asked(), 9);
}

#[test]
fn a_list_in_the_form_of_old_servers() {
    let servers = servers(2);
    let endpoint = Endpoint::new(Says::Old(list(7, &servers)));
    let client = Client::new(&endpoint.uri(PATIENCE));
    assert_eq!(client.set("key", b"value"), OK, "{}", last_error());
    let names: Vec<String> = servers.iter().map(named).collect();
    assert_eq!(client.servers(), names);
    assert_eq!(endpoint.connections(), 1, "both forms over one connection");
}

#[test]
fn a_list_that_comes_byte_by_byte_or_is_long() {
    let servers = servers(1);
    let endpoint = Endpoint::new(Says::Drips(list(1, &servers)));
    let client = Client::new(&endpoint.uri(PATIENCE));
    assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
    // 2,000 names: about 80 KB.
    let many = |n| format!("node-with-a-long-name-{n:04}.cluster.test||11211");
    let many: Vec<String> = (0..2000).map(many).collect();
    endpoint.say(Says::List(format!("1\n{}\n", many.join(" "))));
    let client = Client::new(&endpoint.uri("connect_timeout=20s&timeout=20s&placement=jump"));
    client.get("key");
    assert!(last_error_server().starts_with("node-with-a-long-name-"));
    assert_eq!(client.server_for("key"), last_error_server());
}

/// What the endpoint says wrong is told with its name, and heals by itself when it says something right.
#[test]
fn what_is_no_list_is_told_with_the_endpoints_name() {
    let servers = servers(2);
    let endpoint = Endpoint::new(Says::Stock);
    let caller = Caller::new(&endpoint.uri(PATIENCE), &Lookups::new().resolver());
    let port = |text: &str| Says::List(format!("1\n{text}\n"));
    for (says, status, words) in [
        (
            Says::Stock,
            Status::UNSUPPORTED,
            "is no configuration endpoint",
        ),
        (
            Says::List("1\n\n".into()),
            Status::NO_AVAILABLE_SERVERS,
            "without servers",
        ),
        (
            Says::List("x\na||1\n".into()),
            Status::UNEXPECTED_RESPONSE,
            "version",
        ),
        (
            port("a||1 b|1"),
            Status::UNEXPECTED_RESPONSE,
            "server 2: it is not host|ip|port",
        ),
        (
            port("a||0"),
            Status::UNEXPECTED_RESPONSE,
            "server 1: the port",
        ),
        (
            port("a|1.2.3|1"),
            Status::UNEXPECTED_RESPONSE,
            "the private address is none",
        ),
        (port("a..b||1"), Status::UNEXPECTED_RESPONSE, "server 1: "),
        (port("1.2.3||1"), Status::UNEXPECTED_RESPONSE, "server 1: "),
        (port("a||1 A||1"), Status::UNEXPECTED_RESPONSE, "already"),
        (
            Says::Bytes(b"CONFIG cluster 0 9\r\n1\na||1\n\r\nEND\r\n".to_vec()),
            Status::UNEXPECTED_RESPONSE,
            "another length",
        ),
        (
            Says::Bytes([framed("CONFIG cluster", "1\na||1"), b"x".to_vec()].concat()),
            Status::UNEXPECTED_RESPONSE,
            "nothing asked for",
        ),
        (
            Says::Bytes(b"CONFIG cluster 0 999999999\r\n".to_vec()),
            Status::UNEXPECTED_RESPONSE,
            "too long",
        ),
        (
            Says::Bytes(vec![b'x'; 9000]),
            Status::UNEXPECTED_RESPONSE,
            "without an end",
        ),
        (
            Says::Bytes(b"SERVER_ERROR busy\r\n".to_vec()),
            Status::SERVER_ERROR,
            "SERVER_ERROR busy",
        ),
        (Says::Closes, Status::SERVER_DISCONNECT, "closed"),
    ] {
        endpoint.say(says.clone());
        // A failure is told to all who call shortly after it, and then the endpoint is asked again.
        let told = until(
            || caller.get("key"),
            |outcome| matches!(outcome, Outcome::Failed(_, _, _, text) if text.contains(words)),
        );
        told.assert_failed(status, Phase::Receive, &endpoint.name());
        caller
            .get_multi(&["a".into(), "b".into()])
            .iter()
            .for_each(|(outcome, _)| {
                assert!(
                    matches!(outcome, Outcome::Failed(..)),
                    "{says:?}: {outcome:?}"
                );
            });
    }
    endpoint.say(Says::List(list(1, &servers)));
    until(|| caller.get("key"), |outcome| *outcome == Outcome::Miss);
}

/// Cut at every byte, by the end of the stream, a reply is an error that names the endpoint, and never a
/// list.
#[test]
fn a_reply_that_is_cut_at_every_byte() {
    let servers = servers(2);
    let mut cuts = 0;
    for head in ["CONFIG cluster", "VALUE AmazonElastiCache:cluster"] {
        let whole = framed(head, &list(1, &servers));
        for cut in 0..whole.len() {
            let endpoint = Endpoint::new(match head.starts_with('C') {
                true => Says::Cut(whole[..cut].to_vec()),
                false => Says::OldCut(whole[..cut].to_vec()),
            });
            let client = Client::new(&endpoint.uri(PATIENCE));
            assert_eq!(
                client.get("key"),
                Got::Failed(SERVER_DISCONNECT),
                "{cut}: {}",
                last_error()
            );
            assert_eq!(last_error_server(), endpoint.name());
            assert_eq!(client.servers(), [""]);
            cuts += 1;
        }
    }
    println!("cut at {cuts} places: an error each");
}

/// Calls that come shortly after a failure do not ask again.
#[test]
fn an_endpoint_that_has_no_list_is_asked_seldom() {
    let endpoint = Endpoint::new(Says::Stock);
    let client = Client::new(&endpoint.uri(PATIENCE));
    let began = std::time::Instant::now();
    let mut calls = 0;
    while began.elapsed() < std::time::Duration::from_secs(2) {
        assert!(matches!(client.get("key"), Got::Failed(_)));
        calls += 1;
        std::thread::sleep(std::time::Duration::from_micros(100));
    }
    let asked = endpoint.asked();
    println!("{calls} calls in 2 s to an endpoint without a list: asked {asked} times");
    assert!(asked <= 10 && calls > asked * 4, "{asked} of {calls}");
    // Not a success with no server.
    assert_ne!(client.ping().status, OK);
}

#[test]
fn an_endpoint_stands_alone_and_has_no_options_of_a_single_server() {
    for list in [
        "discover://a,b",
        "b discover://a",
        "discover://a discover://b",
        "discover://a/?weight=2",
        "discover://a/?alias=x",
        "discover://a/?limit=1m",
        "discover://a/?tls_server_name=x",
    ] {
        let (status, why) = Client::try_new(list).err().expect("refused");
        assert_eq!(status, INVALID_ARGUMENT, "{list}: {}: {why}", name(status));
    }
    let servers = servers(2);
    let endpoint = Endpoint::new(Says::List(list(1, &servers[..1])));
    let client = Client::new(&endpoint.uri(PATIENCE));
    for _ in 0..2 {
        assert_eq!(client.add_server("127.0.0.1:1"), INVALID_ARGUMENT);
        assert!(last_error().contains(&endpoint.name()), "{}", last_error());
        assert_eq!(client.remove_server(&named(&servers[0])), INVALID_ARGUMENT);
        assert_eq!(client.get("key"), Got::Miss);
    }
    // The list as a whole may be another, and come from the endpoint again.
    assert_eq!(
        client.set_servers(&servers[1].uri()),
        OK,
        "{}",
        last_error()
    );
    assert_eq!(client.servers(), [named(&servers[1])]);
    assert_eq!(client.add_server(&servers[0].uri()), OK, "{}", last_error());
    assert_eq!(client.add_server(&endpoint.uri(PATIENCE)), INVALID_ARGUMENT);
    assert_eq!(client.set("key", b"value"), OK);
    assert_eq!(
        client.set_servers(&endpoint.uri(PATIENCE)),
        OK,
        "{}",
        last_error()
    );
    assert_eq!(client.servers(), [""]);
    assert_eq!(client.set("key", b"value"), OK);
    assert_eq!(client.servers(), [named(&servers[0])]);
    // The same one goes on with its list.
    assert_eq!(client.set_servers(&endpoint.uri(PATIENCE)), OK);
    assert_eq!(client.servers(), [named(&servers[0])]);
}
