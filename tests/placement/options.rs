//! Options of placing: prefix, tags, names, order, the number of points.

use memcached2::client::Client;
use memcached2::cluster::hasher::{HashName, hash};
use memcached2::cluster::placer::Placer;
use memcached2::cluster::selector::presets::preset;
use memcached2::config::Config;
use memcached2::options::Placement;

use crate::support::{place, placer, some};

fn all(placer: &Placer) -> Vec<Option<usize>> {
    let key = |n: u32| place(placer, format!("key:{n}").as_bytes());
    (0..500).map(key).collect()
}

fn with_prefix(placer: &Placer, prefix: &str) -> Vec<Option<usize>> {
    let key = |n: u32| placer.place(format!("key:{n}").as_bytes(), prefix.as_bytes(), &|_| true);
    (0..500).map(key).collect()
}

#[test]
fn fm40_a_prefix_is_hashed_where_the_clients_do_it() {
    let servers = some(5);
    for &placement in Placement::ALL {
        let word = placement.word();
        let whole = |placer: &Placer| -> Vec<Option<usize>> {
            let key = |n: u32| place(placer, format!("app:key:{n}").as_bytes());
            (0..500).map(key).collect()
        };
        for (option, hashed) in [
            ("auto", preset(placement).prefix),
            ("on", true),
            ("off", false),
        ] {
            let placer = placer(&format!("placement={word}&hash_prefix={option}"), &servers);
            let wanted = if hashed { whole(&placer) } else { all(&placer) };
            assert_eq!(with_prefix(&placer, "app:"), wanted, "{word} {option}");
        }
    }
    // The longest prefix that the option takes, and a key far longer than any that is sent.
    let made = placer("hash_prefix=on", &servers);
    let (prefix, key) = ("p".repeat(249), "k".repeat(10_000));
    let whole = format!("{prefix}{key}");
    let got = made.place(key.as_bytes(), prefix.as_bytes(), &|_| true);
    assert_eq!(got, place(&made, whole.as_bytes()));
}

#[test]
fn keys_with_one_tag_belong_together() {
    let servers = some(5);
    for &placement in Placement::ALL {
        let placer = placer(
            &format!("placement={}&hash_tags=on", placement.word()),
            &servers,
        );
        for n in 0..50 {
            let tag = format!("user{n}");
            let home = place(&placer, tag.as_bytes());
            for key in [
                format!("{{{tag}}}:a"),
                format!("b{{{tag}}}"),
                format!("{{{tag}}}{{c}}"),
            ] {
                assert_eq!(place(&placer, key.as_bytes()), home, "{placement:?} {key}");
            }
        }
    }
    let off = placer("placement=twemproxy", &servers);
    let apart =
        (0..50).filter(|n| place(&off, format!("{{tag}}{n}").as_bytes()) != place(&off, b"tag"));
    assert!(apart.count() > 20);
}

#[test]
fn an_alias_stands_for_the_address_in_a_ring() {
    let named = [
        "10.0.0.1?alias=a",
        "10.0.0.2:11212?alias=b",
        "/run/c.sock?alias=c",
    ];
    let moved = ["10.9.9.9:1?alias=a", "cache?alias=b", "memory://x?alias=c"];
    let bare = ["10.0.0.1", "10.0.0.2:11212", "/run/c.sock"];
    for &placement in Placement::ALL {
        let options = format!("placement={}", placement.word());
        let named = all(&placer(&options, &named));
        assert_eq!(all(&placer(&options, &moved)), named, "{placement:?}");
        let differs = all(&placer(&options, &bare)) != named;
        assert_eq!(differs, preset(placement).hashes_names(), "{placement:?}");
    }
}

/// bmemcached's ring is one of logins too: those of the URIs and those of the options are the same, of
/// the servers that a client begins with and of those that it is given later.
#[test]
fn a_login_is_part_of_a_name_wherever_it_is_said() {
    let bare = "10.0.0.1,10.0.0.2,10.0.0.3";
    let said = "memcached://user:secret@10.0.0.1,memcached://user:secret@10.0.0.2,\
                memcached://user:secret@10.0.0.3";
    let client = |list: &str, login: bool| {
        let mut config = Config::from_list(list).unwrap();
        config.options.set("placement", "bmemcached").unwrap();
        if login {
            config.options.set("username", "user").unwrap();
            config.options.set("password", "secret").unwrap();
        }
        Client::new(config, None).unwrap()
    };
    let places = |client: &Client| -> Vec<String> {
        let place = |n: u32| client.server_for_key(format!("key:{n}").as_bytes());
        (0..500).map(|n| place(n).unwrap().to_string()).collect()
    };
    let wanted = places(&client(bare, true));
    assert_ne!(places(&client(bare, false)), wanted);
    assert_eq!(places(&client(said, false)), wanted);
    let set = client("10.9.9.9", true);
    set.set_servers(bare).unwrap();
    assert_eq!(places(&set), wanted);
    let added = client("10.0.0.1", true);
    added.add_server("10.0.0.2").unwrap();
    added.add_server("10.0.0.3").unwrap();
    assert_eq!(places(&added), wanted);
}

