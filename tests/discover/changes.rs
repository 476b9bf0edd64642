//! Lists that change while threads work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::caller::until;
use crate::endpoint::{Endpoint, PATIENCE, Says, list, named, servers};
use crate::processes::Finally;
use crate::support::client::{Client, Got, NO_VALUE, OK, last_error, name};
use crate::support::memcached::Memcached;
use crate::support::named as values;

/// How many connections the server has had beside those of this question.
fn connections_had(server: &Memcached) -> u64 {
    server.raw().stat("total_connections")
}

/// Call until `done`; every call ends well. Returns the slowest.
fn work(client: &Client, thread: usize, done: &AtomicBool, calls: &AtomicUsize) -> Duration {
    let mut slowest = Duration::ZERO;
    let keys: Vec<String> = (0..50).map(|n| format!("t{thread}:{n}")).collect();
    let mut round = 0;
    while !done.load(Ordering::Relaxed) {
        round += 1;
        for key in &keys {
            let began = Instant::now();
            let value = values::value(key, round, 60);
            assert_eq!(client.set(key, &value), OK, "{}", last_error());
            match client.get(key) {
                Got::Value(got) => assert!(values::version(key, &got).is_some(), "{key}"),
                // It moved.
                Got::Miss => {}
                Got::Failed(status) => panic!("{key}: {}: {}", name(status), last_error()),
            }
            slowest = slowest.max(began.elapsed());
            calls.fetch_add(2, Ordering::Relaxed);
        }
        let answer = client.get_multi(&keys);
        assert_eq!(answer.status, OK, "{}", last_error());
        calls.fetch_add(1, Ordering::Relaxed);
    }
    slowest
}

/// Servers that stay keep their connections; those that leave lose theirs; no call fails.
#[test]
fn a_list_that_changes_under_load() {
    const CHANGES: u64 = 60;
    let servers = servers(4);
    let endpoint = Endpoint::new(Says::List(list(1, &servers)));
    let options = format!("{PATIENCE}&discover_interval=5ms");
    let client = Client::new(&endpoint.uri(&options));
    let (done, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut slowest = Duration::ZERO;
    std::thread::scope(|scope| {
        let (client, done, calls) = (&client, &done, &calls);
        let over = Finally(done);
        let threads: Vec<_> = (0..4)
            .map(|thread| scope.spawn(move || work(client, thread, done, calls)))
            .collect();
        until(|| client.servers().len(), |count| *count == 4);
        for change in 0..CHANGES {
            // The first two stay; of the others, sometimes one, both or none.
            let others = match change % 4 {
                0 => &servers[2..3],
                1 => &servers[3..],
                2 => &servers[2..],
                _ => &[][..],
            };
            let now = servers[..2].iter().chain(others);
            endpoint.say(Says::List(list(2 + change, now.clone())));
            let names: Vec<String> = now.map(named).collect();
            until(|| client.servers(), |servers| *servers == names);
            assert!(threads.iter().all(|thread| !thread.is_finished()));
        }
        endpoint.say(Says::List(list(2 + CHANGES, &servers[..2])));
        until(|| client.servers().len(), |count| *count == 2);
        drop(over);
        for thread in threads {
            slowest = slowest.max(thread.join().expect("no call failed"));
        }
    });
    let had: Vec<u64> = servers.iter().map(connections_had).collect();
    println!(
        "{CHANGES} changed lists, {} calls of 4 threads meanwhile, none failed, the slowest pair {slowest:?}; \
         connections had by the servers that stayed {:?}, that came and went {:?}; the endpoint was asked {} times",
        calls.into_inner(),
        &had[..2],
        &had[2..],
        endpoint.asked(),
    );
    // One of each thread, and perhaps one more where threads met; and those of these questions.
    for (server, had) in servers.iter().zip(&had).take(2) {
        assert!(*had <= 4 + 4 + 3, "{}: {had} connections", named(server));
    }
    for server in &servers[2..] {
        until(
            || server.raw().stat("curr_connections") - 1,
            |left| *left == 0,
        );
    }
}

/// What is told that is not newer is not taken at once: a part of the cluster may be behind. Told again and
/// again, it is: the cluster counts from the beginning.
#[test]
fn a_list_that_is_not_newer_has_to_be_told_again_and_again() {
    let servers = servers(3);
    let endpoint = Endpoint::new(Says::List(list(9, &servers[..1])));
    let options = format!("{PATIENCE}&discover_interval=20ms");
    let client = Client::new(&endpoint.uri(&options));
    let see = |wanted: &[Memcached]| {
        let names: Vec<String> = wanted.iter().map(named).collect();
        until(
            || {
                assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
                client.servers()
            },
            |servers| *servers == names,
        );
    };
    see(&servers[..1]);
    // Behind for a moment.
    let before = endpoint.asked();
    endpoint.say(Says::List(list(8, &servers[..2])));
    until(
        || (client.get("key"), endpoint.asked()).1,
        |asked| *asked > before,
    );
    endpoint.say(Says::List(list(9, &servers[..1])));
    let before = endpoint.asked();
    until(
        || (client.get("key"), endpoint.asked()).1,
        |asked| *asked > before + 3,
    );
    assert_eq!(client.servers().len(), 1);
    // Empty ones never replace one that works, whatever their version.
    endpoint.say(Says::List("99\n\n".into()));
    let before = endpoint.asked();
    until(
        || (client.get("key"), endpoint.asked()).1,
        |asked| *asked > before + 5,
    );
    assert_eq!(client.servers().len(), 1);
    // Made anew.
    endpoint.say(Says::List(list(1, &servers[1..])));
    see(&servers[1..]);
    endpoint.say(Says::List(list(2, &servers)));
    see(&servers);
}

/// Without an interval it is asked once.
#[test]
fn without_an_interval_the_first_list_stays() {
    let servers = servers(2);
    let endpoint = Endpoint::new(Says::List(list(1, &servers[..1])));
    let client = Client::new(&endpoint.uri(&format!("{PATIENCE}&discover_interval=none")));
    assert_eq!(client.get("key"), Got::Miss);
    endpoint.say(Says::List(list(2, &servers)));
    let end = Instant::now() + Duration::from_millis(300);
    while Instant::now() < end {
        assert_eq!(
            client.get_multi(&["a", "b"]).entries,
            [Got::Miss, Got::Miss]
        );
    }
    assert_eq!((client.servers().len(), endpoint.asked()), (1, 1));
    assert_eq!(name(NO_VALUE), "NO_VALUE");
}

/// A store that left the list while a call was using the list goes when that call is over, not with the
/// next change.
#[test]
fn a_store_that_left_the_list_is_freed() {
    let server = Memcached::tcp(&[]);
    let store = |limit| format!("memory://left-the-list?limit={limit}");
    let list = format!("{} {}", server.uri(), store("1m"));
    let client = Client::new(&format!("{list}&timeout=20s"));
    let of_server = |key: &String| client.server_for(key) == named(&server);
    let key = (0..100)
        .map(|n| format!("key{n}"))
        .find(of_server)
        .expect("a key");
    assert_eq!(client.get(&key), Got::Miss);
    server.halt();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.get(&key));
        // It is on its way once the server has it unread.
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(client.remove_server("memory://left-the-list"), OK);
        assert!(Client::try_new(&store("2m")).is_err(), "it is still used");
        server.go_on();
        assert_eq!(call.join().expect("no panic"), Got::Miss);
    });
    until(
        || (client.get(&key), Client::try_new(&store("2m")).is_ok()).1,
        |free| *free,
    );
}
