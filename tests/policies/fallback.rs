//! `mc_client_with_fallback`: the old cluster is read where the new one has nothing.

use super::support::client::{
    Client, EFFECT_NOT_APPLIED, Got, NO_VALUE, NOT_FOUND, NOT_STORED, OK, PARTIAL, UNSUPPORTED,
    last_error_effect, last_error_server, name,
};
use super::support::execute::{ADD, Command, DELETE, GAT, GET, GETS, SET};
use super::support::loops::Loop;
use super::support::memcached::Memcached;
use super::{eventually, list, value};

const KEYS: usize = 300;

/// An old cluster of three servers and a new one of two, which place keys otherwise.
struct Clusters {
    old: Vec<Memcached>,
    new: Vec<Memcached>,
}

impl Clusters {
    fn new() -> Clusters {
        let some = |n| (0..n).map(|_| Memcached::tcp_to_restart(&[])).collect();
        Clusters {
            old: some(3),
            new: some(2),
        }
    }

    fn old(&self, options: &str) -> Client {
        Client::new(&list(&self.old.iter().collect::<Vec<_>>(), options))
    }

    fn fresh(&self, options: &str) -> Client {
        Client::new(&list(&self.new.iter().collect::<Vec<_>>(), options))
    }
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|number| format!("moving:{number}")).collect()
}

/// What a program sees while it moves, and what either cluster holds then.
#[test]
fn what_moves_is_read_from_both_and_written_to_the_new_one() {
    let clusters = Clusters::new();
    let old = clusters.old("placement=modula&key_prefix=app:");
    let new = clusters.fresh("placement=ketama&protocol=meta");
    let both = new.with_fallback(&old);
    assert_eq!(old.set_multi(&keys(), &keys()).status, OK);
    for key in keys().iter().step_by(10) {
        assert_eq!(new.get(key), Got::Miss);
        assert_eq!(both.get(key), value(key), "from the old one");
    }
    let answer = both.get_multi(&keys());
    assert_eq!(answer.status, OK);
    for (key, got) in keys().iter().zip(&answer.entries) {
        assert_eq!(*got, value(key));
    }
    // What is written is written to the new one, which then has the word; the other half stays old.
    let (written, left): (Vec<_>, Vec<_>) = keys().into_iter().partition(|key| key.ends_with('5'));
    let newer: Vec<_> = written.iter().map(|key| format!("new {key}")).collect();
    assert_eq!(both.set_multi(&written, &newer).status, OK);
    for (key, newer) in written.iter().zip(&newer) {
        assert_eq!(both.get(key), value(newer));
        assert_eq!((new.get(key), old.get(key)), (value(newer), value(key)));
    }
    let mut mixed = keys();
    mixed.push("neither".into());
    let answer = both.get_multi(&mixed);
    assert_eq!(answer.status, OK);
    for (key, got) in mixed.iter().zip(&answer.entries) {
        let expected = match key.as_str() {
            "neither" => Got::Miss,
            key if key.ends_with('5') => value(&format!("new {key}")),
            key => value(key),
        };
        assert_eq!(*got, expected, "{key}");
    }
    for key in &left {
        assert_eq!(new.get(key), Got::Miss, "reading writes nothing");
    }
    println!(
        "{} keys written anew, {} read from the old cluster",
        written.len(),
        left.len()
    );
    // Views, and a client that was freed, change nothing.
    let view = both.with("timeout=2s");
    drop((both, new, old));
    assert_eq!(view.get("moving:7"), value("moving:7"));
}

