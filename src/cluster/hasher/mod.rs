//! From a key to a number. One file for each family of hashes, one row here.

pub mod crc;
pub mod digest;
pub mod fnv;
pub mod jenkins;
pub mod murmur2;
pub mod murmur3;
pub mod one_at_a_time;
pub mod text;

use std::sync::Arc;

use self::murmur3::Murmur3;
pub use crate::options::HashName;

/// A hash that is not ours: a function of the key, the same for the life of the client.
pub trait KeyHash: Send + Sync {
    fn hash(&self, key: &[u8]) -> u64;
}

/// The hash that a placement uses.
#[derive(Clone)]
pub enum Hasher {
    Named(HashName),
    Custom(Arc<dyn KeyHash>),
}

impl Hasher {
    /// Below 2^32 for all but the hashes of 64 bits (`Murmur64A`, `Xxh3`, custom ones).
    pub fn hash(&self, key: &[u8]) -> u64 {
        match self {
            Hasher::Named(name) => hash(*name, key),
            Hasher::Custom(custom) => custom.hash(key),
        }
    }
}

/// The hash `name` of a key. The bytes are hashed as they are, but for the hashes of text: see [`text`].
pub fn hash(name: HashName, key: &[u8]) -> u64 {
    u64::from(match name {
        HashName::Zero => 0,
        HashName::Cmemcache => crc::cmemcache(key),
        HashName::CmemcacheLatin1 => crc::cmemcache_latin1(key),
        HashName::Crc15 => crc::crc15(key),
        HashName::Crc31 => crc::crc32(key) & 0x7fff_ffff,
        HashName::Crc32 => crc::crc32(key),
        HashName::Fnv1x32 => fnv::fnv1_32(key),
        HashName::Fnv1ax32 => fnv::fnv1a_32(key),
        HashName::Fnv1x64 => fnv::fnv1_64(key) as u32,
        HashName::Fnv1ax64 => fnv::fnv1a_64(key) as u32,
        HashName::OneAtATime => one_at_a_time::unsigned(key),
        HashName::Murmur2 => murmur2::murmur2(key, 0),
        HashName::Murmur3 => Murmur3::of(key, 0),
        HashName::Murmur3Text => Murmur3::of_text(key, 0),
        HashName::Murmur64A => return murmur2::murmur64a(key, murmur2::MCROUTER_SEED),
        HashName::Md5 => digest::md5_word(&digest::md5(key), 0),
        HashName::Sha1 => digest::sha1_start(key),
        HashName::Xxh3 => return digest::xxh3(key),
        HashName::LibmemcachedDefault => one_at_a_time::signed(key),
        HashName::LibmemcachedFnv1x32 => fnv::libmemcached_1_32(key),
        HashName::LibmemcachedFnv1ax32 => fnv::libmemcached_1a_32(key),
        HashName::LibmemcachedFnv1x64 => fnv::libmemcached_1_64(key),
        HashName::LibmemcachedFnv1ax64 => fnv::libmemcached_1a_64(key),
        HashName::LibmemcachedMurmur => murmur2::murmur2(key, libmemcached_seed(key)),
        HashName::LibmemcachedJenkins => jenkins::lookup3(key, 13),
        HashName::LibmemcachedMurmur3 => Murmur3::of(key, libmemcached_seed(key)),
        HashName::Java => text::java_hash_code(key),
        HashName::JavaFnv1x32 => fnv::java_1_32(key),
        HashName::JavaFnv1ax32 => fnv::java_1a_32(key),
        HashName::JavaFnv1x64 => fnv::java_1_64(key),
        HashName::JavaFnv1ax64 => fnv::java_1a_64(key),
    })
}

/// libhashkit seeds both its Murmur hashes by the length of the key.
fn libmemcached_seed(key: &[u8]) -> u32 {
    0xdead_beef_u32.wrapping_mul(key.len() as u32)
}

