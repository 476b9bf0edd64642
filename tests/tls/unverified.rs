//! Where verification is switched off, an observer hears of it: once for each connection that is made so.

use std::sync::{Arc, Mutex};

use memcached2::config::Config;
use memcached2::error::Status;
use memcached2::observe::{Notice, Observer, What};

use crate::caller::{Caller, Outcome};
use crate::certificates::{self, Authority};
use crate::servers::{PATIENCE, memcached, trusting, uri, usual};
use crate::support::memcached::Memcached;

#[derive(Default)]
struct Heard(Mutex<Vec<Notice>>);

impl Observer for Heard {
    fn notice(&self, notice: &Notice) {
        self.0.lock().expect("notices").push(notice.clone());
    }
}

impl Heard {
    fn what(&self) -> Vec<What> {
        let notices = self.0.lock().expect("notices");
        notices.iter().map(|notice| notice.what).collect()
    }
}

fn observed(uri: &str) -> (Caller, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let config = Config::from_list(uri).expect("a list of servers");
    (Caller::of(config, Some(heard.clone())), heard)
}

const OFF: &str = "tls_insecure_skip_verify=on";

#[test]
fn an_observer_hears_of_each_connection_that_is_not_verified() {
    let authority = Authority::new();
    let shown = authority.self_signed("server", &certificates::server(&["127.0.0.1"]));
    let server = memcached(&shown, &[]);
    let (caller, heard) = observed(&uri(&server, &format!("{PATIENCE}&{OFF}")));
    assert_eq!(heard.what(), []);
    for _ in 0..3 {
        assert_eq!(caller.set("key", "value"), Outcome::Done);
    }
    // All of them over one connection.
    assert_eq!(heard.what(), [What::Connected, What::TlsUnverified]);
    let notice = heard.0.lock().expect("notices")[1].clone();
    assert_eq!(notice.status, Status::OK);
    assert!(notice.text.contains("was not verified"), "{}", notice.text);
    assert!(notice.text.contains("127.0.0.1"), "{}", notice.text);
    // Another client has another connection, also to a server whose certificate would be good.
    let (authority, server) = usual(&[]);
    let (caller, heard) = observed(&uri(
        &server,
        &format!("{}&{OFF}", trusting(&authority.ca())),
    ));
    assert_eq!(caller.get("key"), Outcome::Miss);
    assert_eq!(heard.what(), [What::Connected, What::TlsUnverified]);
}

#[test]
fn nothing_is_heard_of_connections_that_are_verified_or_without_tls() {
    let (authority, server) = usual(&[]);
    let (caller, heard) = observed(&uri(&server, &trusting(&authority.ca())));
    assert_eq!(caller.get("key"), Outcome::Miss);
    assert_eq!(heard.what(), [What::Connected]);
    let plain = Memcached::tcp(&[]);
    let at = format!("{}?{PATIENCE}&{OFF}", plain.uri());
    for uri in [&at, "memory://?tls_insecure_skip_verify=on"] {
        let (caller, heard) = observed(uri);
        assert_eq!(caller.get("key"), Outcome::Miss);
        assert_eq!(heard.what(), [What::Connected], "{uri}");
    }
}

/// A handshake that fails made no connection.
#[test]
fn nothing_is_heard_of_connections_that_are_refused() {
    // A server that speaks no TLS at all.
    let plain = Memcached::tcp(&[]);
    let (caller, heard) = observed(&uri(&plain, &format!("{PATIENCE}&{OFF}")));
    assert!(matches!(caller.get("key"), Outcome::Failed(..)));
    let heard = heard.what();
    assert!(!heard.contains(&What::TlsUnverified), "{heard:?}");
    assert!(heard.contains(&What::ConnectFailed), "{heard:?}");
}
