//! Carries a plan out with the library's own two drivers, and notes what every call came to.

use std::time::Duration;

use memcached2::client::wait::wait;
use memcached2::client::{Client, Limit};
use memcached2::config::Config;
use memcached2::error::{Result, Status};
use memcached2::event::{Done, Loop};
use memcached2::operation::command::Commands;
use memcached2::protocol::command::Reply;
use memcached2::protocol::expiry::Ttl;
use memcached2::protocol::{Command, Op};
use memcached2::transport::{Interest, Readiness};

use super::breach::Promise;
use super::call::{Call, Heard, Outcome, Told};
use super::calls::world;
use super::clock::MS;
use super::memory;
use super::plan::{Ask, COUNTERS, KEYS, Plan, Step};
use super::record::{counter, value};
use super::world::Event;

/// A call may end so much later than it must.
pub const GRACE: u64 = 10 * MS;

/// The breaker's longest pause between two probes.
pub const PAUSE: u64 = 240 * MS;

/// The expiry times that touch sets begin here: each command has its own.
const TOUCHES: u64 = 100_000;

/// Since when each key belongs to which host.
pub type Placed = (u64, Vec<Option<usize>>);

pub struct Actor<'p> {
    plan: &'p Plan,
    client: Client,
    events: Option<Loop<Told>>,
    pub calls: Vec<Call>,
    /// From when on keys belonged to these hosts.
    pub placed: Vec<Placed>,
    /// The CAS that was read last of each key.
    cas: Vec<u64>,
    /// Operations of the loop that are not over: their numbers, and when they must be.
    open: Vec<(u64, u64)>,
}

/// The time of the world.
pub fn now() -> u64 {
    world(|world| world.now).unwrap_or(0)
}

/// Run something of the library's.
fn library<R>(run: impl FnOnce() -> R) -> R {
    memory::counting(true, run)
}

fn breach(promise: Promise, text: String) {
    world(|world| world.breach(promise, text));
}

pub fn key(number: usize) -> Vec<u8> {
    match number.checked_sub(KEYS) {
        None => format!("key-{number}").into_bytes(),
        Some(counter) => format!("count-{counter}").into_bytes(),
    }
}

/// A command with the bytes that it is made of.
struct Said {
    op: Op,
    key: Vec<u8>,
    value: Vec<u8>,
    flags: u32,
    ttl: Ttl,
    cas: u64,
    delta: u64,
    quiet: bool,
    mark: u64,
    /// The key's in the plan.
    number: usize,
}

impl Said {
    fn command(&self) -> Command<'_> {
        Command {
            value: &self.value,
            flags: self.flags,
            ttl: self.ttl,
            cas: self.cas,
            delta: self.delta,
            reply: if self.quiet {
                Reply::Quiet
            } else {
                Reply::Default
            },
            ..Command::new(self.op, &self.key)
        }
    }
}

struct Batch(Vec<Said>);

impl Commands for Batch {
    fn count(&self) -> usize {
        self.0.len()
    }
    fn blank(&self) -> Command<'_> {
        Command::new(Op::Get, b"")
    }
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        *command = self.0[index].command();
        Ok(())
    }
}

