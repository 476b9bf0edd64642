//! The default placement against what the clients that it follows were recorded to do.

use memcached2::cluster::hasher::{HashName, Hasher, hash};
use memcached2::cluster::placer::Placer;
use memcached2::cluster::selector::modula::Modula;
use serde_json::Value;

use crate::support::{list, place, placer, some, unhex};

fn vectors(section: &str) -> Value {
    let all: Value =
        serde_json::from_str(include_str!("../vectors/default_placement.json")).unwrap();
    all[section].clone()
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// The placement of a client that was told nothing, among servers of these weights.
fn standard(weights: &[u32]) -> Placer {
    let servers = some(weights.len());
    let uri = |(server, weight): (&String, &u32)| format!("{server}?weight={weight}");
    placer(
        "",
        &servers.iter().zip(weights).map(uri).collect::<Vec<_>>(),
    )
}

/// How many keys were compared.
fn compare(placer: &Placer, keys: &[Value], choice: &[Value]) -> usize {
    assert_eq!(keys.len(), choice.len());
    for (key, wanted) in keys.iter().zip(choice) {
        let key = key.as_str().unwrap();
        assert_eq!(
            place(placer, key.as_bytes()),
            Some(number(wanted)),
            "{key:?}"
        );
    }
    keys.len()
}

#[test]
fn hashes_are_those_of_python_memcached() {
    let section = vectors("hashes");
    let rows = list(&section, "rows");
    for row in rows {
        let key = unhex(row["key_hex"].as_str().unwrap());
        let wanted = number(&row["hash"]) as u32;
        assert_eq!(hash(HashName::Cmemcache, &key), u64::from(wanted), "{row}");
    }
    println!("{} hashes compared", rows.len());
}

#[test]
fn no_hash_is_zero() {
    // The raw value of this key is 0.
    assert_eq!(hash(HashName::Cmemcache, b"z37384"), 1);
    assert_eq!(hash(HashName::Cmemcache, b""), 1);
    for n in 0..200_000u32 {
        let hash = hash(HashName::Cmemcache, n.to_string().as_bytes());
        assert!((1..=32767).contains(&hash), "{n}: {hash}");
    }
}

#[test]
fn placement_is_that_of_python_memcached2_with_all_servers_up() {
    let section = vectors("python_memcached2");
    let keys = list(&section, "keys");
    let mut compared = 0;
    for case in list(&section, "cases") {
        let placer = standard(&vec![1; number(&case["servers"])]);
        compared += compare(&placer, keys, list(case, "choice"));
    }
    println!("{compared} keys compared");
    assert!(compared >= 1000);
}

#[test]
fn placement_is_that_of_python_memcached_with_weights() {
    let section = vectors("python_memcached");
    let keys = list(&section, "keys");
    let (mut compared, mut weighted) = (0, 0);
    for case in list(&section, "cases") {
        let weights: Vec<u32> = list(case, "weights")
            .iter()
            .map(|w| number(w) as u32)
            .collect();
        let keys = compare(&standard(&weights), keys, list(case, "choice"));
        compared += keys;
        weighted += keys * usize::from(weights.iter().any(|&weight| weight != 1));
    }
    let unicode = &section["unicode"];
    let placer = standard(&vec![1; number(&unicode["servers"])]);
    compared += compare(&placer, list(unicode, "keys"), list(unicode, "choice"));
    println!("{compared} keys compared, {weighted} of them with weights");
    assert!(weighted >= 300);
}

#[test]
fn a_hash_of_zero_is_placed_as_before_1_62() {
    let section = vectors("python_memcached");
    let rows = list(&section, "hash_of_zero");
    for row in rows {
        let placer = standard(&vec![1; number(&row["servers"])]);
        let key = row["key"].as_str().unwrap();
        assert_eq!(
            place(&placer, key.as_bytes()),
            Some(number(&row["choice"])),
            "{row}"
        );
        assert_ne!(row["choice"], row["choice_1_62"], "{row}");
    }
    println!("{} keys compared", rows.len());
}

#[test]
fn one_server_takes_everything_and_none_takes_nothing() {
    for weight in [1, 2, 1000] {
        let one = standard(&[weight]);
        for key in [&b""[..], b"a", b"z37384", &[0xff; 250]] {
            assert_eq!(place(&one, key), Some(0));
        }
    }
    assert_eq!(place(&standard(&[]), b"a"), None);
    let nothing = Modula::new(Hasher::Named(HashName::Cmemcache), [0, 0].into_iter());
    assert_eq!(nothing.select(b"a"), None);
}

/// The row of buckets, written out.
#[test]
fn weights_repeat_a_server_in_the_row() {
    let mut state = 0x9e37_79b9u32;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let mut compared = 0;
    for _ in 0..200 {
        let weights: Vec<u32> = (0..2 + next(9)).map(|_| next(6)).collect();
        let row: Vec<usize> = weights
            .iter()
            .enumerate()
            .flat_map(|(server, &weight)| vec![server; weight as usize])
            .collect();
        let modula = Modula::new(Hasher::Named(HashName::Cmemcache), weights.iter().copied());
        for n in 0..100 {
            let key = format!("key{n}");
            let hash = hash(HashName::Cmemcache, key.as_bytes()) as usize;
            let wanted = (!row.is_empty()).then(|| row[hash % row.len()]);
            assert_eq!(modula.select(key.as_bytes()), wanted, "{weights:?} {key}");
            compared += 1;
        }
    }
    println!("{compared} keys compared");
}
