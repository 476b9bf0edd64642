//! Commands as data, as [`super::execute`] has them, with what a test of servers says of them; and mc_sync.

use super::abi::Handle;
use super::client::Client;
use super::execute::{self, Said};

unsafe extern "C" {
    fn mc_sync(client: *mut Handle, timeout_us: i64, failed: *mut u64) -> i32;
}

/// A command on a key.
#[derive(Clone, Copy, Default)]
pub struct Command<'a> {
    pub op: u32,
    pub key: &'a str,
    pub value: &'a [u8],
    pub ttl: i64,
    /// `None`: not said.
    pub cas: Option<u64>,
    pub flags: u32,
    pub quiet: bool,
}

/// What it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub status: i32,
    pub value: Option<Vec<u8>>,
    /// `None`: not told.
    pub cas: Option<u64>,
    pub number: u64,
    pub flags: u32,
    pub effect: u32,
}

impl<'a> Command<'a> {
    pub fn new(op: u32, key: &'a str, value: &'a [u8]) -> Command<'a> {
        Command {
            op,
            key,
            value,
            ..Command::default()
        }
    }

    fn owned(&self) -> execute::Command {
        execute::Command {
            ttl: self.ttl,
            cas: self.cas.unwrap_or_default(),
            flags: self.flags,
            noreply: self.quiet,
            ..execute::Command::new(self.op, self.key).value(self.value)
        }
    }
}

impl From<Said> for Done {
    fn from(said: Said) -> Done {
        Done {
            status: said.status,
            value: said.value,
            cas: said.cas,
            number: said.number.unwrap_or_default(),
            flags: said.flags.unwrap_or_default(),
            effect: said.effect,
        }
    }
}

impl Client {
    pub fn carry_out(&self, command: Command<'_>) -> Done {
        self.execute(&command.owned()).into()
    }

    /// The status of the whole, and what became of each.
    pub fn carry_out_all(&self, commands: &[Command<'_>]) -> (i32, Vec<Done>) {
        let owned: Vec<_> = commands.iter().map(Command::owned).collect();
        let (status, said) = self.execute_multi(&owned);
        (status, said.into_iter().map(Done::from).collect())
    }

    /// The status of mc_sync, and how many quiet commands have failed.
    pub fn sync(&self) -> (i32, u64) {
        let mut failed = u64::MAX;
        // SAFETY: a live handle and a place.
        let status = unsafe { mc_sync(self.0, 0, &mut failed) };
        (status, failed)
    }
}
