//! Connections: bytes on their way, in both directions, in order.

use super::breach::Promise;
use super::clock::MS;
use super::descriptor::State;
use super::trace::{Shown, digest};
use super::world::{Event, World};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Fin,
    Reset,
    /// Nothing was acknowledged for too long.
    Unheard,
}

pub struct Connection {
    pub host: usize,
    /// The life of the host's process that it belongs to.
    pub life: u32,
    user_timeout: Option<u64>,
    // --- the client's end
    client_open: bool,
    received: Vec<u8>,
    read: usize,
    end: Option<End>,
    /// The error of the end was told: from now on there is none but that nothing can be sent.
    told: bool,
    // --- on the way
    /// Bytes that were sent and that the server's process has not read.
    pub unread: usize,
    last_arrival: u64,
    last_delivery: u64,
    /// Bytes wait for a network that swallows everything.
    held: bool,
    // --- the server's end
    pub server_open: bool,
    pub input: Vec<u8>,
    /// So many bytes of it its process has not read.
    pub fresh: usize,
    pub client_gone: bool,
    /// Nothing is answered any more.
    pub mute: bool,
}

impl Connection {
    pub fn new(host: usize, life: u32, user_timeout: Option<u64>) -> Connection {
        Connection {
            host,
            life,
            user_timeout,
            client_open: true,
            received: Vec::new(),
            read: 0,
            end: None,
            told: false,
            unread: 0,
            last_arrival: 0,
            last_delivery: 0,
            held: false,
            server_open: true,
            input: Vec::new(),
            fresh: 0,
            client_gone: false,
            mute: false,
        }
    }

    fn available(&self) -> usize {
        self.received.len() - self.read
    }

    pub fn readiness(&self, send_buffer: usize) -> i16 {
        let mut ready = 0;
        if self.available() > 0 || self.end.is_some() {
            ready |= libc::POLLIN;
        }
        if self.unread < send_buffer || self.end.is_some() {
            ready |= libc::POLLOUT;
        }
        if matches!(self.end, Some(End::Reset | End::Unheard)) {
            ready |= libc::POLLERR | libc::POLLHUP;
        }
        ready
    }

    /// The error that a call meets at the end.
    fn error(&mut self) -> Option<i32> {
        let errno = match self.end? {
            End::Fin => return None,
            _ if self.told => libc::EPIPE,
            End::Reset => libc::ECONNRESET,
            End::Unheard => libc::ETIMEDOUT,
        };
        self.told = true;
        Some(errno)
    }
}

type Done<T> = Result<T, i32>;

impl World {
    fn connection_of(&mut self, fd: i32) -> Done<usize> {
        match self.socket(fd)?.state {
            State::Connected(connection) => Ok(connection),
            State::Connecting { .. } => Err(libc::EAGAIN),
            State::Failed(errno) => Err(errno),
            State::Fresh => Err(libc::ENOTCONN),
        }
    }

    /// Send; how many bytes were taken.
    pub fn send(&mut self, fd: i32, bytes: &[u8], flags: i32) -> Done<usize> {
        if flags & libc::MSG_NOSIGNAL == 0 {
            let text = "a send that may raise SIGPIPE".to_string();
            self.breach(Promise::HostUnharmed, text);
        }
        let connection = self.connection_of(fd)?;
        let socket = self.socket(fd)?;
        let waits = !socket.nonblocking && flags & libc::MSG_DONTWAIT == 0;
        let limit = socket.send_limit;
        let most = self.send_buffer;
        let has_room = |world: &World| {
            let connection = &world.connections[connection];
            connection.unread < most || connection.end.is_some()
        };
        if waits {
            let until = limit.map(|limit| self.now + limit);
            self.wait(until, has_room);
        }
        let host = self.connections[connection].host;
        let latency = self.latency(host);
        let one = &mut self.connections[connection];
        if let Some(errno) = one.error() {
            return Err(errno);
        }
        let n = bytes.len().min(most.saturating_sub(one.unread));
        if n == 0 {
            return Err(libc::EAGAIN);
        }
        one.unread += n;
        let at = one.last_arrival.max(self.now + latency);
        one.last_arrival = at;
        let bytes = bytes[..n].to_vec();
        self.counts.sent += n as u64;
        let words = format_args!("{fd} {}", Shown(&bytes));
        self.trace
            .note(self.now, "send", fd as u64, digest(&bytes), words);
        self.at(at, Event::Arrive { connection, bytes });
        Ok(n)
    }

