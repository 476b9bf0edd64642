//! Many threads, many clients, forked children.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::caller::until;
use crate::endpoint::{Endpoint, PATIENCE, Says, list, named, servers};
use crate::support::client::{Client, Got, OK, last_error};
use crate::support::forked::in_child;

/// Says that all is done when it is dropped: a test that fails ends its threads too.
pub struct Finally<'a>(pub &'a AtomicBool);

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Threads that call at the same time ask once.
#[test]
fn the_first_calls_of_many_threads_ask_once() {
    let servers = servers(2);
    let endpoint = Endpoint::new(Says::Drips(list(1, &servers)));
    let client = Client::new(&endpoint.uri(PATIENCE));
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let client = &client;
            scope.spawn(move || {
                let key = format!("key{thread}");
                assert_eq!(client.set(&key, b"value"), OK, "{}", last_error());
                assert_eq!(client.get(&key), Got::Value(b"value".to_vec()));
            });
        }
    });
    assert_eq!((endpoint.connections(), endpoint.asked()), (1, 1));
}

/// One whose time is short leaves the question to the others.
#[test]
fn who_has_no_time_does_not_take_the_answer_from_others() {
    let servers = servers(1);
    let endpoint = Endpoint::new(Says::Nothing);
    let client = Client::new(&endpoint.uri(PATIENCE));
    let hasty = client.with("timeout=50ms");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| hasty.get("key"));
        until(|| endpoint.asked(), |asked| *asked == 1);
        let patient: Vec<_> = (0..4).map(|_| scope.spawn(|| client.get("key"))).collect();
        assert!(matches!(first.join().expect("no panic"), Got::Failed(_)));
        // The connection is asked no more; the next one gives the list.
        endpoint.say(Says::List(list(1, &servers)));
        endpoint.hang_up();
        for call in patient {
            // Told that it was closed, or a moment later the list.
            let _ = call.join().expect("no panic");
        }
    });
    until(|| client.get("key"), |got| *got == Got::Miss);
}

/// Each of many clients asks by itself, and no more often than the interval says.
#[test]
fn many_clients() {
    let servers = servers(2);
    let endpoint = Endpoint::new(Says::List(list(1, &servers)));
    let options = format!("{PATIENCE}&discover_interval=500ms");
    let clients: Vec<Client> = (0..100)
        .map(|_| Client::new(&endpoint.uri(&options)))
        .collect();
    let began = std::time::Instant::now();
    let mut calls = 0;
    while began.elapsed() < std::time::Duration::from_secs(2) {
        for client in &clients {
            assert_eq!(client.get("key"), Got::Miss, "{}", last_error());
            calls += 1;
        }
    }
    let asked = endpoint.asked();
    println!(
        "100 clients, {calls} calls in {:?}: the endpoint was asked {asked} times",
        began.elapsed()
    );
    assert!(asked >= 200, "{asked}");
    // At least 0.45 s lie between two questions of one client.
    let most = (began.elapsed().as_millis() / 450 + 1) as usize * 100;
    assert!(asked <= most, "{asked} of {most}");
    drop(clients);
}

/// FM-15: a child goes on with the list, asks by itself, and shares no connection with its parent, while
/// a thread of that is asking.
#[test]
fn fm15_a_child_asks_by_itself() {
    let servers = servers(2);
    let endpoint = Endpoint::new(Says::List(list(1, &servers)));
    let options = format!("{PATIENCE}&discover_interval=5ms");
    let client = Client::new(&endpoint.uri(&options));
    assert_eq!(client.set("key", b"parent"), OK);
    let unasked = Client::new(&endpoint.uri(&options));
    let done = AtomicBool::new(false);
    let names: Vec<String> = servers.iter().map(named).collect();
    std::thread::scope(|scope| {
        let _over = Finally(&done);
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(
                    matches!(client.get("key"), Got::Value(_)),
                    "{}",
                    last_error()
                );
            }
        });
        for round in 0..20_u64 {
            // Newer lists than the parent has seen.
            endpoint.say(Says::List(list(10 * round + 2, &servers)));
            in_child(|| {
                let has = |client: &Client| client.get("key") == Got::Value(b"parent".to_vec());
                let knows = |client: &Client| client.servers() == names;
                let fine = [has(&client), knows(&client), has(&unasked), knows(&unasked)];
                let goes_on = (0..200).all(|_| has(&client));
                if !(goes_on && fine == [true; 4]) {
                    eprintln!("{fine:?} {goes_on}: {}", last_error());
                }
                goes_on && fine == [true; 4]
            });
        }
        // A child whose list changes, in a child of it too.
        endpoint.say(Says::List(list(1000, &servers[..1])));
        in_child(|| {
            until(
                || (client.get("x"), client.servers()).1,
                |now| *now == names[..1],
            );
            in_child(|| client.servers() == names[..1] && client.set("y", b"1") == OK);
            true
        });
        endpoint.say(Says::List(list(2000, &servers)));
    });
    until(
        || (client.get("key"), client.servers()).1,
        |now| *now == names,
    );
    assert_eq!(
        unasked.servers(),
        [""],
        "what a child learned is the child's"
    );
}
