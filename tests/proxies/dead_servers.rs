//! A server behind the proxy is dead, or silent: its keys fail, the others' do not, and none is a miss
//! or another's value. Only in a line of keys do they fail together, as the proxy answers it as one.

use std::time::{Duration, Instant};

use crate::SERVER_ERROR;
use crate::support::client::{
    Answer, Client, Got, MULTI_STORAGE, OK, PARTIAL, SERVER_DISCONNECT, SLACK, TIMEOUT, last_error,
    name,
};
use crate::support::named;
use crate::support::nutcracker::Nutcracker;

const KEYS: usize = 400;

fn keys() -> Vec<String> {
    (0..KEYS).map(|number| format!("behind:{number}")).collect()
}

fn value(key: &str) -> Vec<u8> {
    named::value(key, 1, key.len() * 131 % 900)
}

fn store_all(client: &Client) {
    let values: Vec<_> = keys().iter().map(|key| value(key)).collect();
    let answer = client.set_multi(&keys(), &values);
    assert_eq!(
        answer.status,
        OK,
        "{}: {}",
        name(answer.status),
        last_error()
    );
}

/// Which of the servers has the key.
fn place(proxy: &Nutcracker, key: &str) -> usize {
    let held = proxy.held(key);
    held.iter().position(Option::is_some).expect(key)
}

/// Every entry is the value of its key, or a failure that names one of `failures`; how many failed.
fn failed(answer: &Answer<Got>, keys: &[String], failures: &[i32]) -> usize {
    let mut failed = 0;
    for (key, got) in keys.iter().zip(&answer.entries) {
        match got {
            Got::Value(found) => assert_eq!(*found, value(key), "{key}"),
            Got::Failed(status) if failures.contains(status) => failed += 1,
            other => panic!("{key}: {other:?}"),
        }
    }
    failed
}

/// FM-77, FM-60: the proxy says SERVER_ERROR for the server that it cannot reach.
#[test]
fn fm77_a_dead_server_behind_the_proxy() {
    let mut proxy = Nutcracker::new(&[], Duration::from_secs(20));
    let client = Client::new(&format!("{}&timeout=10s", proxy.uri()));
    store_all(&client);
    let places: Vec<usize> = keys().iter().map(|key| place(&proxy, key)).collect();
    for dead in [0, 1] {
        proxy.behind[dead].kill();
        for (key, place) in keys().iter().zip(&places) {
            if *place != dead {
                assert_eq!(client.get(key), Got::Value(value(key)), "{key}");
                assert_eq!(client.set(key, &value(key)), OK, "{}", last_error());
                continue;
            }
            let expected = Got::Failed(SERVER_ERROR);
            assert_eq!(client.get(key), expected, "{key}: {}", last_error());
            assert_eq!(client.set(key, b"lost"), SERVER_ERROR, "{}", last_error());
            assert_eq!(client.incr(key, 1), Err(SERVER_ERROR));
            assert_eq!(client.delete(key), SERVER_ERROR);
        }
        let values: Vec<_> = keys().iter().map(|key| value(key)).collect();
        let answer = client.set_multi(&keys(), &values);
        assert_eq!(answer.status, MULTI_STORAGE, "{}", last_error());
        for ((key, place), status) in keys().iter().zip(&places).zip(&answer.entries) {
            let expected = if *place == dead { SERVER_ERROR } else { OK };
            assert_eq!(*status, expected, "{key}: {}", name(*status));
        }
        // The keys of one line: those of the server that lives may fail with it, and are no misses.
        let answer = client.get_multi(&keys());
        assert_eq!(answer.status, PARTIAL, "{}", last_error());
        let failed = failed(&answer, &keys(), &[SERVER_ERROR, SERVER_DISCONNECT]);
        let lost = places.iter().filter(|place| **place == dead).count();
        println!("server {dead} dead, {lost} keys on it, {failed} of {KEYS} of a batch failed");
        assert!(failed >= lost && lost > KEYS / 4);
        proxy.behind[dead].restart();
        store_all(&client);
        let answer = client.get_multi(&keys());
        assert_eq!(
            answer.status,
            OK,
            "{}: {}",
            name(answer.status),
            last_error()
        );
    }
}

/// The proxy gives a silent server up sooner than the client would: SERVER_ERROR.
#[test]
fn a_silent_server_that_the_proxy_gives_up() {
    let proxy = Nutcracker::new(&[], Duration::from_millis(300));
    let client = Client::new(&format!("{}&timeout=20s&batch_timeout=20s", proxy.uri()));
    store_all(&client);
    let silent = place(&proxy, &keys()[0]);
    proxy.behind[silent].halt();
    let got = client.get(&keys()[0]);
    assert_eq!(got, Got::Failed(SERVER_ERROR), "{}", last_error());
    let answer = client.get_multi(&keys());
    let failed = failed(&answer, &keys(), &[SERVER_ERROR, SERVER_DISCONNECT]);
    assert!(failed > 0);
    proxy.behind[silent].go_on();
    let answer = client.get_multi(&keys());
    assert_eq!(
        answer.status,
        OK,
        "{}: {}",
        name(answer.status),
        last_error()
    );
}

/// FM-01: the client gives up sooner than the proxy: its deadline holds, and the reply that comes late is
/// nobody else's.
#[test]
fn fm01_a_silent_server_that_the_client_gives_up() {
    const TIME: Duration = Duration::from_millis(200);
    let proxy = Nutcracker::new(&[], Duration::from_secs(30));
    let client = Client::new(&proxy.uri());
    store_all(&client);
    let silent = place(&proxy, &keys()[0]);
    let other = (0..KEYS)
        .map(|number| keys()[number].clone())
        .find(|key| place(&proxy, key) != silent)
        .expect("a key of the other server");
    proxy.behind[silent].halt();
    let hasty = client.with("timeout=200ms");
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(
            hasty.get(&keys()[0]),
            Got::Failed(TIMEOUT),
            "{}",
            last_error()
        );
        assert!(began.elapsed() < TIME + SLACK, "{:?}", began.elapsed());
        assert_eq!(client.get(&other), Got::Value(value(&other)));
    }
    proxy.behind[silent].go_on();
    for key in keys() {
        assert_eq!(client.get(&key), Got::Value(value(&key)), "{key}");
    }
}
