//! Inputs of the targets that read replies: flags, how many bytes are sent before the first receive
//! (255: all), the sizes of four pieces (0: all that is left) which are repeated, the number of commands,
//! a byte for each of them, and the replies.

use memcached2::connection::session::Session;
use memcached2::protocol::{Dialect, Op};

use crate::harness::{Cmd, Driver, Report, Way};

const KEYS: [&str; 4] = ["a", "b", "key", "key2"];
pub const MAX_VALUE: usize = 60_000;

pub struct Script<'a> {
    pub way: Way,
    pub sent_first: usize,
    sizes: [usize; 4],
    pub cmds: Vec<Cmd>,
    pub reply: &'a [u8],
}

impl Script<'_> {
    pub fn read(input: &[u8]) -> Option<Script<'_>> {
        let ([flags, sent_first, sizes @ .., n], rest) = input.split_first_chunk::<7>()?;
        let (cmds, reply) = rest.split_at_checked(usize::from(n % 12) + 1)?;
        Some(Script {
            way: Way {
                drain: false,
                batch: flags & 1 != 0,
                skip: flags & 2 != 0,
            },
            sent_first: match sent_first {
                255 => usize::MAX,
                n => usize::from(*n),
            },
            sizes: sizes.map(|size| match size {
                0 => usize::MAX,
                n => usize::from(n),
            }),
            cmds: cmds.iter().map(command).collect(),
            reply,
        })
    }

    /// The reply as it is cut.
    pub fn pieces(&self) -> Vec<&[u8]> {
        let mut rest = self.reply;
        let mut pieces = Vec::new();
        for size in self.sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces
    }

    /// What is sent for the commands.
    pub fn sent(&self, dialect: Dialect, way: Way) -> Vec<u8> {
        Driver::again(Session::speaking(dialect, MAX_VALUE), way, &self.cmds).send_all()
    }

    /// One exchange in a session of `dialect`.
    pub fn run(&self, dialect: Dialect, way: Way, sent_first: usize, pieces: &[&[u8]]) -> Report {
        let mut driver = Driver::again(Session::speaking(dialect, MAX_VALUE), way, &self.cmds);
        driver.send(sent_first);
        for (n, piece) in pieces.iter().enumerate() {
            if n == 1 {
                driver.send_all();
            }
            driver.receive(piece);
        }
        if driver.session.broken().is_none() {
            driver.send_all();
        }
        driver.finish().1
    }
}

/// Op, key, expiry time, and whether it is quiet, where it may be.
fn command(byte: &u8) -> Cmd {
    let which = usize::from(byte >> 4 & 3);
    // Commands for servers need no key: the bits of the key tell more of them apart.
    let op = match Op::ALL[usize::from(byte & 15)] {
        Op::Version => [Op::Version, Op::Ping, Op::Stats, Op::Stats][which],
        Op::FlushAll => [
            Op::FlushAll,
            Op::Verbosity,
            Op::CacheMemlimit,
            Op::DeleteAll,
        ][which],
        op => op,
    };
    let mut cmd = Cmd::new(op, KEYS[which]);
    if op == Op::Stats && which == 3 {
        cmd = cmd.value(b"reset".to_vec());
    }
    if byte & 64 != 0 {
        cmd = cmd.ttl(10);
    }
    if byte & 128 != 0 && !op.is_read() {
        cmd = cmd.quiet();
    }
    cmd
}

/// Whether `part` is in `bytes`.
pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}
