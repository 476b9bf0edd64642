//! What a schedule does: decided by its seed before anything happens.

use memcached2::protocol::Op;

use super::clock::{MS, SECOND, US};
use super::fault::Fault;
use super::random::Random;

/// Keys of values, and behind them those of counters.
pub const KEYS: usize = 24;
pub const COUNTERS: usize = 4;

pub struct Plan {
    /// The hosts there are; the first `servers` are the client's when it is made.
    pub hosts: usize,
    pub servers: usize,
    /// By which hosts are reached through Unix sockets.
    pub unix: Vec<bool>,
    pub is_old: bool,
    pub options: String,
    pub timeout: u64,
    pub batch_timeout: u64,
    pub connect_timeout: u64,
    pub send_buffer: usize,
    pub interrupted: u64,
    pub distances: Vec<(u64, u64)>,
    pub steps: Vec<Step>,
    pub protocol: usize,
}

pub const PROTOCOLS: [&str; 4] = ["ascii", "meta", "binary", "auto"];

#[derive(Clone, Debug)]
pub struct Ask {
    pub op: Op,
    /// Its number among [`KEYS`] and [`COUNTERS`].
    pub key: usize,
    pub quiet: bool,
    pub flags: u32,
    pub length: usize,
}

#[derive(Clone, Debug)]
pub enum Step {
    /// A fault begins so much later.
    Fault(u64, Fault),
    /// By the blocking driver; with another timeout than the client's.
    One(Ask, Option<u64>),
    Many(Vec<Ask>),
    /// By the loop.
    Submit(Ask),
    SubmitMany(Vec<Ask>),
    /// The loop is waited for, so long.
    Turn(u64),
    Sleep(u64),
    Add(usize),
    Remove(usize),
    /// This list, instead.
    Replace(Vec<usize>),
    Sync,
    Close,
    /// The operation of the loop's that was submitted last.
    Cancel,
}

impl Plan {
    pub fn new(random: &mut Random) -> Plan {
        let servers = random.between(1, 8) as usize;
        let hosts = servers + random.below(3) as usize;
        let timeout = random.one_of(&[15 * MS, 40 * MS, 100 * MS, 250 * MS, SECOND]);
        let batch_timeout = timeout * random.one_of(&[1, 2, 10]);
        // Longer than the way to the farthest host and back.
        let connect_timeout = random
            .one_of(&[timeout / 4, timeout, timeout * 2])
            .max(8 * MS);
        let protocol = random.below(4) as usize;
        let few = random.percent(30);
        let keys = if few { 4 } else { KEYS };
        let steps = steps(random, hosts, servers, timeout, keys);
        Plan {
            hosts,
            servers,
            unix: (0..hosts).map(|_| random.percent(25)).collect(),
            is_old: protocol == 3 && random.percent(30),
            options: options(random, protocol, [timeout, batch_timeout, connect_timeout]),
            connect_timeout,
            timeout,
            batch_timeout,
            send_buffer: random.one_of(&[300, 4096, 64 * 1024, 64 * 1024, 1 << 20]),
            interrupted: random.one_of(&[0, 0, 0, 5, 30]),
            distances: (0..hosts)
                .map(|_| random.one_of(&[(10 * US, 5 * US), (80 * US, 100 * US), (MS, MS)]))
                .collect(),
            steps,
            protocol,
        }
    }
}

/// `times`: `timeout`, `batch_timeout`, `connect_timeout`.
impl Plan {
    /// No command is sent over a connection before the one before it was answered.
    pub fn waits_for_each(&self) -> bool {
        let waits = |step: &Step| match step {
            Step::One(ask, _) => !ask.quiet,
            Step::Many(all) => all.len() == 1,
            Step::Submit(_) | Step::SubmitMany(_) => false,
            _ => true,
        };
        // The first fills the servers.
        self.options.contains("default_noreply=off") && self.steps.iter().skip(1).all(waits)
    }
}

fn options(random: &mut Random, protocol: usize, times: [u64; 3]) -> String {
    let [timeout, batch, connect] = times.map(|time| time / US);
    let on = |random: &mut Random, likely| if random.percent(likely) { "on" } else { "off" };
    let check = random.one_of(&[0, 100, 5_000, 5_000, 50_000]);
    format!(
        "protocol={}&timeout={timeout}us&batch_timeout={batch}us&connect_timeout={connect}us&idle_check={check}us\
         &paranoid={}&shortcut={}&default_noreply={}&placement={}",
        PROTOCOLS[protocol],
        on(random, 25),
        on(random, 75),
        on(random, 10),
        random.one_of(&["modula", "libmemcached-ketama", "jump", "mcrouter-ch3"]),
    )
}

