//! What commands are answered, over every transport.

use std::ptr;

use crate::support::client::{
    Client, INVALID_ARGUMENT, NO_VALUE, NOT_FOUND, NOT_STORED, OK, last_error,
};
use crate::support::loops::{
    ILLEGAL_INPUT, Loop, NO_AVAILABLE_SERVERS, NOREPLY, WANT_CAS, WOULD_BLOCK, delete, get, incr,
    quiet_failed, set, storing, touch,
};
use crate::support::memcached::Memcached;

/// With a server over every transport.
fn everywhere(run: impl Fn(&str)) {
    for server in [
        Memcached::tcp(&["-I", "8m"]),
        Memcached::unix(&["-I", "8m"]),
    ] {
        run(&format!("{}?item_size_max=8m&timeout=20s", server.uri()));
    }
    run("memory://loop-answers?item_size_max=8m&timeout=20s");
}

#[test]
fn every_op_that_names_a_key() {
    everywhere(|servers| {
        let it = Loop::of(servers);
        let status = |command| it.one(&command).status;
        assert_eq!(status(get("k")), NO_VALUE);
        let set = set("k", "one");
        assert_eq!(it.one(&set).item.expect("an item").key, b"k");
        let hit = it.one(&get("k").with(WANT_CAS)).item.expect("an item");
        assert_eq!((hit.status, hit.value), (OK, Some(b"one".to_vec())));
        assert_ne!(hit.cas, 0);
        assert_eq!(status(storing(6, "k", "no")), NOT_STORED);
        assert_eq!(status(storing(7, "k", "two")), OK);
        assert_eq!(status(storing(8, "k", "!")), OK);
        assert_eq!(status(storing(9, "k", "?")), OK);
        assert_eq!(it.one(&get("k")).value(), Some(&b"?two!"[..]));
        let mut cas = storing(10, "k", "7");
        cas.cas = hit.cas;
        assert_eq!(status(cas.clone()), 0x0202, "an old CAS");
        cas.cas = it.one(&get("k").with(WANT_CAS)).item.expect("it").cas;
        assert_eq!(status(cas), OK);
        assert_eq!(it.one(&incr("k", 35)).item.expect("it").number, 42);
        assert_eq!(status(touch("k", 100)), OK);
        let mut gat = get("k");
        gat.op = 3;
        gat.ttl = 50;
        assert_eq!(it.one(&gat).value(), Some(&b"42"[..]));
        assert_eq!(status(delete("k")), OK);
        assert_eq!(status(delete("k")), NOT_FOUND);
        assert_eq!(status(touch("k", 1)), NOT_FOUND);
        assert_eq!(status(incr("k", 1)), NOT_FOUND);
    });
}

/// FM-123: values are copied, whatever their size; large ones are read straight to their place.
#[test]
fn fm123_values_of_every_size() {
    everywhere(|servers| {
        let it = Loop::of(servers);
        let mut sizes = vec![
            0, 1, 1023, 1024, 1025, 8_000, 8_191, 8_192, 100_000, 1_000_000,
        ];
        // The server in memory keeps to a megabyte.
        if !servers.starts_with("memory") {
            sizes.push(5 << 20);
        }
        let value =
            |size: usize| -> Vec<u8> { (0..size).map(|at| (at * 7 + size) as u8).collect() };
        for &size in &sizes {
            let mut command = set(&size.to_string(), value(size));
            command.flags = size as u32;
            it.submit(&command);
            // Nobody looks at them any more.
            command.value.fill(b'x');
            command.key.fill(b'y');
        }
        let ids: Vec<_> = sizes
            .iter()
            .map(|size| it.submit(&get(&size.to_string())))
            .collect();
        it.finish();
        for (id, size) in ids.into_iter().zip(sizes) {
            let item = it.ended(id).item.expect("an item");
            assert_eq!((item.status, item.flags), (OK, size as u32), "{size}");
            assert!(item.value == Some(value(size)), "{size}");
        }
    });
}

/// Thousands are under way at once, over one connection, and are answered in their order.
#[test]
fn thousands_in_flight_over_one_connection() {
    const COUNT: usize = 5_000;
    let server = Memcached::tcp(&[]);
    let before = server.raw().stat("total_connections");
    let it = Loop::of(&format!("{}?timeout=20s", server.uri()));
    for number in 0..COUNT {
        it.submit(&set(&format!("key:{number}"), number.to_string()));
        it.submit(&get(&format!("key:{number}")));
    }
    assert_eq!(it.pending(), 2 * COUNT);
    assert!(it.taken().is_empty(), "nothing is told before a turn");
    it.finish();
    let told = it.taken();
    assert_eq!(told.len(), 2 * COUNT);
    for (number, pair) in told.chunks(2).enumerate() {
        assert_eq!(pair[0].status, OK);
        assert_eq!(pair[1].value(), Some(number.to_string().as_bytes()));
        assert!(pair[0].id != pair[1].id);
    }
    // The loop's, the one that asks, and one of the server's start.
    let more = server.raw().stat("total_connections") - before;
    assert!(more <= 3, "{more}");
}

/// Millions of bytes of commands go through one session, which forgets those that were answered.
#[test]
fn more_commands_than_a_session_keeps() {
    let server = Memcached::unix(&[]);
    let it = Loop::of(&format!("{}?timeout=20s", server.uri()));
    let key = |number: usize| format!("{number:0>240}");
    for round in 0..3 {
        for number in 0..5_000 {
            it.submit(&match round {
                0 => set(&key(number), number.to_string()),
                _ => get(&key(number)),
            });
        }
        it.finish();
        for (number, ended) in it.taken().iter().enumerate() {
            assert_eq!(ended.status, OK);
            if round > 0 {
                assert_eq!(ended.value(), Some(number.to_string().as_bytes()));
            }
        }
    }
}

