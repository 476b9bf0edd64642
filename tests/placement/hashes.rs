//! Hashes, by themselves.

use memcached2::cluster::hasher::murmur3::Murmur3;
use memcached2::cluster::hasher::{HashName, hash, murmur2};

use crate::support::{Tally, json, list, read, unhex};

/// libhashkit's names for the columns and fields of the recordings.
const LIBHASHKIT: [(&str, HashName); 10] = [
    ("default", HashName::LibmemcachedDefault),
    ("md5", HashName::Md5),
    ("crc", HashName::Crc15),
    ("fnv1_64", HashName::LibmemcachedFnv1x64),
    ("fnv1a_64", HashName::LibmemcachedFnv1ax64),
    ("fnv1_32", HashName::LibmemcachedFnv1x32),
    ("fnv1a_32", HashName::LibmemcachedFnv1ax32),
    ("murmur", HashName::LibmemcachedMurmur),
    ("jenkins", HashName::LibmemcachedJenkins),
    ("murmur3", HashName::LibmemcachedMurmur3),
];

/// The hash that a recording calls `name`.
pub fn libhashkit(name: &str) -> HashName {
    let name = match name {
        "default(one_at_a_time)" | "default_oaat" => "default",
        name => name,
    };
    let found = LIBHASHKIT.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("{name}")).1
}

pub fn recorded(tally: &mut Tally) {
    let file = "hash_raw_libmemcached_x86_64.tsv";
    let text = read(file);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let key = unhex(fields.next().unwrap());
        let values: Vec<u64> = fields.map(|value| value.parse().unwrap()).collect();
        assert_eq!(values.len(), LIBHASHKIT.len());
        for ((name, known), wanted) in LIBHASHKIT.iter().zip(values) {
            tally.compare(file, &format!("{name} {line}"), hash(*known, &key), wanted);
        }
    }
    let file = "libmemcached_hashes.json";
    for row in list(&json(file), "rows") {
        let key = unhex(row["utf8_hex"].as_str().unwrap());
        for (name, wanted) in row["hash"].as_object().unwrap() {
            if name != "hsieh" {
                let got = hash(libhashkit(name), &key);
                tally.compare(file, name, got, wanted.as_u64().unwrap());
            }
        }
    }
    python(tally);
}

fn python(tally: &mut Tally) {
    let file = "hashes.json";
    for row in list(&json(file), "rows") {
        let key = unhex(row["utf8_hex"].as_str().unwrap());
        for (field, name) in [
            ("crc32_utf8", HashName::Crc32),
            ("cmemcache_python_memcached_1_62", HashName::Crc15),
            ("cmemcache_python_memcached_1_59", HashName::Cmemcache),
            ("cmemcache_memcached2", HashName::CmemcacheLatin1),
        ] {
            // What python-memcached2 refuses has no hash there: its bytes have one here.
            let wanted = row[field].as_u64();
            let wanted = wanted.unwrap_or_else(|| hash(HashName::Cmemcache, &key));
            tally.compare(file, &format!("{field} {row}"), hash(name, &key), wanted);
        }
        for (seed, wanted) in row["murmur3_32"].as_object().unwrap() {
            let got = Murmur3::of_text(&key, seed.parse().unwrap());
            tally.compare(
                file,
                &format!("murmur3 {row}"),
                u64::from(got),
                wanted.as_u64().unwrap(),
            );
        }
        let plain = unhex(row["murmur3_input_hex"].as_str().unwrap());
        let wanted = row["murmur3_32"]["0"].as_u64().unwrap();
        tally.compare(
            file,
            "murmur3 of bytes",
            hash(HashName::Murmur3, &plain),
            wanted,
        );
        tally.compare(
            file,
            "murmur3 of text",
            hash(HashName::Murmur3Text, &key),
            wanted,
        );
    }
}

