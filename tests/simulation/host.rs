//! Servers: a process that serves, is stopped, killed and started again, and the network before it.

use std::time::Instant;

use super::breach::Promise;
use super::clock::{SECOND, US};
use super::connection::{Connection, End};
use super::descriptor::State;
use super::faults::store::Store;
use super::world::{Event, World};
use super::wrong::Wrong;

pub struct Host {
    pub store: Store,
    /// Its process runs.
    pub up: bool,
    /// Counts its processes.
    pub life: u32,
    /// How many faults have stopped it.
    pub stalls: u32,
    /// How many faults let the network before it swallow everything.
    pub holes: u32,
    /// How often that has ended.
    pub healed: u32,
    /// What was swallowed: it is sent again when that has ended.
    pub held: Vec<Event>,
    /// How many faults let it refuse new connections.
    pub refusals: u32,
    /// How many faults let it turn them away with a word.
    pub crowds: u32,
    /// How long each byte of a reply takes.
    pub slow: Option<u64>,
    /// What becomes of the next reply.
    pub cut: Option<(usize, End)>,
    pub wrong: Option<Wrong>,
    pub late: Option<u64>,
    /// The next request is not read to its end, and its connection is reset.
    pub hang_up: bool,
    /// When it was last well again.
    pub well_since: u64,
    /// When something was wrong with it for the first time.
    pub first_fault: Option<u64>,
    /// When connecting to it failed, since it was connected to last.
    pub attempts: Vec<u64>,
    /// How long a byte is on its way, at least, and how much longer it may be.
    pub distance: (u64, u64),
    /// What it tells when it is asked for its version.
    pub is_old: bool,
}

impl Host {
    pub fn new(distance: (u64, u64), is_old: bool) -> Host {
        Host {
            store: Store::default(),
            up: true,
            life: 0,
            stalls: 0,
            holes: 0,
            healed: 0,
            held: Vec::new(),
            refusals: 0,
            crowds: 0,
            slow: None,
            cut: None,
            wrong: None,
            late: None,
            hang_up: false,
            well_since: 0,
            first_fault: None,
            attempts: Vec::new(),
            distance,
            is_old,
        }
    }

    /// Nothing is wrong with it at the moment, and no fault waits for its next reply.
    pub fn is_well(&self) -> bool {
        self.up
            && self.stalls + self.holes + self.refusals + self.crowds == 0
            && self.slow.is_none()
            && self.cut.is_none()
            && self.wrong.is_none()
            && self.late.is_none()
            && !self.hang_up
    }
}

/// Three that fail open the breaker, one may be under way by the other driver then, and after that there is
/// one each 205 ms.
const ATTEMPTS_MAX: usize = 8;

impl World {
    /// How long the next bytes to or from a host are on their way.
    pub fn latency(&mut self, host: usize) -> u64 {
        let (least, more) = self.hosts[host].distance;
        least + self.random.below(more.max(1))
    }

    /// What connecting to a host comes to: an error number, or 0.
    pub fn listening(&self, host: usize) -> i32 {
        let host = &self.hosts[host];
        match host.up && host.refusals == 0 {
            true => 0,
            false => libc::ECONNREFUSED,
        }
    }

    pub fn connect_arrives(&mut self, fd: i32, serial: u64) {
        let Some(host) = self.connecting(fd, serial) else {
            return;
        };
        if self.hosts[host].holes > 0 {
            self.failed_attempt(host);
            let again = Event::Connect { fd, serial };
            self.hosts[host].held.push(again);
            return;
        }
        let errno = self.listening(host);
        let at = self.now + self.latency(host);
        self.at(at, Event::Connected { fd, serial, errno });
    }

