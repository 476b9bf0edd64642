//! What is asked of every server: statistics and what they mean, and the commands that answer one entry
//! for each server, one that is down included.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use support::client::{
    CONNECT_FAILED, Client, EFFECT_UNKNOWN, Got, NOT_FOUND, OK, PARTIAL, SLACK, TIMEOUT,
    last_error, last_error_effect, last_error_server, name,
};
use support::memcached::Memcached;
use support::servers::{BOOLEAN, Everywhere, INTEGER, REAL, Server, TEXT};

const INVALID_ARGUMENT: i32 = 0x0103;
const ILLEGAL_INPUT: i32 = 0x0203;
const UNSUPPORTED: i32 = 0x0603;
const CLIENT_ERROR: i32 = 0x0703;
const UNKNOWN_COMMAND: i32 = 0x0001_0703;
const UNEXPECTED_RESPONSE: i32 = 0x0204;

fn list(servers: &[Memcached]) -> String {
    let uris: Vec<_> = servers.iter().map(Memcached::uri).collect();
    uris.join(",")
}

/// Three servers, of which the second is down.
fn one_down() -> (Vec<Memcached>, Client) {
    let mut servers = vec![
        Memcached::tcp(&["-o", "track_sizes"]),
        Memcached::tcp_to_restart(&[]),
        Memcached::unix(&["-m", "100"]),
    ];
    // So that it is asked each time.
    let client = Client::new(&format!("{}?reconnect=simple", list(&servers)));
    servers[1].kill();
    (servers, client)
}

/// The entry of a server that is down.
fn is_down(client: &Client, entry: &Server, number: usize) {
    assert_eq!(entry.status, CONNECT_FAILED, "{}", name(entry.status));
    assert_eq!(entry.name, client.servers()[number]);
    assert!(entry.text.contains(&entry.name), "{}", entry.text);
    assert!(entry.stats.is_empty());
}

/// What a client told of a server is what the server says: the same lines in the same order, but for
/// numbers that go on meanwhile.
fn same(server: &Memcached, argument: &str, told: &Server, moving: &[&str]) {
    let said = server.raw().stats(argument);
    let line = |stat: &support::servers::Stat| format!("{} {}", stat.name, stat.text);
    let told: Vec<_> = told.stats.iter().map(line).collect();
    assert_eq!(said.len(), told.len(), "{argument}");
    for (said, told) in said.iter().zip(&told) {
        let (name, _) = said.split_once(' ').expect("a name and a text");
        let field = name.rsplit(':').next().expect("a field");
        match moving.contains(&field) {
            true => assert!(told.starts_with(&format!("{name} ")), "{said}, {told}"),
            false => assert_eq!(told, said),
        }
    }
}

fn each_up(servers: &[Memcached], client: &Client, argument: &str, moving: &[&str]) -> Everywhere {
    let answer = client.stats(argument);
    assert_eq!(
        answer.status,
        PARTIAL,
        "{argument}: {}",
        name(answer.status)
    );
    assert_eq!(answer.statuses(), [OK, CONNECT_FAILED, OK], "{argument}");
    assert_eq!(last_error_server(), client.servers()[1]);
    is_down(client, &answer.servers[1], 1);
    for number in [0, 2] {
        let told = &answer.servers[number];
        assert_eq!(told.name, client.servers()[number]);
        assert_eq!(told.text, "");
        same(&servers[number], argument, told, moving);
    }
    answer
}

/// Counters of `stats` that another connection, or time, may change.
const MOVING: [&str; 22] = [
    "uptime",
    "time",
    "rusage_user",
    "rusage_system",
    "curr_connections",
    "total_connections",
    "connection_structures",
    "response_obj_count",
    "response_obj_bytes",
    "read_buf_count",
    "read_buf_bytes",
    "read_buf_bytes_free",
    "bytes_read",
    "bytes_written",
    "lru_crawler_starts",
    "lru_crawler_running",
    "lru_maintainer_juggles",
    "crawler_items_checked",
    "moves_to_cold",
    "moves_to_warm",
    "conn_yields",
    "hash_is_expanding",
];

