//! Reply lines into what they mean for their commands.

use super::decode::{Code, Reply};
use crate::error::Status;
use crate::protocol::{Op, ValueHead};

/// What a reply means to a command whose opaque (and, where it tells one, whose key) it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The command did what it is for.
    Done,
    /// There is no such item.
    Miss,
    /// The value follows, and CR LF.
    Value(ValueHead),
    /// A number of so many digits follows, and CR LF.
    Number(usize),
    /// The server refused; nothing was done.
    Refused(Status),
    /// No reply that this command can have.
    Unexpected,
}

/// Digits of the largest number.
pub const NUMBER_MAX: usize = 20;

/// The meaning of `reply` as the reply to `op`.
///
/// An item that is stale, or that somebody is making anew, is a value like others to those who have not
/// asked for more, as it is in ASCII: the marks W, X and Z change nothing.
pub fn answer(op: Op, reply: &Reply) -> Answer {
    if !tells_what_was_asked(op, reply) {
        return Answer::Unexpected;
    }
    match (op, reply.code) {
        (Op::Get | Op::Gets | Op::Gat | Op::Gats, Code::Value(len)) => Answer::Value(ValueHead {
            flags: reply.returned.flags.unwrap_or_default(),
            len,
            cas: reply.returned.cas,
        }),
        (Op::Get | Op::Gets | Op::Gat | Op::Gats | Op::Touch, Code::Miss) => Answer::Miss,
        (Op::Touch | Op::Delete | Op::DeleteAll, Code::Done) => Answer::Done,
        (Op::Delete | Op::DeleteAll | Op::Cas | Op::Incr | Op::Decr, Code::NotFound) => {
            Answer::Miss
        }
        (Op::Incr | Op::Decr, Code::Value(len @ 1..=NUMBER_MAX)) => Answer::Number(len),
        (op, Code::Done) if op.sends_value() => Answer::Done,
        (op, Code::NotStored) if op.sends_value() => Answer::Refused(Status::NOT_STORED),
        (Op::Cas, Code::Exists) => Answer::Refused(Status::CAS_FAILURE),
        _ => Answer::Unexpected,
    }
}

/// Whether the reply's flags are those that the command asks for, no more and no fewer.
fn tells_what_was_asked(op: Op, reply: &Reply) -> bool {
    let told = &reply.returned;
    let value = op.reads_value() && matches!(reply.code, Code::Value(_));
    let key = op.reads_value() == told.key.is_some() && !told.base64;
    let item = value == told.flags.is_some() && (value && op.reads_cas()) == told.cas.is_some();
    let unasked = told.size.is_some()
        || told.ttl.is_some()
        || told.idle.is_some()
        || told.hit_before.is_some();
    key && item && !unasked
}

#[cfg(test)]
mod tests {
    use super::super::decode::{Decoded, Line, decode};
    use super::*;

    fn meaning(op: Op, text: &str) -> Answer {
        match decode(format!("{text}\r\n").as_bytes(), &mut 0) {
            Decoded::Line {
                line: Line::Reply(reply),
                ..
            } => answer(op, &reply),
            other => panic!("{text}: {other:?}"),
        }
    }

    /// Every reply to every command; what is not listed is unexpected.
    #[test]
    fn every_reply_to_every_op() {
        let not_stored = Answer::Refused(Status::NOT_STORED);
        let head = |cas| {
            Answer::Value(ValueHead {
                flags: 7,
                len: 3,
                cas,
            })
        };
        let replies = [
            "HD O1",
            "HD kkey O1",
            "EN O1",
            "EN kkey O1",
            "NF O1",
            "NF kkey O1",
            "NS O1",
            "EX O1",
            "MN",
            "VA 3 O1",
            "VA 0 O1",
            "VA 20 O1",
            "VA 21 O1",
            "VA 3 kkey f7 O1",
            "HD c5 O1",
            "VA 3 kkey f7 c5 O1",
            "VA 3 f7 O1",
            "VA 3 kkey O1",
            "VA 3 kkey f7 O1 W X Z",
            "VA 3 kkey f7 O1 t1",
            "VA 3 kkey f7 O1 s3",
            "VA 3 kkey f7 O1 l1",
            "VA 3 kkey f7 O1 h1",
            "VA 3 ka2V5 b f7 O1",
        ];
        for op in Op::ALL {
            for text in replies {
                let expected = match (op, text) {
                    (Op::Get | Op::Gat, "VA 3 kkey f7 O1" | "VA 3 kkey f7 O1 W X Z") => head(None),
                    (Op::Gets | Op::Gats, "VA 3 kkey f7 c5 O1") => head(Some(5)),
                    (op, "EN kkey O1") if op.reads_value() => Answer::Miss,
                    (Op::Touch, "EN O1") => Answer::Miss,
                    (Op::Touch | Op::Delete | Op::DeleteAll, "HD O1") => Answer::Done,
                    (Op::Delete | Op::DeleteAll, "NF O1") => Answer::Miss,
                    (Op::Cas | Op::Incr | Op::Decr, "NF O1") => Answer::Miss,
                    (Op::Incr | Op::Decr, "VA 3 O1") => Answer::Number(3),
                    (Op::Incr | Op::Decr, "VA 20 O1") => Answer::Number(20),
                    (op, "HD O1") if op.sends_value() => Answer::Done,
                    (op, "NS O1") if op.sends_value() => not_stored,
                    (Op::Cas, "EX O1") => Answer::Refused(Status::CAS_FAILURE),
                    _ => Answer::Unexpected,
                };
                assert_eq!(meaning(op, text), expected, "{op:?}: {text}");
            }
        }
    }
}
