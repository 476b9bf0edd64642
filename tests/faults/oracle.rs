//! Joins what the client said with what the server knows.

use std::time::Duration;

use super::frame::{Command, Request};
use super::ledger::{Event, What};
use super::outcome::{Ask, Call, DEADLINE, Outcome, effect, status};
use super::reply;
use super::store::{Item, Store, Version};

/// A call may end so much later than its deadline.
pub const GRACE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A success that is not the server's truth.
    Wrong,
    /// "Not there" without the server having said so.
    FalseMiss,
    /// Later than the deadline allows.
    Overrun,
    /// A panic, or a call that never came back.
    Death,
    /// The fault did not take place, so the cell shows nothing.
    NotFired,
    /// One call changed the value twice.
    DoubleApply,
    /// What a failed write says of its effect is not true.
    Effect,
    /// A connection that cannot be trusted carried another request.
    Reused,
    /// Right or failed where the catalogue wants the other.
    Unexpected,
    /// A connection outlived its client.
    Leak,
}

#[derive(Clone, Debug)]
pub struct Objection {
    pub kind: Kind,
    pub text: String,
}

impl Objection {
    pub fn new(kind: Kind, text: impl Into<String>) -> Objection {
        Objection {
            kind,
            text: text.into(),
        }
    }
}

pub struct World<'a> {
    pub store: &'a Store,
    pub events: &'a [Event],
}

