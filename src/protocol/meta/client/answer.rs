//! Reply lines into what they mean for their commands.

use super::decode::{Code, Reply};
use crate::error::Status;
use crate::protocol::extra::{About, Said};
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
    /// An empty value follows, and CR LF: there is no item yet, somebody else is to make it.
    Unfilled,
    /// The server refused; nothing was done.
    Refused(Status),
    /// No reply that this command can have.
    Unexpected,
}

/// Digits of the largest number.
pub const NUMBER_MAX: usize = 20;

/// The meaning of `reply` as the reply to `op` that was sent with what was `said`.
///
/// An item that is stale, or that somebody is making anew, is a value like others to those who have not
/// asked for more, as it is in ASCII: the marks W, X and Z change nothing. To those who asked for a lease,
/// the empty item that somebody else is to fill is none.
pub fn answer(op: Op, said: Said, reply: &Reply) -> Answer {
    if !tells_what_was_asked(op, said, reply) {
        return Answer::Unexpected;
    }
    if op.reads_value() {
        return read(said, reply);
    }
    let compared = op == Op::Cas || said.has(Said::COMPARE);
    match (op, reply.code) {
        (Op::Touch, Code::Miss) => Answer::Miss,
        (Op::Touch | Op::Delete | Op::DeleteAll, Code::Done) => Answer::Done,
        (Op::Delete | Op::DeleteAll | Op::Cas | Op::Incr | Op::Decr, Code::NotFound) => {
            Answer::Miss
        }
        (Op::Incr | Op::Decr, Code::Value(len @ 1..=NUMBER_MAX)) => Answer::Number(len),
        (op, Code::Done) if op.sends_value() => Answer::Done,
        (op, Code::NotStored) if op.sends_value() => Answer::Refused(Status::NOT_STORED),
        (op, Code::Exists) if compared && op != Op::Touch => Answer::Refused(Status::CAS_FAILURE),
        _ => Answer::Unexpected,
    }
}

/// The meaning of a reply to a read.
fn read(said: Said, reply: &Reply) -> Answer {
    let told = &reply.returned;
    match reply.code {
        Code::Miss => Answer::Miss,
        Code::Value(0) if said.has(Said::LEASE) && told.sent && !told.won && !told.stale => {
            Answer::Unfilled
        }
        Code::Value(len) if !said.has(Said::NO_VALUE) => Answer::Value(ValueHead {
            flags: told.flags.unwrap_or_default(),
            len,
            cas: told.cas,
        }),
        Code::Done if said.has(Said::NO_VALUE) || said.has(Said::COMPARE) => Answer::Done,
        _ => Answer::Unexpected,
    }
}

/// Whether the reply's flags are those that the command asks for: none that it does not, and of those that
/// are no wishes none missing.
fn tells_what_was_asked(op: Op, said: Said, reply: &Reply) -> bool {
    let told = &reply.returned;
    let item = op.reads_value() && matches!(reply.code, Code::Value(_) | Code::Done);
    // A key may come back in base64 that was not asked for so: another client had it stored so.
    let key = (op.reads_value() && !said.has(Said::BASE64)) == told.key.is_some()
        && (told.key.is_some() || !told.base64);
    let cas = (item && op.reads_cas()) == told.cas.is_some() || said.has(Said::WANT_CAS);
    let unasked = [
        (told.size.is_some(), Said::WANT_SIZE),
        (told.ttl.is_some(), Said::WANT_TTL),
        (told.idle.is_some(), Said::WANT_ACCESS),
        (told.hit_before.is_some(), Said::WANT_HIT),
    ];
    let asked = |(is_told, wanted): &(bool, Said)| !is_told || said.has(*wanted);
    key && cas && item == told.flags.is_some() && unasked.iter().all(asked)
}

