//! Numbers as the server reads them: with C's `strtoull` and `strtol`. White space in front and a
//! sign are taken, and what follows a white space behind; what is too large for the field that it is
//! put into loses its upper bits.

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The sign and the magnitude; `None` where there are no digits, too many, or something behind them.
fn parse(text: &[u8]) -> Option<(bool, u64)> {
    let start = text.iter().position(|byte| !is_space(*byte))?;
    let (negative, digits) = match &text[start..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut number: u64 = 0;
    let mut len = 0;
    for byte in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        number = number
            .checked_mul(10)?
            .checked_add(u64::from(byte - b'0'))?;
        len += 1;
    }
    let ends = digits.get(len).is_none_or(|byte| is_space(*byte));
    (len > 0 && ends).then_some((negative, number))
}

/// Below 2^64. A negative one wraps around, and is refused only where that is above the largest
/// signed number.
pub(in crate::protocol) fn unsigned(text: &[u8]) -> Option<u64> {
    match parse(text)? {
        (false, number) => Some(number),
        (true, number) => {
            let wrapped = number.wrapping_neg();
            (wrapped <= i64::MAX as u64).then_some(wrapped)
        }
    }
}

/// A signed number of 64 bits, of which the lower 32 are kept.
pub(in crate::protocol) fn signed(text: &[u8]) -> Option<i32> {
    let number = match parse(text)? {
        (false, number) => i64::try_from(number).ok()?,
        (true, number) => 0i64.checked_sub_unsigned(number)?,
    };
    Some(number as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_c_reads() {
        for (text, number) in [
            ("0", Some(0)),
            ("+3", Some(3)),
            ("-0", Some(0)),
            ("0\t", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("-18446744073709551615", Some(1)),
            ("-1", None),
            ("18446744073709551616", None),
            ("", None),
            ("x", None),
            ("3x", None),
        ] {
            assert_eq!(unsigned(text.as_bytes()), number, "{text:?}");
        }
        for (text, number) in [
            ("-1", Some(-1)),
            ("4294967297", Some(1)),
            ("2147483648", Some(i32::MIN)),
            ("-9223372036854775808", Some(0)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
        ] {
            assert_eq!(signed(text.as_bytes()), number, "{text:?}");
        }
    }
}
