//! `replicate=all` and `replicate=any`: all servers hold the same.

use super::support::client::{
    Client, Got, MULTI_STORAGE, NO_VALUE, NOT_FOUND, NOT_STORED, OK, UNSUPPORTED, last_error,
    last_error_effect, last_error_server, name,
};
use super::support::execute::{
    ADD, APPEND, CAS, Command, DELETE, GAT, GET, GETS, INCR, REPLACE, SET, TOUCH,
};
use super::support::loops::Loop;
use super::support::memcached::Memcached;
use super::{EFFECT_APPLIED, eventually, list, value};

fn three() -> Vec<Memcached> {
    (0..3).map(|_| Memcached::tcp_to_restart(&[])).collect()
}

fn all(servers: &[Memcached], options: &str) -> Client {
    Client::new(&list(&servers.iter().collect::<Vec<_>>(), options))
}

/// What each server holds.
fn held(servers: &[Memcached], key: &str) -> Vec<Option<String>> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let get = |server: &Memcached| server.raw().get(key).map(text);
    servers.iter().map(get).collect()
}

fn on_all(text: &str) -> Vec<Option<String>> {
    vec![Some(text.to_string()); 3]
}

#[test]
fn what_is_written_is_on_every_server() {
    let servers = three();
    for options in [
        "replicate=all",
        "replicate=any&protocol=meta",
        "replicate=all&protocol=binary",
    ] {
        let client = all(&servers, options);
        assert_eq!(client.server_for("k"), client.servers()[0]);
        assert_eq!(client.set("k", b"1"), OK);
        assert_eq!(held(&servers, "k"), on_all("1"));
        assert_eq!(client.incr("k", 4), Ok(5));
        assert_eq!(held(&servers, "k"), on_all("5"));
        assert_eq!(client.add("k", b"no"), NOT_STORED);
        assert_eq!(held(&servers, "k"), on_all("5"));
        let append = client.execute(&Command::new(APPEND, "k").value("0"));
        assert_eq!(append.status, OK);
        let replace = client.execute(&Command::new(REPLACE, "none").value("0"));
        assert_eq!(replace.status, NOT_STORED);
        assert_eq!(held(&servers, "k"), on_all("50"));
        assert_eq!(client.get("k"), value("50"));
        assert_eq!(client.touch("k", 100), OK);
        assert_eq!(client.delete("k"), OK);
        assert_eq!(held(&servers, "k"), [None, None, None]);
        assert_eq!(
            (client.delete("k"), client.touch("k", 1)),
            (NOT_FOUND, NOT_FOUND)
        );
        assert_eq!(client.incr("k", 1), Err(NOT_FOUND));
        assert_eq!(client.get("k"), Got::Miss);
        let keys: Vec<_> = (0..200)
            .map(|number| format!("key {number}").replace(' ', ":"))
            .collect();
        assert_eq!(client.set_multi(&keys, &keys).status, OK);
        for key in keys.iter().step_by(20) {
            assert_eq!(held(&servers, key), on_all(key));
        }
        let answer = client.get_multi(&keys);
        assert!(
            keys.iter()
                .zip(&answer.entries)
                .all(|(key, got)| *got == value(key))
        );
        let answer = client.delete_multi(&keys);
        assert_eq!((answer.status, answer.entries), (OK, vec![OK; 200]));
        assert_eq!(client.get_multi(&keys).entries, vec![Got::Miss; 200]);
    }
}

/// A read goes on to the next server where one has not got it, and answers by the first that has.
#[test]
fn reads_go_on_to_the_first_that_has_it() {
    let servers = three();
    let client = all(&servers, "replicate=all");
    let alone: Vec<_> = servers
        .iter()
        .map(|server| Client::new(&server.uri()))
        .collect();
    assert_eq!(alone[1].set("second", b"2"), OK);
    assert_eq!(alone[2].set("second", b"3"), OK);
    assert_eq!(alone[2].set("third", b"3"), OK);
    let large = vec![b'x'; 300_000];
    assert_eq!(alone[2].set("large", &large), OK);
    assert_eq!(client.get("second"), value("2"));
    assert_eq!(client.get("large"), Got::Value(large.clone()));
    let answer = client.get_multi(&["third", "none", "large", "second"]);
    assert_eq!(answer.status, OK);
    let expected = [value("3"), Got::Miss, Got::Value(large), value("2")];
    assert_eq!(answer.entries, expected);
    // Who has the item counts, and those behind it.
    assert_eq!(client.incr("second", 5), Ok(7));
    assert_eq!(
        held(&servers, "second"),
        [None, Some("7".into()), Some("8".into())]
    );
    // A time to live goes to those behind, too.
    let gat = Command {
        ttl: 1000,
        ..Command::new(GAT, "second")
    };
    assert_eq!(client.execute(&gat).value.as_deref(), Some(&b"7"[..]));
    for server in &servers[1..] {
        let left = server.raw().ttl("second").expect("it is there");
        assert!((900..=1000).contains(&left), "{left} seconds left");
    }
    // What the first one stores, the others store, whatever they had.
    assert_eq!(client.add("second", b"new"), OK);
    assert_eq!(held(&servers, "second"), on_all("new"));
}

