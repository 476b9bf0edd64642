//! Decimal numbers, strictly: digits only, no sign, no leading zero, no overflow.

/// Parse the number at the front of `bytes`; returns it and how many digits it has. `None` where
/// there is no digit, a needless leading zero, or a value of 2^64 or more.
#[inline(always)]
pub fn leading(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value: u64 = 0;
    let mut n = 0;
    // Nineteen digits always fit.
    for byte in bytes.iter().take(19) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value * 10 + u64::from(digit);
        n += 1;
    }
    if n == 19 {
        return long(bytes, value);
    }
    if n == 0 || (n > 1 && bytes[0] == b'0') {
        return None;
    }
    Some((value, n))
}

/// Nineteen digits were read, and there may be a twentieth.
#[cold]
fn long(bytes: &[u8], value: u64) -> Option<(u64, usize)> {
    let digit = |at: usize| {
        bytes
            .get(at)
            .map(|byte| byte.wrapping_sub(b'0'))
            .filter(|digit| *digit <= 9)
    };
    if bytes[0] == b'0' || digit(20).is_some() {
        return None;
    }
    match digit(19) {
        None => Some((value, 19)),
        Some(last) => {
            let value = value.checked_mul(10)?.checked_add(u64::from(last))?;
            Some((value, 20))
        }
    }
}

/// Parse `bytes` as one number and nothing else.
#[inline(always)]
pub fn whole(bytes: &[u8]) -> Option<u64> {
    match leading(bytes) {
        Some((value, n)) if n == bytes.len() => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FM-21, FM-28: what is no number, and the largest that is one.
    #[test]
    fn fm21_fm28_strict() {
        for good in [0u64, 1, 9, 10, 4_294_967_296, u64::MAX - 1, u64::MAX] {
            assert_eq!(whole(good.to_string().as_bytes()), Some(good));
        }
        for bad in [
            "",
            "-1",
            "+5",
            "0x10",
            "1e3",
            "007",
            "00",
            " 1",
            "1 ",
            "18446744073709551616",
            "99999999999999999999",
            "100000000000000000000",
            "1.0",
        ] {
            assert_eq!(whole(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(leading(b"12 34"), Some((12, 2)));
        assert_eq!(leading(b"0 34"), Some((0, 1)));
    }
}
