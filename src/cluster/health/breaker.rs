//! The default: a breaker. It opens after some failures in a row; then one call at a time tries the
//! server, with a pause behind each, and the first answer closes it. Pauses do not grow, so that a server
//! that is back is used at once; each is longer by a random part, so that clients do not come together.

use std::time::Duration;

use super::rule::Admission;
use crate::deadline::Moment;

/// What pauses are longer by: up to this part.
const JITTER: u32 = 6;

/// A right to try that says of no end lasts for so long.
const RIGHT_MAX: Duration = Duration::from_secs(1);

pub struct Breaker {
    failures: u32,
    pause: Duration,
    random: u64,
    open: Option<Open>,
    /// Of the last right to try.
    number: u64,
}

struct Open {
    /// From when on it may be tried.
    due: Moment,
    /// Who tries, and until when others wait for that.
    probe: Option<(u64, Moment)>,
}

impl Breaker {
    pub fn new(failures: u32, pause: Duration, seed: u64) -> Breaker {
        Breaker {
            failures,
            pause,
            random: seed,
            open: None,
            number: 0,
        }
    }

    pub fn admit(&mut self, now: Moment, until: Option<Moment>) -> Admission {
        let Some(open) = &self.open else {
            return Admission::Go;
        };
        match open.probe {
            // Who has it may be gone for good: a loop that is not processed any more.
            Some((_, end)) if now < end => return Admission::Refuse(None),
            None if now < open.due => return Admission::Refuse(Some(open.due)),
            _ => {}
        }
        self.number += 1;
        let most = now.after(RIGHT_MAX);
        // Should nothing be heard of it, the next one may try as if it had failed at once.
        self.open = Some(Open {
            due: self.after_pause(now),
            probe: Some((self.number, until.map_or(most, |until| until.min(most)))),
        });
        Admission::Probe(self.number)
    }

    pub fn answered(&mut self) {
        self.open = None;
    }

    /// `failures`: how many there were in a row, with this one.
    pub fn failed(&mut self, failures: u32, probe: Option<u64>, now: Moment) {
        let again = match &self.open {
            None => failures >= self.failures,
            Some(open) => probe.is_some() && open.probe.map(|(number, _)| number) == probe,
        };
        if again {
            self.open = Some(Open {
                due: self.after_pause(now),
                probe: None,
            });
        }
    }

    /// Who tried has ended without having found out.
    pub fn let_go(&mut self, number: u64) {
        if let Some(open) = &mut self.open {
            open.probe = open.probe.filter(|(other, _)| *other != number);
        }
    }

    /// Until when calls are refused.
    pub fn closed_until(&self) -> Option<Moment> {
        let open = self.open.as_ref()?;
        Some(open.probe.map_or(open.due, |(_, end)| end))
    }

    pub fn is_trying(&self, now: Moment) -> bool {
        let is = |open: &Open| open.probe.is_some() || open.due <= now;
        self.open.as_ref().is_none_or(is)
    }

    /// When the next call may try; `None`: one tries.
    pub fn due(&self, now: Moment) -> Option<Moment> {
        match &self.open {
            None => Some(now),
            Some(open) => open.probe.is_none().then_some(open.due),
        }
    }

    fn after_pause(&mut self, now: Moment) -> Moment {
        let most = self.pause / JITTER;
        let part = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let more = match part {
            0 => 0,
            part => self.next_random() % part,
        };
        now.after(self.pause).after(Duration::from_nanos(more))
    }

    /// SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.random;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}
