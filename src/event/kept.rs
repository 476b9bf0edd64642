//! Commands copied: the caller's memory is used no more once they are submitted.

use std::ops::Range;

use crate::buffer::NoMemory;
use crate::error::{Failure, Result};
use crate::operation::command::{Commands, Limits, fault, key, not_in_a_loop};
use crate::protocol::{Command, Op, Request};

/// The commands of one operation, with their bytes.
pub struct Kept {
    bytes: Vec<u8>,
    entries: Entries,
}

enum Entries {
    One(Entry),
    Many(Vec<Entry>),
}

/// One command.
struct Entry {
    /// All but its bytes; or why it is refused, which needs no server to be known.
    like: std::result::Result<Command<'static>, Box<Failure>>,
    /// Where key, value and route stand among the bytes, one behind the other.
    at: usize,
    key: usize,
    value: usize,
    route: Option<usize>,
}

impl Kept {
    /// A lone command. Fails where it is one that no server is asked.
    pub fn one(command: &Command<'_>, limits: Limits<'_>) -> Result<Kept> {
        check(command, limits)?;
        let mut bytes = Vec::new();
        let entry = Entry::keep(command, &mut bytes).map_err(|why| Failure::no_memory(why.0))?;
        Ok(Kept {
            bytes,
            entries: Entries::One(entry),
        })
    }

    /// A batch. A command that no server is asked is refused for itself. Fails only for want of memory.
    pub fn many<C: Commands>(commands: &C, limits: Limits<'_>) -> Result<Kept> {
        let n = commands.count();
        let mut bytes = Vec::new();
        let mut entries = Vec::new();
        entries
            .try_reserve_exact(n)
            .map_err(|_| Failure::no_memory(n.saturating_mul(size_of::<Entry>())))?;
        let mut command = commands.blank();
        for index in 0..n {
            let entry = match commands.fill(index, &mut command) {
                // What stands in the command may be that of the one before.
                Err(failure) => Entry::refuse(commands.refused_key(index), failure, &mut bytes),
                Ok(()) => match check(&command, limits) {
                    Ok(()) => Entry::keep(&command, &mut bytes),
                    Err(failure) => Entry::refuse(command.key, failure, &mut bytes),
                },
            };
            entries.push(entry.map_err(|why| Failure::no_memory(why.0))?);
        }
        Ok(Kept {
            bytes,
            entries: Entries::Many(entries),
        })
    }

    /// Whether it was submitted as a batch.
    pub fn is_batch(&self) -> bool {
        matches!(self.entries, Entries::Many(_))
    }

    fn entry(&self, index: usize) -> Option<&Entry> {
        match &self.entries {
            Entries::One(entry) => (index == 0).then_some(entry),
            Entries::Many(entries) => entries.get(index),
        }
    }

    /// Command number `index`, or why it is refused.
    pub fn command(&self, index: usize) -> Result<Command<'_>> {
        let entry = self
            .entry(index)
            .ok_or_else(|| Failure::argument("no such command"))?;
        let like = entry.like.as_ref().map_err(Clone::clone)?;
        let (key, value, route) = entry.places();
        Ok(Command {
            key: self.part(key),
            value: self.part(value),
            route: route.map(|route| self.part(route)),
            ..*like
        })
    }

    /// The value of command number `index`, for when it leaves.
    pub fn value(&self, index: usize) -> &[u8] {
        self.entry(index)
            .map_or(b"", |entry| self.part(entry.places().1))
    }

    fn part(&self, place: Range<usize>) -> &[u8] {
        self.bytes.get(place).unwrap_or_default()
    }
}

impl Commands for Kept {
    fn count(&self) -> usize {
        match &self.entries {
            Entries::One(_) => 1,
            Entries::Many(entries) => entries.len(),
        }
    }

    fn blank(&self) -> Command<'_> {
        Command::new(Op::Get, b"")
    }

    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        *command = self.command(index)?;
        Ok(())
    }

    fn refused_key(&self, index: usize) -> &[u8] {
        self.entry(index)
            .map_or(b"", |entry| self.part(entry.places().0))
    }
}

