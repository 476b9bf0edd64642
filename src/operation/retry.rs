//! What a lost connection means for the commands on it: the table op × phase → retry, effect.
//!
//! | how far it had come | effect of a write | done again once, on a new connection |
//! | --- | --- | --- |
//! | no connection was had | not applied | no: it would fail the same way |
//! | not all bytes had left | not applied: no server runs half a command | if the connection was closed |
//! | all had left, reply bytes came | unknown | no |
//! | all had left, nothing came | unknown | if the connection was closed, had been idle before, and the command is idempotent |
//!
//! A write that is done again because nothing had come, and then finds no connection, is unknown: it may have
//! been carried out the first time. What was lost to the deadline, or to bytes that cannot be believed, is never done again.

use crate::error::{Effect, Failure, Phase, Status};
use crate::names::ServerName;
use crate::protocol::Op;

/// A connection that will give no more replies, or could not be had.
#[derive(Clone, Debug)]
pub struct Loss {
    /// What is told of each command; effect and phase are filled in for each.
    pub failure: Box<Failure>,
    /// The connection ended (end of stream, reset), rather than was given up here.
    pub closed: bool,
    /// It had carried commands before.
    pub reused: bool,
    /// Reply bytes had come since the commands were sent.
    pub replied: bool,
    /// There was a connection.
    pub connected: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub again: bool,
    pub effect: Effect,
    pub phase: Phase,
}

/// `sent`: all bytes of the command had left; `first`: it was not done again before.
pub fn judge(op: Op, loss: &Loss, sent: bool, first: bool) -> Verdict {
    let phase = match (loss.connected, sent) {
        (false, _) => loss.failure.phase,
        (true, false) => Phase::Send,
        (true, true) => Phase::Receive,
    };
    let effect = if op.is_read() {
        Effect::None
    } else if sent && loss.connected {
        Effect::Unknown
    } else {
        Effect::NotApplied
    };
    let unheard = loss.reused && !loss.replied && op.is_idempotent();
    let again = first && loss.connected && loss.closed && (!sent || unheard);
    Verdict {
        again,
        effect,
        phase,
    }
}

/// Whether a command is sent once more, by itself, that may be the one that the server refused of
/// several: reading again, and storing the same value again, harm nobody.
pub fn is_doubt_resolved(op: Op) -> bool {
    op.is_read() || op == Op::Set
}

/// What such a command is told where it is not sent again.
#[cold]
pub fn doubted(op: Op, server: ServerName) -> Box<Failure> {
    let text = format!("{server} refused one of several commands, and did not say which");
    let effect = if op.is_read() {
        Effect::None
    } else {
        Effect::Unknown
    };
    Failure::new(Status::SERVER_ERROR, text)
        .effect(effect)
        .at(Phase::Receive)
        .on(server)
}

/// A command fails that was done again, and had wholly left the first time: what the second time came to
/// does not tell whether it was carried out.
pub fn in_doubt(mut failure: Box<Failure>) -> Box<Failure> {
    if failure.effect == Effect::NotApplied {
        failure.effect = Effect::Unknown;
    }
    failure
}

impl Loss {
    /// What a command is told that is not done again.
    pub fn told(&self, verdict: Verdict) -> Box<Failure> {
        let mut failure = self.failure.clone();
        failure.effect = verdict.effect;
        failure.phase = verdict.phase;
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(closed: bool, reused: bool, replied: bool) -> Loss {
        Loss {
            failure: Failure::new(Status::SERVER_DISCONNECT, "lost"),
            closed,
            reused,
            replied,
            connected: true,
        }
    }

    /// FM-19: no command that is not idempotent is done twice once its bytes have left.
    #[test]
    fn fm19_only_idempotent_commands_are_done_again() {
        for op in Op::ALL {
            for closed in [false, true] {
                for reused in [false, true] {
                    for replied in [false, true] {
                        let verdict = judge(op, &loss(closed, reused, replied), true, true);
                        let may = closed && reused && !replied && op.is_idempotent();
                        assert_eq!(verdict.again, may, "{op:?}");
                        assert!(!judge(op, &loss(closed, reused, replied), true, false).again);
                    }
                }
            }
        }
        for op in [
            Op::Incr,
            Op::Decr,
            Op::Append,
            Op::Prepend,
            Op::Add,
            Op::Cas,
            Op::Delete,
        ] {
            assert!(!judge(op, &loss(true, true, false), true, true).again);
        }
    }

    /// FM-17: half a command is not applied, a whole one may have been.
    #[test]
    fn fm17_effect_by_bytes_sent() {
        for op in Op::ALL {
            let half = judge(op, &loss(false, true, false), false, true).effect;
            let whole = judge(op, &loss(false, true, false), true, true).effect;
            let expected = if op.is_read() {
                (Effect::None, Effect::None)
            } else {
                (Effect::NotApplied, Effect::Unknown)
            };
            assert_eq!((half, whole), expected);
        }
    }
}
