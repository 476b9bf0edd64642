//! Values as numbers: what incr and decr read and write.
//!
//! The server reads them with C's `strtoull`, and what that takes is taken here: white space in
//! front, a sign, anything behind a white space or a NUL. A negative number wraps around, and is
//! refused only where what it wraps to is above the largest signed number.

use super::expiry::Expiry;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// Down where it is not set.
    pub up: bool,
    pub delta: u64,
    /// Only while the item has this CAS.
    pub compare: Option<u64>,
    /// Where there is no item, one is made with this number (which then is the outcome) and this end.
    pub initial: Option<(u64, Expiry)>,
    /// The CAS that the item gets; `None`: the store's next one.
    pub own_cas: Option<u64>,
}

impl Count {
    /// Of an item that must be there.
    pub fn by(up: bool, delta: u64) -> Count {
        Count {
            up,
            delta,
            compare: None,
            initial: None,
            own_cas: None,
        }
    }
}

/// Why nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncounted {
    NotFound,
    /// The item has another CAS than the one that was named.
    Exists,
    /// The item's value is no number.
    NonNumeric,
    NoMemory,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The number in a value. The line end that is behind every value over the wire counts as white
/// space behind it.
pub(super) fn parse(value: &[u8]) -> Option<u64> {
    let start = value.iter().position(|byte| !is_space(*byte))?;
    let text = &value[start..];
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let mut number: u64 = 0;
    let mut len = 0;
    for byte in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        number = number
            .checked_mul(10)?
            .checked_add(u64::from(byte - b'0'))?;
        len += 1;
    }
    let ends = digits
        .get(len)
        .is_none_or(|byte| *byte == 0 || is_space(*byte));
    if len == 0 || !ends {
        return None;
    }
    if !negative {
        return Some(number);
    }
    let wrapped = number.wrapping_neg();
    (wrapped <= i64::MAX as u64).then_some(wrapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What memcached 1.6.18 takes; each was tried on it.
    #[test]
    fn as_strtoull_reads() {
        for (text, number) in [
            ("10", 10),
            ("007", 7),
            ("  5", 5),
            ("\t5", 5),
            ("+5", 5),
            ("-0", 0),
            ("-18446744073709551615", 1),
            ("5 abc", 5),
            ("5\n6", 5),
            ("5\0x", 5),
            ("18446744073709551615", u64::MAX),
            ("000000000000000000000000001", 1),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(number), "{text:?}");
        }
        for text in [
            "",
            " ",
            "-",
            "-5",
            "5x",
            "1.5",
            "0x10",
            "x",
            "18446744073709551616",
            "- 5",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