#[test]
fn what_is_not_sent_is_told_at_once() {
    let it = Loop::of("memory://");
    let refused = |command: &crate::support::loops::Command| {
        let (status, id) = it.submit_then(command, |_| panic!("nothing follows"));
        assert_eq!(id, 0);
        status
    };
    assert_eq!(refused(&get("no key")), ILLEGAL_INPUT);
    assert_eq!(refused(&get("")), ILLEGAL_INPUT);
    assert_eq!(refused(&get(&"k".repeat(251))), ILLEGAL_INPUT);
    assert_eq!(refused(&set("k", vec![0; 2 << 20])), 0x0502);
    assert!(last_error().contains("item_size_max"), "{}", last_error());
    let mut command = get("k");
    command.op = 99;
    assert_eq!(refused(&command), INVALID_ARGUMENT);
    command.op = 15;
    assert_eq!(refused(&command), INVALID_ARGUMENT);
    assert!(last_error().contains("servers"), "{}", last_error());
    command.op = 1;
    command.options = 1 << 60;
    assert_eq!(refused(&command), INVALID_ARGUMENT);
    assert_eq!((it.pending(), it.process()), (0, OK));
}

#[test]
fn a_client_without_servers() {
    let it = Loop::of("");
    let ended = it.one(&set("k", "v"));
    assert_eq!((ended.status, ended.effect()), (NO_AVAILABLE_SERVERS, 1));
}

/// The pull form.
#[test]
fn ends_that_are_asked_for() {
    everywhere(|servers| {
        let it = Loop::of(servers);
        assert_eq!(it.next().err(), Some(WOULD_BLOCK));
        let first = it.submit_silently(&set("pulled", "value"));
        let second = it.submit_silently(&get("pulled"));
        assert_eq!(it.next().err(), Some(WOULD_BLOCK), "nothing was done yet");
        let mut told = Vec::new();
        it.drive(|it| {
            while let Ok(ended) = it.next() {
                told.push(ended);
            }
            told.len() == 2
        });
        assert_eq!((told[0].id, told[0].status), (first, OK));
        assert_eq!((told[1].id, told[1].value()), (second, Some(&b"value"[..])));
        assert_eq!((it.next().err(), it.pending()), (Some(WOULD_BLOCK), 0));
        // Some that nobody asks for.
        it.submit_silently(&get("pulled"));
        it.drive(|it| it.timeout_us() != 0 && it.pending() == 1);
    });
}

/// FM-09: a write whose reply nobody waits for is told when it has left, and its failure is counted.
#[test]
fn fm09_quiet_writes() {
    everywhere(|servers| {
        let client = Client::new(servers);
        let it = Loop::new(&client);
        assert_eq!(it.one(&set("quiet", "1").with(NOREPLY)).status, OK);
        let missing = delete("missing").with(NOREPLY);
        assert_eq!(it.one(&missing).status, OK);
        assert_eq!(it.one(&get("quiet")).value(), Some(&b"1"[..]));
        assert_eq!(quiet_failed(&client), 1);
    });
}

#[test]
fn several_servers() {
    let servers = [
        Memcached::tcp(&[]),
        Memcached::unix(&[]),
        Memcached::tcp(&[]),
    ];
    let list: Vec<_> = servers.iter().map(Memcached::uri).collect();
    let client = Client::new(&format!("{}?timeout=20s,{},{}", list[0], list[1], list[2]));
    let it = Loop::new(&client);
    for number in 0..300 {
        it.submit(&set(&format!("key:{number}"), number.to_string()));
    }
    it.finish();
    assert!(it.taken().iter().all(|ended| ended.status == OK));
    // As the blocking calls place them.
    for number in 0..300 {
        let got = client.get(&format!("key:{number}"));
        assert_eq!(
            got,
            crate::support::client::Got::Value(number.to_string().into_bytes())
        );
    }
    // One leaves the list: what it had is asked elsewhere.
    let gone = client.servers()[1].clone();
    let moved: Vec<_> = (0..300)
        .map(|number| format!("key:{number}"))
        .filter(|key| client.server_for(key) == gone)
        .collect();
    assert!(!moved.is_empty());
    assert_eq!(client.remove_server(&gone), OK);
    for key in &moved {
        it.submit(&get(key));
    }
    it.finish();
    let told = it.taken();
    assert_eq!(told.len(), moved.len());
    assert!(told.iter().all(|ended| ended.status == NO_VALUE));
}

#[test]
fn handles_that_are_none() {
    let it = Loop::of("memory://");
    let handle = it.handle;
    assert!(it.fd() > 2 && it.timeout_us() == -1);
    it.free();
    assert_eq!((it.fd(), it.timeout_us(), it.pending()), (-1, -1, 0));
    assert_eq!(it.process(), INVALID_ARGUMENT);
    assert_eq!(it.wake(), INVALID_ARGUMENT);
    assert_eq!(it.cancel(1), INVALID_ARGUMENT);
    assert_eq!(it.next().err(), Some(INVALID_ARGUMENT));
    let (status, _) = crate::support::loops::submit_then(handle, &get("k"), |_| panic!("freed"));
    assert_eq!(status, INVALID_ARGUMENT);
    assert_eq!(
        crate::support::loops::process(ptr::null_mut()),
        INVALID_ARGUMENT
    );
}
