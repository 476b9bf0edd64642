//! Batches: many commands as one operation, on the connections that all share.

use std::time::Duration;

use crate::peer::Peer;
use crate::support::client::{MULTI_STORAGE, NO_VALUE, OK, PARTIAL, TIMEOUT};
use crate::support::loops::{Command, ILLEGAL_INPUT, Loop, Seen, delete, get, incr, set, storing};
use crate::support::memcached::Memcached;

/// The results of a batch, which ends with `status`.
#[track_caller]
fn batch(it: &Loop, commands: &[Command], status: i32) -> Vec<Seen> {
    let id = it.submit_multi(commands, None);
    it.finish();
    let ended = it.ended(id);
    it.log.borrow_mut().clear();
    assert_eq!(ended.status, status);
    assert!(ended.item.is_none());
    ended.results.expect("results")
}

#[test]
fn entries_in_the_order_of_the_commands() {
    let real = [Memcached::tcp(&[]), Memcached::unix(&[])];
    let mut lists: Vec<_> = real.iter().map(Memcached::uri).collect();
    lists.push(lists.join(","));
    lists.push("memory://loop-batches".to_string());
    for servers in lists {
        let it = Loop::of(&servers);
        let key = |number: usize| format!("key:{number}");
        let sets: Vec<_> = (0..500).map(|n| set(&key(n), vec![b'v'; n * 10])).collect();
        assert!(batch(&it, &sets, OK).iter().all(|seen| seen.status == OK));
        // Hits, misses and doubles; more than a line of keys holds, in front and behind.
        let asked: Vec<_> = (0..3_000).map(|n| (n * 7) % 1_000).collect();
        let gets: Vec<_> = asked.iter().map(|n| get(&key(*n))).collect();
        let before = it.submit(&get("key:1"));
        let seen = batch(&it, &gets, OK);
        assert!(it.pending() == 0 && before != 0);
        for (n, seen) in asked.iter().zip(seen) {
            assert_eq!(seen.key, key(*n).into_bytes());
            let expected = match n {
                0..500 => (OK, Some(vec![b'v'; n * 10])),
                _ => (NO_VALUE, None),
            };
            assert_eq!((seen.status, seen.value), expected);
        }
        // What one of them does, the next one sees, whatever it is.
        let mixed = [
            set("n", "1"),
            incr("n", 4),
            get("n"),
            get("n"),
            storing(8, "n", "0"),
            get("n"),
            delete("n"),
            get("n"),
        ];
        let seen = batch(&it, &mixed, OK);
        let values: Vec<_> = seen.iter().map(|seen| seen.value.as_deref()).collect();
        let (five, fifty) = (Some(&b"5"[..]), Some(&b"50"[..]));
        assert_eq!(values, [None, None, five, five, None, fifty, None, None]);
        assert_eq!((seen[1].number, seen[7].status), (5, NO_VALUE));
    }
}

#[test]
fn an_entry_that_is_not_sent_has_its_own_status() {
    let it = Loop::of("memory://");
    let mixed = [
        set("a", "1"),
        get("no key"),
        get("a"),
        set("b", vec![0; 3 << 20]),
    ];
    let seen = batch(&it, &mixed, PARTIAL);
    let statuses: Vec<_> = seen.iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [OK, ILLEGAL_INPUT, OK, 0x0502]);
    assert_eq!(seen[1].key, b"no key");
    assert_eq!(seen[3].key, b"b");
    assert_eq!(seen[2].value.as_deref(), Some(&b"1"[..]));
    assert!(batch(&it, &[set("", ""), set("c", "")], MULTI_STORAGE).len() == 2);
    assert!(batch(&it, &[], OK).is_empty());
}

/// FM-84: a server that says nothing ends its own commands, after `timeout`, the others stand.
#[test]
fn fm84_a_silent_server_ends_its_own_commands() {
    let silent = Peer::new(|mut line, _| {
        line.until_closed();
    });
    let live = Memcached::tcp(&[]);
    let it = Loop::of(&format!(
        "{},{}?timeout=300ms&batch_timeout=20s",
        live.uri(),
        silent.uri("")
    ));
    let commands: Vec<_> = (0..40).map(|n| get(&format!("key:{n}"))).collect();
    let seen = batch(&it, &commands, PARTIAL);
    let count = |status| seen.iter().filter(|seen| seen.status == status).count();
    assert!(count(NO_VALUE) > 0 && count(TIMEOUT) > 0);
    assert_eq!(count(NO_VALUE) + count(TIMEOUT), 40);
    // Its own time is over too.
    let id = it.submit_multi(&commands, Some(Duration::from_millis(50)));
    it.finish();
    assert_eq!(it.ended(id).status, PARTIAL);
}

/// FM-32: values in another order than they were asked for (a proxy's, say) find their keys; a line that
/// ends in an error proves none of those without a value.
#[test]
fn fm32_another_order_and_an_error_in_the_middle() {
    let peer = Peer::new(|mut line, _| {
        assert_eq!(line.receive(11), b"get a b c\r\n");
        line.send(b"VALUE c 0 1\r\n3\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
        assert_eq!(line.receive(9), b"get x y\r\n");
        line.send(b"VALUE x 0 1\r\n7\r\nSERVER_ERROR out of memory\r\n");
        line.until_closed();
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    let abc = [get("a"), get("b"), get("c")];
    let seen = batch(&it, &abc, OK);
    let values: Vec<_> = seen.iter().map(|seen| seen.value.as_deref()).collect();
    assert_eq!(values, [Some(&b"1"[..]), None, Some(&b"3"[..])]);
    let seen = batch(&it, &[get("x"), get("y")], PARTIAL);
    assert_eq!(seen[0].value.as_deref(), Some(&b"7"[..]));
    assert_eq!(seen[1].status >> 8 & 0xff, 1, "SERVER_ERROR");
}
