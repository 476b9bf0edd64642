//! pymemcache, of three versions: without waiting for replies unless it is told to; a serializer, where
//! there is one, of text and numbers.

mod answers;

use super::{
    Absent, Dialect, QUIET_BATCH, TEXT, TYPES, batch, entries, flags, list, number, read, truth,
    ttl,
};
use crate::ask::{Ask, What};
use crate::call::{Call, Step};
use crate::python::Value;
use crate::support::execute::{
    ADD, APPEND, CAS, Command, DECR, DELETE, INCR, PREPEND, REPLACE, SET, TOUCH,
};

const PICKLE: Absent = "a pickle: the serializer alone decides";
const QUIT: Absent = "quit: ours closes a connection without a word";
const NO_REPLY: Absent = "a flush without reply: ours waits for every server";
const KEYS: Absent = "stats cachedump: ours tells the keys of a server otherwise";
const META: Absent = "a line of meta protocol: ours sends no commands on items as text";

const TEXT_FLAG: u32 = 16;
const INTEGER_FLAG: u32 = 2;
const PICKLE_FLAG: u32 = 1;

pub const DIALECT: Dialect = Dialect {
    protocol: "ascii",
    tree: Some("pymemcache"),
    ask,
    theirs: answers::theirs,
};

fn serializes(call: &Call) -> bool {
    call.made_with("serde").is_some()
}

/// Keys are ASCII, or what the client was told they may be; bytes are taken as they are.
fn key(call: &Call, key: Option<&Value>) -> Result<Vec<u8>, Absent> {
    let unicode = truth(call.made_with("allow_unicode_keys"), false);
    match key {
        Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
        Some(Value::Str(text)) if unicode || text.is_ascii() => Ok(text.clone().into_bytes()),
        Some(Value::Str(_)) => Err(TEXT),
        _ => Err(TYPES),
    }
}

/// A value and its flags, as its serializer makes them.
fn value(call: &Call, value: Option<&Value>) -> Result<(Vec<u8>, u32), Absent> {
    let utf8 = call.made_with("encoding") == Some(&Value::str("utf-8"));
    let flag = |flag| if serializes(call) { flag } else { 0 };
    match value.expect("a value") {
        Value::Bytes(bytes) => Ok((bytes.clone(), 0)),
        Value::Str(text) if serializes(call) || utf8 || text.is_ascii() => {
            Ok((text.clone().into_bytes(), flag(TEXT_FLAG)))
        }
        Value::Str(_) => Err(TEXT),
        Value::Int(n) => Ok((n.to_string().into_bytes(), flag(INTEGER_FLAG))),
        Value::None if !serializes(call) => Ok((b"None".to_vec(), 0)),
        _ => Err(PICKLE),
    }
}

/// The client's options in ours.
fn options(call: &Call, mut ask: Ask) -> Ask {
    for (name, value) in &call.made_with {
        match (name.as_str(), value) {
            ("key_prefix", Value::Bytes(prefix)) => {
                let prefix = std::str::from_utf8(prefix).expect("text");
                ask = ask.with("key_prefix", prefix);
            }
            ("default_noreply" | "encoding" | "allow_unicode_keys" | "serde" | "ignore_exc", _) => {
            }
            other => panic!("what is {other:?}?"),
        }
    }
    ask
}

fn is_quiet(call: &Call, noreply: Option<&Value>) -> bool {
    truth(noreply, truth(call.made_with("default_noreply"), true))
}

fn ask(call: &Call) -> Result<Ask, Absent> {
    let step = call.only();
    let ask = match step.name.as_str() {
        "stats" => statistics(step)?,
        "cache_memlimit" => Ask::of(What::CacheMemlimit(number(step.bind(["limit"])[0], 0)?)),
        "version" => Ask::of(What::Versions),
        "flush_all" => {
            let [delay, noreply] = step.bind(["delay", "noreply"]);
            if is_quiet(call, noreply) {
                return Err(NO_REPLY);
            }
            Ask::of(What::FlushAll(ttl(delay)?))
        }
        "quit" => return Err(QUIT),
        "raw_command" => raw(step)?,
        "shutdown" => {
            let graceful = truth(step.bind(["graceful"])[0], false);
            let line = if graceful {
                "shutdown graceful"
            } else {
                "shutdown"
            };
            Ask::of(What::Admin(line.into()))
        }
        name if name.ends_with("_many") => many(call, step)?,
        _ => Ask::one(one(call, step)?),
    };
    Ok(options(call, ask))
}

fn statistics(step: &Step) -> Result<Ask, Absent> {
    let words = step.bind(["first", "second", "third"]);
    let word = |value: &Value| match value {
        Value::Str(word) => word.clone(),
        other => panic!("a word, not {other:?}"),
    };
    let words: Vec<_> = words.into_iter().flatten().map(word).collect();
    match words.first().is_some_and(|word| word == "cachedump") {
        true => Err(KEYS),
        false => Ok(Ask::of(What::Stats(words.join(" ")))),
    }
}

