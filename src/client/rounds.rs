//! What a server does not do in one command is done in several: a counter that is not there is made by
//! `add`, and counted again where another was first; a read without its value is a read whose value is
//! thrown away. No two clients count the same twice by it, and none overwrites what another made.

use super::One;
use super::blocking::{run, run_lone};
use super::call::{Call, Context};
use super::sink::{Answer, Sent, Sink};
use super::state::Servers;
use crate::buffer::{Chunk, Place};
use crate::error::{Failure, Result, Status};
use crate::operation::Token;
use crate::operation::batch::Batch;
use crate::operation::command::{Commands, command};
use crate::operation::single::Single;
use crate::protocol::extra::{About, Extra, Said, creates};
use crate::protocol::served::Needs;
use crate::protocol::{Command, Op, ValueHead};

/// Each time another client was in between. One that always is, is not waited for for ever.
const ROUNDS_MAX: usize = 100;

/// Carry out a lone command.
pub fn lone(call: &Call<'_>, topology: &Servers, command: &Command<'_>, sink: &mut dyn Sink) {
    let original = One(command);
    let digits = Digits::of(command.extra.initial);
    let mut round = Round::new(&original, sink);
    loop {
        let command = match round.adds {
            true => add(command, &digits),
            false => *command,
        };
        let one = One(&command);
        let context = Context::new(&one, topology, call.options);
        run_lone(call, &mut Single::default(), &context, &mut round, None);
        if !round.next() {
            return;
        }
    }
}

/// Carry out a batch.
pub fn batch(call: &Call<'_>, topology: &Servers, commands: &dyn Commands, sink: &mut dyn Sink) {
    let context = Context::new(commands, topology, call.options);
    let mut round = Round::new(commands, sink);
    run(
        call,
        &mut Batch::new(commands.count()),
        &context,
        &mut round,
    );
    while round.next() {
        let some = Part {
            commands,
            adds: round.adds,
            tags: round.tags.clone(),
            digits: round.digits(),
        };
        let context = Context::new(&some, topology, call.options);
        let mut batch = Batch::new(some.count());
        run(call, &mut batch, &context, &mut round);
    }
}

/// The command that makes what was not there.
fn add<'a>(command: &Command<'a>, digits: &'a Digits) -> Command<'a> {
    let counts = matches!(command.op, Op::Incr | Op::Decr);
    Command {
        op: Op::Add,
        value: match counts {
            true => digits.text(),
            false => command.value,
        },
        extra: Extra {
            said: command.extra.said.within(Said::WISHES),
            ..Extra::NOTHING
        },
        ..*command
    }
}

/// A number as it is stored.
struct Digits {
    room: [u8; 20],
    len: usize,
}

impl Digits {
    fn of(number: u64) -> Digits {
        let mut text = itoa::Buffer::new();
        let text = text.format(number).as_bytes();
        let mut room = [0; 20];
        // No number has more digits.
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text[..len]);
        Digits { room, len }
    }

    fn text(&self) -> &[u8] {
        &self.room[..self.len]
    }
}

/// Some of the commands of a batch, or what makes what they did not find.
struct Part<'c> {
    commands: &'c dyn Commands,
    adds: bool,
    tags: Vec<Token>,
    digits: Vec<Digits>,
}

impl Commands for Part<'_> {
    fn count(&self) -> usize {
        self.tags.len()
    }
    fn blank(&self) -> Command<'_> {
        self.commands.blank()
    }
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        self.commands.fill(self.tags[index] as usize, command)?;
        if self.adds {
            *command = add(command, &self.digits[index]);
        }
        Ok(())
    }
    fn beyond(&self) -> Option<Needs> {
        self.commands.beyond()
    }
}

/// Between an operation and the sink: notes which commands are not done yet.
struct Round<'s> {
    commands: &'s dyn Commands,
    sink: &'s mut dyn Sink,
    /// The commands of this round by their places in the batch; in the first round, all of them.
    tags: Vec<Token>,
    first: bool,
    /// What makes what was not there is being sent.
    adds: bool,
    again: Vec<Token>,
    /// Of which nothing has been told in this round, by their places in it; empty in the first.
    untold: Vec<bool>,
    /// How many lanes there were in the rounds before, and up to now.
    lanes_before: u32,
    lanes: u32,
    rounds: usize,
}