    /// Receive: at most so many bytes; none at the end.
    pub fn receive(&mut self, fd: i32, most: usize, flags: i32) -> Done<Vec<u8>> {
        let connection = self.connection_of(fd)?;
        let socket = self.socket(fd)?;
        let waits = !socket.nonblocking && flags & libc::MSG_DONTWAIT == 0;
        let limit = socket.receive_limit;
        let is_ready = |world: &World| {
            let connection = &world.connections[connection];
            connection.available() > 0 || connection.end.is_some()
        };
        if waits {
            if let Some(until) = self.interruption(limit) {
                if !self.wait(Some(until), is_ready) {
                    return Err(libc::EINTR);
                }
            }
            // The system is some milliseconds late with these.
            let late = self.random.below(8 * MS);
            let until = limit.map(|limit| self.now + limit + late);
            self.wait(until, is_ready);
        }
        let one = &mut self.connections[connection];
        let n = most.min(one.available());
        if n == 0 {
            return match one.error() {
                Some(errno) => Err(errno),
                None if one.end.is_some() => Ok(Vec::new()),
                None => Err(libc::EAGAIN),
            };
        }
        let bytes = one.received[one.read..one.read + n].to_vec();
        if flags & libc::MSG_PEEK == 0 {
            one.read += n;
            if one.read == one.received.len() {
                one.received.clear();
                one.read = 0;
            }
            self.received += n as u64;
            let words = format_args!("{fd} {}", Shown(&bytes));
            self.trace
                .note(self.now, "receive", fd as u64, digest(&bytes), words);
        }
        Ok(bytes)
    }

    /// The client has closed its end.
    pub fn closed_by_client(&mut self, connection: usize) {
        let one = &mut self.connections[connection];
        one.client_open = false;
        let (host, last) = (one.host, one.last_arrival);
        let at = last.max(self.now + self.latency(host));
        self.at(at, Event::Gone { connection });
    }

    // --- what happens on the way

    /// Whether what is on the way has to wait for the network.
    fn is_held(&mut self, host: usize, event: Event) -> Option<Event> {
        if self.hosts[host].holes == 0 {
            return Some(event);
        }
        self.hosts[host].held.push(event);
        None
    }

    pub fn arrive(&mut self, connection: usize, bytes: Vec<u8>) {
        let one = &mut self.connections[connection];
        let (host, user_timeout) = (one.host, one.user_timeout);
        let Some(Event::Arrive { bytes, .. }) =
            self.is_held(host, Event::Arrive { connection, bytes })
        else {
            self.connections[connection].held = true;
            if let Some(limit) = user_timeout {
                let seen = u64::from(self.hosts[host].healed);
                let at = self.now + limit;
                self.at(at, Event::Unacknowledged { connection, seen });
            }
            return;
        };
        let one = &mut self.connections[connection];
        one.held = false;
        if !one.server_open {
            // Whoever sends to what is closed is told so.
            self.end_for_client(connection, End::Reset);
            return;
        }
        one.input.extend_from_slice(&bytes);
        one.fresh += bytes.len();
        self.serve(connection);
    }

    pub fn unacknowledged(&mut self, connection: usize, seen: u64) {
        let one = &self.connections[connection];
        let host = &self.hosts[one.host];
        if host.holes > 0 && u64::from(host.healed) == seen && one.held {
            self.ended(connection, End::Unheard);
        }
    }

    pub fn gone(&mut self, connection: usize) {
        let host = self.connections[connection].host;
        if self.is_held(host, Event::Gone { connection }).is_none() {
            return;
        }
        self.connections[connection].client_gone = true;
        self.serve(connection);
    }

    /// The server's end sends bytes, after a while, not before what it sent before.
    pub fn deliver_at(&mut self, connection: usize, at: u64, bytes: Vec<u8>) {
        let one = &mut self.connections[connection];
        let at = one.last_delivery.max(at);
        one.last_delivery = at;
        self.at(at, Event::Deliver { connection, bytes });
    }

    /// The server's end is closed: told behind what was sent.
    pub fn end_for_client(&mut self, connection: usize, end: End) {
        let host = self.connections[connection].host;
        let latency = self.latency(host);
        let one = &mut self.connections[connection];
        one.server_open = false;
        let at = one.last_delivery.max(self.now + latency);
        one.last_delivery = at;
        self.at(at, Event::Ended { connection, end });
    }

    pub fn deliver(&mut self, connection: usize, bytes: Vec<u8>) {
        let host = self.connections[connection].host;
        let Some(Event::Deliver { bytes, .. }) =
            self.is_held(host, Event::Deliver { connection, bytes })
        else {
            return;
        };
        let one = &mut self.connections[connection];
        if one.client_open && one.end.is_none() {
            one.received.extend_from_slice(&bytes);
        }
    }

    pub fn ended(&mut self, connection: usize, end: End) {
        let host = self.connections[connection].host;
        if end != End::Unheard
            && self
                .is_held(host, Event::Ended { connection, end })
                .is_none()
        {
            return;
        }
        let one = &mut self.connections[connection];
        // A reset may follow a FIN.
        if one.client_open && matches!(one.end, None | Some(End::Fin)) {
            one.end = Some(end);
            let words = format_args!("connection {connection}: {end:?}");
            self.trace
                .note(self.now, "end", connection as u64, 0, words);
        }
    }
}
