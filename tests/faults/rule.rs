//! When to misbehave, and how.

use std::time::Duration;

use super::edit::Edit;
use super::frame::binary::opcode::{DECREMENT, INCREMENT, NOOP};
use super::frame::meta::Verb;
use super::frame::{Command, Request};

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order; what the client still sends is read and thrown away.
    Fin,
    /// TCP: a reset. Unix: closed with bytes unread, which the peer sees as a reset as well.
    Rst,
    /// Nothing more is said, but the connection stays and is read.
    Half,
}

/// What a rule waits for.
#[derive(Clone, Debug)]
pub enum When {
    /// A connection was accepted.
    Accept,
    /// The first bytes of a request are there, unread.
    Input,
    /// A request was read, and is of this kind.
    Request(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Any,
    Read,
    Store,
    Arithmetic,
    /// What tells the client how its quiet store went: a store that is answered, or a barrier by
    /// itself behind one that is not.
    Settling,
}

impl Kind {
    pub fn matches(self, request: &Request) -> bool {
        match self {
            Kind::Any => true,
            Kind::Settling => {
                let silent = request.noreply && !matches!(request.command, Command::Store { .. });
                Kind::of(request) == Some(Kind::Settling)
                    || (Kind::of(request) == Some(Kind::Store) && !silent)
            }
            kind => Kind::of(request) == Some(kind),
        }
    }

    fn of(request: &Request) -> Option<Kind> {
        match &request.command {
            Command::Read { .. } => Some(Kind::Read),
            Command::Store { .. } => Some(Kind::Store),
            Command::Arithmetic { .. } => Some(Kind::Arithmetic),
            Command::Meta(orders) => Some(match orders[0].verb {
                Verb::Get => Kind::Read,
                Verb::Set => Kind::Store,
                Verb::Arithmetic => Kind::Arithmetic,
                Verb::Barrier => Kind::Settling,
                Verb::Delete => return None,
            }),
            Command::Binary(frames) => match &frames[0] {
                frame if frame.reads() => Some(Kind::Read),
                frame if frame.stores() => Some(Kind::Store),
                frame => match frame.loud() {
                    INCREMENT | DECREMENT => Some(Kind::Arithmetic),
                    NOOP => Some(Kind::Settling),
                    _ => None,
                },
            },
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Action {
    // Input, before a request is read.
    /// Reads nothing for so long, or for ever.
    NotRead(Option<Duration>),
    /// Reads so many bytes of the request, then ends the connection.
    ReadOnly(usize, End),

    // Instead of carrying the request out.
    /// The request has no effect and no answer.
    Swallow,
    /// The request has no effect; this is the answer.
    Refuse(Vec<u8>),
    /// As `Refuse`, but the data block is taken for commands, as memcached does after a line
    /// that it could not read.
    RefuseAndRunBody(Vec<u8>),
    /// The request fails as memcached's allocation does: this is the answer, and the old item goes.
    RefuseAndRemove(Vec<u8>),
    /// The server dies before it carries the request out, and is back, empty, after so long.
    Restart(End, Duration),

    // Beside carrying it out.
    /// Answers although the request said `noreply`.
    AnswerNoreply,

    // The reply's content.
    Edit(Edit),
    /// The reply comes so many times, in one segment.
    Repeat(usize),
    /// These bytes come before the reply, in one segment with it.
    Before(Vec<u8>),
    /// These bytes come behind the reply, in one segment with it.
    Behind(Vec<u8>),
    /// No reply, although the request was carried out.
    Drop,

    // The reply's way.
    Delay(Duration),
    /// A segment ends after each of these bytes, and the next one goes out so much later.
    Split(Vec<usize>, Duration),
    /// So many bytes at a time, with a pause between.
    Pace(usize, Duration),
    /// So many bytes of the reply, but never all of it, then the end.
    Cut(usize, End),
    /// So many bytes of the reply, then silence.
    CutThenStall(usize),
    /// So many bytes of the reply, the rest when the next request comes, on whichever
    /// connection, and before that is answered.
    HoldAfter(usize),
    /// The reply comes behind that of the connection's next request.
    Overtaken,
    /// The reply goes out in one segment with that to the connection's next request.
    Joined,
    /// These bytes come after the reply, in a segment of their own.
    Later(Duration, Vec<u8>),
    /// The reply once more after a pause, so many times.
    RepeatLater(Duration, usize),
    /// These bytes behind the reply, again and again, until the client leaves or so many have
    /// gone.
    Flood(Vec<u8>, usize),
    /// The reply again and again, as `Flood`.
    FloodReply(usize),
    Close(End),
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub when: When,
    pub then: Vec<Action>,
    /// How often the rule still applies.
    pub times: usize,
}

impl Rule {
    pub fn once(when: When, then: Vec<Action>) -> Rule {
        Rule {
            when,
            then,
            times: 1,
        }
    }
}

/// The rules in force, asked in order.
#[derive(Default)]
pub struct Rules(Vec<Rule>);

impl Rules {
    pub fn add(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The actions of the first rule that applies now, which is thereby used once.
    pub fn take(&mut self, applies: impl Fn(&When) -> bool) -> Option<Vec<Action>> {
        let rule = self
            .0
            .iter_mut()
            .find(|rule| rule.times > 0 && applies(&rule.when))?;
        rule.times -= 1;
        Some(rule.then.clone())
    }
}
