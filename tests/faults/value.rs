//! Values that say whose they are: `LMC2|key|writer|sequence|length|crc32|padding`.
//!
//! The checksum covers the fields before it and the padding after it, so that a value glued
//! together from two others does not pass.

use std::fmt::Write;

/// The length of a value where a case asks for no other.
pub const USUAL: usize = 64;

/// A value of `length` bytes (longer where its fields do not fit).
pub fn make(key: &str, writer: &str, sequence: u32, length: usize) -> Vec<u8> {
    let head = format!("LMC2|{key}|{writer}|{sequence}|{length}|");
    let padding = length.saturating_sub(head.len() + 9);
    let tail: String = (0..padding)
        .map(|i| char::from(b'a' + (i % 26) as u8))
        .collect();
    let crc = crc32(format!("{head}{tail}").as_bytes());
    format!("{head}{crc:08x}|{tail}").into_bytes()
}

/// What a value says of itself, for the report: its key, or why it says nothing.
pub fn describe(value: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&value[..value.len().min(48)]).into_owned();
    match parse(value) {
        Some((key, writer, sequence)) => format!("value of {key} by {writer} #{sequence}"),
        None => format!("{} bytes {shown:?}", value.len()),
    }
}

/// Key, writer and sequence of an undamaged value.
pub fn parse(value: &[u8]) -> Option<(String, String, u32)> {
    let text = std::str::from_utf8(value).ok()?;
    let mut fields = text.splitn(7, '|');
    if fields.next()? != "LMC2" {
        return None;
    }
    let (key, writer, sequence, length) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    let (crc, tail) = (fields.next()?, fields.next()?);
    let mut covered = String::new();
    write!(covered, "LMC2|{key}|{writer}|{sequence}|{length}|{tail}").ok()?;
    let whole = crc == format!("{:08x}", crc32(covered.as_bytes()));
    whole.then_some((key.into(), writer.into(), sequence.parse().ok()?))
}

pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    })
}

#[test]
fn a_value_names_its_key_and_shows_damage() {
    let value = make("k1", "w", 7, USUAL);
    assert_eq!(value.len(), USUAL);
    assert_eq!(parse(&value), Some(("k1".into(), "w".into(), 7)));
    for at in 0..value.len() {
        let mut bent = value.clone();
        bent[at] ^= 1;
        assert_ne!(parse(&bent), parse(&value), "byte {at}");
    }
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}
