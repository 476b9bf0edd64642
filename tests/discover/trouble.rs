//! Endpoints that are dead or do not answer.

use std::time::{Duration, Instant};

use memcached2::error::{Phase, Status};

use crate::caller::{Caller, Outcome, in_time, until};
use crate::endpoint::{Endpoint, PATIENCE, Says, list, named, servers};
use crate::lookups::Lookups;
use crate::peers::{Refusing, Swallowing};
use crate::support::client::{CONNECT_FAILED, Client, Got, TIMEOUT, last_error, last_error_server};

fn caller(uri: &str) -> Caller {
    Caller::new(uri, &Lookups::new().resolver())
}

#[test]
fn an_endpoint_that_refuses_is_told_by_its_name() {
    let nobody = Refusing::new().address();
    let client = Client::new(&format!("discover://{nobody}"));
    let name = format!("discover://{nobody}");
    for _ in 0..1000 {
        assert_eq!(client.get("key"), Got::Failed(CONNECT_FAILED));
        assert_eq!(last_error_server(), name);
        assert!(last_error().contains(&name), "{}", last_error());
    }
    assert_eq!(client.set("key", b""), CONNECT_FAILED);
    let answer = client.get_multi(&["a", "b", "c"]);
    assert_eq!(answer.entries, vec![Got::Failed(CONNECT_FAILED); 3]);
    assert_eq!(client.ping().status, CONNECT_FAILED);
}

#[test]
fn an_endpoint_that_is_a_black_hole_costs_no_more_than_connecting_may() {
    let hole = Swallowing::new();
    let limit = Duration::from_millis(150);
    let uri = format!(
        "discover://{}?timeout=20s&connect_timeout=150ms",
        hole.address()
    );
    let outcome = in_time(limit, || caller(&uri).get("key"));
    outcome.assert_failed(Status::CONNECT_FAILED, Phase::Connect, "discover://");
}

/// The call ends by its own deadline, and the next goes on with what was asked.
#[test]
fn an_endpoint_that_does_not_answer() {
    let servers = servers(1);
    let endpoint = Endpoint::new(Says::Nothing);
    let limit = Duration::from_millis(100);
    let caller = caller(&endpoint.uri("timeout=100ms&connect_timeout=20s"));
    let outcome = in_time(limit, || caller.get("key"));
    outcome.assert_failed(Status::TIMEOUT, Phase::Receive, &endpoint.name());
    let many = ["a".to_string(), "b".to_string()];
    for (outcome, _) in caller.get_multi(&many) {
        outcome.assert_failed(Status::TIMEOUT, Phase::Receive, &endpoint.name());
    }
    endpoint.say(Says::List(list(1, &servers)));
    until(|| caller.get("key"), |outcome| *outcome == Outcome::Miss);
}

/// What the calls of `during` took, sorted.
fn calls(client: &Client, during: Duration) -> Vec<Duration> {
    let end = Instant::now() + during;
    let mut took = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
        took.push(began.elapsed());
    }
    took.sort();
    took
}

/// A client that knows its servers never fails because of its endpoint, and never waits for it: whatever
/// becomes of that, nobody's call takes as long as connecting or an answer would.
#[test]
fn a_client_that_knows_its_servers_needs_no_endpoint() {
    let servers = servers(2);
    let mut endpoint = Endpoint::new(Says::List(list(1, &servers)));
    let options = "timeout=20s&connect_timeout=20s&discover_interval=20ms";
    let client = Client::new(&endpoint.uri(options));
    assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
    let names: Vec<String> = servers.iter().map(named).collect();
    for says in [
        Says::Nothing,
        Says::Closes,
        Says::Stock,
        Says::Bytes(b"SERVER_ERROR out of memory\r\n".to_vec()),
        // It never comes whole.
        Says::Bytes(b"CONFIG cluster 0 5\r\nxyz".to_vec()),
        Says::List("2\n\n".into()),
        Says::List("2\nnonsense\n".into()),
    ] {
        endpoint.say(Says::List(list(1, &servers)));
        let client = Client::new(&endpoint.uri(options));
        assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
        let before = endpoint.asked();
        endpoint.say(says.clone());
        let took = calls(&client, Duration::from_millis(300));
        assert_eq!(client.servers(), names);
        let asked = endpoint.asked() - before;
        let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
        let count = took.len();
        println!(
            "{says:?}: {count} calls, median {median:?}, slowest {slowest:?}, asked {asked} times"
        );
        assert!(asked > 0, "{says:?}");
    }
    endpoint.say(Says::Closes);
    endpoint.die();
    let took = calls(&client, Duration::from_millis(300));
    println!(
        "dead: {} calls, slowest {:?}",
        took.len(),
        took[took.len() - 1]
    );
    // Back, with news.
    endpoint.rise();
    endpoint.say(Says::List(list(3, &servers[..1])));
    until(
        || {
            assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
            client.servers()
        },
        |servers| *servers == names[..1],
    );
}

/// Calls that come seldom wait for the news, but not for long, and not twice, where there are none.
#[test]
fn a_call_that_comes_seldom_has_the_newest_list() {
    let servers = servers(2);
    let endpoint = Endpoint::new(Says::List(list(1, &servers[..1])));
    let client = Client::new(&endpoint.uri(&format!("{PATIENCE}&discover_interval=10ms")));
    assert_eq!(client.get("key"), Got::Miss);
    endpoint.say(Says::List(list(2, &servers)));
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(client.get("key"), Got::Miss);
    assert_eq!(client.servers().len(), 2, "one call was enough");
    endpoint.say(Says::Nothing);
    let impatient = client.with("timeout=200ms");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(
        impatient.get("key"),
        Got::Miss,
        "half of its time is its own"
    );
    assert_ne!(Got::Failed(TIMEOUT), impatient.get("key"));
}
