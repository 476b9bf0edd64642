//! Placements calculated a second time, with other code: from the descriptions, slowly and plainly, for
//! keys and servers that nobody recorded.

use memcached2::cluster::hasher::{HashName, hash};
use memcached2::options::Placement;

use crate::support::{place, placer};

/// Servers as their options say: host, port, weight.
type Server = (&'static str, u16, u32);

const LISTS: [&[Server]; 6] = [
    &[("10.1.0.1", 11211, 1), ("10.1.0.2", 11211, 1)],
    &[
        ("cache-a", 11211, 1),
        ("cache-b", 11212, 1),
        ("cache-c", 11211, 1),
    ],
    &[
        ("cache-a", 11211, 3),
        ("cache-b", 11212, 1),
        ("cache-c", 11211, 2),
        ("d", 1, 1),
    ],
    &[
        ("2001:db8::7", 11211, 1),
        ("2001:db8::8", 11299, 1),
        ("127.0.0.1", 11211, 1),
    ],
    &[
        ("a", 1, 1),
        ("b", 2, 1),
        ("c", 3, 1),
        ("d", 4, 1),
        ("e", 5, 1),
        ("f", 6, 1),
        ("g", 7, 1),
    ],
    &[
        ("a", 1, 7),
        ("b", 11211, 11),
        ("c", 3, 13),
        ("d", 11211, 1),
        ("e", 5, 100),
    ],
];

fn uris(servers: &[Server]) -> Vec<String> {
    let uri = |(host, port, weight): &Server| match host.contains(':') {
        true => format!("[{host}]:{port}?weight={weight}"),
        false => format!("{host}:{port}?weight={weight}"),
    };
    servers.iter().map(uri).collect()
}

fn keys() -> Vec<String> {
    let mut keys: Vec<String> = (0..400)
        .map(|n| format!("{:x}:item/{n}", n * 7_919 + 13))
        .collect();
    keys.extend((0..100).map(|n| format!("schl\u{fc}ssel-{n}-\u{952e}-\u{1f600}")));
    keys.extend((0..50).map(|n| "k".repeat(1 + n * 5)));
    keys
}

/// A plan: points with their servers, and what a hash takes. No sorting, no search: all points are looked at.
struct Plan {
    points: Vec<(u128, usize)>,
}

impl Plan {
    /// The smallest that is large enough, or the smallest at all; of equal ones the first that `better` takes.
    fn successor(&self, hash: u128, strict: bool, last: bool) -> usize {
        let fits = |point: u128| if strict { point > hash } else { point >= hash };
        let candidates: Vec<_> = self.points.iter().filter(|point| fits(point.0)).collect();
        let least = candidates.iter().map(|point| point.0).min();
        let least = least.unwrap_or_else(|| self.points.iter().map(|point| point.0).min().unwrap());
        let owners = self
            .points
            .iter()
            .filter(|point| point.0 == least)
            .map(|point| point.1);
        if last {
            owners.max().unwrap()
        } else {
            owners.min().unwrap()
        }
    }

    fn predecessor(&self, hash: u128) -> usize {
        let below = self.points.iter().filter(|point| point.0 <= hash);
        let most = below.max_by_key(|point| point.0);
        most.or(self.points.iter().max_by_key(|point| point.0))
            .unwrap()
            .1
    }
}

fn md5(text: &str) -> [u8; 16] {
    use md5::Digest;
    md5::Md5::digest(text.as_bytes()).into()
}

/// As C does it: ((d[3+4i] & 0xff) << 24) | …
fn word(digest: [u8; 16], i: usize) -> u128 {
    (0..4)
        .map(|n| u128::from(digest[4 * i + n]) << (8 * n))
        .sum()
}

fn short(host: &str, port: u16) -> String {
    if port == 11211 {
        host.to_string()
    } else {
        format!("{host}:{port}")
    }
}

/// How many digests of 4 points a server has.
fn digests(how: &str, servers: &[Server], at: usize) -> usize {
    let (n, total) = (
        servers.len(),
        servers.iter().map(|server| server.2).sum::<u32>(),
    );
    let weight = servers[at].2;
    match how {
        "float" => ((weight as f32 / total as f32) * 40.0 * n as f32) as usize,
        "double" => (weight as f64 / total as f64 * 40.0 * n as f64) as usize,
        "integer" => 40 * n * weight as usize / total as usize,
        "times" => 40 * weight as usize,
        _ => 40,
    }
}

fn ketama(servers: &[Server], how: &str, words: usize, name: impl Fn(&str, u16) -> String) -> Plan {
    let mut points = Vec::new();
    for (at, (host, port, _)) in servers.iter().enumerate() {
        for n in 0..digests(how, servers, at) {
            let digest = md5(&format!("{}-{n}", name(host, *port)));
            points.extend((0..words).map(|i| (word(digest, i), at)));
        }
    }
    Plan { points }
}

fn hundred(
    servers: &[Server],
    by: HashName,
    count: usize,
    name: impl Fn(&str, u16) -> String,
) -> Plan {
    let mut points = Vec::new();
    for (at, (host, port, _)) in servers.iter().enumerate() {
        for n in 0..count {
            let text = format!("{}-{n}", name(host, *port));
            points.push((u128::from(hash(by, text.as_bytes()) as u32), at));
        }
    }
    Plan { points }
}

/// The server of a key.
type Plain = Box<dyn Fn(&str) -> usize>;

/// The server of a key by a second way; `None` where this file has none.
fn plainly(placement: Placement, servers: &[Server]) -> Option<Plain> {
    let even = servers.iter().all(|server| server.2 == 1);
    let long = |host: &str, port: u16| format!("{host}:{port}");
    let slash = |host: &str, port: u16| format!("/{host}:{port}");
    let ring = |plan: Plan, by: HashName, strict: bool, last: bool| -> Option<Plain> {
        Some(Box::new(move |key| {
            let hash = match by {
                HashName::Md5 => word(md5(key), 0),
                by => u128::from(hash(by, key.as_bytes())),
            };
            plan.successor(hash, strict, last)
        }))
    };
    use Placement as P;
    match placement {
        P::Ketama | P::LibmemcachedKetamaWeighted => ring(
            ketama(servers, "float", 4, short),
            HashName::Md5,
            false,
            false,
        ),
        P::Twemproxy => ring(
            ketama(servers, "float", 4, short),
            HashName::LibmemcachedFnv1ax64,
            false,
            false,
        ),
        P::LibmemcachedSpyWeighted => ring(
            ketama(servers, "float", 4, slash),
            HashName::Md5,
            false,
            false,
        ),
        P::Libketama => ring(
            ketama(servers, "float", 4, long),
            HashName::Md5,
            false,
            false,
        ),
        P::SpymemcachedKetama => ring(ketama(servers, "", 4, long), HashName::Md5, false, true),
        P::SpymemcachedLibmemcached => ring(
            ketama(servers, "float", 4, short),
            HashName::Md5,
            false,
            true,
        ),
        P::ProxyKetama => ring(ketama(servers, "", 4, long), HashName::Md5, false, false),
        P::ProxyTwemproxy => ring(ketama(servers, "", 4, short), HashName::Md5, false, false),
        P::ProxyRing => ring(
            hundred(servers, HashName::Xxh3, 160, long),
            HashName::Md5,
            false,
            false,
        ),
        P::XmemcachedKetama => ring(
            ketama(servers, "times", 4, slash),
            HashName::Md5,
            false,
            false,
        ),
        P::XmemcachedNginx => ring(
            ketama(servers, "times", 4, short),
            HashName::Md5,
            false,
            false,
        ),
        P::XmemcachedLibmemcached => ring(
            hundred(servers, HashName::OneAtATime, 100, short),
            HashName::OneAtATime,
            false,
            false,
        ),
        P::NodeMemcached => ring(
            ketama(servers, "double", 4, long),
            HashName::Md5,
            false,
            false,
        ),
        P::NodeMemcachedDefaultPort => ring(
            ketama(servers, "double", 4, short),
            HashName::Md5,
            false,
            false,
        ),
        P::UhashringKetama => ring(
            ketama(servers, "integer", 4, long),
            HashName::Md5,
            true,
            true,
        ),
        P::HashRing => ring(
            ketama(servers, "integer", 3, long),
            HashName::Md5,
            true,
            true,
        ),
        P::Libmc => ring(
            hundred(servers, HashName::Md5, 100, short),
            HashName::Md5,
            false,
            false,
        ),
        P::LibmemcachedKetamaEven => ring(
            hundred(servers, HashName::LibmemcachedDefault, 100, short),
            HashName::LibmemcachedDefault,
            false,
            false,
        ),
        P::LibmemcachedKetama | P::LibmemcachedKetamaLateHash if even => ring(
            hundred(servers, HashName::LibmemcachedDefault, 100, short),
            HashName::LibmemcachedDefault,
            false,
            false,
        ),
        P::LibmemcachedKetama | P::LibmemcachedKetamaLateHash => ring(
            ketama(servers, "float", 4, short),
            HashName::LibmemcachedDefault,
            false,
            false,
        ),
        P::LibmemcachedSpy if even => ring(
            hundred(servers, HashName::LibmemcachedDefault, 100, slash),
            HashName::LibmemcachedDefault,
            false,
            false,
        ),
        P::LibmemcachedSpy => ring(
            ketama(servers, "float", 4, slash),
            HashName::LibmemcachedDefault,
            false,
            false,
        ),
        P::Uhashring | P::Bmemcached => whole_digests(placement, servers),
        P::Dalli => dalli(servers),
        P::Pymemcache => rendezvous(servers),
        P::Jump => jump(servers.len()),
        P::McrouterCh3 => ch3(servers.len()),
        _ => None,
    }
}

fn whole_digests(placement: Placement, servers: &[Server]) -> Option<Plain> {
    let login = if placement == Placement::Bmemcached {
        "_None_None"
    } else {
        ""
    };
    let mut points = Vec::new();
    for (at, (host, port, weight)) in servers.iter().enumerate() {
        for n in 0..160 * weight {
            let digest = md5(&format!("{host}:{port}{login}-{n}"));
            points.push((u128::from_be_bytes(digest), at));
        }
    }
    let plan = Plan { points };
    Some(Box::new(move |key| {
        plan.successor(u128::from_be_bytes(md5(key)), true, true)
    }))
}

fn dalli(servers: &[Server]) -> Option<Plain> {
    use sha1::Digest;
    let total: u32 = servers.iter().map(|server| server.2).sum();
    let mut points = Vec::new();
    for (at, (host, port, weight)) in servers.iter().enumerate() {
        let count = (servers.len() as u32 * 160 * weight) as f64 / f64::from(total);
        for n in 0..count as u32 {
            let hex = sha1::Sha1::digest(format!("{host}:{port}:{n}").as_bytes())
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>();
            points.push((u128::from_str_radix(&hex[..8], 16).unwrap(), at));
        }
    }
    let plan = Plan { points };
    Some(Box::new(move |key| {
        plan.predecessor(hash(HashName::Crc32, key.as_bytes()).into())
    }))
}

fn rendezvous(servers: &[Server]) -> Option<Plain> {
    let names: Vec<String> = servers
        .iter()
        .map(|(host, port, _)| format!("{host}:{port}"))
        .collect();
    Some(Box::new(move |key| {
        let bid = |at: usize| {
            let text = format!("{}-{key}", names[at]);
            let bytes: Vec<u8> = text.chars().map(|c| c as u32 as u8).collect();
            (hash(HashName::Murmur3, &bytes), &names[at])
        };
        (0..names.len()).max_by_key(|&at| bid(at)).unwrap()
    }))
}

/// The published program, in floating-point numbers and signed integers as there.
fn jump(servers: usize) -> Option<Plain> {
    Some(Box::new(move |key| {
        let mut state = hash(HashName::Xxh3, key.as_bytes());
        let (mut bucket, mut next) = (-1i64, 0i64);
        while next < servers as i64 {
            bucket = next;
            state = state.wrapping_mul(2862933555777941757).wrapping_add(1);
            next = ((bucket + 1) as f64 * (2147483648.0 / ((state >> 33) + 1) as f64)) as i64;
        }
        bucket as usize
    }))
}

/// All bits first, as a row of text.
fn ch3(servers: usize) -> Option<Plain> {
    Some(Box::new(move |key| {
        let mut state = hash(HashName::Murmur64A, key.as_bytes());
        let mut bits = String::new();
        for _ in 0..300 {
            let word: String = format!("{state:064b}").chars().rev().collect();
            bits += &word;
            state = hash_of_number(state);
        }
        let bits: Vec<bool> = bits.chars().map(|bit| bit == '1').collect();
        let mut depth = (servers as f64).log2().ceil() as usize;
        let mut at = depth;
        for _ in 0..32 {
            while !bits[at] {
                depth -= 1;
                if depth == 0 {
                    return 0;
                }
                at = depth;
            }
            at += 23;
            let path: String = (0..depth - 1)
                .map(|n| if bits[at + 23 * n] { '1' } else { '0' })
                .collect();
            at += 23 * (depth - 1);
            let number = usize::from_str_radix(&format!("1{path}"), 2).unwrap();
            if number < servers {
                return number;
            }
        }
        0
    }))
}

fn hash_of_number(number: u64) -> u64 {
    hash(HashName::Murmur64A, &number.to_le_bytes())
}

#[test]
fn placements_are_what_their_descriptions_say() {
    let (keys, mut compared) = (keys(), 0);
    let mut checked = std::collections::BTreeSet::new();
    for servers in LISTS {
        for &placement in Placement::ALL {
            let Some(plain) = plainly(placement, servers) else {
                continue;
            };
            let placer = placer(&format!("placement={}", placement.word()), &uris(servers));
            for key in &keys {
                let got = place(&placer, key.as_bytes());
                assert_eq!(got, Some(plain(key)), "{placement:?} {servers:?} {key}");
                compared += 1;
            }
            checked.insert(placement.word());
        }
    }
    println!("{compared} keys compared, {} placements", checked.len());
    assert!(checked.len() >= 27, "{checked:?}");
}

/// Where the sum of shares in floats is not what it is in numbers: as the reference implementation has
/// it, 156 points for each of 25, 47, 50, 55 … equal servers.
#[test]
fn equal_servers_have_the_points_that_floats_give_them() {
    use memcached2::cluster::hasher::Hasher;
    use memcached2::cluster::node::{Naming, Node};
    use memcached2::cluster::selector::ring::{Kind, Next, Points, Ring, Share};
    use memcached2::config::Config;

    let per_server = |share: Share, n: usize| {
        let config = Config::from_list(&crate::support::some(n).join(",")).unwrap();
        let nodes: Vec<Node> = config.servers.iter().map(Node::from).collect();
        let nodes: Vec<&Node> = nodes.iter().collect();
        let points = Points::Md5Words(4, share);
        let kind = Kind {
            even: points,
            weighted: points,
            next: Next::AtOrAbove,
        };
        let ring = Ring::new(
            kind,
            Naming::ShortPort,
            Hasher::Named(HashName::Md5),
            &nodes,
        )
        .unwrap();
        ring.points() / n
    };
    for (share, fewer) in [
        (
            Share::Float32,
            &[25, 47, 50, 55, 61, 71, 94, 100, 107, 109, 110, 115][..],
        ),
        (Share::Float64, &[7, 14, 28, 49, 56, 98]),
        (Share::Integer, &[]),
        (Share::Equal, &[]),
    ] {
        for n in (1..=29).chain([
            47, 48, 49, 50, 55, 56, 57, 61, 71, 94, 98, 100, 101, 107, 109, 110, 115,
        ]) {
            let wanted = if fewer.contains(&n) { 156 } else { 160 };
            assert_eq!(per_server(share, n), wanted, "{share:?} of {n}");
        }
    }
}
