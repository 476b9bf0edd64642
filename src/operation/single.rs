//! One command: sent, and sent once more where the table allows it.

use super::retry::{doubted, in_doubt, judge};
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
    /// It had wholly left when it was lost the first time.
    left: bool,
}

impl Single {
    /// For a command that the short-cut has sent already.
    pub fn sent() -> Single {
        Single {
            state: State::Waiting,
            repeated: false,
            left: false,
        }
    }

    fn failed(&self, failure: Box<Failure>) -> State {
        State::Failed(match self.left {
            true => in_doubt(failure),
            false => failure,
        })
    }
}

impl Operation for Single {
    fn on(&mut self, event: Event<'_>) {
        self.state = match event {
            Event::Answered(_) => State::Done,
            Event::Refused { failure, .. } => self.failed(failure),
            Event::Doubted { op, server, .. } => State::Failed(doubted(op, server)),
            Event::Lost { op, loss, sent, .. } => {
                let verdict = judge(op, loss, sent, !self.repeated);
                if verdict.again {
                    self.left = sent;
                    State::Again
                } else {
                    self.failed(loss.told(verdict))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Effect, Status};
    use crate::operation::batch::Batch;
    use crate::operation::retry::Loss;
    use crate::protocol::Op;

    /// FM-18: a set that had left, was lost and is done again finds no server any more: it may have been
    /// carried out all the same. One of which a part had left was not.
    #[test]
    fn fm18_a_write_that_is_done_again_in_vain_may_have_been_carried_out() {
        let loss = |connected: bool, status| Loss {
            failure: Failure::new(status, "lost"),
            closed: connected,
            reused: connected,
            replied: false,
            connected,
        };
        let lost = loss(true, Status::SERVER_DISCONNECT);
        let refused = loss(false, Status::CONNECT_FAILED);
        for (op, sent, effect) in [
            (Op::Set, true, Effect::Unknown),
            (Op::Set, false, Effect::NotApplied),
            (Op::Incr, false, Effect::NotApplied),
            (Op::Get, true, Effect::None),
        ] {
            let (mut single, mut batch) = (Single::default(), Batch::new(1));
            let all: [&mut dyn Operation; 2] = [&mut single, &mut batch];
            for operation in all {
                for (loss, sent) in [(&lost, sent), (&refused, false)] {
                    assert!(matches!(operation.next(), Step::Send { tag: 0, .. }));
                    let tag = 0;
                    operation.on(Event::Lost {
                        tag,
                        op,
                        loss,
                        sent,
                    });
                }
                let Step::Fail { failure, .. } = operation.next() else {
                    panic!("{op:?} has failed");
                };
                let status = Status::CONNECT_FAILED;
                assert_eq!((failure.status, failure.effect), (status, effect), "{op:?}");
            }
        }
    }
}
