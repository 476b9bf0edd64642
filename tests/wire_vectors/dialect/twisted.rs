//! Twisted's MemCacheProtocol: bytes in, bytes out, flags with every value.

use super::{
    Absent, Dialect, NEGATIVE, Outcome, TYPES, batch, counted, digits, exception, flags, found,
    hit, list, number, read, returns, stats, tree, truth, ttl,
};
use crate::ask::{Ask, Reading, What};
use crate::call::{Call, Step};
use crate::python::Value;
use crate::support::client::NO_VALUE;
use crate::support::execute::{
    ADD, APPEND, CAS, Command, DECR, DELETE, INCR, PREPEND, REPLACE, SET, Said,
};

const NO_CAS: Absent = "a check without a CAS: ours has one or is no check";

pub const DIALECT: Dialect = Dialect {
    protocol: "ascii",
    tree: Some("Twisted"),
    ask,
    theirs,
};

fn bytes(value: Option<&Value>) -> Result<Vec<u8>, Absent> {
    match value {
        Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
        _ => Err(TYPES),
    }
}

fn command(op: u32, key: Option<&Value>) -> Result<Command, Absent> {
    Ok(Command::new(op, bytes(key)?))
}

fn ask(call: &Call) -> Result<Ask, Absent> {
    let step = call.only();
    let command = match step.name.as_str() {
        "get" => {
            let [key, cas] = step.bind(["key", "withIdentifier"]);
            command(read(truth(cas, false)), key)?
        }
        "getMultiple" => {
            let [keys, cas] = step.bind(["keys", "withIdentifier"]);
            let op = read(truth(cas, false));
            return batch(list(keys), |key| command(op, Some(key)));
        }
        name @ ("set" | "add" | "replace" | "append" | "prepend") => store(name, step)?,
        "checkAndSet" => check_and_set(step)?,
        name @ ("increment" | "decrement") => {
            let [key, value] = step.bind(["key", "val"]);
            let op = if name == "increment" { INCR } else { DECR };
            let delta = delta(value)?;
            Command {
                delta,
                ..command(op, key)?
            }
        }
        "delete" => command(DELETE, step.bind(["key"])[0])?,
        "stats" => {
            let argument = match step.bind(["arg"])[0] {
                None => Vec::new(),
                given => bytes(given)?,
            };
            let argument = String::from_utf8(argument).expect("text");
            return Ok(Ask::of(What::Stats(argument)));
        }
        "version" => return Ok(Ask::of(What::Versions)),
        "flushAll" => return Ok(Ask::of(What::FlushAll(0))),
        other => panic!("what is {other}?"),
    };
    Ok(Ask::one(command))
}

fn store(name: &str, step: &Step) -> Result<Command, Absent> {
    let [key, value, said, expire] = step.bind(["key", "val", "flags", "expireTime"]);
    let op = match name {
        "set" => SET,
        "add" => ADD,
        "replace" => REPLACE,
        "append" => APPEND,
        _ => PREPEND,
    };
    Ok(Command {
        flags: flags(said)?,
        ttl: ttl(expire)?,
        ..command(op, key)?.value(bytes(value)?)
    })
}

fn check_and_set(step: &Step) -> Result<Command, Absent> {
    let [key, value, cas, said, expire] = step.bind(["key", "val", "cas", "flags", "expireTime"]);
    let cas = bytes(cas)?;
    if cas.is_empty() {
        return Err(NO_CAS);
    }
    let cas = std::str::from_utf8(&cas).expect("digits");
    Ok(Command {
        cas: cas.parse().expect("a CAS"),
        flags: flags(said)?,
        ttl: ttl(expire)?,
        ..command(CAS, key)?.value(bytes(value)?)
    })
}

/// What Python's `int` makes a number of.
fn delta(value: Option<&Value>) -> Result<u64, Absent> {
    match value {
        Some(Value::Str(text)) => text.parse().map_err(|_| NEGATIVE),
        _ => number(value, 1),
    }
}

fn raised(status: i32) -> Outcome {
    exception(tree("Twisted"), status).unwrap_or_else(|returned| match returned {
        "False" => Outcome::Returns(Value::Bool(false)),
        other => panic!("{status:#x} is {other}"),
    })
}

/// Flags, CAS where it was asked for, value; of a miss 0, nothing, None.
fn item(said: &Said, cas: bool) -> Value {
    let miss = said.status == NO_VALUE;
    let mut parts = vec![Value::Int(said.flags.unwrap_or(0).into())];
    if cas {
        parts.push(if miss {
            Value::Bytes(Vec::new())
        } else {
            digits(said)
        });
    }
    parts.push(match miss {
        true => Value::None,
        false => Value::Bytes(hit(said).to_vec()),
    });
    Value::Tuple(parts)
}

fn theirs(call: &Call, ask: &Ask, reading: &Reading) -> Outcome {
    let step = call.only();
    let status = reading.failure();
    match step.name.as_str() {
        "get" if status == 0 || status == NO_VALUE => {
            let [_, cas] = step.bind(["key", "withIdentifier"]);
            returns(item(reading.one(), truth(cas, false)))
        }
        "getMultiple"
            if reading
                .many()
                .iter()
                .all(|s| matches!(s.status, 0 | NO_VALUE)) =>
        {
            let [keys, cas] = step.bind(["keys", "withIdentifier"]);
            let value = |said: &Said| Some(item(said, truth(cas, false)));
            returns(found(list(keys), reading.many(), value))
        }
        _ if status != 0 => raised(status),
        "increment" | "decrement" => returns(counted(reading.one())),
        "stats" => {
            let name = |name: &str| Value::Bytes(name.as_bytes().to_vec());
            returns(stats(&reading.servers().servers[0], name))
        }
        "version" => {
            let version = reading.servers().servers[0].value.clone();
            returns(Value::Bytes(version.into_bytes()))
        }
        _ => {
            assert!(!matches!(ask.what, What::Stats(_)));
            returns(Value::Bool(true))
        }
    }
}
