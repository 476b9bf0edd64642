//! Lines by which a server refuses what an operator asks of it: each command has words of its own.

use super::ascii::auth::is_refusal;
use crate::error::Status;

/// The first words of refusals, and what they mean. What follows is for humans.
const WORDS: [(&str, Status); 13] = [
    ("SERVER_ERROR", Status::SERVER_ERROR),
    ("CLIENT_ERROR", Status::CLIENT_ERROR),
    ("ERROR", Status::UNKNOWN_COMMAND),
    // `Error TLS not enabled`.
    ("Error", Status::SERVER_ERROR),
    ("BUSY", Status::SERVER_ERROR),
    ("NOSPARE", Status::SERVER_ERROR),
    ("NOTFULL", Status::SERVER_ERROR),
    ("NOTSTARTED", Status::SERVER_ERROR),
    ("UNSAFE", Status::SERVER_ERROR),
    ("BADCLASS", Status::CLIENT_ERROR),
    ("SAME", Status::CLIENT_ERROR),
    ("MEMLIMIT_TOO_SMALL", Status::CLIENT_ERROR),
    ("MEMLIMIT_ADJUST_FAILED", Status::CLIENT_ERROR),
];

/// What a line, without its end, refuses with; `None` where it is no refusal.
pub fn refusal(line: &[u8]) -> Option<Status> {
    let ends = |rest: &[u8]| matches!(rest.first(), None | Some(b' ' | b':'));
    let (word, status) = WORDS
        .iter()
        .find(|(word, _)| line.strip_prefix(word.as_bytes()).is_some_and(ends))?;
    let said = line[word.len()..].trim_ascii_start();
    let holds = |part: &[u8]| memchr::memmem::find(said, part).is_some();
    Some(match *word {
        "SERVER_ERROR" if said.starts_with(b"out of memory") => Status::OUT_OF_MEMORY,
        "ERROR" if said.starts_with(b"Too many open connections") => Status::TOO_MANY_CONNECTIONS,
        "CLIENT_ERROR" if is_refusal(said) => Status::INVALID_CREDENTIALS,
        // Said by -X, and where a feature was not switched on when the server was started.
        "ERROR" | "Error" if holds(b"not allowed") || holds(b"not enabled") => {
            Status::NOT_PERMITTED
        }
        // A bare ERROR is that of an unknown command; with words behind it, the server knows better.
        "ERROR" if !said.is_empty() => Status::SERVER_ERROR,
        _ => *status,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_servers() {
        for (line, status) in [
            ("ERROR", Some(Status::UNKNOWN_COMMAND)),
            ("ERROR: shutdown not enabled", Some(Status::NOT_PERMITTED)),
            ("ERROR metadump not allowed", Some(Status::NOT_PERMITTED)),
            ("ERROR locked try again later", Some(Status::SERVER_ERROR)),
            (
                "ERROR failed to start lru crawler thread",
                Some(Status::SERVER_ERROR),
            ),
            (
                "ERROR Too many open connections",
                Some(Status::TOO_MANY_CONNECTIONS),
            ),
            ("Error TLS not enabled", Some(Status::NOT_PERMITTED)),
            (
                "CLIENT_ERROR lru crawler disabled",
                Some(Status::CLIENT_ERROR),
            ),
            (
                "CLIENT_ERROR unauthenticated",
                Some(Status::INVALID_CREDENTIALS),
            ),
            (
                "SERVER_ERROR out of memory writing",
                Some(Status::OUT_OF_MEMORY),
            ),
            ("SERVER_ERROR", Some(Status::SERVER_ERROR)),
            (
                "BUSY currently processing crawler request",
                Some(Status::SERVER_ERROR),
            ),
            ("BADCLASS invalid class id", Some(Status::CLIENT_ERROR)),
            (
                "NOSPARE source class has no spare pages",
                Some(Status::SERVER_ERROR),
            ),
            ("MEMLIMIT_TOO_SMALL cannot set", Some(Status::CLIENT_ERROR)),
            ("OK", None),
            ("ERRORS 7", None),
            ("BUSYBODY", None),
            ("STAT BUSY 1", None),
            ("", None),
        ] {
            assert_eq!(refusal(line.as_bytes()), status, "{line}");
        }
    }
}
