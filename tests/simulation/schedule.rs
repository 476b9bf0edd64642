//! One schedule, from its seed to its judgement.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::breach::{Breach, Promise};
use super::call::Call;
use super::calls::{self, within, world};
use super::client::{Actor, PAUSE};
use super::host::Host;
use super::judge::Judge;
use super::memory;
use super::plan::Plan;
use super::random::{Random, mix};
use super::report::Counts;
use super::world::World;

pub struct Verdict {
    pub breaches: Vec<Breach>,
    pub counts: Counts,
    /// A number for everything that has happened.
    pub sum: u64,
    /// The same as text, where that was asked for.
    pub text: Vec<u8>,
}

/// Beyond what it has received, eight times, the library holds no more than this at a time.
const MEMORY: u64 = 4 * 1024 * 1024;

/// Carry out the schedule of a seed.
pub fn run(seed: u64, with_text: bool) -> Verdict {
    run_plan(seed, with_text, Plan::new)
}

/// Carry out this plan, on a thread of its own: the standard library draws the keys of a thread's hash
/// tables once, and here the seed decides them.
pub fn run_plan(seed: u64, with_text: bool, plan: fn(&mut Random) -> Plan) -> Verdict {
    let thread = std::thread::Builder::new().name("schedule".into());
    let thread = thread.spawn(move || alone(seed, with_text, plan));
    let thread = thread.expect("a thread");
    thread.join().expect("the schedule's own panics are caught")
}

fn alone(seed: u64, with_text: bool, plan: fn(&mut Random) -> Plan) -> Verdict {
    let mut random = Random::new(mix(seed));
    calls::seed(random.next());
    let plan = plan(&mut random.fork());
    let distances = plan.distances.iter();
    let hosts = distances
        .map(|distance| Host::new(*distance, plan.is_old))
        .collect();
    let mut all = World::new(random.fork(), hosts, with_text);
    (all.send_buffer, all.interrupted) = (plan.send_buffer, plan.interrupted);
    all.doubles_are_seen = plan.waits_for_each();
    let words = format_args!("seed {seed}, {} servers, {}", plan.servers, plan.options);
    all.trace
        .note(0, "schedule", seed, plan.hosts as u64, words);
    memory::begin();
    let world_of = &raw mut all;
    let done = within(world_of, || {
        catch_unwind(AssertUnwindSafe(|| carry_out(&plan)))
    });
    let (calls, placed) = done.unwrap_or_else(|_| {
        let text = "a panic".to_string();
        all.breach(Promise::HostUnharmed, text);
        Default::default()
    });
    let judge = Judge {
        executed: &all.executed,
        placed: &placed,
    };
    for breach in judge.judge(&calls) {
        all.breach(breach.promise, breach.text);
    }
    let held = memory::peak() as u64;
    if held > MEMORY + 8 * all.received {
        let text = format!("{held} bytes were held, {} received", all.received);
        all.breach(Promise::BoundedMemory, text);
    }
    verdict(all, &plan, &calls)
}

type Carried = (Vec<Call>, Vec<(u64, Vec<Option<usize>>)>);

fn carry_out(plan: &Plan) -> Carried {
    let mut actor = Actor::new(plan);
    actor.carry_out();
    // Every fault is over by then.
    let settled = world(|world| {
        world.disarm();
        world.now + (6 * plan.timeout).max(PAUSE + plan.connect_timeout + plan.timeout)
    });
    actor.turn(settled.unwrap_or(0));
    world(|world| {
        world.pass(settled.unwrap_or(0));
        world.disarm();
    });
    actor.must_work();
    let carried = actor.free();
    world(|world| {
        // What still was on its way takes effect, or does not.
        world.finish();
        let open = world.descriptors.iter().flatten().count();
        if open > 0 {
            let text = format!("{open} descriptors are left open");
            world.breach(Promise::HostUnharmed, text);
        }
    });
    carried
}

fn verdict(all: World, plan: &Plan, calls: &[Call]) -> Verdict {
    let mut counts = all.counts.clone();
    counts.schedules = 1;
    counts.commands = calls.len() as u64;
    counts.system_calls = all.calls;
    counts.time = all.now;
    counts.protocols[plan.protocol] = 1;
    counts.sum = all.trace.sum();
    for call in calls {
        let name = (call.op.name(), call.outcome.name());
        *counts.outcomes.entry(name).or_default() += 1;
    }
    Verdict {
        breaches: all.breaches,
        sum: all.trace.sum(),
        counts,
        text: all.trace.into_text(),
    }
}
