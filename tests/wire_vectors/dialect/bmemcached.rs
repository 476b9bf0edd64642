//! python-binary-memcached: a serializer whose text has no flag, connections that fail as misses, and the
//! binary protocol.

use super::{
    Absent, Dialect, NEGATIVE, Outcome, TYPES, batch, counted, entries, exception, found, hit,
    list, number, read, stats, tree, truth,
};
use crate::ask::{Ask, Reading, What};
use crate::call::{Call, Step};
use crate::python::Value;
use crate::support::client::{NO_VALUE, NOT_FOUND, OK};
use crate::support::execute::{ADD, CAS, Command, DECR, DELETE, INCR, REPLACE, SET, Said};

const REPLICAS: Absent = "the same on several servers: ours asks one";
const CREDENTIALS: Absent = "credentials: ours takes none in this version";
const INITIAL: Absent = "a number to begin with, and its time: not in this version";
const DELETE_BY_CAS: Absent = "a delete by CAS: not in this version";
const NEW_CAS: Absent = "the CAS of what was stored: ours tells that of what is read";

const BYTES_FLAG: u32 = 16;
const INTEGER_FLAG: u32 = 2;

pub const DIALECT: Dialect = Dialect {
    protocol: "binary",
    tree: Some("python-binary-memcached"),
    ask,
    theirs,
};

fn key(key: Option<&Value>) -> Result<Vec<u8>, Absent> {
    match key {
        Some(Value::Str(text)) => Ok(text.clone().into_bytes()),
        Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
        _ => Err(TYPES),
    }
}

fn value(value: Option<&Value>) -> (Vec<u8>, u32) {
    match value.expect("a value") {
        Value::Str(text) => (text.clone().into_bytes(), 0),
        Value::Bytes(bytes) => (bytes.clone(), BYTES_FLAG),
        Value::Int(n) => (n.to_string().into_bytes(), INTEGER_FLAG),
        other => panic!("no serializer for {other:?}"),
    }
}

fn decoded(said: &Said) -> Value {
    let bytes = hit(said).to_vec();
    let text = || String::from_utf8(bytes.clone()).expect("text");
    match said.flags.expect("a hit has flags") {
        0 => Value::Str(text()),
        BYTES_FLAG => Value::Bytes(bytes),
        INTEGER_FLAG => Value::Int(text().parse().expect("a number")),
        other => panic!("flags {other}"),
    }
}

fn command(op: u32, of: Option<&Value>) -> Result<Command, Absent> {
    Ok(Command::new(op, key(of)?))
}

/// Stored for some time: below 0 as long as a frame can say.
fn stored(
    op: u32,
    of: Option<&Value>,
    data: Option<&Value>,
    time: Option<&Value>,
) -> Result<Command, Absent> {
    let (data, flags) = value(data);
    let (ttl, is_moment) = match number(time, 0) {
        Err(NEGATIVE) => (0xffff_fffe, true),
        seconds => (i64::try_from(seconds?).expect("seconds"), false),
    };
    Ok(Command {
        flags,
        ttl,
        is_moment,
        ..command(op, of)?.value(data)
    })
}

/// Stored by a check: against none is only where there is nothing; `cas` is 0 for that in a batch.
fn checked(
    of: Option<&Value>,
    data: Option<&Value>,
    cas: Option<&Value>,
    time: Option<&Value>,
) -> Result<Command, Absent> {
    match cas {
        Some(Value::None) => stored(ADD, of, data, time),
        _ => Ok(Command {
            cas: number(cas, 0)?,
            ..stored(CAS, of, data, time)?
        }),
    }
}

fn ask(call: &Call) -> Result<Ask, Absent> {
    if call.servers > 1 {
        return Err(REPLICAS);
    }
    if call.made_with("username").is_some() {
        return Err(CREDENTIALS);
    }
    let step = call.only();
    match (call.class.as_str(), step.name.as_str()) {
        ("_servers[0]", "noop") => Ok(Ask::of(What::Ping)),
        ("", "flush_all") => {
            let delay = number(step.bind(["time"])[0], 0)?;
            Ok(Ask::of(What::FlushAll(
                i64::try_from(delay).expect("seconds"),
            )))
        }
        ("", "stats") => {
            let argument = match step.bind(["key"])[0] {
                None => String::new(),
                Some(Value::Str(argument)) => argument.clone(),
                other => panic!("a name, not {other:?}"),
            };
            Ok(Ask::of(What::Stats(argument)))
        }
        ("", name) if name.contains("multi") => many(step),
        ("", _) => Ok(Ask::one(one(step)?)),
        other => panic!("what is {other:?}?"),
    }
}

fn many(step: &Step) -> Result<Ask, Absent> {
    match step.name.as_str() {
        "get_multi" => {
            let [keys, _] = step.bind(["keys", "get_cas"]);
            batch(list(keys), |one| command(read(true), Some(one)))
        }
        "delete_multi" => batch(list(step.bind(["keys"])[0]), |one| {
            command(DELETE, Some(one))
        }),
        "set_multi" => {
            let [values, time] = step.bind(["mappings", "time"]);
            let each = entries(values).iter().map(|(of, data)| match of {
                Value::Tuple(pair) => match &pair[..] {
                    [of, Value::Int(0)] => stored(ADD, Some(of), Some(data), time),
                    [of, cas] => checked(Some(of), Some(data), Some(cas), time),
                    _ => panic!("key and CAS, not {pair:?}"),
                },
                of => stored(SET, Some(of), Some(data), time),
            });
            let commands: Result<Vec<_>, _> = each.collect();
            Ok(Ask::of(What::Many(commands?)))
        }
        "set_multi_cas" => Err(NEW_CAS),
        other => panic!("what is {other}?"),
    }
}

