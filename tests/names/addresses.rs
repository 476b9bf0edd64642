//! Names with several addresses, of which some are dead.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use memcached2::error::{Phase, Status};

use crate::alone;
use crate::caller::{Caller, Outcome, in_time, not_late, until};
use crate::lookups::Lookups;
use crate::peers::{address, connections_to, deaf, empty_server, silent};
use crate::support::client::SLACK;
use crate::support::forked::in_child;
use crate::support::memcached::Memcached;

/// The default of `connect_timeout`.
const CONNECT: Duration = Duration::from_millis(250);

fn caller(addresses: &[SocketAddr], options: &str) -> Caller {
    let lookups = Lookups::new();
    lookups.at("name.test", addresses);
    Caller::new(&format!("name.test?{options}"), &lookups.resolver())
}

/// FM-70: the one that lives is found within the time of one connection, and the others are closed.
#[test]
fn fm70_dead_addresses_before_a_living_one() {
    let _alone = alone();
    let server = Memcached::tcp(&[]);
    let living = [address(&server)];
    let ((_silent, silent), (_deaf, deaf)) = (silent(15), deaf(4));
    for dead in [
        deaf[..1].to_vec(),
        silent[..1].to_vec(),
        deaf.clone(),
        silent[..3].to_vec(),
        [&silent[..2], &deaf[..2], &silent[2..4], &deaf[2..]].concat(),
        silent.clone(),
    ] {
        for paranoid in ["off", "on"] {
            let open = || silent.iter().map(|to| connections_to(*to)).sum::<usize>();
            let before = open();
            let addresses = [dead.as_slice(), &living].concat();
            let caller = caller(&addresses, &format!("paranoid={paranoid}"));
            let began = Instant::now();
            assert_eq!(caller.get("key"), Outcome::Miss, "{dead:?}");
            let took = began.elapsed();
            assert!(took <= CONNECT + SLACK, "{took:?} with {dead:?}");
            assert_eq!(open(), before, "the losers are closed");
            println!("{} dead addresses first: {took:?}", dead.len());
        }
    }
}

/// FM-70: the address that was found is the first to be tried the next time.
#[test]
fn fm70_the_winner_is_remembered() {
    let _alone = alone();
    let server = Memcached::tcp(&[]);
    let (_silent, silent) = silent(3);
    let addresses = [silent.as_slice(), &[address(&server)]].concat();
    // Every pause would be too long for the second time.
    let caller = caller(&addresses, "connect_stagger=60ms");
    assert_eq!(caller.get("key"), Outcome::Miss);
    for _ in 0..3 {
        caller.close();
        assert_eq!(not_late(|| caller.get("key")), Outcome::Miss);
    }
}

/// FM-61: where all are dead, all of them together take no longer than one connection may.
#[test]
fn fm61_all_dead() {
    let _alone = alone();
    let ((_silent, silent), (_deaf, deaf)) = (silent(17), deaf(2));
    for (addresses, tried) in [
        (silent[..1].to_vec(), "to name.test:11211: "),
        (silent[..3].to_vec(), "3 addresses"),
        ([&deaf[..1], &silent[..1]].concat(), "2 addresses"),
        (silent.clone(), "16 addresses"),
    ] {
        let outcome = in_time(CONNECT, || caller(&addresses, "").get("key"));
        outcome.assert_failed(Status::CONNECT_FAILED, Phase::Connect, tried);
        assert_eq!(outcome.errno(), libc::ETIMEDOUT);
        let caller = caller(&addresses, "timeout=100ms");
        let outcome = in_time(Duration::from_millis(100), || caller.get("key"));
        outcome.assert_failed(Status::TIMEOUT, Phase::Connect, "name.test");
    }
    let outcome = caller(&deaf, "timeout=none&connect_timeout=none").get("key");
    outcome.assert_failed(Status::CONNECT_FAILED, Phase::Connect, "2 addresses");
    assert_eq!(outcome.errno(), libc::ECONNREFUSED);
}

