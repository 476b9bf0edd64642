//! A call of ours: carried out with a scripted server, and what it says.

use crate::support::client::Client;
use crate::support::execute::{Command, Said};
use crate::support::scripted::{Script, Scripted};
use crate::support::servers::Everywhere;

/// What of ours is called.
#[derive(Clone, Debug)]
pub enum What {
    One(Command),
    Many(Vec<Command>),
    /// With an argument.
    Stats(String),
    /// In so many seconds.
    FlushAll(i64),
    DeleteAll(String),
    CacheMemlimit(u64),
    Versions,
    Ping,
    /// A line of an operator's.
    Admin(String),
}

#[derive(Clone, Debug)]
pub struct Ask {
    pub what: What,
    /// The client's options.
    pub options: String,
}

impl Ask {
    pub fn of(what: What) -> Ask {
        let options = String::new();
        Ask { what, options }
    }

    pub fn one(command: Command) -> Ask {
        Ask::of(What::One(command))
    }

    pub fn with(mut self, name: &str, value: &str) -> Ask {
        self.options.push_str(&format!("&{name}={value}"));
        self
    }
}

/// What ours said.
#[derive(Debug)]
pub enum Reading {
    One(Said),
    Many(Vec<Said>),
    Servers(Everywhere),
}

impl Reading {
    pub fn one(&self) -> &Said {
        match self {
            Reading::One(said) => said,
            _ => panic!("the answer to one command"),
        }
    }

    pub fn many(&self) -> &[Said] {
        match self {
            Reading::Many(said) => said,
            _ => panic!("the answers to a batch"),
        }
    }

    pub fn servers(&self) -> &Everywhere {
        match self {
            Reading::Servers(answer) => answer,
            _ => panic!("the answers of servers"),
        }
    }

    /// The first failure, of whatever it was an answer to; 0 where there is none.
    pub fn failure(&self) -> i32 {
        let (all, whole): (Vec<i32>, i32) = match self {
            Reading::One(said) => return said.status,
            Reading::Many(all) => (all.iter().map(|said| said.status).collect(), 0),
            Reading::Servers(all) => (all.statuses(), all.status),
        };
        all.into_iter().find(|status| *status != 0).unwrap_or(whole)
    }
}

/// Ask a server for each of `scripts`; returns what was said, and what the servers have heard.
pub fn carry_out(ask: &Ask, protocol: &str, scripts: Vec<Script>) -> (Reading, Vec<Vec<u8>>) {
    let servers: Vec<Scripted> = scripts.into_iter().map(Scripted::new).collect();
    let times = "timeout=10s&connect_timeout=10s";
    let options = format!("?{times}&protocol={protocol}{}", ask.options);
    let uris: Vec<_> = servers.iter().map(|server| server.uri(&options)).collect();
    let client = Client::new(&uris.join(","));
    let reading = match &ask.what {
        What::One(command) => Reading::One(client.execute(command)),
        What::Many(commands) => Reading::Many(client.execute_multi(commands).1),
        What::Stats(argument) => Reading::Servers(client.stats(argument)),
        What::FlushAll(delay) => Reading::Servers(client.flush_all(*delay)),
        What::DeleteAll(key) => Reading::Servers(client.delete_all(key)),
        What::CacheMemlimit(megabytes) => Reading::Servers(client.cache_memlimit(*megabytes)),
        What::Versions => Reading::Servers(client.versions()),
        What::Ping => Reading::Servers(client.ping()),
        What::Admin(line) => Reading::Servers(client.admin(line, None)),
    };
    drop(client);
    (reading, servers.into_iter().map(Scripted::heard).collect())
}
