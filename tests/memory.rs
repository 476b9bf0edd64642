//! Servers in memory as a program meets them: shared or private, with a clock that a test moves, as
//! strict as any other server.

mod support;

use std::time::Duration;

use support::client::{Answer, Client, Got, INVALID_ARGUMENT, OK, UNSUPPORTED};

const THREADS: usize = 8;
const ROUNDS: usize = 5_000;

fn value(client: &Client, key: &str) -> Got {
    client.get(key)
}

fn text(text: &str) -> Got {
    Got::Value(text.as_bytes().to_vec())
}

#[test]
fn a_name_is_shared_and_no_name_is_private() {
    let (one, other) = (
        Client::new("memory://shared"),
        Client::new("memory://shared"),
    );
    assert_eq!(one.set("key", b"of both"), OK);
    assert_eq!(value(&other, "key"), text("of both"));
    let (mine, yours) = (Client::new("memory://"), Client::new("memory://"));
    assert_eq!(mine.set("key", b"mine"), OK);
    assert_eq!(value(&yours, "key"), Got::Miss);
    assert_eq!(value(&mine.with("timeout=50ms"), "key"), text("mine"));
    // A named store lives while somebody holds it.
    drop((one, other));
    assert_eq!(value(&Client::new("memory://shared"), "key"), Got::Miss);
}

#[test]
fn a_store_is_what_was_said_when_it_was_opened() {
    let _holder = Client::new("memory://settled?limit=1m&clock=manual");
    for uri in ["memory://settled?limit=2m", "memory://settled?clock=system"] {
        let (status, why) = Client::try_new(uri).err().expect("it differs");
        assert_eq!(status, INVALID_ARGUMENT, "{why}");
        assert!(why.contains("memory://settled"), "{why}");
    }
    let other = Client::new("memory://settled");
    assert_eq!(other.set("key", b"x"), OK);
    // The same through a list that changes.
    assert_eq!(
        other.add_server("memory://settled?limit=2m"),
        INVALID_ARGUMENT
    );
    assert_eq!(value(&other, "key"), text("x"));
}

#[test]
fn time_passes_when_a_test_says_so() {
    let client = Client::new("memory://?clock=manual");
    assert_eq!(client.set("key", b"value"), OK);
    assert_eq!(client.touch("key", 60), OK);
    assert_eq!(client.memory_advance(59), OK);
    assert_eq!(value(&client, "key"), text("value"));
    assert_eq!(client.memory_advance(2), OK);
    assert_eq!(value(&client, "key"), Got::Miss);
    assert_eq!(client.set("kept", b"value"), OK);
    assert_eq!(client.memory_clear(), OK);
    assert_eq!(value(&client, "kept"), Got::Miss);
    // Nothing to move: no server in memory, or none with a clock of its own.
    for uri in ["127.0.0.1:1", "", "memory://"] {
        let client = Client::new(uri);
        assert_eq!(client.memory_advance(1), UNSUPPORTED, "{uri}");
    }
    assert_eq!(client.memory_advance(-1), INVALID_ARGUMENT);
    assert_eq!(client.memory_advance(1 << 32), INVALID_ARGUMENT);
}

/// A time to live beyond thirty days goes over the wire as a moment: one on the store's clock.
#[test]
fn long_times_to_live_count_from_the_clock_that_a_test_moved() {
    const DAY: i64 = 24 * 60 * 60;
    for options in ["", "&shortcut=off"] {
        let client = Client::new(&format!("memory://?clock=manual{options}"));
        assert_eq!(client.memory_advance(60 * DAY), OK);
        assert_eq!(client.set("key", b"value"), OK);
        assert_eq!(client.touch("key", 40 * DAY), OK);
        assert_eq!(value(&client, "key"), text("value"), "{options}");
        assert_eq!(client.memory_advance(40 * DAY - 5), OK);
        assert_eq!(value(&client, "key"), text("value"), "{options}");
        assert_eq!(client.memory_advance(10), OK);
        assert_eq!(value(&client, "key"), Got::Miss, "{options}");
        // The same in a batch.
        let stored = client.set_multi_for(&["a", "b", "c"], &["1", "2", "3"], 40 * DAY);
        assert_eq!(stored.status, OK);
        assert_eq!(value(&client, "c"), text("3"), "{options}");
        assert_eq!(client.memory_advance(40 * DAY + 5), OK);
        for key in ["a", "b", "c"] {
            assert_eq!(value(&client, key), Got::Miss, "{options}");
        }
    }
}

