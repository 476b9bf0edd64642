//! The default placement against what the clients that it follows were recorded to do.

use memcached2::cluster::hasher::Hasher;
use memcached2::cluster::selector::Selector;
use serde_json::Value;

fn vectors(section: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("vectors/default_placement.json")).unwrap();
    all[section].clone()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    let list = value[name].as_array().unwrap();
    assert!(!list.is_empty(), "{name} is empty");
    list
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// How many keys were compared.
fn compare(selector: &Selector, keys: &[Value], choice: &[Value]) -> usize {
    assert_eq!(keys.len(), choice.len());
    for (key, wanted) in keys.iter().zip(choice) {
        let key = key.as_str().unwrap();
        assert_eq!(
            selector.select(key.as_bytes()),
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
        assert_eq!(Hasher::Cmemcache.hash(&key), wanted, "{row}");
    }
    println!("{} hashes compared", rows.len());
}

#[test]
fn no_hash_is_zero() {
    // The raw value of this key is 0.
    assert_eq!(Hasher::Cmemcache.hash(b"z37384"), 1);
    assert_eq!(Hasher::Cmemcache.hash(b""), 1);
    for n in 0..200_000u32 {
        let hash = Hasher::Cmemcache.hash(n.to_string().as_bytes());
        assert!((1..=32767).contains(&hash), "{n}: {hash}");
    }
}

#[test]
fn placement_is_that_of_python_memcached2_with_all_servers_up() {
    let section = vectors("python_memcached2");
    let keys = list(&section, "keys");
    let mut compared = 0;
    for case in list(&section, "cases") {
        let selector = Selector::standard(&vec![1; number(&case["servers"])]);
        compared += compare(&selector, keys, list(case, "choice"));
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
        let keys = compare(&Selector::standard(&weights), keys, list(case, "choice"));
        compared += keys;
        weighted += keys * usize::from(weights.iter().any(|&weight| weight != 1));
    }
    let unicode = &section["unicode"];
    let selector = Selector::standard(&vec![1; number(&unicode["servers"])]);
    compared += compare(&selector, list(unicode, "keys"), list(unicode, "choice"));
    println!("{compared} keys compared, {weighted} of them with weights");
    assert!(weighted >= 300);
}

#[test]
fn a_hash_of_zero_is_placed_as_before_1_62() {
    let section = vectors("python_memcached");
    let rows = list(&section, "hash_of_zero");
    for row in rows {
        let selector = Selector::standard(&vec![1; number(&row["servers"])]);
        let key = row["key"].as_str().unwrap();
        assert_eq!(
            selector.select(key.as_bytes()),
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
        let one = Selector::standard(&[weight]);
        for key in [&b""[..], b"a", b"z37384", &[0xff; 250]] {
            assert_eq!(one.select(key), Some(0));
        }
    }
    assert_eq!(Selector::standard(&[]).select(b"a"), None);
    assert_eq!(Selector::standard(&[0, 0]).select(b"a"), None);
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
        let selector = Selector::standard(&weights);
        for n in 0..100 {
            let key = format!("key{n}");
            let hash = Hasher::Cmemcache.hash(key.as_bytes()) as usize;
            let wanted = (!row.is_empty()).then(|| row[hash % row.len()]);
            assert_eq!(selector.select(key.as_bytes()), wanted, "{weights:?} {key}");
            compared += 1;
        }
    }
    println!("{compared} keys compared");
}
