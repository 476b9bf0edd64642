//! Durations and sizes as text.

use std::time::Duration;

use super::kind::DURATION_MAX;

/// Why a text is no number of the wanted kind.
type Parsed<T> = std::result::Result<T, &'static str>;

/// Units in microseconds, the largest first, as [`write_duration`] tries them.
const DURATION_UNITS: [(&str, u64); 5] = [
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

const SIZE_UNITS: [(&str, u64); 3] = [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)];

/// Digits beyond which no number here can be within its limits; keeps the arithmetic exact.
const DIGITS_MAX: usize = 18;

/// Reads `1.5s`: a decimal number and its unit, a whole number of microseconds. Only 0 may stand
/// without a unit, since guessing between seconds and milliseconds is wrong by a factor of 1000.
pub(super) fn read_duration(text: &str) -> Parsed<Duration> {
    let (whole, rest) = digits(text);
    let (fraction, unit) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("0", rest),
    };
    if whole.is_empty() || fraction.is_empty() {
        return Err("that is not a duration");
    }
    if whole.len() > DIGITS_MAX || fraction.len() > DIGITS_MAX {
        return Err("that number has too many digits");
    }
    let number = decimal(whole);
    let part = decimal(fraction);
    if unit.is_empty() {
        return match (number, part) {
            (0, 0) => Ok(Duration::ZERO),
            _ => Err("a unit must be given: us, ms, s, m or h"),
        };
    }
    let Some(&(_, micros)) = DURATION_UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err("the unit must be us, ms, s, m or h");
    };
    let micros = u128::from(micros);
    // At most 10^18 × 3.6·10^9 < 2^128.
    let scale = 10u128.pow(fraction.len() as u32);
    let part = u128::from(part) * micros;
    if part % scale != 0 {
        return Err("a microsecond cannot be divided");
    }
    let total = u128::from(number) * micros + part / scale;
    if total > DURATION_MAX.as_micros() {
        return Err("that is too long");
    }
    Ok(Duration::from_micros(total as u64))
}

/// The shortest text of a whole number of some unit; parts of a microsecond are dropped.
pub(super) fn write_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros == 0 {
        return "0".into();
    }
    // Nothing is left over at the last unit, a microsecond, at the latest.
    for (unit, size) in DURATION_UNITS {
        if micros % u128::from(size) == 0 {
            return format!("{}{unit}", micros / u128::from(size));
        }
    }
    format!("{micros}us")
}

/// Reads `65536`, `64k`, `1m`, `1g`, with or without `b` or `ib` behind; k is 1024.
pub(super) fn read_size(text: &str) -> Parsed<u64> {
    let (number, unit) = digits(text);
    if number.is_empty() {
        return Err("that is not a size");
    }
    if number.len() > DIGITS_MAX {
        return Err("that number has too many digits");
    }
    let unit = unit.to_ascii_lowercase();
    let bare = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b'));
    let scale = match bare.unwrap_or(&unit) {
        "" if unit != "ib" => 1,
        letter => {
            let found = SIZE_UNITS.iter().find(|(name, _)| *name == letter);
            found.ok_or("the unit must be k, m or g")?.1
        }
    };
    decimal(number)
        .checked_mul(scale)
        .ok_or("that is too large")
}

pub(super) fn write_size(bytes: u64) -> String {
    for (unit, scale) in SIZE_UNITS {
        if bytes != 0 && bytes % scale == 0 {
            return format!("{}{unit}", bytes / scale);
        }
    }
    bytes.to_string()
}

/// Reads a plain decimal number.
pub(super) fn read_count(text: &str) -> Parsed<u64> {
    match digits(text) {
        ("", _) => Err("that is not a number"),
        (number, "") if number.len() <= DIGITS_MAX => Ok(decimal(number)),
        (_, "") => Err("that number has too many digits"),
        _ => Err("that is not a number"),
    }
}

/// Splits the leading digits off.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(end)
}

/// The value of at most [`DIGITS_MAX`] digits.
fn decimal(digits: &str) -> u64 {
    digits
        .bytes()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
}