fn steps(
    random: &mut Random,
    hosts: usize,
    servers: usize,
    timeout: u64,
    keys: usize,
) -> Vec<Step> {
    let mut steps = Vec::new();
    // By one driver, or by both.
    let (blocking, looped) = random.one_of(&[(true, false), (false, true), (true, true)]);
    // So that there is something to be read.
    let all = (0..keys).map(|key| Ask {
        key,
        ..ask(random, keys, Some(Op::Set))
    });
    let all: Vec<Ask> = all.collect();
    steps.push(if blocking {
        Step::Many(all)
    } else {
        Step::SubmitMany(all)
    });
    if looped {
        steps.push(Step::Turn(timeout));
    }
    let changes = random.percent(35);
    let batches = random.one_of(&[0, 30, 60]);
    let quiet = random.one_of(&[0, 1]);
    let faults = random.one_of(&[0, 1, 2, 3, 4, 6]);
    let count = random.between(5, 20);
    for _ in 0..count {
        if random.below(count) < faults {
            let after = random.one_of(&[0, 50 * US, 300 * US, 2 * MS, timeout / 2]);
            let fault = Fault::any(random, hosts, timeout);
            steps.push(Step::Fault(random.below(after + 1), fault));
        }
        steps.push(match random.below(100) {
            0..3 if changes => change(random, hosts, servers),
            3..6 if looped => Step::Cancel,
            6..8 => Step::Sync,
            8..9 => Step::Close,
            9..16 => Step::Sleep(random.one_of(&[10 * US, MS, 6 * MS, timeout, timeout * 3])),
            choice => {
                let looped = if blocking && looped {
                    choice % 2 == 0
                } else {
                    looped
                };
                one(random, keys, timeout, looped, batches)
            }
        });
        if let (Some(Step::One(ask, _) | Step::Submit(ask)), 0) = (steps.last_mut(), quiet) {
            ask.quiet = false;
        }
        if looped && random.percent(50) {
            steps.push(Step::Turn(random.one_of(&[0, 200 * US, 2 * MS, timeout])));
        }
    }
    steps
}

fn one(random: &mut Random, keys: usize, timeout: u64, looped: bool, often: u64) -> Step {
    let many = random.percent(often);
    if many {
        let n = random.one_of(&[1, 2, 3, 5, 8, 20]);
        let op = random.one_of(&[None, Some(Op::Get), Some(Op::Get), Some(Op::Set)]);
        let all = (0..n).map(|_| ask(random, keys, op)).collect();
        return if looped {
            Step::SubmitMany(all)
        } else {
            Step::Many(all)
        };
    }
    let ask = ask(random, keys, None);
    match looped {
        true => Step::Submit(ask),
        false => {
            let other = random.one_of(&[timeout / 3, timeout * 2]);
            Step::One(ask, random.percent(15).then_some(other))
        }
    }
}

fn ask(random: &mut Random, keys: usize, op: Option<Op>) -> Ask {
    let op = op.unwrap_or_else(|| {
        random.one_of(&[
            Op::Get,
            Op::Get,
            Op::Get,
            Op::Get,
            Op::Gets,
            Op::Gets,
            Op::Set,
            Op::Set,
            Op::Set,
            Op::Add,
            Op::Replace,
            Op::Cas,
            Op::Cas,
            Op::Delete,
            Op::Touch,
            Op::Incr,
            Op::Incr,
            Op::Decr,
        ])
    });
    let counts = matches!(op, Op::Incr | Op::Decr) || random.percent(15);
    let key = match counts {
        true => KEYS + random.below(COUNTERS as u64) as usize,
        false => random.below(keys as u64) as usize,
    };
    Ask {
        op,
        key,
        quiet: random.percent(20),
        flags: random.one_of(&[0, 0, 7, u32::MAX]),
        length: match random.below(40) {
            0 => 70_000,
            1 => 20_000,
            2 | 3 => 5000,
            _ => random.one_of(&[0, 10, 40, 40, 100, 100, 700, 1200]),
        },
    }
}

fn change(random: &mut Random, hosts: usize, servers: usize) -> Step {
    let any = random.below(hosts as u64) as usize;
    match random.below(3) {
        0 => Step::Add(any),
        1 => Step::Remove(any),
        _ => {
            let mut list: Vec<usize> = (0..hosts).collect();
            list.retain(|_| random.percent(70));
            list.truncate(servers.max(1));
            if list.is_empty() {
                list.push(any);
            }
            Step::Replace(list)
        }
    }
}
