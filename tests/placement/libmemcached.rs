//! libmemcached through its C functions, and pylibmc.

use serde_json::Value;

use crate::hashes::libhashkit;
use crate::support::{Tally, choices, json, list, numbers, place, placer, texts, uri};

/// libmemcached's settings that matter, as they are set one after the other.
struct Settings {
    ring: &'static str,
    hash: Option<&'static str>,
    sorted: bool,
    /// The servers were there before the settings: their weights count only for a ring of weights.
    late: bool,
}

impl Settings {
    fn new(late: bool) -> Settings {
        Settings {
            ring: "libmemcached",
            hash: None,
            sorted: false,
            late,
        }
    }

    /// `name` as MEMCACHED_BEHAVIOR_… or as pylibmc's behaviors.
    fn set(&mut self, name: &str, value: &Value) {
        let is_on = value == &Value::from(1) || value == &Value::from(true);
        let ketama = match self.late {
            true => "libmemcached-ketama-even",
            false => "libmemcached-ketama",
        };
        match name.to_ascii_lowercase().as_str() {
            "hash" => {
                let by_number = || match value.as_u64() {
                    Some(1) => "md5",
                    other => panic!("{other:?}"),
                };
                let name = value.as_str().unwrap_or_else(by_number);
                self.hash = Some(libhashkit(name).word());
            }
            "ketama" if is_on => self.ring = ketama,
            "ketama_weighted" if is_on => {
                self.ring = "libmemcached-ketama-weighted";
                self.hash = None;
            }
            // It changes nothing.
            "ketama_hash" => {}
            "sort_hosts" if is_on => self.sorted = true,
            "distribution" => match (value.as_str(), value.as_u64()) {
                (Some("consistent" | "consistent ketama"), _) => self.ring = ketama,
                (Some("consistent weighted"), _) => {
                    self.ring = "libmemcached-ketama-weighted";
                    self.hash = self.hash.or(Some("libmemcached-default"));
                }
                (Some("consistent ketama spy"), _) | (_, Some(4)) => {
                    self.ring = match self.ring {
                        "libmemcached-ketama-weighted" => "libmemcached-spy-weighted",
                        _ => "libmemcached-spy",
                    };
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other}={value}"),
        }
    }

    fn options(&self) -> String {
        let sorted = if self.sorted { "on" } else { "off" };
        let hash = self.hash.unwrap_or("auto");
        format!("placement={}&hash={hash}&sort_servers={sorted}", self.ring)
    }
}

fn compare(tally: &mut Tally, file: &str, keys: &[String], case: &Value, settings: &Settings) {
    let weights = numbers(case, "weights");
    let servers = texts(case, "servers");
    let uris: Vec<String> = servers
        .iter()
        .zip(weights)
        .map(|(server, weight)| uri(server, weight))
        .collect();
    let placer = placer(&settings.options(), &uris);
    let of = format!(
        "{} of {}: {}",
        case["label"],
        servers.len(),
        settings.options()
    );
    tally.keys(file, &of, keys, &choices(case, "choice"), |key| {
        place(&placer, key)
    });
}

pub fn recorded(tally: &mut Tally) {
    let file = "libmemcached_servers.json";
    let all = json(file);
    let keys = texts(&all, "keys");
    for case in list(&all, "cases") {
        let mut settings = Settings::new(case["order"] == "servers_first");
        for behavior in list(case, "behaviors") {
            settings.set(behavior[0].as_str().unwrap(), &behavior[1]);
        }
        compare(tally, file, &keys, case, &settings);
    }
}

pub fn pylibmc(tally: &mut Tally) {
    let file = "pylibmc_servers.json";
    let all = json(file);
    let keys = texts(&all, "keys");
    for case in list(&all, "cases") {
        let mut settings = Settings::new(false);
        let behaviors = case["behaviors"].as_object().unwrap();
        // pylibmc sets the hash first, and what follows from a ring behind it.
        for first in [true, false] {
            for (name, value) in behaviors {
                if (name == "hash") == first {
                    settings.set(name, value);
                }
            }
        }
        compare(tally, file, &keys, case, &settings);
    }
}
