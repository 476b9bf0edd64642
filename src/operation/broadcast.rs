//! The same command for every server. It is carried out as a batch: all servers are asked before any
//! is waited for, and each has an entry at its place, one that is down too.

use super::command::Commands;
use crate::error::{Failure, Result, Status};
use crate::protocol::stats::{ArgumentFault, check};
use crate::protocol::{Command, Op};

/// One command for each server.
pub struct Everywhere<'a> {
    command: Command<'a>,
    servers: usize,
}

impl<'a> Everywhere<'a> {
    /// `command` for so many servers. Fails where it may be sent to none.
    pub fn new(command: Command<'a>, servers: usize) -> Result<Everywhere<'a>> {
        debug_assert!(command.op.is_server_wide());
        if command.op == Op::Stats {
            check(command.value).map_err(refused)?;
        }
        Ok(Everywhere { command, servers })
    }
}

#[cold]
fn refused(fault: ArgumentFault) -> Box<Failure> {
    let status = match fault {
        ArgumentFault::Reply(_) => Status::UNSUPPORTED,
        _ => Status::ILLEGAL_INPUT,
    };
    Failure::new(status, fault.to_string())
}

impl Commands for Everywhere<'_> {
    fn count(&self) -> usize {
        self.servers
    }
    fn blank(&self) -> Command<'_> {
        self.command
    }
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        command.server = index;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::command::command;

    #[test]
    fn each_server_gets_the_command() {
        let like = Command {
            delta: 3,
            ..Command::new(Op::Verbosity, b"")
        };
        let everywhere = Everywhere::new(like, 3).expect("a command for servers");
        assert_eq!(everywhere.count(), 3);
        for index in 0..3 {
            let one = command(&everywhere, index).expect("a command");
            assert_eq!((one.op, one.delta, one.server), (Op::Verbosity, 3, index));
        }
    }

    /// FM-41, FM-56: what may not be sent, and what cannot be read, is refused for all of them.
    #[test]
    fn fm41_fm56_statistics_that_are_not_asked_for() {
        for (argument, status) in [
            (&b"items\r\nflush_all"[..], Some(Status::ILLEGAL_INPUT)),
            (b" items", Some(Status::ILLEGAL_INPUT)),
            (&[b'a'; 65], Some(Status::ILLEGAL_INPUT)),
            (b"cachedump 1 1", Some(Status::UNSUPPORTED)),
            (b"items", None),
            (b"", None),
        ] {
            let stats = Command {
                value: argument,
                ..Command::new(Op::Stats, b"")
            };
            let failure = Everywhere::new(stats, 1).err();
            assert_eq!(
                failure.map(|failure| failure.status),
                status,
                "{argument:?}"
            );
        }
    }
}
