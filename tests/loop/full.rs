//! More is submitted than a server takes: nothing waits, and what has not left is known.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::peer::Peer;
use crate::support::client::{OK, TIMEOUT};
use crate::support::loops::{CANCELLED, Loop, get, set};
use crate::support::memcached::Memcached;

const SIZE: usize = 1 << 20;
const COUNT: usize = 40;

/// FM-14: a server that is slow to read, or sends as much as it takes, is waited for by nobody.
#[test]
fn fm14_both_directions_full() {
    let server = Memcached::tcp(&["-m", "1024", "-I", "2m"]);
    let it = Loop::of(&format!("{}?timeout=20s&item_size_max=2m", server.uri()));
    let value = |n: usize| vec![b'a' + (n % 26) as u8; SIZE];
    for n in 0..COUNT {
        it.submit(&set(&format!("key:{n}"), value(n)));
    }
    it.finish();
    assert!(it.taken().iter().all(|ended| ended.status == OK));
    // As much to be received as to be sent.
    let gets: Vec<_> = (0..COUNT)
        .map(|n| {
            it.submit(&set(&format!("other:{n}"), value(n)));
            it.submit(&get(&format!("key:{n}")))
        })
        .collect();
    it.finish();
    for (n, id) in gets.into_iter().enumerate() {
        assert!(it.ended(id).value() == Some(&value(n)[..]), "{n}");
    }
}

/// FM-17: what is cancelled, or late, before all of it has left is not applied, and never leaves whole;
/// the others go on, over another connection.
#[test]
fn fm17_what_has_not_left() {
    let (go_on, told) = channel::<()>();
    let told = Mutex::new(told);
    // Reads nothing on its first connection before it may; then tells whether that was all.
    let peer = Peer::new(move |mut line, number| {
        if number == 0 {
            let _ = told.lock().expect("no panic").recv();
            let read = line.until_closed();
            let whole = b"set last 0 0 1\r\n";
            assert!(!read.windows(whole.len()).any(|part| part == whole));
            return;
        }
        for _ in 0..2 {
            line.receive(16 + 3);
            line.send(b"STORED\r\n");
        }
        line.until_closed();
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s&item_size_max=64m"));
    // Far more than the system takes.
    let large = it.submit(&set("large", vec![b'x'; 40 << 20]));
    let late = it.submit(&set("late", "1").within(Duration::from_millis(200)));
    let last = it.submit(&set("last", "1"));
    it.drive(|it| it.pending() == 2);
    assert_eq!(
        (it.ended(late).status, it.ended(late).effect()),
        (TIMEOUT, 1)
    );
    assert_eq!(it.cancel(large), OK);
    let more = it.submit(&set("more", "1"));
    it.finish();
    assert_eq!(
        (it.ended(large).status, it.ended(large).effect()),
        (CANCELLED, 1)
    );
    assert_eq!((it.ended(last).status, it.ended(more).status), (OK, OK));
    go_on.send(()).expect("the server waits");
    assert_eq!(peer.accepted(), 2);
}