fn one(step: &Step) -> Result<Command, Absent> {
    match step.name.as_str() {
        "get" => command(read(true), step.bind(["key", "default", "get_cas"])[0]),
        "gets" => command(read(true), step.bind(["key"])[0]),
        "delete" => {
            let [of, cas] = step.bind(["key", "cas"]);
            match cas {
                None => command(DELETE, of),
                Some(_) => Err(DELETE_BY_CAS),
            }
        }
        name @ ("set" | "add" | "replace") => {
            let [of, data, time, cas] = step.bind(["key", "value", "time", "get_cas"]);
            let op = match name {
                "set" => SET,
                "add" => ADD,
                _ => REPLACE,
            };
            match truth(cas, false) {
                true => Err(NEW_CAS),
                false => stored(op, of, data, time),
            }
        }
        "cas" => {
            let [of, data, cas, time, told] = step.bind(["key", "value", "cas", "time", "get_cas"]);
            match truth(told, false) {
                true => Err(NEW_CAS),
                false => checked(of, data, cas, time),
            }
        }
        name @ ("incr" | "decr") => {
            let [of, by, default, time] = step.bind(["key", "value", "default", "time"]);
            if default.is_some() || time.is_some() {
                return Err(INITIAL);
            }
            Ok(Command {
                delta: number(by, 1)?,
                ..command(if name == "incr" { INCR } else { DECR }, of)?
            })
        }
        other => panic!("what is {other}?"),
    }
}

/// What a failure raises, or the name of what is returned in its place.
fn failed(status: i32) -> Result<Outcome, &'static str> {
    exception(tree("python-binary-memcached"), status)
}

fn theirs(call: &Call, _: &Ask, reading: &Reading) -> Outcome {
    let step = call.only();
    match step.name.as_str() {
        "get" | "gets" => reads(step, reading),
        "get_multi" | "set_multi" | "delete_multi" => of_many(step, reading),
        _ => done(step, reading),
    }
}

fn reads(step: &Step, reading: &Reading) -> Outcome {
    let (default, with_cas) = match step.name.as_str() {
        "gets" => (None, true),
        _ => {
            let [_, default, cas] = step.bind(["key", "default", "get_cas"]);
            (default, truth(cas, false))
        }
    };
    let said = reading.one();
    let (value, cas) = match said.status {
        OK => (decoded(said), Value::Int(said.cas.expect("a CAS").into())),
        status => match failed(status) {
            Ok(raises) => return raises,
            // A miss, or a connection that failed.
            Err("None" | "as a miss") => (default.cloned().unwrap_or(Value::None), Value::None),
            Err(other) => panic!("{status:#x} is {other}"),
        },
    };
    Outcome::Returns(match with_cas {
        true => Value::Tuple(vec![value, cas]),
        false => value,
    })
}

fn of_many(step: &Step, reading: &Reading) -> Outcome {
    let said = reading.many();
    let is_miss = |said: &Said| matches!(said.status, NO_VALUE | NOT_FOUND);
    if step.name != "set_multi" {
        for one in said
            .iter()
            .filter(|said| said.status != OK && !is_miss(said))
        {
            if let Ok(raises) = failed(one.status) {
                return raises;
            }
        }
    }
    Outcome::Returns(match step.name.as_str() {
        "get_multi" => {
            let [keys, cas] = step.bind(["keys", "get_cas"]);
            let with_cas = truth(cas, false);
            let value = |said: &Said| {
                (said.status == OK).then(|| match (with_cas, said.cas) {
                    (true, Some(cas)) => Value::Tuple(vec![decoded(said), Value::Int(cas.into())]),
                    _ => decoded(said),
                })
            };
            found(list(keys), said, value)
        }
        "set_multi" => {
            let [values, _] = step.bind(["mappings", "time"]);
            let all = entries(values).iter().zip(said);
            let not = all.filter(|(_, said)| said.status != OK);
            Value::List(not.map(|(entry, _)| entry.0.clone()).collect())
        }
        _ => Value::Bool(said.iter().all(|said| said.status == OK)),
    })
}

fn done(step: &Step, reading: &Reading) -> Outcome {
    let status = reading.failure();
    let name = step.name.as_str();
    let value = match (status, name) {
        (OK, "incr" | "decr") => counted(reading.one()),
        (OK, "noop") => Value::Int(0),
        (OK, "stats") => {
            let server = &reading.servers().servers[0];
            let own = (
                Value::Object(server.name.clone()),
                stats(server, Value::str),
            );
            Value::Dict(vec![own])
        }
        (OK, _) => Value::Bool(true),
        // What is not there is deleted.
        (NOT_FOUND, "delete") => Value::Bool(true),
        (status, _) => match (failed(status), name) {
            (Ok(raises), _) => return raises,
            (Err("as a miss"), "incr" | "decr") => Value::Int(0),
            (Err("as a miss"), "flush_all") => Value::Bool(true),
            (Err("as a miss"), "stats") => Value::Dict(Vec::new()),
            (Err("as a miss" | "False"), _) => Value::Bool(false),
            (Err(other), _) => panic!("{status:#x} is {other}"),
        },
    };
    Outcome::Returns(value)
}