/// Published values: of the authors' own programs, RFCs and the documentation of Java.
#[test]
fn hashes_without_recordings_are_those_that_were_published() {
    for (name, key, wanted) in [
        (HashName::Zero, &b"anything"[..], 0),
        (HashName::Crc32, b"123456789", 0xcbf4_3926),
        (HashName::Crc31, b"123456789", 0x4bf4_3926),
        (HashName::Fnv1x32, b"foobar", 0x31f0_b262),
        (HashName::Fnv1ax32, b"foobar", 0xbf9c_f968),
        (HashName::Fnv1x64, b"foobar", 0xa4dd_a9c2),
        (HashName::Fnv1ax64, b"foobar", 0xf739_67e8),
        (HashName::OneAtATime, b"a", 0xca2e_9442),
        (
            HashName::OneAtATime,
            b"The quick brown fox jumps over the lazy dog",
            0x519e_91f5,
        ),
        (HashName::Murmur3, b"hello", 0x248b_fa47),
        (
            HashName::Murmur3,
            b"The quick brown fox jumps over the lazy dog",
            0x2e4f_f723,
        ),
        (HashName::Md5, b"", 0xd98c_1dd4),
        (HashName::Sha1, b"abc", 0xa999_3e36),
        (HashName::Xxh3, b"", 0x2d06_8005_38d3_94c2),
        (HashName::Java, b"hello", 99_162_322),
        (HashName::Java, "\u{e9}".as_bytes(), 233),
        // Two units of UTF-16, 0xd83d and 0xde00.
        (HashName::Java, "\u{1f600}".as_bytes(), 0xd83d * 31 + 0xde00),
    ] {
        assert_eq!(hash(name, key), wanted, "{name:?} of {key:?}");
    }
    // MurmurHash2 of its author's verification: keys of 0 to 255 bytes, hashed with falling seeds, and
    // their hashes hashed.
    let keys: Vec<u8> = (0..=255).collect();
    let each = (0..256usize).map(|len| murmur2::murmur2(&keys[..len], 256 - len as u32));
    let hashes: Vec<u8> = each.flat_map(u32::to_le_bytes).collect();
    assert_eq!(murmur2::murmur2(&hashes, 0), 0x2786_4c1e);
    let each = (0..256usize).map(|len| murmur2::murmur64a(&keys[..len], 256 - len as u64));
    let hashes: Vec<u8> = each.flat_map(u64::to_le_bytes).collect();
    assert_eq!(murmur2::murmur64a(&hashes, 0) as u32, 0x1f0d_3804);
    let each = (0..256usize).map(|len| Murmur3::of(&keys[..len], 256 - len as u32));
    let hashes: Vec<u8> = each.flat_map(u32::to_le_bytes).collect();
    assert_eq!(Murmur3::of(&hashes, 0), 0xb0f5_7ee3);
}

/// The hashes that differ in how they take bytes from 0x80 on are the same for others.
#[test]
fn ascii_keys_hash_alike_where_only_the_sign_or_the_encoding_differs() {
    let mut compared = 0;
    for n in 0..2000 {
        let key = format!("user:{n}:{}", "x".repeat(n % 40));
        for (one, other) in [
            (HashName::LibmemcachedDefault, HashName::OneAtATime),
            (HashName::LibmemcachedFnv1x32, HashName::Fnv1x32),
            (HashName::LibmemcachedFnv1ax32, HashName::Fnv1ax32),
            (HashName::LibmemcachedFnv1x64, HashName::Fnv1x64),
            (HashName::JavaFnv1x32, HashName::Fnv1x32),
            (HashName::JavaFnv1ax32, HashName::Fnv1ax32),
            (HashName::JavaFnv1x64, HashName::Fnv1x64),
            (HashName::JavaFnv1ax64, HashName::Fnv1ax64),
            (HashName::CmemcacheLatin1, HashName::Cmemcache),
            (HashName::Murmur3Text, HashName::Murmur3),
        ] {
            assert_eq!(
                hash(one, key.as_bytes()),
                hash(other, key.as_bytes()),
                "{key}"
            );
            compared += 1;
        }
        let key = format!("schl\u{fc}ssel{n}");
        for (one, other) in [
            (HashName::LibmemcachedDefault, HashName::OneAtATime),
            (HashName::LibmemcachedFnv1x64, HashName::Fnv1x64),
            (HashName::JavaFnv1ax64, HashName::Fnv1ax64),
            (HashName::Murmur3Text, HashName::Murmur3),
        ] {
            assert_ne!(
                hash(one, key.as_bytes()),
                hash(other, key.as_bytes()),
                "{key}"
            );
        }
    }
    println!("{compared} hashes compared");
}
