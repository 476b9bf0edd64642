//! python-memcached2: it raises for everything, and returns text of one byte for each character.

use super::{
    Absent, Dialect, Outcome, TEXT, TYPES, batch, counted, exception, flags, found, hit, list,
    number, read, returns, stat, stats, tree, truth, ttl,
};
use crate::ask::{Ask, Reading, What};
use crate::call::{Call, Step};
use crate::python::Value;
use crate::support::execute::{
    ADD, APPEND, CAS, Command, DECR, DELETE, INCR, PREPEND, REPLACE, SET, Said, TOUCH,
};
use crate::support::servers::{Server, Stat};

const OBJECT: Absent = "a method of the object that a value is wrapped in";
const CACHE: Absent = "cache(): ours calls nothing to compute a value";
const KEYS: Absent = "iteration: no exchange, it always raises";
const SWALLOWING: &str = "ExceptionsAreMissesMemcache";
const MAPPING: &str = "ExceptionsAreMissesMapping";

pub const DIALECT: Dialect = Dialect {
    protocol: "ascii",
    tree: Some("python-memcached2"),
    ask,
    theirs,
};

fn bytes(value: Option<&Value>) -> Result<Vec<u8>, Absent> {
    match value {
        Some(Value::Str(text)) => {
            let byte = |c: char| u8::try_from(u32::from(c)).map_err(|_| TEXT);
            text.chars().map(byte).collect()
        }
        _ => Err(TYPES),
    }
}

fn command(op: u32, key: Option<&Value>) -> Result<Command, Absent> {
    Ok(Command::new(op, bytes(key)?))
}

fn ask(call: &Call) -> Result<Ask, Absent> {
    if call.steps.len() > 1 {
        return Err(OBJECT);
    }
    let step = call.only();
    if step.name == "cache" {
        return Err(CACHE);
    }
    match call.class.as_str() {
        "" | SWALLOWING => client(step),
        MAPPING => mapping(step),
        other => panic!("what is {other}?"),
    }
}

fn mapping(step: &Step) -> Result<Ask, Absent> {
    let ask = match step.name.as_str() {
        "__getitem__" | "__contains__" | "get" => command(read(false), step.bind(["key"])[0])?,
        "__setitem__" => {
            let [key, value] = step.bind(["key", "value"]);
            command(SET, key)?.value(bytes(value)?)
        }
        "__delitem__" => command(DELETE, step.bind(["key"])[0])?,
        "__len__" => return Ok(Ask::of(What::Stats(String::new()))),
        "__iter__" => return Err(KEYS),
        other => panic!("what is {other}?"),
    };
    Ok(Ask::one(ask))
}

fn client(step: &Step) -> Result<Ask, Absent> {
    let command = match step.name.as_str() {
        "get" => {
            let [key, cas] = step.bind(["key", "get_cas"]);
            command(read(truth(cas, false)), key)?
        }
        "get_multi" => {
            let [keys, cas] = step.bind(["keys", "get_cas"]);
            let op = read(truth(cas, false));
            return batch(list(keys), |key| command(op, Some(key)));
        }
        name @ ("set" | "add" | "replace" | "append" | "prepend") => store(name, step)?,
        "delete" => command(DELETE, step.bind(["key"])[0])?,
        "delete_all" => {
            let key = bytes(step.bind(["key"])[0])?;
            let key = String::from_utf8(key).expect("text");
            return Ok(Ask::of(What::DeleteAll(key)));
        }
        "touch" => {
            let [key, exptime] = step.bind(["key", "exptime"]);
            Command {
                ttl: ttl(exptime)?,
                ..command(TOUCH, key)?
            }
        }
        name @ ("incr" | "decr") => {
            let [key, value] = step.bind(["key", "value"]);
            Command {
                delta: number(value, 1)?,
                ..command(if name == "incr" { INCR } else { DECR }, key)?
            }
        }
        "flush_all" => {
            let [] = step.bind([]);
            return Ok(Ask::of(What::FlushAll(0)));
        }
        name => {
            let [] = step.bind([]);
            let argument = name
                .strip_prefix("stats")
                .map(|end| end.trim_start_matches('_'));
            let argument = argument.unwrap_or_else(|| panic!("what is {name}?"));
            return Ok(Ask::of(What::Stats(argument.into())));
        }
    };
    Ok(Ask::one(command))
}

fn store(name: &str, step: &Step) -> Result<Command, Absent> {
    let [key, value, said, exptime, cas] =
        step.bind(["key", "value", "flags", "exptime", "cas_unique"]);
    let op = match name {
        "set" if cas.is_some() => CAS,
        "set" => SET,
        "add" => ADD,
        "replace" => REPLACE,
        "append" => APPEND,
        _ => PREPEND,
    };
    Ok(Command {
        flags: flags(said)?,
        ttl: ttl(exptime)?,
        cas: number(cas, 0)?,
        ..command(op, key)?.value(bytes(value)?)
    })
}

fn raised(status: i32) -> Outcome {
    match exception(tree("python-memcached2"), status) {
        Ok(outcome) => outcome,
        Err(returned) => panic!("{status:#x} is {returned}"),
    }
}

fn theirs(call: &Call, ask: &Ask, reading: &Reading) -> Outcome {
    let step = call.only();
    let outcome = answer(call, step, ask, reading);
    match call.class.as_str() {
        "" => outcome,
        SWALLOWING => swallowed(&step.name, outcome),
        _ => mapped(&step.name, swallowed("get", outcome)),
    }
}