#[test]
fn general_statistics_of_three_servers_one_of_them_down() {
    let (servers, client) = one_down();
    let answer = each_up(&servers, &client, "", &MOVING);
    for number in [0, 2] {
        let told = &answer.servers[number];
        let pid = told.find("pid");
        assert_eq!(
            (pid.kind, pid.number),
            (INTEGER, servers[number].pid().into())
        );
        assert_eq!(
            (pid.integer, pid.real),
            (pid.number as i64, pid.number as f64)
        );
        assert_eq!((pid.index, &pid.field[..]), (None, "pid"));
        let version = told.find("version");
        assert_eq!((version.kind, version.number), (TEXT, 0));
        let system = told.find("rusage_system");
        assert_eq!(system.kind, REAL);
        assert_eq!(Ok(system.real), system.text.parse());
        let accepting = told.find("accepting_conns");
        assert_eq!((accepting.kind, accepting.boolean), (BOOLEAN, true));
        assert_eq!((accepting.number, accepting.integer), (1, 1));
        let expanding = told.find("hash_is_expanding");
        assert_eq!((expanding.kind, expanding.number), (BOOLEAN, 0));
        assert_eq!(told.find("evictions").kind, INTEGER);
        assert_eq!(told.find("curr_items").number, 0);
    }
    let limit = |number: usize| answer.servers[number].find("limit_maxbytes").number;
    assert_eq!((limit(0), limit(2)), (64 << 20, 100 << 20));
}

#[test]
fn settings_have_their_types() {
    let (servers, client) = one_down();
    let answer = each_up(&servers, &client, "settings", &[]);
    let told = &answer.servers[2];
    let kinds = |kind: u32, names: &[&str]| {
        for name in names {
            assert_eq!(told.find(name).kind, kind, "{:?}", told.find(name));
        }
    };
    let integers = [
        "maxbytes",
        "maxconns",
        "udpport",
        "verbosity",
        "num_threads",
        "slab_automove",
    ];
    kinds(INTEGER, &integers);
    kinds(
        INTEGER,
        &["umask", "item_size_max", "ext_item_age", "tcp_backlog"],
    );
    kinds(
        REAL,
        &[
            "growth_factor",
            "slab_automove_ratio",
            "warm_max_factor",
            "ext_max_frag",
        ],
    );
    kinds(
        TEXT,
        &[
            "inter",
            "domain_socket",
            "stat_key_prefix",
            "hash_algorithm",
            "memory_file",
        ],
    );
    let flags = [
        "evictions",
        "cas_enabled",
        "maxconns_fast",
        "slab_reassign",
        "flush_enabled",
    ];
    kinds(BOOLEAN, &flags);
    kinds(
        BOOLEAN,
        &[
            "detail_enabled",
            "track_sizes",
            "temp_lru",
            "auth_enabled_sasl",
        ],
    );
    assert_eq!(told.find("maxbytes").number, 100 << 20);
    assert_eq!(told.find("growth_factor").real, 1.25);
    assert_eq!(told.find("umask").number, 0o700);
    assert!(told.find("evictions").boolean && !told.find("detail_enabled").boolean);
    assert!(told.find("domain_socket").text.ends_with("memcached.sock"));
    let tracks = |number: usize| answer.servers[number].find("track_sizes").boolean;
    assert!(tracks(0) && !tracks(2));
    // Every kind has been seen, and what is an integer says nothing else.
    for stat in &told.stats {
        match stat.kind {
            INTEGER if stat.name == "umask" => {}
            INTEGER => assert_eq!(stat.number.to_string(), stat.text, "{}", stat.name),
            REAL => assert_eq!(Ok(stat.real), stat.text.parse(), "{}", stat.name),
            BOOLEAN => assert!(
                matches!(&stat.text[..], "yes" | "no" | "on" | "off"),
                "{stat:?}"
            ),
            TEXT => assert!(stat.text.parse::<u64>().is_err(), "{stat:?}"),
            other => panic!("kind {other}"),
        }
    }
}

