//! python-memcached2, python-memcached, pymemcache, bmemcached and uhashring.

use std::sync::Arc;

use memcached2::cluster::hasher::{HashName, Hasher, KeyHash};
use memcached2::cluster::placer::Custom;
use memcached2::cluster::selector::consistent::Consistent;
use memcached2::cluster::selector::rendezvous::Rendezvous;
use memcached2::cluster::selector::tries::Tries;
use serde_json::Value;

use crate::support::{
    Tally, choices, json, list, numbers, place, placer, placer_of, some, texts, uri,
};

/// A server, by its place, is up unless it is one of these.
fn up(case: &Value) -> impl Fn(usize) -> bool {
    let down = numbers(case, "down");
    move |index| !down.contains(&(index as u64))
}

pub fn memcached2(tally: &mut Tally) {
    let file = "memcached2_selectors.json";
    let all = json(file);
    let keys = texts(&all, "keys");
    for case in list(&all, "cases") {
        let placement = match case["selector"].as_str().unwrap() {
            "first" => "first",
            "rehash_down" => "rehash-down",
            "v03_fractal" => "fractal",
            "master_fractal" => "python-memcached2-master-fractal",
            "v03_available_servers" => "python-memcached2-0.3-available",
            "consistent" => "consistent",
            other => panic!("{other}"),
        };
        let hash = case["hasher"].as_str().unwrap_or("auto");
        let retries = case["hashing_retries"].as_u64().unwrap_or(10);
        let options = format!("placement={placement}&hash={hash}&hashing_retries={retries}");
        let servers = some(case["n"].as_u64().unwrap() as usize);
        let (placer, is_up) = (placer(&options, &servers), up(case));
        let wanted = choices(case, "choice");
        let of = format!("{options} of {} but {}", servers.len(), case["down"]);
        tally.keys(file, &of, &keys, &wanted, |key| {
            placer.place(key, b"", &is_up)
        });
        if !case["buckets_hash"].is_null() {
            let hasher = Hasher::Named(HashName::CmemcacheLatin1);
            let ring = Consistent::new(hasher, servers.len(), 0).unwrap();
            let points = numbers(case, "buckets_hash").into_iter();
            let owners = numbers(case, "buckets_server").into_iter();
            let wanted: Vec<(u64, usize)> = points.zip(owners.map(|n| n as usize)).collect();
            tally.compare(file, "points", ring.points(), &wanted);
        }
    }
}

/// Numbers are points, and `=n` has the hash n.
struct Made(Vec<u64>);

impl KeyHash for Made {
    fn hash(&self, key: &[u8]) -> u64 {
        let text = std::str::from_utf8(key).unwrap();
        match text.strip_prefix('=') {
            Some(hash) => hash.parse().unwrap(),
            None => self.0[text.parse::<usize>().unwrap()],
        }
    }
}

pub fn memcached2_boundary(tally: &mut Tally) {
    let file = "memcached2_consistent_boundary.json";
    for case in list(&json(file), "cases") {
        let custom = Custom {
            hasher: Some(Arc::new(Made(numbers(case, "bucket_hashes")))),
            selector: None,
        };
        let servers = some(case["n"].as_u64().unwrap() as usize);
        let placer = placer_of("placement=consistent", &servers, custom);
        let probes = numbers(case, "probe_hashes");
        let keys: Vec<String> = probes.iter().map(|hash| format!("={hash}")).collect();
        let wanted = choices(case, "choice");
        let of = case["bucket_hashes"].to_string();
        let is_up = up(case);
        tally.keys(file, &of, &keys, &wanted, |key| {
            placer.place(key, b"", &is_up)
        });
    }
}

pub fn python_memcached(tally: &mut Tally) {
    let file = "python_memcached_servers.json";
    let all = json(file);
    let keys = texts(&all, "keys");
    for case in list(&all, "cases") {
        let server = |server: &Value| match server.as_str() {
            Some(plain) => uri(plain, 1),
            None => uri(server[0].as_str().unwrap(), server[1].as_u64().unwrap()),
        };
        let servers: Vec<String> = list(case, "servers").iter().map(server).collect();
        let (placer, is_up) = (placer("placement=python-memcached", &servers), up(case));
        let of = format!("{servers:?} but {}", case["down"]);
        tally.keys(file, &of, &keys, &choices(case, "choice"), |key| {
            placer.place(key, b"", &is_up)
        });
    }
    for row in list(&all, "diff_1_59") {
        let servers = some(row["n"].as_u64().unwrap() as usize);
        let key = row["key"].as_str().unwrap().as_bytes();
        let is_up = up(row);
        for (version, placement) in [
            ("v1_62", "python-memcached"),
            ("v1_59", "python-memcached-1.59"),
        ] {
            let got = placer(&format!("placement={placement}"), &servers).place(key, b"", &is_up);
            let wanted = row[version].as_u64().map(|n| n as usize);
            tally.compare(file, &format!("{version} {row}"), got, wanted);
        }
    }
    let unicode = &all["unicode_keys"];
    let made = placer("placement=python-memcached", &texts(unicode, "servers"));
    let (keys_, wanted) = (texts(unicode, "keys"), choices(unicode, "choice"));
    tally.keys(file, "unicode", &keys_, &wanted, |key| place(&made, key));

    let old = &all["old_hash_function_crc32"];
    let made = placer(
        "placement=python-memcached&hash=crc32",
        &texts(old, "servers"),
    );
    for (field, down) in [("choice_all_up", &[][..]), ("choice_down_0_2", &[0, 2])] {
        tally.keys(file, field, &keys, &choices(old, field), |key| {
            made.place(key, b"", &|index| !down.contains(&index))
        });
    }
    tuple_keys(tally, file, &all["tuple_keys"]);
}

