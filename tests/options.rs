//! The option table: set, get, defaults, limits, and the page of the documentation that is
//! generated from it.

#[path = "options/values.rs"]
mod values;

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use memcached2::error::Status;
use memcached2::options::{
    Clock, Kind, Options, Placement, Prefer, Profile, Protocol, SECRET_MARK, Scope, ServerOptions,
    Stagger, TABLE, TlsVersion, find,
};

use memcached2::uri::Secret;
use values::{bad, good};

fn set(name: &str, value: &str) -> memcached2::error::Result<String> {
    match find(name)?.scope {
        Scope::Client => {
            let mut options = Options::default();
            options
                .set(name, value)
                .inspect_err(|_| assert_eq!(options, Options::default()))?;
            options.get(name)
        }
        Scope::Server => {
            let mut options = ServerOptions::default();
            options
                .set(name, value)
                .inspect_err(|_| assert_eq!(options, ServerOptions::default()))?;
            options.get(name)
        }
    }
}

#[test]
fn every_option_goes_through_set_and_get() {
    let mut count = 0;
    for row in TABLE {
        for (text, back) in good(&row.kind) {
            let got = set(row.name, &text).unwrap_or_else(|failure| panic!("{failure}"));
            assert_eq!(got, back, "{}={text}", row.name);
            // What is secret is not read back.
            if got != SECRET_MARK {
                assert_eq!(set(row.name, &got).unwrap(), got, "{}={text}", row.name);
            }
            count += 1;
        }
    }
    println!("{count} values of {} options", TABLE.len());
}

#[test]
fn what_an_option_does_not_take_is_refused_in_words() {
    let mut count = 0;
    for row in TABLE {
        for text in bad(&row.kind) {
            let failure = set(row.name, &text).expect_err(&format!("{}={text:?}", row.name));
            let wanted = match row.name {
                "protocol" => Status::UNKNOWN_PROTOCOL,
                _ => Status::INVALID_ARGUMENT,
            };
            assert_eq!(failure.status, wanted, "{failure}");
            let shown: String = text.chars().take(80).collect();
            let shown = match row.kind {
                Kind::Secret { .. } => SECRET_MARK.into(),
                _ => format!("{shown:?}"),
            };
            let is_secret = matches!(row.kind, Kind::Secret { .. }) && text != SECRET_MARK;
            assert!(!is_secret || !failure.text.contains("xx"), "{failure}");
            for part in [row.name, &shown, &row.kind.takes()] {
                assert!(failure.text.contains(part), "{failure} lacks {part}");
            }
            assert!(!failure.text.chars().any(char::is_control), "{failure}");
            count += 1;
        }
    }
    println!("{count} refusals");
}

#[test]
fn a_number_without_a_unit_is_refused_for_its_unit() {
    for name in [
        "timeout",
        "connect_timeout",
        "connect_stagger",
        "batch_timeout",
        "idle_check",
        "discover_interval",
        "tcp_user_timeout",
    ] {
        let failure = set(name, "5").unwrap_err();
        assert!(failure.text.contains("a unit must be given"), "{failure}");
    }
}

#[test]
fn protocols_that_are_not_spoken() {
    for name in ["quic", "Binary", ""] {
        let status = Status::UNKNOWN_PROTOCOL;
        assert_eq!(set("protocol", name).unwrap_err().status, status);
    }
    for name in ["auto", "ascii", "meta", "binary"] {
        assert_eq!(set("protocol", name).unwrap(), name);
    }
}

#[test]
fn the_defaults_are_those_of_the_table() {
    for row in TABLE {
        let got = match row.scope {
            Scope::Client => Options::default().get(row.name),
            Scope::Server => ServerOptions::default().get(row.name),
        };
        assert_eq!(got.unwrap(), row.default, "{}", row.name);
        assert_eq!(
            set(row.name, row.default).unwrap(),
            row.default,
            "{}",
            row.name
        );
    }
    let expected = Options {
        timeout: Some(Duration::from_secs(1)),
        connect_timeout: Some(Duration::from_millis(250)),
        connect_stagger: Stagger(None),
        batch_timeout: Some(Duration::from_secs(10)),
        idle_check: Duration::from_millis(5),
        paranoid: false,
        max_connections: 64,
        key_prefix: Box::default(),
        binary_keys: false,
        default_noreply: false,
        item_size_max: 1 << 20,
        max_value_size: 128 << 20,
        protocol: Protocol::Auto,
        profile: Profile::Full,
        placement: Placement::Modula,
        hash: None,
        hash_prefix: None,
        hash_tags: false,
        hashing_retries: 10,
        total_buckets: 0,
        sort_servers: false,
        discover_interval: Some(Duration::from_secs(60)),
        discover_prefer: Prefer::Ip,
        tcp_nodelay: true,
        tcp_keepalive: true,
        tcp_user_timeout: Some(Duration::from_secs(2)),
        tls_ca: PathBuf::new(),
        tls_cert: PathBuf::new(),
        tls_key: PathBuf::new(),
        tls_min_version: TlsVersion::V1_2,
        tls_session_resumption: true,
        tls_insecure_skip_verify: false,
        username: String::new(),
        password: Secret::default(),
        auth_over_cleartext: false,
        shortcut: true,
    };
    assert_eq!(Options::default(), expected);
    assert_eq!(
        ServerOptions::default(),
        ServerOptions {
            weight: 1,
            alias: String::new(),
            limit: 64 << 20,
            tls_server_name: String::new(),
            clock: Clock::System,
        }
    );
}