/// What the class that takes exceptions for misses makes of an outcome.
fn swallowed(name: &str, outcome: Outcome) -> Outcome {
    let Outcome::Raises(exception) = &outcome else {
        return outcome;
    };
    match (name, exception.as_str()) {
        (
            "get" | "set",
            "NoValue" | "ServerDisconnect" | "NotStored" | "NotFound" | "CASFailure",
        ) => Outcome::Returns(Value::None),
        ("delete", "ServerDisconnect" | "NoAvailableServers") => {
            Outcome::Returns(Value::Bool(false))
        }
        _ => outcome,
    }
}

/// What the mapping makes of it.
fn mapped(name: &str, outcome: Outcome) -> Outcome {
    let nothing = outcome == Outcome::Returns(Value::None);
    match name {
        "__getitem__" if nothing => Outcome::Raises("KeyError".into()),
        "__contains__" => Outcome::Returns(Value::Bool(!nothing)),
        // It was deleted or not there: nobody is told which.
        "__delitem__" => match outcome {
            Outcome::Returns(Value::Bool(_)) => Outcome::Returns(Value::Bool(true)),
            other => other,
        },
        _ => outcome,
    }
}

fn answer(call: &Call, step: &Step, ask: &Ask, reading: &Reading) -> Outcome {
    let not_found = crate::support::client::NOT_FOUND;
    match &ask.what {
        What::Stats(argument) => return statistics(step, argument, reading),
        What::DeleteAll(_) => {
            let statuses = reading.servers().statuses();
            let failed = statuses.iter().find(|s| **s != 0 && **s != not_found);
            return match failed {
                Some(status) => raised(*status),
                None => Outcome::Returns(Value::Bool(statuses.contains(&0))),
            };
        }
        What::Many(_) => {
            let miss = crate::support::client::NO_VALUE;
            let failed = reading
                .many()
                .iter()
                .find(|s| s.status != 0 && s.status != miss);
            return match failed {
                Some(said) => raised(said.status),
                None => {
                    let value = |said: &Said| said.value.as_deref().map(Value::latin1);
                    let [keys, _] = step.bind(["keys", "get_cas"]);
                    Outcome::Returns(found(list(keys), reading.many(), value))
                }
            };
        }
        _ => {}
    }
    let status = reading.failure();
    match ask.what {
        What::One(Command { op: DELETE, .. }) if status == not_found => {
            Outcome::Returns(Value::Bool(false))
        }
        _ if status != 0 => raised(status),
        What::One(Command { op: DELETE, .. }) => Outcome::Returns(Value::Bool(true)),
        What::One(Command {
            op: INCR | DECR, ..
        }) => Outcome::Returns(counted(reading.one())),
        What::One(Command { op, .. }) if op < SET => Outcome::Returns(wrapped(call, reading.one())),
        _ => Outcome::Returns(Value::None),
    }
}

/// A value in what the client was told to wrap it in.
fn wrapped(call: &Call, said: &Said) -> Value {
    let value = Value::latin1(hit(said));
    let Some(Value::Object(wrapper)) = call.made_with("value_wrapper") else {
        return value;
    };
    let [Some(key), _] = call.only().bind(["key", "get_cas"]) else {
        panic!("no key")
    };
    let flags = Value::Int(said.flags.expect("a hit has flags").into());
    let cas = Value::Int(said.cas.expect("a CAS was asked for").into());
    let entry = |name: &str, value: Value| (Value::str(name), value);
    let mut entries = vec![
        entry("key", key.clone()),
        entry("flags", flags),
        entry("cas_unique", cas),
    ];
    match (wrapper.as_str(), call.attribute.as_str()) {
        ("ValueDictionary", "") => entries.push(entry("value", value)),
        ("ValueSuperStr", "__dict__") => entries.extend([
            entry("cas_unavailable", Value::Bool(false)),
            entry("memcache", Value::Object("the client".into())),
        ]),
        other => panic!("what is {other:?}?"),
    }
    Value::Dict(entries)
}

fn statistics(step: &Step, argument: &str, reading: &Reading) -> Outcome {
    let status = reading.failure();
    if status != 0 {
        return raised(status);
    }
    let servers = &reading.servers().servers;
    if step.name == "__len__" {
        let items = servers
            .iter()
            .map(|server| server.find("curr_items").number);
        return Outcome::Returns(Value::Int(items.sum::<u64>().into()));
    }
    let of = |server: &Server| match argument {
        "items" => Value::Dict(by_index(server)),
        "slabs" => slabs(server),
        "sizes" => {
            let size = |stat: &Stat| {
                let name = match stat.index {
                    Some(size) => Value::Int(size.into()),
                    None => Value::str(&stat.name),
                };
                Value::Tuple(vec![name, self::stat(stat)])
            };
            Value::List(server.stats.iter().map(size).collect())
        }
        _ => stats(server, Value::str),
    };
    returns(Value::List(servers.iter().map(of).collect()))
}

/// The statistics that have a number in their names, by that as text, then by what stands behind it.
fn by_index(server: &Server) -> Vec<(Value, Value)> {
    let mut all: Vec<(Value, Vec<(Value, Value)>)> = Vec::new();
    for one in &server.stats {
        let Some(index) = one.index else { continue };
        let index = Value::Str(index.to_string());
        let entry = (Value::str(&one.field), stat(one));
        match all.iter_mut().find(|other| other.0 == index) {
            Some((_, entries)) => entries.push(entry),
            None => all.push((index, vec![entry])),
        }
    }
    let entry = |(index, entries)| (index, Value::Dict(entries));
    all.into_iter().map(entry).collect()
}

fn slabs(server: &Server) -> Value {
    let mut entries = vec![(Value::str("slabs"), Value::Dict(by_index(server)))];
    let whole = server.stats.iter().filter(|one| one.index.is_none());
    entries.extend(whole.map(|one| (Value::str(&one.name), stat(one))));
    Value::Dict(entries)
}