/// FM-15: what was on its way at a fork is closed in the child, and stays in the parent.
#[test]
fn fm15_a_child_closes_what_was_connecting() {
    let _alone = alone();
    let server = Memcached::tcp(&[]);
    let (_silent, silent) = silent(2);
    let open = || {
        silent
            .iter()
            .map(|to| connections_to(*to))
            .collect::<Vec<_>>()
    };
    let before = open();
    let lookups = Lookups::new();
    lookups.at("name.test", &silent);
    let servers = format!("name.test,{}?connect_timeout=2s&timeout=2s", server.uri());
    let caller = Caller::new(&servers, &lookups.resolver());
    let keys = || (0..).map(|number| format!("key:{number}"));
    let of_silent = |key: &String| caller.is_on(key, "name.test:11211");
    let (silent_key, well) = (keys().find(of_silent), keys().find(|key| !of_silent(key)));
    let (silent_key, well) = (silent_key.expect("one"), well.expect("one"));
    std::thread::scope(|scope| {
        let hangs = scope.spawn(|| caller.get(&silent_key));
        let racing: Vec<_> = before.iter().map(|count| count + 1).collect();
        until(open, |now| *now == racing);
        in_child(|| {
            let inherited = open() == racing;
            inherited && caller.get(&well) == Outcome::Miss && open() == before
        });
        assert_eq!(open(), racing);
        let status = hangs.join().expect("no panic").status();
        assert!(matches!(
            status,
            Some(Status::CONNECT_FAILED | Status::TIMEOUT)
        ));
    });
    assert_eq!(open(), before);
}

/// FM-61: in a batch, a server whose addresses are all silent costs its own keys only.
#[test]
fn fm61_silent_addresses_in_a_batch() {
    let _alone = alone();
    let server = Memcached::tcp(&[]);
    let (_silent, silent) = silent(3);
    let lookups = Lookups::new();
    lookups.at("name.test", &silent);
    let caller = Caller::new(&format!("name.test,{}", server.uri()), &lookups.resolver());
    let keys: Vec<_> = (0..40).map(|number| format!("key:{number}")).collect();
    let mut met = [0, 0];
    for (key, (outcome, after)) in keys
        .iter()
        .zip(in_time(CONNECT, || caller.get_multi(&keys)))
    {
        if caller.is_on(key, "name.test:11211") {
            outcome.assert_failed(Status::CONNECT_FAILED, Phase::Connect, "3 addresses");
            met[0] += 1;
        } else {
            assert_eq!(outcome, Outcome::Miss);
            assert!(after < CONNECT / 2, "{key} after {after:?}");
            met[1] += 1;
        }
    }
    assert!(met[0] > 5 && met[1] > 5, "{met:?}");
}

/// The pause is the option's where it says one.
#[test]
fn the_pause_can_be_chosen() {
    let _alone = alone();
    let server = Memcached::tcp(&[]);
    let (_silent, silent) = silent(15);
    let all = [silent.as_slice(), &[address(&server)]].concat();
    // All at once: nothing is left for a pause.
    for options in [
        "connect_stagger=0&connect_timeout=40ms",
        "connect_stagger=1ms",
    ] {
        assert_eq!(caller(&all, options).get("key"), Outcome::Miss, "{options}");
    }
    // The time ends before the second is tried.
    let caller = caller(&all, "connect_stagger=1s");
    let outcome = in_time(CONNECT, || caller.get("key"));
    outcome.assert_failed(Status::CONNECT_FAILED, Phase::Connect, "name.test");
}

/// FM-70: a name of both families, of which one is served.
#[test]
fn fm70_two_families() {
    let server = Memcached::tcp(&[]);
    let v4 = address(&server);
    let refusing = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), v4.port());
    // With and without IPv6 on this machine: refused, or no such address.
    assert_eq!(caller(&[refusing, v4], "").get("key"), Outcome::Miss);
    let (_deaf, deaf) = deaf(1);
    let any = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0);
    let Some(v6) = empty_server(any) else {
        println!("this machine has no ::1: what is told of that is what IPv4 met");
        let there = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 1);
        let outcome = caller(&[deaf[0], there], "").get("key");
        assert_eq!(outcome.errno(), libc::ECONNREFUSED);
        return;
    };
    assert_eq!(caller(&[v6], "").get("key"), Outcome::Miss);
    assert_eq!(caller(&[deaf[0], v6], "").get("key"), Outcome::Miss);
    let (_silent, silent) = silent(2);
    let all = [silent[0], silent[1], v6];
    assert_eq!(caller(&all, "").get("key"), Outcome::Miss);
    let by_literal = Caller::new(&format!("[::1]:{}", v6.port()), &Lookups::new().resolver());
    assert_eq!(by_literal.get("key"), Outcome::Miss);
    println!("found over IPv6 at {v6}, and over IPv4 at {v4}");
}

/// `localhost` is both loopback addresses: a server on either is found.
#[test]
fn localhost_is_both_families() {
    let server = Memcached::tcp(&[]);
    let mut ports = vec![address(&server).port()];
    let any = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0);
    ports.extend(empty_server(any).map(|address| address.port()));
    for port in &ports {
        let caller = Caller::new(&format!("localhost:{port}"), &Lookups::new().resolver());
        assert_eq!(caller.get("key"), Outcome::Miss, "port {port}");
    }
    println!("{} of 2 families", ports.len());
}
