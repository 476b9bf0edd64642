//! Authentication in lines (memcached's doc/protocol.txt, "Authentication"; -Y): a command `set` whose
//! value is the user and the password.

use super::client::{Answer, Decoded, answer, decode};
use crate::buffer::append;
use crate::error::Status;
use crate::protocol::{Op, Span};

/// What a server is asked first, to see whether it asks for credentials: one that does answers nothing
/// else before it has them.
pub const QUESTION: &[u8] = b"version\r\n";

/// The most bytes that [`encode`] appends beside the user and the password.
pub const LINE_ROOM: usize = 96;

/// Append the credentials. Neither may hold a space, an end of line or a NUL.
///
/// The key means nothing to a server that asks. One that does not (any more) stores the value under
/// it: so that this cannot be read, it has expired when it is stored (-1), and `nonce` sees to it that the
/// key is nobody's.
pub fn encode(user: &[u8], password: &[u8], nonce: u64, out: &mut Vec<u8>) {
    append(out, b"set memcached2:authentication:");
    append(out, itoa::Buffer::new().format(nonce).as_bytes());
    append(out, b" 0 -1 ");
    let len = user.len() + 1 + password.len();
    append(out, itoa::Buffer::new().format(len).as_bytes());
    append(out, b"\r\n");
    append(out, user);
    append(out, b" ");
    append(out, password);
    append(out, b"\r\n");
}

/// Whether a server says with this `CLIENT_ERROR` that it does not know who asks. A `set` on a connection
/// that has not authenticated is taken for credentials, whatever its key.
pub fn is_refusal(said: &[u8]) -> bool {
    matches!(
        said,
        b"unauthenticated" | b"authentication failure" | b"bad authentication token format"
    )
}

/// What a reply of so many bytes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<T> {
    More,
    Reply(usize, T),
    Broken(&'static str),
}

/// The answer to [`QUESTION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Yes,
    No,
    /// It refuses to say, in these words.
    Refused(Status, Span),
}

pub fn asked(unread: &[u8]) -> Heard<Asked> {
    heard(unread, Op::Version, |answer| match answer {
        Answer::Version(_) => Some(Asked::No),
        Answer::Refused { status, text, .. } => Some(match status {
            Status::INVALID_CREDENTIALS => Asked::Yes,
            // The command is not known there: nor is there anything else in its way.
            Status::UNKNOWN_COMMAND if text.len == 0 => Asked::No,
            status => Asked::Refused(status, text),
        }),
        _ => None,
    })
}

/// Whether the credentials are taken.
pub fn taken(unread: &[u8]) -> Heard<bool> {
    heard(unread, Op::Set, |answer| match answer {
        Answer::Done => Some(true),
        Answer::Refused {
            status: Status::INVALID_CREDENTIALS | Status::CLIENT_ERROR,
            ..
        } => Some(false),
        _ => None,
    })
}

fn heard<T>(unread: &[u8], op: Op, meaning: impl FnOnce(Answer) -> Option<T>) -> Heard<T> {
    match decode(unread, &mut 0) {
        Decoded::More => Heard::More,
        Decoded::Broken(why) => Heard::Broken(why),
        Decoded::Line { used, line } => match meaning(answer(op, line, &unread[..used])) {
            Some(meaning) => Heard::Reply(used, meaning),
            None => Heard::Broken("a reply that authentication cannot have"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FM-94: whoever stores it stores what has expired, under a key of its own.
    #[test]
    fn fm94_the_line_and_its_room() {
        let (user, password) = (b"ann".as_slice(), b"p:w".as_slice());
        for nonce in [0, 7, u64::MAX] {
            let mut out = Vec::with_capacity(LINE_ROOM + user.len() + password.len());
            let room = out.capacity();
            encode(user, password, nonce, &mut out);
            let line = format!("set memcached2:authentication:{nonce} 0 -1 7\r\nann p:w\r\n");
            assert_eq!(String::from_utf8_lossy(&out), line);
            assert!(out.len() <= room && out.capacity() == room);
        }
    }

    /// As memcached 1.6.18 says it with -Y and without.
    #[test]
    fn fm95_replies() {
        let reply = |text: &str| asked(text.as_bytes());
        let refused = |used, status, len| {
            let text = Span {
                at: used as u32 - 2 - len,
                len,
            };
            Heard::Reply(used, Asked::Refused(status, text))
        };
        assert_eq!(reply("VERSION 1.6.18\r\nx"), Heard::Reply(16, Asked::No));
        assert_eq!(
            reply("CLIENT_ERROR unauthenticated\r\n"),
            Heard::Reply(30, Asked::Yes)
        );
        assert_eq!(reply("CLIENT_ERROR unauth"), Heard::More);
        assert_eq!(reply("ERROR\r\n"), Heard::Reply(7, Asked::No));
        assert_eq!(
            reply("ERROR Too many open connections\r\n"),
            refused(33, Status::TOO_MANY_CONNECTIONS, 25)
        );
        assert_eq!(
            reply("SERVER_ERROR no\r\n"),
            refused(17, Status::SERVER_ERROR, 2)
        );
        for wrong in ["STORED\r\n", "END\r\n", "220 mail\r\n", "\x01\x02\r\n"] {
            assert!(matches!(reply(wrong), Heard::Broken(_)), "{wrong}");
        }
        for (text, expected) in [
            ("STORED\r\n", Heard::Reply(8, true)),
            (
                "CLIENT_ERROR authentication failure\r\n",
                Heard::Reply(37, false),
            ),
            ("CLIENT_ERROR unauthenticated\r\n", Heard::Reply(30, false)),
            (
                "CLIENT_ERROR bad authentication token format\r\n",
                Heard::Reply(46, false),
            ),
            ("STORED", Heard::More),
            ("", Heard::More),
        ] {
            assert_eq!(taken(text.as_bytes()), expected, "{text}");
        }
        for wrong in ["NOT_STORED\r\n", "VERSION 1\r\n", "SERVER_ERROR x\r\n"] {
            assert!(
                matches!(taken(wrong.as_bytes()), Heard::Broken(_)),
                "{wrong}"
            );
        }
    }
}