/// Each command has its meaning.
#[test]
fn commands_of_a_client_with_a_fallback() {
    let clusters = Clusters::new();
    let (old, new) = (clusters.old(""), clusters.fresh(""));
    let both = new.with_fallback(&old);
    assert_eq!(old.set("old", b"1"), OK);
    // A CAS of the old cluster is none of the new one's.
    let said = both.execute(&Command::new(GETS, "old"));
    assert_eq!((said.status, said.value.as_deref()), (OK, Some(&b"1"[..])));
    assert_eq!(said.cas, None);
    assert_eq!(new.set("new", b"2"), OK);
    assert!(both.execute(&Command::new(GETS, "new")).cas.is_some());
    // What counts, touches, appends or replaces does so in the new one only.
    assert_eq!(both.incr("old", 1), Err(NOT_FOUND));
    assert_eq!(both.touch("old", 9), NOT_FOUND);
    assert_eq!(both.incr("new", 1), Ok(3));
    // add sees the new one: that is how an item moves.
    assert_eq!(both.add("old", b"moved"), OK);
    assert_eq!(
        (new.get("old"), old.get("old")),
        (value("moved"), value("1"))
    );
    assert_eq!(both.add("old", b"again"), NOT_STORED);
    // A delete is one in both: nothing comes back.
    assert_eq!(both.delete("old"), OK);
    assert_eq!((both.get("old"), old.get("old")), (Got::Miss, Got::Miss));
    assert_eq!(old.set("old", b"1"), OK);
    assert_eq!(both.delete("old"), OK, "the old one had it");
    assert_eq!(both.delete("old"), NOT_FOUND);
    assert_eq!(both.get("old"), Got::Miss);
    // A time that is given to an item of the old cluster is not.
    assert_eq!(old.set("old", b"1"), OK);
    let gat = Command {
        ttl: -1,
        ..Command::new(GAT, "old")
    };
    assert_ne!(both.execute(&gat).status, OK, "no such time");
    let gat = Command { ttl: 1, ..gat };
    assert_eq!(both.execute(&gat).value.as_deref(), Some(&b"1"[..]));
    // All of it in one batch.
    assert_eq!(old.set_multi(&["a", "b"], &["x", "y"]).status, OK);
    let (status, said) = both.execute_multi(&[
        Command::new(GET, "a"),
        Command::new(DELETE, "b"),
        Command::new(DELETE, "none"),
        Command::new(SET, "c").value("z"),
        Command::new(ADD, "a").value("w"),
        Command::new(GET, "new"),
        Command::new(GET, "none"),
    ]);
    let statuses: Vec<_> = said.iter().map(|said| said.status).collect();
    assert_eq!(statuses, [OK, OK, NOT_FOUND, OK, OK, OK, NO_VALUE]);
    assert_eq!(status, OK);
    assert_eq!((old.get("b"), new.get("c")), (Got::Miss, value("z")));
    // A loop would mean something else.
    assert_eq!(Loop::try_new(&both).err(), Some(UNSUPPORTED));
    assert!(Loop::try_new(&new).is_ok());
}

/// FM-77: a server of the new cluster that is dead does not bring the old value back, and one of the old
/// cluster makes no miss.
#[test]
fn fm77_failures_are_not_answered_by_the_other_cluster() {
    let mut clusters = Clusters::new();
    let (old, new) = (clusters.old(""), clusters.fresh(""));
    let both = new.with_fallback(&old);
    assert_eq!(old.set_multi(&keys(), &keys()).status, OK);
    clusters.new[1].kill();
    let dead = new.servers()[1].clone();
    let answer = both.get_multi(&keys());
    assert_eq!(answer.status, PARTIAL);
    let mut failed = 0;
    for (key, got) in keys().iter().zip(&answer.entries) {
        match new.server_for(key) == dead {
            true => {
                assert!(matches!(got, Got::Failed(_)), "{key}: {got:?}");
                failed += 1;
            }
            false => assert_eq!(*got, value(key)),
        }
    }
    println!("{failed} of {KEYS} keys belong to the dead server of the new cluster");
    assert!(failed > 0);
    clusters.new[1].restart();
    eventually("it is back", || new.get_multi(&keys()).status == OK);
    clusters.old[0].kill();
    let dead = old.servers()[0].clone();
    let key = keys().into_iter().find(|key| old.server_for(key) == dead);
    let key = key.expect("a key of the dead server");
    assert!(matches!(both.get(&key), Got::Failed(_)), "no miss");
    assert_eq!(last_error_server(), dead);
    // A delete that cannot be done in the old one is not done at all.
    assert_eq!(new.set(&key, b"new"), OK);
    let status = both.delete(&key);
    assert_eq!(status & 0xff, 5, "{}", name(status));
    assert_eq!(last_error_effect(), EFFECT_NOT_APPLIED);
    assert_eq!(new.get(&key), value("new"));
    // Unless the program says that an old cluster which fails is an empty one.
    let lenient = new.with_fallback(&old.with("errors_as_misses=on"));
    assert_eq!(lenient.delete(&key), OK);
    assert_eq!(lenient.get(&key), Got::Miss);
}
