//! Values that name their key: whoever reads one can tell whether it is the right one.

/// A generator of numbers that are the same in every run (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// `KEY=`, then bytes that follow from the key and from `version` up to `len` in all: both ends of
/// the value, and whatever lies between, tell whose it is.
pub fn value(key: &str, version: u64, len: usize) -> Vec<u8> {
    let head = format!("{key}={version}=");
    let mut value = head.clone().into_bytes();
    let mut at = head.bytes().map(u64::from).sum::<u64>();
    while value.len() < len {
        at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
        value.extend_from_slice(&(at ^ (at >> 29)).to_le_bytes());
    }
    value.truncate(len.max(head.len()));
    value
}

/// The version of a value of `key`; `None` where it is another's, or not whole.
pub fn version(key: &str, found: &[u8]) -> Option<u64> {
    let rest = found.strip_prefix(key.as_bytes())?.strip_prefix(b"=")?;
    let end = rest.iter().position(|byte| *byte == b'=')?;
    let version = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    (value(key, version, found.len()) == found).then_some(version)
}
