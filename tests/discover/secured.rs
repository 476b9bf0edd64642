//! Credentials and TLS of the endpoint hold for the servers of its list. The endpoints here are memcached's
//! own, which hold the list as old ones did.

use crate::endpoint::PATIENCE;
use crate::peers::address;
use crate::support::client::{Client, Got, OK, last_error};
use crate::support::memcached::Memcached;

/// The list of these servers, as an item of `holder`, which the client of `with` writes.
fn hold(with: &str, servers: &[&Memcached]) {
    let ports = servers.iter().map(|server| address_of(server));
    let servers: Vec<String> = ports
        .map(|port| format!("localhost|127.0.0.1|{port}"))
        .collect();
    let list = format!("1\n{}\n", servers.join(" "));
    let client = Client::new(with);
    assert_eq!(
        client.set("AmazonElastiCache:cluster", list.as_bytes()),
        OK,
        "{}",
        last_error()
    );
}

fn address_of(server: &Memcached) -> u16 {
    let uri = server.uri();
    let place = uri.split("://").nth(1).expect("a scheme");
    let place = place.split('/').next().expect("a place");
    place
        .rsplit(':')
        .next()
        .expect("a port")
        .parse()
        .expect("a number")
}

fn works(client: &Client) {
    for n in 0..20 {
        let key = format!("key{n}");
        assert_eq!(client.set(&key, b"value"), OK, "{}", last_error());
        assert_eq!(client.get(&key), Got::Value(b"value".to_vec()));
    }
    assert_eq!(client.ping().status, OK);
}

#[test]
fn credentials_of_the_endpoint_are_those_of_its_servers() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("users");
    std::fs::write(&file, "ann:her-own\n").expect("a file");
    let flags = ["-Y", file.to_str().expect("a path of the tests' own")];
    let (a, b) = (Memcached::tcp(&flags), Memcached::tcp(&flags));
    let there = address(&a);
    hold(
        &format!("memcached://ann:her-own@{there}/?{PATIENCE}"),
        &[&a, &b],
    );
    let client = Client::new(&format!("discover://ann:her-own@{there}/?{PATIENCE}"));
    works(&client);
    let port = address(&b).port();
    assert!(
        client.servers().contains(&format!("localhost:{port}")),
        "{:?}",
        client.servers()
    );
    // The wrong ones are refused by the endpoint, whose name is told, and the password is not.
    let client = Client::new(&format!("discover://ann:guessed@{there}/?{PATIENCE}"));
    assert!(matches!(client.get("key0"), Got::Failed(_)));
    let text = last_error();
    assert!(
        text.contains(&format!("discover://{there}")) && !text.contains("guessed"),
        "{text}"
    );
}

#[cfg(feature = "tls")]
#[test]
fn tls_of_the_endpoint_is_that_of_its_servers() {
    use crate::certificates::{Authority, server};
    let authority = Authority::new();
    let shown = |name: &str, for_what: &[&str]| {
        let flag = authority.issue(name, &server(for_what)).flag();
        Memcached::tcp(&["-Z", "-o", &flag])
    };
    // The servers' certificates are for the name in the list, not for the address that is connected to.
    let (a, b) = (
        shown("a", &["127.0.0.1", "localhost"]),
        shown("b", &["localhost"]),
    );
    let trust = format!("{PATIENCE}&tls_ca={}", authority.ca().display());
    let there = address(&a);
    hold(&format!("memcacheds://{there}/?{trust}"), &[&a, &b]);
    let client = Client::new(&format!("discovers://{there}/?{trust}"));
    works(&client);
    let port = address(&b).port();
    let name = format!("memcacheds://localhost:{port}");
    assert!(client.servers().contains(&name), "{:?}", client.servers());
    // Without TLS nobody is understood.
    let client = Client::new(&format!("discover://{there}/?timeout=2s"));
    assert!(matches!(client.get("key0"), Got::Failed(_)));
    // Nobody else's certificate is taken.
    let client = Client::new(&format!(
        "discovers://{there}/?{trust}&tls_server_name=other.test"
    ));
    assert!(matches!(client.get("key0"), Got::Failed(_)));
    assert!(
        last_error().contains(&format!("discovers://{there}")),
        "{}",
        last_error()
    );
}
