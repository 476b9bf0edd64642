//! The descriptors of the world's process, and the calls on them. An error is the system's number.

use std::collections::BTreeMap;

use super::breach::Promise;
use super::clock::{MS, US};
use super::world::{Event, World};

/// Descriptors of the world are at least this: none of the system's is.
pub const FIRST: i32 = 1 << 20;

pub enum Descriptor {
    Socket(Socket),
    /// What is waited for, by descriptor: the events, and the number by which they are told.
    Set(BTreeMap<i32, (u32, u64)>),
    /// An eventfd.
    Counter(u64),
}

pub struct Socket {
    pub serial: u64,
    pub is_unix: bool,
    pub nonblocking: bool,
    pub receive_limit: Option<u64>,
    pub send_limit: Option<u64>,
    pub user_timeout: Option<u64>,
    pub state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Fresh,
    Connecting { host: usize },
    Failed(i32),
    Connected(usize),
}

type Done<T> = Result<T, i32>;

impl World {
    /// A new descriptor: the lowest number that is free, as the system has it.
    pub fn open(&mut self, made: Descriptor) -> i32 {
        let at = match self.descriptors.iter().position(Option::is_none) {
            Some(at) => at,
            None => {
                self.descriptors.push(None);
                self.descriptors.len() - 1
            }
        };
        self.descriptors[at] = Some(made);
        FIRST + at as i32
    }

    pub fn descriptor(&mut self, fd: i32) -> Option<&mut Descriptor> {
        self.descriptors.get_mut((fd - FIRST) as usize)?.as_mut()
    }

    pub fn socket(&mut self, fd: i32) -> Done<&mut Socket> {
        if self.descriptor(fd).is_none() {
            let text = format!("a call on descriptor {fd}, which is closed");
            self.breach(Promise::HostUnharmed, text);
        }
        match self.descriptor(fd) {
            Some(Descriptor::Socket(socket)) => Ok(socket),
            Some(_) => Err(libc::ENOTSOCK),
            None => Err(libc::EBADF),
        }
    }

    pub fn new_socket(&mut self, is_unix: bool, kind: i32) -> i32 {
        if kind & libc::SOCK_CLOEXEC == 0 {
            let text = "a socket that programs inherit".to_string();
            self.breach(Promise::HostUnharmed, text);
        }
        self.open(Descriptor::Socket(Socket {
            serial: self.calls,
            is_unix,
            nonblocking: kind & libc::SOCK_NONBLOCK != 0,
            receive_limit: None,
            send_limit: None,
            user_timeout: None,
            state: State::Fresh,
        }))
    }

    pub fn close(&mut self, fd: i32) -> Done<()> {
        let place = self.descriptors.get_mut((fd - FIRST) as usize);
        let Some(closed) = place.and_then(Option::take) else {
            let text = format!("descriptor {fd} is closed twice");
            self.breach(Promise::HostUnharmed, text);
            return Err(libc::EBADF);
        };
        for other in self.descriptors.iter_mut().flatten() {
            if let Descriptor::Set(waiting) = other {
                waiting.remove(&fd);
            }
        }
        if let Descriptor::Socket(socket) = closed {
            self.trace
                .note(self.now, "close", fd as u64, 0, format_args!("{fd}"));
            if let State::Connected(connection) = socket.state {
                self.closed_by_client(connection);
            }
        }
        Ok(())
    }

    /// Begin to connect.
    pub fn connect(&mut self, fd: i32, host: Option<usize>) -> Done<()> {
        let Some(host) = host.filter(|host| *host < self.hosts.len()) else {
            return Err(libc::ENETUNREACH);
        };
        let now = self.now;
        let socket = self.socket(fd)?;
        let (serial, is_unix) = (socket.serial, socket.is_unix);
        socket.state = State::Connecting { host };
        self.counts.connects += 1;
        self.trace.note(
            now,
            "connect",
            fd as u64,
            host as u64,
            format_args!("{fd} to {host}"),
        );
        if !is_unix {
            let latency = self.latency(host);
            self.at(now + latency, Event::Connect { fd, serial });
            return Err(libc::EINPROGRESS);
        }
        let errno = self.listening(host);
        self.connected(fd, serial, errno);
        match errno {
            0 => Ok(()),
            errno => Err(errno),
        }
    }

