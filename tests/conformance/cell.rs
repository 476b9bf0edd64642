//! One row in one column: its steps carried out, and what was seen.

use crate::abi;
use crate::client::{self, Answers, Client, is_miss, name};
use crate::looped::Looped;
use crate::rows::{Line, Row};
use crate::servers::{Column, Form, Server};
use crate::show::{self, CasSeen};
use crate::step::{Cas, Command, FLUSH_ALL, OPS, Step};
use crate::text::shown;

/// Tests do not assert times: a machine that is busy may take long.
const PATIENCE: &str = "timeout=20s&connect_timeout=20s&batch_timeout=20s&tcp_user_timeout=none";

/// The client of a row.
pub fn client(column: &Column, servers: &[Server], options: &str) -> Client {
    let form = match column.form.1 {
        Form::ShortcutOff => "&shortcut=off",
        _ => "",
    };
    let row = if options.is_empty() { "" } else { "&" };
    let (first, others) = servers.split_first().expect("a server");
    let protocol = column.protocol;
    let mut list = format!(
        "{}{}protocol={protocol}&{PATIENCE}{form}{row}{options}",
        first.uri,
        if first.uri.contains('?') { '&' } else { '?' }
    );
    for server in others {
        list += &format!(",{}", server.uri);
    }
    Client::new(&list)
}

/// Carry out all steps; return what was seen of each.
pub fn run(row: &Row, column: &Column, servers: &[Server]) -> Vec<String> {
    let client = client(column, &servers[..row.servers], &row.options);
    let looped = match column.form.1 {
        Form::Loop | Form::LoopBatch => Some(Looped::new(&client)),
        _ => None,
    };
    let mut cell = Cell {
        client,
        looped,
        servers,
        cas: CasSeen::default(),
        seen: Vec::new(),
    };
    let mut at = 0;
    while at < row.steps.len() {
        let batch = match column.form.1 {
            Form::Batch | Form::LoopBatch => together(&row.steps[at..]),
            _ => Vec::new(),
        };
        if batch.is_empty() {
            let seen = cell.step(&row.steps[at].step);
            cell.seen.push(seen);
            at += 1;
        } else {
            at += batch.len();
            cell.batch(&batch);
        }
    }
    cell.seen
}

struct Cell<'a> {
    client: Client,
    looped: Option<Looped>,
    servers: &'a [Server],
    cas: CasSeen,
    seen: Vec<String>,
}

/// The commands at the beginning of `steps` that can be one batch: a CAS that a command refers to
/// must have been seen before it is sent.
fn together(steps: &[Line]) -> Vec<&Command> {
    let mut batch: Vec<&Command> = Vec::new();
    for line in steps {
        match &line.step {
            Step::Command(command) if batch.is_empty() => batch.push(command),
            Step::Command(command) if !matches!(command.cas, Cas::Seen(_)) => batch.push(command),
            _ => break,
        }
    }
    batch
}

fn key(command: &Command) -> &[u8] {
    command.key.as_deref().unwrap_or_default()
}

impl Cell<'_> {
    /// Whether the CAS that a command refers to is known; it is not after something went wrong.
    fn knows(&self, command: &Command) -> bool {
        !matches!(command.cas, Cas::Seen(place) if place > self.cas.0.len())
    }

    fn batch(&mut self, commands: &[&Command]) {
        if !self.knows(commands[0]) {
            let unknown = commands.iter().map(|_| "there is no such CAS".to_string());
            return self.seen.extend(unknown);
        }
        let answers = match &self.looped {
            Some(looped) => looped.execute_multi(commands, &self.cas.0),
            None => self.client.execute_multi(commands, &self.cas.0),
        };
        let wrong = as_a_whole(&answers, commands);
        for (index, command) in commands.iter().enumerate() {
            let mut text = match answers.items.get(index) {
                Some(seen) => show::item(seen, key(command), &mut self.cas),
                None => "no entry".to_string(),
            };
            if index == 0 {
                text += &wrong;
            }
            self.seen.push(text);
        }
    }

    fn step(&mut self, step: &Step) -> String {
        let (client, cas) = (&self.client, &mut self.cas);
        match step {
            Step::Command(command) => {
                if !self.knows(command) {
                    return "there is no such CAS".to_string();
                }
                let seen = match &self.looped {
                    Some(looped) => looped.execute(command, &self.cas.0),
                    None => self.client.execute(command, &self.cas.0),
                };
                show::item(&seen, key(command), &mut self.cas)
            }
            Step::GetInto(key, cap) => {
                let (status, len, flags, value) = client.get_into(key, *cap);
                let value = match status {
                    abi::OK => format!(" {}", shown(&value)),
                    _ => String::new(),
                };
                format!("{}{value} length={len} flags={flags}", name(status))
            }
            Step::Multi(multi) => show::answers(&client.multi(multi), &multi.keys, cas),
            Step::FlushAll(delay) => show::servers(&client.flush_all(*delay), false),
            Step::Version => show::servers(&client.versions(), true),
            Step::Ping => show::servers(&client.ping(), false),
            Step::Verbosity(level) => show::servers(&client.verbosity(*level), false),
            Step::CacheMemlimit(limit) => show::servers(&client.cache_memlimit(*limit), false),
            Step::DeleteAll(key) => show::servers(&client.delete_all(key), false),
            Step::Sync => {
                if let Some(looped) = &self.looped {
                    looped.settle();
                }
                let (status, failed) = client.sync();
                format!("{} failed={failed}", name(status))
            }
            Step::Close => name(client.close()),
            Step::KeyCheck(key) => name(client::key_check(key)),
            Step::Advance(time) => {
                // The servers of one cell have one time.
                (self.servers[0].advance)(*time);
                "OK".to_string()
            }
        }
    }
}

/// What is wrong with a batch as a whole; nothing where all is well.
fn as_a_whole(answers: &Answers, commands: &[&Command]) -> String {
    let failed = |status| status != abi::OK && !is_miss(status);
    let count = answers.items.iter().filter(|s| failed(s.status)).count();
    // The first four only read, and so does 15, version; a number that is no op is not a write.
    let writes = |c: &&Command| (5..=OPS.len() as u32).contains(&c.op) || c.op == FLUSH_ALL;
    let expected = match count {
        0 => abi::OK,
        _ if commands.iter().all(writes) => abi::MULTI_STORAGE,
        _ => abi::PARTIAL,
    };
    let mut wrong = String::new();
    if answers.status != expected {
        wrong += &format!(" WRONG: the batch is {}", name(answers.status));
    }
    if answers.failed != count {
        wrong += &format!(" WRONG: {} failed", answers.failed);
    }
    if answers.items.len() != commands.len() {
        wrong += &format!(" WRONG: {} entries", answers.items.len());
    }
    wrong
}