/// What nobody waits for is waited for here: what one server answers decides what the others do.
#[test]
fn quiet_writes_are_answered() {
    let servers = three();
    let client = all(&servers, "replicate=all&default_noreply=on");
    assert_eq!(client.add("k", b"1"), OK);
    assert_eq!(client.add("k", b"2"), NOT_STORED);
    let quiet = Command {
        noreply: true,
        ..Command::new(ADD, "k").value("3")
    };
    assert_eq!(client.execute(&quiet).status, NOT_STORED);
    assert_eq!(held(&servers, "k"), on_all("1"));
    assert_eq!((client.delete("k"), client.delete("k")), (OK, NOT_FOUND));
}

/// Each server has its own CAS: there is none to compare.
#[test]
fn what_compares_is_not_sent() {
    let servers = three();
    let client = all(&servers, "replicate=any");
    assert_eq!(client.set("k", b"v"), OK);
    let gets = client.execute(&Command::new(GETS, "k"));
    assert_eq!((gets.status, gets.cas), (OK, None));
    let cas = Command {
        cas: 1,
        ..Command::new(CAS, "k").value("w")
    };
    assert_eq!(client.execute(&cas).status, UNSUPPORTED);
    let (_, said) = client.execute_multi(&[cas, Command::new(GET, "k")]);
    assert_eq!((said[0].status, said[1].status), (UNSUPPORTED, OK));
    assert_eq!(held(&servers, "k"), on_all("v"));
    assert_eq!(Loop::try_new(&client).err(), Some(UNSUPPORTED));
    // One server is a client like any other.
    let one = all(&servers[..1], "replicate=all");
    let gets = one.execute(&Command::new(GETS, "k"));
    let cas = Command {
        cas: gets.cas.expect("its CAS"),
        ..Command::new(CAS, "k").value("w")
    };
    assert_eq!(one.execute(&cas).status, OK);
}

/// FM-77: reads pass over a dead server, and a key that no other server has is no miss. A write that not every
/// server has done says so, or is done where that was asked for.
#[test]
fn fm77_a_dead_replica() {
    let mut servers = three();
    let strict = all(&servers, "replicate=all");
    assert_eq!(strict.set("k", b"1"), OK);
    servers[0].kill();
    let dead = strict.servers()[0].clone();
    for round in 0..2 {
        assert_eq!(strict.get("k"), value("1"), "round {round}");
        let none = strict.get("none");
        assert!(
            matches!(none, Got::Failed(status) if status & 0xff == 5),
            "{none:?}"
        );
        assert_eq!(last_error_server(), dead);
    }
    let many = strict.get_multi(&["k", "none"]);
    assert_eq!(many.entries[0], value("1"));
    assert!(matches!(many.entries[1], Got::Failed(_)));
    for command in [
        Command::new(SET, "k").value("2"),
        Command::new(APPEND, "k").value("2"),
        Command::new(ADD, "other").value("2"),
        Command::new(TOUCH, "k"),
        Command::new(INCR, "k"),
        Command::new(DELETE, "other"),
    ] {
        let said = strict.execute(&command);
        assert_eq!(
            said.status & 0xff,
            5,
            "op {}: {}",
            command.op,
            name(said.status)
        );
        assert_eq!(last_error_effect(), EFFECT_APPLIED, "op {}", command.op);
        assert!(
            last_error().starts_with("2 of 3 replicas did it"),
            "{}",
            last_error()
        );
        assert_eq!(last_error_server(), dead);
    }
    assert_eq!(
        held(&servers[1..], "k"),
        [Some("23".into()), Some("23".into())]
    );
    assert_eq!(strict.set_multi(&["a"], &["b"]).status, MULTI_STORAGE);
    // Done by one is done.
    let any = all(&servers, "replicate=any");
    assert_eq!(any.set("k", b"7"), OK);
    assert_eq!(any.incr("k", 1), Ok(8));
    assert_eq!(any.add("k", b"9"), NOT_STORED);
    assert_eq!(any.add("n", b"9"), OK);
    assert_eq!(any.delete("n"), OK);
    assert_eq!(any.set_multi(&["a", "b"], &["1", "2"]).status, OK);
    assert_eq!(
        held(&servers[1..], "k"),
        [Some("8".into()), Some("8".into())]
    );
    // A key that the dead server may have was perhaps not deleted.
    assert_eq!(any.delete("never") & 0xff, 5);
    let lenient = any.with("errors_as_misses=on");
    assert_eq!(
        (lenient.get("never"), lenient.delete("never")),
        (Got::Miss, NOT_FOUND)
    );
    assert_eq!(
        lenient.execute(&Command::new(GET, "never")).status,
        NO_VALUE
    );
    // It comes back empty: what the others have is found.
    servers[0].restart();
    assert_eq!(strict.get("k"), value("8"));
    eventually("it is back", || strict.set("k", b"9") == OK);
    assert_eq!(held(&servers, "k"), on_all("9"));
}
