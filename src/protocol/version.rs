//! The version that a server tells, and what that means for what it can be asked.

use super::number;

/// A version of memcached: 1.6.18.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
}

impl Version {
    pub const fn new(major: u16, minor: u16, patch: u16) -> Version {
        Version {
            major,
            minor,
            patch,
        }
    }

    /// The first one that speaks meta commands as later ones do (`HD`, the length in its place). Earlier
    /// ones had a dialect of their own.
    pub const META: Version = Version::new(1, 6, 10);

    /// Of a server that was asked and did not say that it is any version of memcached.
    pub const UNKNOWN: Version = Version::new(0, 0, 0);

    /// What a server answers to `version`, without the word: `1.6.18`, `1.4.5_4_gaa7839e`, `1.6.9-beta`.
    /// `None`: no memcached tells it so (`mcrouter 37.0`); nothing is known of such a server.
    pub fn parse(text: &[u8]) -> Option<Version> {
        let (major, rest) = part(text)?;
        let (minor, rest) = part(rest.strip_prefix(b".")?)?;
        let (patch, _) = match rest.strip_prefix(b".") {
            Some(rest) => part(rest)?,
            None => (0, rest),
        };
        Some(Version::new(major, minor, patch))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

fn part(text: &[u8]) -> Option<(u16, &[u8])> {
    let (number, n) = number::leading(text)?;
    Some((u16::try_from(number).ok()?, &text[n..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_servers_tell_them() {
        for (text, version) in [
            ("1.6.18", Some((1, 6, 18))),
            ("1.6.10", Some((1, 6, 10))),
            ("1.4.5_4_gaa7839e", Some((1, 4, 5))),
            ("1.6.9-beta1", Some((1, 6, 9))),
            ("1.6", Some((1, 6, 0))),
            ("1.6.UNKNOWN", None),
            ("mcrouter 37.0", None),
            ("", None),
            ("1", None),
            ("99999.1.1", None),
        ] {
            let parsed = Version::parse(text.as_bytes());
            let expected = version.map(|(a, b, c)| Version::new(a, b, c));
            assert_eq!(parsed, expected, "{text}");
        }
        assert!(Version::parse(b"1.6.9") < Some(Version::META));
        assert!(Version::parse(b"1.10.0") > Some(Version::META));
        assert_eq!(Version::new(1, 6, 18).to_string(), "1.6.18");
    }
}
