//! Both sides write, both read what the other wrote, and what the servers hold is looked at past both.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::keys;
use crate::python::{self, Job, Read};
use crate::rows::Row;
use crate::support::client::{Answer, Client, Got, OK, last_error, name};

/// What each side writes.
pub const KEYS: usize = 1000;

/// The values of one side, by their keys.
pub type Written = BTreeMap<String, String>;

/// How many of one side's keys the other side found, and how many were where they belong.
#[derive(Clone, Copy, PartialEq)]
pub struct Found {
    pub alone: usize,
    pub batch: usize,
    pub raw: usize,
}

pub const ALL: Found = Found {
    alone: KEYS,
    batch: KEYS,
    raw: KEYS,
};

pub struct Outcome {
    pub versions: String,
    pub theirs: Found,
    pub ours: Found,
    /// Of both sides, by server.
    pub keys: [usize; 5],
    pub differences: Vec<String>,
}

pub fn written(whose: &str) -> Written {
    let keys = keys::keys(whose, KEYS).into_iter().enumerate();
    keys.map(|(n, key)| (key.clone(), keys::value(&key, n)))
        .collect()
}

/// One half alone, the other in a batch.
fn write(client: &Client, values: &Written) {
    let (keys, values): (Vec<_>, Vec<_>) = values.iter().unzip();
    let half = keys.len() / 2;
    for (key, value) in keys[..half].iter().zip(&values) {
        let status = client.set(key, value.as_bytes());
        assert_eq!(status, OK, "{key}: {}: {}", name(status), last_error());
    }
    let Answer { status, .. } = client.set_multi(&keys[half..], &values[half..]);
    assert_eq!(status, OK, "{}: {}", name(status), last_error());
}

fn read(client: &Client, values: &Written) -> Read {
    let text = |got: Got| match got {
        Got::Value(found) => Some(String::from_utf8_lossy(&found).into_owned()),
        Got::Miss => None,
        Got::Failed(status) => Some(name(status)),
    };
    let alone = |key: &String| (key.clone(), text(client.get(key)));
    let keys: Vec<_> = values.keys().collect();
    let batch = client.get_multi(&keys).entries.into_iter().map(text);
    Read {
        alone: values.keys().map(alone).collect(),
        batch: values.keys().cloned().zip(batch).collect(),
        versions: Vec::new(),
    }
}

/// The place in the list of the server where the library looks for each key.
fn places(client: &Client, values: &Written) -> BTreeMap<String, usize> {
    let servers = client.servers();
    let place = |key: &String| {
        let server = client.server_for(key);
        let place = servers.iter().position(|name| *name == server);
        (key.clone(), place.expect("one of the servers"))
    };
    values.keys().map(place).collect()
}

/// What each key's server says to a plain `get`; that no other server has the key is seen too.
fn read_past_the_library(
    cluster: &Cluster,
    places: &BTreeMap<String, usize>,
) -> BTreeMap<String, Option<String>> {
    let mut servers = cluster.raw();
    let mut found = BTreeMap::new();
    for (key, place) in places {
        let value = servers[*place].get(key);
        let text = value.map(|value| String::from_utf8_lossy(&value).into_owned());
        found.insert(key.clone(), text);
    }
    for (place, server) in servers.iter_mut().enumerate() {
        let elsewhere = places.iter().filter(|(_, belongs)| **belongs != place);
        let keys: Vec<&str> = elsewhere.map(|(key, _)| key.as_str()).collect();
        for some in keys.chunks(100) {
            for stray in server.order(some) {
                found.insert(stray, Some(format!("on server {place} as well")));
            }
        }
    }
    found
}

/// How much of what one side wrote was found; `differences` take the rest.
fn compare(
    row: &Row,
    values: &Written,
    (read, raw): (&Read, &BTreeMap<String, Option<String>>),
    differences: &mut Vec<String>,
) -> Found {
    let mut count = |how: &str, found: &BTreeMap<String, Option<String>>| {
        let is_right = |(key, value): &(&String, &String)| match found.get(*key) {
            Some(Some(found)) => found == *value,
            _ => false,
        };
        let (right, wrong): (Vec<_>, Vec<_>) = values.iter().partition(is_right);
        let of =
            |(key, _): (&String, _)| format!("{}: {how}, {key}: {:?}", row.title(), found.get(key));
        differences.extend(wrong.into_iter().map(of));
        right.len()
    };
    Found {
        alone: count("alone", &read.alone),
        batch: count("in a batch", &read.batch),
        raw: count("where it belongs", raw),
    }
}

pub fn exchange(row: &Row, cluster: &Cluster) -> Outcome {
    cluster.flush();
    let client = Client::new(&cluster.uris(row));
    let (ours, theirs) = (written("ours"), written("theirs"));
    write(&client, &ours);
    let they_read = python::run(&Job {
        row,
        servers: cluster.names(row),
        read: &ours,
        write: &theirs,
    });
    let we_read = read(&client, &theirs);
    let (mut keys, mut differences) = ([0; 5], Vec::new());
    let mut found = |values, read| {
        let places = places(&client, values);
        places.values().for_each(|place| keys[*place] += 1);
        let raw = read_past_the_library(cluster, &places);
        compare(row, values, (read, &raw), &mut differences)
    };
    Outcome {
        versions: they_read.versions.join(" with "),
        theirs: found(&theirs, &we_read),
        ours: found(&ours, &they_read),
        keys,
        differences,
    }
}