fn tuple_keys(tally: &mut Tally, file: &str, rows: &Value) {
    let servers = list(rows, "servers").len();
    let hasher = Hasher::Named(HashName::Crc15);
    let tries = Tries::new(hasher, std::iter::repeat_n(1, servers));
    for (field, down) in [("choice_all_up", &[][..]), ("choice_down_0_2", &[0, 2])] {
        for (hash, wanted) in list(rows, "hashes").iter().zip(choices(rows, field)) {
            let got = tries.select_by(hash.as_i64().unwrap().into(), &|index| {
                !down.contains(&index)
            });
            tally.compare(file, &format!("{hash} {field}"), got, wanted);
        }
    }
}

pub fn pymemcache(tally: &mut Tally) {
    let file = "pymemcache_hashclient.json";
    let all = json(file);
    for case in list(&all, "cases") {
        let nodes = texts(case, "nodes");
        let uris: Vec<String> = nodes.iter().map(|node| uri(node, 1)).collect();
        let (keys, placement) = match case["keys"].as_str() {
            None => (texts(case, "keys"), "pymemcache"),
            Some("SEL_KEYS") => (texts(&all, "keys"), "pymemcache"),
            Some("SEL_KEYS[:100]") => (first_keys(&all, 100), "pymemcache"),
            Some("SEL_KEYS as bytes") => (texts(&all, "keys"), "pymemcache-bytes"),
            Some(other) => panic!("{other}"),
        };
        let label = case["label"].as_str().unwrap();
        let (wanted, is_up) = (choices(case, "choice"), up(case));
        if let Some(seed) = label.strip_prefix("RendezvousHash seed=") {
            let hasher = Hasher::Named(HashName::Murmur3Text);
            let ring = Rendezvous::new(nodes, hasher, false, seed.parse().unwrap());
            tally.keys(file, label, &keys, &wanted, |key| ring.select(key, &is_up));
            continue;
        }
        let placer = placer(&format!("placement={placement}"), &uris);
        let prefix = if label.contains("key_prefix") {
            &b"pfx:"[..]
        } else {
            b""
        };
        tally.keys(file, label, &keys, &wanted, |key| {
            placer.place(key, prefix, &is_up)
        });
    }
    for row in list(&all, "tie_break") {
        let nodes = texts(row, "nodes");
        let hasher = Hasher::Custom(Arc::new(Constant(row["constant_hash"].as_u64().unwrap())));
        let ring = Rendezvous::new(nodes.clone(), hasher, false, 0);
        let got = ring
            .select(b"key", &|_| true)
            .map(|index| nodes[index].as_str());
        tally.compare(file, "equal scores", got, row["winner"].as_str());
    }
}

/// The first of the keys that were recorded with, where all of them are needed: of a file's `keys` they
/// are every other one, beginning with the first.
fn first_keys(all: &Value, count: usize) -> Vec<String> {
    let key = |n: usize| match n {
        0..80 => format!("key{n}"),
        _ => format!("user:{}:profile", (n - 80) * 7919),
    };
    let keys: Vec<String> = (0..count).map(key).collect();
    let known = texts(all, "keys");
    assert!(keys.iter().step_by(2).eq(&known[..count / 2]));
    keys
}

struct Constant(u64);

impl KeyHash for Constant {
    fn hash(&self, _: &[u8]) -> u64 {
        self.0
    }
}

pub fn bmemcached(tally: &mut Tally) {
    let file = "bmemcached_distributed.json";
    let all = json(file);
    let selected = texts(&all, "keys");
    for case in list(&all, "cases") {
        let label = case["label"].as_str().unwrap();
        let (servers, nodes) = (texts(case, "servers"), texts(case, "ring_nodes"));
        // The lack of a port is for an alias to say.
        let named = |(server, node): (&String, &String)| match node.strip_suffix("_None_None") {
            Some(name) if !name.contains(':') && !name.contains('/') => {
                format!("{server}?alias={name}")
            }
            _ => server.clone(),
        };
        let uris: Vec<String> = servers.iter().zip(&nodes).map(named).collect();
        let (placement, keys) = match case["keys"].as_str() {
            Some("SEL_KEYS") if label.starts_with("username") => {
                ("bmemcached&username=user&password=secret", selected.clone())
            }
            Some("SEL_KEYS") => ("bmemcached", selected.clone()),
            Some("SEL_KEYS as bytes") => ("bmemcached-bytes", selected.clone()),
            Some(_) => {
                let shown = |key: &String| format!("('{key}', 7)");
                (
                    "bmemcached",
                    first_keys(&all, 40).iter().map(shown).collect(),
                )
            }
            None => ("bmemcached", texts(case, "keys")),
        };
        let placer = placer(&format!("placement={placement}"), &uris);
        tally.keys(file, label, &keys, &choices(case, "choice"), |key| {
            place(&placer, key)
        });
    }
    let raw = &all["uhashring_raw"];
    let nodes = texts(raw, "nodes");
    let uris: Vec<String> = nodes
        .iter()
        .map(|node| format!("{node}?alias={node}"))
        .collect();
    let placer = placer("placement=uhashring", &uris);
    for (key, wanted) in texts(raw, "keys").iter().zip(texts(raw, "choice")) {
        let got = place(&placer, key.as_bytes()).map(|index| nodes[index].clone());
        tally.compare(file, &format!("raw {key}"), got, Some(wanted));
    }
}