    /// The error of a socket, which is told once.
    pub fn take_error(&mut self, fd: i32) -> Done<i32> {
        let socket = self.socket(fd)?;
        Ok(match socket.state {
            State::Failed(errno) => {
                socket.state = State::Fresh;
                errno
            }
            _ => 0,
        })
    }

    /// Which events a descriptor is ready for.
    pub fn readiness(&self, fd: i32) -> i16 {
        let place = self.descriptors.get((fd - FIRST) as usize);
        match place.and_then(Option::as_ref) {
            None => libc::POLLNVAL,
            Some(Descriptor::Counter(count)) => {
                libc::POLLOUT | if *count > 0 { libc::POLLIN } else { 0 }
            }
            Some(Descriptor::Set(waiting)) => {
                let ready = |(fd, (events, _)): (&i32, &(u32, u64))| {
                    let events = *events as i16 | libc::POLLERR | libc::POLLHUP;
                    self.readiness(*fd) & events != 0
                };
                if waiting.iter().any(ready) {
                    libc::POLLIN
                } else {
                    0
                }
            }
            Some(Descriptor::Socket(socket)) => match socket.state {
                State::Fresh => libc::POLLOUT | libc::POLLHUP,
                State::Connecting { .. } => 0,
                State::Failed(_) => libc::POLLOUT | libc::POLLERR | libc::POLLHUP,
                State::Connected(connection) => {
                    self.connections[connection].readiness(self.send_buffer)
                }
            },
        }
    }

    /// The numbers by which a set tells what is ready, at most `most` of them.
    pub fn ready_of_set(&self, fd: i32, most: usize) -> Done<Vec<(u32, u64)>> {
        let place = self.descriptors.get((fd - FIRST) as usize);
        let Some(Some(Descriptor::Set(waiting))) = place else {
            return Err(libc::EBADF);
        };
        let told = waiting.iter().filter_map(|(fd, (events, key))| {
            let events = *events as i16 | libc::POLLERR | libc::POLLHUP;
            let ready = self.readiness(*fd) & events;
            (ready != 0).then_some((ready as u32, *key))
        });
        Ok(told.take(most).collect())
    }

    /// Wait until one of these is ready for its events; the events of each.
    pub fn poll(&mut self, asked: &[(i32, i16)], limit: Option<u64>) -> Done<Vec<i16>> {
        let always = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
        let ready = |world: &World, (fd, events): &(i32, i16)| match *fd {
            ..0 => 0,
            fd => world.readiness(fd) & (events | always),
        };
        let any = |world: &World| asked.iter().any(|one| ready(world, one) != 0);
        if let Some(until) = self.interruption(limit) {
            if !self.wait(Some(until), any) {
                self.trace
                    .note(self.now, "poll", 0, 0, format_args!("interrupted"));
                return Err(libc::EINTR);
            }
        }
        let until = limit.map(|limit| self.now.saturating_add(limit));
        if !self.wait(until, any) && until.is_none() {
            // Nothing will ever happen: that was noted, and whoever waits is to go on.
            return Err(libc::EINVAL);
        }
        let ready: Vec<i16> = asked.iter().map(|one| ready(self, one)).collect();
        let n = ready.iter().filter(|ready| **ready != 0).count();
        self.trace
            .note(self.now, "poll", n as u64, 0, format_args!("{n} ready"));
        Ok(ready)
    }

    /// When a signal interrupts a call that waits for so long, if one does.
    pub fn interruption(&mut self, limit: Option<u64>) -> Option<u64> {
        let likely = self.interrupted;
        if likely == 0 || limit == Some(0) || !self.random.percent(likely) {
            return None;
        }
        let most = limit.unwrap_or(100 * MS).max(1);
        Some(self.now + self.random.between(1, most.clamp(US, 20 * MS)).min(most))
    }
}
