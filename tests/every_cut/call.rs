//! Calls of the C ABI, and what they say, as text.

use std::fmt::Write;

use crate::support::client::{Client, Got, name};
use crate::support::execute::{Command, Said};
use crate::support::servers::{Everywhere, Server};

#[derive(Clone, Debug)]
pub enum Call {
    One(Command),
    /// mc_get, the short way.
    Get(&'static str),
    Many(Vec<Command>),
    Stats(&'static str),
    FlushAll,
    DeleteAll(&'static str),
    Verbosity,
    CacheMemlimit,
    Versions,
    Ping,
    Admin(&'static str),
    Dump,
}

/// What was said.
pub struct Told {
    /// Of each entry.
    pub entries: Vec<String>,
    /// Keys that a dump told.
    pub keys: Vec<Vec<u8>>,
}

fn entry(said: &Said) -> String {
    let mut text = name(said.status);
    if let Some(value) = &said.value {
        write!(text, " {}", shown(value)).unwrap();
    }
    for (word, number) in [
        ("flags", said.flags.map(u64::from)),
        ("cas", said.cas),
        ("number", said.number),
    ] {
        if let Some(number) = number.filter(|number| word != "flags" || *number > 0) {
            write!(text, " {word}={number}").unwrap();
        }
    }
    text
}

/// Long ones by their length and a sum over their bytes.
pub fn shown(value: &[u8]) -> String {
    match value.len() {
        0..100 => format!("\"{}\"", value.escape_ascii()),
        len => {
            let sum = value.iter().fold(0u32, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
            });
            format!("{len} bytes, {sum:x}")
        }
    }
}

fn server(server: &Server) -> String {
    let mut text = name(server.status);
    if !server.value.is_empty() {
        write!(text, " {}", shown(server.value.as_bytes())).unwrap();
    }
    for stat in &server.stats {
        write!(text, " {}={}", stat.name, stat.text).unwrap();
    }
    text
}

fn servers(answer: &Everywhere) -> Vec<String> {
    answer.servers.iter().map(server).collect()
}

impl Call {
    /// Make the call, and let go of its connection.
    pub fn make(&self, client: &Client) -> Told {
        let mut keys = Vec::new();
        let entries = match self {
            Call::One(command) => vec![entry(&client.execute(command))],
            Call::Get(key) => vec![match client.get(key) {
                Got::Value(value) => format!("OK {}", shown(&value)),
                Got::Miss => "NO_VALUE".into(),
                Got::Failed(status) => name(status),
            }],
            Call::Many(commands) => client.execute_multi(commands).1.iter().map(entry).collect(),
            Call::Stats(argument) => servers(&client.stats(argument)),
            Call::FlushAll => servers(&client.flush_all(0)),
            Call::DeleteAll(key) => servers(&client.delete_all(key)),
            Call::Verbosity => servers(&client.verbosity(1)),
            Call::CacheMemlimit => servers(&client.cache_memlimit(64)),
            Call::Versions => servers(&client.versions()),
            Call::Ping => servers(&client.ping()),
            Call::Admin(line) => servers(&client.admin(line, None)),
            Call::Dump => {
                let (answer, told) = client.dump();
                keys = told.into_iter().map(|key| key.key).collect();
                servers(&answer)
            }
        };
        assert_eq!(client.close(), 0);
        Told { entries, keys }
    }
}
