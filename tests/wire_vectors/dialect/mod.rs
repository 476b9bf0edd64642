//! What the clients' own words have in common: their calls made ours, our answers made theirs.

pub mod bmemcached;
pub mod memcached2;
pub mod pymemcache;
pub mod python_memcached;
pub mod twisted;

use ::memcached2::status::Status;

use crate::ask::{Ask, Reading, What};
use crate::call::Call;
use crate::nearest;
use crate::python::Value;
use crate::support::execute::{Command, GET, GETS, Said};
use crate::support::servers::{self, Server, Stat};
use crate::trees::{Kind, TREES, Tree};

/// What a call came to, in the client's words.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Returns(Value),
    Raises(String),
    /// Nothing that is read of a reply.
    Absent(Absent),
}

/// Why there is no such call of ours.
pub type Absent = &'static str;

pub const TYPES: Absent = "an argument of a type that C has not: the client's own check";
pub const NEGATIVE: Absent = "a number below 0 where ours takes none: it cannot be said";
pub const TEXT: Absent = "text that its encoding has no bytes for: ours takes bytes";
pub const QUIET_BATCH: Absent = "a batch without replies: ours waits for every reply";

pub struct Dialect {
    pub protocol: &'static str,
    /// The tree that its exceptions are of.
    pub tree: Option<&'static str>,
    /// Our call.
    pub ask: fn(&Call) -> Result<Ask, Absent>,
    /// What their call would say of what ours says.
    pub theirs: fn(&Call, &Ask, &Reading) -> Outcome,
}

pub fn tree(of: &str) -> &'static Tree {
    let tree = TREES.iter().find(|tree| tree.of == of);
    tree.unwrap_or_else(|| panic!("no tree of {of}"))
}

/// The exception that a status is; or, as an error, the name of what is returned in its place.
pub fn exception(tree: &'static Tree, status: i32) -> Result<Outcome, &'static str> {
    let row = nearest::row(tree, Status(status));
    match row.kind {
        Kind::Result => Err(row.name),
        _ => Ok(Outcome::Raises(row.name.into())),
    }
}

impl Dialect {
    /// Whether what is said is what was recorded. An exception below the recorded one is that one, as it
    /// is to a program that catches that.
    pub fn agrees(&self, said: &Outcome, recorded: &Outcome) -> bool {
        let (Outcome::Raises(said), Outcome::Raises(recorded), Some(of)) =
            (said, recorded, self.tree)
        else {
            return said == recorded;
        };
        let tree = tree(of);
        let place = |name: &String| tree.rows.iter().find(|row| row.name == *name);
        match (place(said), place(recorded)) {
            (Some(said), Some(recorded)) => nearest::is_below(tree, said, recorded),
            _ => said == recorded,
        }
    }
}

pub fn returns(value: Value) -> Outcome {
    Outcome::Returns(value)
}

// --- arguments

/// A number that ours takes.
pub fn number(value: Option<&Value>, otherwise: u64) -> Result<u64, Absent> {
    match value {
        None => Ok(otherwise),
        Some(Value::Int(n)) if *n < 0 => Err(NEGATIVE),
        Some(Value::Int(n)) => Ok(u64::try_from(*n).expect("64 bits")),
        Some(_) => Err(TYPES),
    }
}

/// A time to live: below 0 is none.
pub fn ttl(value: Option<&Value>) -> Result<i64, Absent> {
    match number(value, 0) {
        Err(NEGATIVE) => Ok(crate::support::execute::EXPIRE_NOW),
        Err(absent) => Err(absent),
        Ok(seconds) => Ok(i64::try_from(seconds).expect("seconds")),
    }
}

pub fn flags(value: Option<&Value>) -> Result<u32, Absent> {
    Ok(u32::try_from(number(value, 0)?).expect("32 bits"))
}

pub fn truth(value: Option<&Value>, otherwise: bool) -> bool {
    match value {
        None => otherwise,
        Some(Value::Bool(value)) => *value,
        Some(other) => panic!("true or false, not {other:?}"),
    }
}

pub fn list(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::List(values)) => values,
        other => panic!("a list, not {other:?}"),
    }
}

pub fn entries(value: Option<&Value>) -> &[(Value, Value)] {
    match value {
        Some(Value::Dict(entries)) => entries,
        other => panic!("a dictionary, not {other:?}"),
    }
}

// --- answers

pub fn read(cas: bool) -> u32 {
    if cas { GETS } else { GET }
}

/// A batch of one kind, of commands made of keys.
pub fn batch<'v>(
    keys: impl IntoIterator<Item = &'v Value>,
    command: impl Fn(&Value) -> Result<Command, Absent>,
) -> Result<Ask, Absent> {
    let commands: Result<Vec<_>, _> = keys.into_iter().map(command).collect();
    Ok(Ask::of(What::Many(commands?)))
}

/// What was found, by the keys as they were given; of a key that was given twice the last.
pub fn found<'v>(
    keys: impl IntoIterator<Item = &'v Value>,
    said: &[Said],
    value: impl Fn(&Said) -> Option<Value>,
) -> Value {
    let mut entries: Vec<(Value, Value)> = Vec::new();
    let mut keys = keys.into_iter();
    for said in said {
        let key = keys.next().expect("a key for every answer");
        if let Some(value) = value(said) {
            entries.retain(|entry| entry.0 != *key);
            entries.push((key.clone(), value));
        }
    }
    assert!(keys.next().is_none(), "an answer for every key");
    Value::Dict(entries)
}

/// The bytes of a hit.
pub fn hit(said: &Said) -> &[u8] {
    said.value.as_deref().expect("a hit has a value")
}

/// The CAS as its digits.
pub fn digits(said: &Said) -> Value {
    let cas = said.cas.expect("a CAS that was asked for");
    Value::Bytes(cas.to_string().into_bytes())
}

pub fn counted(said: &Said) -> Value {
    Value::Int(said.number.expect("what was counted").into())
}

/// What a statistic means, and its text.
pub fn stat(stat: &Stat) -> Value {
    let means = match stat.kind {
        servers::INTEGER => Value::Int(stat.number.into()),
        servers::REAL => Value::Float(stat.real),
        servers::BOOLEAN => Value::Bool(stat.boolean),
        _ => Value::Str(stat.text.clone()),
    };
    Value::Stat {
        text: stat.text.clone().into_bytes(),
        means: Box::new(means),
    }
}

/// The statistics of a server by their names.
pub fn stats(server: &Server, name: impl Fn(&str) -> Value) -> Value {
    let entry = |one: &Stat| (name(&one.name), stat(one));
    Value::Dict(server.stats.iter().map(entry).collect())
}
