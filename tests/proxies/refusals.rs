//! What proxies do not pass is refused before anything is sent: nobody has connected to the server
//! that all these clients name.

use std::io::ErrorKind;
use std::net::TcpListener;

use crate::support::client::{Client, INVALID_ARGUMENT, PARTIAL, UNSUPPORTED, last_error, name};
use crate::support::commands::Command;
use crate::support::execute::{GAT, GATS};

/// A server that counts its clients and answers none.
struct Nobody(TcpListener);

impl Nobody {
    fn new() -> Nobody {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("set");
        Nobody(listener)
    }

    fn uri(&self, options: &str) -> String {
        let port = self.0.local_addr().expect("an address").port();
        format!("memcached://127.0.0.1:{port}/?timeout=2s&{options}")
    }

    fn assert_not_met(&self, what: &str) {
        let met = self.0.accept().map(|_| ());
        let error = met.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{what}: {error}");
    }
}

fn assert_refused(status: i32, what: &str) {
    let (why, status) = (last_error(), name(status));
    assert_eq!(status, name(UNSUPPORTED), "{what}: {why}");
    assert!(why.contains("profile=classic"), "{what}: {why}");
    assert!(why.contains(what), "{what}: {why}");
}

/// FM-60: by these twemproxy would close the connection, with whatever is under way there.
#[test]
fn fm60_what_no_proxy_passes_is_not_sent() {
    let server = Nobody::new();
    let client = Client::new(&server.uri("profile=classic"));
    assert_refused(client.stats("").status, "stats");
    assert_refused(client.stats("settings").status, "stats");
    assert_refused(client.flush_all(0).status, "flush_all");
    assert_refused(client.verbosity(1).status, "verbosity");
    assert_refused(client.cache_memlimit(64).status, "cache_memlimit");
    assert_refused(client.ping().status, "ping");
    assert_refused(client.versions().status, "version");
    assert_refused(client.admin("lru_crawler enable", None).status, "operator");
    assert_refused(client.admin("version", None).status, "operator");
    assert_refused(client.dump().0.status, "dump");
    let begun = client.try_dump(0).err().expect("no dump");
    assert_refused(begun, "dump");
    for (op, word) in [(GAT, "gat"), (GATS, "gats")] {
        let command = |key| Command {
            ttl: 60,
            ..Command::new(op, key, b"")
        };
        let done = client.carry_out(command("a"));
        assert_refused(done.status, word);
        assert_eq!((done.value, done.effect), (None, 0), "{word}");
        let (status, all) = client.carry_out_all(&["a", "b"].map(command));
        assert_eq!(name(status), name(PARTIAL), "{word}: {}", last_error());
        let refused = all.iter().filter(|done| done.status == UNSUPPORTED);
        assert_eq!(refused.count(), 2, "{word}");
    }
    // What cannot be sent for another reason says that one.
    assert_eq!(name(client.set("a key", b"")), "ILLEGAL_INPUT");
    server.assert_not_met("refused");
}

/// FM-60: options that contradict each other, in whatever order they are said.
#[test]
fn fm60_contradictions_are_refused_by_mc_new() {
    let server = Nobody::new();
    for (options, word) in [
        ("profile=classic&protocol=meta", "protocol=meta"),
        ("protocol=meta&profile=classic", "protocol=meta"),
        ("profile=classic&paranoid=on", "paranoid"),
        ("profile=modern", "full or classic"),
    ] {
        let (status, why) = Client::try_new(&server.uri(options)).err().expect(options);
        assert_ne!(status, 0, "{options}");
        assert!(why.contains(word), "{options}: {why}");
        assert!(why.contains("profile"), "{options}: {why}");
    }
    let client = Client::new(&server.uri("profile=classic&protocol=ascii"));
    for (view, word) in [
        ("paranoid=on", "profile=classic"),
        ("profile=full", "shares with its client"),
    ] {
        let status = client.try_with(view).err().expect(view);
        assert_eq!(name(status), name(INVALID_ARGUMENT), "{view}");
        assert!(last_error().contains(word), "{view}: {}", last_error());
    }
    drop(client.with("timeout=1s"));
    // A server that is added states what it will.
    let other = server.uri("profile=full");
    assert_eq!(name(client.add_server(&other)), name(INVALID_ARGUMENT));
    assert!(last_error().contains("profile=full"), "{}", last_error());
    server.assert_not_met("a contradiction");
}
