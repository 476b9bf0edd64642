//! Errors that are told as misses: for programs to which a cache that fails is an empty one.

use crate::error::{Failure, Status};
use crate::protocol::Op;

/// What a failure of a command on a key is told as; `None`: as itself. Mistakes of the program (classes
/// CLIENT, but for what a server cannot do, VALUE) and of this library's surroundings (LIBRARY) are never
/// told as misses, nor is what is asked of servers. What the server answered about the item (class STORE)
/// says that nothing was stored already.
pub fn as_miss(op: Op, failure: &Failure) -> Option<Status> {
    if op.is_server_wide() || !is_swallowed(failure.status) {
        return None;
    }
    Some(miss(op))
}

fn is_swallowed(status: Status) -> bool {
    let swallowed = [
        Status::CLASS_SERVER,
        Status::CLASS_CONNECTION,
        Status::CLASS_AUTH,
        Status::UNSUPPORTED,
    ];
    swallowed.iter().any(|one| status.is(*one))
}

/// What a command on a key is told where nothing is there for it, or nothing could be done.
pub fn miss(op: Op) -> Status {
    match op {
        Op::Get | Op::Gets | Op::Gat | Op::Gats => Status::NO_VALUE,
        Op::Delete | Op::Touch | Op::Incr | Op::Decr => Status::NOT_FOUND,
        _ => Status::NOT_STORED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::STATUSES;

    /// FM-77, FM-121: a coding error is told whatever the option says, and so is what this process has not.
    #[test]
    fn fm77_fm121_what_is_never_swallowed() {
        for row in STATUSES {
            let failure = Failure::new(row.status, "");
            let class = row.status.class();
            let expected = match class {
                Status::CLASS_SERVER | Status::CLASS_CONNECTION | Status::CLASS_AUTH => true,
                Status::CLASS_CLIENT => row.status == Status::UNSUPPORTED,
                _ => false,
            };
            for op in Op::ALL {
                let told = as_miss(op, &failure);
                let expected = expected && !op.is_server_wide();
                assert_eq!(told.is_some(), expected, "{op:?} {:?}", row.status);
            }
        }
    }

    #[test]
    fn each_command_has_its_miss() {
        let failure = Failure::new(Status::TIMEOUT, "");
        for (op, status) in [
            (Op::Get, Status::NO_VALUE),
            (Op::Gats, Status::NO_VALUE),
            (Op::Set, Status::NOT_STORED),
            (Op::Append, Status::NOT_STORED),
            (Op::Cas, Status::NOT_STORED),
            (Op::Delete, Status::NOT_FOUND),
            (Op::Touch, Status::NOT_FOUND),
            (Op::Incr, Status::NOT_FOUND),
        ] {
            assert_eq!(as_miss(op, &failure), Some(status), "{op:?}");
        }
    }
}