impl<'s> Round<'s> {
    fn new(commands: &'s dyn Commands, sink: &'s mut dyn Sink) -> Round<'s> {
        Round {
            commands,
            sink,
            tags: Vec::new(),
            first: true,
            adds: false,
            again: Vec::new(),
            untold: Vec::new(),
            lanes_before: 0,
            lanes: 0,
            rounds: 0,
        }
    }

    /// Go on to the next round, if there has to be one.
    fn next(&mut self) -> bool {
        if self.adds {
            self.tell_made();
        }
        self.tags = std::mem::take(&mut self.again);
        self.first = false;
        self.adds = !self.adds;
        self.lanes_before = self.lanes;
        self.rounds += 1;
        self.untold = vec![true; self.tags.len()];
        !self.tags.is_empty()
    }

    /// The end of a round in which what was not there was made: where nothing else was told, it was.
    fn tell_made(&mut self) {
        let untold = std::mem::take(&mut self.untold);
        for (index, untold) in untold.into_iter().enumerate() {
            if untold {
                self.made(self.tag(index as Token));
            }
        }
    }

    fn made(&mut self, tag: Token) {
        let counts = |command: &Command<'_>| matches!(command.op, Op::Incr | Op::Decr);
        let made = self.command(tag).filter(counts);
        let answer = made.map_or(Answer::Done, |made| Answer::Number(made.extra.initial));
        self.sink.answer(tag, answer);
    }

    fn is_told(&mut self, tag: Token) {
        if let Some(untold) = self.untold.get_mut(tag as usize) {
            *untold = false;
        }
    }

    fn digits(&self) -> Vec<Digits> {
        let initial = |tag: &Token| self.command(*tag).map_or(0, |own| own.extra.initial);
        self.tags
            .iter()
            .map(|tag| Digits::of(initial(tag)))
            .collect()
    }

    /// The place in the batch of a command of this round.
    fn tag(&self, tag: Token) -> Token {
        match self.first {
            true => tag,
            false => self.tags.get(tag as usize).copied().unwrap_or(tag),
        }
    }

    /// The command as the caller gave it.
    fn command(&self, tag: Token) -> Option<Command<'s>> {
        command(self.commands, tag as usize).ok()
    }

    /// The command's value is not wanted.
    fn is_bare(&self, tag: Token) -> bool {
        let said = self.command(tag).map(|command| command.extra.said);
        said.is_some_and(|said| said.has(Said::NO_VALUE))
    }

    /// Whether what the command did not find (or, of an `add`, found) is followed by another round.
    fn goes_on(&mut self, tag: Token, status: Status) -> bool {
        let Some(command) = self.command(tag) else {
            return false;
        };
        let counts = matches!(command.op, Op::Incr | Op::Decr);
        let expected = match counts && !self.adds {
            true => Status::NOT_FOUND,
            false => Status::NOT_STORED,
        };
        let goes_on = status == expected
            && creates(command.op, command.extra.said)
            && self.rounds < ROUNDS_MAX
            && self.again.try_reserve(1).is_ok();
        if goes_on {
            self.again.push(tag);
        }
        goes_on
    }

    /// A value came that nobody wants.
    fn bare(&mut self, tag: Token, head: &ValueHead) {
        self.sink.answer(tag, Answer::Done);
        let about = About {
            flags: Some(head.flags),
            cas: head.cas,
            ..About::default()
        };
        self.sink.about(tag, &about);
    }
}

impl Sink for Round<'_> {
    fn sent(&mut self, tag: Token, sent: &Sent) {
        let lane = self.lanes_before + sent.lane;
        self.lanes = self.lanes.max(lane + 1);
        self.sink.sent(self.tag(tag), &Sent { lane, ..*sent });
    }

    fn value(&mut self, tag: Token, head: &ValueHead, value: &[u8]) {
        let tag = self.tag(tag);
        match self.is_bare(tag) {
            true => self.bare(tag, head),
            false => self.sink.value(tag, head, value),
        }
    }

    fn place(&mut self, tag: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        let tag = self.tag(tag);
        match self.is_bare(tag) {
            true => None,
            false => self.sink.place(tag, head, begins),
        }
    }

    fn placed(&mut self, tag: Token, head: &ValueHead) {
        let tag = self.tag(tag);
        match self.is_bare(tag) {
            true => self.bare(tag, head),
            false => self.sink.placed(tag, head),
        }
    }

    /// What was made is told at once, or at the end of the round.
    fn drained(&mut self) {
        if !self.adds {
            self.sink.drained();
        }
    }

    fn answer(&mut self, tag: Token, answer: Answer<'_>) {
        self.is_told(tag);
        let tag = self.tag(tag);
        match answer {
            Answer::Miss(status) if self.goes_on(tag, status) => {}
            Answer::Done if self.adds => self.made(tag),
            answer => self.sink.answer(tag, answer),
        }
    }

    fn about(&mut self, tag: Token, about: &About) {
        let tag = self.tag(tag);
        // It belongs to the answer just before it, which may have been none yet.
        if self.again.last() != Some(&tag) {
            self.sink.about(tag, about);
        }
    }

    fn fail(&mut self, tag: Token, failure: Box<Failure>) {
        self.is_told(tag);
        let tag = self.tag(tag);
        if !self.goes_on(tag, failure.status) {
            self.sink.fail(tag, failure);
        }
    }

    fn excuse(&mut self, tag: Token, miss: Status, failure: Box<Failure>) {
        self.is_told(tag);
        self.sink.excuse(self.tag(tag), miss, failure);
    }

    fn keep(&mut self, lane: u32, chunks: Vec<Chunk>, commands: Vec<u8>) {
        let lane = self.lanes_before + lane;
        self.lanes = self.lanes.max(lane + 1);
        self.sink.keep(lane, chunks, commands);
    }
}
