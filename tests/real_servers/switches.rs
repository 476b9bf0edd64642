//! Servers on which something is switched off, or done in another way.

use crate::support::client::{Client, Got, INVALID_ARGUMENT, OK, PARTIAL, last_error, name};
use crate::support::commands::Command;
use crate::support::execute::{CAS, GATS, GETS};
use crate::support::memcached::Memcached;
use crate::support::named;

const CAS_FAILURE: i32 = 0x0202;
const NOT_PERMITTED: i32 = 0x0002_0104;
const CLIENT_ERROR: i32 = 0x0703;

/// How the server works inside makes no difference to what it answers.
#[test]
fn flags_that_nobody_notices() {
    for flags in [
        &[][..],
        &["-t", "1"],
        &["-R", "1"],
        &["-b", "16"],
        &["-B", "ascii"],
        &["-o", "no_modern"],
        &["-o", "no_lru_maintainer,no_lru_crawler,no_slab_reassign"],
        &["-o", "hash_algorithm=jenkins,hashpower=18"],
        &["-f", "2", "-n", "128"],
    ] {
        for server in [Memcached::tcp(flags), Memcached::unix(flags)] {
            let client = Client::new(&server.uri());
            let keys: Vec<String> = (0..300).map(|number| format!("key:{number}")).collect();
            let value = |key: &str| named::value(key, 1, key.len() * 997 % 5000);
            let values: Vec<_> = keys.iter().map(|key| value(key)).collect();
            let answer = client.set_multi(&keys, &values);
            assert_eq!(answer.status, OK, "{flags:?}: {}", last_error());
            let answer = client.get_multi(&keys);
            assert_eq!(answer.status, OK, "{flags:?}: {}", last_error());
            for (value, got) in values.iter().zip(answer.entries) {
                assert_eq!(got, Got::Value(value.clone()), "{flags:?}");
            }
            let answer = client.delete_multi(&keys[..150]);
            assert_eq!(answer.entries, [OK; 150], "{flags:?}");
            assert_eq!(server.raw().stat("curr_items"), 150, "{flags:?}");
            assert_eq!(client.get(&keys[0]), Got::Miss);
            assert_eq!(client.set("n", b"41"), OK);
            assert_eq!(client.incr("n", 1), Ok(42), "{flags:?}");
        }
    }
}

/// FM-55, `-C`: items have no CAS. The server says 0, which is none that an item could have; comparing fails,
/// whatever is compared.
#[test]
fn fm55_items_without_cas() {
    let server = Memcached::tcp(&["-C"]);
    for protocol in ["ascii", "meta"] {
        let client = Client::new(&format!("{}?protocol={protocol}", server.uri()));
        assert_eq!(client.set("k", b"value"), OK);
        for op in [GETS, GATS] {
            let found = client.carry_out(Command::new(op, "k", b""));
            assert_eq!(found.status, OK, "{protocol}");
            assert_eq!(found.value.as_deref(), Some(&b"value"[..]), "{protocol}");
            assert_eq!(found.cas.unwrap_or(0), 0, "{protocol}");
        }
        let compare = |cas| {
            let command = Command::new(CAS, "k", b"other");
            client.carry_out(Command { cas, ..command }).status
        };
        assert_eq!(name(compare(Some(1))), name(CAS_FAILURE), "{protocol}");
        // Refused here: what a -C server told cannot be used.
        assert_eq!(name(compare(Some(0))), name(INVALID_ARGUMENT), "{protocol}");
        assert_eq!(name(compare(None)), name(INVALID_ARGUMENT), "{protocol}");
        assert_eq!(client.get("k"), Got::Value(b"value".to_vec()));
        let answer = client.get_multi(&["k", "absent"]);
        assert_eq!(answer.entries, [Got::Value(b"value".to_vec()), Got::Miss]);
    }
}

/// FM-54, `-F`: the server does not forget everything.
#[test]
fn fm54_a_server_that_does_not_flush() {
    let server = Memcached::tcp(&["-F"]);
    let other = Memcached::unix(&[]);
    let client = Client::new(&server.uri());
    assert_eq!(client.set("k", b"value"), OK);
    for delay in [0, 5] {
        let answer = client.flush_all(delay);
        assert_eq!(name(answer.status), name(PARTIAL));
        let said = &answer.servers[0];
        assert!(said.text.contains("not allowed"), "{}", said.text);
        assert_eq!(name(said.status), name(CLIENT_ERROR), "{}", said.text);
    }
    let answer = client.admin("flush_all", None);
    assert_eq!(name(answer.statuses()[0]), name(CLIENT_ERROR));
    assert_eq!(client.get("k"), Got::Value(b"value".to_vec()));
    // Of two servers, the one that does.
    let both = Client::new(&format!("{},{}", server.uri(), other.uri()));
    let statuses = both.flush_all(0).statuses();
    assert_eq!((statuses[0] != OK, statuses[1]), (true, OK));
    assert_ne!(statuses[0], NOT_PERMITTED);
    assert_eq!(client.get("k"), Got::Value(b"value".to_vec()));
}
