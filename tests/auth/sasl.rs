//! SASL PLAIN, with memcached's own -S: over one connection by itself, where what is sent afterwards is the
//! test's own, and by clients that speak the binary protocol.

use tempfile::TempDir;

use crate::peer::{PASSWORD, USER};
use crate::servers::Users;
use crate::support::client::{
    Client, EFFECT_NOT_APPLIED, Got, OK, TIMEOUT, UNSUPPORTED, last_error, last_error_effect,
};
use crate::support::conn::{Conn, last_phase};
use crate::support::forked::in_child;
use crate::support::memcached::Memcached;

const INVALID_CREDENTIALS: i32 = 0x0206;
const AUTH_NOT_SUPPORTED: i32 = 0x0106;
const PHASE_AUTHENTICATE: u32 = 6;
/// What makes a connection authenticate by SASL.
const BY_SASL: &str = "protocol=binary&timeout=20s&connect_timeout=20s";

/// The users of a server, and which mechanisms it offers.
struct Sasl(TempDir);

impl Sasl {
    fn new(mechanisms: &str) -> Sasl {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let users = directory.path().join("users");
        let text = format!(
            "mech_list: {mechanisms}\npwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {}\n",
            users.display()
        );
        std::fs::write(directory.path().join("memcached.conf"), text).expect("a file");
        for (user, password) in [(USER, PASSWORD), ("bob", "a word, ü")] {
            use std::io::Write;
            let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
            let mut adding = std::process::Command::new("saslpasswd2")
                .env("PATH", path)
                .args(["-p", "-c", "-a", "memcached", "-f"])
                .arg(&users)
                .arg(user)
                .stdin(std::process::Stdio::piped())
                .spawn()
                .expect("saslpasswd2, of the package sasl2-bin");
            let mut input = adding.stdin.take().expect("an input");
            input.write_all(password.as_bytes()).expect("written");
            drop(input);
            assert!(adding.wait().expect("waited for").success());
        }
        Sasl(directory)
    }

    fn serve(&self, flags: &[&str]) -> Memcached {
        let directory = self.0.path().to_str().expect("a path of the tests' own");
        let flags = [&["-S"], flags].concat();
        Memcached::tcp_with(&flags, &[("SASL_CONF_PATH", directory)])
    }
}

fn uri(server: &Memcached, login: &str, options: &str) -> String {
    let uri = server.uri().replacen("://", &format!("://{login}"), 1);
    format!("{uri}?{options}")
}

fn right(server: &Memcached) -> Conn {
    Conn::new(&uri(server, &format!("{USER}:{PASSWORD}@"), BY_SASL))
}

/// A frame without extras.
fn frame(opcode: u8, key: &[u8]) -> Vec<u8> {
    let mut frame = vec![
        0x80,
        opcode,
        0,
        key.len() as u8,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        key.len() as u8,
    ];
    frame.resize(24, 0);
    frame.extend_from_slice(key);
    frame
}

/// The server carries out what it carries out for those only whom it knows: the status of a NOOP.
fn noop(conn: &Conn) -> u16 {
    conn.send(&frame(0x0a, b""));
    let reply = conn.read(24).expect("a reply");
    assert_eq!(reply[..2], [0x81, 0x0a]);
    u16::from_be_bytes([reply[6], reply[7]])
}

/// FM-97: every new connection authenticates, a child's too.
#[test]
fn fm97_the_right_password() {
    let sasl = Sasl::new("plain");
    let server = sasl.serve(&[]);
    let conn = right(&server);
    for _ in 0..3 {
        assert_eq!(conn.connect(), 0, "{}", last_error());
        assert_eq!(noop(&conn), 0);
        conn.send(&frame(0x00, b"none"));
        let reply = conn.read(24).expect("a reply");
        assert_eq!(reply[6..8], [0, 1], "not found, for one who may ask");
        assert_eq!(conn.reset(), 0);
    }
    in_child(|| {
        let conn = right(&server);
        conn.connect() == 0 && noop(&conn) == 0
    });
    // What lines cannot carry.
    let login = "bob:a%20word,%20%C3%BC@".replace(',', "%2C");
    let conn = Conn::new(&uri(&server, &login, BY_SASL));
    assert_eq!(conn.connect(), 0, "{}", last_error());
    assert_eq!(noop(&conn), 0);
    // One of many mechanisms.
    let all = Sasl::new("cram-md5 plain login");
    let server = all.serve(&[]);
    let conn = right(&server);
    assert_eq!(conn.connect(), 0, "{}", last_error());
    assert_eq!(noop(&conn), 0);
}