/// Names and numbers of a slab class, by its number.
fn by_class(server: &Server) -> BTreeMap<u64, BTreeMap<String, u64>> {
    let mut classes: BTreeMap<u64, BTreeMap<String, u64>> = BTreeMap::new();
    for stat in &server.stats {
        if let Some(index) = stat.index {
            assert_eq!(stat.kind, INTEGER, "{stat:?}");
            assert!(
                stat.name.ends_with(&format!("{index}:{}", stat.field)),
                "{stat:?}"
            );
            let before = classes
                .entry(index)
                .or_default()
                .insert(stat.field.clone(), stat.number);
            assert_eq!(before, None, "{stat:?}");
        }
    }
    classes
}

#[test]
fn items_slabs_and_sizes_are_nested() {
    let (servers, client) = one_down();
    let lengths = [10, 10, 500, 20_000];
    for server in [&servers[0], &servers[2]] {
        let mut raw = server.raw();
        for (number, len) in lengths.iter().enumerate() {
            raw.set(&format!("stats:{number}"), &"x".repeat(*len));
        }
    }
    let moving = [
        "age",
        "age_hot",
        "age_warm",
        "number_hot",
        "number_cold",
        "number_warm",
    ];
    let moving = [&moving[..], &MOVING].concat();
    let items = each_up(&servers, &client, "items", &moving);
    let slabs = each_up(&servers, &client, "slabs", &[]);
    for number in [0, 2] {
        let items = by_class(&items.servers[number]);
        let counts: Vec<u64> = items.values().map(|class| class["number"]).collect();
        assert_eq!(counts, [2, 1, 1], "three sizes, of one there are two");
        let classes = by_class(&slabs.servers[number]);
        assert!(items.keys().eq(classes.keys()));
        let used = |class: &u64| classes[class]["used_chunks"];
        assert_eq!(items.keys().map(used).collect::<Vec<_>>(), counts);
        let holds = |class: &u64, len: u64| assert!(classes[class]["chunk_size"] > len);
        items
            .keys()
            .zip([10, 500])
            .for_each(|(class, len)| holds(class, len));
        let active = slabs.servers[number].find("active_slabs");
        assert_eq!((active.index, active.number), (None, 3));
    }
    let sizes = each_up(&servers, &client, "sizes", &[]);
    let tracked = &sizes.servers[0].stats;
    assert_eq!(
        tracked.iter().map(|size| size.number).collect::<Vec<_>>(),
        [2, 1, 1]
    );
    for (size, len) in tracked.iter().zip([10, 500, 20_000]) {
        let bytes = size.index.expect("a size");
        assert!(
            bytes % 32 == 0 && bytes > len && bytes < len + 200,
            "{size:?}"
        );
        assert_eq!(
            (size.name.clone(), &size.field[..]),
            (bytes.to_string(), "")
        );
    }
    let [disabled] = &sizes.servers[2].stats[..] else {
        panic!("one line where sizes are not tracked")
    };
    assert_eq!((&disabled.name[..], disabled.index), ("sizes_status", None));
    assert_eq!((disabled.kind, disabled.boolean), (BOOLEAN, false));
    // Over TCP: of the path of a Unix socket memcached answers with bytes that are not its own.
    let conns = Client::new(&servers[0].uri()).stats("conns");
    let is_addr = |stat: &&support::servers::Stat| stat.field == "addr";
    let addr = conns.servers[0].stats.iter().find(is_addr);
    assert!(addr.is_some_and(|addr| addr.kind == TEXT && addr.index.is_some()));
}