#[test]
fn names_are_known_or_not() {
    let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for name in ["timeouts", "", "TIMEOUT", "time\nout", "\0"] {
        for failure in [
            Options::default().set(name, "1s").unwrap_err(),
            Options::default().get(name).unwrap_err(),
            ServerOptions::default().set(name, "1").unwrap_err(),
        ] {
            assert_eq!(failure.status, Status::UNKNOWN_OPTION);
            assert!(failure.text.contains(&format!("{name:?}")), "{failure}");
        }
    }
    assert!(
        Options::default()
            .set(&"x".repeat(100_000), "")
            .unwrap_err()
            .text
            .len()
            < 200
    );
    for failure in [
        Options::default().set("weight", "2").unwrap_err(),
        Options::default().get("alias").unwrap_err(),
        ServerOptions::default().set("timeout", "2s").unwrap_err(),
        ServerOptions::default().get("paranoid").unwrap_err(),
    ] {
        assert_eq!(failure.status, Status::INVALID_ARGUMENT);
        assert!(failure.text.contains("belongs to"), "{failure}");
    }
    let hidden: Vec<_> = TABLE
        .iter()
        .filter(|row| row.hidden)
        .map(|row| row.name)
        .collect();
    assert_eq!(hidden, ["shortcut"]);
}

/// Every duration that can be set comes back as the same duration.
#[test]
fn durations_survive_their_text() {
    let mut micros = 1u64;
    let mut count = 0;
    while micros <= 24 * 3_600_000_000 {
        for micros in [micros, micros / 1000 * 1000, micros / 1_000_000 * 1_000_000] {
            let mut options = Options {
                timeout: Some(Duration::from_micros(micros)),
                ..Options::default()
            };
            let text = options.get("timeout").unwrap();
            options.timeout = None;
            if micros > 0 {
                options.set("timeout", &text).unwrap();
                assert_eq!(
                    options.timeout,
                    Some(Duration::from_micros(micros)),
                    "{text}"
                );
                count += 1;
            }
        }
        micros += micros / 7 + 1;
    }
    println!("{count} durations");
}

#[test]
fn views_apply_lists() {
    let mut options = Options::default();
    options.apply_list("timeout=50ms&paranoid=on").unwrap();
    options
        .apply_list("key_prefix=a%2Cb%26, idle_check=0\n default_noreply=yes")
        .unwrap();
    options.apply_list("").unwrap();
    assert_eq!(options.timeout, Some(Duration::from_millis(50)));
    assert!(options.paranoid && options.default_noreply);
    assert_eq!(*options.key_prefix, *b"a,b&");
    assert_eq!(options.idle_check, Duration::ZERO);

    let before = options.clone();
    for (list, status) in [
        ("timeout=1s&nonsense=1", Status::UNKNOWN_OPTION),
        ("timeout=1s,paranoid=maybe", Status::INVALID_ARGUMENT),
        ("timeout=1s timeout=1s", Status::INVALID_ARGUMENT),
        ("timeout=1s,max_connections=3", Status::INVALID_ARGUMENT),
        ("timeout", Status::INVALID_ARGUMENT),
        ("weight=2", Status::INVALID_ARGUMENT),
        ("protocol=quic", Status::UNKNOWN_PROTOCOL),
    ] {
        assert_eq!(
            options.apply_list(list).unwrap_err().status,
            status,
            "{list}"
        );
        assert_eq!(options, before, "{list}");
    }
    for row in TABLE.iter().filter(|row| row.scope == Scope::Client) {
        let applied = options.apply_list(&format!("{}={}", row.name, row.default));
        assert_eq!(applied.is_err(), row.pooled, "{}", row.name);
    }
}

fn page() -> String {
    let mut page = String::from(
        "# Options\n\n\
         Generated from the table in `src/options.rs`; `MEMCACHED2_UPDATE=1 cargo test --test options` rewrites it.\n\n\
         The same names serve as query parameters of a server's URI (`memcached://127.0.0.1/?timeout=250ms`, values\n\
         percent-encoded) and for `mc_options_set`. An option of the client may stand on any of its servers' URIs; those\n\
         that state it must agree. A view (`mc_client_with`) can change every option of the client but those marked \"shared\".\n",
    );
    for (scope, title) in [
        (Scope::Client, "Of the client"),
        (Scope::Server, "Of one server"),
    ] {
        let _ = write!(
            page,
            "\n## {title}\n\n| name | type | default | takes | meaning |\n| --- | --- | --- | --- | --- |\n"
        );
        for row in TABLE.iter().filter(|row| row.scope == scope && !row.hidden) {
            let default = match row.default {
                "" => "empty".into(),
                text => format!("`{text}`"),
            };
            let shared = if row.pooled { ", shared" } else { "" };
            let _ = writeln!(
                page,
                "| `{}` | {}{shared} | {default} | {} | {} |",
                row.name,
                row.kind.name(),
                row.kind.takes(),
                row.doc
            );
        }
    }
    page
}

#[test]
fn the_documentation_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/options.md");
    let page = page();
    if std::env::var("MEMCACHED2_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        std::fs::write(path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == page,
        "docs/options.md is stale: MEMCACHED2_UPDATE=1 cargo test --test options"
    );
    assert!(!page.contains("shortcut"));
}
