//! Lines of an operator, sent as they are: which may be sent, and how their replies end.

/// The longest line; a server closes the connection at 2,048 bytes.
pub const LINE_MAX: usize = 1024;

/// How the reply to a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is one line.
    Line,
    /// Behind any number of lines, by `END`; a refusal is one line.
    Lines,
    /// The server closes the connection; a refusal is one line.
    Close,
}

/// Why a line may not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    Empty,
    TooLong(usize),
    /// The byte, and where it stands.
    Byte(u8, usize),
    /// Its reply has no end that could be told, or is none.
    Reply(&'static str),
}

impl std::fmt::Display for LineFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            LineFault::Empty => f.write_str("the line has no command"),
            LineFault::TooLong(len) => {
                write!(f, "the line has {len} bytes; {LINE_MAX} are the most")
            }
            LineFault::Byte(byte, at) => write!(
                f,
                "byte {at} of the line is 0x{byte:02x}; it may hold no control characters"
            ),
            LineFault::Reply(why) => f.write_str(why),
        }
    }
}

const UNKNOWN: &str = "how the reply to this command ends is not known: it is none of those that \
                       administer a server";
const QUIET: &str = "with noreply nobody would know what the server did";
const STREAM: &str = "watch has no end: what it tells goes on for ever";
const KEYS: &str = "the reply holds keys as they are, which may look like its end";
const DUMP: &str = "the keys of a server are told by mc_dump_keys";
const QUIT: &str = "quit is about a connection, and this line has one of its own";

/// How the reply to `line` ends, if it may be sent.
pub fn end(line: &[u8]) -> Result<End, LineFault> {
    if line.len() > LINE_MAX {
        return Err(LineFault::TooLong(line.len()));
    }
    let illegal = |byte: &u8| *byte < b' ' || *byte == 0x7f;
    if let Some(at) = line.iter().position(illegal) {
        return Err(LineFault::Byte(line[at], at));
    }
    let mut words = line.split(|byte| *byte == b' ').filter(|w| !w.is_empty());
    let Some(command) = words.next() else {
        return Err(LineFault::Empty);
    };
    let rest = [words.next(), words.next()].map(Option::unwrap_or_default);
    let how = known(command, rest).map_err(LineFault::Reply)?;
    if line.trim_ascii_end().ends_with(b" noreply") {
        return Err(LineFault::Reply(QUIET));
    }
    Ok(how)
}

fn known(command: &[u8], rest: [&[u8]; 2]) -> Result<End, &'static str> {
    match (command, rest) {
        (b"shutdown", _) => Ok(End::Close),
        (b"stats", [b"cachedump", _] | [b"detail", b"dump"]) | (b"me", _) => Err(KEYS),
        (b"stats", [b"reset" | b"sizes_enable" | b"sizes_disable" | b"detail", _]) => Ok(End::Line),
        (b"stats", _) => Ok(End::Lines),
        (b"lru_crawler", [b"metadump" | b"mgdump", _]) => Err(DUMP),
        (
            b"cache_memlimit" | b"debugtime" | b"extstore" | b"flush_all" | b"lru" | b"lru_crawler"
            | b"mn" | b"refresh_certs" | b"slabs" | b"verbosity" | b"version",
            _,
        ) => Ok(End::Line),
        (b"watch", _) => Err(STREAM),
        (b"quit", _) => Err(QUIT),
        _ => Err(UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FM-41: nothing that a server could take for a second command is sent.
    #[test]
    fn fm41_every_byte_at_every_place() {
        for at in 0..20 {
            for byte in 0..=255u8 {
                let mut line = b"lru mode segmented xx".to_vec();
                line[at] = byte;
                let is_control = byte < b' ' || byte == 0x7f;
                let refused = end(&line) == Err(LineFault::Byte(byte, at));
                assert_eq!(refused, is_control, "{byte:#x} at {at}");
            }
        }
        let longest = [b"lru ".as_slice(), &[b'x'; LINE_MAX - 4]].concat();
        assert_eq!(end(&longest), Ok(End::Line));
        let longer = [b"lru ".as_slice(), &[b'x'; LINE_MAX - 3]].concat();
        assert_eq!(end(&longer), Err(LineFault::TooLong(LINE_MAX + 1)));
        assert_eq!(end(b""), Err(LineFault::Empty));
        assert_eq!(end(b"  "), Err(LineFault::Empty));
    }

    /// FM-59: what has no end, or none that can be believed, is not sent.
    #[test]
    fn fm59_how_replies_end() {
        for (line, expected) in [
            ("stats", Some(End::Lines)),
            ("stats items", Some(End::Lines)),
            ("stats  reset", Some(End::Line)),
            ("stats sizes_enable", Some(End::Line)),
            ("stats detail on", Some(End::Line)),
            ("stats detail dump", None),
            ("stats cachedump 1 1", None),
            ("lru mode flat", Some(End::Line)),
            ("lru_crawler enable", Some(End::Line)),
            ("lru_crawler metadump all", None),
            (" lru_crawler  mgdump hash", None),
            ("slabs automove 1", Some(End::Line)),
            ("slabs automove 1 noreply", None),
            ("slabs automove 1 noreply  ", None),
            ("verbosity noreply", None),
            ("lru_crawler noreply", None),
            ("shutdown", Some(End::Close)),
            ("shutdown graceful", Some(End::Close)),
            ("watch", None),
            (" watch fetchers", None),
            ("me k", None),
            ("quit", None),
            ("get a", None),
            ("set a 0 0 1", None),
            ("mg a v", None),
            ("WATCH", None),
            ("debug", None),
            ("x", None),
        ] {
            assert_eq!(end(line.as_bytes()).ok(), expected, "{line}");
        }
    }
}
