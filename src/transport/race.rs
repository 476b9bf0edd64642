//! Which of a server's addresses is connected to when (RFC 8305, "happy eyeballs"): one after the
//! other with a short pause, so that an address where nobody answers costs that pause and not the
//! whole time; the first that connects wins. A function of its arguments: sockets and the clock are
//! the caller's.

use std::net::SocketAddr;
use std::time::Duration;

use crate::deadline::{Moment, earlier};

/// So many addresses of one server are tried, at most; all of them may be on their way at once.
pub const ADDRESSES_MAX: usize = 16;

/// The pause where nothing else is asked for and there is time enough.
pub const STAGGER_MAX: Duration = Duration::from_millis(50);

/// The addresses in the order in which they are tried: families alternate, beginning with the
/// family of the first, and within a family the order stays as it was.
pub fn order(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let like_first = |address: &&SocketAddr| address.is_ipv6() == first.is_ipv6();
    let mut same = addresses.iter().filter(like_first);
    let mut other = addresses.iter().filter(|address| !like_first(address));
    let mut ordered = Vec::with_capacity(addresses.len().min(ADDRESSES_MAX));
    loop {
        let before = ordered.len();
        ordered.extend(same.next());
        ordered.extend(other.next());
        if ordered.len() == before || ordered.len() >= ADDRESSES_MAX {
            ordered.truncate(ADDRESSES_MAX);
            return ordered;
        }
    }
}

/// The pause between two starts: the smaller of 50 ms and an equal share of the time there is, so
/// that the last address still has a share to itself.
pub fn stagger(addresses: usize, time: Option<Duration>) -> Duration {
    let shares = u32::try_from(addresses)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    time.map_or(STAGGER_MAX, |time| (time / shares).min(STAGGER_MAX))
}

/// How far one address is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Runner {
    Waiting,
    Running,
    /// To be tried again at that moment.
    Resting(Moment),
    Out,
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Begin to connect to this address, and tell how that went before the next step is asked for.
    Start(usize),
    /// Nothing, until one that runs is through or this moment has come (`None` never comes).
    Wait(Option<Moment>),
    /// All addresses have failed.
    Lost,
    /// The time is up.
    Late,
}

/// A race of addresses, by their numbers. It ends when one connects: then it is dropped.
pub struct Race {
    runners: Vec<Runner>,
    stagger: Duration,
    /// When the next address starts; `None`: at once.
    due: Option<Moment>,
    end: Option<Moment>,
}

impl Race {
    /// A race of the addresses 0 to `count`, all of it over at `end`.
    pub fn new(count: usize, stagger: Duration, end: Option<Moment>) -> Race {
        Race {
            runners: vec![Runner::Waiting; count.min(ADDRESSES_MAX)],
            stagger,
            due: None,
            end,
        }
    }

    /// What to do at the moment `now`; asked again until it is to wait.
    pub fn step(&mut self, now: Moment) -> Step {
        if self.runners.iter().all(|runner| *runner == Runner::Out) {
            return Step::Lost;
        }
        if self.end.is_some_and(|end| end <= now) {
            return Step::Late;
        }
        let rested = |runner: &Runner| matches!(runner, Runner::Resting(until) if *until <= now);
        if let Some(index) = self.runners.iter().position(rested) {
            self.runners[index] = Runner::Running;
            return Step::Start(index);
        }
        let next = self.runners.iter().position(|r| *r == Runner::Waiting);
        match next {
            Some(index) if self.due.is_none_or(|due| due <= now) => {
                self.runners[index] = Runner::Running;
                self.due = Some(now.after(self.stagger));
                Step::Start(index)
            }
            _ => Step::Wait(self.next_event(next.is_some())),
        }
    }

    fn next_event(&self, one_waits: bool) -> Option<Moment> {
        let resting = self.runners.iter().filter_map(|runner| match runner {
            Runner::Resting(until) => Some(*until),
            _ => None,
        });
        let start = self.due.filter(|_| one_waits);
        resting.fold(earlier(start, self.end), |first, until| {
            earlier(first, Some(until))
        })
    }

    /// The address failed: the next one starts at once.
    pub fn failed(&mut self, index: usize) {
        if let Some(runner) = self.runners.get_mut(index) {
            *runner = Runner::Out;
            self.due = None;
        }
    }

    /// The address cannot be connected to just now, and is to be tried again at `at`.
    pub fn rest(&mut self, index: usize, at: Moment) {
        if let Some(runner) = self.runners.get_mut(index) {
            *runner = Runner::Resting(at);
        }
    }
}
