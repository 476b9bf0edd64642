//! What a configuration makes of lists of servers and of their parameters.

use std::time::Duration;

use memcached2::config::{Config, StoreSpec, agree, find_server, parse_servers};
use memcached2::error::Status;
use memcached2::options::{Clock, Options};

#[test]
fn a_configuration_is_read_from_a_list() {
    let config = Config::from_list(
        "127.0.0.1:1?weight=2&timeout=2s, /a.sock?alias=cache-a&timeout=2000ms [::1]?paranoid=on",
    )
    .unwrap();
    let servers: Vec<_> = config
        .servers
        .iter()
        .map(|server| (&*server.name, server.weight))
        .collect();
    assert_eq!(
        servers,
        [("127.0.0.1:1", 2), ("cache-a", 1), ("[::1]:11211", 1)]
    );
    assert_eq!(config.options.timeout, Some(Duration::from_secs(2)));
    assert!(config.options.paranoid);
    assert!(Config::from_list(" ").unwrap().servers.is_empty());

    let (servers, stated) = parse_servers("localhost?timeout=2000ms&alias=x LOCALHOST:2").unwrap();
    assert_eq!(servers.len(), 2);
    assert_eq!(
        (stated[0].name, stated[0].value.as_str(), &*stated[0].server),
        ("timeout", "2s", "x")
    );
    assert!(agree(&config.options, &stated).is_ok());
    let failure = agree(&Options::default(), &stated).unwrap_err();
    assert_eq!(failure.status, Status::INVALID_ARGUMENT);
}

#[test]
fn servers_that_disagree_about_the_client_are_refused() {
    let failure = Config::from_list("127.0.0.1?timeout=1s,/a?timeout=2s").unwrap_err();
    assert_eq!(failure.status, Status::INVALID_URI);
    for part in ["timeout", "127.0.0.1:11211", "/a", "1s", "2s"] {
        assert!(failure.text.contains(part), "{failure}");
    }
    let mut config = Config::from_list("127.0.0.1?timeout=3s").unwrap();
    assert_eq!(
        config.add_server("/a?timeout=2s", 0).unwrap_err().status,
        Status::INVALID_URI
    );
    config.add_server("/a?timeout=3000ms", 0).unwrap();
    assert_eq!(config.options.timeout, Some(Duration::from_secs(3)));
    config.options.set("timeout", "4s").unwrap();
    config.add_server("/b?paranoid=on", 0).unwrap();
    assert_eq!(config.options.timeout, Some(Duration::from_secs(4)));
    assert!(config.options.paranoid);
}

#[test]
fn weights_come_from_the_uri_or_the_call() {
    let mut config = Config::default();
    config.add_server("127.0.0.1:1", 0).unwrap();
    config.add_server("127.0.0.1:2", 3).unwrap();
    config.add_server("127.0.0.1:3?weight=4", 0).unwrap();
    config.add_server("127.0.0.1:4?weight=5", 5).unwrap();
    let weights: Vec<_> = config.servers.iter().map(|server| server.weight).collect();
    assert_eq!(weights, [1, 3, 4, 5]);
    for (uri, weight) in [
        ("/a?weight=5", 6),
        ("/a?weight=1", 6),
        ("/a", 1001),
        ("/a?weight=0", 0),
        ("/a", u32::MAX),
    ] {
        let failure = config.add_server(uri, weight).unwrap_err();
        assert_eq!(failure.status, Status::INVALID_ARGUMENT, "{uri} {weight}");
    }
    assert_eq!(config.servers.len(), 4);
}

#[test]
fn what_this_version_cannot_serve_is_refused() {
    match Config::from_list("memcacheds://127.0.0.1") {
        Ok(config) if cfg!(feature = "tls") => assert_eq!(config.servers.len(), 1),
        Err(failure) if !cfg!(feature = "tls") => {
            assert_eq!(failure.status, Status::UNSUPPORTED, "{failure}");
            assert!(failure.text.contains("no TLS"), "{failure}");
        }
        other => panic!("{other:?}"),
    }
    for (uri, status) in [
        ("discover://127.0.0.1?weight=2", Status::INVALID_ARGUMENT),
        ("discover://127.0.0.1?alias=x", Status::INVALID_ARGUMENT),
        ("u@127.0.0.1", Status::INVALID_URI),
        ("memcached+unix://u@/a", Status::INVALID_URI),
        ("127.0.0.1?username=u", Status::INVALID_ARGUMENT),
        ("127.0.0.1?password=p", Status::INVALID_ARGUMENT),
        ("memory://?username=u", Status::INVALID_ARGUMENT),
    ] {
        for failure in [
            Config::from_list(uri).unwrap_err(),
            Config::default().add_server(uri, 0).unwrap_err(),
            parse_servers(&format!("/a {uri}")).unwrap_err(),
        ] {
            assert_eq!(failure.status, status, "{uri}: {failure}");
        }
    }
    for uri in [
        "127.0.0.1",
        "::1",
        "[2001:db8::1]:1",
        "localhost",
        "Localhost:1",
        "cache1",
        "memcached://cache.example.org:1/",
        "/a",
        "unix:/a",
        "memcache://127.0.0.1",
        "discover://cluster.cfg.cache.example.org:11211/",
    ] {
        assert_eq!(Config::from_list(uri).unwrap().servers.len(), 1, "{uri}");
    }
}

