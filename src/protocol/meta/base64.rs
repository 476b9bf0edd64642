//! Keys in base64, as memcached's server reads and writes them.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The most bytes that `n` bytes take encoded.
pub const fn encoded_len(n: usize) -> usize {
    n.div_ceil(3) * 4
}

/// Hand `text`, encoded and padded, to `put`, four bytes at a time.
pub fn encode(text: &[u8], mut put: impl FnMut(&[u8; 4])) {
    for chunk in text.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |n: u32| ALPHABET[(bits >> (18 - 6 * n)) as usize & 63];
        let mut four = [digit(0), digit(1), digit(2), digit(3)];
        let unused = 3 - chunk.len();
        four[4 - unused..].fill(b'=');
        put(&four);
    }
}

/// The six bits that a byte stands for; `None` for one that stands for nothing.
fn digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => 0,
        _ => return None,
    })
}

/// Decode to the front of `out`; returns how many bytes that are, above 0. Laxer than the standard:
/// bytes outside the alphabet are passed over, and the first padding ends what is looked at.
pub fn decode(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let digits = || text.iter().filter_map(|byte| Some((*byte, digit(*byte)?)));
    if digits().count() % 4 != 0 {
        return None;
    }
    let (mut len, mut bits, mut have, mut padding) = (0, 0u32, 0, 0);
    for (byte, six) in digits() {
        padding += usize::from(byte == b'=');
        bits = bits << 6 | u32::from(six);
        have += 1;
        if have < 4 {
            continue;
        }
        if padding > 2 {
            return None;
        }
        let three = &bits.to_be_bytes()[1..];
        for byte in &three[..3 - padding] {
            *out.get_mut(len)? = *byte;
            len += 1;
        }
        if padding > 0 {
            break;
        }
        (bits, have) = (0, 0);
    }
    (len > 0).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &[u8]) -> String {
        let mut out = Vec::new();
        encode(text, |four| out.extend_from_slice(four));
        assert_eq!(out.len(), encoded_len(text.len()));
        String::from_utf8(out).expect("text")
    }

    fn decoded(text: &str) -> Option<Vec<u8>> {
        let mut out = [0; 250];
        decode(text.as_bytes(), &mut out).map(|len| out[..len].to_vec())
    }

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn vectors() {
        for (plain, text) in [
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encoded(plain.as_bytes()), text);
            assert_eq!(decoded(text).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(encoded(b""), "");
    }

    #[test]
    fn every_byte_there_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        for len in 1..=186 {
            for from in [0, 70] {
                let part = &all[from..from + len];
                assert_eq!(decoded(&encoded(part)).as_deref(), Some(part));
            }
        }
    }

    /// What memcached 1.6.18 takes and refuses; each was tried on it.
    #[test]
    fn as_lax_as_the_server() {
        for text in [
            "", "=", "====", "Y", "YQ", "YWM", "YW=", "YW!M", "YWJj=", "Y===",
        ] {
            assert_eq!(decoded(text), None, "{text}");
        }
        for (text, plain) in [("YWM=YWM=", "ac"), ("YR==", "a"), ("Y!W-M.=", "ac")] {
            assert_eq!(decoded(text).as_deref(), Some(plain.as_bytes()), "{text}");
        }
    }
}