/// FM-56: groups with another grammar, and groups that there are not.
#[test]
fn fm56_other_arguments() {
    let servers = [Memcached::unix(&[]), Memcached::tcp(&[])];
    let client = Client::new(&list(&servers));
    assert_eq!(client.get("nothing"), Got::Miss);
    let counted = |name| servers.iter().map(|s| s.raw().stat(name)).sum::<u64>();
    assert_eq!(counted("get_misses"), 1);
    for (argument, statuses) in [
        ("reset", [OK; 2]),
        ("detail on", [OK; 2]),
        ("detail off", [OK; 2]),
        ("no such group", [UNKNOWN_COMMAND; 2]),
        ("detail", [CLIENT_ERROR; 2]),
        ("settings", [OK; 2]),
    ] {
        let answer = client.stats(argument);
        assert_eq!(answer.statuses(), statuses, "{argument}: {}", last_error());
        assert_eq!(answer.status == OK, statuses == [OK; 2], "{argument}");
        let empty = answer.servers.iter().all(|server| server.stats.is_empty());
        assert_eq!(empty, argument != "settings", "{argument}");
    }
    assert_eq!(counted("get_misses"), 0, "reset");
    let before = counted("total_connections");
    for argument in [
        "cachedump 1 1",
        "detail dump",
        "sizes_enable",
        "sizes_disable",
    ] {
        let answer = client.stats(argument);
        assert_eq!(
            (answer.status, answer.servers.len()),
            (UNSUPPORTED, 0),
            "{argument}"
        );
    }
    let long = "x".repeat(65);
    for argument in [
        "items\r\nflush_all",
        "a\nb",
        " items",
        "items ",
        "a  b",
        "\0",
        &long,
    ] {
        let answer = client.stats(argument);
        assert_eq!(
            (answer.status, answer.servers.len()),
            (ILLEGAL_INPUT, 0),
            "{argument:?}"
        );
    }
    let sent = servers.iter().map(|server| server.raw().stat("cmd_flush"));
    assert_eq!(sent.sum::<u64>(), 0);
    assert!(
        counted("total_connections") > before,
        "the tests' own are counted"
    );
    assert_eq!(client.stats("items").status, OK);
    // An argument has no prefix.
    let prefixed = Client::new(&format!("{}?key_prefix=p:", servers[0].uri()));
    assert_eq!(prefixed.stats("settings").status, OK);
}

#[test]
fn ping_of_servers_one_of_which_is_killed() {
    let mut servers = [
        Memcached::unix(&[]),
        Memcached::tcp_to_restart(&[]),
        Memcached::tcp(&[]),
    ];
    let client = Client::new(&format!("{}?reconnect=simple", list(&servers)));
    let answer = client.ping();
    assert_eq!((answer.status, answer.statuses()), (OK, vec![OK; 3]));
    let names: Vec<_> = answer.servers.iter().map(|s| s.name.clone()).collect();
    assert_eq!(names, client.servers());
    servers[1].kill();
    // Over the connection that was warm, then over none.
    for _ in 0..2 {
        let answer = client.ping();
        assert_eq!(answer.status, PARTIAL);
        assert_eq!(answer.statuses(), [OK, CONNECT_FAILED, OK]);
        is_down(&client, &answer.servers[1], 1);
    }
    servers[1].restart();
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.ping().status != OK {
        assert!(Instant::now() < deadline, "{}", last_error());
    }
}

#[test]
fn verbosity_and_the_memory_limit_are_set_everywhere() {
    let (servers, client) = one_down();
    let limits = || [0, 2].map(|number| servers[number].raw().stat("limit_maxbytes"));
    for megabytes in [16u64, 77] {
        let answer = client.cache_memlimit(megabytes);
        assert_eq!(answer.status, PARTIAL);
        assert_eq!(answer.statuses(), [OK, CONNECT_FAILED, OK]);
        assert_eq!(limits(), [megabytes << 20; 2]);
    }
    // What a server refuses is refused in its words, and costs no connection.
    let connections = || servers[0].raw().stat("total_connections");
    let before = connections();
    for (megabytes, word) in [
        (0, "MEMLIMIT_TOO_SMALL"),
        (u32::MAX.into(), "MEMLIMIT_ADJUST_FAILED"),
    ] {
        let answer = client.cache_memlimit(megabytes);
        assert_eq!(
            answer.statuses(),
            [CLIENT_ERROR, CONNECT_FAILED, CLIENT_ERROR]
        );
        assert!(
            answer.servers[2].text.contains(word),
            "{}",
            answer.servers[2].text
        );
    }
    for megabytes in [1 << 32, u64::MAX] {
        let answer = client.cache_memlimit(megabytes);
        assert_eq!((answer.status, answer.servers.len()), (INVALID_ARGUMENT, 0));
    }
    assert_eq!(limits(), [77 << 20; 2]);
    for level in [1, 0] {
        assert_eq!(client.verbosity(level).statuses(), [OK, CONNECT_FAILED, OK]);
        let settings = client.stats("settings");
        assert_eq!(settings.servers[0].find("verbosity").number, level.into());
    }
    assert_eq!(connections(), before + 2, "the test's own");
}