impl<'p> Actor<'p> {
    pub fn new(plan: &'p Plan) -> Actor<'p> {
        let list: Vec<String> = (0..plan.servers).map(|host| plan.uri(host)).collect();
        let made = library(|| {
            let mut config = Config::from_list(&list.join(","))?;
            for option in plan.options.split('&') {
                let (name, value) = option.split_once('=').unwrap_or((option, ""));
                config.options.set(name, value)?;
            }
            Client::new(config, None)
        });
        let client = made.unwrap_or_else(|why| panic!("a client with {}: {why}", plan.options));
        let mut actor = Actor {
            plan,
            client,
            events: None,
            calls: Vec::new(),
            placed: Vec::new(),
            cas: vec![12_345; KEYS + COUNTERS],
            open: Vec::new(),
        };
        actor.note_places();
        actor
    }

    /// Where keys belong from now on.
    fn note_places(&mut self) {
        let host = |number| {
            let name = library(|| self.client.server_for_key(&key(number))).ok()?;
            (0..self.plan.hosts).find(|host| self.plan.name(*host) == name.as_str())
        };
        let hosts = (0..KEYS + COUNTERS).map(host).collect();
        self.placed.push((now(), hosts));
    }

    pub fn carry_out(&mut self) {
        for step in &self.plan.steps {
            world(|world| {
                let words = format_args!("{step:?}");
                world.trace.note(world.now, "step", 0, 0, words);
            });
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Fault(after, fault) => {
                world(|world| world.at(world.now + after, Event::Begin(*fault)));
            }
            Step::One(ask, timeout) => self.one(ask, *timeout),
            Step::Many(asks) => self.many(asks),
            Step::Submit(ask) => self.submit(ask),
            Step::SubmitMany(asks) => self.submit_many(asks),
            Step::Turn(time) => self.turn(now() + time),
            Step::Sleep(time) => drop(world(|world| world.pass(world.now + time))),
            Step::Add(host) => self.change(|client, uri| client.add_server(&uri(*host))),
            Step::Remove(host) => self.change(|client, uri| client.remove_server(&uri(*host))),
            Step::Replace(hosts) => self.change(|client, uri| {
                let list: Vec<String> = hosts.iter().map(|host| uri(*host)).collect();
                client.set_servers(&list.join(","))
            }),
            Step::Sync => {
                let begin = now();
                let _ = library(|| self.client.sync(Limit::Default));
                self.must_be_over(begin + self.plan.timeout, "sync");
            }
            Step::Close => library(|| self.client.close()),
            Step::Cancel => {
                if let (Some(events), Some((id, _))) = (&self.events, self.open.last()) {
                    let _ = library(|| events.cancel(*id));
                }
            }
        }
    }

    /// Change the list; a change that makes no sense (what is there is added) is refused and changes
    /// nothing.
    fn change(&mut self, change: impl FnOnce(&Client, &dyn Fn(usize) -> String) -> Result<()>) {
        let plan = self.plan;
        let _ = library(|| change(&self.client, &|host| plan.uri(host)));
        self.note_places();
        // A server that was taken out and put in again is another one, of which nothing is known.
        world(|world| {
            world
                .hosts
                .iter_mut()
                .for_each(|host| host.attempts.clear())
        });
    }

    fn must_be_over(&self, limit: u64, what: &str) {
        let now = now();
        if now > limit + GRACE {
            let late = (now - limit) / MS;
            breach(
                Promise::BoundedTime,
                format!("{what} ended {late} ms too late"),
            );
        }
    }

    // --- commands

    /// The next call's command, with what tells it from all others.
    fn said(&self, ask: &Ask) -> Said {
        let number = self.calls.len() as u64 + 1;
        let key = key(ask.key);
        let mark = match ask.op {
            Op::Touch => TOUCHES + number,
            _ => number,
        };
        let is_counter = ask.key >= KEYS;
        Said {
            op: ask.op,
            value: match () {
                () if !ask.op.sends_value() => Vec::new(),
                () if is_counter => counter(mark),
                () => value(&key, mark, ask.length),
            },
            flags: if ask.op.sends_value() { ask.flags } else { 0 },
            ttl: match ask.op {
                Op::Touch => Ttl::After(mark as i64),
                _ => Ttl::Never,
            },
            cas: if ask.op == Op::Cas {
                self.cas[ask.key]
            } else {
                0
            },
            delta: if matches!(ask.op, Op::Incr | Op::Decr) {
                mark
            } else {
                1
            },
            quiet: ask.quiet && !ask.op.is_read(),
            key,
            mark,
            number: ask.key,
        }
    }

    fn call(&mut self, said: &Said, is_batch: bool, limit: u64) -> usize {
        let begin = now();
        self.calls.push(Call {
            op: said.op,
            key: said.key.clone(),
            number: said.number,
            mark: said.mark,
            quiet: !is_batch
                && said
                    .command()
                    .is_quiet(self.client.options().default_noreply),
            begin,
            end: begin,
            limit: begin + limit,
            outcome: Outcome::Nothing,
        });
        self.calls.len() - 1
    }

    fn ended(&mut self, number: usize, outcome: Outcome, asks: &[Ask]) {
        let call = &mut self.calls[number];
        call.end = now();
        call.outcome = match outcome {
            Outcome::Nothing if !call.op.is_read() => Outcome::Done,
            other => other,
        };
        if let (Op::Gets, Outcome::Hit(seen), Some(ask)) = (call.op, &call.outcome, asks.first()) {
            self.cas[ask.key] = seen.cas;
        }
        let call = &self.calls[number];
        world(|world| {
            let words = format_args!(
                "#{} {} {}: {:?}",
                number + 1,
                call.op.name(),
                String::from_utf8_lossy(&call.key),
                call.outcome
            );
            world
                .trace
                .note(world.now, "outcome", number as u64, 0, words);
        });
    }

    fn one(&mut self, ask: &Ask, timeout: Option<u64>) {
        let said = self.said(ask);
        let limit = timeout.unwrap_or(self.plan.timeout);
        let number = self.call(&said, false, limit);
        let mut heard = Heard::default();
        let given = timeout.map_or(Limit::Default, |time| {
            Limit::For(Duration::from_nanos(time))
        });
        library(|| self.client.execute_any(&said.command(), given, &mut heard));
        let outcome = heard.outcomes.swap_remove(0);
        self.ended(number, outcome, std::slice::from_ref(ask));
        self.must_be_over(self.calls[number].limit, said.op.name());
        self.must_not_be_refused(ask.key, number);
    }

    /// A server that has been well for longer than a probe may take to find out is not refused by the
    /// breaker; one that was never anything else is never. (Unless a link is so slow that large values
    /// do not pass in time.)
    fn must_not_be_refused(&self, key: usize, number: usize) {
        let call = &self.calls[number];
        if !matches!(call.outcome, Outcome::Failed(Status::CIRCUIT_OPEN, _)) {
            return;
        }
        let host = self.placed.last().and_then(|(_, hosts)| hosts[key]);
        let found_out = PAUSE + self.plan.connect_timeout + self.plan.timeout + GRACE;
        let swift = self.plan.send_buffer >= 64 * 1024;
        let probed_elsewhere = !self.open.is_empty();
        world(|world| {
            let Some(at) = host else {
                return;
            };
            let host = &world.hosts[at];
            let well_since = host.well_since;
            if swift && host.first_fault.is_none() && host.distance.0 < MS {
                let text = format!("host {at} is not asked, and was never anything but well");
                world.breach(Promise::BackInService, text);
            } else if host.is_well() && call.begin > well_since + found_out && !probed_elsewhere {
                let since = (call.begin - well_since) / MS;
                let text = format!("host {at} is not asked, and has been well for {since} ms");
                world.breach(Promise::BackInService, text);
            }
        });
    }

    fn many(&mut self, asks: &[Ask]) {
        let (batch, first) = self.batch(asks);
        let mut heard = Heard::new(asks.len());
        library(|| {
            self.client
                .execute_multi(&batch, Limit::Default, &mut heard)
        });
        self.all_ended(first, heard.outcomes, asks);
        if let Some(call) = self.calls.get(first) {
            self.must_be_over(call.limit, "a batch");
        }
    }

    /// The commands of a batch, and the number of the first of its calls.
    fn batch(&mut self, asks: &[Ask]) -> (Batch, usize) {
        let first = self.calls.len();
        let mut all = Vec::new();
        for ask in asks {
            let said = self.said(ask);
            self.call(&said, true, self.plan.batch_timeout);
            all.push(said);
        }
        (Batch(all), first)
    }

    fn all_ended(&mut self, first: usize, outcomes: Vec<Outcome>, asks: &[Ask]) {
        for (n, outcome) in outcomes.into_iter().enumerate() {
            self.ended(first + n, outcome, asks.get(n..).unwrap_or_default());
        }
    }

    // --- the loop

    fn events(&mut self) -> &Loop<Told> {
        let client = &self.client;
        self.events.get_or_insert_with(|| {
            let options = client.options().clone();
            library(|| Loop::new(client.core().clone(), options)).expect("a loop")
        })
    }

    fn submit(&mut self, ask: &Ask) {
        let said = self.said(ask);
        let limit = self.plan.timeout;
        let number = self.call(&said, false, limit);
        let told = Told {
            calls: vec![number],
            heard: Heard::new(1),
        };
        let time = Some(Duration::from_nanos(limit));
        let events = self.events();
        let submitted = library(|| events.submit(&said.command(), time, |_| Ok(told)));
        self.submitted(submitted, limit);
    }

    fn submit_many(&mut self, asks: &[Ask]) {
        let (batch, first) = self.batch(asks);
        let told = Told {
            calls: (first..first + asks.len()).collect(),
            heard: Heard::new(asks.len()),
        };
        let limit = self.plan.batch_timeout;
        let time = Some(Duration::from_nanos(limit));
        let events = self.events();
        let submitted = library(|| events.submit_multi(&batch, time, |_| Ok(told)));
        self.submitted(submitted, limit);
    }

    fn submitted(&mut self, submitted: Result<u64>, limit: u64) {
        match submitted {
            Ok(id) => self.open.push((id, now() + limit)),
            Err(why) => breach(
                Promise::HostUnharmed,
                format!("the loop takes nothing: {why}"),
            ),
        }
    }

    /// Let the loop go on until then, or until nothing is under way.
    pub fn turn(&mut self, until: u64) {
        let Some(events) = self.events.take() else {
            return;
        };
        loop {
            let begin = now();
            let waited = library(|| events.process(drop));
            if let Err(why) = waited {
                breach(
                    Promise::HostUnharmed,
                    format!("the loop does not go on: {why}"),
                );
                break;
            }
            while let Ok(Some(done)) = library(|| events.next()) {
                self.told(done);
            }
            let is_late = |(_, limit): &(u64, u64)| *limit + GRACE < begin;
            let (late, open) = std::mem::take(&mut self.open)
                .into_iter()
                .partition(is_late);
            self.open = open;
            let late: Vec<(u64, u64)> = late;
            for (id, _) in late {
                let text = format!("operation {id} of the loop is not over in time");
                breach(Promise::BoundedTime, text);
            }
            if now() >= until || library(|| events.pending()).unwrap_or(0) == 0 {
                break;
            }
            self.wait_for(&events, until);
        }
        self.events = Some(events);
    }

    fn wait_for(&self, events: &Loop<Told>, until: u64) {
        use memcached2::event::Until;
        let begun = memcached2::deadline::now();
        let left = Duration::from_nanos(until.saturating_sub(now()));
        let limit = match library(|| events.until()) {
            Ok(Until::After(time)) => time.min(left),
            _ => left,
        };
        let readable = Interest {
            read: true,
            write: false,
        };
        let Ok(fd) = events.fd() else {
            return;
        };
        let mut waiting = [Readiness::of(fd, readable)];
        let _ = library(|| wait(&mut waiting, Some(begun.after(limit))));
    }

    fn told(&mut self, done: Done<Told>) {
        self.open.retain(|(id, _)| *id != done.id);
        let Told { calls, heard } = done.task;
        for (number, outcome) in calls.into_iter().zip(heard.outcomes) {
            self.ended(number, outcome, &[]);
        }
    }

    // --- the end

    /// Everything that is wrong has been put right: after a little while everything works.
    pub fn must_work(&mut self) {
        self.turn(now() + self.plan.batch_timeout + 2 * GRACE);
        if !self.open.is_empty() {
            let text = format!("{} operations of the loop never ended", self.open.len());
            breach(Promise::BoundedTime, text);
        }
        // Until the last reply has come that was slow, and the last breaker may be tried again.
        world(|world| {
            let well = world.hosts.iter().map(|host| host.well_since).max();
            let well = well.unwrap_or(0).max(world.now);
            world.pass(well + PAUSE + self.plan.connect_timeout + self.plan.timeout);
        });
        let places = self.placed.last().map(|(_, hosts)| hosts.clone());
        let places = places.unwrap_or_default();
        for host in 0..self.plan.hosts {
            let Some(key) = places.iter().take(KEYS).position(|at| *at == Some(host)) else {
                continue;
            };
            for looped in [false, true] {
                if looped && self.events.is_none() {
                    continue;
                }
                self.must_answer(host, key, looped);
            }
        }
    }

    /// A connection that died meanwhile may cost a call each; then there is service.
    fn must_answer(&mut self, host: usize, key: usize, looped: bool) {
        const TRIES: usize = 3;
        let ask = Ask {
            op: Op::Get,
            key,
            quiet: false,
            flags: 0,
            length: 20,
        };
        for _ in 0..TRIES {
            // Far away, in a short time, one may fail: then the breaker is asked again when it is due.
            world(|world| world.pass(world.now + PAUSE));
            match looped {
                true => {
                    self.submit(&ask);
                    self.turn(now() + self.plan.timeout + GRACE);
                }
                false => self.one(&ask, None),
            }
            if self
                .calls
                .last()
                .is_some_and(|call| !call.outcome.has_failed())
            {
                return;
            }
        }
        let last = self.calls.last().map(|call| call.outcome.clone());
        let text = format!("host {host} is well, and {TRIES} calls in a row fail: {last:?}");
        breach(Promise::BackInService, text);
    }

    /// Free everything that is the library's.
    pub fn free(self) -> (Vec<Call>, Vec<Placed>) {
        let Actor {
            client,
            events,
            calls,
            placed,
            ..
        } = self;
        library(|| {
            if let Some(events) = events {
                events.end(drop);
                drop(events);
            }
            drop(client);
        });
        (calls, placed)
    }
}

impl Plan {
    pub fn uri(&self, host: usize) -> String {
        match self.unix[host] {
            true => format!("memcached+unix://{}", self.name(host)),
            false => format!("memcached://{}", self.name(host)),
        }
    }

    /// The server's name in what the library tells.
    pub fn name(&self, host: usize) -> String {
        let number = host + 1;
        match self.unix[host] {
            true => format!("/sim-{number}.sock"),
            false => format!("10.0.0.{number}:11211"),
        }
    }
}
