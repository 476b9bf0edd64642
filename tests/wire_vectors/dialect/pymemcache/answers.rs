//! What pymemcache would say.

use super::super::{
    Outcome, counted, digits, entries, exception, found, hit, list, returns, stats, tree, truth,
};
use super::{INTEGER_FLAG, PICKLE, PICKLE_FLAG, TEXT_FLAG, serializes};
use crate::ask::{Ask, Reading};
use crate::call::{Call, Step};
use crate::python::Value;
use crate::support::client::{NO_VALUE, NOT_FOUND};
use crate::support::execute::Said;

const ILLEGAL_INPUT: i32 = 0x0203;

/// What a failure raises, or is in its place.
fn failed(step: &Step, status: i32) -> Outcome {
    let value = match exception(tree("pymemcache"), status) {
        Ok(outcome) => return outcome,
        Err("None") if matches!(step.name.as_str(), "incr" | "decr" | "cas") => Value::None,
        Err("None" | "False") => Value::Bool(false),
        Err(other) => panic!("{status:#x} is {other}"),
    };
    Outcome::Returns(value)
}

/// What the serializer makes of a value.
fn decoded(call: &Call, said: &Said) -> Value {
    let bytes = hit(said).to_vec();
    let flags = said.flags.expect("a hit has flags");
    match flags {
        _ if !serializes(call) => Value::Bytes(bytes),
        0 => Value::Bytes(bytes),
        TEXT_FLAG => Value::Str(String::from_utf8(bytes).expect("text")),
        INTEGER_FLAG => {
            let digits = String::from_utf8(bytes).expect("digits");
            Value::Int(digits.parse().expect("a number"))
        }
        other => panic!("flags {other}"),
    }
}

/// A read of one key; `nothing` is what a miss returns.
fn one_read(call: &Call, reading: &Reading, nothing: Value, cas: bool) -> Outcome {
    let said = reading.one();
    let ignored = truth(call.made_with("ignore_exc"), false);
    match said.status {
        0 if serializes(call) && said.flags == Some(PICKLE_FLAG) => Outcome::Absent(PICKLE),
        0 if cas => Outcome::Returns(Value::Tuple(vec![decoded(call, said), digits(said)])),
        0 => Outcome::Returns(decoded(call, said)),
        NO_VALUE => Outcome::Returns(nothing),
        status if ignored && status != ILLEGAL_INPUT => Outcome::Returns(nothing),
        status => failed(call.only(), status),
    }
}

pub fn theirs(call: &Call, _: &Ask, reading: &Reading) -> Outcome {
    let step = call.only();
    let or_none = |value: Option<&Value>| value.cloned().unwrap_or(Value::None);
    match step.name.as_str() {
        "get" => {
            let [_, default] = step.bind(["key", "default"]);
            one_read(call, reading, or_none(default), false)
        }
        "gets" => {
            let [_, default, cas] = step.bind(["key", "default", "cas_default"]);
            let nothing = Value::Tuple(vec![or_none(default), or_none(cas)]);
            one_read(call, reading, nothing, true)
        }
        "__getitem__" => match one_read(call, reading, Value::None, false) {
            Outcome::Returns(Value::None) => Outcome::Raises("KeyError".into()),
            other => other,
        },
        "get_many" | "gets_many" | "set_many" | "delete_many" => of_many(call, step, reading),
        _ => done(call, step, reading),
    }
}

/// The first answer that is an exception is raised, whatever the others are.
fn of_many(call: &Call, step: &Step, reading: &Reading) -> Outcome {
    let said = reading.many();
    let failures = said
        .iter()
        .filter(|said| !matches!(said.status, 0 | NO_VALUE));
    for one in failures {
        if let raises @ Outcome::Raises(_) = failed(step, one.status) {
            return raises;
        }
    }
    match step.name.as_str() {
        "delete_many" => {
            assert!(said.iter().all(|said| matches!(said.status, 0 | NOT_FOUND)));
            returns(Value::Bool(true))
        }
        "set_many" => {
            let [values, ..] = step.bind(["values", "expire", "noreply"]);
            let all = entries(values).iter().zip(said);
            let not = all.filter(|(_, said)| said.status != 0);
            returns(Value::List(not.map(|(entry, _)| entry.0.clone()).collect()))
        }
        name => {
            let cas = name == "gets_many";
            let value = |said: &Said| {
                (said.status == 0).then(|| match cas {
                    true => Value::Tuple(vec![decoded(call, said), digits(said)]),
                    false => decoded(call, said),
                })
            };
            returns(found(list(step.bind(["keys"])[0]), said, value))
        }
    }
}

fn done(call: &Call, step: &Step, reading: &Reading) -> Outcome {
    let status = reading.failure();
    if status != 0 {
        return failed(step, status);
    }
    let quiet = matches!(reading, Reading::One(said) if said.number.is_none());
    let value = match step.name.as_str() {
        "incr" | "decr" if quiet => Value::None,
        "incr" | "decr" => counted(reading.one()),
        "__setitem__" | "__delitem__" => Value::None,
        "version" => Value::Bytes(reading.servers().servers[0].value.clone().into_bytes()),
        "stats" => {
            let name = |name: &str| Value::Bytes(name.as_bytes().to_vec());
            stats(&reading.servers().servers[0], name)
        }
        "shutdown" => {
            assert_eq!(reading.servers().servers[0].value, "", "{call:?}");
            Value::None
        }
        // Ours says the lines without the end of the last.
        "raw_command" => {
            let text = reading.servers().servers[0].value.replace('\n', "\r\n");
            Value::Bytes(format!("{text}\r\n").into_bytes())
        }
        _ => Value::Bool(true),
    };
    Outcome::Returns(value)
}