#[test]
fn delete_all_removes_from_every_server() {
    let (servers, client) = one_down();
    let up = [&servers[0], &servers[2]];
    let there = |key: &str| up.map(|server| server.raw().get(key).is_some());
    let put = |key: &str| up.iter().for_each(|server| server.raw().set(key, "x"));
    put("everywhere");
    servers[2].raw().set("here", "x");
    let answer = client.delete_all("everywhere");
    assert_eq!(answer.status, PARTIAL);
    assert_eq!(answer.statuses(), [OK, CONNECT_FAILED, OK]);
    assert_eq!(there("everywhere"), [false; 2]);
    let answer = client.delete_all("here");
    assert_eq!(answer.statuses(), [NOT_FOUND, CONNECT_FAILED, OK]);
    assert_eq!(there("here"), [false; 2]);

    let both = Client::new(&format!("{},{}", up[0].uri(), up[1].uri()));
    assert_eq!(both.delete_all("here").status, OK, "misses are no failures");
    assert_eq!(both.delete_all("here").statuses(), [NOT_FOUND; 2]);
    let prefixed = both.with("key_prefix=p:");
    put("p:key");
    put("key");
    assert_eq!(prefixed.delete_all("key").statuses(), [OK; 2]);
    assert_eq!((there("p:key"), there("key")), ([false; 2], [true; 2]));
    for key in ["", "two words", "a\r\nflush_all", &"k".repeat(251)] {
        let answer = both.delete_all(key);
        assert_eq!(answer.status, ILLEGAL_INPUT, "{key:?}");
        assert_eq!(answer.statuses(), [ILLEGAL_INPUT; 2], "{key:?}");
    }
    let too_long_with_prefix = "k".repeat(249);
    assert_eq!(
        prefixed.delete_all(&too_long_with_prefix).status,
        ILLEGAL_INPUT
    );
    assert_eq!(there("key"), [true; 2]);
    assert_eq!(client.flush_all(0).statuses(), [OK, CONNECT_FAILED, OK]);
    assert_eq!(there("key"), [false; 2]);
}

// --- servers that misbehave

/// A server whose connections are served by `serve`, one after the other: connection number, and each
/// command line in turn; `false` from it ends the connection.
fn scripted(
    listener: TcpListener,
    serve: impl Fn(usize, &str, &mut TcpStream) -> bool + Send + 'static,
) {
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let lines = BufReader::new(stream.try_clone().expect("a copy")).lines();
            for line in lines.map_while(Result::ok) {
                if !serve(number, &line, &mut stream) {
                    break;
                }
            }
        }
    });
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, format!("memcached://{address}/"))
}

