//! One command: sent, and sent once more where the table allows it.

use super::retry::{doubted, judge};
use super::{Event, Operation, Step};
use crate::error::Failure;

#[derive(Default)]
enum State {
    #[default]
    Begin,
    Waiting,
    Again,
    Failed(Box<Failure>),
    Done,
}

#[derive(Default)]
pub struct Single {
    state: State,
    repeated: bool,
}

impl Single {
    /// For a command that the short-cut has sent already.
    pub fn sent() -> Single {
        Single {
            state: State::Waiting,
            repeated: false,
        }
    }
}

impl Operation for Single {
    fn on(&mut self, event: Event<'_>) {
        self.state = match event {
            Event::Answered(_) => State::Done,
            Event::Refused { failure, .. } => State::Failed(failure),
            Event::Doubted { op, server, .. } => State::Failed(doubted(op, server)),
            Event::Lost { op, loss, sent, .. } => {
                let verdict = judge(op, loss, sent, !self.repeated);
                if verdict.again {
                    State::Again
                } else {
                    State::Failed(loss.told(verdict))
                }
            }
        };
    }

    fn next(&mut self) -> Step {
        match std::mem::replace(&mut self.state, State::Done) {
            state @ (State::Begin | State::Again) => {
                self.repeated = matches!(state, State::Again);
                self.state = State::Waiting;
                Step::Send {
                    tag: 0,
                    fresh: self.repeated,
                    loud: false,
                }
            }
            State::Waiting => {
                self.state = State::Waiting;
                Step::Pending
            }
            State::Failed(failure) => Step::Fail { tag: 0, failure },
            State::Done => Step::Done,
        }
    }
}
