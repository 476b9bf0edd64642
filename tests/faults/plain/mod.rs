//! A plain client, careful but slow, whose care can be switched off piece by piece: the judge is
//! tested on it, and it shows that the matrix can be passed.

mod wire;

use std::time::Instant;

use wire::{Link, Said, Trouble, Try, trouble};

use super::outcome::{Answer, Ask, DEADLINE, Outcome, Setup, Subject, effect};

/// One piece of care left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The key of a value is not compared.
    KeyUnchecked,
    /// Connections are kept whatever lies unread in them.
    UnreadKept,
    /// Keys without a value are misses, even when an error line came.
    ErrorIsMiss,
    /// Whatever stands behind the data is taken for its end.
    LengthTrusted,
    /// An incr whose connection breaks is sent again.
    IncrRepeated,
    /// An end of the connection is a miss.
    EndIsMiss,
    /// Every read may take the whole time.
    DeadlinePerRead,
    /// A failed write was not applied, it says.
    NeverApplied,
    /// A connection is kept after a timeout.
    TimeoutKept,
    /// A panic goes through.
    Panics,
}

pub struct Plain {
    setup: Setup,
    mistake: Option<Mistake>,
    idle: Option<Link>,
    quiet_failed: u64,
}

impl Plain {
    pub fn new(setup: &Setup, mistake: Option<Mistake>) -> Plain {
        Plain {
            setup: setup.clone(),
            mistake,
            idle: None,
            quiet_failed: 0,
        }
    }

    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn attempt(&mut self, request: &[u8], keys: &[&str], again: bool) -> Try<Said> {
        let until = Instant::now() + DEADLINE;
        match self.exchange(request, keys, false, until) {
            Err(trouble) if trouble.lost && again => self.exchange(request, keys, false, until),
            said => said,
        }
    }

    fn read(&mut self, keys: &[&str]) -> Vec<Outcome> {
        let line = format!("get {}\r\n", keys.join(" "));
        let said = self.attempt(line.as_bytes(), keys, !self.makes(Mistake::EndIsMiss));
        let (values, error) = match said {
            Ok(Said::Values(values, error)) => (values, error),
            Err(trouble) if trouble.lost && self.makes(Mistake::EndIsMiss) => (Vec::new(), None),
            Ok(Said::Line(_)) => unreachable!("a get is answered with values"),
            Err(trouble) => return vec![failed(&trouble, 0); keys.len()],
        };
        let error = error.filter(|_| !self.makes(Mistake::ErrorIsMiss));
        let outcome = |key: &&str| match (values.iter().find(|(k, ..)| k == key.as_bytes()), &error)
        {
            // Of a reply to a single get nothing may be amiss.
            (Some(_), Some(line)) if keys.len() == 1 => failed(&trouble(0x0204, line.clone()), 0),
            (Some((key, data, flags)), _) => Outcome::Value(key.clone(), data.clone(), *flags),
            (None, None) => Outcome::Miss,
            (None, Some(line)) => failed(&trouble(0x0104, line.clone()), 0),
        };
        keys.iter().map(outcome).collect()
    }

    /// The outcome of a one-line reply that is no success.
    fn refused(&mut self, line: &str) -> Outcome {
        let effect = match line {
            "SERVER_ERROR object too large for cache"
            | "SERVER_ERROR out of memory storing object" => effect::REMOVED,
            _ if line.starts_with("SERVER_ERROR ")
                || line.starts_with("CLIENT_ERROR ")
                || line == "ERROR" =>
            {
                effect::NOT_APPLIED
            }
            _ => effect::UNKNOWN,
        };
        if !line.starts_with("SERVER_ERROR ") {
            self.idle = None;
        }
        Outcome::Failed {
            status: 0x0204,
            text: line.into(),
            effect: self.effect(effect),
        }
    }

    fn effect(&self, effect: u32) -> u32 {
        if self.makes(Mistake::NeverApplied) {
            effect::NOT_APPLIED
        } else {
            effect
        }
    }

    fn write(&mut self, key: &str, data: &[u8], flags: u32) -> Outcome {
        let request = set(key, data, flags);
        match self.attempt(&request, &[], true) {
            Ok(Said::Line(line)) if line == "STORED" => Outcome::Done,
            Ok(Said::Line(line)) => self.refused(&line),
            Ok(Said::Values(..)) => unreachable!("a set is answered with a line"),
            Err(trouble) => failed(&trouble, self.effect(effect::UNKNOWN)),
        }
    }

    fn count(&mut self, key: &str, delta: u64) -> Outcome {
        let line = format!("incr {key} {delta}\r\n");
        match self.attempt(line.as_bytes(), &[], self.makes(Mistake::IncrRepeated)) {
            Ok(Said::Line(line)) if line == "NOT_FOUND" => Outcome::Miss,
            Ok(Said::Line(line)) => match digits(&line) {
                Some(number) => Outcome::Number(number),
                None => self.refused(&line),
            },
            Ok(Said::Values(..)) => unreachable!("an incr is answered with a line"),
            Err(trouble) => failed(&trouble, self.effect(effect::UNKNOWN)),
        }
    }
}

impl Subject for Plain {
    fn ask(&mut self, ask: &Ask) -> Answer {
        let outcomes = match ask {
            Ask::Get(key) => self.read(&[key]),
            Ask::GetInto(key, room) => match self.read(&[key]).remove(0) {
                Outcome::Value(_, data, _) if data.len() > *room => {
                    vec![Outcome::Small(data.len())]
                }
                other => vec![other],
            },
            Ask::Mget(keys) => self.read(&keys.iter().map(String::as_str).collect::<Vec<_>>()),
            Ask::Set(key, data, flags) => vec![self.write(key, data, *flags)],
            Ask::QuietSet(key, data, flags) => {
                let until = Instant::now() + DEADLINE;
                match self.exchange(&set(key, data, *flags), &[], true, until) {
                    Ok(_) => vec![Outcome::Done],
                    Err(trouble) => vec![failed(&trouble, effect::UNKNOWN)],
                }
            }
            Ask::Incr(key, delta) => vec![self.count(key, *delta)],
        };
        assert!(
            !(self.makes(Mistake::Panics) && outcomes.iter().any(Outcome::failed)),
            "a client that panics"
        );
        let status = if outcomes.iter().any(Outcome::failed) {
            0x0708
        } else {
            0
        };
        Answer { status, outcomes }
    }

    fn close_idle(&mut self) {
        self.idle = None;
    }

    fn failed_quietly(&mut self) -> u64 {
        self.quiet_failed
    }
}

fn failed(trouble: &Trouble, effect: u32) -> Outcome {
    Outcome::Failed {
        status: trouble.status,
        text: trouble.text.clone(),
        effect,
    }
}

fn set(key: &str, data: &[u8], flags: u32) -> Vec<u8> {
    let head = format!("set {key} {flags} 0 {}\r\n", data.len());
    [head.as_bytes(), data, b"\r\n"].concat()
}

/// A number as the protocol writes it.
fn digits(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
