//! `docs/placement.md` is made of the table.

use std::fmt::Write;

use memcached2::cluster::hasher::meaning;
use memcached2::cluster::selector::presets::preset;
use memcached2::options::{HashName, Placement};

const HEAD: &str = "\
# Where keys go

Generated from the tables in `src/cluster/`; `MEMCACHED2_UPDATE=1 cargo test --test placement` rewrites it.

A client with one server sends everything there. With several, the option `placement` says which server a key
belongs to, by the name of whoever places keys like that: to share servers with another client or proxy, take its
row. The default is `modula` with the hash `cmemcache`: the hash of the key modulo the sum of the weights, and no
other server when that one is down. Whoever starts anew takes `ketama`: when one of ten servers goes or comes, a
tenth of the keys moves, not nine tenths.

```c
mc_new(\"cache1:11211?placement=ketama,cache2:11211,cache3:11211\", &client);
```

* `hash` takes another hash for the keys, and for the points of rings that are made of key hashes;
  `mc_options_set_hasher` one of the program's own. `first`, and the rings of whole MD5s, have no use for it.
  `mc_hash` tells what a hash makes of a key.
* `hash_prefix` says whether `key_prefix` is hashed; the column \"prefix\" says what is done by default. A `route`
  (`mc_command`) is hashed instead of the key, and never with a prefix.
* `hash_tags=on`: of `a{b}c` only `b` is hashed.
* `weight` and `alias` stand on the URI of a server. An alias is the name of the server in the ring, whatever its
  address: keys stay when the server moves. Names are taken as they are configured, never as they resolve; IPv6
  addresses without brackets.
* `sort_servers=on`: the order of the list does not matter, as with libmemcached's `SORT_HOSTS`.
* `mc_server_for_key` tells where a key goes, and `mc_options_set_selector` takes a function that decides.
* Bytes from 0x80 on are negative numbers to libmemcached's hashes on x86, and are so here on every machine.
* Text beyond ASCII is read as UTF-8 where a client hashes characters: `cmemcache-latin1`, `murmur3-text`, `java…`,
  and with them `python-memcached2`, `pymemcache`, `spymemcached` and `xmemcached`. Keys that are no UTF-8 are
  hashed there as if each byte were a character.
* When the server of a key is down, its keys fail: `failover=next` and `rehash` take another server, as
  `several-servers.md` says. Rings and rendezvous then take the next one, `rehash-down`, `fractal`,
  `python-memcached` and `dalli` do what their clients do, and the others have no way of their own.

## Placements

\"Verified\": compared with what the client itself was recorded to do, in `tests/vectors/placement/`. What is not
was made from its sources and documentation.

| `placement=` | who places like this | hash of keys | server of a hash | name of a server | weights | prefix | verified |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn page() -> String {
    let mut page = String::from(HEAD);
    for &placement in Placement::ALL {
        let row = preset(placement);
        let name = match row.hashes_names() {
            true => row.naming.describe(),
            false => "–",
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | `{}` | {} | {name} | {} | {} | {} |",
            placement.word(),
            row.users,
            row.hash.word(),
            row.scheme.describe(),
            yes(row.scheme.is_weighted()),
            if row.prefix { "hashed" } else { "not hashed" },
            yes(row.verified),
        );
    }
    page += "\n## Hashes\n\nNumbers of 32 bits where nothing else is said.\n\n| `hash=` | what it is |\n| --- | --- |\n";
    for &name in HashName::ALL {
        let _ = writeln!(page, "| `{}` | {} |", name.word(), meaning(name));
    }
    page
}

#[test]
fn the_page_is_that_of_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/placement.md");
    let page = page();
    if std::env::var("MEMCACHED2_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == page,
        "docs/placement.md is stale: MEMCACHED2_UPDATE=1 cargo test --test placement"
    );
}

/// What is called verified has recordings that it was compared with.
#[test]
fn what_was_never_recorded_is_not_called_verified() {
    for &placement in Placement::ALL {
        let word = placement.word();
        let never = [
            "twemproxy",
            "xmemcached",
            "jump",
            "memcached-proxy",
            "libketama",
            "hash-ring",
        ];
        if never.iter().any(|start| word.starts_with(start)) {
            assert!(!preset(placement).verified, "{word}");
        }
    }
}