/// What a client does over connections that have authenticated.
#[test]
fn fm97_commands_and_batches() {
    let sasl = Sasl::new("plain");
    let server = sasl.serve(&[]);
    let login = format!("{USER}:{PASSWORD}@");
    for options in ["", "&paranoid=on", "&max_connections=1"] {
        let client = Client::new(&(uri(&server, &login, BY_SASL) + options));
        for round in 0..3 {
            let value = format!("{options} {round}");
            assert_eq!(client.set("key", value.as_bytes()), OK, "{}", last_error());
            assert_eq!(client.get("key"), Got::Value(value.into_bytes()));
            assert_eq!(client.get("none"), Got::Miss);
            client.close();
        }
        let keys: Vec<String> = (0..2_000).map(|n| format!("key{n}")).collect();
        assert_eq!(
            client.set_multi(&keys, &keys).status,
            OK,
            "{}",
            last_error()
        );
        client.close();
        for (key, got) in keys.iter().zip(client.get_multi(&keys).entries) {
            assert_eq!(got, Got::Value(key.clone().into_bytes()));
        }
        assert_eq!(client.ping().statuses(), [OK]);
        in_child(|| client.get("key1") == Got::Value(b"key1".to_vec()));
    }
}

/// The servers' own commands over SASL: those that frames have, and those that are lines of text alone.
#[test]
fn fm97_the_commands_of_servers() {
    let sasl = Sasl::new("plain");
    let server = sasl.serve(&["-o", "track_sizes"]);
    let client = Client::new(&uri(&server, &format!("{USER}:{PASSWORD}@"), BY_SASL));
    assert_eq!(client.set("key", b"value"), OK, "{}", last_error());
    // (memcached tells its connections in lines only.)
    for argument in ["", "settings", "items", "slabs", "sizes"] {
        let answer = client.stats(argument);
        assert_eq!(answer.status, OK, "{argument}: {}", last_error());
        assert!(!answer.servers[0].stats.is_empty(), "{argument}");
    }
    let stat = |name: &str| {
        let stats = client.stats("").servers.remove(0).stats;
        let stat = stats.into_iter().find(|stat| stat.name == name);
        stat.unwrap_or_else(|| panic!("no {name}")).number
    };
    assert!(stat("auth_cmds") > 0);
    let reset = client.stats("reset");
    assert!(reset.status == OK && reset.servers[0].stats.is_empty());
    let versions = client.versions();
    assert_eq!(versions.status, OK, "{}", last_error());
    assert_eq!(client.ping().status, OK, "{}", last_error());
    assert_eq!(client.flush_all(0).status, OK, "{}", last_error());
    assert_eq!(client.get("key"), Got::Miss);

    // No opcode that memcached knows. (It skips the extras of what it does not know twice, and waits for
    // as many bytes more.)
    let conn = right(&server);
    assert_eq!(conn.connect(), 0, "{}", last_error());
    let mut verbosity = frame(0x1b, b"");
    verbosity.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    (verbosity[4], verbosity[11]) = (4, 4);
    conn.send(&verbosity);
    assert_eq!(conn.read(24).expect("a reply")[6..8], [0, 0x81]);
    for answer in [client.verbosity(1), client.cache_memlimit(64)] {
        assert_eq!(answer.statuses(), [UNSUPPORTED]);
        let text = &answer.servers[0].text;
        assert!(text.contains("binary protocol has no command"), "{text}");
    }

    // Dumps and lines of an operator are text: nobody is even connected to for them.
    let before = stat("total_connections");
    for _ in 0..2 {
        let lines = [
            client.dump().0,
            client.admin("cache_memlimit 64", None),
            client.admin("lru_crawler enable", None),
        ];
        for answer in lines {
            assert_eq!(answer.statuses(), [UNSUPPORTED]);
            let text = &answer.servers[0].text;
            assert!(text.contains("by SASL"), "{text}");
            assert!(text.contains("binary protocol alone"), "{text}");
        }
    }
    assert_eq!(stat("total_connections"), before);
    assert_eq!(client.get("key"), Got::Miss);
}

/// Why: there is no server that asks for SASL and speaks lines.
#[test]
fn a_server_of_sasl_speaks_no_lines() {
    let refused = std::process::Command::new("memcached")
        .args(["-S", "-B", "ascii", "-u", "root", "-p", "0", "-U", "0"])
        .output()
        .expect("memcached");
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("cannot allow the ASCII protocol"), "{said}");
}

