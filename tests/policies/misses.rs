//! `errors_as_misses=on`.

use super::support::client::{
    Client, Got, MULTI_STORAGE, NO_VALUE, NOT_FOUND, NOT_STORED, OK, UNSUPPORTED, last_error,
    last_error_server, last_error_status, name,
};
use super::support::execute::{APPEND, CAS, Command, DELETE, GAT, GET, GETS, INCR, SET, TOUCH};
use super::support::loops::{self, Loop};
use super::support::memcached::Memcached;
use super::{ILLEGAL_INPUT, NON_NUMERIC, Refusing, SERVER_ERROR, eventually, list, value};

/// FM-77: who asks for it is told misses for a dead server, and why in the item and the thread's record; who
/// does not is told errors.
#[test]
fn fm77_a_dead_server_is_a_miss_only_by_option() {
    let mut server = Memcached::tcp_to_restart(&[]);
    let client = Client::new(&server.uri());
    let lenient = client.with("errors_as_misses=on");
    assert_eq!(client.set("k", b"v"), OK);
    assert_eq!(lenient.get("k"), value("v"));
    server.kill();
    for (op, miss) in [
        (GET, NO_VALUE),
        (GETS, NO_VALUE),
        (GAT, NO_VALUE),
        (SET, NOT_STORED),
        (APPEND, NOT_STORED),
        (CAS, NOT_STORED),
        (DELETE, NOT_FOUND),
        (TOUCH, NOT_FOUND),
        (INCR, NOT_FOUND),
    ] {
        let command = Command {
            cas: 7,
            ..Command::new(op, "k").value("v")
        };
        let strict = client.execute(&command);
        assert_eq!(strict.status, last_error_status());
        assert!(
            strict.status & 0xff == 5,
            "op {op}: {}",
            name(strict.status)
        );
        let said = lenient.execute(&command);
        assert_eq!(said.status, miss, "op {op}: {}", name(said.status));
        assert_eq!(said.value, None);
        assert!(!said.text.is_empty(), "the cause is in the item");
        assert_eq!(said.text, last_error());
        assert_eq!(last_error_status() & 0xff, 5, "op {op}");
        assert_eq!(last_error_server(), client.servers()[0]);
        // In a batch too.
        let (_, said) = lenient.execute_multi(&[command]);
        assert_eq!(said[0].status, miss, "op {op} in a batch");
        assert!(!said[0].text.is_empty());
    }
    assert_eq!(lenient.get("k"), Got::Miss);
    assert_eq!(lenient.set("k", b"v"), NOT_STORED);
    assert_eq!(lenient.delete("k"), NOT_FOUND);
    assert_eq!(lenient.incr("k", 1), Err(NOT_FOUND));
    // Nothing failed that was read or deleted; what was to be stored was not.
    let keys = ["a", "b"];
    let read = lenient.get_multi(&keys);
    assert_eq!((read.status, read.entries), (OK, vec![Got::Miss; 2]));
    let deleted = lenient.delete_multi(&keys);
    assert_eq!((deleted.status, deleted.entries), (OK, vec![NOT_FOUND; 2]));
    let stored = lenient.set_multi(&keys, &keys);
    assert_eq!(stored.status, MULTI_STORAGE);
    assert_eq!(stored.entries, [NOT_STORED; 2]);
    server.restart();
    eventually("it is back", || lenient.set("k", b"again") == OK);
    assert_eq!(lenient.get("k"), value("again"));
}

/// FM-121: what the program does wrong, and what the server says of the item, is told as always.
#[test]
fn fm121_mistakes_are_never_misses() {
    let server = Memcached::unix(&[]);
    let client = Client::new(&format!(
        "{}?errors_as_misses=on&protocol=ascii",
        server.uri()
    ));
    assert_eq!(client.get("no key"), Got::Failed(ILLEGAL_INPUT));
    assert_eq!(client.set("no key", b"v"), ILLEGAL_INPUT);
    assert_eq!(
        client.get_multi(&["no key"]).entries,
        [Got::Failed(ILLEGAL_INPUT)]
    );
    assert_eq!(client.set("text", b"v"), OK);
    assert_eq!(client.incr("text", 1), Err(NON_NUMERIC));
    assert_eq!(client.add("text", b"w"), NOT_STORED);
    assert_eq!(client.delete("none"), NOT_FOUND);
    // What the server cannot do is one that is swallowed.
    let classic = Client::new(&format!(
        "{}?errors_as_misses=on&profile=classic",
        server.uri()
    ));
    let said = classic.execute(&Command::new(GAT, "text"));
    assert_eq!((said.status, last_error_status()), (NO_VALUE, UNSUPPORTED));
}

/// What a server answers is a miss too; a loop tells the same.
#[test]
fn fm121_errors_of_servers_are_misses_in_calls_and_loops() {
    let server = Refusing::new(b"SERVER_ERROR out of order\r\n");
    let client = Client::new(&server.uri("protocol=ascii&errors_as_misses=on"));
    for _ in 0..3 {
        assert_eq!(client.get("k"), Got::Miss);
        assert_eq!(last_error_status(), SERVER_ERROR);
    }
    let batch = client.get_multi(&["a", "b"]);
    assert_eq!((batch.status, batch.entries), (OK, vec![Got::Miss; 2]));
    let ended = Loop::new(&client).one(&loops::get("k"));
    assert_eq!(ended.status, NO_VALUE);
    assert!(ended.text().contains("out of order"), "{}", ended.text());
    let strict = client.with("errors_as_misses=off");
    assert_eq!(strict.get("k"), Got::Failed(SERVER_ERROR));
    assert_eq!(
        Loop::new(&strict).one(&loops::get("k")).status,
        SERVER_ERROR
    );
    drop((client, strict));
    let mut dead = Memcached::tcp_to_restart(&[]);
    dead.kill();
    let client = Client::new(&list(&[&dead], "errors_as_misses=on"));
    let it = Loop::new(&client);
    assert_eq!(it.one(&loops::set("k", "v")).status, NOT_STORED);
    assert_eq!(it.one(&loops::delete("k")).status, NOT_FOUND);
    let (id, _) = (
        it.submit_multi(&[loops::get("a"), loops::get("b")], None),
        it.finish(),
    );
    let ended = it.ended(id);
    let statuses: Vec<_> = ended
        .results
        .iter()
        .flatten()
        .map(|one| one.status)
        .collect();
    assert_eq!((ended.status, statuses), (OK, vec![NO_VALUE; 2]));
}