/// What a reply tells of the item.
pub fn about(reply: &Reply) -> About {
    let told = &reply.returned;
    // Only of an item that there is: memcached tells a CAS of 0 with a store that was not done.
    let is_item = matches!(reply.code, Code::Value(_) | Code::Done);
    About {
        cas: told.cas.filter(|_| is_item),
        flags: told.flags,
        size: told.size.filter(|_| is_item),
        ttl: told.ttl,
        idle: told.idle,
        hit_before: told.hit_before,
        won: told.won,
        stale: told.stale,
        other_won: told.sent,
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::{Decoded, Line, decode};
    use super::*;

    fn meaning(op: Op, text: &str) -> Answer {
        meaning_of(op, Said::NOTHING, text)
    }

    fn meaning_of(op: Op, said: Said, text: &str) -> Answer {
        match decode(format!("{text}\r\n").as_bytes(), &mut 0) {
            Decoded::Line {
                line: Line::Reply(reply),
                ..
            } => answer(op, said, &reply),
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
                    (
                        Op::Get | Op::Gat,
                        "VA 3 kkey f7 O1" | "VA 3 kkey f7 O1 W X Z" | "VA 3 ka2V5 b f7 O1",
                    ) => head(None),
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

    /// What is told only to those who asked for it.
    #[test]
    fn replies_to_what_was_said() {
        let head = |len, cas| Answer::Value(ValueHead { flags: 7, len, cas });
        let failed = Answer::Refused(Status::CAS_FAILURE);
        let (none, lease) = (Said::NO_VALUE, Said::LEASE);
        for (op, said, text, expected) in [
            (Op::Get, none, "HD kkey f7 O1", Answer::Done),
            (Op::Get, none, "VA 3 kkey f7 O1", Answer::Unexpected),
            (Op::Get, none, "HD kkey O1", Answer::Unexpected),
            (Op::Get, none, "EN kkey O1", Answer::Miss),
            (Op::Get, Said::COMPARE, "HD kkey f7 O1", Answer::Done),
            (Op::Get, Said::COMPARE, "VA 3 kkey f7 O1", head(3, None)),
            (Op::Get, lease, "VA 0 kkey f7 O1 W", head(0, None)),
            (Op::Get, lease, "VA 0 kkey f7 O1 Z", Answer::Unfilled),
            (Op::Get, lease, "VA 3 kkey f7 O1 Z", head(3, None)),
            (Op::Get, lease, "VA 0 kkey f7 O1 Z X", head(0, None)),
            (
                Op::Get,
                Said::WANT_CAS,
                "VA 3 kkey f7 c4 O1",
                head(3, Some(4)),
            ),
            (Op::Get, Said::WANT_CAS, "VA 3 kkey f7 O1", head(3, None)),
            (
                Op::Get,
                Said::WANT_TTL,
                "VA 3 kkey f7 t-1 O1",
                head(3, None),
            ),
            (
                Op::Get,
                Said::WANT_TTL,
                "VA 3 kkey f7 s3 O1",
                Answer::Unexpected,
            ),
            (Op::Get, Said::BASE64, "VA 3 f7 O1", head(3, None)),
            (Op::Get, Said::BASE64, "VA 3 b f7 O1", Answer::Unexpected),
            (
                Op::Get,
                Said::BASE64,
                "VA 3 kaw== f7 O1",
                Answer::Unexpected,
            ),
            (Op::Set, Said::BASE64, "HD O1", Answer::Done),
            (Op::Set, Said::WANT_CAS, "HD c4 O1", Answer::Done),
            (Op::Set, Said::WANT_SIZE, "HD s4 O1", Answer::Done),
            (Op::Set, Said::NOTHING, "HD s4 O1", Answer::Unexpected),
            (Op::Append, Said::COMPARE, "EX O1", failed),
            (Op::Append, Said::NOTHING, "EX O1", Answer::Unexpected),
            (Op::Delete, Said::COMPARE, "EX O1", failed),
            (Op::Incr, Said::COMPARE, "EX O1", failed),
            (Op::Incr, Said::WANT_TTL, "VA 1 t60 O1", Answer::Number(1)),
            (Op::Touch, Said::WANT_TTL, "HD t60 O1", Answer::Done),
            (Op::Touch, Said::COMPARE, "EX O1", Answer::Unexpected),
        ] {
            assert_eq!(meaning_of(op, said, text), expected, "{op:?}: {text}");
        }
    }

    #[test]
    fn what_is_told_of_the_item() {
        let of = |text: &str| match decode(format!("{text}\r\n").as_bytes(), &mut 0) {
            Decoded::Line {
                line: Line::Reply(reply),
                ..
            } => about(&reply),
            other => panic!("{text}: {other:?}"),
        };
        let all = About {
            cas: Some(1),
            flags: Some(2),
            size: Some(3),
            ttl: Some(-1),
            idle: Some(5),
            hit_before: Some(true),
            won: true,
            stale: true,
            other_won: true,
        };
        assert_eq!(of("VA 3 c1 f2 s3 t-1 l5 h1 W X Z"), all);
        assert_eq!(of("NS c0 s4"), About::default());
        assert_eq!(of("HD"), About::default());
    }
}