/// FM-97: refused, or with nothing to tell: an error, never a miss.
#[test]
fn fm97_commands_that_are_refused() {
    let sasl = Sasl::new("plain");
    let server = sasl.serve(&[]);
    for (login, part) in [
        ("", "asks for a username"),
        ("ann:wrong@", "refused the user"),
    ] {
        let client = Client::new(&uri(&server, login, BY_SASL));
        for _ in 0..2 {
            assert_eq!(client.get("key"), Got::Failed(INVALID_CREDENTIALS));
            assert!(last_error().contains(part), "{}", last_error());
            assert_eq!(client.set("key", b"value"), INVALID_CREDENTIALS);
            assert_eq!(last_error_effect(), EFFECT_NOT_APPLIED);
        }
        let keys: Vec<String> = (0..50).map(|n| format!("key{n}")).collect();
        let got = client.get_multi(&keys).entries;
        assert!(
            got.iter().all(|got| matches!(got, Got::Failed(_))),
            "{got:?}"
        );
    }
}

#[cfg(feature = "tls")]
#[test]
fn fm97_over_tls() {
    let sasl = Sasl::new("plain");
    let authority = crate::certificates::Authority::new();
    let names = crate::certificates::server(&["127.0.0.1"]);
    let flag = authority.issue("server", &names).flag();
    let server = sasl.serve(&["-Z", "-o", &flag]);
    let login = format!("{USER}:{PASSWORD}@");
    let options = format!("{BY_SASL}&tls_ca={}", authority.ca().display());
    let secured = uri(&server, &login, &options).replace("memcached:", "memcacheds:");
    let conn = Conn::new(&secured);
    assert_eq!(conn.connect(), 0, "{}", last_error());
    assert_eq!(noop(&conn), 0);
}

#[track_caller]
fn refused(conn: &Conn, status: i32, part: &str) {
    assert_eq!(conn.connect(), status, "{}", last_error());
    assert_eq!(last_phase(), PHASE_AUTHENTICATE);
    let text = last_error();
    assert!(text.contains(part), "{text}");
    assert!(
        !text.contains(PASSWORD) && !text.contains("wrong"),
        "{text}"
    );
    assert!(!conn.is_up());
}

/// FM-97: status 0x20 is a wrong password.
#[test]
fn fm97_a_wrong_password() {
    let sasl = Sasl::new("plain");
    let server = sasl.serve(&[]);
    for login in ["ann:wrong@", "eve:wrong@", "ann:s3cret-word-wrong@"] {
        let conn = Conn::new(&uri(&server, login, BY_SASL));
        refused(&conn, INVALID_CREDENTIALS, "refused the user");
    }
}

/// FM-97: of a server without SASL 0x81, and of one without PLAIN its list.
#[test]
fn fm97_no_sasl_and_no_plain() {
    let server = Memcached::tcp(&[]);
    refused(&right(&server), AUTH_NOT_SUPPORTED, "without SASL");
    let sasl = Sasl::new("cram-md5");
    let server = sasl.serve(&[]);
    refused(&right(&server), AUTH_NOT_SUPPORTED, "PLAIN");
}

/// FM-96: a server of the other protocol says nothing; that is told in time, with a hint.
#[test]
fn fm96_the_other_protocol() {
    let users = Users::new();
    let lines = Memcached::tcp(&users.flags());
    let sasl = Sasl::new("plain");
    let frames = sasl.serve(&[]);
    let login = format!("{USER}:{PASSWORD}@");
    for (server, options) in [
        (&lines, "protocol=binary&connect_timeout=100ms"),
        (&frames, "connect_timeout=100ms"),
    ] {
        let conn = Conn::new(&uri(server, &login, options));
        refused(&conn, TIMEOUT, "another protocol");
    }
}

/// FM-93: to another machine a password goes by TLS only. (`0.0.0.0` is this machine, and no loopback
/// address.)
#[test]
fn fm93_plain_in_the_clear() {
    let sasl = Sasl::new("plain");
    let server = sasl.serve(&[]);
    let login = format!("{USER}:{PASSWORD}@");
    let elsewhere = uri(&server, &login, BY_SASL).replace("127.0.0.1", "0.0.0.0");
    refused(
        &Conn::new(&elsewhere),
        AUTH_NOT_SUPPORTED,
        "auth_over_cleartext=on",
    );
    let conn = Conn::new(&(elsewhere + "&auth_over_cleartext=on"));
    assert_eq!(conn.connect(), 0, "{}", last_error());
    assert_eq!(noop(&conn), 0);
}
