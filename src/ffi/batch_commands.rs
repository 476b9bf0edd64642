//! The commands of a batch, in the shapes that callers have them in.

use std::ffi::{c_char, c_void};

use super::borrow::{CSTR, bytes, null, sized};
use super::command::mc_command;
use crate::error::{Failure, Result};
use crate::operation::command::Commands;
use crate::protocol::served::Needs;
use crate::protocol::{Command, Op};

/// Keys (and values) in arrays of pointers; what they share is in `like`.
pub struct Arrays<'a> {
    pub like: Command<'a>,
    pub keys: &'a [*const c_char],
    pub key_lens: Option<&'a [usize]>,
    pub values: &'a [*const c_void],
    pub value_lens: Option<&'a [usize]>,
}

impl Commands for Arrays<'_> {
    fn count(&self) -> usize {
        self.keys.len()
    }

    fn blank(&self) -> Command<'_> {
        self.like
    }

    #[inline(always)]
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        let len = |lens: Option<&[usize]>| match lens {
            Some(lens) => lens[index],
            None => CSTR,
        };
        // SAFETY: the caller's pointers, valid for their lengths until the call returns.
        command.key = unsafe { bytes(self.keys[index].cast(), len(self.key_lens), "key") }?;
        if let Some(value) = self.values.get(index) {
            // SAFETY: as above.
            command.value = unsafe { bytes(*value, len(self.value_lens), "value") }?;
        }
        Ok(())
    }
}

/// Keys (and values) one behind the other.
pub struct Packed<'a> {
    pub like: Command<'a>,
    pub keys: Pieces<'a>,
    pub values: Option<Pieces<'a>>,
}

/// Bytes, and where each piece of them ends.
pub struct Pieces<'a> {
    bytes: &'a [u8],
    ends: Vec<usize>,
}

impl<'a> Pieces<'a> {
    /// # Safety
    ///
    /// `start` is valid for the sum of `lens`.
    pub unsafe fn new(start: *const c_void, lens: &[usize], name: &str) -> Result<Pieces<'a>> {
        let mut ends = Vec::new();
        ends.try_reserve_exact(lens.len())
            .map_err(|_| Failure::no_memory(size_of_val(lens)))?;
        let mut end = 0usize;
        for len in lens {
            if *len == CSTR {
                return Err(Failure::argument(format!(
                    "MC_CSTR as a length of packed {name}: they do not end at a NUL"
                )));
            }
            end = end
                .checked_add(*len)
                .filter(|end| *end <= isize::MAX as usize)
                .ok_or_else(|| Failure::argument(format!("the lengths of the packed {name}")))?;
            ends.push(end);
        }
        // SAFETY: promised by the caller.
        let bytes = unsafe { bytes(start, end, name) }?;
        Ok(Pieces { bytes, ends })
    }

    #[inline]
    fn piece(&self, index: usize) -> &[u8] {
        let begin = match index {
            0 => 0,
            _ => self.ends[index - 1],
        };
        &self.bytes[begin..self.ends[index]]
    }
}

impl Commands for Packed<'_> {
    fn count(&self) -> usize {
        self.keys.ends.len()
    }

    fn blank(&self) -> Command<'_> {
        self.like
    }

    #[inline(always)]
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        command.key = self.keys.piece(index);
        if let Some(values) = &self.values {
            command.value = values.piece(index);
        }
        Ok(())
    }
}

/// `mc_command`s of any version, all of the same size.
pub struct Mixed {
    first: *const mc_command,
    stride: usize,
    n: usize,
}

impl Mixed {
    /// # Safety
    ///
    /// `first` is valid for `n` commands of the first one's size.
    pub unsafe fn new(first: *const mc_command, n: usize) -> Result<Mixed> {
        if n == 0 {
            return Ok(Mixed {
                first,
                stride: 0,
                n,
            });
        }
        if first.is_null() {
            return Err(null("commands"));
        }
        // SAFETY: every version begins with `size`.
        let stride = unsafe { (*first).size } as usize;
        if !(size_of::<u32>() * 2..=4096).contains(&stride)
            || stride % align_of::<mc_command>() != 0
        {
            return Err(Failure::argument(format!("commands[0].size is {stride}")));
        }
        if n > u32::MAX as usize || n.checked_mul(stride).is_none() {
            return Err(Failure::argument(format!("{n} commands")));
        }
        let mixed = Mixed { first, stride, n };
        for index in 0..n {
            // SAFETY: within the array.
            let size = unsafe { (*mixed.at(index)).size } as usize;
            if size != stride {
                return Err(Failure::argument(format!(
                    "commands[{index}].size is {size}, that of the first {stride}"
                )));
            }
        }
        Ok(mixed)
    }

    fn at(&self, index: usize) -> *const mc_command {
        self.first
            .cast::<u8>()
            .wrapping_add(index * self.stride)
            .cast()
    }

    /// Whether all commands are writes, which decides how partial failure is called.
    pub fn all_write(&self) -> bool {
        (0..self.n).all(|index| {
            // SAFETY: `op` is part of every version, as `new` has checked.
            Op::from_number(unsafe { (*self.at(index)).op }).is_some_and(|op| !op.is_read())
        })
    }

    fn read(&self, index: usize) -> Result<mc_command> {
        // SAFETY: within the array, valid for its size.
        unsafe { sized(self.at(index), self.stride, "command") }
    }
}

impl Commands for Mixed {
    fn count(&self) -> usize {
        self.n
    }

    fn blank(&self) -> Command<'_> {
        Command::new(Op::Get, b"")
    }

    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        *command = self.blank();
        let read = self.read(index)?;
        if read.timeout_us != 0 {
            return Err(Failure::argument(
                "command.timeout_us in a batch: the time limit is the batch's",
            ));
        }
        // SAFETY: the caller's pointers, valid until the call returns.
        *command = unsafe { read.command() }?;
        if command.op.is_server_wide() {
            return Err(Failure::argument(format!(
                "{} is asked of servers, not of a key",
                command.op.name()
            )));
        }
        Ok(())
    }

    fn beyond(&self) -> Option<Needs> {
        let mut all = None;
        for index in 0..self.n {
            let Ok(read) = self.read(index) else {
                continue;
            };
            if !read.known_op().is_some_and(|op| read.is_beyond(op)) {
                continue;
            }
            // SAFETY: the caller's pointers, valid until the call returns.
            if let Ok(command) = unsafe { read.command() } {
                let needs = Needs::of(&command);
                all = Some(all.map_or(needs, |all: Needs| all.and(needs)));
            }
        }
        all
    }

    #[cold]
    fn refused_key(&self, index: usize) -> &[u8] {
        // SAFETY: the caller's pointers, valid until the call returns.
        self.read(index)
            .map_or(b"", |read| unsafe { read.refused_key() })
    }
}
