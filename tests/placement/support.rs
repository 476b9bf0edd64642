//! Placers made of URIs and options, as a client makes them; and what was compared.

use std::collections::BTreeMap;

use memcached2::cluster::node::Node;
use memcached2::cluster::placer::{Custom, Placer, Rule};
use memcached2::config::{Config, ServerSpec};
use serde_json::Value;

/// `options`: `placement=…&hash=…`.
pub fn placer<S: AsRef<str>>(options: &str, servers: &[S]) -> Placer {
    placer_of(options, servers, Custom::default())
}

pub fn placer_of<S: AsRef<str>>(options: &str, servers: &[S], custom: Custom) -> Placer {
    let servers: Vec<&str> = servers.iter().map(AsRef::as_ref).collect();
    let mut config = Config::from_list(&servers.join(",")).unwrap();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap();
        config.options.set(name, value).unwrap();
    }
    let rule = Rule {
        options: config.options.clone(),
        custom,
    };
    let complete = |server: &ServerSpec| server.complete(&config.options).unwrap();
    let servers: Vec<ServerSpec> = config.servers.iter().map(complete).collect();
    let nodes: Vec<Node> = servers.iter().map(Node::from).collect();
    Placer::new(&rule, &nodes).unwrap()
}

/// With all servers up.
pub fn place(placer: &Placer, key: &[u8]) -> Option<usize> {
    placer.place(key, b"", &|_| true)
}

/// Of one server as recordings name it: `host:port`, IPv6 without brackets, or a path.
pub fn uri(recorded: &str, weight: u64) -> String {
    let place = match recorded.rsplit_once(':') {
        Some((host, port)) if host.contains(':') => format!("[{host}]:{port}"),
        _ => recorded.to_string(),
    };
    format!("{place}?weight={weight}")
}

/// `n` servers whose names do not matter.
pub fn some(n: usize) -> Vec<String> {
    (1..=n)
        .map(|i| format!("10.0.{}.{}:11211", i / 256, i % 256))
        .collect()
}

pub fn read(file: &str) -> String {
    let path = format!(
        "{}/tests/vectors/placement/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

pub fn json(file: &str) -> Value {
    serde_json::from_str(&read(file)).unwrap()
}

pub fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap_or_else(|| panic!("{name}"))
}

pub fn texts(value: &Value, name: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    list(value, name).iter().map(text).collect()
}

pub fn numbers(value: &Value, name: &str) -> Vec<u64> {
    list(value, name)
        .iter()
        .map(|n| n.as_u64().unwrap())
        .collect()
}

/// Servers, or `None` for none.
pub fn choices(value: &Value, name: &str) -> Vec<Option<usize>> {
    let choice = |value: &Value| value.as_u64().map(|n| n as usize);
    list(value, name).iter().map(choice).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// What was compared, by the file that it came from.
#[derive(Default)]
pub struct Tally {
    counts: BTreeMap<String, usize>,
    pub differences: Vec<String>,
}

impl Tally {
    pub fn compare<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        of: &str,
        got: T,
        wanted: T,
    ) {
        *self.counts.entry(what.to_string()).or_default() += 1;
        if got != wanted {
            self.differences
                .push(format!("{what}: {of}: {got:?} instead of {wanted:?}"));
        }
    }

    /// Each key by `place`.
    pub fn keys(
        &mut self,
        what: &str,
        of: &str,
        keys: &[String],
        wanted: &[Option<usize>],
        place: impl Fn(&[u8]) -> Option<usize>,
    ) {
        assert_eq!(keys.len(), wanted.len(), "{what}: {of}");
        for (key, wanted) in keys.iter().zip(wanted) {
            self.compare(
                what,
                &format!("{of}: {key}"),
                place(key.as_bytes()),
                *wanted,
            );
        }
    }

    pub fn compared(&self) -> usize {
        self.counts.values().sum()
    }

    pub fn print(&self) {
        for (what, count) in &self.counts {
            println!("{count:6} {what}");
        }
        for difference in self.differences.iter().take(40) {
            println!("{difference}");
        }
        println!(
            "{:6} compared, {} differences",
            self.compared(),
            self.differences.len()
        );
    }
}
