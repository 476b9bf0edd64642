//! What goes wrong with servers, when, and for how long.

use super::clock::{MS, US};
use super::connection::End;
use super::random::Random;
use super::world::{Event, World};
use super::wrong::Wrong;

#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub host: usize,
    pub what: What,
    /// How long it lasts, in nanoseconds, where it does.
    pub lasts: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum What {
    /// The process is killed, and later started again with nothing stored.
    Kill,
    /// It is stopped: nothing is read or written, until it goes on.
    Stall,
    /// The network swallows everything, until it does not any more.
    Hole,
    /// New connections are refused.
    Refuse,
    /// New connections are turned away with a word.
    Crowd,
    /// Replies come byte by byte, with so long between them.
    Slow(u64),
    /// The next reply ends behind so many bytes, with its connection.
    Cut(usize, End),
    /// The next request is not read to its end, and its connection is reset.
    HangUp,
    /// The next reply comes so much later.
    Late(u64),
    /// The next reply is wrong.
    Wrong(Wrong),
    /// Connections on which nothing goes on are closed.
    CloseIdle,
}

/// How often each kind is chosen, of a sum.
const CHOICES: [(u64, usize); 11] = [
    (14, 0),
    (12, 1),
    (6, 2),
    (5, 3),
    (4, 4),
    (8, 5),
    (14, 6),
    (6, 7),
    (9, 8),
    (18, 9),
    (4, 10),
];

pub const NAMES: [&str; 11] = [
    "kill",
    "stall",
    "black hole",
    "refuse",
    "crowd",
    "slow",
    "cut",
    "hang up",
    "late",
    "wrong",
    "close idle",
];

impl What {
    pub fn number(&self) -> usize {
        match self {
            What::Kill => 0,
            What::Stall => 1,
            What::Hole => 2,
            What::Refuse => 3,
            What::Crowd => 4,
            What::Slow(_) => 5,
            What::Cut(..) => 6,
            What::HangUp => 7,
            What::Late(_) => 8,
            What::Wrong(_) => 9,
            What::CloseIdle => 10,
        }
    }
}

impl Fault {
    /// Any fault of one of so many hosts. `timeout`: of the client's commands.
    pub fn any(random: &mut Random, hosts: usize, timeout: u64) -> Fault {
        let sum = CHOICES.iter().map(|(weight, _)| weight).sum();
        let mut left = random.below(sum);
        let chosen = CHOICES
            .iter()
            .find(|(weight, _)| match left.checked_sub(*weight) {
                Some(rest) => {
                    left = rest;
                    false
                }
                None => true,
            });
        let near = [timeout / 4, timeout, timeout * 2, timeout * 5];
        let what = match chosen.map_or(0, |(_, number)| *number) {
            0 => What::Kill,
            1 => What::Stall,
            2 => What::Hole,
            3 => What::Refuse,
            4 => What::Crowd,
            5 => What::Slow(random.one_of(&[50 * US, MS, timeout / 20, timeout / 3])),
            6 => {
                let end = random.one_of(&[End::Fin, End::Reset]);
                What::Cut(random.one_of(&[0, 0, 1, 3, 8, 20, 24, 30, 60, 200]), end)
            }
            7 => What::HangUp,
            8 => What::Late(random.one_of(&near)),
            9 => What::Wrong(Wrong::any(random)),
            _ => What::CloseIdle,
        };
        Fault {
            host: random.below(hosts as u64) as usize,
            what,
            lasts: random.one_of(&near) + random.below(timeout / 2),
        }
    }
}

impl World {
    pub fn begin_fault(&mut self, fault: Fault) {
        let at = fault.host;
        self.counts.faults[fault.what.number()] += 1;
        let words = format_args!("{at}: {:?} for {} us", fault.what, fault.lasts / US);
        self.trace.note(
            self.now,
            "fault",
            at as u64,
            fault.what.number() as u64,
            words,
        );
        self.well_from(at, self.now);
        let host = &mut self.hosts[at];
        host.first_fault.get_or_insert(self.now);
        match fault.what {
            // It can only be killed while it lives.
            What::Kill if !host.up => return,
            What::Kill => self.kill(at),
            What::Stall => host.stalls += 1,
            What::Hole => host.holes += 1,
            What::Refuse => host.refusals += 1,
            What::Crowd => host.crowds += 1,
            What::Slow(each) => host.slow = Some(each),
            What::Cut(most, end) => return host.cut = Some((most, end)),
            What::HangUp => return host.hang_up = true,
            What::Late(by) => return host.late = Some(by),
            What::Wrong(wrong) => return host.wrong = Some(wrong),
            What::CloseIdle => return self.close_idle(at),
        }
        let over = Event::Over { host: at, fault };
        self.at(self.now + fault.lasts, over);
    }

    pub fn end_fault(&mut self, at: usize, fault: Fault) {
        let words = format_args!("{at}: {:?}", fault.what);
        self.trace.note(
            self.now,
            "over",
            at as u64,
            fault.what.number() as u64,
            words,
        );
        let host = &mut self.hosts[at];
        match fault.what {
            What::Kill => host.up = true,
            What::Stall => {
                host.stalls -= 1;
                if host.stalls == 0 {
                    self.serve_all(at);
                }
            }
            What::Hole => {
                host.holes -= 1;
                host.healed += 1;
                if host.holes == 0 {
                    // Sent again, each behind the other.
                    for held in std::mem::take(&mut host.held) {
                        self.at(self.now + MS, held);
                    }
                }
            }
            What::Refuse => host.refusals -= 1,
            What::Crowd => host.crowds -= 1,
            What::Slow(_) => host.slow = None,
            _ => {}
        }
        self.well_from(at, self.now);
    }

    /// Take back what still waits for a reply.
    pub fn disarm(&mut self) {
        for host in &mut self.hosts {
            (host.cut, host.wrong, host.late, host.hang_up) = (None, None, None, false);
            host.well_since = host.well_since.max(self.now);
        }
    }
}
