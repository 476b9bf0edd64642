//! Servers that come back.

use std::time::{Duration, Instant};

use crate::support::client::{CONNECT_FAILED, Client, Got, OK, SERVER_DISCONNECT, TIMEOUT};
use crate::support::memcached::Memcached;
use crate::{ANSWERS, CIRCUIT_OPEN, Moody, SILENT};

/// No test waits this long, unless it has failed already.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ask until there is an answer; what was told meanwhile, but for refusals, and how long it took.
fn until_answered(client: &Client) -> (Vec<Got>, Duration) {
    let began = Instant::now();
    let mut told = Vec::new();
    while began.elapsed() < PATIENCE {
        match client.get("a") {
            Got::Failed(CIRCUIT_OPEN) => {}
            Got::Failed(status) => told.push(Got::Failed(status)),
            _ => return (told, began.elapsed()),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("it is never asked again: {told:?}");
}

fn until_refused(client: &Client) -> Vec<Got> {
    let mut told = Vec::new();
    loop {
        match client.get("a") {
            Got::Failed(CIRCUIT_OPEN) => return told,
            got => told.push(got),
        }
        assert!(told.len() < 10, "it is asked again and again: {told:?}");
    }
}

/// FM-72: a server that was killed and begins again.
#[test]
fn fm72_a_server_that_is_started_again() {
    let mut server = Memcached::tcp_to_restart(&[]);
    let client = Client::new(&server.uri());
    for _ in 0..3 {
        assert_eq!(client.set("a", b"x"), OK);
        server.kill();
        let told = until_refused(&client);
        let failed = [Got::Failed(CONNECT_FAILED), Got::Failed(SERVER_DISCONNECT)];
        assert!(told.iter().all(|got| failed.contains(got)), "{told:?}");
        assert!(told.len() <= 3, "{told:?}");
        server.restart();
        let (told, took) = until_answered(&client);
        println!("back {:.0} ms after it listened", took.as_secs_f64() * 1e3);
        assert!(told.is_empty(), "{told:?}");
    }
}

/// FM-63: a server that was halted and goes on.
#[test]
fn fm63_a_server_that_goes_on() {
    let server = Memcached::tcp(&[]);
    let client = Client::new(&format!("{}?timeout=50ms", server.uri()));
    assert_eq!(client.set("a", b"x"), OK);
    for _ in 0..2 {
        server.halt();
        let told = until_refused(&client);
        assert_eq!(told, [const { Got::Failed(TIMEOUT) }; 3]);
        server.go_on();
        let (told, took) = until_answered(&client);
        println!("back {:.0} ms after it went on", took.as_secs_f64() * 1e3);
        assert!(told.is_empty(), "{told:?}");
        assert_eq!(client.get("a"), Got::Value(b"x".to_vec()));
    }
}

/// Writes that nobody waits for tell of their server too, when their replies come.
#[test]
fn a_server_that_only_quiet_writes_go_to_comes_back() {
    let server = Memcached::tcp(&[]);
    let options = "default_noreply=on&timeout=50ms&breaker_pause=20ms&protocol=ascii";
    let client = Client::new(&format!("{}?{options}", server.uri()));
    server.halt();
    let told = until_refused(&client);
    assert_eq!(told.len(), 3);
    server.go_on();
    let began = Instant::now();
    let mut written = 0;
    while written < 50 {
        assert!(began.elapsed() < PATIENCE, "it is left alone for ever");
        match client.set("a", b"x") {
            OK => written += 1,
            status => {
                assert_eq!(status, CIRCUIT_OPEN);
                written = 0;
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// FM-75: while a server is down it is left alone but for one connection in each pause.
#[test]
fn fm75_attempts_while_a_server_is_down() {
    let server = Moody::new(SILENT);
    let client = Client::new(&server.uri("timeout=20ms"));
    until_refused(&client);
    let (began, before) = (Instant::now(), server.accepted());
    while began.elapsed() < Duration::from_secs(2) {
        let _ = client.get("a");
        std::thread::sleep(Duration::from_millis(1));
    }
    let tried = server.accepted() - before;
    println!("{tried} connections in 2 s");
    // 205 ms between them at least, which no delay makes shorter.
    let most = began.elapsed().as_millis() / 205 + 1;
    assert!((1..=most).contains(&(tried as u128)), "{tried} of {most}");
    server.is_now(ANSWERS);
    until_answered(&client);
}
