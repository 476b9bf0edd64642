//! A loop has what threads have: the same health, asked in the same way.

use std::time::{Duration, Instant};

use crate::support::client::{Client, Got, NO_VALUE, OK, TIMEOUT};
use crate::support::loops::{CANCELLED, Loop, PATIENCE, SERVER_DISCONNECT, get};
use crate::{ANSWERS, CIRCUIT_OPEN, CLOSES, Moody, SILENT};

const SHORT: Duration = Duration::from_millis(30);

/// FM-63.
#[test]
fn fm63_a_hung_server_is_asked_three_times_by_a_loop() {
    let server = Moody::new(SILENT);
    let client = Client::new(&server.uri("breaker_pause=1h"));
    let it = Loop::new(&client);
    for _ in 0..3 {
        assert_eq!(it.one(&get("a").within(SHORT)).status, TIMEOUT);
    }
    for _ in 0..100 {
        let ended = it.one(&get("a"));
        assert_eq!(ended.status, CIRCUIT_OPEN);
        assert!(
            ended.text().contains("3 times in a row"),
            "{}",
            ended.text()
        );
    }
    assert_eq!(server.asked(), 3);
    // The client's threads know it too.
    assert_eq!(client.get("a"), Got::Failed(CIRCUIT_OPEN));
}

/// Many operations that are lost with one connection are one failure.
#[test]
fn a_connection_is_one_failure() {
    let server = Moody::new(CLOSES);
    let it = Loop::of(&server.uri("breaker_pause=1h"));
    for _ in 0..3 {
        let all: Vec<u64> = (0..10).map(|_| it.submit(&get("a"))).collect();
        it.finish();
        for id in all {
            assert_eq!(it.ended(id).status, SERVER_DISCONNECT);
        }
    }
    assert_eq!(it.one(&get("a")).status, CIRCUIT_OPEN);
    assert_eq!(server.accepted(), 3);
}

/// While one operation tries, the others are refused; its end gives the right to another.
#[test]
fn who_is_cancelled_does_not_keep_the_right_to_try() {
    let server = Moody::new(SILENT);
    let client = Client::new(&server.uri("breaker_pause=1ms&timeout=20s"));
    let it = Loop::new(&client);
    for _ in 0..3 {
        assert_eq!(it.one(&get("a").within(SHORT)).status, TIMEOUT);
    }
    for round in 0..5 {
        std::thread::sleep(Duration::from_millis(3));
        let before = server.asked();
        let tries = it.submit(&get("a").patient());
        let begun = Instant::now();
        while server.asked() == before {
            assert!(begun.elapsed() < PATIENCE, "it is not tried");
            it.wait(Duration::from_millis(5));
            assert_eq!(it.process(), OK);
        }
        let refused = it.submit(&get("b"));
        it.drive(|it| it.pending() == 1);
        assert_eq!(it.ended(refused).status, CIRCUIT_OPEN, "{round}");
        let got = client.with("timeout=50ms").get("c");
        // The right is one for a second at most.
        if begun.elapsed() < Duration::from_secs(1) {
            assert_eq!(got, Got::Failed(CIRCUIT_OPEN), "{round}");
            assert_eq!(server.asked(), before + 1);
        }
        it.cancel(tries);
        it.finish();
        assert_eq!(it.ended(tries).status, CANCELLED);
    }
    server.is_now(ANSWERS);
    std::thread::sleep(Duration::from_millis(3));
    assert_eq!(it.one(&get("a")).status, NO_VALUE);
    assert_eq!(it.one(&get("a")).status, NO_VALUE);
    assert_eq!(client.get("a"), Got::Miss);
}
