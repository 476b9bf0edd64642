//! A world of its own for one thread: its time, what is going to happen, the descriptors of its process,
//! the connections, the servers. Nothing happens in it but by the calls of the thread and by what its seed
//! has decided.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::breach::{Breach, Promise};
use super::clock;
use super::connection::{Connection, End};
use super::descriptor::Descriptor;
use super::fault::Fault;
use super::host::Host;
use super::random::Random;
use super::record::Executed;
use super::trace::Trace;

/// Something that is going to happen.
pub enum Event {
    /// Bytes of the client's arrive at the server.
    Arrive {
        connection: usize,
        bytes: Vec<u8>,
    },
    /// The client has closed a connection.
    Gone {
        connection: usize,
    },
    /// Bytes of the server's arrive at the client.
    Deliver {
        connection: usize,
        bytes: Vec<u8>,
    },
    /// The server's end has closed it.
    Ended {
        connection: usize,
        end: End,
    },
    /// An attempt to connect reaches the server. `serial`: of the socket, whose number may be another's.
    Connect {
        fd: i32,
        serial: u64,
    },
    /// The answer to it: an error number, or 0.
    Connected {
        fd: i32,
        serial: u64,
        errno: i32,
    },
    /// Bytes that nobody acknowledged for so long.
    Unacknowledged {
        connection: usize,
        seen: u64,
    },
    Begin(Fault),
    /// A fault of a host is over.
    Over {
        host: usize,
        fault: Fault,
    },
}

struct Due {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.order == other.order
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

pub struct World {
    pub now: u64,
    pub random: Random,
    due: BinaryHeap<Reverse<Due>>,
    order: u64,
    pub descriptors: Vec<Option<Descriptor>>,
    pub connections: Vec<Connection>,
    pub hosts: Vec<Host>,
    pub trace: Trace,
    pub executed: Vec<Executed>,
    pub breaches: Vec<Breach>,
    /// System calls so far.
    pub calls: u64,
    /// Bytes that the client has received.
    pub received: u64,
    /// How many bytes of a connection may be on their way to a server.
    pub send_buffer: usize,
    /// So often in a hundred a call that waits is interrupted.
    pub interrupted: u64,
    /// A surplus reply is seen also where nothing pairs replies with commands: each is waited for before the
    /// next command is sent.
    pub doubles_are_seen: bool,
    /// What happened, by name.
    pub counts: super::report::Counts,
}

/// A thread that makes so many calls in one schedule waits for nothing.
const CALLS_MAX: u64 = 300_000;

impl World {
    pub fn new(random: Random, hosts: Vec<Host>, with_text: bool) -> World {
        World {
            now: 0,
            random,
            due: BinaryHeap::new(),
            order: 0,
            descriptors: Vec::new(),
            connections: Vec::new(),
            hosts,
            trace: Trace::new(with_text),
            executed: Vec::new(),
            breaches: Vec::new(),
            calls: 0,
            received: 0,
            send_buffer: 64 * 1024,
            interrupted: 0,
            doubles_are_seen: false,
            counts: Default::default(),
        }
    }

    pub fn breach(&mut self, promise: Promise, text: String) {
        let words = format_args!("{promise:?}: {text}");
        self.trace.note(self.now, "BREACH", 0, 0, words);
        self.breaches.push(Breach { promise, text });
    }

    pub fn at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.due.push(Reverse(Due {
            at: at.max(self.now),
            order: self.order,
            event,
        }));
    }

    fn set_now(&mut self, now: u64) {
        self.now = self.now.max(now);
        clock::set(Some(self.now));
    }

    /// A system call begins: it takes a moment, in which something may happen.
    pub fn enter(&mut self) {
        self.calls += 1;
        if self.calls == CALLS_MAX {
            self.breach(Promise::BoundedTime, format!("{CALLS_MAX} system calls"));
        }
        let now = self.now
            + if self.calls > CALLS_MAX {
                clock::SECOND
            } else {
                400
            };
        self.pass(now);
    }

    /// Let everything happen that is due by `until`, and the time come to that.
    pub fn pass(&mut self, until: u64) {
        while self.step(Some(until)) {}
        self.set_now(until);
    }

    /// The next thing that is due by `until`; `false` where there is none.
    fn step(&mut self, until: Option<u64>) -> bool {
        let due = self.due.peek();
        if due.is_none_or(|Reverse(due)| until.is_some_and(|until| due.at > until)) {
            return false;
        }
        let Some(Reverse(due)) = self.due.pop() else {
            return false;
        };
        self.set_now(due.at);
        self.happen(due.event);
        true
    }

    /// Let time pass until something is so, or `until` has come. Whether it is so.
    pub fn wait(&mut self, until: Option<u64>, is_so: impl Fn(&World) -> bool) -> bool {
        loop {
            if is_so(self) {
                return true;
            }
            if !self.step(until) {
                if let Some(until) = until {
                    self.set_now(until);
                } else {
                    let text = "a call waits for what never happens";
                    self.breach(Promise::BoundedTime, text.into());
                }
                return is_so(self);
            }
        }
    }

    /// Let everything happen that is still going to.
    pub fn finish(&mut self) {
        while self.step(None) {}
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { connection, bytes } => self.arrive(connection, bytes),
            Event::Gone { connection } => self.gone(connection),
            Event::Deliver { connection, bytes } => self.deliver(connection, bytes),
            Event::Ended { connection, end } => self.ended(connection, end),
            Event::Connect { fd, serial } => self.connect_arrives(fd, serial),
            Event::Connected { fd, serial, errno } => self.connected(fd, serial, errno),
            Event::Unacknowledged { connection, seen } => self.unacknowledged(connection, seen),
            Event::Begin(fault) => self.begin_fault(fault),
            Event::Over { host, fault } => self.end_fault(host, fault),
        }
    }
}