    /// The host that this very socket is connecting to.
    fn connecting(&mut self, fd: i32, serial: u64) -> Option<usize> {
        match self.descriptor(fd)? {
            super::descriptor::Descriptor::Socket(socket) if socket.serial == serial => {
                match socket.state {
                    State::Connecting { host } => Some(host),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub fn connected(&mut self, fd: i32, serial: u64, errno: i32) {
        let Some(host) = self.connecting(fd, serial) else {
            return;
        };
        let connection = self.connections.len();
        let life = self.hosts[host].life;
        let now = self.now;
        let Ok(socket) = self.socket(fd) else {
            return;
        };
        if errno != 0 {
            socket.state = State::Failed(errno);
            self.failed_attempt(host);
            self.trace.note(
                now,
                "refused",
                fd as u64,
                host as u64,
                format_args!("{fd}: {errno}"),
            );
            return;
        }
        socket.state = State::Connected(connection);
        let made = Connection::new(host, life, socket.user_timeout);
        self.connections.push(made);
        self.hosts[host].attempts.clear();
        let words = format_args!("{fd}: connection {connection} to {host}");
        self.trace
            .note(now, "connected", fd as u64, host as u64, words);
        if !self.hosts[host].up {
            // It died behind the handshake.
            self.end_for_client(connection, End::Reset);
        } else if self.hosts[host].crowds > 0 {
            let text = b"ERROR Too many open connections\r\n".to_vec();
            let at = self.now + self.latency(host);
            self.deliver_at(connection, at, text);
            let end = self.random.one_of(&[End::Fin, End::Reset]);
            self.end_for_client(connection, end);
        }
    }

    /// Connecting has failed, or nothing is heard of it: a breaker lets few such attempts through, whatever
    /// the drivers ask.
    fn failed_attempt(&mut self, at: usize) {
        let now = self.now;
        let attempts = &mut self.hosts[at].attempts;
        attempts.push(now);
        let before = attempts.len().checked_sub(ATTEMPTS_MAX + 1);
        let too_many = before.is_some_and(|before| now - attempts[before] < SECOND);
        if too_many {
            let text = format!("host {at}: more than {ATTEMPTS_MAX} attempts in a second, in vain");
            self.breach(Promise::BackInService, text);
        }
    }

    /// The process ends: its connections too, what it stored is gone.
    pub fn kill(&mut self, host: usize) {
        self.hosts[host].up = false;
        self.hosts[host].life += 1;
        self.hosts[host].store = Store::default();
        for connection in 0..self.connections.len() {
            let one = &self.connections[connection];
            if one.host == host && one.server_open {
                let end = match one.input.is_empty() {
                    true => self.random.one_of(&[End::Fin, End::Reset]),
                    false => End::Reset,
                };
                self.connections[connection].input.clear();
                self.end_for_client(connection, end);
            }
        }
    }

    /// Close connections on which nothing is going on, as a server does with idle ones.
    pub fn close_idle(&mut self, host: usize) {
        for connection in 0..self.connections.len() {
            let one = &self.connections[connection];
            if one.host == host && one.server_open && one.unread == 0 {
                self.end_for_client(connection, End::Fin);
            }
        }
    }

    /// Read what has come over its connections, now that it runs again.
    pub fn serve_all(&mut self, host: usize) {
        for connection in 0..self.connections.len() {
            if self.connections[connection].host == host {
                self.serve(connection);
            }
        }
    }

    /// A reply leaves, in some pieces; `whole`: in one.
    pub fn reply(&mut self, connection: usize, mut bytes: Vec<u8>, whole: bool) {
        let at = self.connections[connection].host;
        let host = &mut self.hosts[at];
        let slow = host.slow;
        let late = host.late.take().unwrap_or(0);
        let cut = host.cut.take();
        let is_wrong = slow.is_some() || late > 0 || cut.is_some();
        if let Some((most, _)) = cut {
            bytes.truncate(most.min(bytes.len().saturating_sub(1)));
        }
        let pieces = match (slow, whole) {
            (Some(_), false) => bytes.len().min(48),
            (_, false) => self.random.one_of(&[1, 1, 1, 2, 3]),
            (_, true) => 1,
        };
        let work = self.random.between(5 * US, 60 * US);
        let mut when = self.now + work + late + self.latency(at);
        let mut rest = bytes.as_slice();
        for left in (1..=pieces as u64).rev() {
            if rest.is_empty() {
                break;
            }
            let n = match (left, slow) {
                (1, _) => rest.len(),
                (_, Some(_)) => 1,
                _ => self.random.between(1, rest.len() as u64) as usize,
            };
            let (piece, others) = rest.split_at(n);
            self.deliver_at(connection, when, piece.to_vec());
            rest = others;
            when += slow.unwrap_or_else(|| self.random.below(300 * US));
        }
        if is_wrong {
            self.well_from(at, when);
        }
        if let Some((_, end)) = cut {
            self.end_for_client(connection, end);
        }
    }

    /// What was wrong with a host is over at that moment at the latest.
    pub fn well_from(&mut self, at: usize, when: u64) {
        let host = &mut self.hosts[at];
        host.well_since = host.well_since.max(when);
    }

    /// The world's time as the store of a server has it.
    pub fn instant(&self) -> Instant {
        Instant::now()
    }
}
