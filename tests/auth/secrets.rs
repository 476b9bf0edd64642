//! FM-98: no text holds a password: not what fails, not what is told to an observer, not what can be read
//! back.

use std::sync::{Arc, Mutex};

use memcached2::client::Client;
use memcached2::config::Config;
use memcached2::error::Status;
use memcached2::observe::{Notice, Observer};
use memcached2::options::{Options, SECRET_MARK};

use crate::caller::{Caller, Outcome};
use crate::peer::{Manner, PASSWORD, Peer};
use crate::servers::with_options;
use crate::support::client::{self, last_error};
use crate::support::conn::Conn;

#[derive(Default)]
struct Texts(Mutex<Vec<String>>);

impl Observer for Texts {
    fn notice(&self, notice: &Notice) {
        let mut texts = self.0.lock().expect("texts");
        texts.push(format!("{notice:?} {}", notice.text));
    }
}

const SECRET: &str = "hunter2-wrong";

#[track_caller]
fn shows_nothing(text: &str) {
    for secret in [SECRET, PASSWORD] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// Whatever a server does with a password that it is told.
#[test]
fn fm98_no_failure_and_no_event() {
    let texts = Arc::new(Texts::default());
    let mut count = 0;
    for manner in [
        Manner::Says,
        Manner::Closes,
        Manner::SaysAndCloses,
        Manner::Later,
        Manner::Silent,
        Manner::Babbles,
        Manner::Echoes,
    ] {
        let peer = Peer::start(manner);
        for password in [SECRET, PASSWORD] {
            let list = format!(
                "{}?connect_timeout=50ms",
                peer.uri(&format!("ann:{password}@"))
            );
            let config = Config::from_list(&list).expect("a list");
            shows_nothing(&format!("{config:?} {config:#?}"));
            let caller = Caller::of(config, Some(texts.clone()));
            let keys = ["a", "b"].map(String::from);
            let mut outcomes = vec![
                caller.get("key"),
                caller.set("key", "value"),
                caller.get("key"),
            ];
            outcomes.extend(
                caller
                    .get_multi(&keys)
                    .into_iter()
                    .map(|(outcome, _)| outcome),
            );
            caller.close();
            outcomes.push(caller.get("key"));
            for outcome in outcomes {
                if let Outcome::Failed(.., text) = &outcome {
                    count += 1;
                    shows_nothing(text);
                }
            }
            // By the C ABI.
            let client = client::Client::new(&list);
            client.get("key");
            shows_nothing(&last_error());
            shows_nothing(&client.servers().join(" "));
            shows_nothing(&client.server_for("key"));
            client.dump();
            shows_nothing(&last_error());
            client.admin("cache_memlimit 64", None);
            shows_nothing(&last_error());
            let conn = Conn::new(&list);
            conn.connect();
            shows_nothing(&last_error());
            shows_nothing(&conn.uri().expect("a URI"));
            // Lists of servers that are refused.
            for bad in [
                format!("{list},{list}"),
                format!("{list}&weight=0"),
                format!("{list}&password={SECRET}"),
                format!("{list}&username={SECRET}"),
                format!("{list}&max_connections=9"),
                format!("{list}&{SECRET}"),
            ] {
                client.set_servers(&bad);
                shows_nothing(&last_error());
            }
        }
    }
    let texts = texts.0.lock().expect("texts");
    texts.iter().for_each(|text| shows_nothing(text));
    assert!(count > 20 && texts.len() > 20, "{count} {}", texts.len());
    println!("{count} failures and {} events show nothing", texts.len());
}

/// That there is a password can be read, and no more.
#[test]
fn fm98_the_option_is_not_read_back() {
    let mut options = Options::default();
    assert_eq!(options.get("password").expect("an option"), "");
    options.set("password", SECRET).expect("a password");
    assert_eq!(options.get("password").expect("an option"), SECRET_MARK);
    shows_nothing(&format!("{options:?} {options:#?}"));
    // What was read back is not a password to be set.
    let failure = options.set("password", SECRET_MARK).expect_err("a mark");
    assert_eq!(failure.status, Status::INVALID_ARGUMENT);
    let failure = options
        .set("password", &SECRET.repeat(100))
        .expect_err("too long");
    shows_nothing(&format!("{failure} {failure:?}"));
    let failure = options
        .apply_list(&format!("password={SECRET}"))
        .expect_err("a view");
    shows_nothing(&format!("{failure} {failure:?}"));
    let failure = options
        .apply_list(&format!("password={}", SECRET.repeat(100)))
        .expect_err("a view");
    shows_nothing(&format!("{failure} {failure:?}"));
    assert_eq!(options.get("password").expect("an option"), SECRET_MARK);
}

/// A URI's parameters are no place for them; nor does a client show those of its options.
#[test]
fn fm98_a_client_shows_none() {
    for name in ["username", "password"] {
        let list = format!("127.0.0.1?{name}={SECRET}");
        let failure = Config::from_list(&list).expect_err("a parameter");
        assert_eq!(failure.status, Status::INVALID_ARGUMENT);
        assert!(failure.text.contains("user:password@"), "{failure}");
        shows_nothing(&format!("{failure} {failure:?}"));
        let uri = memcached2::uri::ServerUri::parse(&list).expect("a URI");
        shows_nothing(&format!("{uri:?}"));
    }
    let options = [("username", "ann"), ("password", SECRET)];
    let config = with_options("127.0.0.1", &options).expect("options");
    shows_nothing(&format!("{config:?}"));
    let client = Client::new(config, None).expect("a client");
    let options = client.options();
    assert_eq!(options.get("password").expect("an option"), SECRET_MARK);
    assert_eq!(options.get("username").expect("an option"), "ann");
    shows_nothing(&format!("{options:?}"));
    let failure = client.add_server(&format!("/a?password={SECRET}"));
    shows_nothing(&format!("{failure:?}"));
}
