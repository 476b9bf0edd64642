//! What servers of a list are called, and what is connected to; endpoints with names.

use crate::caller::{Caller, Outcome, until};
use crate::endpoint::{Endpoint, PATIENCE, Says, list, servers};
use crate::lookups::Lookups;
use crate::peers::address;

/// A server at this address with this name: by default nobody looks the name up, and yet it is what keys
/// are placed by and what is told.
#[test]
fn the_private_address_is_connected_to_and_the_name_places() {
    let servers = servers(2);
    let port = |n: usize| address(&servers[n]).port();
    let lookups = Lookups::new();
    let endpoint = Endpoint::new(Says::List(format!(
        "1\na.test|127.0.0.1|{} b.test|127.0.0.1|{}\n",
        port(0),
        port(1)
    )));
    let caller = Caller::new(
        &endpoint.uri(&format!(
            "{PATIENCE}&placement=ketama&discover_interval=10ms"
        )),
        &lookups.resolver(),
    );
    for n in 0..20 {
        assert_eq!(caller.set(&format!("key{n}"), "value"), Outcome::Done);
    }
    assert_eq!(lookups.count_all(), 0);
    let fixed = format!("a.test:{},b.test:{}?placement=ketama", port(0), port(1));
    let fixed = Caller::new(&fixed, &lookups.resolver());
    for n in 0..20 {
        let key = format!("key{n}");
        for server in ["a.test", "b.test"].iter().zip([port(0), port(1)]) {
            let name = format!("{}:{}", server.0, server.1);
            assert_eq!(caller.is_on(&key, &name), fixed.is_on(&key, &name), "{key}");
        }
    }
}

/// FM-68: a node that is replaced keeps its name, and has another address: it is followed.
#[test]
fn fm68_a_name_that_the_list_gives_another_address() {
    let servers = servers(1);
    let port = address(&servers[0]).port();
    let said = |version: u64, ip: &str| Says::List(format!("{version}\na.test|{ip}|{port}\n"));
    let endpoint = Endpoint::new(said(1, "127.0.0.2"));
    let options = "timeout=2s&connect_timeout=1s&discover_interval=20ms";
    let caller = Caller::new(&endpoint.uri(options), &Lookups::new().resolver());
    // Nobody is there.
    assert!(matches!(caller.get("key"), Outcome::Failed(..)));
    endpoint.say(said(2, "127.0.0.1"));
    until(|| caller.get("key"), |outcome| *outcome == Outcome::Miss);
    assert!(caller.is_on("key", &format!("a.test:{port}")));
}

/// The name is looked up where that is preferred, and where there is no address; and again when its
/// connections are made anew.
#[test]
fn fm68_names_of_a_list_are_looked_up() {
    let servers = servers(2);
    for (prefer, ip) in [("name", "127.0.0.9"), ("ip", ""), ("name", "")] {
        let lookups = Lookups::new();
        let port = address(&servers[0]).port();
        let endpoint = Endpoint::new(Says::List(format!("1\na.test|{ip}|{port}\n")));
        let options = format!("{PATIENCE}&discover_prefer={prefer}");
        let caller = Caller::new(&endpoint.uri(&options), &lookups.resolver());
        lookups.at("a.test", &[address(&servers[0])]);
        assert_eq!(caller.set("key", "first"), Outcome::Done);
        assert_eq!(lookups.count("a.test"), 1);
        lookups.at("a.test", &[address(&servers[1])]);
        let ask = || {
            caller.close();
            caller.get("key")
        };
        until(ask, |outcome| *outcome == Outcome::Miss);
        lookups.at("a.test", &[address(&servers[0])]);
        until(ask, |outcome| *outcome == Outcome::value("first"));
    }
}

/// FM-68: an endpoint whose name leads elsewhere by now, as that of a cluster does whose node that
/// answered is gone.
#[test]
fn fm68_an_endpoint_that_moves_is_followed() {
    let servers = servers(2);
    let mut old = Endpoint::new(Says::List(list(1, &servers[..1])));
    let new = Endpoint::new(Says::List(list(2, &servers)));
    let lookups = Lookups::new();
    lookups.at("cfg.test", &[old.address()]);
    let uri = format!("discover://cfg.test/?{PATIENCE}&discover_interval=20ms");
    let caller = Caller::new(&uri, &lookups.resolver());
    assert_eq!(caller.get("key"), Outcome::Miss);
    lookups.at("cfg.test", &[new.address()]);
    old.die();
    until(|| (caller.get("key"), new.asked()).1, |asked| *asked > 0);
    until(
        || {
            let outcomes = (0..20).map(|n| caller.get(&format!("key{n}")));
            outcomes.filter(|one| *one == Outcome::Miss).count()
        },
        |misses| *misses == 20,
    );
}