/// What a hash is, for the documentation.
pub fn meaning(name: HashName) -> &'static str {
    match name {
        HashName::Zero => "0 for every key",
        HashName::Cmemcache => {
            "bits 16 to 30 of the CRC-32, and 1 where these are all 0: python-memcached up to 1.59, Cache::Memcached, the default"
        }
        HashName::CmemcacheLatin1 => {
            "the same of the key's characters in Latin-1, as python-memcached2 does it; a key with others, which that refuses, as its bytes are"
        }
        HashName::Crc15 => {
            "bits 16 to 30 of the CRC-32: python-memcached since 1.60, libmemcached's `CRC`, spymemcached's `CRC_HASH`"
        }
        HashName::Crc31 => "bits 0 to 30 of the CRC-32: mcrouter's `Crc32`",
        HashName::Crc32 => "the CRC-32 of zlib: gomemcache, libmc's `CRC_32`, twemproxy's `crc32a`",
        HashName::Fnv1x32 => "FNV-1 of 32 bits: libmc's `FNV1_32`",
        HashName::Fnv1ax32 => "FNV-1a of 32 bits: libmc's `FNV1A_32`",
        HashName::Fnv1x64 => "FNV-1 of 64 bits, the lower 32 of them",
        HashName::Fnv1ax64 => "FNV-1a of 64 bits, the lower 32 of them",
        HashName::OneAtATime => "Jenkins's one-at-a-time",
        HashName::Murmur2 => "MurmurHash2 with the seed 0",
        HashName::Murmur3 => "MurmurHash3_x86_32 with the seed 0",
        HashName::Murmur3Text => {
            "the same of the lower 8 bits of each character of the key, which is read as UTF-8: pymemcache"
        }
        HashName::Murmur64A => "MurmurHash64A with mcrouter's seed, all 64 bits",
        HashName::Md5 => "the first 4 bytes of the MD5 as a number, the last of them first",
        HashName::Sha1 => "the first 4 bytes of the SHA-1 as a number, the first of them first",
        HashName::Xxh3 => {
            "XXH3 with the seed 0, all 64 bits: the proxy of memcached, pior/memcache"
        }
        HashName::LibmemcachedDefault => {
            "libmemcached's `DEFAULT`: one-at-a-time that adds bytes from 0x80 on as negative numbers, as x86 does"
        }
        HashName::LibmemcachedFnv1x32 => "libmemcached's `FNV1_32`: bytes as above",
        HashName::LibmemcachedFnv1ax32 => "libmemcached's `FNV1A_32`: bytes as above",
        HashName::LibmemcachedFnv1x64 => {
            "libmemcached's `FNV1_64`, the lower 32 bits: bytes as above"
        }
        HashName::LibmemcachedFnv1ax64 => {
            "libmemcached's and twemproxy's `FNV1A_64`, which is none: 32 bits throughout, with the constants of 64 cut off"
        }
        HashName::LibmemcachedMurmur => {
            "libmemcached's `MURMUR`: MurmurHash2 with the seed 0xdeadbeef times the length"
        }
        HashName::LibmemcachedJenkins => "libmemcached's `JENKINS`: lookup3 with the seed 13",
        HashName::LibmemcachedMurmur3 => {
            "libmemcached's `MURMUR3`: MurmurHash3_x86_32 with the seed 0xdeadbeef times the length"
        }
        HashName::Java => {
            "Java's `String.hashCode` without its sign's meaning, of the key read as UTF-8: spymemcached's `NATIVE_HASH`, xmemcached"
        }
        HashName::JavaFnv1x32 => "spymemcached's `FNV1_32_HASH`: FNV-1 of 32 bits over UTF-16",
        HashName::JavaFnv1ax32 => "spymemcached's `FNV1A_32_HASH`: FNV-1a of 32 bits over UTF-16",
        HashName::JavaFnv1x64 => {
            "spymemcached's `FNV1_64_HASH`: FNV-1 of 64 bits over UTF-16, the lower 32"
        }
        HashName::JavaFnv1ax64 => {
            "spymemcached's `FNV1A_64_HASH`: FNV-1a of 64 bits over UTF-16, the lower 32"
        }
    }
}
