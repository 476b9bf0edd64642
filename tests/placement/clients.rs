//! `placement.tsv`: clients of many languages.

use crate::hashes::libhashkit;
use crate::support::{Tally, place, placer, read, some, unhex};

/// The options that place as `scheme` does.
fn options(scheme: &str) -> String {
    let libmemcached = |name: &str, hash: &str| {
        let hash = libhashkit(hash).word();
        format!("placement={name}&hash={hash}")
    };
    match scheme.split(':').collect::<Vec<_>>()[..] {
        ["libmemcached", "MODULA", hash] => libmemcached("libmemcached", hash),
        ["libmemcached", "KETAMA", hash] => libmemcached("libmemcached-ketama", hash),
        ["libmc", hash] => {
            let hash = match hash {
                "MD5" => "md5",
                "FNV1_32" => "fnv1-32",
                "FNV1A_32" => "fnv1a-32",
                "CRC_32" => "crc32",
                other => panic!("{other}"),
            };
            format!("placement=libmc&hash={hash}")
        }
        _ => match scheme {
            "libmemcached:KETAMA then weight>1 (HASH default)" => "placement=libmemcached-ketama",
            "libmemcached:KETAMA_WEIGHTED" => "placement=libmemcached-ketama-weighted",
            "libmemcached:KETAMA_WEIGHTED+KETAMA_SPY" => "placement=libmemcached-spy-weighted",
            "libmemcached:KETAMA_WEIGHTED,HASH=fnv1_32 (ruby gem default)" => {
                "placement=libmemcached-ketama-weighted&hash=libmemcached-fnv1-32"
            }
            "dalli5" => "placement=dalli",
            "gomemcache:crc32%n" => "placement=gomemcache",
            "mcrouter:Ch3" => "placement=mcrouter-ch3",
            "mcrouter:Crc32" => "placement=mcrouter-crc32",
            "node-hashring:ketama" | "node-hashring:weights 1,2,4" => "placement=node-memcached",
            "node-hashring:ketama default port 11211" => "placement=node-memcached-default-port",
            "pymemcache:rendezvous" => "placement=pymemcache",
            "spymemcached:ArrayMod CRC_HASH" => "placement=spymemcached&hash=crc15",
            "spymemcached:ArrayMod FNV1A_32" => "placement=spymemcached&hash=java-fnv1a-32",
            "spymemcached:ArrayMod FNV1A_64" => "placement=spymemcached&hash=java-fnv1a-64",
            "spymemcached:ArrayMod FNV1_64" => "placement=spymemcached&hash=java-fnv1-64",
            "spymemcached:ArrayMod NATIVE_HASH (default)" => "placement=spymemcached",
            "spymemcached:KETAMA_HASH default format" => "placement=spymemcached-ketama",
            "spymemcached:KETAMA_HASH LIBMEMCACHED format"
            | "spymemcached:KETAMA_HASH LIBMEMCACHED format weighted" => {
                "placement=spymemcached-libmemcached"
            }
            other => panic!("{other}"),
        }
        .into(),
    }
}

/// `host:port:weight,…` or `n=…`.
fn servers(text: &str) -> Vec<String> {
    if let Some(n) = text.strip_prefix("n=") {
        return some(n.parse().unwrap());
    }
    let uri = |server: &str| {
        let (place, weight) = server.rsplit_once(':').unwrap();
        format!("{place}?weight={weight}")
    };
    text.split(',').map(uri).collect()
}

pub fn recorded(tally: &mut Tally) {
    let file = "placement.tsv";
    let text = read(file);
    let mut made = (String::new(), None);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [scheme, list, key, wanted] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let what = format!("{scheme} {list}");
        if made.0 != what {
            made = (what, Some(placer(&options(scheme), &servers(list))));
        }
        let got = place(made.1.as_ref().unwrap(), &unhex(key));
        let of = format!("{file}, {}", scheme.split(':').next().unwrap());
        tally.compare(&of, line, got, Some(wanted.parse().unwrap()));
    }
}