/// The checks that need no server.
fn check(command: &Command<'_>, limits: Limits<'_>) -> Result<()> {
    if !command.extra.is_nothing() {
        return Err(not_in_a_loop(command.op));
    }
    let key = key(command.op, command, limits)?;
    // The expiry time is not looked at.
    let request = Request::new(command.op, command, key, || 0);
    match fault(&request, limits) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

impl Entry {
    fn keep(command: &Command<'_>, bytes: &mut Vec<u8>) -> std::result::Result<Entry, NoMemory> {
        let value = match command.op.sends_value() {
            true => command.value,
            false => b"",
        };
        let at = bytes.len();
        let parts = [command.key, value, command.route.unwrap_or_default()];
        append(parts, bytes)?;
        Ok(Entry {
            like: Ok(Command {
                key: b"",
                value: b"",
                route: None,
                ..*command
            }),
            at,
            key: command.key.len(),
            value: value.len(),
            route: command.route.map(<[u8]>::len),
        })
    }

    #[cold]
    fn refuse(
        key: &[u8],
        failure: Box<Failure>,
        bytes: &mut Vec<u8>,
    ) -> std::result::Result<Entry, NoMemory> {
        let at = bytes.len();
        append([key, b"", b""], bytes)?;
        Ok(Entry {
            like: Err(failure),
            at,
            key: key.len(),
            value: 0,
            route: None,
        })
    }

    fn places(&self) -> (Range<usize>, Range<usize>, Option<Range<usize>>) {
        let (key, value) = (self.at + self.key, self.at + self.key + self.value);
        (
            self.at..key,
            key..value,
            self.route.map(|len| value..value + len),
        )
    }
}

fn append(parts: [&[u8]; 3], bytes: &mut Vec<u8>) -> std::result::Result<(), NoMemory> {
    let len = parts.iter().map(|part| part.len()).sum();
    let reserved = match bytes.capacity() {
        0 => bytes.try_reserve_exact(len),
        _ => bytes.try_reserve(len),
    };
    reserved.map_err(|_| NoMemory(len))?;
    for part in parts {
        bytes.extend_from_slice(part);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use crate::protocol::expiry::Ttl;

    const LIMITS: Limits<'static> = Limits {
        prefix: b"p:",
        item_size_max: 1024,
    };

    /// Commands of any kind.
    struct Said<'a>(Vec<Command<'a>>);

    impl Commands for Said<'_> {
        fn count(&self) -> usize {
            self.0.len()
        }
        fn blank(&self) -> Command<'_> {
            Command::new(Op::Get, b"")
        }
        fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
            *command = self.0[index];
            match command.delta {
                99 => Err(Failure::argument("it is refused")),
                _ => Ok(()),
            }
        }
        fn refused_key(&self, _: usize) -> &[u8] {
            b"refused"
        }
    }

    /// FM-123: what is kept is what was said, and nothing of the caller's memory.
    #[test]
    fn fm123_commands_are_copied() {
        let (key, value, route) = (b"key".to_vec(), b"value".to_vec(), b"route".to_vec());
        let large = vec![0; 2000];
        let kept = {
            let set = Command {
                value: &value,
                flags: 7,
                ttl: Ttl::After(9),
                route: Some(&route),
                ..Command::new(Op::Set, &key)
            };
            let read = Command {
                value: &value,
                ..Command::new(Op::Get, &key)
            };
            let too_large = Command {
                value: &large,
                ..set
            };
            let refused = Command { delta: 99, ..read };
            let illegal = Command::new(Op::Get, b"no key");
            let said = Said(vec![set, read, too_large, refused, illegal]);
            Kept::many(&said, LIMITS).expect("memory")
        };
        drop((key, value, route));
        assert!(kept.is_batch() && kept.count() == 5);
        let set = kept.command(0).expect("it is legal");
        assert_eq!(
            (set.op, set.key, set.value),
            (Op::Set, &b"key"[..], &b"value"[..])
        );
        assert_eq!((set.flags, set.route), (7, Some(&b"route"[..])));
        assert_eq!(kept.value(0), b"value");
        let read = kept.command(1).expect("it is legal");
        assert_eq!(
            (read.key, read.value, read.route),
            (&b"key"[..], &b""[..], None)
        );
        let status = |index| kept.command(index).err().map(|failure| failure.status);
        let expected = [
            Status::TOO_LARGE,
            Status::INVALID_ARGUMENT,
            Status::ILLEGAL_INPUT,
        ];
        assert_eq!([status(2), status(3), status(4)], expected.map(Some));
        let keys = [2, 3, 4].map(|index| kept.refused_key(index));
        assert_eq!(keys, [&b"key"[..], b"refused", b"no key"]);
        // The value that is too large was not copied.
        assert!(kept.bytes.len() < 100);
        assert!(status(5).is_some());
    }
}