impl World<'_> {
    /// All that can be said against `call`, whatever fault it met.
    pub fn judge(&self, call: &Call) -> Vec<Objection> {
        let mut objections = Vec::new();
        let keys = call.ask.keys();
        if keys.len() != call.answer.outcomes.len() {
            let text = format!(
                "{} keys, {} outcomes",
                keys.len(),
                call.answer.outcomes.len()
            );
            return vec![Objection::new(Kind::Wrong, text)];
        }
        for (key, outcome) in keys.iter().zip(&call.answer.outcomes) {
            if let Some((kind, text)) = self.outcome(call, key, outcome) {
                objections.push(Objection::new(kind, format!("{key}: {text}")));
            }
            if let Some(text) = self.twice(call, key) {
                objections.push(Objection::new(Kind::DoubleApply, format!("{key}: {text}")));
            }
        }
        if call.took() > DEADLINE + GRACE {
            let text = format!("{:?} took {:?}", call.ask.keys(), call.took());
            objections.push(Objection::new(Kind::Overrun, text));
        }
        let failed = call.answer.outcomes.iter().any(Outcome::failed);
        if matches!(call.ask, Ask::Mget(_)) && (call.answer.status == 0) == failed {
            let text = format!(
                "the batch says {:#x}, its entries otherwise",
                call.answer.status
            );
            objections.push(Objection::new(Kind::Wrong, text));
        }
        objections
    }

    fn outcome(&self, call: &Call, key: &str, outcome: &Outcome) -> Option<(Kind, String)> {
        match (&call.ask, outcome) {
            (
                _,
                Outcome::Failed {
                    status: status::INTERNAL,
                    text,
                    ..
                },
            ) => Some((Kind::Death, text.clone())),
            (Ask::Get(_) | Ask::Mget(_), Outcome::Value(named, data, flags)) => {
                self.value(call, key, named, data, *flags)
            }
            (Ask::GetInto(..), Outcome::Small(needed)) => {
                let held = self.held(call, key);
                let right = held.iter().flatten().any(|item| item.data.len() == *needed);
                (!right).then(|| (Kind::Wrong, format!("no value of {needed} bytes was there")))
            }
            (Ask::Get(_) | Ask::GetInto(..) | Ask::Mget(_), Outcome::Miss) => self.miss(call, key),
            (Ask::Incr(..), Outcome::Miss) => self.miss(call, key),
            (Ask::Set(..), Outcome::Done) => {
                let stored = self.caused(call, key).any(|version| version.at <= call.end);
                (!stored).then(|| {
                    (
                        Kind::Wrong,
                        "stored, it says, but the server did not".into(),
                    )
                })
            }
            (Ask::Incr(..), Outcome::Number(number)) => self.number(call, key, *number),
            (Ask::Set(..) | Ask::Incr(..), Outcome::Failed { effect, .. }) => self
                .effect(call, key, *effect)
                .map(|text| (Kind::Effect, text)),
            // Its outcome is asked for later.
            (Ask::QuietSet(..), Outcome::Done | Outcome::Failed { .. }) => None,
            (_, Outcome::Failed { .. }) => None,
            (ask, outcome) => Some((Kind::Wrong, format!("{outcome:?} is no answer to {ask:?}"))),
        }
    }

    fn held(&self, call: &Call, key: &str) -> Vec<Option<Item>> {
        self.store.held(key.as_bytes(), call.start, call.end)
    }

    fn value(
        &self,
        call: &Call,
        key: &str,
        named: &[u8],
        data: &[u8],
        flags: u32,
    ) -> Option<(Kind, String)> {
        let held = self.held(call, key);
        let right = held
            .iter()
            .flatten()
            .any(|item| item.data == data && item.flags == flags);
        if right && named == key.as_bytes() {
            return None;
        }
        let got = super::value::describe(data);
        let named = String::from_utf8_lossy(named);
        Some((
            Kind::Wrong,
            format!("got {got} with flags {flags} under the name {named:?}"),
        ))
    }

    /// Whether "not there" was true, and was said by the server in a whole reply.
    fn miss(&self, call: &Call, key: &str) -> Option<(Kind, String)> {
        if !self.held(call, key).contains(&None) {
            return Some((Kind::FalseMiss, "the server had it all the time".into()));
        }
        let says_so = |(request, sent): &(&Request, Vec<u8>)| {
            reply::says_missing(request, key.as_bytes(), sent)
        };
        let said = self.replies(call, key).iter().any(says_so);
        (!said).then(|| {
            (
                Kind::FalseMiss,
                "no whole reply says that it is not there".into(),
            )
        })
    }

    /// What was sent in answer to each request that this call made for `key`.
    fn replies(&self, call: &Call, key: &str) -> Vec<(&Request, Vec<u8>)> {
        let mut replies = Vec::new();
        for (at, event) in self.events.iter().enumerate() {
            let What::Request(_, request) = &event.what else {
                continue;
            };
            let inside = call.start <= event.at && event.at <= call.end;
            if inside && request.keys().contains(&key.as_bytes()) {
                let mut sent = self.sent_after(at, event.connection);
                // As may that to a store of meta, before lines.
                if matches!(request.command, Command::Read { .. }) && sent.starts_with(b"HD O") {
                    let end = sent.iter().position(|byte| *byte == b'\n');
                    sent.drain(..end.map_or(0, |end| end + 1));
                }
                replies.push((&**request, sent));
            }
        }
        replies
    }

    /// What left on the connection from event `at` to its next request.
    fn sent_after(&self, at: usize, connection: u32) -> Vec<u8> {
        let behind = self.events[at + 1..]
            .iter()
            .filter(|event| event.connection == connection);
        let own = behind.take_while(|event| !matches!(event.what, What::Request(..)));
        let sent = own.filter_map(|event| match &event.what {
            What::Sent(bytes, _) => Some(bytes.as_slice()),
            _ => None,
        });
        let sent = sent.collect::<Vec<_>>().concat();
        // The answer to a quiet write may share the segment.
        sent.strip_prefix(b"STORED\r\n")
            .map(<[u8]>::to_vec)
            .unwrap_or(sent)
    }

    /// The changes that this call's requests made to `key`.
    fn caused<'a>(&'a self, call: &'a Call, key: &'a str) -> impl Iterator<Item = &'a Version> {
        let versions = self.store.versions(key.as_bytes()).iter();
        versions.filter(move |version| {
            version.cause != 0
                && version.at >= call.start
                && match (&call.ask, &version.item) {
                    (Ask::Set(_, data, flags), Some(item)) => {
                        item.data == *data && item.flags == *flags
                    }
                    (Ask::Incr(..), Some(_)) => true,
                    _ => false,
                }
        })
    }

    fn number(&self, call: &Call, key: &str, number: u64) -> Option<(Kind, String)> {
        let given: Vec<u64> = self
            .caused(call, key)
            .filter(|version| version.at <= call.end)
            .filter_map(|version| super::model::counter(&version.item.as_ref()?.data))
            .collect();
        (!given.contains(&number)).then(|| {
            (
                Kind::Wrong,
                format!("{number}; the server counted {given:?}"),
            )
        })
    }

    /// Keys are counted up by one call each: two changes are one too many.
    fn twice(&self, call: &Call, key: &str) -> Option<String> {
        let times = self.caused(call, key).count();
        (matches!(call.ask, Ask::Incr(..)) && times > 1)
            .then(|| format!("counted up {times} times"))
    }

    fn effect(&self, call: &Call, key: &str, said: u32) -> Option<String> {
        let applied = self.caused(call, key).next().is_some();
        let removed = self.store.versions(key.as_bytes()).iter().any(|version| {
            version.at >= call.start && version.cause != 0 && version.item.is_none()
        });
        match said {
            effect::NOT_APPLIED if applied => Some("not applied, it says, but it was".into()),
            effect::NOT_APPLIED if removed => {
                Some("not applied, it says, but the old value is gone".into())
            }
            effect::APPLIED if !applied => Some("applied, it says, but it was not".into()),
            effect::REMOVED if applied || !removed => {
                Some("removed, it says, but it was not".into())
            }
            effect::NOT_APPLIED | effect::APPLIED | effect::UNKNOWN | effect::REMOVED => None,
            other => Some(format!("a failed write has effect {other}")),
        }
    }
}
