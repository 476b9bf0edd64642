//! FNV: the true ones, libhashkit's and Java's.

use super::text;

const OFFSET_32: u32 = 0x811c_9dc5;
const PRIME_32: u32 = 0x0100_0193;
const OFFSET_64: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME_64: u64 = 0x0100_0000_01b3;

fn multiply_first_32(units: impl Iterator<Item = u32>) -> u32 {
    units.fold(OFFSET_32, |hash, unit| hash.wrapping_mul(PRIME_32) ^ unit)
}

fn multiply_last_32(units: impl Iterator<Item = u32>) -> u32 {
    units.fold(OFFSET_32, |hash, unit| (hash ^ unit).wrapping_mul(PRIME_32))
}

fn multiply_first_64(units: impl Iterator<Item = u64>) -> u64 {
    units.fold(OFFSET_64, |hash, unit| hash.wrapping_mul(PRIME_64) ^ unit)
}

fn multiply_last_64(units: impl Iterator<Item = u64>) -> u64 {
    units.fold(OFFSET_64, |hash, unit| (hash ^ unit).wrapping_mul(PRIME_64))
}

pub fn fnv1_32(key: &[u8]) -> u32 {
    multiply_first_32(key.iter().map(|&byte| byte.into()))
}

pub fn fnv1a_32(key: &[u8]) -> u32 {
    multiply_last_32(key.iter().map(|&byte| byte.into()))
}

pub fn fnv1_64(key: &[u8]) -> u64 {
    multiply_first_64(key.iter().map(|&byte| byte.into()))
}

pub fn fnv1a_64(key: &[u8]) -> u64 {
    multiply_last_64(key.iter().map(|&byte| byte.into()))
}

/// A byte as C's `char` is on x86: from 0x80 on a negative number.
pub(super) fn signed(byte: &u8) -> u32 {
    i32::from(*byte as i8) as u32
}

pub fn libmemcached_1_32(key: &[u8]) -> u32 {
    multiply_first_32(key.iter().map(signed))
}

pub fn libmemcached_1a_32(key: &[u8]) -> u32 {
    multiply_last_32(key.iter().map(signed))
}

pub fn libmemcached_1_64(key: &[u8]) -> u32 {
    multiply_first_64(key.iter().map(|&byte| i64::from(byte as i8) as u64)) as u32
}

/// Calculated in 32 bits, with the constants of the hash of 64 bits cut off.
pub fn libmemcached_1a_64(key: &[u8]) -> u32 {
    key.iter().fold(OFFSET_64 as u32, |hash, byte| {
        (hash ^ signed(byte)).wrapping_mul(PRIME_64 as u32)
    })
}

/// spymemcached's: over the units of UTF-16.
pub fn java_1_32(key: &[u8]) -> u32 {
    multiply_first_32(text::utf16(key).map(u32::from))
}

pub fn java_1a_32(key: &[u8]) -> u32 {
    multiply_last_32(text::utf16(key).map(u32::from))
}

pub fn java_1_64(key: &[u8]) -> u32 {
    multiply_first_64(text::utf16(key).map(u64::from)) as u32
}

pub fn java_1a_64(key: &[u8]) -> u32 {
    multiply_last_64(text::utf16(key).map(u64::from)) as u32
}