fn raw(step: &Step) -> Result<Ask, Absent> {
    match step.bind(["command", "end_tokens"])[0] {
        Some(Value::Str(line)) if line.starts_with('m') => Err(META),
        Some(Value::Str(line)) => Ok(Ask::of(What::Admin(line.clone()))),
        other => panic!("a line, not {other:?}"),
    }
}

fn many(call: &Call, step: &Step) -> Result<Ask, Absent> {
    let name = step.name.as_str();
    match name {
        "get_many" | "gets_many" => {
            let op = read(name == "gets_many");
            let [keys] = step.bind(["keys"]);
            batch(list(keys), |one| {
                Ok(Command::new(op, key(call, Some(one))?))
            })
        }
        "delete_many" => {
            let [keys, noreply] = step.bind(["keys", "noreply"]);
            let keys = list(keys);
            if is_quiet(call, noreply) && !keys.is_empty() {
                return Err(QUIET_BATCH);
            }
            batch(keys, |one| Ok(Command::new(DELETE, key(call, Some(one))?)))
        }
        "set_many" => {
            let [values, expire, noreply] = step.bind(["values", "expire", "noreply"]);
            if is_quiet(call, noreply) {
                return Err(QUIET_BATCH);
            }
            let each = entries(values).iter().map(|(one, data)| {
                let (data, flags) = value(call, Some(data))?;
                Ok(Command {
                    flags,
                    ttl: ttl(expire)?,
                    ..Command::new(SET, key(call, Some(one))?).value(data)
                })
            });
            let commands: Result<Vec<_>, _> = each.collect();
            Ok(Ask::of(What::Many(commands?)))
        }
        other => panic!("what is {other}?"),
    }
}

fn one(call: &Call, step: &Step) -> Result<Command, Absent> {
    let command = |op, of| Ok(Command::new(op, key(call, of)?));
    Ok(match step.name.as_str() {
        "get" => command(read(false), step.bind(["key", "default"])[0])?,
        "gets" => command(read(true), step.bind(["key", "default", "cas_default"])[0])?,
        "__getitem__" => command(read(false), step.bind(["key"])[0])?,
        "set" | "add" | "replace" | "append" | "prepend" | "__setitem__" | "cas" => {
            return store(call, step);
        }
        "delete" | "__delitem__" => {
            let [of, noreply] = step.bind(["key", "noreply"]);
            let noreply = is_quiet(call, noreply);
            Command {
                noreply,
                ..command(DELETE, of)?
            }
        }
        "touch" => {
            let [of, expire, noreply] = step.bind(["key", "expire", "noreply"]);
            Command {
                ttl: ttl(expire)?,
                noreply: is_quiet(call, noreply),
                ..command(TOUCH, of)?
            }
        }
        name @ ("incr" | "decr") => {
            let [of, by, noreply] = step.bind(["key", "value", "noreply"]);
            Command {
                delta: number(by, 1)?,
                noreply: truth(noreply, false),
                ..command(if name == "incr" { INCR } else { DECR }, of)?
            }
        }
        other => panic!("what is {other}?"),
    })
}

fn store(call: &Call, step: &Step) -> Result<Command, Absent> {
    let (op, said) = match step.name.as_str() {
        "cas" => {
            let [of, data, cas, expire, noreply, said] =
                step.bind(["key", "value", "cas", "expire", "noreply", "flags"]);
            let cas = self::cas(cas)?;
            let quiet = truth(noreply, false);
            (CAS, (of, data, expire, quiet, said, cas))
        }
        name => {
            let op = match name {
                "set" | "__setitem__" => SET,
                "add" => ADD,
                "replace" => REPLACE,
                "append" => APPEND,
                _ => PREPEND,
            };
            let [of, data, expire, noreply, said] =
                step.bind(["key", "value", "expire", "noreply", "flags"]);
            (op, (of, data, expire, is_quiet(call, noreply), said, 0))
        }
    };
    let (of, data, expire, noreply, said, cas) = said;
    let (data, made) = value(call, data)?;
    Ok(Command {
        flags: if said.is_some() { flags(said)? } else { made },
        ttl: ttl(expire)?,
        noreply,
        cas,
        ..Command::new(op, key(call, of)?).value(data)
    })
}

/// A number, or its digits.
fn cas(value: Option<&Value>) -> Result<u64, Absent> {
    let digits = match value {
        Some(Value::Bytes(bytes)) => String::from_utf8(bytes.clone()).expect("text"),
        Some(Value::Str(text)) => text.clone(),
        Some(Value::Int(_)) => return number(value, 0).map_err(|_| TYPES),
        _ => return Err(TYPES),
    };
    digits.parse().map_err(|_| TYPES)
}
