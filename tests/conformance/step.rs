//! What a step of a row does, from the words that say it.

use std::time::{Duration, SystemTime};

use crate::abi;
use crate::text::{bytes, words};

pub const OPS: [&str; 14] = [
    "get", "gets", "gat", "gats", "set", "add", "replace", "append", "prepend", "cas", "delete",
    "touch", "incr", "decr",
];

pub const FLUSH_ALL: u32 = 16;

pub enum Step {
    Command(Box<Command>),
    /// mc_get_into, with a buffer of so many bytes.
    GetInto(Vec<u8>, usize),
    Multi(Multi),
    FlushAll(i64),
    Version,
    Ping,
    Verbosity(u32),
    CacheMemlimit(u64),
    DeleteAll(Vec<u8>),
    Sync,
    Close,
    KeyCheck(Vec<u8>),
    /// Time goes by.
    Advance(Duration),
}

/// One `mc_command`. What is `None` is not there: a NULL pointer.
#[derive(Default)]
pub struct Command {
    pub op: u32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub route: Option<Vec<u8>>,
    pub options: u64,
    pub ttl: Ttl,
    pub cas: Cas,
    pub delta: u64,
    pub initial: u64,
    pub recache_ttl: i64,
    pub lease_ttl: i64,
    pub stale_ttl: i64,
    pub own_cas: u64,
    pub flags: u32,
    pub reserved: u32,
}

impl Command {
    /// It asks what the classic commands cannot.
    pub fn is_beyond(&self) -> bool {
        const BEYOND: u64 = abi::WANT_TTL
            | abi::WANT_SIZE
            | abi::WANT_LAST_ACCESS
            | abi::WANT_HIT_BEFORE
            | abi::HAS_INITIAL
            | abi::HAS_RECACHE
            | abi::HAS_LEASE
            | abi::HAS_STALE
            | abi::HAS_OWN_CAS
            | abi::PEEK
            | abi::DROP_VALUE
            | abi::TOUCH;
        const CAS: u32 = 10;
        let reads = (1..=4).contains(&self.op);
        self.op == abi::OP_EXISTS
            || self.options & BEYOND != 0
            || [self.initial, self.own_cas] != [0; 2]
            || [self.recache_ttl, self.lease_ttl, self.stale_ttl] != [0; 3]
            || (!matches!(self.cas, Cas::Is(0)) && self.op != CAS)
            || (self.options & abi::WANT_CAS != 0 && !reads)
            || (self.options & abi::HAS_CAS != 0 && self.op != CAS)
    }
}

/// One call for many keys.
pub struct Multi {
    pub name: &'static str,
    pub keys: Vec<Vec<u8>>,
    pub values: Vec<Vec<u8>>,
    pub ttl: Ttl,
    pub flags: u32,
}

#[derive(Clone, Copy)]
pub enum Ttl {
    Is(i64),
    /// So many seconds behind (or before) the moment at which the step is carried out.
    FromNow(i64),
}

impl Default for Ttl {
    fn default() -> Ttl {
        Ttl::Is(0)
    }
}

impl Ttl {
    pub fn number(self) -> i64 {
        match self {
            Ttl::Is(number) => number,
            Ttl::FromNow(seconds) => {
                let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
                now.as_secs() as i64 + seconds
            }
        }
    }
}

pub enum Cas {
    Is(u64),
    /// The first, second, … CAS that the row has seen, from 1.
    Seen(usize),
}

impl Default for Cas {
    fn default() -> Cas {
        Cas::Is(0)
    }
}

const MULTIS: [&str; 5] = [
    "get_multi",
    "gets_multi",
    "delete_multi",
    "touch_multi",
    "set_multi",
];

/// The step that `line` says.
pub fn parse(line: &str) -> Step {
    let all = words(line);
    let (first, rest) = all.split_first().expect("a step is not empty");
    let one = || match rest {
        [one] => *one,
        _ => panic!("{first} takes one word: {line}"),
    };
    match *first {
        "flush_all" if rest.is_empty() => Step::FlushAll(0),
        "flush_all" => Step::FlushAll(integer(one())),
        "version" => Step::Version,
        "ping" => Step::Ping,
        "verbosity" => Step::Verbosity(integer(one()) as u32),
        "cache_memlimit" => Step::CacheMemlimit(integer(one()) as u64),
        "delete_all" => Step::DeleteAll(bytes(one())),
        "sync" => Step::Sync,
        "close" => Step::Close,
        "key_check" => Step::KeyCheck(bytes(one())),
        "advance" => Step::Advance(duration(one())),
        "get_into" => match rest {
            [key, cap] => {
                let cap = cap.strip_prefix("cap=").expect("cap=BYTES");
                Step::GetInto(bytes(key), integer(cap) as usize)
            }
            _ => panic!("get_into KEY cap=BYTES: {line}"),
        },
        first => match MULTIS.iter().find(|name| **name == first) {
            Some(name) => Step::Multi(multi(name, rest)),
            None => Step::Command(Box::new(command(first, rest))),
        },
    }
}

/// The name of an option and what it is set to, where the word is not a text in quotes.
fn option(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    name.bytes().all(is_name).then_some((name, value))
}

