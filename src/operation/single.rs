//! One command: sent, and sent once more where the table allows it.

use super::retry::judge;
use super::{Context, Event, Operation, Step};
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

impl<'a> Operation<'a> for Single {
    fn on(&mut self, event: Event<'_>) {
        self.state = match event {
            Event::Answered(_) => State::Done,
            Event::Refused { failure, .. } => State::Failed(failure),
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

    fn next(&mut self, context: &dyn Context<'a>) -> Step<'a> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Begin | State::Again if context.count() == 0 => Step::Done,
            state @ (State::Begin | State::Again) => {
                self.repeated = matches!(state, State::Again);
                match context.prepare(0) {
                    Ok(command) => {
                        self.state = State::Waiting;
                        Step::Send {
                            tag: 0,
                            command,
                            fresh: self.repeated,
                        }
                    }
                    Err(failure) => Step::Fail { tag: 0, failure },
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
