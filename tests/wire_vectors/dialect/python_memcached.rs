//! python-memcached: its serializer, and what it says of failures, which is nothing: a command was
//! successful or not, whatever the reason.

use super::{
    Absent, Dialect, Outcome, TYPES, batch, counted, entries, found, hit, list, number, read,
    stats, truth, ttl,
};
use crate::ask::{Ask, Reading, What};
use crate::call::{Call, Step};
use crate::python::Value;
use crate::support::client::{NO_VALUE, NOT_FOUND, name};
use crate::support::execute::{
    ADD, APPEND, Command, DECR, DELETE, INCR, PREPEND, REPLACE, SET, Said, TOUCH,
};

const CACHED: Absent = "a CAS that the client remembers: ours is given it";

const TEXT_FLAG: u32 = 16;
const INTEGER_FLAG: u32 = 2;

pub const DIALECT: Dialect = Dialect {
    protocol: "ascii",
    tree: None,
    ask,
    theirs,
};

fn key(key: Option<&Value>) -> Result<Vec<u8>, Absent> {
    match key {
        Some(Value::Str(text)) => Ok(text.clone().into_bytes()),
        _ => Err(TYPES),
    }
}

fn value(value: Option<&Value>) -> (Vec<u8>, u32) {
    match value.expect("a value") {
        Value::Bytes(bytes) => (bytes.clone(), 0),
        Value::Str(text) => (text.clone().into_bytes(), TEXT_FLAG),
        Value::Int(n) => (n.to_string().into_bytes(), INTEGER_FLAG),
        other => panic!("no serializer for {other:?}"),
    }
}

fn decoded(said: &Said) -> Value {
    let bytes = hit(said).to_vec();
    let text = || String::from_utf8(bytes.clone()).expect("text");
    match said.flags.expect("a hit has flags") {
        0 => Value::Bytes(bytes),
        TEXT_FLAG => Value::Str(text()),
        INTEGER_FLAG => Value::Int(text().parse().expect("a number")),
        other => panic!("flags {other}"),
    }
}

fn command(op: u32, of: Option<&Value>) -> Result<Command, Absent> {
    Ok(Command::new(op, key(of)?))
}

fn stored(op: u32, of: Option<&Value>, data: Option<&Value>) -> Result<Command, Absent> {
    let (data, flags) = value(data);
    let command = Command::new(op, key(of)?).value(data);
    Ok(Command { flags, ..command })
}

fn prefixed(ask: Ask, prefix: Option<&Value>) -> Ask {
    match prefix {
        None => ask,
        Some(Value::Str(prefix)) => ask.with("key_prefix", prefix),
        Some(other) => panic!("a prefix, not {other:?}"),
    }
}

fn ask(call: &Call) -> Result<Ask, Absent> {
    let step = call.only();
    if call.second.is_some() || step.name == "cas" {
        return Err(CACHED);
    }
    match step.name.as_str() {
        "get_multi" => {
            let [keys, prefix] = step.bind(["keys", "key_prefix"]);
            let ask = batch(list(keys), |one| command(read(false), Some(one)))?;
            Ok(prefixed(ask, prefix))
        }
        "set_multi" => {
            let [values, prefix] = step.bind(["mapping", "key_prefix"]);
            let each = entries(values).iter();
            let each = each.map(|(key, data)| stored(SET, Some(key), Some(data)));
            let commands: Result<Vec<_>, _> = each.collect();
            Ok(prefixed(Ask::of(What::Many(commands?)), prefix))
        }
        "delete_multi" => batch(list(step.bind(["keys"])[0]), |one| {
            command(DELETE, Some(one))
        }),
        "flush_all" => Ok(Ask::of(What::FlushAll(0))),
        "get_stats" => Ok(Ask::of(What::Stats(String::new()))),
        _ => Ok(Ask::one(one(step)?)),
    }
}

fn one(step: &Step) -> Result<Command, Absent> {
    Ok(match step.name.as_str() {
        "get" => command(read(false), step.bind(["key", "default"])[0])?,
        "gets" => command(read(true), step.bind(["key"])[0])?,
        "delete" => command(DELETE, step.bind(["key"])[0])?,
        "touch" => {
            let [of, time] = step.bind(["key", "time"]);
            Command {
                ttl: ttl(time)?,
                ..command(TOUCH, of)?
            }
        }
        name @ ("incr" | "decr") => {
            let [of, delta, noreply] = step.bind(["key", "delta", "noreply"]);
            Command {
                delta: number(delta, 1)?,
                noreply: truth(noreply, false),
                ..command(if name == "incr" { INCR } else { DECR }, of)?
            }
        }
        name => {
            let op = match name {
                "set" => SET,
                "add" => ADD,
                "replace" => REPLACE,
                "append" => APPEND,
                "prepend" => PREPEND,
                other => panic!("what is {other}?"),
            };
            let [of, data, time, noreply] = step.bind(["key", "val", "time", "noreply"]);
            Command {
                ttl: ttl(time)?,
                noreply: truth(noreply, false),
                ..stored(op, of, data)?
            }
        }
    })
}

fn theirs(call: &Call, _: &Ask, reading: &Reading) -> Outcome {
    let step = call.only();
    let status = reading.failure();
    let value = match step.name.as_str() {
        "get" => {
            let [_, default] = step.bind(["key", "default"]);
            match status {
                0 => decoded(reading.one()),
                _ => default.cloned().unwrap_or(Value::None),
            }
        }
        "gets" if status == 0 => decoded(reading.one()),
        "gets" => Value::None,
        "get_multi" => {
            let [keys, _] = step.bind(["keys", "key_prefix"]);
            let value = |said: &Said| (said.status == 0).then(|| decoded(said));
            found(list(keys), reading.many(), value)
        }
        "set_multi" => {
            let [values, _] = step.bind(["mapping", "key_prefix"]);
            let all = entries(values).iter().zip(reading.many());
            let not = all.filter(|(_, said)| said.status != 0);
            Value::List(not.map(|(entry, _)| entry.0.clone()).collect())
        }
        "delete_multi" => {
            let gone = |said: &Said| matches!(said.status, 0 | NOT_FOUND);
            Value::Bool(reading.many().iter().all(gone))
        }
        "incr" | "decr" => match (status, reading.one().number) {
            (0, Some(_)) => counted(reading.one()),
            (0 | NOT_FOUND | NO_VALUE, _) => Value::None,
            // It takes the server's words for a number.
            _ => return Outcome::Raises(format!("MC_{}", name(status))),
        },
        "flush_all" => Value::None,
        "get_stats" => {
            let each = reading.servers().servers.iter().map(|server| {
                let name = Value::Object(server.name.clone());
                Value::Tuple(vec![name, stats(server, Value::str)])
            });
            Value::List(each.collect())
        }
        _ => Value::Bool(status == 0),
    };
    Outcome::Returns(value)
}