fn multi(name: &'static str, rest: &[&str]) -> Multi {
    let mut multi = Multi {
        name,
        keys: Vec::new(),
        values: Vec::new(),
        ttl: Ttl::default(),
        flags: 0,
    };
    let mut plain = Vec::new();
    for word in rest {
        match option(word) {
            Some(("ttl", value)) => multi.ttl = Ttl::Is(seconds(value)),
            Some(("flags", value)) => multi.flags = integer(value) as u32,
            Some(_) => panic!("{name} has no {word}"),
            None => plain.push(bytes(word)),
        }
    }
    if name != "set_multi" {
        multi.keys = plain;
        return multi;
    }
    for (index, word) in plain.into_iter().enumerate() {
        match index % 2 {
            0 => multi.keys.push(word),
            _ => multi.values.push(word),
        }
    }
    multi
}

fn command(op: &str, rest: &[&str]) -> Command {
    let number = match op.strip_prefix("op:") {
        Some(number) => integer(number) as u32,
        None if op == "exists" => abi::OP_EXISTS,
        None => {
            let place = OPS.iter().position(|name| *name == op);
            1 + place.unwrap_or_else(|| panic!("there is no step {op}")) as u32
        }
    };
    let mut command = Command {
        op: number,
        ..Command::default()
    };
    for word in rest {
        match (option(word), *word) {
            (Some((name, value)), _) => command.set(name, value),
            (None, "noreply") => command.options |= abi::NOREPLY,
            (None, "reply") => command.options |= abi::REPLY,
            (None, "want_cas") => command.options |= abi::WANT_CAS,
            (None, "has_flags") => command.options |= abi::HAS_FLAGS,
            (None, "has_cas") => command.options |= abi::HAS_CAS,
            (None, word) if flag(word) != 0 => command.options |= flag(word),
            (None, word) if command.key.is_none() => command.key = Some(bytes(word)),
            (None, word) if command.value.is_none() => command.value = Some(bytes(word)),
            (None, word) => panic!("a third text: {word}"),
        }
    }
    command
}

/// An option that a word stands for; 0 for none.
fn flag(word: &str) -> u64 {
    match word {
        "want_ttl" => abi::WANT_TTL,
        "want_size" => abi::WANT_SIZE,
        "want_access" => abi::WANT_LAST_ACCESS,
        "want_hit" => abi::WANT_HIT_BEFORE,
        "has_initial" => abi::HAS_INITIAL,
        "has_recache" => abi::HAS_RECACHE,
        "has_lease" => abi::HAS_LEASE,
        "has_stale" => abi::HAS_STALE,
        "has_own_cas" => abi::HAS_OWN_CAS,
        "peek" => abi::PEEK,
        "drop_value" => abi::DROP_VALUE,
        "sets_ttl" => abi::TOUCH,
        _ => 0,
    }
}

impl Command {
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "ttl" => self.ttl = Ttl::Is(seconds(value)),
            "unix" => {
                self.options |= abi::TTL_IS_UNIX_TIME;
                self.ttl = match value.strip_prefix("now") {
                    Some("") => Ttl::FromNow(0),
                    Some(more) => Ttl::FromNow(integer(more.trim_start_matches('+'))),
                    None => Ttl::Is(seconds(value)),
                };
            }
            "cas" => {
                self.cas = match value.strip_prefix('c') {
                    Some(number) => Cas::Seen(integer(number) as usize),
                    None => Cas::Is(natural(value)),
                }
            }
            "delta" => {
                self.delta = natural(value);
                if self.delta == 0 {
                    self.options |= abi::HAS_DELTA;
                }
            }
            "flags" => self.flags = natural(value) as u32,
            "route" => self.route = Some(bytes(value)),
            "initial" => self.initial = natural(value),
            "recache_ttl" => self.recache_ttl = integer(value),
            "lease_ttl" => self.lease_ttl = integer(value),
            "own_cas" => self.own_cas = natural(value),
            "stale_ttl" => self.stale_ttl = integer(value),
            "reserved" => self.reserved = natural(value) as u32,
            "bit" => self.options |= 1 << natural(value),
            _ => panic!("a command has no {name}"),
        }
    }

    /// Whether the command says itself that no reply is waited for.
    pub fn is_quiet(&self) -> bool {
        self.options & abi::NOREPLY != 0
    }
}

/// A sum of seconds and days: `60`, `30d+1`; `expire_now` and `max` alone.
fn seconds(text: &str) -> i64 {
    match text {
        "expire_now" => abi::EXPIRE_NOW,
        "max" => i64::MAX,
        _ => text
            .split('+')
            .map(|term| match term.strip_suffix('d') {
                Some(days) => integer(days) * 24 * 60 * 60,
                None => integer(term),
            })
            .sum(),
    }
}

fn integer(text: &str) -> i64 {
    text.parse()
        .unwrap_or_else(|_| panic!("a whole number, not {text}"))
}

fn natural(text: &str) -> u64 {
    text.parse()
        .unwrap_or_else(|_| panic!("a number from 0, not {text}"))
}

fn duration(text: &str) -> Duration {
    if let Some(number) = text.strip_suffix("ms") {
        return Duration::from_millis(natural(number));
    }
    let number = text.strip_suffix('s').expect("a time in s or ms");
    Duration::from_secs(natural(number))
}
