//! Carries plans out among servers that are maps, for the tests of plans.

use std::collections::HashMap;

use super::command::{Commands, command};
use super::stages::{Errand, Outcome, Plan, Verdict};
use crate::error::{Effect, Failure, Phase, Result, Status};
use crate::protocol::{Command, Op};

/// Commands by hand.
pub struct Said(pub Vec<Command<'static>>);

impl Commands for Said {
    fn count(&self) -> usize {
        self.0.len()
    }
    fn blank(&self) -> Command<'_> {
        Command::new(Op::Get, b"")
    }
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        *command = self.0[index];
        Ok(())
    }
}

pub fn get(key: &'static str) -> Command<'static> {
    Command::new(Op::Get, key.as_bytes())
}

pub fn set(key: &'static str, value: &'static str) -> Command<'static> {
    storing(Op::Set, key, value)
}

pub fn storing(op: Op, key: &'static str, value: &'static str) -> Command<'static> {
    Command {
        value: value.as_bytes(),
        ..Command::new(op, key.as_bytes())
    }
}

pub fn delete(key: &'static str) -> Command<'static> {
    Command::new(Op::Delete, key.as_bytes())
}

pub fn incr(key: &'static str) -> Command<'static> {
    Command::new(Op::Incr, key.as_bytes())
}

/// What a server does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mood {
    #[default]
    Well,
    /// It cannot be connected to.
    Dead,
    /// It does what it is told, and its reply is lost.
    Silent,
}

#[derive(Default)]
pub struct Server {
    pub mood: Mood,
    pub items: HashMap<Vec<u8>, Vec<u8>>,
    /// How many commands came.
    pub asked: usize,
}

impl Server {
    pub fn text(&self, key: &str) -> Option<&str> {
        let value = self.items.get(key.as_bytes())?;
        Some(std::str::from_utf8(value).expect("text"))
    }

    fn answer(&mut self, command: &Command<'_>) -> Outcome {
        if self.mood == Mood::Dead {
            let failure = Failure::new(Status::CONNECT_FAILED, "dead").at(Phase::Connect);
            return Outcome::Failed(failure.effect(Effect::NotApplied));
        }
        self.asked += 1;
        let done = self.carry_out(command);
        match self.mood {
            Mood::Silent => {
                let failure = Failure::new(Status::TIMEOUT, "silent").at(Phase::Receive);
                Outcome::Failed(failure.effect(Effect::Unknown))
            }
            _ => done,
        }
    }

    fn carry_out(&mut self, command: &Command<'_>) -> Outcome {
        let key = command.key.to_vec();
        let there = self.items.contains_key(&key);
        match command.op {
            Op::Get | Op::Gets | Op::Gat | Op::Gats if there => Outcome::Value,
            op if op.reads_value() => Outcome::Miss(Status::NO_VALUE),
            Op::Add if there => Outcome::Miss(Status::NOT_STORED),
            Op::Replace | Op::Append if !there => Outcome::Miss(Status::NOT_STORED),
            Op::Append => {
                let value = self.items.entry(key).or_default();
                value.extend_from_slice(command.value);
                Outcome::Done
            }
            op if op.sends_value() => {
                self.items.insert(key, command.value.to_vec());
                Outcome::Done
            }
            _ if !there => Outcome::Miss(Status::NOT_FOUND),
            Op::Delete => {
                self.items.remove(&key);
                Outcome::Done
            }
            Op::Incr => {
                let number = self.text_of(&key) + command.delta;
                self.items.insert(key, number.to_string().into_bytes());
                Outcome::Number(number)
            }
            _ => Outcome::Done,
        }
    }

    fn text_of(&self, key: &[u8]) -> u64 {
        let text = std::str::from_utf8(&self.items[key]).expect("text");
        text.parse().expect("a number")
    }
}

/// What became of one command: what it was told, and the server whose value it got.
#[derive(Debug)]
pub struct Ended {
    pub outcome: Outcome,
    pub server: Option<usize>,
}

impl Ended {
    /// The status.
    pub fn status(&self) -> Status {
        match &self.outcome {
            Outcome::Failed(failure) => failure.status,
            Outcome::Miss(status) | Outcome::Excused(status, _) => *status,
            _ => Status::OK,
        }
    }

    pub fn failure(&self) -> &Failure {
        match &self.outcome {
            Outcome::Failed(failure) | Outcome::Excused(_, failure) => failure,
            other => panic!("{other:?} is no failure"),
        }
    }
}

/// Carry a plan out. `server`: where an errand goes, by whether it goes elsewhere.
pub fn rehearse(
    plan: &mut dyn Plan,
    commands: &Said,
    servers: &mut [Server],
    server: impl Fn(bool, &Errand) -> usize,
) -> Vec<Ended> {
    let mut ended: Vec<Option<Ended>> = commands.0.iter().map(|_| None).collect();
    let mut values: Vec<Option<usize>> = vec![None; commands.0.len()];
    let mut errands = Vec::new();
    let mut tell = |plan: &mut dyn Plan, values: &[Option<usize>]| {
        plan.settle(&mut |Verdict { tag, outcome, .. }| {
            let place = &mut ended[tag as usize];
            assert!(place.is_none(), "it has ended twice");
            let server = match outcome {
                Outcome::Value => values[tag as usize],
                _ => None,
            };
            *place = Some(Ended { outcome, server });
        });
    };
    for stage in 0.. {
        assert!(stage < 50, "it has no end");
        tell(plan, &values);
        errands.clear();
        plan.next(&mut errands);
        assert!(errands.len() <= plan.most());
        let elsewhere = plan.goes_elsewhere();
        for errand in &errands {
            let at = server(elsewhere, errand);
            let mut command = command(commands, errand.tag as usize).expect("a command");
            errand.form.put_on(&mut command);
            let outcome = servers[at].answer(&command);
            if matches!(outcome, Outcome::Value) {
                values[errand.tag as usize] = Some(at);
            }
            plan.on(errand, outcome);
        }
        if errands.is_empty() {
            tell(plan, &values);
            break;
        }
    }
    let all = ended.into_iter().map(|one| one.expect("each has its end"));
    all.collect()
}