/// What is asked for the list of servers is no server beside others.
#[test]
fn an_endpoint_stands_in_a_list_alone() {
    for list in [
        "discover://a b",
        "b,discover://a",
        "discover://a discover://b",
    ] {
        let failure = Config::from_list(list).unwrap_err();
        assert_eq!(failure.status, Status::INVALID_ARGUMENT, "{list}");
        assert!(failure.text.contains("discover://"), "{failure}");
    }
    let mut config = Config::from_list("discover://a?discover_interval=1s").unwrap();
    assert_eq!(&*config.servers[0].name, "discover://a:11211");
    assert_eq!(
        config.options.discover_interval,
        Some(Duration::from_secs(1))
    );
    for (uri, weight) in [("b", 0), ("discover://b", 0)] {
        let failure = config.add_server(uri, weight).unwrap_err();
        assert_eq!(failure.status, Status::INVALID_ARGUMENT, "{failure}");
    }
    let failure = Config::default().add_server("discover://a", 2).unwrap_err();
    assert_eq!(failure.status, Status::INVALID_ARGUMENT, "{failure}");
    config.remove_server("discover://a").unwrap();
    config.add_server("b", 2).unwrap();
}

#[test]
fn a_store_is_what_its_uri_says() {
    let said = |uri: &str| Config::from_list(uri).unwrap().servers[0].store;
    assert_eq!(said("memory://"), StoreSpec::default());
    let manual = StoreSpec {
        limit: Some(1 << 30),
        clock: Some(Clock::Manual),
    };
    assert_eq!(said("memory://a?limit=1g&clock=manual"), manual);
    for uri in [
        "127.0.0.1?limit=1g",
        "/a?clock=system",
        "memory://?clock=x",
        "memory://?limit=1",
    ] {
        let failure = Config::from_list(uri).unwrap_err();
        assert_eq!(failure.status, Status::INVALID_ARGUMENT, "{uri}: {failure}");
    }
}

#[test]
fn a_server_stands_in_the_list_once() {
    for list in [
        "127.0.0.1,127.0.0.1:11211",
        "localhost LOCALHOST:11211/",
        "[::1] [0:0::1]:11211",
        "/a,unix:/%61",
        "/a?alias=x /b?alias=x",
        "/a?alias=127.0.0.1:1 127.0.0.1:1",
    ] {
        let failure = Config::from_list(list).unwrap_err();
        assert_eq!(failure.status, Status::INVALID_ARGUMENT, "{list}");
        assert!(failure.text.contains("already"), "{failure}");
    }
    let mut config = Config::from_list("127.0.0.1 /a").unwrap();
    assert_eq!(
        config.add_server("unix:/a?weight=2", 0).unwrap_err().status,
        Status::INVALID_ARGUMENT
    );
    assert_eq!(config.servers.len(), 2);
}

#[test]
fn servers_are_replaced_found_and_removed() {
    let mut config = Config::from_list("127.0.0.1:1?timeout=2s /a?alias=x").unwrap();
    for (which, at) in [
        ("127.0.0.1:1", 0),
        ("memcache://127.0.0.1:1/?weight=9", 0),
        ("x", 1),
        ("unix:/a", 1),
    ] {
        assert_eq!(find_server(&config.servers, which).unwrap(), at);
    }
    assert_eq!(
        find_server(&config.servers, "/c").unwrap_err().status,
        Status::INVALID_ARGUMENT
    );
    assert_eq!(
        find_server(&config.servers, "h:0").unwrap_err().status,
        Status::INVALID_URI
    );

    let before = config.servers.clone();
    for list in ["/a /a", "/b,,", "/b?timeout=1", "/b?weight=0"] {
        config.set_servers(list).unwrap_err();
        assert_eq!(config.servers, before, "{list}");
    }
    config.set_servers("/b /c?timeout=3s").unwrap();
    assert_eq!(config.options.timeout, Some(Duration::from_secs(3)));
    assert_eq!(&*config.remove_server("/c").unwrap().name, "/c");
    config.add_server("/d?timeout=4s", 0).unwrap();
    let names: Vec<_> = config.servers.iter().map(|server| &*server.name).collect();
    assert_eq!(names, ["/b", "/d"]);
}

#[test]
fn faults_in_a_list_name_the_server_and_the_option() {
    for (list, status, parts) in [
        (
            "127.0.0.1?timout=1s",
            Status::UNKNOWN_OPTION,
            ["127.0.0.1:11211", "timout"],
        ),
        (
            "127.0.0.1 /a?timeout=5",
            Status::INVALID_ARGUMENT,
            ["/a", "\"5\""],
        ),
        ("/a?weight=0", Status::INVALID_ARGUMENT, ["/a", "weight"]),
        ("/a?alias=x%2Cy", Status::INVALID_ARGUMENT, ["/a", "comma"]),
        (
            "/a?protocol=x",
            Status::UNKNOWN_PROTOCOL,
            ["/a", "protocol"],
        ),
    ] {
        let failure = Config::from_list(list).unwrap_err();
        assert_eq!(failure.status, status, "{list}");
        for part in parts {
            assert!(failure.text.contains(part), "{failure} lacks {part}");
        }
    }
}