#[test]
fn eight_threads_count_exactly() {
    for options in ["", "?max_connections=2", "?paranoid=on", "?shortcut=off"] {
        let uri = format!("memory://counted{}", options.len());
        let holder = Client::new(&uri);
        assert_eq!(holder.set("all", b"0"), OK);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let uri = format!("{uri}{options}");
                scope.spawn(move || {
                    let own = format!("own{thread}");
                    let client = Client::new(&uri);
                    assert_eq!(client.set(&own, b"0"), OK);
                    for _ in 0..ROUNDS {
                        client.incr("all", 1).expect("a number");
                        client.incr(&own, 2).expect("a number");
                    }
                });
            }
        });
        assert_eq!(value(&holder, "all"), text(&(THREADS * ROUNDS).to_string()));
        for thread in 0..THREADS {
            assert_eq!(
                value(&holder, &format!("own{thread}")),
                text(&(2 * ROUNDS).to_string())
            );
        }
    }
}

/// Replies of 60 MB to commands of 10 MB: what is not read yet is bounded, and nothing waits for ever.
#[test]
fn fm14_batches_of_any_size() {
    let client = Client::new("memory://?limit=256m&batch_timeout=60s");
    let large = vec![b'v'; 300_000];
    let names: Vec<String> = (0..200).map(|number| format!("large{number}")).collect();
    let keys: Vec<&str> = names.iter().map(String::as_str).collect();
    let values = vec![large.as_slice(); keys.len()];
    assert_eq!(client.set_multi(&keys, &values).status, OK);
    let Answer { status, entries } = client.get_multi(&keys);
    assert_eq!(status, OK);
    assert!(entries.iter().all(|got| *got == Got::Value(large.clone())));
    let many: Vec<String> = (0..50_000).map(|number| format!("{number:0200}")).collect();
    let keys: Vec<&str> = many.iter().map(String::as_str).collect();
    let Answer { status, entries } = client.get_multi(&keys);
    assert_eq!((status, entries.len()), (OK, keys.len()));
    assert!(entries.iter().all(|got| *got == Got::Miss));
}

/// What does not fit goes: the items that were not used for longest.
#[test]
fn the_limit_holds() {
    let client = Client::new("memory://?limit=4m");
    let block = vec![0; 100_000];
    for number in 0..200 {
        assert_eq!(client.set(&format!("block{number}"), &block), OK);
        assert!(
            matches!(value(&client, "block0"), Got::Value(_)),
            "used all the time: {number}"
        );
    }
    let kept = (0..200)
        .filter(|n| value(&client, &format!("block{n}")) != Got::Miss)
        .count();
    assert!((30..=41).contains(&kept), "{kept}");
    assert_eq!(value(&client, "block1"), Got::Miss);
}

#[test]
fn several_stores_are_several_servers() {
    let client =
        Client::new("memory://first?alias=a, memory://second?alias=b, memory://third?alias=c");
    let (first, second) = (
        Client::new("memory://first"),
        Client::new("memory://second"),
    );
    let third = Client::new("memory://third");
    for number in 0..300 {
        let key = format!("key{number}");
        assert_eq!(client.set(&key, b"here"), OK);
        let there = [&first, &second, &third].map(|one| value(one, &key) != Got::Miss);
        let server = client.server_for(&key);
        let expected = ["a", "b", "c"].map(|alias| alias == server);
        assert_eq!(there, expected, "{key}");
    }
}

/// FM-15: a child has stores of its own, and empty ones.
#[test]
fn fm15_a_child_begins_with_an_empty_store() {
    let client = Client::new("memory://forked");
    let other = Client::new("memory://forked");
    assert_eq!(client.set("key", b"parent"), OK);
    // SAFETY: the child uses the library as a forked process may, and leaves by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let empty = value(&client, "key") == Got::Miss;
        let stored = client.set("key", b"child") == OK;
        let shared = value(&other, "key") == text("child");
        // SAFETY: nothing of the parent's is run.
        unsafe { libc::_exit(i32::from(!(empty && stored && shared))) };
    }
    assert!(child > 0);
    let mut status = 0;
    // SAFETY: our child, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    assert_eq!(value(&other, "key"), text("parent"));
}

/// Like any server: it can be idle, closed, removed and added again.
#[test]
fn a_client_of_it_is_like_any_other() {
    let client = Client::new("memory://like-any?idle_check=1ms");
    assert_eq!(client.set("key", b"value"), OK);
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(value(&client, "key"), text("value"));
    assert_eq!(client.close(), OK);
    assert_eq!(value(&client, "key"), text("value"));
    let holder = Client::new("memory://like-any");
    assert_eq!(client.remove_server("memory://like-any"), OK);
    assert!(matches!(value(&client, "key"), Got::Failed(_)));
    assert_eq!(client.add_server("memory://like-any"), OK);
    assert_eq!(value(&client, "key"), text("value"));
    drop(holder);
}
