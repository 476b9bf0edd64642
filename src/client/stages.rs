//! Carrying out a plan of several stages: each is a batch, or a lone command, for itself; its answers go to
//! the plan, and values to where the caller wants them.

use super::sink::{Answer, Sent, Sink};
use crate::buffer::{Chunk, Place};
use crate::error::{Failure, Result, Status};
use crate::operation::Token;
use crate::operation::command::{Commands, command};
use crate::operation::stages::{Errand, Outcome, Plan, Verdict, room};
use crate::protocol::command::Reply;
use crate::protocol::extra::About;
use crate::protocol::served::Needs;
use crate::protocol::{Command, ValueHead};

/// How the commands of a stage are carried out; `first`: nothing has been waited for yet.
pub type Send<'c> = &'c mut dyn FnMut(bool, bool, &Part<'_>, &mut dyn Sink);

/// Carry out `plan` for `commands`; `send` is told whether a stage goes elsewhere, and whether it is the
/// first.
pub fn carry_out(
    plan: &mut dyn Plan,
    commands: &dyn Commands,
    sink: &mut dyn Sink,
    send: Send<'_>,
) -> Result<()> {
    let mut errands = room(plan.most())?;
    let mut told = room(plan.most())?;
    let mut lanes = 0;
    let mut first = true;
    loop {
        plan.settle(&mut |verdict| tell(sink, verdict));
        errands.clear();
        plan.next(&mut errands);
        if errands.is_empty() {
            // Of some it may only have come out that nobody is left to be asked.
            plan.settle(&mut |verdict| tell(sink, verdict));
            return Ok(());
        }
        let part = Part {
            commands,
            errands: &errands,
        };
        told.clear();
        told.resize(errands.len(), Told::Nothing);
        let elsewhere = plan.goes_elsewhere();
        let mut stage = Stage {
            plan,
            errands: &errands,
            told: &mut told,
            sink,
            lanes_before: lanes,
            lanes: &mut lanes,
        };
        send(elsewhere, first, &part, &mut stage);
        stage.end();
        first = false;
    }
}

fn tell(sink: &mut dyn Sink, verdict: Verdict) {
    let Verdict {
        tag,
        outcome,
        about,
    } = verdict;
    match outcome {
        Outcome::Value => return,
        Outcome::Done => sink.answer(tag, Answer::Done),
        Outcome::Number(number) => sink.answer(tag, Answer::Number(number)),
        Outcome::Miss(status) => sink.answer(tag, Answer::Miss(status)),
        Outcome::Failed(failure) => return sink.fail(tag, failure),
        Outcome::Excused(miss, failure) => return sink.excuse(tag, miss, failure),
    }
    if let Some(about) = about {
        sink.about(tag, &about);
    }
}

/// The commands of one stage.
pub struct Part<'c> {
    commands: &'c dyn Commands,
    errands: &'c [Errand],
}

impl Commands for Part<'_> {
    fn count(&self) -> usize {
        self.errands.len()
    }

    fn blank(&self) -> Command<'_> {
        self.commands.blank()
    }

    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        let errand = self.errands[index];
        // The command that was filled before may be another one in another form.
        *command = self.commands.blank();
        self.commands.fill(errand.tag as usize, command)?;
        errand.form.put_on(command);
        if errand.waits {
            command.reply = Reply::Wait;
        }
        // One that has its server already keeps it.
        if errand.server != Command::ANYWHERE {
            command.server = errand.server;
        }
        Ok(())
    }

    fn beyond(&self) -> Option<Needs> {
        self.commands.beyond()?;
        let needs = |index| {
            let command = command(self, index).ok()?;
            (!command.extra.is_nothing()).then(|| Needs::of(&command))
        };
        (0..self.count())
            .filter_map(needs)
            .reduce(|all, needs| all.and(needs))
    }

    fn refused_key(&self, index: usize) -> &[u8] {
        self.commands.refused_key(self.errands[index].tag as usize)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Value,
    Answer,
}

/// Where the answers of one stage go.
struct Stage<'s> {
    plan: &'s mut dyn Plan,
    errands: &'s [Errand],
    told: &'s mut [Told],
    sink: &'s mut dyn Sink,
    /// How many lanes there were in the stages before, and up to now.
    lanes_before: u32,
    lanes: &'s mut u32,
}

impl Stage<'_> {
    fn tag(&self, errand: Token) -> Token {
        self.errands
            .get(errand as usize)
            .map_or(Token::MAX, |errand| errand.tag)
    }

    fn on(&mut self, errand: Token, told: Told, outcome: Outcome) {
        let index = errand as usize;
        if let (Some(errand), Some(place)) = (self.errands.get(index), self.told.get_mut(index)) {
            *place = told;
            self.plan.on(errand, outcome);
        }
    }

    /// The head of a value, as the caller is told it.
    fn head(&self, head: &ValueHead) -> ValueHead {
        match self.plan.hides_cas() {
            true => ValueHead { cas: None, ..*head },
            false => *head,
        }
    }

    /// All is over: where nothing was told, what was asked was done.
    fn end(&mut self) {
        for index in 0..self.errands.len() {
            if self.told[index] == Told::Nothing {
                self.on(index as Token, Told::Answer, Outcome::Done);
            }
        }
    }

    /// The place of a lane among those of all stages.
    fn lane(&mut self, lane: u32) -> u32 {
        let lane = self.lanes_before.saturating_add(lane);
        *self.lanes = (*self.lanes).max(lane.saturating_add(1));
        lane
    }
}

impl Sink for Stage<'_> {
    fn sent(&mut self, errand: Token, sent: &Sent) {
        let lane = self.lane(sent.lane);
        if self.errands.get(errand as usize).is_some_and(|it| it.shown) {
            self.sink.sent(self.tag(errand), &Sent { lane, ..*sent });
        }
    }

    fn value(&mut self, errand: Token, head: &ValueHead, value: &[u8]) {
        self.sink.value(self.tag(errand), &self.head(head), value);
        self.on(errand, Told::Value, Outcome::Value);
    }

    fn place(&mut self, errand: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        let head = self.head(head);
        self.sink.place(self.tag(errand), &head, begins)
    }

    fn placed(&mut self, errand: Token, head: &ValueHead) {
        self.sink.placed(self.tag(errand), &self.head(head));
        self.on(errand, Told::Value, Outcome::Value);
    }

    fn answer(&mut self, errand: Token, answer: Answer<'_>) {
        let outcome = match answer {
            Answer::Miss(status) => Outcome::Miss(status),
            Answer::Number(number) => Outcome::Number(number),
            Answer::Done | Answer::Text(_) => Outcome::Done,
        };
        self.on(errand, Told::Answer, outcome);
    }

    fn about(&mut self, errand: Token, about: &About) {
        let index = errand as usize;
        match (self.errands.get(index), self.told.get(index)) {
            (Some(errand), Some(Told::Value)) => {
                let cas = about.cas.filter(|_| !self.plan.hides_cas());
                self.sink.about(errand.tag, &About { cas, ..*about });
            }
            (Some(errand), _) => self.plan.about(errand, about),
            (None, _) => {}
        }
    }

    fn fail(&mut self, errand: Token, failure: Box<Failure>) {
        self.on(errand, Told::Answer, Outcome::Failed(failure));
    }

    fn excuse(&mut self, errand: Token, miss: Status, failure: Box<Failure>) {
        self.on(errand, Told::Answer, Outcome::Excused(miss, failure));
    }

    fn keep(&mut self, lane: u32, chunks: Vec<Chunk>, commands: Vec<u8>) {
        let lane = self.lane(lane);
        self.sink.keep(lane, chunks, commands);
    }
}