#[test]
fn sorted_servers_have_no_order() {
    let mut servers = ["cache3:11313", "cache1:11312", "cache1:11311", "10.0.0.9"];
    let options = "placement=modula&sort_servers=on";
    let name = |servers: &[&'static str; 4]| -> Vec<&'static str> {
        let places = all(&placer(options, servers));
        places
            .into_iter()
            .map(|place| servers[place.unwrap()])
            .collect()
    };
    let first = name(&servers);
    for _ in 0..3 {
        servers.rotate_left(1);
        assert_eq!(name(&servers), first);
    }
    let unsorted: Vec<_> = all(&placer(
        "placement=modula",
        &["10.0.0.9", "cache1:11311", "cache1:11312", "cache3:11313"],
    ));
    let sorted = ["10.0.0.9", "cache1:11311", "cache1:11312", "cache3:11313"];
    let places = unsorted.into_iter().map(|place| sorted[place.unwrap()]);
    assert!(places.eq(first));
    // Which are up is told by the places of the list.
    let placer = placer("placement=fractal&sort_servers=on", &servers);
    for n in 0..200 {
        let key = format!("key:{n}");
        for up in 0..servers.len() {
            let got = placer.place(key.as_bytes(), b"", &|index| index == up);
            assert_eq!(got, Some(up));
        }
    }
}

/// The original forgets how many points it was told to make.
#[test]
fn the_number_of_points_counts() {
    let servers = some(4);
    let shares = |options: &str| {
        let mut shares = [0; 4];
        for place in all(&placer(options, &servers)) {
            shares[place.unwrap()] += 1;
        }
        shares
    };
    assert_eq!(
        shares("placement=consistent&total_buckets=16"),
        shares("placement=consistent")
    );
    assert_ne!(
        shares("placement=consistent&total_buckets=400"),
        shares("placement=consistent")
    );
    // One point owns everything; two own what lies between them.
    assert_eq!(
        shares("placement=consistent&total_buckets=1"),
        [500, 0, 0, 0]
    );
    let two = placer("placement=consistent&total_buckets=2", &servers);
    let point = |n: &str| hash(HashName::Cmemcache, n.as_bytes());
    let (zero, one) = (point("0"), point("1"));
    for n in 0..500 {
        let key = format!("key:{n}");
        let at = hash(HashName::Cmemcache, key.as_bytes());
        let (low, high) = (zero.min(one), zero.max(one));
        // What is below the first point belongs to the last one.
        let owner = if at < low || (low < at && at <= high) {
            high
        } else {
            low
        };
        let wanted = usize::from(owner == one);
        if at != low && at != high {
            assert_eq!(
                place(&two, key.as_bytes()),
                Some(wanted),
                "{key} {at} {low} {high}"
            );
        }
    }
}

#[test]
fn retries_count() {
    let servers = some(5);
    let found = |retries: u32| {
        let placer = placer(
            &format!("placement=rehash-down&hashing_retries={retries}"),
            &servers,
        );
        let find = |n: &u32| {
            placer
                .place(format!("key:{n}").as_bytes(), b"", &|i| i == 2)
                .is_some()
        };
        (0..1000).filter(find).count()
    };
    let counts = [0, 1, 10, 100].map(found);
    println!("{counts:?} of 1000 keys found the one server that is up");
    assert!(counts.is_sorted() && counts[0] < 250 && counts[2] < 1000 && counts[3] == 1000);
}

#[test]
fn nobody_is_up_and_nobody_is_there() {
    for &placement in Placement::ALL {
        let options = format!("placement={}", placement.word());
        for n in [0, 1, 2, 3, 7] {
            let placer = placer(&options, &some(n));
            assert_eq!(
                placer.place(b"key", b"", &|_| false),
                None,
                "{placement:?} {n}"
            );
            let place = placer.place(b"key", b"", &|_| true);
            assert_eq!(place.is_some(), n > 0, "{placement:?} {n}");
            assert_eq!(
                placer.place(b"", b"", &|_| true).is_some(),
                n > 0,
                "{placement:?} {n}"
            );
        }
    }
}

/// Any bytes can be placed, also those that no key can hold.
#[test]
fn every_key_has_a_place_with_every_placement_and_hash() {
    let servers = some(3);
    let mut state = 1u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize
    };
    let keys: Vec<Vec<u8>> = (0..200)
        .map(|_| (0..random() % 300).map(|_| random() as u8).collect())
        .collect();
    let mut placed = 0;
    for &placement in Placement::ALL {
        for name in HashName::OR_AUTO {
            let options = format!("placement={}&hash={name}&hash_tags=on", placement.word());
            let placer = placer(&options, &servers);
            for key in &keys {
                let index = place(&placer, key).unwrap();
                assert!(index < 3);
                placed += 1;
            }
        }
    }
    println!("{placed} keys placed");
}
