//! Calls, what came of them, and what a client under test must be able to do.

use std::time::{Duration, Instant};

use super::net::Endpoint;

/// What one call may take; the client is told so.
pub const DEADLINE: Duration = Duration::from_millis(200);

/// Numbers of `mc_last_error_effect`.
pub mod effect {
    pub const NOT_APPLIED: u32 = 1;
    pub const APPLIED: u32 = 2;
    pub const UNKNOWN: u32 = 3;
    pub const REMOVED: u32 = 4;
}

/// Numbers of `mc_status`.
pub mod status {
    pub const TIMEOUT: i32 = 0x0305;
    pub const INTERNAL: i32 = 0x0108;
}

/// What the client is told to speak: a column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Of(Protocol),
    /// What it chooses by itself, of a server that tells version 1.6.18.
    Auto,
}

impl Column {
    /// As the option `protocol` has it.
    pub fn name(self) -> &'static str {
        match self {
            Column::Of(protocol) => protocol.name(),
            Column::Auto => "auto",
        }
    }

    /// Whether all replies say which command they are to.
    pub fn has_opaques(self) -> bool {
        matches!(self, Column::Of(protocol) if protocol.has_opaques())
    }
}

impl Default for Column {
    fn default() -> Column {
        Column::Of(Protocol::default())
    }
}

/// What client and server speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    #[default]
    Ascii,
    Meta,
    Binary,
}

impl Protocol {
    /// As the option `protocol` has it.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Ascii => "ascii",
            Protocol::Meta => "meta",
            Protocol::Binary => "binary",
        }
    }

    /// Whether replies say which command they are to.
    pub fn has_opaques(self) -> bool {
        self != Protocol::Ascii
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    Get,
    Set,
    Mget,
    Incr,
}

impl Op {
    pub const ALL: [Op; 4] = [Op::Get, Op::Set, Op::Mget, Op::Incr];

    pub fn name(self) -> &'static str {
        match self {
            Op::Get => "get",
            Op::Set => "set",
            Op::Mget => "mget10",
            Op::Incr => "incr",
        }
    }
}

#[derive(Clone, Debug)]
pub enum Ask {
    Get(String),
    /// A get into a buffer of so many bytes.
    GetInto(String, usize),
    Set(String, Vec<u8>, u32),
    /// A set whose answer is not waited for.
    QuietSet(String, Vec<u8>, u32),
    Mget(Vec<String>),
    Incr(String, u64),
}

impl Ask {
    pub fn keys(&self) -> Vec<&str> {
        match self {
            Ask::Get(key)
            | Ask::GetInto(key, _)
            | Ask::Set(key, ..)
            | Ask::QuietSet(key, ..)
            | Ask::Incr(key, _) => vec![key],
            Ask::Mget(keys) => keys.iter().map(String::as_str).collect(),
        }
    }
}

/// What a call says of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The key as the client names it, the value and its flags.
    Value(Vec<u8>, Vec<u8>, u32),
    Miss,
    /// The value did not fit; it has so many bytes.
    Small(usize),
    Done,
    Number(u64),
    /// Status, its name and the text, and what became of a write.
    Failed {
        status: i32,
        text: String,
        effect: u32,
    },
}

impl Outcome {
    pub fn failed(&self) -> bool {
        matches!(self, Outcome::Failed { .. })
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    /// The call's own status.
    pub status: i32,
    /// One for every key, in their order.
    pub outcomes: Vec<Outcome>,
}

/// A call that was made.
#[derive(Clone, Debug)]
pub struct Call {
    pub ask: Ask,
    pub start: Instant,
    pub end: Instant,
    /// How long the caller's thread was ready to run, and the machine busy with others.
    pub starved: Duration,
    pub answer: Answer,
}

impl Call {
    /// What the call took, as far as it is the client's doing.
    pub fn took(&self) -> Duration {
        (self.end - self.start).saturating_sub(self.starved)
    }
}

/// How the client under test is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    pub endpoint: Endpoint,
    pub column: Column,
    pub paranoid: bool,
    pub shortcut: bool,
    /// Values up to this length can be set.
    pub item_size_max: usize,
}

/// The client under test.
pub trait Subject {
    fn ask(&mut self, ask: &Ask) -> Answer;
    /// Closes the connections that lie idle.
    fn close_idle(&mut self);
    /// Waits for the answers not waited for so far: how many of those sets failed.
    fn failed_quietly(&mut self) -> u64;
}

/// Makes `ask` of the client and notes when.
pub fn call(subject: &mut dyn Subject, ask: Ask) -> Call {
    let waited = run_delay();
    let start = Instant::now();
    let answer = subject.ask(&ask);
    let end = Instant::now();
    let starved = run_delay().saturating_sub(waited);
    Call {
        ask,
        start,
        end,
        starved,
        answer,
    }
}

/// How long this thread has been ready, but not running.
fn run_delay() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = schedstat
        .split(' ')
        .nth(1)
        .and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