/// FM-01: a server that stalls among its statistics ends its own part with a timeout; what it sends
/// later is read by nobody.
#[test]
fn fm01_a_server_that_stalls_among_its_statistics() {
    let good = Memcached::tcp(&[]);
    let (listener, uri) = listener();
    scripted(listener, |connection, line, stream| {
        assert_eq!(line, "stats");
        let whole = format!("STAT connection {connection}\r\nSTAT b 2\r\nEND\r\n");
        match connection {
            // All of it but its end, and nothing more until the client has gone.
            0 => stream.write_all(&whole.as_bytes()[..whole.len() - 3]),
            _ => stream.write_all(whole.as_bytes()),
        }
        .is_ok()
    });
    const LIMIT: Duration = Duration::from_millis(200);
    let client = Client::new(&format!(
        "{},{uri}?protocol=ascii&timeout=200ms",
        good.uri()
    ));
    let began = Instant::now();
    let answer = client.stats("");
    assert!(began.elapsed() <= LIMIT + SLACK, "{:?}", began.elapsed());
    assert_eq!(answer.status, PARTIAL);
    assert_eq!(answer.statuses(), [OK, TIMEOUT], "{}", last_error());
    assert!(!answer.servers[0].stats.is_empty());
    assert!(answer.servers[1].stats.is_empty(), "half an answer is none");
    let again = client.stats("");
    assert_eq!(again.statuses(), [OK, OK], "{}", last_error());
    assert_eq!(
        again.servers[1].find("connection").number,
        1,
        "a new connection"
    );
}

/// FM-24: statistics without an end are bounded by the deadline, and by max_value_size.
#[test]
fn fm24_statistics_without_an_end() {
    for (options, status) in [
        ("batch_timeout=300ms&timeout=250ms", TIMEOUT),
        (
            "batch_timeout=20s&max_value_size=65536",
            UNEXPECTED_RESPONSE,
        ),
    ] {
        let (listener, uri) = listener();
        scripted(listener, |_, _, stream| {
            let line = format!("STAT name {}\r\n", "text ".repeat(300));
            while stream.write_all(line.as_bytes()).is_ok() {}
            false
        });
        let client = Client::new(&format!("{uri}?protocol=ascii&{options}"));
        let began = Instant::now();
        let answer = client.stats("");
        assert_eq!(answer.statuses(), [status], "{options}: {}", last_error());
        assert!(answer.servers[0].stats.is_empty());
        if status == TIMEOUT {
            let took = began.elapsed();
            assert!(took <= Duration::from_millis(300) + SLACK, "{took:?}");
        }
    }
}

/// No server answers before all have been asked.
#[test]
fn all_servers_are_asked_before_any_is_waited_for() {
    static ASKED: Barrier = Barrier::new(3);
    let mut uris = Vec::new();
    for _ in 0..3 {
        let (listener, uri) = listener();
        scripted(listener, |_, line, stream| {
            ASKED.wait();
            let reply = match line {
                "stats items" => "STAT items:1:number 1\r\nEND\r\n",
                "delete key" => "NOT_FOUND\r\n",
                "version" => "VERSION 1\r\n",
                _ => "OK\r\n",
            };
            stream.write_all(reply.as_bytes()).is_ok()
        });
        uris.push(uri);
    }
    let client = Client::new(&uris.join(","));
    assert_eq!(client.stats("items").status, OK, "{}", last_error());
    assert_eq!(client.ping().status, OK, "{}", last_error());
    assert_eq!(client.verbosity(1).status, OK, "{}", last_error());
    assert_eq!(client.cache_memlimit(64).status, OK, "{}", last_error());
    assert_eq!(client.delete_all("key").statuses(), [NOT_FOUND; 3]);
}

/// Statistics for a command that asked for none end the connection, and are nobody's answer.
#[test]
fn fm56_statistics_for_another_command() {
    let (listener, uri) = listener();
    scripted(listener, |connection, line, stream| {
        let reply = match (connection, line) {
            (0, _) => "STAT pid 1\r\nEND\r\n",
            (_, "version") => "VERSION 1\r\n",
            _ => "DELETED\r\n",
        };
        stream.write_all(reply.as_bytes()).is_ok()
    });
    let client = Client::new(&uri);
    let answer = client.delete_all("key");
    assert_eq!(answer.statuses(), [UNEXPECTED_RESPONSE], "{}", last_error());
    assert_eq!(last_error_effect(), EFFECT_UNKNOWN);
    assert_eq!(client.ping().statuses(), [OK], "{}", last_error());
    assert_eq!(
        client.delete_all("key").statuses(),
        [OK],
        "{}",
        last_error()
    );
}
