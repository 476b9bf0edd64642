//! What proxies pass, command by command: the option `profile=classic` sends nothing else.
//!
//! What twemproxy does was asked of nutcracker 0.5.0, as Debian packages it, over a socket of one's
//! own; what mcrouter does is what its parser of ASCII requests reads (`McAsciiParser.rl`), and what
//! its users report. A word that they do not know makes both close the connection (mcrouter says
//! `CLIENT_ERROR malformed request` first), and whatever else was under way there goes with it: such a
//! command has to be refused before it is sent.

use super::Op;

/// What a proxy makes of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It goes to the server of its key, and the server's answer comes back.
    Passed,
    /// The proxy closes the connection.
    Closed,
    /// The proxy answers, or lets one server answer for all: nothing is learned of the others.
    ForItself,
    /// The proxy refuses it in words.
    Refused,
}

/// A row of the table.
pub struct Row {
    pub op: Op,
    pub twemproxy: Fate,
    pub mcrouter: Fate,
    /// What else is known, and from where.
    pub remark: &'static str,
}

const fn row(op: Op, twemproxy: Fate, mcrouter: Fate, remark: &'static str) -> Row {
    Row {
        op,
        twemproxy,
        mcrouter,
        remark,
    }
}

use Fate::{Closed, ForItself, Passed, Refused};

/// Every command.
pub const TABLE: [Row; 21] = [
    row(Op::Get, Passed, Passed, ""),
    row(Op::Gets, Passed, Passed, ""),
    row(
        Op::Gat,
        Closed,
        Passed,
        "mcrouter from 2019 on; before, it closes",
    ),
    row(
        Op::Gats,
        Closed,
        Passed,
        "mcrouter from 2019 on; before, it closes",
    ),
    row(Op::Set, Passed, Passed, ""),
    row(Op::Add, Passed, Passed, ""),
    row(Op::Replace, Passed, Passed, ""),
    row(Op::Append, Passed, Passed, ""),
    row(Op::Prepend, Passed, Passed, ""),
    row(Op::Cas, Passed, Passed, ""),
    row(Op::Delete, Passed, Passed, ""),
    row(
        Op::Touch,
        Passed,
        Passed,
        "twemproxy's ChangeLog: from 0.4.1 on",
    ),
    row(Op::Incr, Passed, Passed, ""),
    row(Op::Decr, Passed, Passed, ""),
    row(
        Op::Version,
        ForItself,
        ForItself,
        "twemproxy's ChangeLog: before 0.5.0 it closes",
    ),
    row(
        Op::FlushAll,
        Closed,
        Refused,
        "mcrouter has --enable-flush-cmd",
    ),
    row(Op::Stats, Closed, ForItself, ""),
    row(Op::Verbosity, Closed, Closed, ""),
    row(Op::CacheMemlimit, Closed, Closed, ""),
    row(Op::Ping, ForItself, ForItself, "sent as version"),
    row(Op::DeleteAll, Passed, Passed, "sent as delete"),
];

/// Whether all proxies of the table pass the command.
#[inline(always)]
pub const fn passes(op: Op) -> bool {
    PASSED & (1 << op as u32) != 0
}

/// The commands that pass, a bit for each by its number.
const PASSED: u32 = {
    let (mut passed, mut at) = (0, 0);
    while at < TABLE.len() {
        let Row {
            op,
            twemproxy,
            mcrouter,
            ..
        } = &TABLE[at];
        if matches!((*twemproxy, *mcrouter), (Passed, Passed)) {
            passed |= 1 << *op as u32;
        }
        at += 1;
    }
    passed
};

#[cfg(test)]
mod tests {
    use super::*;

    /// FM-60: the commands that every proxy passes, and no other.
    #[test]
    fn fm60_what_passes() {
        let rows: Vec<Op> = TABLE.iter().map(|row| row.op).collect();
        assert_eq!(rows, Op::ALL, "a row for every command");
        let passed = Op::ALL.into_iter().filter(|op| passes(*op));
        let names: Vec<&str> = passed.map(Op::name).collect();
        assert_eq!(
            names.join(" "),
            "get gets set add replace append prepend cas delete touch incr decr delete_all"
        );
    }
}
