//! What `stats` is asked for. It goes to the server as it is, without the prefix of keys.

/// The longest argument, in bytes; memcached's own have 30 at the most.
pub const ARGUMENT_MAX: usize = 64;

/// How the reply to an argument ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Behind any number of `STAT` lines, by `END`.
    Lines,
    /// It is nothing but `RESET`.
    Reset,
    /// It is nothing but `OK`.
    Ok,
}

/// Why an argument may not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentFault {
    TooLong(usize),
    /// The byte, and where it stands.
    Byte(u8, usize),
    /// A space that separates no two words.
    Space(usize),
    /// The reply is not made of `STAT` lines with an end behind them.
    Reply(&'static str),
}

impl std::fmt::Display for ArgumentFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            ArgumentFault::TooLong(len) => write!(
                f,
                "the argument of stats has {len} bytes; {ARGUMENT_MAX} are the most"
            ),
            ArgumentFault::Byte(byte, at) => write!(
                f,
                "byte {at} of the argument of stats is 0x{byte:02x}; it may hold no control characters"
            ),
            ArgumentFault::Space(at) => write!(
                f,
                "byte {at} of the argument of stats is a space that separates no two words"
            ),
            ArgumentFault::Reply(why) => f.write_str(why),
        }
    }
}

const CACHEDUMP: &str = "stats cachedump answers keys, which may hold line ends, not statistics";
const SIZES: &str = "stats sizes_enable and sizes_disable are answered without an end";
const DETAIL: &str = "stats detail dump answers keys' prefixes, not statistics";

/// Whether `argument` (empty: none) may be sent.
pub fn check(argument: &[u8]) -> Result<(), ArgumentFault> {
    if argument.len() > ARGUMENT_MAX {
        return Err(ArgumentFault::TooLong(argument.len()));
    }
    let illegal = |byte: &u8| *byte < b' ' || *byte == 0x7f;
    if let Some(at) = argument.iter().position(illegal) {
        return Err(ArgumentFault::Byte(argument[at], at));
    }
    let lone = |at: usize| argument.get(at + 1).is_none_or(|next| *next == b' ');
    if let Some(at) =
        (0..argument.len()).find(|at| argument[*at] == b' ' && (*at == 0 || lone(*at)))
    {
        return Err(ArgumentFault::Space(at));
    }
    let mut words = argument.split(|byte| *byte == b' ');
    match (words.next().unwrap_or_default(), words.next()) {
        (b"cachedump", _) => Err(ArgumentFault::Reply(CACHEDUMP)),
        (b"sizes_enable" | b"sizes_disable", _) => Err(ArgumentFault::Reply(SIZES)),
        (b"detail", Some(b"dump")) => Err(ArgumentFault::Reply(DETAIL)),
        _ => Ok(()),
    }
}

/// How the reply to `argument` ends; anything else is none.
pub fn end(argument: &[u8]) -> End {
    match argument.split(|byte| *byte == b' ').next() {
        Some(b"reset") => End::Reset,
        Some(b"detail") => End::Ok,
        _ => End::Lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FM-41: nothing that a server could take for a second command is sent.
    #[test]
    fn fm41_every_byte_at_every_place() {
        for len in 1..=ARGUMENT_MAX {
            for at in 0..len {
                for byte in 0..=255u8 {
                    let mut argument = vec![b'a'; len];
                    argument[at] = byte;
                    let expected = match byte {
                        b' ' if at == 0 || at == len - 1 => Err(ArgumentFault::Space(at)),
                        0..=0x1f | 0x7f => Err(ArgumentFault::Byte(byte, at)),
                        _ => Ok(()),
                    };
                    assert_eq!(check(&argument), expected, "{byte:#x} at {at} of {len}");
                }
            }
        }
        assert_eq!(check(&[b'a'; 65]), Err(ArgumentFault::TooLong(65)));
        assert_eq!(check(b"two  words"), Err(ArgumentFault::Space(3)));
        assert_eq!(check(b""), Ok(()));
    }

    /// FM-56: what has another grammar than `STAT` lines and `END` is told apart by its argument.
    #[test]
    fn fm56_how_replies_end() {
        for refused in [
            "cachedump",
            "cachedump 1 100",
            "sizes_enable",
            "sizes_disable",
            "detail dump",
        ] {
            let fault = check(refused.as_bytes());
            assert!(matches!(fault, Err(ArgumentFault::Reply(_))), "{refused}");
        }
        for (argument, expected) in [
            ("", End::Lines),
            ("settings", End::Lines),
            ("resets", End::Lines),
            ("reset", End::Reset),
            ("detail on", End::Ok),
            ("detail off", End::Ok),
        ] {
            assert_eq!(check(argument.as_bytes()), Ok(()), "{argument}");
            assert_eq!(end(argument.as_bytes()), expected, "{argument}");
        }
    }
}
